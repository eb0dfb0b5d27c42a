//! Holds every document of an index against the oracle's.
//!
//! All documents are compared, none is sampled, and none is kept: memory does not grow with their
//! number. The engine's stored sources are read by the oracle's keys, so a document is found missing
//! by its key and a document too many by the count. `_prejoin`, which belongs to the index and not
//! to the data, is taken off first.

use std::fmt;

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, TryStreamExt};
use serde_json::Value;
use sqlx::postgres::PgConnection;

use super::diff::{Diff, Place};
use super::engine::Engine;
use super::oracle::{self, Row};

const DOCUMENTS_A_REQUEST: usize = 500;
const IN_FLIGHT: usize = 3;
const FINDINGS_SHOWN: usize = 10;
const PLACES_SHOWN: usize = 5;

/// What a comparison found.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Documents that the oracle has; each was looked for and compared.
    pub(crate) compared: u64,
    /// Documents in both that are not equal.
    pub(crate) different: u64,
    /// Documents that only the oracle has.
    pub(crate) missing: u64,
    /// Documents that only the engine has.
    pub(crate) extra: u64,
    /// Equal documents in which some object's keys come in another order.
    pub(crate) reordered: u64,
    /// The first documents that are different or missing.
    pub(crate) first: Vec<Finding>,
}

/// A document that is not as the oracle says.
#[derive(Debug)]
pub(crate) struct Finding {
    /// The document's key.
    pub(crate) key: String,
    /// The first places where it differs; none if the engine has no such document.
    pub(crate) places: Vec<Place>,
}

impl Report {
    /// The number of documents that are different, missing or too many.
    pub(crate) fn differences(&self) -> u64 {
        self.different + self.missing + self.extra
    }

    fn add(&mut self, other: Self) {
        self.compared += other.compared;
        self.different += other.different;
        self.missing += other.missing;
        self.reordered += other.reordered;
        let room = FINDINGS_SHOWN.saturating_sub(self.first.len());
        self.first.extend(other.first.into_iter().take(room));
    }

    fn take(&mut self, key: String, oracle: &Value, engine: Option<Value>) {
        self.compared += 1;
        let places = if let Some(mut engine) = engine {
            if let Some(fields) = engine.as_object_mut() {
                // Not `remove`: that would move the last key into its place.
                fields.shift_remove("_prejoin");
            }
            let diff = Diff::between(oracle, &engine);
            if diff.places.is_empty() {
                self.reordered += u64::from(diff.reordered);
                return;
            }
            self.different += 1;
            diff.places.into_iter().take(PLACES_SHOWN).collect()
        } else {
            self.missing += 1;
            Vec::new()
        };
        if self.first.len() < FINDINGS_SHOWN {
            self.first.push(Finding { key, places });
        }
    }
}

/// Compares the whole index with the whole of the oracle; the index must not change meanwhile.
pub(crate) async fn compare(oracle: &mut PgConnection, engine: &Engine) -> Result<Report> {
    let documents = engine.count().await?;
    let mut report = Report::default();
    let mut chunks = oracle::rows(oracle)
        .try_chunks(DOCUMENTS_A_REQUEST)
        .map_err(|stopped| stopped.1)
        .map_ok(|rows| tokio::spawn(compare_chunk(engine.clone(), rows)))
        .map_ok(|task| async { task.await.context("comparing a chunk of documents")? })
        .try_buffered(IN_FLIGHT)
        .boxed();
    while let Some(chunk) = chunks.try_next().await? {
        report.add(chunk);
    }
    ensure!(report.compared > 0, "the oracle has no documents to compare");
    let found = report.compared - report.missing;
    let extra = documents.checked_sub(found);
    report.extra = extra.context("the index lost documents while it was compared")?;
    Ok(report)
}

async fn compare_chunk(engine: Engine, rows: Vec<Row>) -> Result<Report> {
    let keys: Vec<&str> = rows.iter().map(|(key, _)| key.as_str()).collect();
    let sources = engine.sources(&keys).await?;
    let mut report = Report::default();
    for ((key, document), source) in rows.into_iter().zip(sources) {
        let oracle = serde_json::from_str(&document)
            .with_context(|| format!("reading the oracle's document `{key}`"))?;
        report.take(key, &oracle, source);
    }
    Ok(report)
}

impl fmt::Display for Report {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { compared, different, missing, extra, reordered, .. } = self;
        let (count, s) = (self.differences(), if self.differences() == 1 { "" } else { "s" });
        write!(to, "{compared} documents compared, {count} difference{s}")?;
        write!(to, " ({different} different, {missing} missing, {extra} too many)")?;
        if *reordered > 0 {
            write!(to, "\n{reordered} equal documents have keys in another order")?;
        }
        for finding in &self.first {
            if finding.places.is_empty() {
                write!(to, "\n  {}: missing in the engine", finding.key)?;
            }
            for place in &finding.places {
                write!(to, "\n  {}: {}: {}", finding.key, place.path, place.what)?;
                if to.alternate() {
                    let (oracle, engine) = &place.values;
                    write!(to, " (oracle {oracle}, engine {engine})")?;
                }
            }
        }
        Ok(())
    }
}
