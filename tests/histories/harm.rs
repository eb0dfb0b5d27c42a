//! Harm that comes to runs: killed or frozen, at a failpoint or at any moment, and the run that comes after.

use super::dice::Dice;

/// What happens to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Harm {
    pub(super) run: Run,
    pub(super) at: Moment,
    pub(super) how: How,
    /// The run behind a dead one; the one that takes over from a frozen one.
    pub(super) then: Run,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Run {
    Sync,
    Reindex,
    /// Goes on with what an unfinished load has left, if there is one.
    Resume,
    /// Rolls back, where there is a way back.
    Back,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// A failpoint, and which arrival at it.
    Point(&'static str, usize),
    /// So many milliseconds after its start.
    Time(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    Killed,
    /// For longer than its lease lives; it goes on when the run behind it has ended.
    Frozen,
}

impl Run {
    pub(super) const SYNC: [&'static str; 3] = ["sync", "thing", "--json"];
    pub(super) const REINDEX: [&'static str; 4] = ["reindex", "thing", "--allow-shrink", "--json"];

    /// The program's arguments.
    pub(super) fn words(self) -> &'static [&'static str] {
        match self {
            Self::Sync => &Self::SYNC,
            Self::Reindex => &Self::REINDEX,
            Self::Resume => &["reindex", "thing", "--allow-shrink", "--resume", "--json"],
            Self::Back => &["rollback", "thing"],
        }
    }
}

impl Harm {
    pub(super) fn of(dice: &mut Dice) -> Self {
        let run = match dice.below(100) {
            0..55 => Run::Sync,
            55..85 => Run::Reindex,
            _ => Run::Back,
        };
        let (points, then): (&[&'static str], &[Run]) = match run {
            Run::Sync => (
                &["after_read", "after_bulk", "before_advance"],
                &[Run::Sync, Run::Sync, Run::Sync, Run::Reindex],
            ),
            Run::Reindex | Run::Resume => (
                &["after_read", "after_bulk", "before_advance", "before_swap", "after_swap"],
                &[Run::Sync, Run::Reindex, Run::Resume, Run::Resume],
            ),
            Run::Back => (&["before_swap", "after_swap"], &[Run::Sync, Run::Sync, Run::Reindex]),
        };
        let point = dice.one_of(points);
        let arrivals: &[usize] = if point.ends_with("swap") { &[1] } else { &[1, 1, 2, 3] };
        let (arrival, millis) = (dice.one_of(arrivals), dice.within(0, 800));
        let at = match dice.chance(80) {
            true => Moment::Point(point, arrival),
            false => Moment::Time(millis),
        };
        let how = if dice.chance(60) { How::Killed } else { How::Frozen };
        Self { run, at, how, then: dice.one_of(then) }
    }

    /// Whether a frozen one has to find that it was shut out. Otherwise it may have had nothing left to do, or the other one may
    /// have been at another index.
    pub(super) fn must_give_way(self) -> bool {
        match (self.run, self.at) {
            (_, Moment::Time(_) | Moment::Point("after_swap", _)) => false,
            (Run::Reindex | Run::Resume, Moment::Point(..)) => self.then != Run::Sync,
            (Run::Sync | Run::Back, Moment::Point(..)) => true,
        }
    }
}
