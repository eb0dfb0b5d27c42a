//! Passes over an index: which documents it holds, and in which version.
//!
//! Promises: one pass over the index as it stands at its beginning, page by page, whatever its size. Fetches no more of a document than it
//! is asked for.

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{by_primaries, refresh, whole};
use crate::mapping::OWN_FIELD;
use crate::sink::client::{Client, Method};

/// Documents on one page.
const AT_ONCE: u32 = 5_000;
/// How long the engine keeps the pass open between two pages. What is done about a page may have to wait for a lease first.
const KEPT_OPEN: &str = "30m";

/// A document's id and version.
#[derive(Debug, Deserialize)]
pub struct HeldDocument {
    /// Its id.
    #[serde(rename = "_id")]
    pub id: String,
    /// Its version.
    #[serde(rename = "_version")]
    pub version: u64,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "_scroll_id")]
    pass: String,
    hits: Hits,
}

#[derive(Deserialize)]
struct Hits {
    hits: Vec<Value>,
}

/// Hands all documents of `index` to `each`, page by page.
///
/// # Errors
/// When the engine does not answer, refuses, or cannot look at all of the index; and those of `each`.
pub async fn held(
    client: &Client,
    index: &str,
    mut each: impl AsyncFnMut(Vec<HeldDocument>) -> Result<()>,
) -> Result<()> {
    let context = || format!("index `{index}`: listing its documents");
    refresh(client, index).await?;
    let search = json!({"size": AT_ONCE, "_source": false, "version": true});
    let pass = pass(client, index, search, async |hits| {
        let held = hits.into_iter().map(HeldDocument::deserialize).collect::<Result<_, _>>();
        each(held.with_context(context)?).await
    });
    pass.await.with_context(context)
}

/// Hands the hits of a search to `each`, page by page, in whatever order: those of the index as it stands at the beginning.
///
/// # Errors
/// As [`held`].
pub async fn pass(
    client: &Client,
    index: &str,
    mut search: Value,
    mut each: impl AsyncFnMut(Vec<Value>) -> Result<()>,
) -> Result<()> {
    if let Value::Object(search) = &mut search {
        search.insert("sort".to_owned(), json!(["_doc"]));
    }
    let open = [by_primaries(client), &[("scroll", KEPT_OPEN)]].concat();
    let mut answer = client.call(Method::Post, &[index, "_search"], &open, Some(&search)).await;
    loop {
        let page = answer?;
        whole(&page)?;
        let page = Answer::deserialize(page).context("an answer of another form")?;
        if page.hits.hits.is_empty() {
            let body = json!({"scroll_id": page.pass});
            // It would end by itself.
            let closed =
                client.call(Method::Delete, &["_search", "scroll"], &[], Some(&body)).await;
            drop(closed);
            return Ok(());
        }
        each(page.hits.hits).await?;
        let next = json!({"scroll": KEPT_OPEN, "scroll_id": page.pass});
        answer = client.call(Method::Post, &["_search", "scroll"], &[], Some(&next)).await;
    }
}

/// The ids of so many documents of `index`, which chance picks; at most as many as the engine finds at a time, 10,000.
///
/// # Errors
/// As [`held`].
pub async fn some(client: &Client, index: &str, wanted: u64) -> Result<Vec<String>> {
    let context = || format!("index `{index}`: picking documents");
    let search = json!({
        "size": wanted.min(10_000),
        "_source": false,
        "track_total_hits": false,
        "query": {"function_score": {"random_score": {}}},
    });
    let path = [index, "_search"];
    let found = client.call(Method::Post, &path, by_primaries(client), Some(&search)).await;
    let found = found.with_context(context)?;
    whole(&found).with_context(context)?;
    let hits = found.pointer("/hits/hits").and_then(Value::as_array).with_context(context)?;
    Ok(hits.iter().filter_map(|hit| Some(hit.get("_id")?.as_str()?.to_owned())).collect())
}

/// Hands the ids of all documents of `index` to `each` that were built at that instant or later, page by page.
///
/// # Errors
/// As [`held`]; and those of `each`.
pub async fn built_since(
    client: &Client,
    index: &str,
    instant: Timestamp,
    mut each: impl AsyncFnMut(Vec<String>) -> Result<()>,
) -> Result<()> {
    let built_at = format!("{OWN_FIELD}.built_at");
    let search = json!({
        "size": AT_ONCE,
        "_source": false,
        "docvalue_fields": [{"field": built_at, "format": "epoch_millis"}],
    });
    let since = instant.as_millisecond();
    pass(client, index, search, async |hits| {
        let is_since = |hit: &&Value| {
            let told = hit.get("fields").and_then(|fields| fields.get(&built_at)?.get(0)?.as_str());
            // What does not tell may be.
            told.and_then(|told| told.parse::<i64>().ok()).is_none_or(|built| built >= since)
        };
        let ids = hits.iter().filter(is_since).filter_map(|hit| hit.get("_id")?.as_str());
        each(ids.map(str::to_owned).collect()).await
    })
    .await
}
