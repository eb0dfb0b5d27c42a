//! Generations of an index behind the alias that readers use.
//!
//! Promises: a new generation is built beside the live one, readers change over in one step, what is deleted is named
//! outright, never by a pattern, and who writes can be shut out. Never deletes what readers see.

mod change;
mod contents;
mod digests;
mod fence;
mod held;
mod holders;
mod name;
mod settings;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::finding::Finding;
use crate::mapping::{Mapping, OWN_FIELD};
use crate::sink::client::{Body, Client, Method};
use crate::sink::engine::Flavor;
use crate::sink::error::EngineError;

pub use change::{SwapError, create, discard, settle, slow_down, swap};
pub use contents::contents;
pub use digests::digests;
pub use fence::{
    add_write_alias, barrier, flush, remove_older_write_aliases, remove_write_alias, uuid,
};
pub use held::{HeldDocument, built_since, held, pass, some};
pub use holders::{holders, refresh};
pub use name::{check_name, write_alias};

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
    /// The engine's own name of it, which no other index ever has.
    pub uuid: String,
    /// The number in its name.
    pub number: u64,
    /// When it was created.
    pub created_at: Option<Timestamp>,
    /// Whether the alias points to it.
    pub live: bool,
    /// Whether it has a write alias: a run is at it, or was when it died.
    pub open: bool,
}

/// How much is in a real index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Extent {
    /// Documents as of the last refresh; `None` when the engine cannot count them now.
    pub documents: Option<u64>,
    /// Bytes of its primary shards; `None` when the engine cannot tell.
    pub bytes: Option<u64>,
}

impl Extent {
    /// How much is in `index` now.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn read(client: &Client, index: &str) -> Result<Self> {
        let documents = known(count(client, index).await)?;
        Ok(Self { documents, bytes: known(size(client, index).await)? })
    }
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
            ("filter_path", "*.settings.index.creation_date,*.settings.index.uuid,*.aliases"),
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
                uuid: about.settings.index.uuid,
                created_at: millis.and_then(|millis| Timestamp::from_millisecond(millis).ok()),
                live: serving.contains(&name),
                open: about.aliases.keys().any(|alias| name::write_epoch(&name, alias).is_some()),
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

    /// The number of the next one, behind all that there are and `last`.
    pub fn next_number(&self, last: u64) -> u64 {
        self.all.last().map_or(0, |generation| generation.number).max(last) + 1
    }

    /// The name of the one with that number.
    pub fn name(&self, number: u64) -> String {
        name::generation(&self.alias, number)
    }
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
    uuid: String,
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

async fn count(client: &Client, index: &str) -> Result<u64, EngineError> {
    let answer = client.send(Method::Get, &[index, "_count"], &[], Body::Empty).await?.success()?;
    let counted: Value = answer.json()?;
    let whole = whole(&counted).is_ok();
    let count = counted.get("count").and_then(Value::as_u64).filter(|_| whole);
    count.ok_or_else(|| answer.garbled())
}

/// How many documents `index` has that can be found.
///
/// # Errors
/// When the engine does not answer, refuses, or cannot count all of it.
pub async fn documents(client: &Client, index: &str) -> Result<u64> {
    count(client, index).await.with_context(|| format!("index `{index}`"))
}

/// Its mapping, without prejoin's own part, as a mapping's file would have it.
///
/// # Errors
/// When the engine does not answer or refuses, or the mapping is of a form that is not known.
pub async fn mapping(client: &Client, index: &str) -> Result<Mapping> {
    let context = || format!("index `{index}`: its mapping");
    let found = client.call(Method::Get, &[index, "_mapping"], &[], None).await;
    let mut found = found.with_context(context)?;
    let mappings = found.pointer_mut(&format!("/{index}/mappings")).map(Value::take);
    let mut mappings = mappings.with_context(context)?;
    if let Some(Value::Object(properties)) = mappings.get_mut("properties") {
        properties.remove(OWN_FIELD);
    }
    let text = json!({"mappings": mappings}).to_string();
    Mapping::parse(Path::new(index), &text).with_context(context)
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

/// Has a search answered by what a refresh has made findable: with segment replication, OpenSearch's replicas copy it only later.
/// Elasticsearch knows neither that nor the preference.
fn by_primaries(client: &Client) -> &'static [(&'static str, &'static str)] {
    match client.engine().flavor {
        Flavor::OpenSearch => &[("preference", "_primary")],
        Flavor::Elasticsearch => &[],
    }
}

/// An error when not every shard took part in an answer, to its end.
fn whole(answer: &Value) -> Result<()> {
    let timed_out = answer.get("timed_out").and_then(Value::as_bool);
    whole_of(timed_out, answer.pointer("/_shards/failed").and_then(Value::as_u64))
}

/// As [`whole`], by what the answer tells of it.
fn whole_of(timed_out: Option<bool>, failed: Option<u64>) -> Result<()> {
    if timed_out == Some(true) {
        let hint = "look at its load, and at `search.default_search_timeout` of its settings";
        return Err(Finding::error("the engine ran out of time in a search").hint(hint).into());
    }
    match failed {
        Some(0) => Ok(()),
        _ => Err(Finding::error("not every shard of the index answers")
            .hint("look at the engine's `GET _cluster/allocation/explain`")
            .into()),
    }
}
