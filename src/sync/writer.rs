//! Documents on their way into the engine: assembled into bulk bodies, several of them in flight.
//!
//! Promises: every document of a range is answered for before [`Writer::finish`] returns, as written or as a dead letter. At
//! most the configured number of bodies is in flight over all ranges; a slow engine slows the reading down. Never drops an
//! outcome, never keeps a dead letter by itself: they are handed on with the range.

use std::sync::Arc;

use anyhow::{Context, Result};
use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use super::progress::Progress;
use super::report::now;
use super::{Engine, ShutOut};
use crate::assemble::Assembler;
use crate::finding::Finding;
use crate::hydrate::Level;
use crate::sink::bulk::{BulkBody, BulkWriter, Outcome};
use crate::sink::version::epoch_of;
use crate::state::DeadLetter;

/// Dead letters that a run takes whatever its size, and the share of the roots beyond that: one in so many.
const DEAD_LETTERS_ANYWAY: u64 = 1_000;
const DEAD_LETTERS_ONE_IN: u64 = 100;

/// One bulk that was answered.
struct Sent {
    ids: Vec<String>,
    outcomes: Vec<Outcome>,
    bytes: usize,
}

/// Where documents go, the same for all ranges of a load.
pub(super) struct Target {
    /// The real index.
    pub(super) index: String,
    /// What to write through.
    pub(super) write_alias: String,
    /// The epoch of the versions.
    pub(super) epoch: u64,
    /// Sends bodies.
    pub(super) bulk: BulkWriter,
    /// One permit for each body that may be in flight.
    pub(super) flights: Arc<Semaphore>,
    /// Counts for people.
    pub(super) progress: Arc<Progress>,
}

/// Writes the documents of one key range.
pub(super) struct Writer<'e> {
    engine: &'e Engine,
    target: &'e Target,
    assembler: Assembler<'e>,
    body: BulkBody,
    ids: Vec<String>,
    flying: JoinSet<Result<Sent>>,
    letters: Vec<DeadLetter>,
}

impl<'e> Writer<'e> {
    pub(super) fn new(engine: &'e Engine, target: &'e Target) -> Self {
        let load = engine.load;
        Self {
            engine,
            target,
            assembler: Assembler::new(
                &engine.plan,
                engine.masking.clone(),
                &now(),
                load.page_bytes,
            ),
            body: BulkBody::with_capacity(load.bulk_bytes),
            ids: Vec::new(),
            flying: JoinSet::new(),
            letters: Vec::new(),
        }
    }

    /// Assembles the documents of `roots` and sends what fills a body.
    pub(super) async fn add(&mut self, version: u64, roots: &Level) -> Result<()> {
        for row in 0..roots.rows.len() {
            let mut id = String::new();
            if !self.assembler.id(roots, row, &mut id) {
                // The server holds a value that has no text here: a zero date, an infinity.
                self.refuse("", "no_key", None)?;
                continue;
            }
            let assembler = &mut self.assembler;
            let put = self.body.put(&id, version, |out| assembler.document(roots, row, &id, out));
            match put {
                Ok(()) => self.ids.push(id),
                Err(refused) => self.refuse(&id, &refused.what, Some(refused.field))?,
            }
            if self.body.bytes() >= self.engine.load.bulk_bytes {
                self.send().await?;
            }
        }
        Ok(())
    }

    /// Notes a root that cannot become a document.
    pub(super) fn refuse(
        &mut self,
        id: &str,
        error_type: &str,
        field: Option<String>,
    ) -> Result<()> {
        self.target.progress.add_dead(error_type, field.as_deref());
        self.letters.push(DeadLetter {
            job: self.engine.plan.job.clone(),
            index: self.target.index.clone(),
            key: id.to_owned(),
            error_type: error_type.to_owned(),
            field,
            at: Timestamp::now(),
            checkpoint: 0,
        });
        self.check_ceiling()
    }

    /// Sends what is left, waits until everything is answered for, and returns what could not be written.
    pub(super) async fn finish(mut self) -> Result<Vec<DeadLetter>> {
        if !self.body.is_empty() {
            self.send().await?;
        }
        while !self.flying.is_empty() {
            self.land().await?;
        }
        Ok(self.letters)
    }

    async fn send(&mut self) -> Result<()> {
        let permit = self.permit().await?;
        let fresh = BulkBody::with_capacity(self.engine.load.bulk_bytes);
        let body = std::mem::replace(&mut self.body, fresh);
        let ids = std::mem::take(&mut self.ids);
        let (bulk, alias) = (self.target.bulk.clone(), self.target.write_alias.clone());
        let bytes = body.bytes();
        self.flying.spawn(async move {
            let outcomes = bulk.write(&alias, body).await?;
            drop(permit);
            Ok(Sent { ids, outcomes, bytes })
        });
        Ok(())
    }

    /// Waits until one more body may be sent, taking in what is answered meanwhile.
    async fn permit(&mut self) -> Result<OwnedSemaphorePermit> {
        loop {
            let flights = Arc::clone(&self.target.flights);
            tokio::select! {
                permit = flights.acquire_owned() => return permit.context("no more bodies are sent"),
                Some(landed) = self.flying.join_next() => self.account(landed)?,
            }
        }
    }

    /// Waits for one bulk and accounts for its documents.
    async fn land(&mut self) -> Result<()> {
        let Some(landed) = self.flying.join_next().await else { return Ok(()) };
        self.account(landed)
    }

    fn account(&mut self, landed: Result<Result<Sent>, tokio::task::JoinError>) -> Result<()> {
        let Sent { ids, outcomes, bytes } = landed.context("a bulk request's task failed")??;
        anyhow::ensure!(ids.len() == outcomes.len(), "a bulk request was not answered in full");
        let mut written = 0;
        for (id, outcome) in ids.iter().zip(outcomes) {
            match outcome {
                Outcome::Applied => written += 1,
                Outcome::Stale(Some(version)) if epoch_of(version) > self.target.epoch => {
                    return Err(ShutOut.into());
                }
                // Of our own epoch, so the id has come before.
                Outcome::Stale(_) => self.refuse(id, "duplicate_id", None)?,
                Outcome::Rejected(why) => self.refuse(id, &why.error_type, why.field)?,
            }
        }
        self.target.progress.add_written(written, bytes);
        Ok(())
    }

    fn check_ceiling(&self) -> Result<()> {
        let progress = &self.target.progress;
        let (dead, read) = (progress.dead(), progress.read());
        if dead <= DEAD_LETTERS_ANYWAY.max(read / DEAD_LETTERS_ONE_IN) {
            return Ok(());
        }
        let refusals = progress.refusals();
        let mut kinds: Vec<_> = refusals.iter().collect();
        kinds.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let kinds: Vec<String> =
            kinds.iter().take(3).map(|(kind, count)| format!("{count} × {kind}")).collect();
        let what =
            format!("{dead} of {read} documents were refused ({}): stopped", kinds.join(", "));
        let finding =
            Finding::error(what).hint("correct the mapping or the job, then run it again");
        Err(finding.into())
    }
}
