//! The generation that a full load builds: made anew, or gone on with.
//!
//! Promises: it is written only under its lease; one that comes to nothing is removed, one of which something is loaded is kept,
//! usable and ready to be gone on with. Never touches a generation that readers see or have seen.

use std::sync::Arc;

use anyhow::{Context, Result};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::drift::{is_read_alike, rows_by};
use super::generations::Known;
use super::horizons::{Horizons, Present, present};
use super::load::{Broken, Ends, load};
use super::progress::Progress;
use super::update::{Purpose, SyncOptions, Update};
use super::{Engine, ShutOut, Stopped};
use crate::finding::Finding;
use crate::sink::bulk::BulkWriter;
use crate::sink::version::Spent;
use crate::sink::{index, patiently};
use crate::state::{
    AliasLease, BuiltBy, Claim, Counts, IndexLease, IndexState, LeaseError, LoadState,
};
use crate::trace::Looks;

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
fn first_state(engine: &Engine, uuid: String, horizons: Horizons) -> IndexState {
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
        rows_by: rows_by(engine),
        horizons,
        shares: Looks::new(),
        load: LoadState::default(),
        served_from: None,
    }
}

impl Build {
    fn new(engine: &Arc<Engine>, claim: &Claim, lease: IndexLease, begun_before: bool) -> Self {
        let bulk = BulkWriter::new(engine.client.clone(), engine.patience());
        let bulk = bulk.within(engine.bounds());
        Self { engine: Arc::clone(engine), claim: claim.clone(), lease, bulk, begun_before }
    }

    /// Begins a new generation, and removes those that earlier runs have left unfinished.
    pub(super) async fn begin(
        engine: &Arc<Engine>,
        (known, alias): (&Known, &AliasLease),
        claim: &Claim,
    ) -> Result<Self, Stopped> {
        let not_ours = |error| Stopped::before("the alias", error);
        for unseen in known.unseen() {
            let free = engine.state.index_is_free(&unseen.name).await;
            free.map_err(|error| Stopped::before(&format!("index `{}`", unseen.name), error))?;
        }
        let number = known.generations.next_number(alias.content().await.last);
        alias.update(|state| state.last = number).await.map_err(not_ours)?;
        let name = known.generations.name(number);
        let present = present(engine, &Horizons::new()).await;
        let Present { horizons, .. } = present.map_err(Stopped::NotStarted)?;
        let made =
            IndexLease::create(&engine.state, (&name, &engine.plan.mapping), claim, |uuid| {
                first_state(engine, uuid, horizons)
            });
        let lease = match made.await {
            Ok(lease) => lease,
            Err(error) => {
                // Whoever has taken over removes what this run has made.
                return Err(match alias.confirm().await {
                    Err(lost @ LeaseError::Lost) => not_ours(lost),
                    _ => Stopped::not_taken(&name, error),
                });
            }
        };
        // Only now: what is left of earlier runs may be wanted when a new index cannot be made.
        for unseen in known.unseen() {
            let removed = async {
                alias.confirm().await?;
                tracing::info!(index = unseen.name, "removing what an earlier run has left");
                remove(engine, &unseen.name).await
            };
            if let Err(error) = removed.await {
                let build = Self::new(engine, claim, lease, false);
                build.leave().await;
                return Err(Stopped::midway("the alias", error));
            }
        }
        Ok(Self::new(engine, claim, lease, false))
    }

    /// Goes on with the youngest generation that readers have not seen.
    pub(super) async fn go_on(
        engine: &Arc<Engine>,
        known: &Known,
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
        // Half of a load goes with no other half.
        if !is_read_alike(state, engine) {
            let what = format!(
                "columns, a time zone or the key of masked fields are not what they were when {name} was begun"
            );
            let hint = format!("begin anew: `prejoin reindex {job}`");
            return Err(refused(Finding::error(what).hint(hint)));
        }
        let taken = IndexLease::take(&engine.state, name, claim).await;
        let lease = taken.map_err(|error| Stopped::not_taken(name, error))?;
        let load = lease.content().await.load;
        let build = Self::new(engine, claim, lease, load.ended_at.is_none());
        let prepared = async {
            build.lease.confirm().await?;
            // Of rows that are read again.
            engine.state.drop_dead_letters(name, load.checkpoint + 1).await?;
            build.lease.confirm().await?;
            index::slow_down(&engine.client, name).await
        };
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
        (cancel, alias_lost): (&CancellationToken, &CancellationToken),
    ) -> (Option<Self>, Result<Counts, Stopped>) {
        let mut build = self;
        loop {
            let lease = (&build.lease, build.begun_before);
            let ends = Ends { cancel: cancel.clone(), alias_lost: alias_lost.clone() };
            let loaded = load(&build.engine, lease, build.bulk.clone(), progress, ends);
            let error = match Box::pin(loaded).await {
                Ok(counts) => return (Some(build), Ok(counts)),
                Err(Broken::Cancelled) => return (Some(build), Err(Stopped::Cancelled)),
                Err(Broken::Failed(error)) => error,
            };
            let name = build.lease.index().to_owned();
            if !error.is::<Spent>() {
                let stopped = build.stopped(error).await;
                return (Some(build), Err(stopped));
            }
            tracing::info!(index = name, "all versions of the lease are spent: taking another");
            let (engine, claim, clean) = (build.engine, build.claim, build.bulk.all_answered());
            build.lease.give_back(clean).await;
            match IndexLease::take(&engine.state, &name, &claim).await {
                Ok(lease) => build = Self::new(&engine, &claim, lease, true),
                Err(error) => {
                    return (None, Err(Stopped::midway(&format!("index `{name}`"), error.into())));
                }
            }
        }
    }

