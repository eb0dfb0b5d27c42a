//! A limit of rows a second: a source is read no faster than its other users can bear.
//!
//! Promises: rows are asked for when they are due, those of all readers together, and about a second's worth at a time: in any
//! few seconds no more come than the limit allows. What could not be foreseen, a key with many rows, is made up for by those
//! who ask next. Waits before a statement, with nothing in hand: never while one runs, nor with a connection.

use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex as Queue;
use tokio::time::{Instant, sleep_until};

use super::survey::Paced;

/// What a statement may ask for at most, and how much of the time that went by unused is given later.
const STRETCH: Duration = Duration::from_secs(1);

/// Parts of a stretch that the first keys of a relation are: how many rows a key has shows by them.
const FIRST_KEYS: usize = 16;

/// The speed of one source; unbounded without a limit.
pub(super) struct Pace(Option<Limit>);

struct Limit {
    /// One waits for its rows to be due, the others for that one.
    queue: Queue<()>,
    meter: Mutex<Meter>,
}

impl Pace {
    /// So many rows a second from now on.
    pub(super) fn new(per_second: Option<NonZeroU32>) -> Self {
        let due = Instant::now();
        let limit = |per_second| Limit {
            queue: Queue::new(()),
            meter: Mutex::new(Meter { per_second, due, waited: Duration::ZERO }),
        };
        Self(per_second.map(limit))
    }

    /// Most rows that one statement should ask for.
    pub(super) fn rows(&self) -> usize {
        self.0.as_ref().map_or(usize::MAX, |limit| limit.meter().stretch())
    }

    /// Most keys that one statement should look up, where `asked` keys before had `came` rows.
    pub(super) fn keys(&self, asked: usize, came: usize) -> usize {
        let Some(limit) = &self.0 else { return usize::MAX };
        let rows = limit.meter().stretch();
        let keys = match asked {
            0 => rows / FIRST_KEYS,
            asked => rows.saturating_mul(asked) / came.max(asked),
        };
        keys.max(1)
    }

    /// The limit, and how long it has let readers wait.
    pub(super) fn told(&self) -> Option<Paced> {
        let meter = self.0.as_ref()?.meter();
        Some(Paced { rows_per_second: meter.per_second, waited: meter.waited })
    }

    /// Waits until so many rows may come.
    pub(super) async fn turn(&self, rows: usize) {
        let Some(limit) = &self.0 else { return };
        let _first = limit.queue.lock().await;
        let due = limit.meter().admit(Instant::now(), rows);
        sleep_until(due).await;
    }

    /// Of rows that had their turn, so many came.
    pub(super) fn came(&self, asked: usize, came: usize) {
        if let Some(limit) = &self.0 {
            limit.meter().settle(asked, came);
        }
    }
}

impl Limit {
    fn meter(&self) -> MutexGuard<'_, Meter> {
        self.meter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts rows as the time that they are due in.
struct Meter {
    per_second: NonZeroU32,
    /// When all rows that were asked for so far are due.
    due: Instant,
    /// All waiting together: one waits at a time.
    waited: Duration,
}

impl Meter {
    /// When so many more may be asked for.
    fn admit(&mut self, now: Instant, rows: usize) -> Instant {
        let unused = now.checked_sub(STRETCH).unwrap_or(now);
        let begin = self.due.max(unused);
        self.due = begin.checked_add(self.time(rows)).unwrap_or(begin);
        self.waited = self.waited.saturating_add(self.due.saturating_duration_since(now));
        self.due
    }

    /// Makes up for what was not foreseen.
    fn settle(&mut self, asked: usize, came: usize) {
        let due = match came.checked_sub(asked) {
            Some(more) => self.due.checked_add(self.time(more)),
            None => self.due.checked_sub(self.time(asked - came)),
        };
        self.due = due.unwrap_or(self.due);
    }

    fn stretch(&self) -> usize {
        let rows = u64::from(self.per_second.get()) * STRETCH.as_secs();
        usize::try_from(rows).unwrap_or(usize::MAX)
    }

