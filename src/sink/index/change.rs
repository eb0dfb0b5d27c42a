//! Changing generations: created, set up, swapped in, deleted.
//!
//! Promises: an index is made with the settings for loading and put under those of its file before readers see it, which is
//! looked at and not believed; a swap is one step for every reader, and takes place only if the run that asks for it has
//! not been shut out meanwhile. Never deletes what readers were seen to see.

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use super::{aliases, count, name, serving, settings, whole};
use crate::finding::Finding;
use crate::mapping::Mapping;
use crate::sink::client::{Client, Method};

/// Creates `index`, set up for loading: no refresh, no replicas.
///
/// It is written through `write_alias`, whose upper-case letter keeps the engine from making an index of that name: a write that comes when the alias is gone is an error.
///
/// # Errors
/// When the engine does not answer or refuses settings or mapping.
pub async fn create(
    client: &Client,
    index: &str,
    mapping: &Mapping,
    write_alias: &str,
) -> Result<()> {
    let body = json!({
        "settings": settings::loading(&mapping.settings),
        "mappings": mapping.body(),
        "aliases": {write_alias: {}},
    });
    let made = client.call(Method::Put, &[index], &[], Some(&body)).await;
    made.map(drop).map_err(|error| {
        let what = Finding::error(format!("index `{index}`")).at(&mapping.file, None);
        let refused = error.status() == Some(400);
        let hint = "does the mapping name an analyzer, a type or a plugin that this engine lacks?";
        anyhow::Error::new(error).context(if refused { what.hint(hint) } else { what })
    })
}

/// Gives `index` the settings for loading again.
///
/// # Errors
/// When the engine does not answer or refuses.
pub async fn slow_down(client: &Client, index: &str) -> Result<()> {
    put_settings(client, index, settings::while_loading()).await
}

/// Ends the loading of `index`: gives it the settings that the mapping's file asks for, makes everything searchable, and
/// returns the number of documents.
///
/// # Errors
/// When the engine does not answer, does not take the settings over, or a part of the index is not available.
pub async fn settle(client: &Client, index: &str, mapping: &Mapping) -> Result<u64> {
    let context = || format!("index `{index}`");
    put_settings(client, index, settings::loaded(&mapping.settings)).await?;
    let flat = [("flat_settings", "true")];
    let now = client.call(Method::Get, &[index, "_settings"], &flat, None).await;
    let now = now.with_context(context)?;
    let now = now.get(index).and_then(|found| found.get("settings")?.as_object());
    if let Some(setting) = settings::unsettled(now.context("no settings")?, &mapping.settings) {
        let what = format!("index `{index}` did not take over `{setting}`");
        return Err(Finding::error(what).hint("does something else change its settings?").into());
    }
    let usable = [("wait_for_status", "yellow"), ("timeout", "30s")];
    let path = ["_cluster", "health", index];
    client.call(Method::Get, &path, &usable, None).await.with_context(context)?;
    let refreshed = client.call(Method::Post, &[index, "_refresh"], &[], None).await;
    whole(&refreshed.with_context(context)?).with_context(context)?;
    count(client, index).await.with_context(context)
}

/// Why readers were not pointed elsewhere.
#[derive(Debug, thiserror::Error)]
pub enum SwapError {
    /// A write alias of the run is gone, or readers see something else than it looked at: another run has taken over.
    #[error("`{0}` is no longer as this run has left it: another one took over")]
    Fenced(String),
    /// The engine was not asked to.
    #[error(transparent)]
    NotSent(anyhow::Error),
    /// The engine did not do it, or did not say whether it did.
    #[error(transparent)]
    Failed(anyhow::Error),
}

/// Points `alias` to an index, given with the run's write alias, and to nothing else, in one step for every reader.
///
/// In the same step the write aliases of the run are taken away, that of the `old` index too: a run of which another has
/// removed one changes nothing, nor one that finds the alias elsewhere than it looked. Returns the indexes the alias pointed to.
///
/// # Errors
/// See [`SwapError`].
pub async fn swap(
    client: &Client,
    alias: &str,
    (index, write_alias): (&str, &str),
    old: Option<(&str, &str)>,
) -> Result<Vec<String>, SwapError> {
    let before = serving(client, alias).await.map_err(SwapError::NotSent)?;
    let remove = |index: &str, alias: &str| json!({"remove": {"index": index, "alias": alias, "must_exist": true}});
    let left = before.iter().filter(|old| *old != index);
    let mut actions: Vec<Value> = left.map(|old| remove(old, alias)).collect();
    actions.push(json!({"add": {"index": index, "alias": alias}}));
    actions.push(remove(index, write_alias));
    actions.extend(old.map(|(index, write_alias)| remove(index, write_alias)));
    let body = json!({"actions": actions});
    match client.call(Method::Post, &["_aliases"], &[], Some(&body)).await {
        Ok(_) => Ok(before),
        // An alias, or an index with all of its own.
        Err(error) if error.is_not_found() => Err(SwapError::Fenced(alias.to_owned())),
        Err(error) => {
            let error = anyhow::Error::new(error);
            Err(SwapError::Failed(error.context(format!("pointing `{alias}` to `{index}`"))))
        }
    }
}

/// Deletes a generation; one that is gone already is no error.
///
/// # Errors
/// When readers can see it, or the engine does not answer or refuses.
pub async fn discard(client: &Client, index: &str) -> Result<()> {
    let aliases = match aliases(client, index).await {
        Err(error) if error.is_not_found() => return Ok(()),
        aliases => aliases.with_context(|| format!("index `{index}`"))?,
    };
    if let Some(alias) = aliases.iter().find(|alias| name::write_epoch(index, alias).is_none()) {
        let what = format!("index `{index}` is not deleted: the alias `{alias}` points to it");
        return Err(Finding::error(what).into());
    }
    match client.call(Method::Delete, &[index], &[], None).await {
        Err(error) if error.is_not_found() => Ok(()),
        deleted => deleted.map(drop).with_context(|| format!("deleting index `{index}`")),
    }
}

async fn put_settings(client: &Client, index: &str, settings: Map<String, Value>) -> Result<()> {
    let settings = Value::Object(settings);
    let put = client.call(Method::Put, &[index, "_settings"], &[], Some(&settings)).await;
    put.map(drop).with_context(|| format!("index `{index}`"))
}
