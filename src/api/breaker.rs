//! Leaves an engine alone that fails again and again.
//!
//! Promises: after so many failures in a row, everybody is told at once that it does not answer, and it has a pause. Then one
//! request alone tries it: it is back for all when that is answered, and has another pause when it is not. An answer that refuses
//! a request, be it for what it would take, or that a search took too long, is an answer: no caller closes the API to the others.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::problem::Problem;
use crate::config::BreakerConfig;
use crate::sink::{EngineError, Trouble};

/// Stands before all that the API asks of the engine.
pub(super) struct Breaker {
    config: BreakerConfig,
    state: Mutex<State>,
}

/// Why there is no answer.
pub(super) enum Unanswered {
    /// It was not asked, and may be after so long.
    Paused(Duration),
    /// None came in time.
    Late,
    /// It failed, or refused.
    Failed(EngineError),
}

impl Unanswered {
    /// Whether what was asked for has surely not been done.
    pub(super) fn is_certain(&self) -> bool {
        match self {
            Self::Paused(_) => true,
            Self::Late | Self::Failed(EngineError::Garbled { .. }) => false,
            // What stands between may say so while the engine goes on.
            Self::Failed(EngineError::Refused { status, .. }) => !matches!(status, 502 | 504),
            Self::Failed(EngineError::Unreachable(why)) => {
                matches!(why.trouble, Trouble::NotConnected | Trouble::NotTrusted)
            }
        }
    }
}

impl Breaker {
    pub(super) fn new(config: BreakerConfig) -> Self {
        Self { config, state: Mutex::new(State::default()) }
    }

    /// Whether requests reach the engine.
    pub(super) fn is_closed(&self) -> bool {
        matches!(*self.state(), State::Closed { .. })
    }