    fn time(&self, rows: usize) -> Duration {
        let nanos = rows as u128 * 1_000_000_000;
        let nanos = nanos.div_ceil(u128::from(self.per_second.get()));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn meter(per_second: u32, due: Instant) -> Meter {
        Meter { per_second: NonZeroU32::new(per_second).unwrap(), due, waited: Duration::ZERO }
    }

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn statements_wait_for_what_they_ask_for() {
        let begun = Instant::now();
        let mut meter = meter(100, begun);
        assert_eq!(meter.admit(begun, 50), begun + seconds(0.5));
        // Whoever asks next, asks behind it.
        assert_eq!(meter.admit(begun, 100), begun + seconds(1.5));
        // Forty of the hundred came.
        meter.settle(100, 40);
        assert_eq!(meter.admit(begun + seconds(1.0), 10), begun + seconds(1.0));
        // A key had more rows than there are in a second.
        meter.settle(10, 310);
        assert_eq!(meter.admit(begun + seconds(1.1), 10), begun + seconds(4.1));
        assert_eq!(meter.waited, seconds(0.5 + 1.5 + 3.0));
    }

    #[test]
    fn a_second_of_idle_time_is_given_later_and_no_more() {
        let begun = Instant::now();
        let mut meter = meter(100, begun);
        let now = begun + seconds(60.0);
        assert_eq!(meter.admit(now, 100), now);
        assert_eq!(meter.admit(now, 100), now + seconds(1.0));
    }

    #[test]
    fn statements_shrink_to_a_second() {
        let pace = Pace::new(NonZeroU32::new(160));
        assert_eq!(pace.rows(), 160);
        assert_eq!(pace.keys(0, 0), 10);
        assert_eq!(pace.keys(10, 40), 40);
        assert_eq!(pace.keys(10, 4), 160);
        assert_eq!(pace.keys(10, 100_000), 1);
        let boundless = Pace::new(None);
        assert_eq!(boundless.rows(), usize::MAX);
        assert_eq!(boundless.keys(0, 0), usize::MAX);
        assert_eq!(boundless.keys(10, 100), usize::MAX);
    }

    #[test]
    fn no_number_of_rows_is_too_large() {
        let mut meter = meter(1, Instant::now());
        for _ in 0..3 {
            meter.admit(Instant::now(), usize::MAX);
            meter.settle(usize::MAX, 0);
            meter.settle(0, usize::MAX);
        }
    }

    /// Statements that run at the same time.
    const RUNNING: usize = 3;

    /// One of them: milliseconds after the turn of the one before, rows asked for, how many come.
    fn statement() -> impl Strategy<Value = (u64, usize, usize)> {
        (0_u64..3_000, 1_usize..5_000, 0_usize..5_000)
    }

    proptest! {
        /// Between any two moments no more comes than the limit, a second's worth, and what those before had left over.
        #[test]
        fn the_limit_holds_in_any_stretch_of_time(
            per_second in 1_u32..5_000,
            statements in proptest::collection::vec(statement(), 1..60),
        ) {
            let mut now = Instant::now();
            let mut meter = meter(per_second, now);
            let (mut arrivals, mut running) = (Vec::new(), Vec::new());
            for (pause, asked, came) in statements {
                let asked = asked.min(meter.stretch());
                let came = came.min(asked);
                now += Duration::from_millis(pause);
                now = now.max(meter.admit(now, asked));
                arrivals.push((now, came));
                running.push((asked, came));
                if running.len() > RUNNING {
                    let (asked, came) = running.remove(0);
                    meter.settle(asked, came);
                }
            }
            let beyond = meter.stretch() * (1 + RUNNING) + 1;
            for (first, (from, _)) in arrivals.iter().enumerate() {
                let mut rows = 0;
                for (until, came) in &arrivals[first..] {
                    rows += came;
                    let due = (*until - *from).as_nanos() * u128::from(per_second) / 1_000_000_000;
                    prop_assert!(rows as u128 <= due + beyond as u128, "{rows} for {due}");
                }
            }
        }
    }
}
