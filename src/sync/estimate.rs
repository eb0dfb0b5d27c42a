//! What a full load will come to, from a sample: documents, bytes and minutes.
//!
//! Promises: seconds, whatever the size of the tables; every figure says where it comes from. Writes nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use futures::StreamExt;
use serde::Serialize;
use tokio::time::timeout;

use super::limits::{self, Sampled};
use crate::assemble::{Assembler, Masking};
use crate::config::LoadConfig;
use crate::hydrate::{Hydrated, Hydrator, Level};
use crate::plan::{Node, Plan};
use crate::source::{Budget, Counting, KeyRange, PageSize, Sources};
use crate::state::RunRecord;

/// How long roots are sampled.
const SAMPLING: Duration = Duration::from_secs(4);
/// How long all of it may take: a join without an index takes its time.
const PATIENCE: Duration = Duration::from_secs(20);
/// At how many places.
const PLACES: usize = 10;
/// Roots of one place.
const PAGE: usize = 500;
/// Rows from one place to the next, at most: they have to be counted.
const STRIDE: usize = 100_000;
/// Rows of a relation that are looked through for a key with many of them.
const LOOKED_THROUGH: usize = 100_000;
/// Bytes a second that an engine is taken to write until a run has shown it.
const ASSUMED_PACE: u64 = 8 << 20;

/// What a full load is likely to come to.
#[derive(Debug, Clone, Serialize)]
pub struct Estimate {
    /// Documents: rows of the root.
    pub documents: u64,
    /// How the rows of the root were found out.
    pub documents_by: Counting,
    /// Bytes of all documents.
    pub bytes: u64,
    /// How long it will take: reading or writing, whichever is slower.
    pub seconds: u64,
    /// Roots that were read, joined and assembled to find out.
    pub sampled: u64,
    /// Roots a second that were, when no limit of a source makes them wait.
    pub read_per_second: u64,
    /// The source whose limit of rows a second decides how long it will take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_back_by: Option<String>,
    /// Bytes a second that the engine writes.
    pub written_bytes_per_second: u64,
    /// `last_run`, or `assumed` while none is known.
    pub written_by: &'static str,
    /// Most nested objects in one document of the sample.
    pub nested_objects: u64,
    /// The list with the most rows of one key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub widest: Option<Widest>,
}

/// A list that gathers many rows under one key.
#[derive(Debug, Clone, Serialize)]
pub struct Widest {
    /// The relation's path.
    pub path: String,
    /// Most rows of one key, in what was looked through.
    pub rows: u64,
}

/// What the sample showed.
#[derive(Debug, Default)]
struct Sample {
    of: Sampled,
    bytes: u64,
    nested: u64,
    seconds: f64,
}

/// Estimates a full load of `plan`. `last` is the job's last run, when one is remembered.
///
/// # Errors
/// When a source fails, it would take long, or there was no time for a single root.
pub async fn estimate(
    plan: &Plan,
    sources: &Sources,
    sizes: (&LoadConfig, Option<Masking>),
    last: Option<&RunRecord>,
) -> Result<Estimate> {
    let estimated = timeout(PATIENCE, estimated(plan, sources, sizes, last)).await;
    estimated.unwrap_or_else(|_| Err(anyhow!("it takes longer than {PATIENCE:?}")))
}

async fn estimated(
    plan: &Plan,
    sources: &Sources,
    sizes: (&LoadConfig, Option<Masking>),
    last: Option<&RunRecord>,
) -> Result<Estimate> {
    let source = sources.get(&plan.root.source);
    let source = source.with_context(|| format!("source `{}` is not open", plan.root.source))?;
    let counted = source.count(&plan.root.read).await?;
    let kept = sizes.0.cache_bytes > 0;
    let sample = sample(plan, sources, sizes, counted.rows).await?;
    // Of nothing nothing follows, least of all that a load has next to nothing to do.
    let none = sample.of.roots == 0 && counted.rows > 0;
    ensure!(!none, "no row of the root could be read and joined within {SAMPLING:?}");
    let bytes = sample.of.in_all(sample.bytes, counted.rows);
    let read_per_second = per_second(sample.of.roots, sample.seconds);
    let last = last.and_then(pace);
    let (pace, written_by) = last.map_or((ASSUMED_PACE, "assumed"), |pace| (pace, "last_run"));
    let unhindered = (counted.rows / read_per_second.max(1)).max(bytes / pace.max(1));
    let slowest = limits::slowest(plan, sources, &sample.of, counted.rows, kept).await?;
    let slowest = slowest.filter(|(_, seconds)| *seconds > unhindered);
    Ok(Estimate {
        documents: counted.rows,
        documents_by: counted.by,
        bytes,
        seconds: slowest.map_or(unhindered, |(_, seconds)| seconds),
        sampled: sample.of.roots,
        read_per_second,
        held_back_by: slowest.map(|(source, _)| source.to_owned()),
        written_bytes_per_second: pace,
        written_by,
        nested_objects: sample.nested,
        widest: widest(plan, sources).await?,
    })
}

/// Bytes a second of a run that came to its end.
fn pace(run: &RunRecord) -> Option<u64> {
    let number = |name: &str| run.report.get(name)?.as_f64();
    let (bytes, seconds) = (number("bytes")?, number("seconds")?);
    let finished = run.report.get("outcome").is_some_and(|outcome| outcome == "finished");
    // Of a handful of documents nothing follows.
    (finished && bytes >= 1e6).then(|| whole(bytes / seconds.max(0.001)))
}

