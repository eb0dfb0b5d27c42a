//! Trying again what another try may bring about.
//!
//! Promises: pauses grow and differ, so that those who were refused together do not come back together, and there is an end
//! of it. Never tries again what no repetition mends.

use std::time::Duration;

use rand::RngExt;
use tokio::time::Instant;

use super::error::EngineError;

/// How patient one is with the engine.
#[derive(Debug, Clone, Copy)]
pub struct PatienceSettings {
    /// How long the engine may be out of reach.
    pub unreachable_for: Duration,
    /// How long the engine may be too busy to take anything.
    pub busy_for: Duration,
    /// The pause before a second try; it doubles with each further one.
    pub first_pause: Duration,
    /// The longest pause between tries.
    pub longest_pause: Duration,
}

impl Default for PatienceSettings {
    fn default() -> Self {
        Self {
            unreachable_for: Duration::from_secs(60),
            busy_for: Duration::from_secs(300),
            first_pause: Duration::from_millis(200),
            longest_pause: Duration::from_secs(10),
        }
    }
}

/// Does `attempt` until it succeeds, fails for good, or patience ends. What it does has to bear repetition.
///
/// # Errors
/// The last attempt's.
pub async fn patiently<T>(
    patience: PatienceSettings,
    mut attempt: impl AsyncFnMut() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let mut patience = Patience::new(patience);
    loop {
        match attempt().await {
            Ok(done) => return Ok(done),
            Err(error) => patience.bear(error).await?,
        }
    }
}

/// Pauses between tries, and the end of them.
pub(super) struct Patience {
    settings: PatienceSettings,
    // Since when nothing was taken, and how often it was tried.
    since: Option<Instant>,
    tries: u32,
}

impl Patience {
    pub(super) fn new(settings: PatienceSettings) -> Self {
        Self { settings, since: None, tries: 0 }
    }

    /// Waits before the next try; the error, when there should be none.
    pub(super) async fn bear(&mut self, error: anyhow::Error) -> anyhow::Result<()> {
        let passing = error.chain().find_map(|cause| cause.downcast_ref::<EngineError>());
        let Some(passing) = passing.filter(|cause| cause.is_passing()).cloned() else {
            return Err(error);
        };
        self.wait(passing).await.map_err(|_| error)
    }

    pub(super) fn progress(&mut self) {
        self.since = None;
        self.tries = 0;
    }

    /// Waits before the next try.
    ///
    /// # Errors
    /// `error`, when it has been tried for long enough.
    pub(super) async fn wait(&mut self, error: EngineError) -> Result<(), EngineError> {
        let limit = match error.is_unreachable() {
            true => self.settings.unreachable_for,
            false => self.settings.busy_for,
        };
        let waited = self.since.get_or_insert_with(Instant::now).elapsed();
        if waited >= limit {
            return Err(error);
        }
        let doubled = self.settings.first_pause.saturating_mul(1 << self.tries.min(20));
        // Between half and the whole of it, so that writers refused together do not come back together.
        let share = rand::rng().random_range(0.5..=1.0);
        let pause = doubled.min(self.settings.longest_pause).mul_f64(share);
        let pause = pause.min(limit.saturating_sub(waited));
        tracing::warn!(error = %error, pause.ms = pause.as_millis(), "the engine is asked again");
        self.tries += 1;
        tokio::time::sleep(pause).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn busy() -> EngineError {
        EngineError::refused("POST /a/_bulk".to_owned(), 429, b"{}")
    }

    #[tokio::test]
    async fn patience_ends_and_progress_renews_it() {
        let busy_for = Duration::from_millis(60);
        let pause = Duration::from_millis(4);
        let settings = PatienceSettings {
            busy_for,
            first_pause: pause,
            longest_pause: pause * 4,
            ..Default::default()
        };
        let mut patience = Patience::new(settings);
        let start = Instant::now();
        while patience.wait(busy()).await.is_ok() {}
        assert!(start.elapsed() >= busy_for, "{:?}", start.elapsed());
        // Pauses of 4, 8, 16, 16, … halved at most.
        assert!((3..=11).contains(&patience.tries), "{}", patience.tries);
        patience.progress();
        assert!(patience.wait(busy()).await.is_ok());
    }
}
