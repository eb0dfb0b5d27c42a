//! Documents on their way into the engine: assembled into bulk bodies, several of them in flight.
//!
//! Promises: every document is answered for before [`Writer::finish`] returns, as written or as a dead letter. At most the
//! configured number of bodies is in flight; a slow engine slows the reading down. Never drops an outcome.

use std::sync::Arc;

use anyhow::{Context, Result};
use jiff::Timestamp;
use tokio::task::JoinSet;

use super::Engine;
use super::progress::Progress;
use super::report::{Refusals, now};
use crate::assemble::Assembler;
use crate::finding::Finding;
use crate::hydrate::Level;
use crate::sink::bulk::{BulkBody, BulkSettings, BulkWriter, Outcome};
use crate::sink::index::NewGeneration;
use crate::state::DeadLetter;

/// Dead letters that a run takes whatever its size, and the share of the roots beyond that: one in so many.
const DEAD_LETTERS_ANYWAY: u64 = 1_000;
const DEAD_LETTERS_ONE_IN: u64 = 100;
/// Dead letters kept back before they are stored.
const DEAD_LETTERS_AT_ONCE: usize = 500;

/// Kinds of refusals that a report tells apart.
const KINDS_TOLD: usize = 50;

/// One bulk that was answered.
struct Sent {
    ids: Vec<String>,
    outcomes: Vec<Outcome>,
    bytes: usize,
}

/// Writes the documents of one run to one index, through its write alias.
pub(super) struct Writer<'e> {
    engine: &'e Engine,
    target: NewGeneration,
    progress: Arc<Progress>,
    assembler: Assembler<'e>,
    bulk: BulkWriter,
    body: BulkBody,
    ids: Vec<String>,
    flying: JoinSet<Result<Sent>>,
    letters: Vec<DeadLetter>,
    refusals: Refusals,
}

impl<'e> Writer<'e> {
    pub(super) fn new(engine: &'e Engine, target: &NewGeneration, progress: Arc<Progress>) -> Self {
        let now = now();
        let patience =
            BulkSettings { unreachable_for: engine.retry_for, ..BulkSettings::default() };
        Self {
            engine,
            target: target.clone(),
            progress,
            assembler: Assembler::new(
                &engine.plan,
                engine.masking.clone(),
                &now,
                engine.load.page_bytes,
            ),
            bulk: BulkWriter::new(engine.client.clone(), patience),
            body: BulkBody::with_capacity(engine.load.bulk_bytes),
            ids: Vec::new(),
            flying: JoinSet::new(),
            letters: Vec::new(),
            refusals: Refusals::new(),
        }
    }

    /// Assembles the documents of `roots` and sends what fills a body.
    pub(super) async fn add(&mut self, version: u64, roots: &Level) -> Result<()> {
        for row in 0..roots.rows.len() {
            let mut id = String::new();
            if !self.assembler.id(roots, row, &mut id) {
                // The server holds a value that has no text here: a zero date, an infinity.
                self.refuse("", "no_key", None).await?;
                continue;
            }
            let assembler = &mut self.assembler;
            let put = self.body.put(&id, version, |out| assembler.document(roots, row, &id, out));
            match put {
                Ok(()) => self.ids.push(id),
                Err(refused) => self.refuse(&id, &refused.what, Some(refused.field)).await?,
            }
            if self.body.bytes() >= self.engine.load.bulk_bytes {
                self.send().await?;
            }
        }
        Ok(())
    }

    /// Keeps a root that cannot become a document.
    pub(super) async fn refuse(
        &mut self,
        id: &str,
        error_type: &str,
        field: Option<String>,
    ) -> Result<()> {
        let engine = self.engine;
        self.progress.add_dead(1);
        let kind = match &field {
            Some(field) => format!("{error_type}: {field}"),
            None => error_type.to_owned(),
        };
        if self.refusals.len() < KINDS_TOLD || self.refusals.contains_key(&kind) {
            *self.refusals.entry(kind).or_default() += 1;
        }
        self.letters.push(DeadLetter {
            job: engine.plan.job.clone(),
            index: self.target.index.clone(),
            key: id.to_owned(),
            error_type: error_type.to_owned(),
            field,
            at: Timestamp::now(),
        });
        self.check_ceiling()?;
        if self.letters.len() >= DEAD_LETTERS_AT_ONCE {
            self.store_letters().await?;
        }
        Ok(())
    }

    /// Sends what is left and waits until everything is answered for.
    pub(super) async fn finish(&mut self) -> Result<()> {
        if !self.body.is_empty() {
            self.send().await?;
        }
        while !self.flying.is_empty() {
            self.land().await?;
        }
        self.store_letters().await
    }

    /// What was refused, by kind.
    pub(super) fn into_refusals(self) -> Refusals {
        self.refusals
    }

    async fn send(&mut self) -> Result<()> {
        while self.flying.len() >= self.engine.load.bulk_in_flight {
            self.land().await?;
        }
        let fresh = BulkBody::with_capacity(self.engine.load.bulk_bytes);
        let body = std::mem::replace(&mut self.body, fresh);
        let ids = std::mem::take(&mut self.ids);
        let (bulk, alias) = (self.bulk.clone(), self.target.write_alias.clone());
        let bytes = body.bytes();
        self.flying.spawn(async move {
            let outcomes = bulk.write(&alias, body).await?;
            Ok(Sent { ids, outcomes, bytes })
        });
        Ok(())
    }

    /// Waits for one bulk and accounts for its documents.
    async fn land(&mut self) -> Result<()> {
        let Some(landed) = self.flying.join_next().await else { return Ok(()) };
        let Sent { ids, outcomes, bytes } = landed.context("a bulk request's task failed")??;
        anyhow::ensure!(ids.len() == outcomes.len(), "a bulk request was not answered in full");
        let mut written = 0;
        for (id, outcome) in ids.iter().zip(outcomes) {
            match outcome {
                Outcome::Applied => written += 1,
                // Nothing else writes to an index that is being built: the id came before.
                Outcome::Stale => self.refuse(id, "duplicate_id", None).await?,
                Outcome::Rejected(why) => self.refuse(id, &why.error_type, why.field).await?,
            }
        }
        self.progress.add_written(written, bytes);
        Ok(())
    }

    async fn store_letters(&mut self) -> Result<()> {
        let letters = std::mem::take(&mut self.letters);
        if letters.is_empty() {
            return Ok(());
        }
        self.engine.state.put_dead_letters(&letters).await.context("dead letters could not be kept")
    }

    fn check_ceiling(&self) -> Result<()> {
        let (dead, read) = (self.progress.dead(), self.progress.read());
        if dead <= DEAD_LETTERS_ANYWAY.max(read / DEAD_LETTERS_ONE_IN) {
            return Ok(());
        }
        let mut kinds: Vec<_> = self.refusals.iter().collect();
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
