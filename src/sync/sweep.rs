//! Documents whose roots are looked for in the services, by their keys.
//!
//! Promises: finds what no column and no table of deleted rows tells any more. Pages of ids, as the index has them, each looked up
//! on its own, whatever the size of the index; keys of two systems are never ordered against each other.

use std::collections::HashSet;

use anyhow::{Context, Result};
use serde_json::json;

use super::Engine;
use crate::failpoint::{self, Point};
use crate::row::{Key, Match, key_of};
use crate::sink::{index, patiently};
use crate::source::{Budget, Read, Source};

/// Hands the keys of documents of the index `live` to `each` that have no root, and returns how many documents were looked at:
/// all of the last refresh, or so many that chance picks.
///
/// # Errors
/// When the root's source or the engine fails; and those of `each`.
pub(super) async fn rootless(
    (engine, live): (&Engine, &str),
    sample: Option<u64>,
    mut each: impl AsyncFnMut(Vec<Key>) -> Result<()>,
) -> Result<u64> {
    let source = engine.sources.get(&engine.plan.root.source).context("the root's source")?;
    let (read, load) = (engine.plan.root.read.only_key(), engine.load);
    let mut documents = 0;
    let mut look = async |keys: Vec<Key>| {
        documents += keys.len() as u64;
        let gone = without_root(&**source, &read, keys, load.page_bytes).await?;
        failpoint::reach(Point::AfterIds).await;
        if gone.is_empty() { Ok(()) } else { each(gone).await }
    };
    match sample {
        None => {
            let search = json!({"size": load.page_rows.min(10_000), "_source": false});
            index::pass(&engine.client, live, search, async |hits| {
                let ids = hits.iter().filter_map(|hit| hit.get("_id")?.as_str());
                look(ids.map(Key::from).collect()).await
            })
            .await?;
        }
        Some(wanted) => {
            let some = async || index::some(&engine.client, live, wanted).await;
            let ids = patiently(engine.patience(), some).await?;
            for ids in ids.chunks(load.page_rows.max(1)) {
                look(ids.iter().map(|id| Key::from(id.as_str())).collect()).await?;
            }
        }
    }
    Ok(documents)
}

/// Those of the keys that are no root's now.
///
/// # Errors
/// When the root's source fails.
pub(super) async fn still_rootless(engine: &Engine, keys: Vec<Key>) -> Result<Vec<Key>> {
    let source = engine.sources.get(&engine.plan.root.source).context("the root's source")?;
    without_root(&**source, &engine.plan.root.read.only_key(), keys, engine.load.page_bytes).await
}

/// Those of the keys that are no root's.
async fn without_root(
    source: &dyn Source,
    read: &Read,
    keys: Vec<Key>,
    bytes: usize,
) -> Result<Vec<Key>> {
    let mut roots = HashSet::new();
    let mut waiting = vec![keys.as_slice()];
    while let Some(some) = waiting.pop() {
        let fetched = source.fetch_by_keys(read, some, &Budget::new(bytes)).await?;
        if !fetched.complete && some.len() > 1 {
            let (first, second) = some.split_at(some.len() / 2);
            waiting.extend([second, first]);
            continue;
        }
        let mut text = String::new();
        for answer in &fetched.answers {
            for row in 0..answer.page.len() {
                if key_of(answer.page.row(row), &read.key, Match::Exact, &mut text) {
                    roots.insert(text.clone());
                }
            }
        }
    }
    Ok(keys.into_iter().filter(|key| !roots.contains(key.as_str())).collect())
}
