//! The full load: a new index beside the live one, filled, counted, and only then swapped in.
//!
//! Promises: readers see the old index until the new one holds every root that was read and not kept as a dead letter. A
//! run that stops leaves the old index serving and removes what it had begun. Never swaps on a count that does not match.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use jiff::Timestamp;
use tokio::sync::mpsc::Receiver;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::pipeline::{Part, Reading};
use super::progress::Progress;
use super::report::Report;
use super::writer::Writer;
use super::{Engine, Stopped};
use crate::finding::Finding;
use crate::hydrate::Hydrator;
use crate::sink::index::{self, NewGeneration};
use crate::sink::version::{Versions, epoch};
use crate::source::PageSize;

/// What a full load may be told.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How many indexes that served before are kept.
    pub keep: usize,
}

/// Builds the index of the plan's job anew and swaps it in.
///
/// # Errors
/// See [`Stopped`]; whichever it is, readers have what they had.
pub async fn reindex(
    engine: &Engine,
    options: Options,
    progress: Arc<Progress>,
    cancel: CancellationToken,
) -> Result<Report, Stopped> {
    let began = Instant::now();
    let mut report = Report {
        job: engine.plan.job.clone(),
        mode: "reindex",
        alias: engine.plan.index.clone(),
        started_at: Timestamp::now().to_string(),
        ..Report::default()
    };
    let (client, alias) = (&engine.client, &engine.plan.index);
    let versions = Versions::new(epoch(Timestamp::now()));
    let fresh = index::create(client, alias, &engine.plan.mapping, versions.epoch())
        .await
        .context("a new index could not be created")
        .map_err(Stopped::NotStarted)?;
    let index = fresh.index.clone();
    report.index.clone_from(&index);
    tracing::info!(index, engine = %client.engine(), "filling a new index");
    let filled = tokio::select! {
        biased;
        () = cancel.cancelled() => Err(Stopped::Cancelled),
        filled = fill_and_count(engine, (&fresh, versions), &progress, &mut report) => filled.map_err(Stopped::Midway),
    };
    if let Err(stopped) = filled {
        // The run has failed already: that its leavings could not be removed is only worth a line.
        if let Err(error) = index::discard(client, &index).await {
            tracing::warn!(
                index,
                error = format!("{error:#}"),
                "the unfinished index could not be removed"
            );
        }
        return Err(stopped);
    }
    // From here on nothing is undone: an answer that was lost may belong to a swap that took place.
    swap(engine, options, &mut report).await.map_err(Stopped::Midway)?;
    report.ended_at = Timestamp::now().to_string();
    report.seconds = began.elapsed().as_secs_f64();
    if let Err(error) = engine.state.record_run(&report).await {
        tracing::warn!(error = format!("{error:#}"), "the run could not be recorded for `status`");
    }
    Ok(report)
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
    match index::prune(client, alias, options.keep).await {
        Ok(removed) => report.removed = removed,
        Err(error) => {
            tracing::warn!(error = format!("{error:#}"), "older indexes could not be removed")
        }
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
    let written = write_all(engine, progress, fresh, parts).await;
    report.read = progress.read();
    report.dead_letters = progress.dead();
    report.bytes = progress.bytes();
    (report.unclaimed, report.ambiguous) = hydrator.oddities().counts();
    written
}

async fn write_all(
    engine: &Engine,
    progress: &Arc<Progress>,
    fresh: &NewGeneration,
    mut parts: Receiver<Result<Part>>,
) -> Result<()> {
    let mut writer = Writer::new(engine, fresh, Arc::clone(progress));
    while let Some(part) = parts.recv().await {
        match part? {
            Part::Roots { version, level } => writer.add(version, &level).await?,
            Part::TooLarge { id, relation } => {
                writer.refuse(&id, "too_large", Some(relation)).await?
            }
        }
    }
    writer.finish().await
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
    Err(anyhow!(finding.hint("run it again; if it stays so, look for two writers to one index")))
}
