//! Generations of an index behind the alias that readers use.
//!
//! Promises: a new generation is built beside the live one, readers change over in one step, and what is deleted is named
//! outright, never by a pattern. Never deletes the live generation, nor one that is newer than it unless told its name.

mod name;
mod settings;

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::finding::Finding;
use crate::mapping::Mapping;
use crate::sink::client::{Body, Client, Method};
use crate::sink::error::EngineError;

pub use name::check_name;

/// All generations of an alias, by number.
#[derive(Debug, Clone)]
pub struct Generations {
    /// The alias.
    pub alias: String,
    /// Oldest first.
    pub all: Vec<Generation>,
    /// Real indexes that the alias points to: one as a rule, none at first. They need not be generations.
    pub serving: Vec<String>,
}

/// One real index, `contracts-000007`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Generation {
    /// Its name.
    pub name: String,
    /// The number in its name.
    pub number: u64,
    /// Documents as of the last refresh; `None` when the engine cannot count them now.
    pub documents: Option<u64>,
    /// Bytes of its primary shards; `None` when the engine cannot tell.
    pub bytes: Option<u64>,
    /// When it was created.
    pub created_at: Option<Timestamp>,
    /// Whether the alias points to it.
    pub live: bool,
    /// Whether its loading has not ended: a run is at it, or was when it died.
    pub loading: bool,
}

/// A generation that is being built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewGeneration {
    /// The real index.
    pub index: String,
    /// The alias to write through. Its upper-case letter keeps the engine from making an index of that name: a write that
    /// comes when the alias is gone is an error.
    pub write_alias: String,
}

impl Generations {
    /// The generations of `alias` as they are now.
    ///
    /// # Errors
    /// When the engine does not answer, when `alias` cannot be a name, or when a real index bears it.
    pub async fn read(client: &Client, alias: &str) -> Result<Self> {
        check_name(alias)?;
        let serving = serving(client, alias).await?;
        let filter = [
            ("filter_path", "*.settings.index.creation_date,*.aliases"),
            ("expand_wildcards", "all"),
            ("allow_no_indices", "true"),
        ];
        let pattern = format!("{alias}-*");
        let found = client.call(Method::Get, &[&pattern], &filter, None).await?;
        let found: BTreeMap<String, About> =
            serde_json::from_value(found).context("the engine's list of indexes cannot be read")?;
        let mut all = Vec::new();
        for (name, about) in found {
            let Some(number) = name::number(alias, &name) else { continue };
            let millis = about.settings.index.creation_date.parse::<i64>().ok();
            all.push(Generation {
                number,
                documents: known(count(client, &name).await)?,
                bytes: known(size(client, &name).await)?,
                created_at: millis.and_then(|millis| Timestamp::from_millisecond(millis).ok()),
                live: serving.contains(&name),
                loading: about.aliases.keys().any(|alias| name::is_write_alias(&name, alias)),
                name,
            });
        }
        all.sort_by_key(|generation| generation.number);
        Ok(Self { alias: alias.to_owned(), all, serving })
    }

    /// The generation that readers see.
    pub fn live(&self) -> Option<&Generation> {
        self.all.iter().find(|generation| generation.live)
    }

    /// The generations that [`prune`] would delete, oldest first.
    pub fn surplus(&self, keep: usize) -> Vec<&Generation> {
        let older = self.all.iter().take_while(|generation| !generation.live);
        let older: Vec<&Generation> =
            if self.live().is_some() { older.collect() } else { Vec::new() };
        // One that a run left unfinished is no way back, and is not counted as kept.
        let whole = older.iter().filter(|generation| !generation.loading).count();
        let mut passed = 0;
        let surplus = older.into_iter().filter(|generation| {
            passed += usize::from(!generation.loading);
            generation.loading || passed + keep <= whole
        });
        surplus.collect()
    }

    fn next_name(&self) -> String {
        let last = self.all.last().map_or(0, |generation| generation.number);
        name::generation(&self.alias, last + 1)
    }
}

