//! The full load: a new index beside the live one, filled, counted, and only then swapped in.
//!
//! Promises: readers see the old index until the new one holds every root that was read and not kept as a dead letter. A
//! run that stops leaves the old index serving and removes what it had begun. Never swaps on a count that does not match.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use tokio::sync::mpsc::Receiver;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::pipeline::{Part, Reading, all_ended_well};
use super::progress::Progress;
use super::report::{Refusals, Report, now};
use super::writer::Writer;
use super::{Engine, Stopped};
use crate::finding::Finding;
use crate::hydrate::Hydrator;
use crate::sink::index::{self, NewGeneration};
use crate::sink::version::Versions;
use crate::source::PageSize;

/// What a full load may be told.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How many indexes that served before are kept.
    pub keep: usize,
}

/// Builds the index of the plan's job anew and swaps it in. Tells what it did also when it stopped: see [`Stopped`];
/// whichever it is, readers have what they had.
pub async fn reindex(
    engine: &Engine,
    options: Options,
    progress: Arc<Progress>,
    cancel: CancellationToken,
) -> (Report, Result<(), Stopped>) {
    let began = Instant::now();
    let mut report = Report {
        job: engine.plan.job.clone(),
        mode: "reindex",
        alias: engine.plan.index.clone(),
        started_at: now(),
        outcome: "not_started",
        ..Report::default()
    };
    let (client, alias) = (&engine.client, &engine.plan.index);
    let versions = match Versions::of_now() {
        Ok(versions) => versions,
        Err(error) => return (report, Err(Stopped::NotStarted(error))),
    };
    let created = index::create(client, alias, &engine.plan.mapping, versions.epoch()).await;
    let fresh = match created.context("a new index could not be created") {
        Ok(fresh) => fresh,
        Err(error) => return (report, Err(Stopped::NotStarted(error))),
    };
    let index = fresh.index.clone();
    report.index.clone_from(&index);
    tracing::info!(index, engine = %client.engine(), "filling a new index");
    let filled = tokio::select! {
        biased;
        () = cancel.cancelled() => Err(Stopped::Cancelled),
        filled = fill_and_count(engine, (&fresh, versions), &progress, &mut report) => filled.map_err(Stopped::Midway),
    };
    let ended = match filled {
        // From here on nothing is undone: an answer that was lost may belong to a swap that took place.
        Ok(()) => swap(engine, options, &mut report).await.map_err(Stopped::Midway),
        Err(stopped) => {
            report.count(&progress);
            discard(engine, &index).await;
            Err(stopped)
        }
    };
    report.outcome = match &ended {
        Ok(()) => "finished",
        Err(Stopped::Cancelled) => "cancelled",
        Err(_) => "stopped",
    };
    report.error = ended.as_ref().err().map(ToString::to_string);
    report.ended_at = now();
    report.seconds = began.elapsed().as_secs_f64();
    if let Err(error) = engine.state.record_run(&report).await {
        tracing::warn!(error = format!("{error:#}"), "the run could not be recorded for `status`");
    }
    (report, ended)
}

/// Removes what an ended run has left. The run has failed already: that this fails too is only worth a line.
async fn discard(engine: &Engine, index: &str) {
    let mut discarded = index::discard(&engine.client, index).await;
    if discarded.is_ok() {
        discarded = engine.state.drop_dead_letters(index).await;
    }
    if let Err(error) = discarded {
        tracing::warn!(
            index,
            error = format!("{error:#}"),
            "the unfinished index could not be removed"
        );
    }
}

async fn fill_and_count(
    engine: &Engine,
    target: (&NewGeneration, Versions),
    progress: &Arc<Progress>,
    report: &mut Report,
) -> Result<()> {
    engine.state.drop_dead_letters(&report.index).await?;
    fill(engine, target, progress, report).await?;
    report.written = index::settle(&engine.client, &report.index, &engine.plan.mapping).await?;
    compare(report)
}

async fn swap(engine: &Engine, options: Options, report: &mut Report) -> Result<()> {
    let (client, alias) = (&engine.client, &engine.plan.index);
    let before = index::swap(client, alias, &report.index).await.with_context(|| {
        format!("`{alias}` may or may not point to {} now: see `prejoin status`", report.index)
    })?;
    report.swapped = true;
    report.previous = before.into_iter().next();
    if let Err(error) = prune(engine, options, report).await {
        tracing::warn!(error = format!("{error:#}"), "older indexes could not be removed");
    }
    Ok(())
}

/// Removes older indexes, and the dead letters that belong to them.
async fn prune(engine: &Engine, options: Options, report: &mut Report) -> Result<()> {
    report.removed = index::prune(&engine.client, &engine.plan.index, options.keep).await?;
    for removed in &report.removed {
        engine.state.drop_dead_letters(removed).await?;
    }
    Ok(())
}

/// Reads everything, writes everything, and accounts for it in `report`.
async fn fill(
    engine: &Engine,
    (fresh, versions): (&NewGeneration, Versions),
    progress: &Arc<Progress>,
    report: &mut Report,
) -> Result<()> {
    let plan = &engine.plan;
    let source = engine.sources.get(&plan.root.source);
    let source = source.with_context(|| format!("source `{}` is not open", plan.root.source))?;
    report.keyless = source.count_keyless(&plan.root.read).await?;
    let hydrator = Arc::new(Hydrator::new(plan, &engine.sources, engine.load.cache_bytes));
    let size = PageSize { rows: engine.load.page_rows, bytes: engine.load.page_bytes };
    let reading = Reading {
        plan: Arc::clone(plan),
        hydrator: Arc::clone(&hydrator),
        source: Arc::clone(source),
        size,
        progress: Arc::clone(progress),
    };
    // Ends the reading when this function is left, however that happens.
    let mut tasks = JoinSet::new();
    let parts = reading.start(versions, &mut tasks);
    let mut written = write_all(engine, progress, (fresh, &mut report.refusals), parts).await;
    if written.is_ok() {
        written = all_ended_well(&mut tasks).await;
    }
    report.count(progress);
    (report.unclaimed, report.ambiguous) = hydrator.oddities().counts();
    written
}

async fn write_all(
    engine: &Engine,
    progress: &Arc<Progress>,
    (fresh, refusals): (&NewGeneration, &mut Refusals),
    mut parts: Receiver<Result<Part>>,
) -> Result<()> {
    let mut writer = Writer::new(engine, fresh, Arc::clone(progress));
    let written = write_parts(&mut writer, &mut parts).await;
    let finished = match written {
        Ok(()) => writer.finish().await,
        Err(error) => Err(error),
    };
    *refusals = writer.into_refusals();
    finished
}

async fn write_parts(writer: &mut Writer<'_>, parts: &mut Receiver<Result<Part>>) -> Result<()> {
    while let Some(part) = parts.recv().await {
        match part? {
            Part::Roots { version, level } => writer.add(version, &level).await?,
            Part::TooLarge { id, relation } => {
                writer.refuse(&id, "too_large", Some(relation)).await?;
            }
        }
    }
    Ok(())
}

/// What was read must be there: roots read, less dead letters, are the documents.
fn compare(report: &Report) -> Result<()> {
    let expected = report.read.saturating_sub(report.dead_letters);
    if report.written == expected {
        return Ok(());
    }
    let finding = Finding::error(format!(
        "{} root rows were read and {} became dead letters, but {} holds {} documents: not swapped",
        report.read, report.dead_letters, report.index, report.written
    ));
    Err(anyhow!(
        finding.hint("do two rows share one key? does something else write to this index?")
    ))
}
