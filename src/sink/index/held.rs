//! Passes over an index: which documents it holds, and in which version.
//!
//! Promises: one pass over the index as it stands at its beginning, page by page, whatever its size. Fetches no more of a document than it
//! is asked for.

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{by_primaries, refresh, whole};
use crate::sink::client::{Client, Method};

/// Documents on one page.
const AT_ONCE: u32 = 5_000;
/// How long the engine keeps the pass open between two pages.
const KEPT_OPEN: &str = "5m";

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
