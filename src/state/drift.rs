//! What the last look at an index has shown: how far it was from the services.
//!
//! Promises: one document for each real index, the latest look's; it tells numbers, never a key. Written without a lease, since
//! nothing is decided by it.

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::State;
use crate::sink::Method;

/// What a look at an index has shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    /// When the look ended.
    pub at: Timestamp,
    /// The engine's own name of the index.
    pub uuid: String,
    /// Which command looked: `verify`, `sync --sweep`.
    pub by: String,
    /// What was looked at: `whole`, `sample`, `since` or `ids`.
    pub scope: String,
    /// Roots that were looked at.
    pub read: u64,
    /// Roots without a document.
    pub missing: u64,
    /// Documents without a root.
    pub extra: u64,
    /// Documents that are not what the services say.
    pub different: u64,
    /// Those of them all that were repaired.
    pub repaired: u64,
}

impl Drift {
    /// All documents that were not right.
    pub fn found(&self) -> u64 {
        self.missing + self.extra + self.different
    }
}

fn id(index: &str) -> String {
    format!("drift:{index}")
}

impl State {
    /// What the last look at a real index has shown; `None` when there was none, or it was at another index of that name.
    ///
    /// # Errors
    /// When the engine does not answer or refuses.
    pub async fn drift(&self, index: &str, uuid: &str) -> Result<Option<Drift>> {
        let found = self.fetch::<Drift>(&id(index)).await?;
        Ok(found.map(|(_, drift)| drift).filter(|drift| drift.uuid == uuid))
    }

    /// Remembers what a look at a real index has shown, in place of the one before.
    ///
    /// # Errors
    /// When the engine does not answer or refuses.
    pub async fn put_drift(&self, index: &str, drift: &Drift) -> Result<()> {
        self.make(&self.runs).await?;
        let path = [self.runs.index.as_str(), "_doc", &id(index)];
        let document = json!({"kind": "drift", "body": drift});
        let put = self.client.call(Method::Put, &path, &[], Some(&document)).await;
        put.map(drop).with_context(|| format!("index `{}`", self.runs.index))
    }

    /// Forgets what was seen of a real index.
    pub(super) async fn forget_drift(&self, index: &str) -> Result<()> {
        Ok(self.remove(&id(index)).await?)
    }
}
