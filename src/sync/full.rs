//! The full load: a new index beside the live one, filled, counted, and only then swapped in.
//!
//! Promises: readers see the old index until the new one holds every root that was read and not kept as a dead letter. One run
//! at a time builds for an alias. A run that stops leaves the old index serving, and what it has loaded ready to be gone on
//! with. Never swaps on a count that does not match, nor on relations that have shrunk unless told so.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use tokio_util::sync::CancellationToken;

use super::build::{Build, remove};
use super::drift::retyped;
use super::generations::{Known, known};
use super::progress::Progress;
use super::report::Report;
use super::swap::Swap;
use super::{Engine, Stopped, compare, unless_shut_out};
use crate::failpoint::{self, Point};
use crate::finding::Finding;
use crate::plan::{Seen, Watch};
use crate::sink::index::Extent;
use crate::sink::patiently;
use crate::state::{AliasLease, AliasState, Claim, Counts, IndexLease};

/// What a full load may be told.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// How many indexes that served before are kept.
    pub keep: usize,
    /// Go on with what an earlier run has left.
    pub resume: bool,
    /// Build and count, and leave the rest to a later `--resume`.
    pub no_swap: bool,
    /// Swap although a relation has lost many of its rows.
    pub allow_shrink: bool,
    /// Take an alias over from another job.
    pub adopt: bool,
    /// Build although columns have changed their types since the last generation.
    pub allow_schema_change: bool,
}

/// Builds the index of the plan's job anew and swaps it in. Tells what it did also when it stopped: see [`Stopped`];
/// whichever it is, readers have what they had.
pub async fn reindex(
    engine: &Arc<Engine>,
    options: Options,
    progress: Arc<Progress>,
    cancel: CancellationToken,
) -> (Report, Result<(), Stopped>) {
    let began = Instant::now();
    let mut report = Report::begin("reindex", &engine.plan);
    let mut run = Run { engine: Arc::clone(engine), options, progress, cancel };
    let ended = run.under_lease(&mut report).await;
    report.end(&ended, began);
    // One that changed nothing is not worth remembering, nor may the engine be there.
    if !report.index.is_empty()
        && let Err(error) = engine.state.record_run(&report).await
    {
        tracing::warn!(error = format!("{error:#}"), "the run could not be recorded for `status`");
    }
    (report, ended)
}

/// Roots that may be built while nobody else writes.
const LITTLE: u64 = 1_000;
/// How often it is tried to have no more than that: services may change faster than they are read.
const ROUNDS: usize = 10;

/// The complaint that an index is another job's.
pub(super) fn built_by_another(alias: &str, job: &str, owner: &str) -> Finding {
    let hint = "give the job another `index:`; if that is its former name: `prejoin reindex";
    Finding::error(format!("the index `{alias}` is built by another job, `{owner}`"))
        .hint(format!("{hint} {job} --adopt`"))
}

/// What to do about an index that waits for its swap.
fn complete(report: &Report) -> String {
    format!(
        "{} is complete and not shown to readers: `prejoin reindex {} --resume` swaps it in",
        report.index, report.job
    )
}

struct Run {
    engine: Arc<Engine>,
    options: Options,
    progress: Arc<Progress>,
    cancel: CancellationToken,
}