    /// What the engine answers to `asked` within `wait`.
    pub(super) async fn ask<T>(
        &self,
        wait: Duration,
        asked: impl Future<Output = Result<T, EngineError>>,
    ) -> Result<T, Unanswered> {
        let trial = self.state().admit(Instant::now()).map_err(Unanswered::Paused)?;
        // Whoever goes away before an answer has learnt nothing.
        let pass = Pass { breaker: self, trial, told: false };
        let answered = tokio::time::timeout(wait, asked).await;
        let failed = match &answered {
            Ok(Ok(_)) => false,
            Ok(Err(error)) => is_trouble(error),
            Err(_) => true,
        };
        pass.tell(failed);
        match answered {
            Ok(answered) => answered.map_err(Unanswered::Failed),
            Err(_) => Err(Unanswered::Late),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether an error tells of the engine and not of the request.
fn is_trouble(error: &EngineError) -> bool {
    // Their statuses are those of an engine that has no time.
    let of_the_request =
        error.is_of_buckets() || error.is_of_memory() || error.is_named("search_timeout_exception");
    error.is_unreachable() || !of_the_request && matches!(error.status(), Some(429 | 502..=504))
}

impl From<Unanswered> for Problem {
    fn from(unanswered: Unanswered) -> Self {
        match unanswered {
            Unanswered::Paused(again) => Self::engine_paused(again),
            Unanswered::Late => Self::engine_timeout(),
            Unanswered::Failed(error) => Self::from(&error),
        }
    }
}

/// The right to ask once.
struct Pass<'a> {
    breaker: &'a Breaker,
    trial: bool,
    told: bool,
}

impl Pass<'_> {
    fn tell(mut self, failed: bool) {
        self.told = true;
        let Breaker { config, .. } = self.breaker;
        let was_closed = self.breaker.is_closed();
        self.breaker.state().told(self.trial, failed, Instant::now(), *config);
        match (was_closed, self.breaker.is_closed()) {
            (true, false) => tracing::warn!("the engine does not answer, and is left alone"),
            (false, true) => tracing::info!("the engine answers again"),
            _ => {}
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.trial && !self.told {
            self.breaker.state().given_up(Instant::now());
        }
    }
}

enum State {
    /// Requests reach the engine; so many have failed in a row.
    Closed { failures: u32 },
    /// They do not, until then.
    Open { until: Instant },
    /// One of them is on its way.
    Trying,
}

impl Default for State {
    fn default() -> Self {
        Self::Closed { failures: 0 }
    }
}

impl State {
    /// Whether the request that is let in is the one that tries; else how long there is a pause.
    fn admit(&mut self, now: Instant) -> Result<bool, Duration> {
        match self {
            Self::Closed { .. } => Ok(false),
            Self::Open { until } if now < *until => Err(until.duration_since(now)),
            Self::Open { .. } => {
                *self = Self::Trying;
                Ok(true)
            }
            Self::Trying => Err(Duration::ZERO),
        }
    }

    fn told(&mut self, trial: bool, failed: bool, now: Instant, config: BreakerConfig) {
        let until = now + config.pause;
        *self = match self {
            Self::Closed { .. } if !failed => Self::default(),
            Self::Closed { failures } if *failures + 1 < config.failures => {
                Self::Closed { failures: *failures + 1 }
            }
            Self::Trying if trial && !failed => Self::default(),
            Self::Trying if trial => Self::Open { until },
            Self::Closed { .. } => Self::Open { until },
            // Begun before the pause: it tells of then.
            Self::Open { .. } | Self::Trying => return,
        };
    }

    fn given_up(&mut self, now: Instant) {
        *self = Self::Open { until: now };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: BreakerConfig = BreakerConfig { failures: 3, pause: Duration::from_secs(5) };

    /// A state and its clock.
    struct Scene(State, Instant);

    impl Scene {
        fn new() -> Self {
            Self(State::default(), Instant::now())
        }

        fn at(&self, seconds: u64) -> Instant {
            self.1 + Duration::from_secs(seconds)
        }

        /// One request that is answered at once.
        fn ask(&mut self, seconds: u64, failed: bool) -> Result<bool, u64> {
            let now = self.at(seconds);
            let trial = self.0.admit(now).map_err(|again| again.as_secs())?;
            self.0.told(trial, failed, now, CONFIG);
            Ok(trial)
        }
    }

    #[test]
    fn only_failures_in_a_row_open_it() {
        let mut scene = Scene::new();
        for failed in [true, true, false, true, true] {
            assert_eq!(scene.ask(0, failed), Ok(false));
        }
        assert_eq!(scene.ask(1, true), Ok(false));
        assert_eq!(scene.ask(2, false), Err(4));
    }

    #[test]
    fn one_alone_tries_it_after_the_pause() {
        let mut scene = Scene::new();
        (0..3).for_each(|_| assert_eq!(scene.ask(0, true), Ok(false)));
        assert_eq!(scene.0.admit(scene.at(5)), Ok(true));
        assert_eq!(scene.ask(6, false), Err(0));
        let now = scene.at(7);
        scene.0.told(true, true, now, CONFIG);
        assert_eq!(scene.ask(8, false), Err(4));
        assert_eq!(scene.ask(12, false), Ok(true));
        assert_eq!(scene.ask(12, false), Ok(false));
    }

    #[test]
    fn who_goes_away_leaves_the_trial_to_the_next() {
        let mut scene = Scene::new();
        (0..3).for_each(|_| assert_eq!(scene.ask(0, true), Ok(false)));
        assert_eq!(scene.0.admit(scene.at(5)), Ok(true));
        let now = scene.at(6);
        scene.0.given_up(now);
        assert_eq!(scene.ask(6, false), Ok(true));
    }

    #[test]
    fn what_was_begun_before_the_pause_does_not_end_it() {
        let mut scene = Scene::new();
        let early = scene.0.admit(scene.at(0)).unwrap();
        (0..3).for_each(|_| assert_eq!(scene.ask(0, true), Ok(false)));
        let now = scene.at(1);
        scene.0.told(early, false, now, CONFIG);
        assert_eq!(scene.ask(2, false), Err(3));
    }

    #[tokio::test]
    async fn a_trial_that_is_dropped_is_given_up() {
        let config = BreakerConfig { failures: 1, pause: Duration::ZERO };
        let breaker = Breaker::new(config);
        let never = || std::future::pending::<Result<(), EngineError>>();
        let late = breaker.ask(Duration::ZERO, never()).await;
        assert!(matches!(late, Err(Unanswered::Late)) && !breaker.is_closed());
        let left = tokio::time::timeout(
            Duration::from_millis(1),
            breaker.ask(Duration::from_secs(60), never()),
        );
        assert!(left.await.is_err());
        assert!(breaker.ask(Duration::from_secs(60), async { Ok(()) }).await.is_ok());
        assert!(breaker.is_closed());
    }
}
