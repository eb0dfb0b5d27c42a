//! The incremental run: the index that readers see is brought in step with the services.
//!
//! Promises: it is written under its lease, and only while readers see it; another run of the same job goes ahead or waits. What
//! the run did is remembered, however it ended.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use tokio_util::sync::CancellationToken;

use super::generations::known;
use super::progress::Progress;
use super::report::Report;
use super::update::{SyncOptions, Update};
use super::{Engine, ShutOut, Stopped};
use crate::sink::bulk::BulkWriter;
use crate::state::{Claim, IndexLease};

/// Brings the index that serves in step with the services. The plan is that of the job which built it.
pub async fn sync(
    engine: &Arc<Engine>,
    options: SyncOptions,
    progress: Arc<Progress>,
    cancel: CancellationToken,
) -> (Report, Result<(), Stopped>) {
    let began = Instant::now();
    let mut report = Report::begin("sync", &engine.plan);
    let run = Run { engine: Arc::clone(engine), options, progress: Arc::clone(&progress), cancel };
    let ended = run.live(&mut report).await;
    report.count(&progress);
    report.end(&ended, began);
    if !report.index.is_empty()
        && let Err(error) = engine.state.record_run(&report).await
    {
        tracing::warn!(error = format!("{error:#}"), "the run could not be recorded for `status`");
    }
    (report, ended)
}

struct Run {
    engine: Arc<Engine>,
    options: SyncOptions,
    progress: Arc<Progress>,
    cancel: CancellationToken,
}

impl Run {
    /// Takes the lease of the index that serves for as long as the run lasts.
    async fn live(&self, report: &mut Report) -> Result<(), Stopped> {
        let engine = &self.engine;
        let claim = Claim::of_this_process("sync", engine.lease_ttl);
        let lease = loop {
            let live = self.serving().await.map_err(Stopped::NotStarted)?;
            let lease = tokio::select! {
                biased;
                () = self.cancel.cancelled() => return Err(Stopped::Cancelled),
                lease = IndexLease::take(&engine.state, &live, &claim) => lease,
            };
            let lease = lease.map_err(|error| Stopped::not_taken(&live, error))?;
            // Readers may have changed over before it was had.
            match self.serving().await {
                Ok(serving) if serving == live => break lease,
                Ok(_) => lease.give_back(true).await,
                Err(error) => {
                    lease.give_back(true).await;
                    return Err(Stopped::NotStarted(error));
                }
            }
        };
        lease.index().clone_into(&mut report.index);
        let bulk =
            BulkWriter::new(engine.client.clone(), engine.patience()).within(engine.bounds());
        let what = format!("index `{}`", report.index);
        let lost = lease.lost();
        let update =
            Update { engine, progress: &self.progress, options: &self.options, wholly: true };
        let ended = tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(Stopped::Cancelled),
            () = lost.cancelled() => Err(Stopped::midway(&what, ShutOut.into())),
            done = update.run(&lease, &bulk) => {
                done.map(|updated| updated.tell(report)).map_err(|error| Stopped::midway(&what, error))
            }
        };
        bulk.all_landed().await;
        lease.give_back(bulk.all_answered()).await;
        ended
    }

    /// The real index that readers see.
    async fn serving(&self) -> Result<String> {
        let engine = &self.engine;
        let known = known(&engine.client, &engine.state, &engine.plan.index).await?;
        let live = known.generations.live().map(|live| live.name.clone());
        live.with_context(|| format!("`{}` points to no index yet", engine.plan.index))
    }
}
