//! How far a run is: numbers that one side counts up and another shows.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of a run under way.
#[derive(Debug, Default)]
pub struct Progress {
    read: AtomicU64,
    written: AtomicU64,
    dead: AtomicU64,
    bytes: AtomicU64,
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

    /// Documents refused for their own sake.
    pub fn dead(&self) -> u64 {
        self.dead.load(Ordering::Relaxed)
    }

    /// Bytes sent, counted once however often they were resent.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(super) fn add_read(&self, rows: usize) {
        self.read.fetch_add(rows as u64, Ordering::Relaxed);
    }

    pub(super) fn add_written(&self, documents: u64, bytes: usize) {
        self.written.fetch_add(documents, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn add_dead(&self, documents: usize) {
        self.dead.fetch_add(documents as u64, Ordering::Relaxed);
    }
}
