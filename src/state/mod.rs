//! What prejoin remembers, kept in the engine beside the indexes that it is about.
//!
//! Promises: two hidden indexes, made on first use and with strict mappings, whoever comes first; nothing is kept anywhere
//! else, so no disk or database is needed. Never keeps a row's values: of a dead letter the key, the kind of error and the
//! field.

mod alias_lease;
mod dead_letters;
mod drawn;
mod drift;
mod index_lease;
mod index_state;
mod lease;
mod runs;
mod stored;
mod watch;

use std::sync::Arc;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::finding::Finding;
use crate::sink::{Client, EngineError, Method, index};

pub use alias_lease::{AliasLease, AliasState};
pub use dead_letters::DeadLetter;
pub use drawn::Drawn;
pub use drift::Drift;
pub use index_lease::{IndexLease, NotTaken};
pub use index_state::{BuiltBy, Counts, IndexState, LoadState, Segment};
pub use lease::{Claim, Held, LeaseError, Tenure};
pub use runs::RunRecord;

/// Access to what is remembered; clones share it.
#[derive(Clone)]
pub struct State {
    client: Client,
    runs: Arc<Store>,
    dead_letters: Arc<Store>,
}

/// One of the indexes.
struct Store {
    index: String,
    mappings: Value,
    made: OnceCell<()>,
}

impl State {
    /// The state under names that begin with `prefix`. Nothing is asked or made yet.
    pub fn new(client: Client, prefix: &str) -> Self {
        let store = |name: &str, properties: Value| {
            let mappings = json!({"dynamic": "strict", "properties": properties});
            Arc::new(Store { index: format!("{prefix}-{name}"), mappings, made: OnceCell::new() })
        };
        Self {
            client,
            runs: store("state", runs::properties()),
            dead_letters: store("dead-letters", dead_letters::properties()),
        }
    }

    /// Makes the index if there is none. Writing alone would make one too, with types guessed from the first document.
    async fn make(&self, store: &Store) -> Result<()> {
        let made = store.made.get_or_try_init(|| async {
            index::check_name(&store.index).context("engine.state_prefix")?;
            let body = json!({
                "settings": {
                    "index.hidden": true,
                    "index.number_of_shards": 1,
                    "index.auto_expand_replicas": "0-1",
                },
                "mappings": store.mappings,
            });
            let context = || format!("index `{}`", store.index);
            if self.is_made(store).await.with_context(context)? {
                return Ok(());
            }
            match self.client.call(Method::Put, &[&store.index], &[], Some(&body)).await {
                // One that an older version made may lack a field.
                Err(error) if error.is_conflict() => {
                    let path = [store.index.as_str(), "_mapping"];
                    let put = self.client.call(Method::Put, &path, &[], Some(&store.mappings));
                    put.await.map(drop).map_err(|error| {
                        let what = Finding::error(format!("{} has fields of other types", context()));
                        let hint = "it was made by something else, or by a run that lost it: delete it; indexes are not touched, `reindex` anew";
                        let foreign = error.status() == Some(400);
                        let error = anyhow::Error::new(error);
                        if foreign { error.context(what.hint(hint)) } else { error.context(context()) }
                    })
                }
                made => made.map(drop).with_context(context),
            }
        });
        made.await.copied()
    }

    /// Whether there is an index with all the fields: to find out takes the engine less than to find nothing to do.
    async fn is_made(&self, store: &Store) -> Result<bool, EngineError> {
        let path = [store.index.as_str(), "_mapping"];
        let found = match self.client.call(Method::Get, &path, &[], None).await {
            Err(error) if error.is_not_found() => return Ok(false),
            found => found?,
        };
        let fields = |mappings: &Value| mappings.get("properties").cloned().unwrap_or_default();
        let made = found.pointer(&format!("/{}/mappings", store.index)).map(fields);
        Ok(made.as_ref() == Some(&fields(&store.mappings)))
    }

    /// The answer to a search in one of the indexes; `None` when the index was not made yet.
    async fn search(&self, store: &Store, body: &Value) -> Result<Option<Value>> {
        match self.client.call(Method::Post, &[&store.index, "_search"], &[], Some(body)).await {
            Err(error) if error.is_not_found() => Ok(None),
            found => found.map(Some).with_context(|| format!("index `{}`", store.index)),
        }
    }

    /// As [`State::search`], of all that was written by now; as of the last refresh, where the account may not ask for one.
    async fn search_now(&self, store: &Store, body: &Value) -> Result<Option<Value>> {
        let refreshed = self.refresh(store).await.err().filter(EngineError::is_unreachable);
        let refreshed = refreshed.map_or(Ok(()), Err);
        refreshed.with_context(|| format!("index `{}`", store.index))?;
        self.search(store, body).await
    }

    async fn refresh(&self, store: &Store) -> Result<(), EngineError> {
        self.client.call(Method::Post, &[&store.index, "_refresh"], &[], None).await.map(drop)
    }
}

/// The hits of a search's answer.
fn hits(answer: &Value) -> impl Iterator<Item = &Value> {
    answer.pointer("/hits/hits").and_then(Value::as_array).into_iter().flatten()
}
