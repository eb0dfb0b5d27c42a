//! The generation that a full load builds: made anew, or gone on with.
//!
//! Promises: it is written only under its lease; one that comes to nothing is removed, one of which something is loaded is kept,
//! usable and ready to be gone on with. Never touches a generation that readers see or have seen.

use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::generations::Known;
use super::load::{Broken, load};
use super::progress::Progress;
use super::{Engine, ShutOut, Stopped};
use crate::finding::Finding;
use crate::sink::bulk::BulkWriter;
use crate::sink::index;
use crate::sink::version::Spent;
use crate::state::{
    AliasLease, BuiltBy, Claim, Counts, IndexLease, IndexState, LeaseError, LoadState,
};

/// A generation that is being built.
pub(super) struct Build {
    engine: Arc<Engine>,
    claim: Claim,
    pub(super) lease: IndexLease,
    bulk: BulkWriter,
    /// Whether an earlier lease has begun with it, and has not come to its end.
    begun_before: bool,
}

/// Columns as they were described before this run.
fn first_state(engine: &Engine, uuid: String) -> IndexState {
    let plan = &engine.plan;
    IndexState {
        alias: plan.index.clone(),
        uuid,
        job: BuiltBy {
            name: plan.job.clone(),
            fingerprint: plan.fingerprint(),
            text: plan.text.clone(),
        },
        columns: plan.columns().clone(),
        load: LoadState::default(),
        served_from: None,
    }
}

impl Build {
    fn new(engine: &Arc<Engine>, claim: &Claim, lease: IndexLease, begun_before: bool) -> Self {
        let bulk = BulkWriter::new(engine.client.clone(), engine.patience());
        Self { engine: Arc::clone(engine), claim: claim.clone(), lease, bulk, begun_before }
    }

    /// Begins a new generation, and removes those that earlier runs have left unfinished.
    pub(super) async fn begin(
        engine: &Arc<Engine>,
        (known, alias): (&Known, &AliasLease),
        claim: &Claim,
    ) -> Result<Self, Stopped> {
        for unseen in known.unseen() {
            alias.confirm().await.map_err(|error| Stopped::before("the alias", error))?;
            tracing::info!(index = unseen.name, "removing what an earlier run has left");
            remove(engine, &unseen.name).await.map_err(Stopped::NotStarted)?;
        }
        let name = known.generations.next_name();
        let made =
            IndexLease::create(&engine.state, (&name, &engine.plan.mapping), claim, |uuid| {
                first_state(engine, uuid)
            });
        let lease = made.await.map_err(|error| Stopped::not_taken(&name, error))?;
        let forgotten = engine.state.drop_dead_letters(&name, 0).await;
        forgotten.map_err(Stopped::NotStarted)?;
        Ok(Self::new(engine, claim, lease, false))
    }

    /// Goes on with the youngest generation that readers have not seen. `dead` is the process that is known to have died at it.
    pub(super) async fn go_on(
        engine: &Arc<Engine>,
        (known, dead): (&Known, Option<&str>),
        claim: &Claim,
    ) -> Result<Self, Stopped> {
        let job = &engine.plan.job;
        let refused = |finding: Finding| Stopped::NotStarted(finding.into());
        let youngest = known
            .unseen()
            .into_iter()
            .rev()
            .find_map(|unseen| known.state(&unseen.name).map(|state| (unseen, state)));
        let Some((unseen, (_, state))) = youngest else {
            let what = format!(
                "there is nothing to go on with: no unfinished generation of `{}`",
                engine.plan.index
            );
            let hint = format!("begin anew: `prejoin reindex {job}`");
            return Err(refused(Finding::error(what).hint(hint)));
        };
        let name = &unseen.name;
        if state.job.fingerprint != engine.plan.fingerprint() {
            let what = format!("the job or its mapping has changed since {name} was begun");
            let hint = format!("begin anew: `prejoin reindex {job}`");
            return Err(refused(Finding::error(what).hint(hint)));
        }
        let taken = IndexLease::take(&engine.state, name, claim, dead).await;
        let lease = taken.map_err(|error| Stopped::not_taken(name, error))?;
        let load = lease.content().await.load;
        let prepared = async {
            // Of rows that are read again.
            engine.state.drop_dead_letters(name, load.checkpoint + 1).await?;
            index::slow_down(&engine.client, name).await
        };
        let build = Self::new(engine, claim, lease, load.ended_at.is_none());
        match prepared.await {
            Ok(()) => Ok(build),
            Err(error) => {
                build.lease.give_back(true).await;
                Err(Stopped::NotStarted(error))
            }
        }
    }

