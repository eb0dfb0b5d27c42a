//! Documents that the engine refused for their own sake: which, and why.

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{State, hits};
use crate::sink::bulk::{BulkBody, BulkWriter, MAX_ID_BYTES, Outcome};
use crate::sink::{EngineError, Method, PatienceSettings, index};

/// Letters that are written or deleted in one request.
const AT_ONCE: usize = 1_000;

/// One document that is not in its index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// The job's name.
    pub job: String,
    /// The real index that it should be in.
    pub index: String,
    /// The root's key.
    pub key: String,
    /// The engine's `error.type`, or a kind of our own.
    pub error_type: String,
    /// Path of the field at fault, where it is known.
    pub field: Option<String>,
    /// When it was refused.
    pub at: Timestamp,
    /// The checkpoint of the loading that counts it: one that never came about leaves letters of rows that are read again.
    #[serde(default)]
    pub checkpoint: u64,
}

pub(super) fn properties() -> Value {
    // A key may be refused for its very length: longer ones are kept and not searched for.
    json!({
        "job": {"type": "keyword"},
        "index": {"type": "keyword"},
        "key": {"type": "keyword", "ignore_above": 1024},
        "error_type": {"type": "keyword"},
        "field": {"type": "keyword", "ignore_above": 1024},
        "at": {"type": "date"},
        "checkpoint": {"type": "long"},
    })
}

impl State {
    /// Keeps dead letters: one for each key of an index, the latest.
    ///
    /// # Errors
    /// When the engine does not answer for long, or refuses.
    pub async fn put_dead_letters(&self, letters: &[DeadLetter]) -> Result<()> {
        if letters.is_empty() {
            return Ok(());
        }
        self.make(&self.dead_letters).await?;
        for letters in letters.chunks(AT_ONCE) {
            let mut body = BulkBody::default();
            for letter in letters {
                body.put(&id(&letter.index, &letter.key), millis(letter), |out| {
                    serde_json::to_writer(out, letter)
                })
                .context("a dead letter")?;
            }
            self.write(body).await?;
        }
        Ok(())
    }

    /// How many documents `index` lacks.
    ///
    /// # Errors
    /// When the engine does not answer or refuses.
    pub async fn count_dead_letters(&self, index: &str) -> Result<u64> {
        let search = json!({"size": 0, "track_total_hits": true, "query": of(index)});
        let Some(found) = self.search(&self.dead_letters, &search).await? else { return Ok(0) };
        let total = found.pointer("/hits/total/value").and_then(Value::as_u64);
        total.context("the engine's answer has no total")
    }

    /// The latest dead letters of `index`, at most `limit`.
    ///
    /// # Errors
    /// When the engine does not answer or refuses.
    pub async fn list_dead_letters(&self, index: &str, limit: usize) -> Result<Vec<DeadLetter>> {
        let search = json!({
            "size": limit,
            "query": of(index),
            "sort": [{"at": "desc"}, {"key": "asc"}],
        });
        let found = self.search(&self.dead_letters, &search).await?;
        let sources = found.iter().flat_map(hits).filter_map(|hit| hit.get("_source"));
        let letters = sources.map(DeadLetter::deserialize).collect::<Result<_, _>>();
        letters.context("a dead letter cannot be read")
    }

    /// All dead letters of `index`, in any order.
    ///
    /// # Errors
    /// When the engine does not answer or refuses.
    pub async fn all_dead_letters(&self, index: &str) -> Result<Vec<DeadLetter>> {
        let mut letters = Vec::new();
        let search = json!({"size": AT_ONCE, "query": of(index)});
        let store = self.dead_letters.index.as_str();
        let listed = index::pass(&self.client, store, search, async |hits| {
            let letters_of = hits.iter().filter_map(|hit| hit.get("_source"));
            let read = letters_of.map(DeadLetter::deserialize).collect::<Result<Vec<_>, _>>();
            letters.extend(read.context("a dead letter cannot be read")?);
            Ok(())
        });
        match listed.await {
            // None was ever kept.
            Err(error) if error.downcast_ref().is_some_and(EngineError::is_not_found) => {}
            listed => listed.with_context(|| format!("index `{store}`"))?,
        }
        Ok(letters)
    }

