//! Repairing: documents that are not right are read again and written, a few at a time.
//!
//! Promises: each few are written under a lease of their own, which is held for a moment and not taken again before others had
//! time to take it; a run that holds it is waited for. What is written is what the services say then, whatever was seen before.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::row::Key;
use crate::state::{Claim, IndexLease};
use crate::sync::incremental::{Kept, changed_over};
use crate::sync::live::lease_live;
use crate::sync::progress::Progress;
use crate::sync::update::{Purpose, SyncOptions, Update};
use crate::sync::{Engine, Stopped};

/// Documents that are written under one lease.
const AT_ONCE: usize = 500;
/// How long others are given to take the lease: several looks of whoever waits for it.
const AWAY: Duration = Duration::from_millis(300);
/// How long a run that holds the lease is waited for.
const PATIENCE: Duration = Duration::from_mins(10);

/// Writes and deletes what is not right.
pub(super) struct Mender<'v> {
    kept: &'v Kept,
    /// The real index that was looked at.
    index: String,
    cancel: &'v CancellationToken,
    /// What the leases are held for.
    task: &'static str,
    /// Of all of them together: what is refused comes to an end.
    progress: Arc<Progress>,
    /// When the last lease was given back.
    given_back: Option<Instant>,
    /// Documents deleted so far.
    pub(super) deleted: u64,
}

impl<'v> Mender<'v> {
    pub(super) fn new(
        kept: &'v Kept,
        (index, task): (&str, &'static str),
        cancel: &'v CancellationToken,
    ) -> Self {
        let (index, progress) = (index.to_owned(), Arc::default());
        Self { kept, index, cancel, task, progress, given_back: None, deleted: 0 }
    }

    /// Documents written so far.
    pub(super) fn written(&self) -> u64 {
        self.progress.written()
    }

    /// Writes the documents of these keys, or deletes those without a root when they are to be removed.
    ///
    /// # Errors
    /// See [`Stopped`].
    pub(super) async fn mend(&mut self, keys: &[Key], purpose: Purpose) -> Result<(), Stopped> {
        for keys in keys.chunks(AT_ONCE) {
            if let Some(last) = self.given_back {
                sleep_until(last + AWAY).await;
            }
            let lease = self.lease().await?;
            let ids = keys.iter().map(|key| key.as_str().to_owned()).collect();
            let options = SyncOptions { ids, ..SyncOptions::default() };
            let (engine, progress) = (&self.kept.engine, &self.progress);
            let update = Update { engine, progress, options: &options, purpose };
            let updated = Box::pin(update.hold(lease, self.cancel)).await;
            self.given_back = Some(Instant::now());
            self.deleted += updated?.deleted;
        }
        Ok(())
    }

    /// Forgets dead letters of rows without a key, of which there are none any more.
    ///
    /// # Errors
    /// See [`Stopped`].
    pub(super) async fn forget_keyless(&self) -> Result<(), Stopped> {
        let state = &self.kept.engine.state;
        let letters = state.all_dead_letters(&self.index).await.map_err(Stopped::Midway)?;
        let keyless = letters.into_iter().filter(|letter| letter.key.is_empty());
        let keyless: Vec<_> = keyless.collect();
        if keyless.is_empty() {
            return Ok(());
        }
        let lease = self.lease().await?;
        let forgotten = state.forget_letters(&keyless).await;
        lease.give_back(true).await;
        forgotten.map_err(Stopped::Midway)
    }

    /// The lease of the index, as soon as nobody has it.
    async fn lease(&self) -> Result<IndexLease, Stopped> {
        let Engine { client, state, plan, lease_ttl, .. } = &*self.kept.engine;
        let claim = Claim::of_this_process(self.task, *lease_ttl).brief();
        let until = Instant::now() + PATIENCE;
        let lease = loop {
            let of = (plan.index.as_str(), plan.job.as_str());
            match lease_live((client, state), of, &claim, self.cancel).await {
                Ok(lease) => break lease,
                Err(Stopped::Held(_)) if Instant::now() < until => sleep(AWAY / 3).await,
                // It is the middle of a run.
                Err(Stopped::NotStarted(error)) => return Err(Stopped::Midway(error)),
                Err(stopped) => return Err(stopped),
            }
        };
        if lease.index() == self.index {
            return Ok(lease);
        }
        let finding = changed_over(lease.index());
        lease.give_back(true).await;
        Err(Stopped::Held(finding))
    }
}
