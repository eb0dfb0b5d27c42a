//! What is known of each job: what it does, how it went, what comes next.
//!
//! Promises: names, times and codes only, nothing that a service or the engine has said. A job is healthy while the last run of
//! each kind came to its end, whoever else was at it meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::Serialize;

use super::outcome::Outcome;
use super::timetable::{Due, Entry};
use crate::times::Kind;

/// What is known, to be asked while it changes.
#[derive(Debug)]
pub struct Board(Mutex<Known>);

#[derive(Debug)]
struct Known {
    beat: Instant,
    jobs: BTreeMap<String, JobStatus>,
}

/// How things are.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// Whether every job is.
    pub healthy: bool,
    /// The jobs that are not.
    pub unhealthy: Vec<String>,
    /// All jobs that have a schedule.
    pub jobs: BTreeMap<String, JobStatus>,
}

/// How a job is.
#[derive(Debug, Clone, Default, Serialize)]
pub struct JobStatus {
    healthy: bool,
    /// What is under way.
    running: BTreeSet<&'static str>,
    /// When a run last came to its end.
    last_success: Option<Timestamp>,
    runs: BTreeMap<&'static str, KindStatus>,
}

/// How runs of one kind are.
#[derive(Debug, Clone, Default, Serialize)]
struct KindStatus {
    schedule: String,
    next: Option<Timestamp>,
    last: Option<Last>,
    last_success: Option<Timestamp>,
    failures_in_a_row: u64,
}

/// The last run of a kind.
#[derive(Debug, Clone, Serialize)]
struct Last {
    began: Timestamp,
    ended: Timestamp,
    code: Option<u8>,
    means: &'static str,
}

/// How long the scheduler may be silent: it shows a sign of life every second.
const LONGEST_SILENCE: Duration = Duration::from_secs(60);

impl Board {
    /// Nothing has been run yet.
    pub fn new(entries: &[Entry]) -> Self {
        let mut jobs = BTreeMap::<String, JobStatus>::new();
        for Entry { job, kind, times } in entries {
            let job = jobs.entry(job.clone()).or_default();
            job.healthy = true;
            job.runs.entry(kind.name()).or_default().schedule = times.text().to_owned();
        }
        Self(Mutex::new(Known { beat: Instant::now(), jobs }))
    }

    /// How things are.
    pub fn status(&self) -> Status {
        let jobs = self.known().jobs.clone();
        let sick = jobs.iter().filter(|(_, job)| !job.healthy);
        let unhealthy: Vec<String> = sick.map(|(name, _)| name.clone()).collect();
        Status { healthy: unhealthy.is_empty(), unhealthy, jobs }
    }

    /// Whether the scheduler has given a sign of life lately, seen at `now`.
    pub fn is_alive(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.known().beat) < LONGEST_SILENCE
    }

    pub(super) fn beat(&self) {
        self.known().beat = Instant::now();
    }

    pub(super) fn is_planned(&self, planned: impl Iterator<Item = Due>) {
        let mut known = self.known();
        let kinds = known.jobs.values_mut().flat_map(|job| job.runs.values_mut());
        kinds.for_each(|kind| kind.next = None);
        for Due { at, job, kind } in planned {
            if let Some(kind) = known.kind(&job, kind) {
                kind.next = Some(at);
            }
        }
    }

    pub(super) fn began(&self, due: &Due) {
        if let Some(job) = self.known().jobs.get_mut(&due.job) {
            job.running.insert(due.kind.name());
        }
    }

    pub(super) fn ended(&self, due: &Due, (began, ended): (Timestamp, Timestamp), how: Outcome) {
        // As reports tell it.
        let [began, ended] =
            [began, ended].map(|at| Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at));
        let mut known = self.known();
        if let Some(kind) = known.kind(&due.job, due.kind) {
            kind.last = Some(Last { began, ended, code: how.code(), means: how.means() });
            if how.is_success() {
                (kind.last_success, kind.failures_in_a_row) = (Some(ended), 0);
            } else if how.is_failure() {
                kind.failures_in_a_row += 1;
            }
        }
        if let Some(job) = known.jobs.get_mut(&due.job) {
            job.running.remove(due.kind.name());
            job.healthy = job.runs.values().all(|kind| kind.failures_in_a_row == 0);
            job.last_success = job.runs.values().filter_map(|kind| kind.last_success).max();
        }
    }

    /// Nothing is left half done that a panic could have interrupted.
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn kind(&mut self, job: &str, kind: Kind) -> Option<&mut KindStatus> {
        self.jobs.get_mut(job)?.runs.get_mut(kind.name())
    }
}
