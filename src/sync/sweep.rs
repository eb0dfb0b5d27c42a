//! A look at everything: every root of the services, and every document of the index.
//!
//! Promises: finds what no column and no table of deleted rows tells any more. Each page is looked up on its own, whatever the
//! size of the index; keys of two systems are never ordered against each other.

use std::collections::HashSet;

use anyhow::{Context, Result};
use serde_json::json;

use super::Engine;
use super::deletions::Deletions;
use crate::row::{Key, Match, key_of};
use crate::sink::index;
use crate::sink::version::Versions;
use crate::source::{Budget, Read, Source};

/// Notes all documents of `live` for deletion that have no root any more, as of its last refresh.
///
/// # Errors
/// When the root's source or the engine fails.
pub(super) async fn ghosts(
    engine: &Engine,
    (live, versions): (&str, &Versions),
    deletions: &mut Deletions<'_>,
) -> Result<()> {
    let root = &engine.plan.root;
    let source = engine.sources.get(&root.source).context("the root's source")?;
    let read = root.read.only_key();
    let search = json!({"size": engine.load.page_rows.min(10_000), "_source": false});
    index::pass(&engine.client, live, search, async |hits| {
        let ids = hits.iter().filter_map(|hit| hit.get("_id")?.as_str());
        let keys: Vec<Key> = ids.map(Key::from).collect();
        let version = versions.draw()?;
        let gone = without_root(&**source, &read, keys, engine.load.page_bytes).await?;
        deletions.add(gone, version).await
    })
    .await
}

/// Those of the keys that are no root's.
pub(super) async fn without_root(
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
