//! How many bulks are under way at a time, and how large they are. Pure: the time is told.
//!
//! Promises: never more bytes at a time than the bounds say, but for what a body passes its own by. An engine that
//! turns requests away is asked for less at once, and for more again little by little; one that calls a body too large is
//! sent none of that size again. What is tried beyond that is tried slowly, and kept only when it is clearly faster.

mod climb;

use std::time::Duration;

use climb::Climb;

/// What bulk requests may take of memory and of the engine.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Most bytes of a body; it may pass them by one operation.
    pub bytes: usize,
    /// Bodies of that size under way at a time. Of smaller ones there may be more, never more bytes.
    pub in_flight: usize,
    /// Whether fewer, more and smaller ones are tried. What the engine turns away lowers their number in any case.
    pub tuning: bool,
}

/// How bulks travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) in_flight: usize,
    pub(super) bytes: usize,
}

/// The smallest size to which bodies go down when they are called too large.
const SMALLEST: usize = 16 << 10;

/// A rate is taken over so many bodies at least, and over this time: engines pause now and then, to merge and to clean up.
const BODIES_MEASURED: usize = 8;
const TIME_MEASURED: Duration = Duration::from_secs(2);

/// The longest that a number which was refused is left alone, in measurements. Where tuning looks for the best number, one
/// that was refused so often is no longer tried again for its own sake.
const LONGEST_WAIT: u32 = 8;

/// Decides the setting by what becomes of the bodies.
#[derive(Debug)]
pub(super) struct Throttle {
    bounds: Bounds,
    climb: Climb,
    ceiling: Ceiling,
    window: Window,
    /// Counts the changes of the setting: what was sent under another one says nothing of this one.
    generation: u64,
}

impl Throttle {
    pub(super) fn new(bounds: Bounds) -> Self {
        let (ceiling, window) = (Ceiling::default(), Window::default());
        let bounds = Bounds { in_flight: bounds.in_flight.max(1), ..bounds };
        Self { bounds, climb: Climb::new(bounds), ceiling, window, generation: 0 }
    }

    /// What holds now.
    pub(super) fn setting(&self) -> Setting {
        let wanted = self.climb.setting();
        Setting { in_flight: wanted.in_flight.min(self.ceiling.in_flight), ..wanted }
    }

    /// Whether a body of `bytes` may be under way beside so many others with so many bytes.
    pub(super) fn admits(&self, bytes: usize, (others, others_bytes): (usize, usize)) -> bool {
        let fits = || others_bytes.saturating_add(self.counted(bytes)) <= self.climb.budget();
        others == 0 || (others < self.setting().in_flight && fits())
    }

    /// Of a body of `bytes`, what counts: what it passes its bound by does not.
    pub(super) fn counted(&self, bytes: usize) -> usize {
        bytes.min(self.bounds.bytes)
    }

    /// To be kept with what is sent now.
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// A body is full and has to wait: it is the engine that is slow, and not those who read.
    pub(super) fn pressed(&mut self) {
        self.window.pressed += 1;
    }

    /// A body that was sent in `generation` is answered for.
    pub(super) fn landed(&mut self, generation: u64, bytes: usize, now: Duration) {
        // Of those that were sent before the setting changed, the last ones may land behind the first of the others: then
        // they are part of what the engine does.
        if generation != self.generation && self.window.since.is_none() {
            return;
        }
        // Those that were sent together are answered together: whole rounds of them.
        let in_flight = self.setting().in_flight;
        let bodies = in_flight.saturating_mul(BODIES_MEASURED.div_ceil(in_flight).max(2));
        let Some((rate, pressed)) = self.window.landed(bytes, bodies, now) else { return };
        let Setting { in_flight, bytes } = self.setting();
        tracing::debug!(bulks = in_flight, bytes, rate, pressed, "bulks measured");
        self.change(|throttle| {
            let wanted = throttle.climb.setting().in_flight;
            if throttle.ceiling.in_flight < wanted {
                throttle.ceiling.held();
            } else {
                throttle.ceiling = Ceiling::default();
                throttle.climb.measured(rate, pressed);
            }
        });
    }

    /// The engine had no room for what was sent in `generation`.
    pub(super) fn refused(&mut self, generation: u64) {
        if generation != self.generation {
            return;
        }
        self.window = Window::default();
        // The same, once more: all that is sent now is sent after what was learnt.
        self.generation += 1;
        let in_flight = self.setting().in_flight;
        self.ceiling.refused(in_flight);
        self.climb.give_up_trial();
        if self.bounds.tuning && self.ceiling.wait >= LONGEST_WAIT {
            self.climb.lower(self.ceiling.refused_at - 1);
        }
    }

    /// The engine takes no body of so many bytes.
    pub(super) fn too_large(&mut self, bytes: usize) {
        self.change(|throttle| throttle.climb.confine((bytes / 2).max(SMALLEST)));
    }

    fn change(&mut self, change: impl FnOnce(&mut Self)) {
        let before = self.setting();
        change(self);
        if self.setting() != before {
            self.window = Window::default();
            self.generation += 1;
        }
    }
}

/// The number that the engine was found to take.
#[derive(Debug)]
struct Ceiling {
    in_flight: usize,
    /// The number at which it last said no; two at least.
    refused_at: usize,
    /// Measurements to wait before that number is tried again, and how many of them are left.
    wait: u32,
    left: u32,
}

impl Default for Ceiling {
    fn default() -> Self {
        Self { in_flight: usize::MAX, refused_at: usize::MAX, wait: 0, left: 0 }
    }
}

impl Ceiling {
    fn refused(&mut self, in_flight: usize) {
        let again = in_flight >= self.refused_at;
        self.wait = if again { (self.wait * 2).min(LONGEST_WAIT) } else { 1 };
        self.left = self.wait;
        self.refused_at = in_flight.max(2);
        self.in_flight = (in_flight.saturating_mul(7) / 10).max(1);
    }

    /// For the length of a measurement, nothing was refused.
    fn held(&mut self) {
        if self.in_flight + 1 >= self.refused_at {
            self.left = self.left.saturating_sub(1);
            if self.left > 0 {
                return;
            }
            self.left = self.wait;
        }
        self.in_flight += 1;
    }
}

/// The bodies by which the setting is measured.
#[derive(Debug, Default)]
struct Window {
    since: Option<Duration>,
    landed: usize,
    bytes: usize,
    pressed: usize,
}

impl Window {
    /// Bytes per second, and whether the engine was waited for, when `bodies` have landed.
    fn landed(&mut self, bytes: usize, bodies: usize, now: Duration) -> Option<(u64, bool)> {
        let Some(since) = self.since else {
            // The first one tells when to begin: by now nearly all that is under way is of this setting.
            *self = Self { since: Some(now), ..Self::default() };
            return None;
        };
        self.landed += 1;
        self.bytes += bytes;
        let took = now.saturating_sub(since);
        if self.landed < bodies || took < TIME_MEASURED {
            return None;
        }
        let rate = self.bytes as u128 * 1_000_000 / took.as_micros().max(1);
        let pressed = self.pressed * 2 >= self.landed;
        *self = Self { since: Some(now), ..Self::default() };
        Some((u64::try_from(rate).unwrap_or(u64::MAX), pressed))
    }
}

#[cfg(test)]
mod tests;