    /// Loads what is left, under as many leases as it takes.
    pub(super) async fn load(
        self,
        progress: &Arc<Progress>,
        cancel: &CancellationToken,
    ) -> (Option<Self>, Result<Counts, Stopped>) {
        let mut build = self;
        loop {
            let lease = (&build.lease, build.begun_before);
            let loaded = load(&build.engine, lease, build.bulk.clone(), progress, cancel);
            let error = match Box::pin(loaded).await {
                Ok(counts) => return (Some(build), Ok(counts)),
                Err(Broken::Cancelled) => return (Some(build), Err(Stopped::Cancelled)),
                Err(Broken::Failed(error)) => error,
            };
            let name = build.lease.index().to_owned();
            if !error.is::<Spent>() {
                // Whatever failed, an index that another run has taken over, or removed, is the reason.
                let lost = matches!(build.lease.confirm().await, Err(LeaseError::Lost));
                let error = if lost { ShutOut.into() } else { error };
                let stopped = Stopped::midway(&format!("index `{name}`"), error);
                return (Some(build), Err(stopped));
            }
            tracing::info!(index = name, "all versions of the lease are spent: taking another");
            let (engine, claim, clean) = (build.engine, build.claim, build.bulk.all_answered());
            build.lease.give_back(clean).await;
            match IndexLease::take(&engine.state, &name, &claim, None).await {
                Ok(lease) => build = Self::new(&engine, &claim, lease, true),
                Err(error) => {
                    return (None, Err(Stopped::midway(&name, anyhow!(error))));
                }
            }
        }
    }

    /// Gives the index the settings of its file, makes everything searchable and counts it.
    pub(super) async fn settle(&self) -> Result<u64> {
        self.lease.confirm().await?;
        index::settle(&self.engine.client, self.lease.index(), &self.engine.plan.mapping).await
    }

    /// Notes that all is loaded and counted.
    pub(super) async fn ended(&self) -> Result<()> {
        self.lease.update(|state| state.load.ended_at = Some(Timestamp::now())).await?;
        Ok(())
    }

    /// Leaves a generation that is not shown to readers: removed when nothing of it is loaded, else usable and ready to be gone
    /// on with. Returns how many root rows it holds. The run has failed already: that this fails too is only worth a line.
    pub(super) async fn leave(self) -> Option<u64> {
        if self.lease.lost().is_cancelled() || self.lease.confirm().await.is_err() {
            return None;
        }
        let loaded = self.lease.content().await.load.counts().read;
        let index = self.lease.index().to_owned();
        let clean = self.bulk.all_answered();
        let left = if loaded == 0 {
            remove(&self.engine, &index).await
        } else {
            self.settle().await.map(drop)
        };
        if let Err(error) = left.with_context(|| format!("index `{index}`")) {
            tracing::warn!(
                error = format!("{error:#}"),
                "the unfinished index could not be tidied up"
            );
        }
        if loaded > 0 {
            self.lease.give_back(clean).await;
        }
        (loaded > 0).then_some(loaded)
    }

    /// Gives the lease back.
    pub(super) async fn give_back(self) {
        let clean = self.bulk.all_answered();
        self.lease.give_back(clean).await;
    }
}

/// Deletes a generation that readers do not see, and all that is remembered of it.
pub(super) async fn remove(engine: &Engine, index: &str) -> Result<()> {
    index::discard(&engine.client, index).await?;
    engine.state.forget_index(index).await
}
