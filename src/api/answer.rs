//! The engine's answer to a search, and ours.
//!
//! Promises: values of rows and of sorts stay text, so that no number loses a digit. An answer that is not whole is no answer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::buckets::Buckets;
use super::highlights::Highlights;
use super::problem::Problem;
use crate::query::{Document, Selection};

/// What the engine answers.
#[derive(Deserialize)]
pub(super) struct EngineAnswer {
    timed_out: bool,
    #[serde(rename = "_shards")]
    shards: Shards,
    pub(super) hits: Hits,
    /// How long it was.
    #[serde(skip)]
    pub(super) bytes: usize,
    /// The snapshot's name from now on.
    pub(super) pit_id: Option<String>,
    /// Counts of facets and aggregates.
    #[serde(default)]
    pub(super) aggregations: serde_json::Value,
}

#[derive(Deserialize)]
struct Shards {
    total: u32,
    failed: u32,
}

#[derive(Deserialize)]
pub(super) struct Hits {
    pub(super) total: Option<Total>,
    pub(super) hits: Vec<Hit>,
}

/// How many documents match.
#[derive(Deserialize, Serialize)]
pub(super) struct Total {
    value: u64,
    relation: String,
}

impl Total {
    /// How many, if that is the whole truth.
    pub(super) fn exact(&self) -> Option<u64> {
        (self.relation == "eq").then_some(self.value)
    }
}

#[derive(Deserialize)]
pub(super) struct Hit {
    #[serde(rename = "_index")]
    pub(super) index: String,
    #[serde(rename = "_id")]
    pub(super) id: String,
    /// Empty where it was not asked for.
    #[serde(rename = "_source", default)]
    pub(super) source: Document,
    pub(super) sort: Box<RawValue>,
    /// By the engine's fields.
    #[serde(default)]
    pub(super) highlight: BTreeMap<String, Vec<String>>,
}

impl EngineAnswer {
    /// How many documents match, where all were counted.
    pub(super) fn documents(&self) -> Option<u64> {
        self.hits.total.as_ref()?.exact()
    }

    /// Itself, if all of the index answered.
    pub(super) fn whole(self) -> Result<Self, Problem> {
        if self.timed_out {
            return Err(Problem::engine_timeout());
        }
        if self.shards.failed > 0 || self.shards.total == 0 {
            return Err(Problem::partial_result());
        }
        Ok(self)
    }
}

/// What a search is answered with beside the rows.
#[derive(Serialize)]
pub(super) struct Found<'a> {
    pub(super) page: FoundPage,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) total: Option<Total>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) highlights: Option<Highlights<'a>>,
    #[serde(flatten)]
    pub(super) buckets: Buckets,
}

#[derive(Serialize)]
pub(super) struct FoundPage {
    pub(super) size: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) number: Option<usize>,
    pub(super) next: Option<String>,
    pub(super) has_next: bool,
}

/// Writes the rows of a page as a JSON list, each by `write`.
pub(super) fn rows(
    hits: &[Hit],
    out: &mut String,
    write: impl Fn(&Hit, &mut String) -> Result<(), Problem>,
) -> Result<(), Problem> {
    out.push('[');
    for (number, hit) in hits.iter().enumerate() {
        if number > 0 {
            out.push(',');
        }
        write(hit, out)?;
    }
    out.push(']');
    Ok(())
}

/// Writes one row.
pub(super) fn write(selection: &Selection, hit: &Hit, out: &mut String) -> Result<(), Problem> {
    selection.row(&hit.id, &hit.source, out).map_err(|_| Problem::internal())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(timed_out: bool, total: u32, failed: u32) -> bool {
        let shards = Shards { total, failed };
        let hits = Hits { total: None, hits: Vec::new() };
        EngineAnswer {
            timed_out,
            shards,
            hits,
            bytes: 0,
            pit_id: None,
            aggregations: serde_json::Value::Null,
        }
        .whole()
        .is_ok()
    }

    #[test]
    fn half_an_answer_is_none() {
        assert!(whole(false, 3, 0));
        assert!(!whole(true, 3, 0));
        assert!(!whole(false, 3, 1));
        assert!(!whole(false, 0, 0));
    }
}
