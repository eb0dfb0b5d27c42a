//! Documents on their way into the engine: assembled into bulk bodies, several of them in flight.
//!
//! Promises: every document of a range is answered for before [`Writer::finish`] returns, as written or as a dead letter. All
//! ranges share what may be in flight; a slow engine slows the reading down. Never drops an outcome, never keeps a dead letter
//! by itself: they are handed on with the range.

use std::collections::HashSet;
use std::sync::Arc;

use anyhow::{Context, Result};
use jiff::Timestamp;
use tokio::task::JoinSet;

use super::filler::{Filler, Unfit};
use super::progress::Progress;
use super::{Engine, ShutOut};
use crate::failpoint::{self, Point};
use crate::finding::Finding;
use crate::hydrate::Level;
use crate::sink::bulk::{Answered, BulkBody, BulkWriter, Flight, Outcome, Rejection};
use crate::sink::version::epoch_of;
use crate::sink::{Client, PatienceSettings, index};
use crate::state::DeadLetter;

/// Dead letters that a run takes whatever its size, and the share of the roots beyond that: one in so many.
const DEAD_LETTERS_ANYWAY: u64 = 1_000;
const DEAD_LETTERS_ONE_IN: u64 = 100;

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
    /// Counts for people.
    pub(super) progress: Arc<Progress>,
}

/// Bodies under way below which an engine has time for another one, however small.
const FEW: usize = 2;

/// Writes the documents of one key range.
pub(super) struct Writer<'e> {
    engine: &'e Engine,
    target: &'e Target,
    filler: Filler<'e>,
    body: Option<BulkBody>,
    flying: JoinSet<Result<Answered>>,
    letters: Vec<DeadLetter>,
    /// Whether documents are left out that the index has already.
    comparing: bool,
    /// The digest of each document in the body; `None` for what is no document.
    digests: Vec<Option<i64>>,
    /// Whether it deletes, so that what is superseded is no fault.
    deleting: bool,
    /// Operations that were carried out.
    applied: u64,
    /// Keys of what was refused before.
    refused_before: HashSet<&'e str>,
    /// Keys of what was refused, where one may come again.
    refused: HashSet<String>,
}

impl<'e> Writer<'e> {
    pub(super) fn new(engine: &'e Engine, target: &'e Target) -> Self {
        Self {
            engine,
            target,
            filler: Filler::new(&engine.plan, engine.masking.clone(), engine.load),
            body: None,
            flying: JoinSet::new(),
            letters: Vec::new(),
            comparing: false,
            digests: Vec::new(),
            deleting: false,
            applied: 0,
            refused_before: HashSet::new(),
            refused: HashSet::new(),
        }
    }

    /// The same, that sends only what is not in the index as it is.
    pub(super) fn comparing(self) -> Self {
        Self { comparing: true, ..self }
    }

    /// The same, for documents that are to go.
    pub(super) fn deleting(self) -> Self {
        Self { deleting: true, ..self }
    }

    /// The same, to which it is no news that these were refused: however many they are, the run goes on.
    pub(super) fn knowing(self, letters: &'e [DeadLetter]) -> Self {
        let refused_before = letters.iter().map(|letter| letter.key.as_str()).collect();
        Self { refused_before, ..self }
    }

    /// How many operations were carried out so far.
    pub(super) fn applied(&self) -> u64 {
        self.applied
    }

    /// Deletes a document.
    pub(super) async fn delete(&mut self, id: &str, version: u64) -> Result<()> {
        let bulk = &self.target.bulk;
        let body = self.body.get_or_insert_with(|| bulk.body());
        body.delete(id, version);
        if bulk.is_full(body) { self.send().await } else { Ok(()) }
    }

    /// Assembles the documents of `roots` and sends what fills a body.
    pub(super) async fn add(&mut self, version: u64, roots: &Level) -> Result<()> {
        for row in 0..roots.rows.len() {
            let bulk = &self.target.bulk;
            let body = self.body.get_or_insert_with(|| bulk.body());
            let put = self.filler.put(body, version, (roots, row));
            let full = bulk.is_full(body);
            if self.comparing {
                self.digests.resize(body.len(), None);
                if let (Ok(()), Some(last)) = (&put, self.digests.last_mut()) {
                    *last = Some(self.filler.digest());
                }
            }
            if let Err(unfit) = put {
                self.refuse(unfit)?;
            }
            if full {
                self.send().await?;
            }
        }
        Ok(())
    }

    /// Sends what there is where little is under way: the engine has something to do from the first page on.
    pub(super) async fn keep_busy(&mut self) -> Result<()> {
        while let Some(landed) = self.flying.try_join_next() {
            self.account(landed)?;
        }
        if self.flying.len() < FEW { self.send().await } else { Ok(()) }
    }