fn per_second(count: u64, seconds: f64) -> u64 {
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let count = count as f64;
    whole(count / seconds.max(0.001))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate for people")]
fn whole(rate: f64) -> u64 {
    rate.max(0.0) as u64
}

/// Reads, joins and assembles roots at places as far apart as possible, until there are enough of them or it has taken
/// long enough.
async fn sample(
    plan: &Plan,
    sources: &Sources,
    (load, masking): (&LoadConfig, Option<Masking>),
    rows: u64,
) -> Result<Sample> {
    let read = &plan.root.read;
    let source = sources.get(&plan.root.source).context("the root's source is not open")?;
    let began = Instant::now();
    let hydrator = Hydrator::new(plan, sources, load.cache_bytes, masking.clone());
    let mut assembler = Assembler::new(plan, masking, "2026-01-01T00:00:00.000Z", load.page_bytes);
    let size = PageSize { rows: PAGE, bytes: load.page_bytes };
    let stride = usize::try_from(rows).map_or(STRIDE, |rows| rows / PLACES).clamp(PAGE, STRIDE);
    let (mut sample, mut range) = (Sample::default(), KeyRange::default());
    for _ in 0..PLACES {
        let (place, waited) = (Instant::now(), limits::waits(sources));
        let page = source.scan(Arc::clone(read), range.clone(), size).next().await;
        let Some(page) = page else { break };
        let mut waiting = vec![Arc::new(page.context("the root's rows")?)];
        while let Some(page) = waiting.pop().filter(|_| began.elapsed() < SAMPLING) {
            let (rows, budget) = (page.len(), Budget::new(load.page_bytes));
            match hydrator.hydrate(&plan.root, Arc::clone(&page), &budget).await? {
                Hydrated::Whole(level, _) => add(&mut sample, &mut assembler, (plan, &level)),
                Hydrated::Overflow(_) if rows > 1 => {
                    waiting.push(Arc::new(page.part(rows / 2, rows)));
                    waiting.push(Arc::new(page.part(0, rows / 2)));
                }
                // One root that does not fit into memory becomes no document.
                Hydrated::Overflow(_) => sample.of.roots += 1,
            }
        }
        // A load waits too: how long, the limits tell better than a few pages.
        let waited = limits::longest_wait(&waited, &limits::waits(sources));
        sample.seconds += place.elapsed().saturating_sub(waited).as_secs_f64();
        if began.elapsed() >= SAMPLING {
            break;
        }
        // A load does that too, but once for many more rows: its time does not count.
        range.from = source.step(read, &range, stride).await?;
        if range.from.is_none() {
            break;
        }
    }
    Ok(sample)
}

fn add(sample: &mut Sample, assembler: &mut Assembler<'_>, (plan, roots): (&Plan, &Level)) {
    let (mut id, mut document) = (String::new(), Vec::new());
    sample.of.add_rows(plan, roots);
    for row in 0..roots.rows.len() {
        sample.of.roots += 1;
        sample.nested = sample.nested.max(nested(&plan.root, roots, row));
        if !assembler.id(roots, row, &mut id) {
            continue;
        }
        document.clear();
        // What is refused becomes no document.
        if assembler.document(roots, row, &id, &mut document).is_ok() {
            sample.bytes += document.len() as u64;
        }
    }
}

/// Elements of lists below one row, at any depth: each is an object of its own to the engine.
fn nested(node: &Node, level: &Level, row: usize) -> u64 {
    let mut all = 0;
    for (child, joined) in node.children.iter().zip(&level.joined) {
        let span = joined.spans.get(row).copied().unwrap_or_default();
        let many = child.join.as_ref().is_some_and(|join| join.many);
        all += if many { span.len as u64 } else { 0 };
        // Objects that are written already have no lists in them.
        let Some(level) = joined.level() else { continue };
        all += span.range().map(|row| nested(child, level, row)).sum::<u64>();
    }
    all
}

/// The list whose rows gather most under one key.
async fn widest(plan: &Plan, sources: &Sources) -> Result<Option<Widest>> {
    let mut widest: Option<Widest> = None;
    for node in plan.root.walk() {
        let many = node.join.as_ref().is_some_and(|join| join.many);
        let Some(source) = sources.get(&node.source).filter(|_| many) else { continue };
        let rows = source.fan_out(&node.read, LOOKED_THROUGH).await?;
        if widest.as_ref().is_none_or(|widest| rows > widest.rows) {
            widest = Some(Widest { path: node.path.clone(), rows });
        }
    }
    Ok(widest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn run(report: serde_json::Value) -> RunRecord {
        let text = String::new;
        RunRecord {
            job: text(),
            mode: text(),
            index: text(),
            started_at: text(),
            ended_at: text(),
            report,
        }
    }

    #[test]
    fn only_a_run_that_ended_well_and_did_something_shows_a_pace() {
        let told = |outcome: &str, bytes: u64| {
            pace(&run(json!({"outcome": outcome, "bytes": bytes, "seconds": 2.0})))
        };
        assert_eq!(told("finished", 10_000_000), Some(5_000_000));
        assert_eq!(told("stopped", 10_000_000), None);
        assert_eq!(told("finished", 1_000), None);
        assert_eq!(pace(&run(json!({}))), None);
    }
}