/// Creates the next generation of `alias`, set up for loading: no refresh, no replicas. `epoch` tells its writers from later
/// ones.
///
/// # Errors
/// When the engine does not answer or refuses settings or mapping.
pub async fn create(
    client: &Client,
    alias: &str,
    mapping: &Mapping,
    epoch: u64,
) -> Result<NewGeneration> {
    let generations = Generations::read(client, alias).await?;
    let index = generations.next_name();
    let write_alias = name::write_alias(&index, epoch);
    let body = json!({
        "settings": settings::loading(&mapping.settings),
        "mappings": mapping.body(),
        "aliases": {write_alias.as_str(): {}},
    });
    let made = client.call(Method::Put, &[&index], &[], Some(&body)).await;
    made.map_err(|error| {
        let what = Finding::error(format!("index `{index}`")).at(&mapping.file, None);
        let refused = error.status() == Some(400);
        let hint = "does the mapping name an analyzer, a type or a plugin that this engine lacks?";
        anyhow::Error::new(error).context(if refused { what.hint(hint) } else { what })
    })?;
    Ok(NewGeneration { index, write_alias })
}

/// Ends the loading of `index`: gives it the settings that the mapping's file asks for, makes
/// everything searchable, and returns the number of documents.
///
/// # Errors
/// When the engine does not answer, or a part of the index is not available.
pub async fn settle(client: &Client, index: &str, mapping: &Mapping) -> Result<u64> {
    let context = || format!("index `{index}`");
    let settings = Value::Object(settings::loaded(&mapping.settings));
    let path = [index, "_settings"];
    client.call(Method::Put, &path, &[], Some(&settings)).await.with_context(context)?;

    let usable = [("wait_for_status", "yellow"), ("timeout", "30s")];
    let path = ["_cluster", "health", index];
    client.call(Method::Get, &path, &usable, None).await.with_context(context)?;
    let refreshed = client.call(Method::Post, &[index, "_refresh"], &[], None).await;
    whole(&refreshed.with_context(context)?).with_context(context)?;
    count(client, index).await.with_context(context)
}

/// Points `alias` to `index` and to nothing else, in one step for every reader. Returns the indexes it pointed to.
///
/// # Errors
/// When the engine does not answer, there is no such index, or a real index bears the alias's name.
pub async fn swap(client: &Client, alias: &str, index: &str) -> Result<Vec<String>> {
    check_name(alias)?;
    let before = serving(client, alias).await?;
    let mut actions: Vec<Value> = before
        .iter()
        .filter(|old| *old != index)
        .map(|old| json!({"remove": {"index": old, "alias": alias}}))
        .collect();
    actions.push(json!({"add": {"index": index, "alias": alias}}));
    // From here on it counts as whole: nothing is written to it any more through the alias of its loading.
    let known = aliases(client, index).await.with_context(|| format!("index `{index}`"))?;
    let loading = known.iter().filter(|known| name::is_write_alias(index, known));
    actions.extend(loading.map(|alias| json!({"remove": {"index": index, "alias": alias}})));
    let body = json!({"actions": actions});
    client
        .call(Method::Post, &["_aliases"], &[], Some(&body))
        .await
        .with_context(|| format!("pointing `{alias}` to `{index}`"))?;
    Ok(before)
}

/// Deletes the generations older than the live one, but for the `keep` youngest of them. Returns their names.
///
/// # Errors
/// When the engine does not answer or refuses.
pub async fn prune(client: &Client, alias: &str, keep: usize) -> Result<Vec<String>> {
    let generations = Generations::read(client, alias).await?;
    let mut deleted = Vec::new();
    for generation in generations.surplus(keep) {
        delete(client, &generation.name).await?;
        deleted.push(generation.name.clone());
    }
    Ok(deleted)
}

/// Deletes a generation whose building failed; one that is gone already is no error.
///
/// # Errors
/// When readers can see it, or the engine does not answer or refuses.
pub async fn discard(client: &Client, index: &str) -> Result<()> {
    let aliases = match aliases(client, index).await {
        Err(error) if error.is_not_found() => return Ok(()),
        aliases => aliases.with_context(|| format!("index `{index}`"))?,
    };
    if let Some(alias) = aliases.iter().find(|alias| !name::is_write_alias(index, alias)) {
        let what = format!("index `{index}` is not deleted: the alias `{alias}` points to it");
        return Err(Finding::error(what).into());
    }
    delete(client, index).await
}

#[derive(Deserialize)]
struct About {
    #[serde(default)]
    aliases: BTreeMap<String, Value>,
    settings: AboutSettings,
}

#[derive(Deserialize)]
struct AboutSettings {
    index: AboutIndex,
}

