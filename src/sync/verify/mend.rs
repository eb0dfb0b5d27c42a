//! Repairing: documents that are not right are read again and written, a few at a time.
//!
//! Promises: each few are written under a lease of their own, which is held for a moment and not taken again before others had
//! time to take it; a run that holds it is waited for. What is written is what the services say then, whatever was seen before.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::finding::Finding;
use crate::row::Key;
use crate::state::{Claim, DeadLetter, IndexLease};
use crate::sync::incremental::Kept;
use crate::sync::live::lease_live;
use crate::sync::progress::Progress;
use crate::sync::update::{Purpose, SyncOptions, Update};
use crate::sync::{Engine, Stopped};

/// Documents that are written under one lease.
const AT_ONCE: usize = 500;
/// How long others are given to take the lease: several looks of whoever waits for it.
const AWAY: Duration = Duration::from_millis(300);
/// How long runs that hold the lease are waited for by documents that are mended together. It is less than what a pass over the
/// index is kept open for meanwhile.
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

    /// Documents that the engine refused so far, or that could not be made.
    pub(super) fn dead(&self) -> u64 {
        self.progress.dead()
    }

    /// Writes the documents of these keys, or deletes those without a root when they are to be removed.
    ///
    /// # Errors
    /// See [`Stopped`].
    pub(super) async fn mend(&mut self, keys: &[Key], purpose: Purpose) -> Result<(), Stopped> {
        let mut patience = PATIENCE;
        for keys in keys.chunks(AT_ONCE) {
            if let Some(last) = self.given_back {
                sleep_until(last + AWAY).await;
            }
            let lease = self.lease(&mut patience).await?;
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

    /// Keeps dead letters of rows without a usable key; when there are no such rows any more, forgets those without any.
    ///
    /// # Errors
    /// See [`Stopped`].
    pub(super) async fn keep_keyless(&self, letters: &[DeadLetter]) -> Result<(), Stopped> {
        let state = &self.kept.engine.state;
        let forgotten = async || -> anyhow::Result<Vec<DeadLetter>> {
            let mut known = state.all_dead_letters(&self.index).await?;
            known.retain(|letter| letter.key.is_empty());
            Ok(known)
        };
        if letters.is_empty() && forgotten().await.map_err(Stopped::Midway)?.is_empty() {
            return Ok(());
        }
        let lease = self.lease(&mut { PATIENCE }).await?;
        let kept = async {
            let gone = if letters.is_empty() { forgotten().await? } else { Vec::new() };
            lease.confirm().await?;
            state.put_dead_letters(letters).await?;
            state.forget_letters(&gone).await
        };
        let kept = kept.await;
        lease.give_back(true).await;
        kept.map_err(|error| Stopped::midway(&format!("index `{}`", self.index), error))
    }

    /// The lease of the index, as soon as nobody has it; who has it is waited for as long as there is patience.
    async fn lease(&self, patience: &mut Duration) -> Result<IndexLease, Stopped> {
        let Engine { client, state, plan, lease_ttl, .. } = &*self.kept.engine;
        let claim = Claim::of_this_process(self.task, *lease_ttl).brief();
        let began = Instant::now();
        let lease = loop {
            let of = (plan.index.as_str(), plan.job.as_str());
            match lease_live((client, state), of, &claim, self.cancel).await {
                Ok(lease) => break lease,
                Err(Stopped::Held(_)) if began.elapsed() < *patience => sleep(AWAY / 3).await,
                // It is the middle of a run.
                Err(Stopped::NotStarted(error)) => return Err(Stopped::Midway(error)),
                Err(stopped) => return Err(out_of_patience(stopped, self.given_back.is_some())),
            }
        };
        *patience = patience.saturating_sub(began.elapsed());
        if lease.index() == self.index {
            return Ok(lease);
        }
        let (seen, now) = (&self.index, lease.index());
        let what = format!("readers have changed over to {now} since this run looks at {seen}");
        let finding = Finding::error(what).hint("run it again: it looks at that index then");
        lease.give_back(true).await;
        Err(Stopped::Held(finding))
    }
}

/// What it means that another run has held the lease for too long: once documents were repaired, the run has stopped amid its work.
fn out_of_patience(stopped: Stopped, has_begun: bool) -> Stopped {
    match stopped {
        Stopped::Held(held) if has_begun => Stopped::Midway(held.into()),
        stopped => stopped,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repair_that_has_begun_does_not_end_as_if_it_had_not() {
        let held = || Stopped::Held(Finding::error("held by another run"));
        assert!(matches!(out_of_patience(held(), false), Stopped::Held(_)));
        assert!(matches!(out_of_patience(held(), true), Stopped::Midway(_)));
        assert!(matches!(out_of_patience(Stopped::Cancelled, true), Stopped::Cancelled));
    }
}
