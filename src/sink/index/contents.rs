//! What an index holds under given ids: the documents themselves, byte by byte.
//!
//! Promises: as of the last refresh; the bytes are those that were sent, since the engine keeps them beside what it indexes and
//! is asked for nothing less than the whole; a part of the index that does not answer is an error. Reads no document.

use std::borrow::Cow;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use super::{by_primaries, whole_of};
use crate::finding::Finding;
use crate::sink::client::{Answer, Body, Client, Method};
use crate::sink::error::EngineError;
use crate::sink::patience::{Patience, PatienceSettings};

#[derive(Deserialize)]
struct Found<'a> {
    timed_out: Option<bool>,
    #[serde(rename = "_shards")]
    shards: Shards,
    #[serde(borrow)]
    hits: Hits<'a>,
}

#[derive(Deserialize)]
struct Shards {
    failed: Option<u64>,
}

#[derive(Deserialize)]
struct Hits<'a> {
    #[serde(borrow)]
    hits: Vec<Hit<'a>>,
}

#[derive(Deserialize)]
struct Hit<'a> {
    #[serde(rename = "_id", borrow)]
    id: Cow<'a, str>,
    #[serde(rename = "_source", borrow)]
    source: Option<&'a RawValue>,
}

/// Hands those of the ids that have a document to `each`, with its bytes. They are asked for in one request: no more of them
/// than the engine finds at a time (10,000), nor than fit into memory.
///
/// # Errors
/// When the engine does not answer for longer than `patience` lasts, refuses, cannot look at all of the index, or does not keep
/// what it was sent.
pub async fn contents(
    client: &Client,
    patience: PatienceSettings,
    index: &str,
    ids: &[&str],
    mut each: impl FnMut(&str, &[u8]),
) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let context = || format!("index `{index}`: fetching its documents");
    let mut patience = Patience::new(patience);
    let answer = loop {
        match ask(client, index, ids).await {
            Ok(answer) => break answer,
            Err(error) => patience.bear(error.into()).await.with_context(context)?,
        }
    };
    let found: Found<'_> =
        serde_json::from_slice(&answer.body).map_err(|_| answer.garbled()).with_context(context)?;
    whole_of(found.timed_out, found.shards.failed).with_context(context)?;
    for hit in &found.hits.hits {
        let source = hit.source.ok_or_else(|| {
            let hint = "its mapping turns `_source` off: without it nothing can be compared";
            Finding::error("the engine does not keep the documents").hint(hint)
        });
        each(&hit.id, source.with_context(context)?.get().as_bytes());
    }
    Ok(())
}

async fn ask(client: &Client, index: &str, ids: &[&str]) -> Result<Answer, EngineError> {
    // No `filter_path`, nor a part of the document: the engine would write it anew, with numbers of its own.
    let search = json!({
        "size": ids.len(),
        "query": {"ids": {"values": ids}},
        "track_total_hits": false,
        "sort": ["_doc"],
    });
    let (path, query) = ([index, "_search"], by_primaries(client));
    let answer = client.send(Method::Post, &path, query, Body::from(&search)).await;
    answer?.success()
}