#[derive(Deserialize)]
struct AboutIndex {
    creation_date: String,
}

/// The real indexes that `alias` points to.
async fn serving(client: &Client, alias: &str) -> Result<Vec<String>> {
    let filter = [("filter_path", "*.settings.index.creation_date")];
    let found = match client.call(Method::Get, &[alias], &filter, None).await {
        Err(error) if error.is_not_found() => return Ok(Vec::new()),
        found => found.with_context(|| format!("alias `{alias}`"))?,
    };
    let indexes: Vec<String> =
        found.as_object().map(|found| found.keys().cloned().collect()).unwrap_or_default();
    if indexes.iter().any(|index| index == alias) {
        let what = format!("`{alias}` is an index of its own, where an alias is needed");
        let hint =
            "give the job another `index:`, or reindex that index under another name and delete it";
        return Err(Finding::error(what).hint(hint).into());
    }
    Ok(indexes)
}

/// Every alias of a real index.
async fn aliases(client: &Client, index: &str) -> Result<Vec<String>, EngineError> {
    let found = client.call(Method::Get, &[index, "_alias"], &[], None).await?;
    let aliases = found.get(index).and_then(|found| found.get("aliases")?.as_object());
    Ok(aliases.map(|aliases| aliases.keys().cloned().collect()).unwrap_or_default())
}

async fn delete(client: &Client, index: &str) -> Result<()> {
    match client.call(Method::Delete, &[index], &[], None).await {
        Err(error) if error.is_not_found() => Ok(()),
        deleted => deleted.map(drop).with_context(|| format!("deleting index `{index}`")),
    }
}

async fn count(client: &Client, index: &str) -> Result<u64, EngineError> {
    let answer = client.send(Method::Get, &[index, "_count"], &[], Body::Empty).await?.success()?;
    let counted: Value = answer.json()?;
    let whole = whole(&counted).is_ok();
    let count = counted.get("count").and_then(Value::as_u64).filter(|_| whole);
    count.ok_or_else(|| answer.garbled())
}

async fn size(client: &Client, index: &str) -> Result<u64, EngineError> {
    let answer =
        client.send(Method::Get, &[index, "_stats", "store"], &[], Body::Empty).await?.success()?;
    let stats: Value = answer.json()?;
    let size = stats.pointer("/_all/primaries/store/size_in_bytes").and_then(Value::as_u64);
    size.ok_or_else(|| answer.garbled())
}

/// An answer that the engine cannot give now, for a closed or broken index, is an unknown and no error.
fn known(answer: Result<u64, EngineError>) -> Result<Option<u64>, EngineError> {
    match answer {
        Err(error) if error.is_unreachable() => Err(error),
        answer => Ok(answer.ok()),
    }
}

/// An error when not every shard took part in an answer.
fn whole(answer: &Value) -> Result<()> {
    match answer.pointer("/_shards/failed").and_then(Value::as_u64) {
        Some(0) => Ok(()),
        _ => Err(Finding::error("not every shard of the index answers")
            .hint("look at the engine's `GET _cluster/allocation/explain`")
            .into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_live_one_and_newer_ones_are_no_surplus() {
        let generation = |number: u64, live| Generation {
            name: format!("a-{number:06}"),
            number,
            documents: None,
            bytes: None,
            created_at: None,
            live,
            loading: false,
        };
        let mut all = Generations {
            alias: "a".to_owned(),
            all: vec![
                generation(1, false),
                generation(2, false),
                generation(5, true),
                generation(6, false),
            ],
            serving: vec!["a-000005".to_owned()],
        };
        let numbers = |all: &Generations, keep| -> Vec<u64> {
            all.surplus(keep).iter().map(|generation| generation.number).collect()
        };
        assert_eq!(numbers(&all, 0), [1, 2]);
        assert_eq!(numbers(&all, 1), [1]);
        assert_eq!(numbers(&all, 2), [0_u64; 0]);
        assert_eq!(all.next_name(), "a-000007");
        // What a dead run has left takes nobody's place.
        all.all[1].loading = true;
        assert_eq!(numbers(&all, 1), [2]);
        assert_eq!(numbers(&all, 0), [1, 2]);
        // Without a live one nothing is known to be superseded.
        all.all.iter_mut().for_each(|generation| generation.live = false);
        assert_eq!(numbers(&all, 0), [0_u64; 0]);
    }
}
