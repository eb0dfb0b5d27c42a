//! What a run did, for people and for `--json`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::progress::Progress;

/// Number of refused documents by error and field.
pub(super) type Refusals = BTreeMap<String, u64>;

/// The outcome of a run.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// The job's name.
    pub job: String,
    /// What kind of run it was.
    pub mode: &'static str,
    /// The alias that readers use.
    pub alias: String,
    /// The real index that was written.
    pub index: String,
    /// When it began, ISO 8601.
    pub started_at: String,
    /// When it ended, ISO 8601.
    pub ended_at: String,
    /// How long it took.
    pub seconds: f64,
    /// Root rows read.
    pub read: u64,
    /// Documents in the index.
    pub written: u64,
    /// Documents kept as dead letters.
    pub dead_letters: u64,
    /// How many documents were refused for what: error and field, the first fifty of them.
    pub refusals: Refusals,
    /// Root rows without a key, which cannot become documents.
    pub keyless: u64,
    /// Joined rows that none of the keys asked for claimed.
    pub unclaimed: u64,
    /// Rows beyond the first of a to-one relation.
    pub ambiguous: u64,
    /// Bytes sent.
    pub bytes: u64,
    /// `finished`, `stopped`, `cancelled` or `not_started`.
    pub outcome: &'static str,
    /// Why it stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Whether readers see the new index.
    pub swapped: bool,
    /// The index that served before, kept for a way back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
    /// Older indexes that were removed.
    pub removed: Vec<String>,
}

/// The time, to the millisecond, as reports and documents tell it.
pub(super) fn now() -> String {
    format!("{:.3}", Timestamp::now())
}

impl Report {
    /// Takes over what was counted.
    pub(super) fn count(&mut self, progress: &Progress) {
        self.read = progress.read();
        self.dead_letters = progress.dead();
        self.bytes = progress.bytes();
    }

    /// Whether something in it deserves a look (exit code 1).
    pub fn needs_a_look(&self) -> bool {
        self.dead_letters + self.keyless + self.unclaimed + self.ambiguous > 0
    }
}
