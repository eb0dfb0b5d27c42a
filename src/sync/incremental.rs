//! The incremental run: the index that readers see is brought in step with the services.
//!
//! Promises: it is written under its lease, and only while readers see it; another run of the same job goes ahead or waits. What
//! the run did is remembered, however it ended.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use super::drift::keeps_from_sync;
use super::explain::root_key;
use super::live::lease_live;
use super::progress::Progress;
use super::report::Report;
use super::update::{Purpose, SyncOptions, Update};
use super::verify;
use super::{Engine, Stopped};
use crate::finding::Finding;
use crate::plan::Plan;
use crate::sink::bulk::MAX_ID_BYTES;
use crate::state::Claim;

/// What an index is kept in step by.
pub struct Kept {
    /// The plan is that of the job which built the index.
    pub engine: Arc<Engine>,
    /// The fingerprint of that job.
    pub built_by: String,
    /// What deserves to be known of it, for the report.
    pub warnings: Vec<String>,
}

/// Brings the index that serves in step with the services.
pub async fn sync(
    kept: &Kept,
    options: SyncOptions,
    progress: Arc<Progress>,
    cancel: CancellationToken,
) -> (Report, Result<(), Stopped>) {
    let began = Instant::now();
    // One that looked at a few documents says nothing of how far the index is in step.
    let mode = if options.ids.is_empty() { "sync" } else { "sync --id" };
    let engine = &kept.engine;
    let mut report = Report::begin(mode, &engine.plan);
    report.warnings.clone_from(&kept.warnings);
    let (sweep, allow_mass_delete) = (options.sweep, options.allow_mass_delete);
    let run = Run { kept, options, progress: Arc::clone(&progress), cancel: cancel.clone() };
    let mut ended = run.live(&mut report).await;
    report.count(&progress);
    // Whoever else is at it follows the changes meanwhile: the look needs no lease.
    let is_followed = matches!(ended, Ok(()) | Err(Stopped::Held(_)));
    // One that has come after deletions were forgotten has looked at everything already.
    if is_followed && sweep && !report.swept {
        let (swept, how) = Box::pin(verify::sweep(kept, allow_mass_delete, progress, cancel)).await;
        report.index.clone_from(&swept.index);
        report.sweep(&swept);
        ended = how;
    }
    report.end(&ended, began);
    if !report.index.is_empty()
        && let Err(error) = engine.state.record_run(&report).await
    {
        tracing::warn!(error = format!("{error:#}"), "the run could not be recorded for `status`");
    }
    (report, ended)
}

/// Makes sure that a document of the plan could have each of these ids.
///
/// # Errors
/// When one has other parts than the root's key, or the engine would not take it.
pub fn check_ids(plan: &Plan, ids: &[String]) -> Result<(), Finding> {
    for id in ids {
        if !(1..=MAX_ID_BYTES).contains(&id.len()) {
            let bytes = id.len();
            let what = format!("an id has 1 to {MAX_ID_BYTES} bytes, and one of these has {bytes}");
            let hint = format!(
                "a row with such a key is a dead letter: `prejoin dead-letters {} list`",
                plan.job
            );
            return Err(Finding::error(what).hint(hint));
        }
        root_key(plan, id)?;
    }
    Ok(())
}

/// The complaint that this run would keep an index in step by another job than built it.
pub(super) fn changed_over(index: &str) -> Finding {
    let what =
        format!("readers have changed over to {index}, which another job built, as this run began");
    Finding::error(what).hint("run it again: it is kept in step by that job then")
}

struct Run<'k> {
    kept: &'k Kept,
    options: SyncOptions,
    progress: Arc<Progress>,
    cancel: CancellationToken,
}

impl Run<'_> {
    /// Takes the lease of the index that serves for as long as the run lasts.
    async fn live(&self, report: &mut Report) -> Result<(), Stopped> {
        let Kept { engine, built_by, .. } = self.kept;
        let claim = Claim::of_this_process(report.mode, engine.lease_ttl);
        let plan = &engine.plan;
        let lease = lease_live(
            (&engine.client, &engine.state),
            (&plan.index, &plan.job),
            &claim,
            &self.cancel,
        );
        let lease = lease.await?;
        lease.index().clone_into(&mut report.index);
        let state = lease.content().await;
        // Readers have changed over to what another job has built since this one's was planned.
        let other = (state.job.fingerprint != *built_by).then(|| changed_over(&report.index));
        let drift = || keeps_from_sync(&report.index, &state, engine).map(anyhow::Error::from);
        let refused = other.map(Stopped::Held).or_else(|| drift().map(Stopped::NotStarted));
        if let Some(refused) = refused {
            lease.give_back(true).await;
            return Err(refused);
        }
        let update = Update {
            engine,
            progress: &self.progress,
            options: &self.options,
            purpose: Purpose::Sync,
        };
        let ended = update.hold(lease, &self.cancel).await.map(|updated| updated.tell(report));
        if ended.is_ok() {
            report.drift = engine.state.drift(&report.index, &state.uuid).await.ok().flatten();
            let asked: HashSet<&str> = self.options.ids.iter().map(String::as_str).collect();
            report.without_row = (asked.len() as u64).saturating_sub(report.read);
        }
        ended
    }
}
