//! Looking for a faster way to send bulks, one small step at a time. Pure.
//!
//! Promises: begins with the largest bodies that the bounds allow; measures a step and what it started from in turns, so that
//! an engine that grows slower or faster by itself misleads nobody; takes a step only when it is clearly faster, twice over.
//! The more often nothing better was found, the longer it stays with what it has.

use super::{Bounds, Setting};
use crate::sink::bulk::body::{HEADROOM, with_headroom};

/// How much faster a step has to be to be taken, in hundredths.
const CLEARLY: u64 = 104;

/// Measurements before the next step is tried: at the start, and at the most.
const PAUSE: u32 = 4;
const LONGEST_PAUSE: u32 = 64;

/// Bodies are not made smaller than this part of the largest, nor are there more than so many times as many.
const SMALLEST_PART: usize = 4;

/// The ways to go, in the order in which they are tried.
const STEPS: [Step; 4] = [Step::More, Step::Fewer, Step::Smaller, Step::Larger];

#[derive(Debug, Clone, Copy)]
enum Step {
    More,
    Fewer,
    Smaller,
    Larger,
}

/// Where it stands, and what it tries.
#[derive(Debug)]
pub(super) struct Climb {
    bounds: Bounds,
    /// Most bytes of a body that the engine takes.
    taken: usize,
    best: Setting,
    trial: Option<Trial>,
    /// The next step to try, as a place in [`STEPS`], and how many of them were of no use in a row.
    next: usize,
    useless: usize,
    /// Measurements before each step, and how many of them are left.
    pause: u32,
    left: u32,
    /// What was measured with the best setting of late.
    usual: Option<u64>,
}

/// A step that is being tried.
#[derive(Debug)]
struct Trial {
    step: Setting,
    /// Measurements so far; what was measured without the step and with it.
    measured: usize,
    without: u64,
    with: u64,
}

impl Trial {
    /// Without, with, with, without, and all once more: a steady change of the engine falls on both alike.
    fn is_stepping(&self) -> bool {
        matches!(self.measured % 4, 1 | 2)
    }

    fn is_faster(&self) -> bool {
        self.with.saturating_mul(100) > self.without.saturating_mul(CLEARLY)
    }
}

impl Climb {
    pub(super) fn new(bounds: Bounds) -> Self {
        let best = Setting { in_flight: bounds.in_flight, bytes: bounds.bytes };
        Self {
            bounds,
            taken: bounds.bytes,
            best,
            trial: None,
            next: 0,
            useless: 0,
            pause: PAUSE,
            left: PAUSE,
            usual: None,
        }
    }

    /// What is to be measured next.
    pub(super) fn setting(&self) -> Setting {
        let stepping = self.trial.as_ref().filter(|trial| trial.is_stepping());
        stepping.map_or(self.best, |trial| trial.step)
    }

    /// The setting was measured: bytes per second, and whether it was the engine that was waited for.
    pub(super) fn measured(&mut self, rate: u64, pressed: bool) {
        let Some(trial) = &mut self.trial else { return self.rested(rate, pressed) };
        if trial.is_stepping() {
            // Pressed or not: that nobody has to wait any more may be what the step has brought.
            trial.with = trial.with.saturating_add(rate);
        } else if !pressed {
            // It was those who read that changed, which says nothing of the step.
            (self.trial, self.left) = (None, self.pause);
            return;
        } else {
            trial.without = trial.without.saturating_add(rate);
        }
        trial.measured += 1;
        let (over, faster) = (trial.measured, trial.is_faster());
        match over {
            8 if faster => self.take_step(),
            4 | 8 if !faster => self.give_up_trial(),
            _ => {}
        }
    }

    /// The step that is being tried is of no use.
    pub(super) fn give_up_trial(&mut self) {
        if self.trial.take().is_none() {
            return;
        }
        self.next += 1;
        self.useless += 1;
        if self.useless.is_multiple_of(STEPS.len()) {
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        }
        self.left = self.pause;
    }

    /// The engine does not take more than so many at a time.
    pub(super) fn lower(&mut self, in_flight: usize) {
        self.best.in_flight = self.best.in_flight.min(in_flight);
        self.restart();
    }

    /// The engine does not take bodies of more than so many bytes.
    pub(super) fn confine(&mut self, bytes: usize) {
        self.taken = self.taken.min(bytes);
        self.best.bytes = self.best.bytes.min(bytes);
        self.restart();
    }

    /// Most bytes under way.
    pub(super) fn budget(&self) -> usize {
        self.bounds.bytes.saturating_mul(self.bounds.in_flight)
    }

    /// Looks for a step to try when it is time.
    fn rested(&mut self, rate: u64, pressed: bool) {
        let usual = self.usual.unwrap_or(rate);
        // It has become another engine: what was of no use may be now.
        if rate < usual / 8 * 5 || rate > usual / 5 * 8 {
            self.restart();
            return;
        }
        self.usual = Some((usual.saturating_mul(4).saturating_add(rate)) / 5);
        // Those who read are slower than the engine: nothing can be seen of it.
        if !self.bounds.tuning || !pressed {
            return;
        }
        self.left = self.left.saturating_sub(1);
        if self.left > 0 {
            return;
        }
        for _ in STEPS {
            let step = STEPS.get(self.next % STEPS.len()).and_then(|&step| self.step(step));
            if let Some(step) = step {
                self.trial = Some(Trial { step, measured: 1, without: rate, with: 0 });
                return;
            }
            self.next += 1;
        }
        self.left = self.pause;
    }

    fn take_step(&mut self) {
        let Some(trial) = self.trial.take() else { return };
        let Setting { in_flight, bytes } = trial.step;
        tracing::info!(bulks = in_flight, bytes, "bulks go faster so");
        self.best = trial.step;
        self.restart();
        // Where it went uphill, it may go on.
        self.left = 1;
    }

    fn restart(&mut self) {
        (self.trial, self.usual, self.useless) = (None, None, 0);
        (self.pause, self.left) = (PAUSE, PAUSE);
    }

    /// Where that step leads; `None` when it leads nowhere.
    fn step(&self, step: Step) -> Option<Setting> {
        let Setting { in_flight, bytes } = self.best;
        let some = ((in_flight + 1) / 3).max(1);
        let to = match step {
            Step::More => {
                let most = self.bounds.in_flight.saturating_mul(SMALLEST_PART);
                let more = (in_flight + some).min(most);
                Setting { in_flight: more, bytes: bytes.min(self.fitting(more)) }
            }
            Step::Fewer => Setting { in_flight: in_flight.saturating_sub(some), bytes },
            Step::Smaller => Setting { in_flight, bytes: bytes / 4 * 3 },
            Step::Larger => {
                let larger = (bytes / 3 * 4).min(self.taken);
                let counted = with_headroom(larger).min(self.bounds.bytes);
                Setting { in_flight: in_flight.min(self.budget() / counted.max(1)), bytes: larger }
            }
        };
        let smallest = (self.bounds.bytes / SMALLEST_PART).min(self.taken).max(1);
        let possible = to.in_flight > 0 && to.bytes >= smallest;
        (possible && to != self.best).then_some(to)
    }

    /// The size of which so many bodies fit, each with the document by which it passes that size.
    fn fitting(&self, in_flight: usize) -> usize {
        let share = self.budget() / in_flight.max(1);
        // What a body passes the largest size by does not count.
        if share < self.bounds.bytes { share / (HEADROOM + 1) * HEADROOM } else { share }
    }
}
