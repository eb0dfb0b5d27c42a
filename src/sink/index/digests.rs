//! What an index holds under given ids: whether there is a document, and its digest.
//!
//! Promises: as of the last refresh; a part of the index that does not answer is an error. Fetches no document: the engine
//! keeps digests in a column of their own, which is several times as fast as taking them out of the documents.

use std::collections::HashMap;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::json;

use super::{by_primaries, whole};
use crate::mapping::OWN_FIELD;
use crate::sink::client::{Client, Method};
use crate::sink::patience::{Patience, PatienceSettings};

/// Ids that are asked for in one request: below the engine's limit of an answer (`index.max_result_window`, 10,000).
const AT_ONCE: usize = 5_000;

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    hits: Hits,
}

#[derive(Deserialize, Default)]
struct Hits {
    #[serde(default)]
    hits: Vec<Hit>,
}

#[derive(Deserialize)]
struct Hit {
    #[serde(rename = "_id")]
    id: String,
    #[serde(default)]
    fields: Fields,
}

#[derive(Deserialize, Default)]
struct Fields {
    #[serde(rename = "_prejoin.digest", default)]
    digest: Vec<i64>,
}

/// The digests of those of the ids that have a document, with `None` where it has no digest.
///
/// # Errors
/// When the engine does not answer for longer than `patience` lasts, refuses, or cannot look at all of the index.
pub async fn digests(
    client: &Client,
    patience: PatienceSettings,
    index: &str,
    ids: &[&str],
) -> Result<HashMap<String, Option<i64>>> {
    let mut all = HashMap::with_capacity(ids.len());
    for ids in ids.chunks(AT_ONCE) {
        let mut patience = Patience::new(patience);
        let hits = loop {
            match look(client, index, ids).await {
                Ok(hits) => break hits,
                Err(error) => patience.bear(error).await?,
            }
        };
        all.extend(hits.into_iter().map(|hit| (hit.id, hit.fields.digest.first().copied())));
    }
    Ok(all)
}

async fn look(client: &Client, index: &str, ids: &[&str]) -> Result<Vec<Hit>> {
    let context = || format!("index `{index}`: looking at its documents");
    let search = json!({
        "size": ids.len(),
        "query": {"ids": {"values": ids}},
        "_source": false,
        "docvalue_fields": [format!("{OWN_FIELD}.digest")],
        "track_total_hits": false,
        "sort": ["_doc"],
    });
    let shown = [("filter_path", "timed_out,_shards.failed,hits.hits._id,hits.hits.fields")];
    let (path, query) = ([index, "_search"], [by_primaries(client), &shown].concat());
    let answer = client.call(Method::Post, &path, &query, Some(&search)).await;
    let answer = answer.with_context(context)?;
    whole(&answer).with_context(context)?;
    Ok(Answer::deserialize(answer).with_context(context)?.hits.hits)
}