    /// Forgets these dead letters; a later one of the same key stays.
    ///
    /// # Errors
    /// When the engine does not answer or refuses.
    pub async fn forget_letters(&self, letters: &[DeadLetter]) -> Result<()> {
        for letters in letters.chunks(AT_ONCE) {
            let mut body = BulkBody::default();
            for letter in letters {
                // Behind what it was written with: the clock of whoever wrote it may be ahead of ours.
                body.delete(&id(&letter.index, &letter.key), millis(letter).saturating_add(1));
            }
            self.write(body).await?;
        }
        Ok(())
    }

    /// The dead letter of that key of `index`; `None` when it has none.
    ///
    /// # Errors
    /// When the engine does not answer or refuses.
    pub async fn dead_letter(&self, index: &str, key: &str) -> Result<Option<DeadLetter>> {
        let store = self.dead_letters.index.as_str();
        let path = [store, "_doc", &id(index, key)];
        let found = match self.client.call(Method::Get, &path, &[], None).await {
            Err(error) if error.is_not_found() => return Ok(None),
            found => found.with_context(|| format!("index `{store}`"))?,
        };
        let letter = found.get("_source").map(DeadLetter::deserialize).transpose();
        letter.context("a dead letter cannot be read")
    }

    /// Forgets the dead letters of `index` from this checkpoint on.
    ///
    /// # Errors
    /// When the engine does not answer or refuses.
    pub async fn drop_dead_letters(&self, index: &str, from_checkpoint: u64) -> Result<()> {
        let from = json!({"range": {"checkpoint": {"gte": from_checkpoint}}});
        let query = json!({"bool": {"filter": [of(index), from]}});
        let search = json!({"size": AT_ONCE, "_source": false, "version": true, "query": query});
        // Each round deletes what it found, so the next one finds less.
        while let Some(found) = self.search(&self.dead_letters, &search).await? {
            let mut body = BulkBody::default();
            for hit in hits(&found) {
                let id = hit.get("_id").and_then(Value::as_str);
                let version = hit.get("_version").and_then(Value::as_u64);
                let known = id.zip(version).context("a hit without id or version")?;
                body.delete(known.0, known.1.saturating_add(1));
            }
            if body.is_empty() {
                return Ok(());
            }
            self.write(body).await?;
        }
        Ok(())
    }

    async fn write(&self, body: BulkBody) -> Result<()> {
        let index = self.dead_letters.index.as_str();
        let writer = BulkWriter::new(self.client.clone(), PatienceSettings::default());
        let context = || format!("index `{index}`");
        let outcomes = writer.write(index, body).await.with_context(context)?;
        let refused = outcomes.iter().find_map(|outcome| match outcome {
            // The same key twice in one request: the first of them tells enough.
            Outcome::Rejected(why) if why.error_type != "duplicate_id" => Some(&why.error_type),
            _ => None,
        });
        ensure!(refused.is_none(), "index `{index}` refuses a dead letter: {refused:?}");
        self.refresh(&self.dead_letters).await.with_context(context)
    }
}

/// The version that a letter is kept with.
fn millis(letter: &DeadLetter) -> u64 {
    u64::try_from(letter.at.as_millisecond()).unwrap_or(0)
}

fn of(index: &str) -> Value {
    json!({"term": {"index": index}})
}

/// The letter's id: readable where it can be, and within the engine's limit. A colon cannot stand in an index's name.
fn id(index: &str, key: &str) -> String {
    let readable = format!("{index}:{key}");
    if readable.len() <= MAX_ID_BYTES {
        return readable;
    }
    let hash = Sha256::digest(key.as_bytes());
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    // Two colons, so that no readable id of a key that looks like a hash is the same.
    format!("{index}::{hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_fit_and_differ() {
        assert_eq!(id("a-000001", "7"), "a-000001:7");
        let long = id("a-000001", &"x".repeat(600));
        assert_eq!(long.len(), "a-000001::".len() + 64);
        assert_ne!(long, id("a-000001", &"x".repeat(601)));
    }
}
