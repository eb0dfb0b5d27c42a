//! What a run did, for people and for `--json`.

use std::collections::BTreeMap;
use std::time::Instant;

use jiff::Timestamp;
use serde::Serialize;

use super::Stopped;
use super::progress::{Progress, Refusals};
use super::verify::Verification;
use crate::plan::Plan;
use crate::state::{Counts, Drift};

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
    /// Documents that were in the index already, as they are.
    pub unchanged: u64,
    /// Roots that were built again after the load, since something of theirs had changed meanwhile.
    pub caught_up: u64,
    /// Documents deleted, since their roots are gone.
    pub deleted: u64,
    /// Whether every root and every document was looked at, not only what was told to have changed.
    pub swept: bool,
    /// Ids that were asked for and have no row among the job's: what the index held of them is deleted.
    pub without_row: u64,
    /// Documents kept as dead letters.
    pub dead_letters: u64,
    /// How many documents were refused for what: error and field, the first fifty of them.
    pub refusals: Refusals,
    /// Root rows without a key, which cannot become documents.
    pub keyless: u64,
    /// Rows joined, by the relation's path.
    pub rows: BTreeMap<String, u64>,
    /// Joined rows that none of the keys asked for claimed.
    pub unclaimed: u64,
    /// Rows beyond the first of a to-one relation.
    pub ambiguous: u64,
    /// Bytes sent.
    pub bytes: u64,
    /// Bulk requests that took.
    pub bulks: u64,
    /// `finished`, `stopped`, `cancelled`, `shut_out` or `not_started`.
    pub outcome: &'static str,
    /// Why it stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What to do next, where that is not plain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// What deserves to be known and kept nothing from being done.
    pub warnings: Vec<String>,
    /// What the last look at the index has shown, where there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift: Option<Drift>,
    /// Root rows that an earlier run had read already, when it was gone on from.
    pub resumed_at: Option<u64>,
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

/// How a run ended, in a word.
pub(super) fn outcome(ended: &Result<(), Stopped>) -> &'static str {
    match ended {
        Ok(()) => "finished",
        Err(Stopped::NotStarted(_)) => "not_started",
        Err(Stopped::Held(_)) => "shut_out",
        Err(Stopped::Cancelled) => "cancelled",
        Err(Stopped::Midway(_)) => "stopped",
    }
}

impl Report {
    /// The report of a run that begins now.
    pub(super) fn begin(mode: &'static str, plan: &Plan) -> Self {
        Self {
            job: plan.job.clone(),
            mode,
            alias: plan.index.clone(),
            started_at: now(),
            outcome: "not_started",
            ..Self::default()
        }
    }

    /// Tells how the run ended that `began` then.
    pub(super) fn end(&mut self, ended: &Result<(), Stopped>, began: Instant) {
        self.outcome = outcome(ended);
        self.error = ended.as_ref().err().map(ToString::to_string);
        self.ended_at = now();
        self.seconds = began.elapsed().as_secs_f64();
    }

    /// Takes over what was counted on the way.
    pub(super) fn count(&mut self, progress: &Progress) {
        self.read = progress.read();
        self.dead_letters = progress.dead();
        self.written = progress.written();
        self.unchanged = progress.unchanged();
        self.bytes = progress.bytes();
        self.bulks = progress.bulks();
        self.refusals = progress.refusals();
    }

    /// Takes over what a whole load has counted, by this run and those before it.
    pub(super) fn total(&mut self, counts: &Counts) {
        self.read = counts.read;
        self.dead_letters = counts.dead;
        self.unclaimed = counts.unclaimed;
        self.ambiguous = counts.ambiguous;
        self.rows.clone_from(&counts.rows);
    }

    /// Takes over what a look at everything has shown and done.
    pub(super) fn sweep(&mut self, swept: &Verification) {
        let odd = swept.missing.count
            + swept.different.count
            + swept.lagging
            + swept.dead_letters.saturating_sub(swept.newly_dead)
            + swept.keyless;
        self.read += swept.read;
        self.written += swept.written;
        self.unchanged += swept.read.saturating_sub(odd);
        self.deleted += swept.deleted;
        self.dead_letters = self.dead_letters.max(swept.dead_letters + swept.keyless);
        self.unclaimed = self.unclaimed.max(swept.unclaimed);
        self.ambiguous = self.ambiguous.max(swept.ambiguous);
        self.swept = swept.has_looked();
        self.drift = swept.remembered.clone().or(self.drift.take());
    }

    /// Whether something in it deserves a look (exit code 1).
    pub fn needs_a_look(&self) -> bool {
        self.dead_letters + self.keyless + self.unclaimed + self.ambiguous > 0
    }
}
