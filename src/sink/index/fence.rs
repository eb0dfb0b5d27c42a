//! Shutting out whoever wrote to an index before.
//!
//! A run writes through an alias of its own. The next one takes that alias away: what the older run sends from then on the
//! engine itself refuses, deletions too. What the engine had accepted before that is waited for.
//!
//! Promises: after [`remove_older_write_aliases`] and [`barrier`] nothing that an older run has sent changes the index any
//! more. Never touches the alias of a newer run.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::{aliases, name};
use crate::finding::Finding;
use crate::sink::client::{Client, Method};
use crate::sink::error::EngineError;

/// How often the engine is asked to wait for what is under way; half a minute each, as a rule.
const WAITS: u32 = 5;

/// Adds a write alias to `index`.
///
/// # Errors
/// When the engine does not answer or refuses.
pub async fn add_write_alias(
    client: &Client,
    index: &str,
    write_alias: &str,
) -> Result<(), EngineError> {
    act(client, &[json!({"add": {"index": index, "alias": write_alias}})]).await
}

/// Removes a write alias; one that is gone already is no error.
///
/// # Errors
/// When the engine does not answer or refuses.
pub async fn remove_write_alias(
    client: &Client,
    index: &str,
    write_alias: &str,
) -> Result<(), EngineError> {
    match act(client, &[json!({"remove": {"index": index, "alias": write_alias}})]).await {
        Err(error) if error.is_not_found() => Ok(()),
        removed => removed,
    }
}

/// Removes every write alias of `index` but `own` that is not of a later epoch.
///
/// # Errors
/// When the engine does not answer or refuses, or the index does not exist.
pub async fn remove_older_write_aliases(client: &Client, index: &str, own: &str) -> Result<()> {
    let context = || format!("index `{index}`");
    let epoch = name::write_epoch(index, own).with_context(context)?;
    for alias in aliases(client, index).await.with_context(context)? {
        let older = name::write_epoch(index, &alias).is_some_and(|other| other <= epoch);
        if older && alias != own {
            remove_write_alias(client, index, &alias).await.with_context(context)?;
        }
    }
    Ok(())
}

/// Returns when every write that the engine had accepted for `index` is done.
///
/// The engine answers a block on writes when none is under way any more. The block is lifted again; one that a dead run left is lifted too.
///
/// # Errors
/// When the engine does not answer or refuses, or is not done with them in minutes. A block may be left then.
pub async fn barrier(client: &Client, index: &str) -> Result<()> {
    let context = || format!("index `{index}`: waiting for writes under way");
    for waited in 1.. {
        // A block that stands already is answered without waiting.
        open(client, index).await.with_context(context)?;
        let path = [index, "_block", "write"];
        let answer = client.call(Method::Put, &path, &[], None).await.with_context(context)?;
        // The engine itself waits for some time, and then answers 200 as well.
        if answer.get("shards_acknowledged") == Some(&Value::Bool(true)) {
            break;
        }
        let finding = Finding::error("the engine is still busy with writes of an earlier run");
        let hint = "look at its tasks, `GET _tasks?actions=*write*`, and run it again";
        ensure!(waited < WAITS, anyhow::Error::from(finding.hint(hint)).context(context()));
    }
    open(client, index).await.with_context(context)
}

/// Lifts the block on writes.
async fn open(client: &Client, index: &str) -> Result<(), EngineError> {
    let open = json!({"index.blocks.write": Value::Null});
    client.call(Method::Put, &[index, "_settings"], &[], Some(&open)).await.map(drop)
}

/// Has the engine put on disk what it holds of `index`.
///
/// # Errors
/// When the engine does not answer or refuses.
pub async fn flush(client: &Client, index: &str) -> Result<()> {
    let flushed = client.call(Method::Post, &[index, "_flush"], &[], None).await;
    super::whole(&flushed.with_context(|| format!("index `{index}`"))?)
}

/// The engine's own name of `index`, which no other index ever has; `None` when there is none.
///
/// # Errors
/// When the engine does not answer or refuses.
pub async fn uuid(client: &Client, index: &str) -> Result<Option<String>> {
    let filter = [("filter_path", "*.settings.index.uuid")];
    let found = match client.call(Method::Get, &[index, "_settings"], &filter, None).await {
        Err(error) if error.is_not_found() => return Ok(None),
        found => found.with_context(|| format!("index `{index}`"))?,
    };
    let uuid = found.get(index).and_then(|found| found.pointer("/settings/index/uuid")?.as_str());
    Ok(uuid.map(ToOwned::to_owned))
}

async fn act(client: &Client, actions: &[Value]) -> Result<(), EngineError> {
    let body = json!({"actions": actions});
    client.call(Method::Post, &["_aliases"], &[], Some(&body)).await.map(drop)
}