impl Run {
    /// Takes the alias's lease for as long as the run lasts.
    async fn under_lease(&mut self, report: &mut Report) -> Result<(), Stopped> {
        let (engine, job) = (Arc::clone(&self.engine), self.engine.plan.job.clone());
        let alias = &engine.plan.index;
        let claim = Claim::of_this_process("reindex", engine.lease_ttl);
        let cancel = self.cancel.clone();
        let first = AliasState { job, last: 0 };
        let lease = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(Stopped::Cancelled),
            lease = engine.state.lease_alias(alias, &claim, first) => lease,
        };
        let lease = lease.map_err(|error| Stopped::before(&format!("alias `{alias}`"), error));
        let lease = lease?;
        let ended = match self.check_owner(&lease).await {
            Ok(()) => self.build(&lease, &claim, report).await,
            Err(stopped) => Err(stopped),
        };
        let has_failed = matches!(ended, Err(Stopped::Midway(_)));
        let ended = unless_shut_out(&lease, alias, ended).await;
        if has_failed && matches!(ended, Err(Stopped::Held(_))) {
            // What this run had built is gone.
            report.next = None;
        }
        lease.give_back(true).await;
        ended
    }

    /// Two jobs that build one alias would undo each other's work.
    async fn check_owner(&self, lease: &AliasLease) -> Result<(), Stopped> {
        let (job, owner) = (&self.engine.plan.job, lease.content().await.job);
        if owner == *job {
            return Ok(());
        }
        if !self.options.adopt {
            let finding = built_by_another(&self.engine.plan.index, job, &owner);
            return Err(Stopped::NotStarted(finding.into()));
        }
        let adopted = lease.update(|state| state.job.clone_from(job)).await;
        adopted.map_err(|error| Stopped::before("the alias", error))
    }

    async fn build(
        &mut self,
        alias: &AliasLease,
        claim: &Claim,
        report: &mut Report,
    ) -> Result<(), Stopped> {
        let engine = Arc::clone(&self.engine);
        let known = known(&engine.client, &engine.state, &engine.plan.index).await;
        let known = known.map_err(Stopped::NotStarted)?;
        self.check_columns(&known)?;
        let build = tokio::select! {
            biased;
            () = self.cancel.cancelled() => return Err(Stopped::Cancelled),
            build = async {
                match self.options.resume {
                    true => Build::go_on(&engine, &known, claim).await,
                    false => Build::begin(&engine, (&known, alias), claim).await,
                }
            } => build?,
        };
        report.index = build.lease.index().to_owned();
        if self.options.resume {
            report.resumed_at = Some(build.lease.content().await.load.counts().read);
        }
        tracing::info!(index = report.index, engine = %engine.client.engine(), "loading");
        let (build, loaded) = build.load(&self.progress, (&self.cancel, &alias.lost())).await;
        report.count(&self.progress);
        let checked = match (&build, loaded) {
            (Some(build), Ok(counts)) => self.check(build, &known, &counts, report).await,
            (_, loaded) => loaded.map(drop),
        };
        let Some(build) = build else { return checked };
        match checked {
            Ok(()) if self.options.no_swap => {
                report.next = Some(complete(report));
                build.give_back().await;
                Ok(())
            }
            Ok(()) => self.swap_in(build, (&known, alias), claim, report).await,
            Err(stopped) => {
                if let Some(rows) = build.leave().await {
                    report.next = Some(format!(
                        "{} keeps {rows} root rows: `prejoin reindex {} --resume` goes on from there, without --resume it begins anew",
                        report.index, report.job
                    ));
                }
                Err(stopped)
            }
        }
    }

    /// Columns that changed since the index that serves was built.
    fn check_columns(&self, known: &Known) -> Result<(), Stopped> {
        let Some(state) = known.live_state().filter(|_| !self.options.allow_schema_change) else {
            return Ok(());
        };
        let Some(first) = retyped(state, &self.engine) else { return Ok(()) };
        let hint =
            "correct the job and its mapping where they need it, then: --allow-schema-change";
        Err(Stopped::NotStarted(first.hint(hint).into()))
    }

    /// Whether readers may see it.
    async fn check(
        &self,
        build: &Build,
        known: &Known,
        counts: &Counts,
        report: &mut Report,
    ) -> Result<(), Stopped> {
        report.total(counts);
        let load = build.lease.content().await.load;
        let what = format!("index `{}`", report.index);
        let counted = async {
            let engine = &self.engine;
            let source =
                engine.sources.get(&engine.plan.root.source).context("the root's source")?;
            report.keyless = source.count_keyless(&engine.plan.root.read).await?;
            let patience = engine.patience();
            report.written = patiently(patience, async || build.settle().await).await?;
            match load.ended_at {
                None => compare::all_there(counts, report.written, &report.index)?,
                // What was read is not what is there any more: it has been brought in step since.
                Some(_) => compare::as_counted(load.documents, report.written, &report.index)?,
            }
            patiently(patience, async || build.ended(report.written).await).await
        };
        counted.await.map_err(|error| Stopped::midway(&what, error))?;
        if self.cancel.is_cancelled() {
            return Err(Stopped::Cancelled);
        }
        // Of an index that nothing is remembered of, the documents are known at least.
        let before = match (known.live_state(), known.generations.live()) {
            (Some(state), _) => Some(state.load.counts()),
            (None, Some(live)) => {
                let extent = Extent::read(&self.engine.client, &live.name).await;
                let documents = extent.map_err(|error| Stopped::midway(&what, error))?.documents;
                documents.map(|read| Counts { read, ..Counts::default() })
            }
            (None, None) => None,
        };
        let before = before.filter(|_| !self.options.allow_shrink);
        let shrunk = before.map(|before| compare::shrunk(&before, counts));
        match shrunk.filter(|shrunk| !shrunk.is_empty()) {
            Some(shrunk) => {
                let finding = compare::too_small(&report.job, &report.index, &shrunk);
                Err(Stopped::Midway(finding.into()))
            }
            None => Ok(()),
        }
    }

    async fn swap_in(
        &self,
        build: Build,
        (known, alias): (&Known, &AliasLease),
        claim: &Claim,
        report: &mut Report,
    ) -> Result<(), Stopped> {
        let engine = &self.engine;
        let swap = Swap {
            client: &engine.client,
            state: &engine.state,
            claim,
            alias: (&engine.plan.index, alias),
            live: known.generations.live().map(|live| live.name.as_str()),
        };
        failpoint::reach(Point::BeforeCatchUp).await;
        let (build, old) = self.catch_up(build, &swap, report).await?;
        let swapped = swap.under(&build.lease, old).await;
        build.give_back().await;
        if matches!(swapped, Err(Stopped::Cancelled)) {
            report.next = Some(complete(report));
        }
        report.previous = swapped?;
        report.swapped = true;
        if let Err(error) = self.prune(alias, report).await {
            tracing::warn!(error = format!("{error:#}"), "older indexes could not be removed");
        }
        Ok(())
    }

    /// Brings the new index in step with what has changed meanwhile: until little is left, and then once more while nobody
    /// writes to the one that serves, so that readers never see less of a change than they have seen before.
    async fn catch_up(
        &self,
        mut build: Build,
        swap: &Swap<'_>,
        report: &mut Report,
    ) -> Result<(Build, Option<IndexLease>), Stopped> {
        let tells = |watch: &Watch| matches!(watch.seen, Seen::Marked(_)) || watch.gone.is_some();
        let nodes = self.engine.plan.root.walk();
        let is_seen = nodes.iter().flat_map(|node| &node.watches).any(tells);
        let allow = self.options.allow_shrink;
        let rounds = if is_seen && swap.live.is_some() { ROUNDS } else { 0 };
        for _ in 0..rounds {
            report.next = Some(complete(report));
            let led;
            (build, led) = build.catch_up(&self.progress, allow, &self.cancel).await?;
            report.caught_up += led;
            if led <= LITTLE {
                break;
            }
        }
        let old = match swap.hold_old(build.lease.index(), &self.cancel).await {
            Ok(old) => old,
            Err(stopped) => {
                if matches!(stopped, Stopped::Cancelled) {
                    report.next = Some(complete(report));
                }
                build.give_back().await;
                return Err(stopped);
            }
        };
        if rounds == 0 {
            return Ok((build, old));
        }
        match build.catch_up(&self.progress, allow, &self.cancel).await {
            Ok((build, led)) => {
                report.caught_up += led;
                report.next = None;
                Ok((build, old))
            }
            Err(stopped) => {
                if let Some(old) = old {
                    old.give_back(true).await;
                }
                Err(stopped)
            }
        }
    }

    /// Removes older indexes, and what is remembered of them.
    async fn prune(&self, alias: &AliasLease, report: &mut Report) -> Result<()> {
        let engine = &self.engine;
        let known = known(&engine.client, &engine.state, &engine.plan.index).await?;
        for surplus in known.surplus(self.options.keep) {
            alias.confirm().await?;
            remove(engine, &surplus.name).await?;
            report.removed.push(surplus.name.clone());
        }
        Ok(())
    }
}