    /// Brings what is loaded in step with what has changed since its horizons, under a lease of its own: its documents are later
    /// knowledge than those of the load. Tells how many roots that led to. What fails is given back.
    pub(super) async fn catch_up(
        self,
        progress: &Arc<Progress>,
        allow_mass_delete: bool,
        cancel: &CancellationToken,
    ) -> Result<(Self, u64), Stopped> {
        let Self { engine, claim, lease, bulk, .. } = self;
        let what = format!("index `{}`", lease.index());
        let name = lease.index().to_owned();
        lease.give_back(bulk.all_answered()).await;
        let lease = IndexLease::take(&engine.state, &name, &claim).await;
        let lease = lease.map_err(|error| Stopped::midway(&what, error.into()))?;
        let build = Self::new(&engine, &claim, lease, false);
        let options = SyncOptions { allow_mass_delete, ..SyncOptions::default() };
        let update =
            Update { engine: &engine, progress, options: &options, purpose: Purpose::CatchUp };
        let lost = build.lease.lost();
        let updating = async {
            // Of one that does not come to its end nobody knows how many documents it has left.
            build.lease.update(|state| state.load.documents = None).await?;
            let updated = update.run(&build.lease, &build.bulk).await?;
            let documents = build.count().await?;
            build.lease.update(|state| state.load.documents = Some(documents)).await?;
            anyhow::Ok(updated)
        };
        let updated = tokio::select! {
            biased;
            () = cancel.cancelled() => Err(Stopped::Cancelled),
            () = lost.cancelled() => Err(Stopped::midway(&what, ShutOut.into())),
            updated = updating => match updated {
                Ok(updated) => Ok(updated),
                Err(error) => Err(build.stopped(error).await),
            },
        };
        build.bulk.all_landed().await;
        match updated {
            Ok(updated) => Ok((build, updated.counts.read + updated.deleted)),
            Err(stopped) => {
                build.give_back().await;
                Err(stopped)
            }
        }
    }

    /// What a failure means: whatever failed, an index that another run has taken over, or removed, is the reason.
    async fn stopped(&self, error: anyhow::Error) -> Stopped {
        let lost = matches!(self.lease.confirm().await, Err(LeaseError::Lost));
        let error = if lost { ShutOut.into() } else { error };
        Stopped::midway(&format!("index `{}`", self.lease.index()), error)
    }

    /// Gives the index the settings of its file, makes everything searchable and counts it.
    pub(super) async fn settle(&self) -> Result<u64> {
        self.lease.confirm().await?;
        index::settle(&self.engine.client, self.lease.index(), &self.engine.plan.mapping).await
    }

    /// How many documents it holds, those included that were written just now.
    async fn count(&self) -> Result<u64> {
        let (client, name) = (&self.engine.client, self.lease.index());
        let counted = patiently(self.engine.patience(), async || {
            index::refresh(client, name).await?;
            index::documents(client, name).await
        });
        counted.await
    }

    /// Notes that all is loaded and counted.
    pub(super) async fn ended(&self, documents: u64) -> Result<()> {
        let update = self.lease.update(|state| {
            state.load.ended_at = Some(Timestamp::now());
            state.load.documents = Some(documents);
        });
        Ok(update.await?)
    }

    /// Leaves a generation that is not shown to readers: removed when nothing of it is loaded, else usable and ready to be gone
    /// on with. Returns how many root rows it holds. The run has failed already: that this fails too is only worth a line.
    pub(super) async fn leave(self) -> Option<u64> {
        if self.lease.lost().is_cancelled() || self.lease.confirm().await.is_err() {
            return None;
        }
        let load = self.lease.content().await.load;
        let loaded = load.counts().read;
        // Of an empty root, all is loaded.
        let worth_keeping = load.segments.iter().any(|segment| segment.counts.is_some());
        let index = self.lease.index().to_owned();
        let clean = self.bulk.all_answered();
        let left = match worth_keeping {
            true => self.settle().await.map(drop),
            false => remove(&self.engine, &index).await,
        };
        if let Err(error) = left.with_context(|| format!("index `{index}`")) {
            tracing::warn!(
                error = format!("{error:#}"),
                "the unfinished index could not be tidied up"
            );
        }
        if worth_keeping {
            self.lease.give_back(clean).await;
        }
        worth_keeping.then_some(loaded)
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
