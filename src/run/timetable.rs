//! What is due when: the planning, without a clock.
//!
//! Promises: pure. What becomes due while the last of its kind goes on, or while nobody looks, is due once; of what is due, that which waits
//! longest goes first. Times that a clock which was set back has yet to come to are due again.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use xxhash_rust::xxh3::xxh3_64;

use crate::times::{Kind, Times};

/// Something to be done again and again.
#[derive(Debug)]
pub struct Entry {
    /// The job's name.
    pub job: String,
    /// What is done.
    pub kind: Kind,
    /// When.
    pub times: Times,
}

/// Something that has to be done.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    /// Since when.
    pub at: Timestamp,
    /// The job's name.
    pub job: String,
    /// What is to be done.
    pub kind: Kind,
}

/// What is due when.
#[derive(Debug)]
pub struct Timetable {
    zone: TimeZone,
    lines: Vec<Line>,
    busy: BTreeSet<(String, Kind)>,
}

#[derive(Debug)]
struct Line {
    entry: Entry,
    /// How much later than its times it is due.
    delay: SignedDuration,
    /// When it is due next; `None` when no time is left.
    due: Option<Timestamp>,
}

impl Timetable {
    /// What is due behind `now`, by the clocks of `zone`.
    pub fn new(entries: Vec<Entry>, zone: TimeZone, now: Timestamp) -> Self {
        let line = |entry: Entry| Line { entry, delay: SignedDuration::ZERO, due: None };
        let mut lines: Vec<Line> = entries.into_iter().map(line).collect();
        for line in &mut lines {
            line.due = line.next(now, &zone);
        }
        Self { zone, lines, busy: BTreeSet::new() }
    }

    /// Has every job come later by a part of `most` that stays: it is drawn from the job's name and from `salt`, which tells
    /// installations apart.
    #[must_use]
    pub fn spread(mut self, most: Duration, salt: &str, now: Timestamp) -> Self {
        for line in &mut self.lines {
            let drawn = xxh3_64(format!("{salt}\n{}", line.entry.job).as_bytes());
            let most = u64::try_from(most.as_millis()).unwrap_or(u64::MAX);
            let delay = drawn.checked_rem(most).unwrap_or(0);
            line.delay = SignedDuration::from_millis(i64::try_from(delay).unwrap_or(0));
            line.due = line.next(now, &self.zone);
        }
        self
    }

    /// What is to begin at `now`, so that `at_a_time` are under way at most: the same is not begun again until it has
    /// [ended](Self::ended). Looks at everything, which take their time, leave room for one that keeps an index in step.
    pub fn take(&mut self, now: Timestamp, at_a_time: usize) -> Vec<Due> {
        for line in &mut self.lines {
            let next = line.next(now, &self.zone);
            line.due = line.due.into_iter().chain(next).min();
        }
        let mut due: Vec<Due> = self.planned().filter(|due| due.at <= now).collect();
        due.sort();
        let mut taken = Vec::new();
        for due in due {
            let what = (due.job.clone(), due.kind);
            if self.has_room(due.kind, at_a_time) && self.busy.insert(what) {
                taken.push(due);
            }
        }
        for line in &mut self.lines {
            let is_taken = |due: &Due| due.job == line.entry.job && due.kind == line.entry.kind;
            if taken.iter().any(is_taken) {
                line.due = line.next(now, &self.zone);
            }
        }
        taken
    }

    /// When the next thing is due that could begin then, with what is under way now.
    pub fn wake(&self, at_a_time: usize) -> Option<Timestamp> {
        let is_busy = |due: &Due| self.busy.contains(&(due.job.clone(), due.kind));
        let could = |due: &Due| !is_busy(due) && self.has_room(due.kind, at_a_time);
        self.planned().filter(could).map(|due| due.at).min()
    }

    fn has_room(&self, kind: Kind, at_a_time: usize) -> bool {
        let long = self.busy.iter().filter(|(_, kind)| *kind != Kind::Sync).count();
        let for_long = at_a_time.saturating_sub(1).max(1);
        self.busy.len() < at_a_time && (kind == Kind::Sync || long < for_long)
    }

    /// All that is to come, or waits already.
    pub fn planned(&self) -> impl Iterator<Item = Due> {
        self.lines.iter().filter_map(|Line { entry, due, .. }| {
            Some(Due { at: (*due)?, job: entry.job.clone(), kind: entry.kind })
        })
    }

    /// Says that this is under way no more.
    pub fn ended(&mut self, Due { job, kind, .. }: &Due) {
        self.busy.remove(&(job.clone(), *kind));
    }
}

impl Line {
    fn next(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let next = self.entry.times.next(after.checked_sub(self.delay).ok()?, zone)?;
        next.checked_add(self.delay).ok()
    }
}
