//! Which documents an index holds, and in which version.
//!
//! Promises: one pass over the index as it stands at its beginning, page by page, whatever its size. Never fetches a document.

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::json;

use super::whole;
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
    hits: Vec<HeldDocument>,
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
    let refreshed = client.call(Method::Post, &[index, "_refresh"], &[], None).await;
    whole(&refreshed.with_context(context)?).with_context(context)?;
    let search = json!({"size": AT_ONCE, "sort": ["_doc"], "_source": false, "version": true});
    let open = [("scroll", KEPT_OPEN)];
    let mut answer = client.call(Method::Post, &[index, "_search"], &open, Some(&search)).await;
    loop {
        let page = answer.with_context(context)?;
        whole(&page).with_context(context)?;
        let page = Answer::deserialize(page).with_context(context)?;
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
