//! Which documents hold given rows, by their references.
//!
//! Promises: all documents of the last refresh, page by page; a part of the index that does not answer is an error. Never
//! fetches a document.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::{by_primaries, whole};
use crate::mapping::OWN_FIELD;
use crate::sink::client::{Client, Method};

/// References of one search: well below the engine's limit (`index.max_terms_count`, 65,536).
const REFS: usize = 8_192;
/// Documents of one answer.
const AT_ONCE: usize = 10_000;

/// Hands the ids of all documents that hold one of `refs` to `each`, page by page; one may come several times.
///
/// # Errors
/// When the engine does not answer, refuses, or cannot look at all of the index; and those of `each`.
pub async fn holders(
    client: &Client,
    index: &str,
    refs: &[String],
    mut each: impl AsyncFnMut(Vec<String>) -> Result<()>,
) -> Result<()> {
    let context = || format!("index `{index}`: looking for documents by their references");
    for refs in refs.chunks(REFS) {
        let mut search = json!({
            "size": AT_ONCE,
            "_source": false,
            "track_total_hits": false,
            "query": {"bool": {"filter": [{"terms": {format!("{OWN_FIELD}.refs"): refs}}]}},
            "sort": [{format!("{OWN_FIELD}.id"): "asc"}],
        });
        loop {
            let path = [index, "_search"];
            let found = client.call(Method::Post, &path, by_primaries(client), Some(&search)).await;
            let found = found.with_context(context)?;
            whole(&found).with_context(context)?;
            let hits =
                found.pointer("/hits/hits").and_then(Value::as_array).with_context(context)?;
            let ids = hits.iter().filter_map(|hit| hit.get("_id")?.as_str());
            each(ids.map(str::to_owned).collect()).await?;
            let last = hits.last().and_then(|hit| hit.get("sort"));
            let (Some(last), Value::Object(search), true) =
                (last, &mut search, hits.len() == AT_ONCE)
            else {
                break;
            };
            search.insert("search_after".to_owned(), last.clone());
        }
    }
    Ok(())
}

/// Makes all that was written to `index` findable.
///
/// # Errors
/// When the engine does not answer, refuses, or cannot do it for all of the index.
pub async fn refresh(client: &Client, index: &str) -> Result<()> {
    let context = || format!("index `{index}`: making what was written findable");
    let refreshed = client.call(Method::Post, &[index, "_refresh"], &[], None).await;
    whole(&refreshed.with_context(context)?).with_context(context)
}
