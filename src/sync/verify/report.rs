//! What a look at an index has shown, for people and for `--json`.
//!
//! Promises: all is counted, and of the first few it is told which they are: ids and fields, never a value.

use std::time::Instant;

use serde::Serialize;

use crate::plan::Plan;
use crate::state::{DeadLetter, Drift};
use crate::sync::Stopped;
use crate::sync::report::{now, outcome};

/// Documents of each kind that are told by their id.
const TOLD: usize = 10;

/// The outcome of a look at an index.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Verification {
    /// The job's name.
    pub job: String,
    /// What kind of run it was.
    pub mode: &'static str,
    /// The alias that readers use.
    pub alias: String,
    /// The real index that was looked at.
    pub index: String,
    /// When it began, ISO 8601.
    pub started_at: String,
    /// When it ended, ISO 8601.
    pub ended_at: String,
    /// How long it took.
    pub seconds: f64,
    /// What was looked at: `whole`, `sample`, `since` or `ids`.
    pub scope: &'static str,
    /// Roots that were read and held against the index.
    pub read: u64,
    /// Documents whose roots were looked for.
    pub documents: u64,
    /// Documents that hold the right values in other bytes: something else than prejoin has written them.
    pub alike: u64,
    /// Roots without a document.
    pub missing: Told<String>,
    /// Documents without a root.
    pub extra: Told<String>,
    /// Documents that are not what the services say.
    pub different: Told<DifferentDocument>,
    /// Documents that differ by what has changed since the last run that follows changes, and that the next one brings.
    pub lagging: u64,
    /// Documents that the engine refused, or would refuse: no drift.
    pub dead_letters: u64,
    /// Roots without a key that a document could have: no drift.
    pub keyless: u64,
    /// Documents that were repaired.
    pub repaired: u64,
    /// Documents written for it.
    pub written: u64,
    /// Documents deleted for it.
    pub deleted: u64,
    /// `finished`, `stopped`, `cancelled`, `shut_out` or `not_started`.
    pub outcome: &'static str,
    /// Why it stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What deserves to be known and kept nothing from being done.
    pub warnings: Vec<String>,
    /// Joined rows that none of the keys asked for claimed.
    pub unclaimed: u64,
    /// Rows beyond the first of a to-one relation.
    pub ambiguous: u64,
    /// Whether all was looked at that was to be, whatever became of the repair.
    #[serde(skip)]
    pub(super) complete: bool,
    /// The first of the roots without a key, as dead letters.
    #[serde(skip)]
    pub(super) keyless_letters: Vec<DeadLetter>,
    /// Dead letters that were drift: the repair has made them.
    #[serde(skip)]
    pub(in crate::sync) newly_dead: u64,
    /// What is remembered of it, once it has come to its end.
    #[serde(skip)]
    pub(in crate::sync) remembered: Option<Drift>,
}

/// How many, and the first of them.
#[derive(Debug, Clone, Serialize)]
pub struct Told<T> {
    /// How many.
    pub count: u64,
    /// The first ten.
    pub first: Vec<T>,
}

/// A document that is not what the services say.
#[derive(Debug, Clone, Serialize)]
pub struct DifferentDocument {
    /// Its id.
    pub id: String,
    /// The fields that differ, the first ten.
    pub fields: Vec<String>,
}

impl<T> Default for Told<T> {
    fn default() -> Self {
        Self { count: 0, first: Vec::new() }
    }
}

impl<T> Told<T> {
    pub(super) fn add(&mut self, one: T) {
        self.count += 1;
        if self.first.len() < TOLD {
            self.first.push(one);
        }
    }
}

impl DifferentDocument {
    pub(super) fn new(id: &str, fields: Vec<String>) -> Self {
        Self { id: id.to_owned(), fields }
    }
}

impl Verification {
    /// The report of a look that begins now.
    pub(super) fn begin((mode, scope): (&'static str, &'static str), plan: &Plan) -> Self {
        Self {
            job: plan.job.clone(),
            mode,
            alias: plan.index.clone(),
            started_at: now(),
            scope,
            outcome: "not_started",
            ..Self::default()
        }
    }

    /// Tells how the look ended that `began` then.
    pub(super) fn end(&mut self, ended: &Result<(), Stopped>, began: Instant) {
        self.outcome = outcome(ended);
        self.error = ended.as_ref().err().map(ToString::to_string);
        self.ended_at = now();
        self.seconds = began.elapsed().as_secs_f64();
    }

    /// Documents that were not right.
    pub fn drift(&self) -> u64 {
        self.missing.count + self.extra.count + self.different.count
    }

    /// Whether all was looked at that was to be.
    pub(in crate::sync) fn has_looked(&self) -> bool {
        self.complete
    }

    /// Whether something in it deserves a look (exit code 1): whatever had to be repaired does.
    pub fn needs_a_look(&self) -> bool {
        self.drift() + self.unclaimed + self.ambiguous > 0
    }

    /// What is remembered of it with the index.
    pub(super) fn to_remember(&self, uuid: &str) -> Drift {
        Drift {
            at: jiff::Timestamp::now(),
            uuid: uuid.to_owned(),
            by: self.mode.to_owned(),
            scope: self.scope.to_owned(),
            read: self.read,
            missing: self.missing.count,
            extra: self.extra.count,
            different: self.different.count,
            repaired: self.repaired,
        }
    }
}
