//! How far a run is: numbers that one side counts up and another shows.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::state::Counts;

/// Kinds of refusals that are told apart.
const KINDS_TOLD: usize = 50;

/// Number of refused documents by error and field.
pub(super) type Refusals = BTreeMap<String, u64>;

/// Counters of a run under way.
#[derive(Debug, Default)]
pub struct Progress {
    read: AtomicU64,
    written: AtomicU64,
    unchanged: AtomicU64,
    dead: AtomicU64,
    dead_before: AtomicU64,
    bytes: AtomicU64,
    bulks: AtomicU64,
    refusals: Mutex<Refusals>,
}

impl Progress {
    /// Root rows read.
    pub fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Documents that the engine has.
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Documents that were in the index already, as they are.
    pub fn unchanged(&self) -> u64 {
        self.unchanged.load(Ordering::Relaxed)
    }

    /// Documents refused for their own sake.
    pub fn dead(&self) -> u64 {
        self.dead.load(Ordering::Relaxed)
    }

    /// Bytes sent, counted once however often they were resent.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Bulk requests, counted once however often their parts were resent.
    pub fn bulks(&self) -> u64 {
        self.bulks.load(Ordering::Relaxed)
    }

    pub(super) fn add_read(&self, rows: usize) {
        self.read.fetch_add(rows as u64, Ordering::Relaxed);
    }

    /// One more bulk has brought so many documents in.
    pub(super) fn add_written(&self, documents: u64, bytes: usize) {
        self.written.fetch_add(documents, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.bulks.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn add_unchanged(&self, documents: u64) {
        self.unchanged.fetch_add(documents, Ordering::Relaxed);
    }

    /// Refused documents that were not dead letters before.
    pub(super) fn newly_dead(&self) -> u64 {
        self.dead().saturating_sub(self.dead_before.load(Ordering::Relaxed))
    }

    /// The document that was refused last was a dead letter before.
    pub(super) fn add_dead_before(&self) {
        self.dead_before.fetch_add(1, Ordering::Relaxed);
    }

    /// One more document refused; `read` must have counted its root.
    pub(super) fn add_dead(&self, error_type: &str, field: Option<&str>) {
        self.dead.fetch_add(1, Ordering::Relaxed);
        let kind = match field {
            Some(field) => format!("{error_type}: {field}"),
            None => error_type.to_owned(),
        };
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        if refusals.len() < KINDS_TOLD || refusals.contains_key(&kind) {
            *refusals.entry(kind).or_default() += 1;
        }
    }

    /// What was refused, by kind.
    pub(super) fn refusals(&self) -> Refusals {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Begins with what earlier runs have loaded.
    pub(super) fn go_on_from(&self, counts: &Counts) {
        self.read.store(counts.read, Ordering::Relaxed);
        self.dead.store(counts.dead, Ordering::Relaxed);
        self.written.store(counts.read.saturating_sub(counts.dead), Ordering::Relaxed);
    }
}