    /// Notes a root that becomes no document.
    pub(super) fn refuse(&mut self, Unfit { id, error_type, field }: Unfit) -> Result<()> {
        // What was found twice is refused twice.
        if self.comparing && !id.is_empty() && !self.refused.insert(id.clone()) {
            return Ok(());
        }
        self.target.progress.add_dead(&error_type, field.as_deref());
        if self.refused_before.contains(id.as_str()) {
            self.target.progress.add_dead_before();
        }
        self.letters.push(DeadLetter {
            job: self.engine.plan.job.clone(),
            index: self.target.index.clone(),
            key: id,
            error_type,
            field,
            at: Timestamp::now(),
            checkpoint: 0,
        });
        self.check_ceiling()
    }

    /// Sends what is left, waits until everything is answered for, and returns what could not be written.
    pub(super) async fn finish(mut self) -> Result<Vec<DeadLetter>> {
        self.land_all().await?;
        Ok(self.letters)
    }

    /// Sends what there is, and waits until everything is answered for.
    pub(super) async fn land_all(&mut self) -> Result<()> {
        self.send().await?;
        while !self.flying.is_empty() {
            self.land().await?;
        }
        Ok(())
    }

    /// Sends what there is.
    async fn send(&mut self) -> Result<()> {
        let Some(mut body) = self.body.take().filter(|body| !body.is_empty()) else {
            return Ok(());
        };
        let flight = self.flight(&body).await?;
        let (engine, target) = (self.engine, self.target);
        let (bulk, alias) = (target.bulk.clone(), target.write_alias.clone());
        let held = self.comparing.then(|| Held {
            client: engine.client.clone(),
            patience: engine.patience(),
            index: target.index.clone(),
            digests: std::mem::take(&mut self.digests),
        });
        self.flying.spawn(async move {
            if let Some(held) = held {
                held.leave_out_known(&mut body).await?;
            }
            let answered = bulk.send(flight, &alias, body).await;
            failpoint::reach(Point::AfterBulk).await;
            Ok(answered?)
        });
        Ok(())
    }

    /// Waits until `body` may be sent, taking in what is answered meanwhile.
    async fn flight(&mut self, body: &BulkBody) -> Result<Flight> {
        loop {
            tokio::select! {
                flight = self.target.bulk.flight(body) => return Ok(flight),
                Some(landed) = self.flying.join_next() => self.account(landed)?,
            }
        }
    }

    /// Waits for one bulk and accounts for its documents.
    async fn land(&mut self) -> Result<()> {
        let Some(landed) = self.flying.join_next().await else { return Ok(()) };
        self.account(landed)
    }

    fn account(&mut self, landed: Result<Result<Answered>, tokio::task::JoinError>) -> Result<()> {
        let Answered { applied, left_out, others, bytes } =
            landed.context("a bulk request's task failed")??;
        for (id, outcome) in others {
            match outcome {
                Outcome::Applied | Outcome::LeftOut => {}
                Outcome::Stale(Some(version)) if epoch_of(version) > self.target.epoch => {
                    return Err(ShutOut.into());
                }
                // What came back meanwhile was built anew.
                Outcome::Stale(_) if self.deleting => {}
                // Of our own epoch, so the id has come before.
                Outcome::Stale(_) => {
                    let error_type = "duplicate_id".to_owned();
                    self.refuse(Unfit { id, error_type, field: None })?;
                }
                Outcome::Rejected(Rejection { error_type, field }) => {
                    self.refuse(Unfit { id, error_type, field })?;
                }
            }
        }
        self.target.progress.add_unchanged(left_out);
        self.applied += applied;
        let written = if self.deleting { 0 } else { applied };
        self.target.progress.add_written(written, bytes);
        Ok(())
    }

    fn check_ceiling(&self) -> Result<()> {
        let progress = &self.target.progress;
        let (dead, read) = (progress.newly_dead(), progress.read());
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

/// What a body is held against before it is sent.
struct Held {
    client: Client,
    patience: PatienceSettings,
    index: String,
    /// As of the body's documents.
    digests: Vec<Option<i64>>,
}

impl Held {
    /// Leaves out the documents that the index holds already, as of its last refresh: nothing may have been written since to
    /// what is in the body.
    async fn leave_out_known(&self, body: &mut BulkBody) -> Result<()> {
        let (positions, ids): (Vec<usize>, Vec<&str>) = body.ids().unzip();
        let held = index::digests(&self.client, self.patience, &self.index, &ids).await?;
        let is_known = |position: usize, id: &str| {
            let digest = self.digests.get(position).copied().flatten();
            digest.is_some() && held.get(id).copied().flatten() == digest
        };
        let known = positions.into_iter().zip(ids).filter(|(position, id)| is_known(*position, id));
        let known: Vec<usize> = known.map(|(position, _)| position).collect();
        known.into_iter().for_each(|position| body.leave_out(position));
        Ok(())
    }
}
