//! One update of an index: what has changed since its horizons leads to roots, and their documents are built anew.
//!
//! Promises: the horizons come before the first read, and move only after every document that they cover was answered for;
//! killed anywhere, the next update repeats work and loses none. Old roots of what moved or vanished are found by the index
//! itself, under its lease and after a refresh. More deletions than a mistake would excuse are not sent at all.

use std::sync::Arc;

use anyhow::{Context, Result};
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::Engine;
use super::horizons::{Horizons, horizons};
use super::pipeline::{Part, Reading, Roots, all_ended_well, count};
use super::progress::Progress;
use super::report::Report;
use super::rounds::Rounds;
use super::writer::{Target, Writer};
use crate::finding::Finding;
use crate::hydrate::Hydrator;
use crate::row::Key;
use crate::sink::bulk::BulkWriter;
use crate::sink::version::Versions;
use crate::sink::{index, patiently};
use crate::source::PageSize;
use crate::state::{Counts, DeadLetter, IndexLease};
use crate::trace::Tracer;

/// Deletions that a run sends whatever the index's size, and the share of its documents beyond that: one in so many.
const DELETIONS_ANYWAY: u64 = 100;
const DELETIONS_ONE_IN: u64 = 10;

/// What an incremental run may be told.
#[derive(Debug, Clone, Default)]
pub struct SyncOptions {
    /// Build these documents anew and look at nothing else.
    pub ids: Vec<String>,
    /// Delete however many documents have lost their root.
    pub allow_mass_delete: bool,
}

/// An update of one index.
pub(super) struct Update<'u> {
    pub(super) engine: &'u Arc<Engine>,
    pub(super) progress: &'u Arc<Progress>,
    pub(super) options: &'u SyncOptions,
    /// Whether relations count whose changes only a look at every row would show.
    pub(super) wholly: bool,
}

/// What an update did.
pub(super) struct Updated {
    /// What was read for the documents that were built.
    pub(super) counts: Counts,
    /// Documents that were deleted.
    pub(super) deleted: u64,
}

impl Updated {
    /// Writes it into a run's report.
    pub(super) fn tell(&self, report: &mut Report) {
        report.total(&self.counts);
        report.deleted = self.deleted;
    }
}

impl Update<'_> {
    /// Brings what is behind `lease` in step. Nothing of an earlier run may be on its way any more, and `bulk` have sent nothing
    /// yet under this lease.
    ///
    /// # Errors
    /// When a source or the engine fails, or too many documents would be deleted.
    pub(super) async fn run(&self, lease: &IndexLease, bulk: &BulkWriter) -> Result<Updated> {
        let engine = self.engine;
        let before = lease.content().await.horizons;
        let after = horizons(engine, &before).await?;
        let patience = engine.patience();
        patiently(patience, async || index::refresh(&engine.client, lease.index()).await).await?;
        let letters = engine.state.all_dead_letters(lease.index()).await?;
        let built = Box::pin(self.build(lease, bulk, (&before, &letters))).await?;
        let deleted = self.delete(lease, bulk, built.gone).await?;
        self.settle(lease, &letters, built.letters).await?;
        if self.options.ids.is_empty() {
            lease.update(|state| state.horizons = after).await?;
        }
        Ok(Updated { counts: built.counts, deleted })
    }

    /// Builds the documents of all roots that something leads to.
    async fn build(
        &self,
        lease: &IndexLease,
        bulk: &BulkWriter,
        (before, letters): (&Horizons, &[DeadLetter]),
    ) -> Result<Built> {
        let engine = self.engine;
        let load = engine.load;
        let size = PageSize { rows: load.page_rows, bytes: load.page_bytes };
        let source = engine.sources.get(&engine.plan.root.source).context("the root's source")?;
        let (bytes, masking) = (load.cache_bytes, engine.masking.clone());
        let target = Target {
            index: lease.index().to_owned(),
            write_alias: lease.write_alias().to_owned(),
            epoch: lease.epoch(),
            bulk: bulk.clone(),
            progress: Arc::clone(self.progress),
        };
        let reading = Reading {
            plan: Arc::clone(&engine.plan),
            hydrator: Arc::new(Hydrator::new(&engine.plan, &engine.sources, bytes, masking)),
            source: Arc::clone(source),
            versions: Arc::new(Versions::new(lease.epoch(), engine.batches)),
            drawn: Arc::default(),
            size,
            progress: Arc::clone(self.progress),
        };
        let (keys, asked) = mpsc::channel(1);
        let mut tasks = JoinSet::new();
        let mut parts = reading.start(Roots::Keys(asked), &mut tasks);
        let mut writer = Writer::new(engine, &target).comparing();
        let (mut counts, mut gone) = (Counts::default(), Vec::new());
        let finding = self.find(lease.index(), (before, letters), keys);
        let building = async {
            while let Some(part) = parts.recv().await {
                match part? {
                    Part::Roots { version, level, odd } => {
                        count(&mut counts, &engine.plan, &level, odd);
                        writer.add(version, &level).await?;
                    }
                    Part::TooLarge(unfit) => {
                        counts.read += 1;
                        writer.refuse(unfit)?;
                    }
                    Part::Gone { version, keys } => {
                        gone.extend(keys.into_iter().map(|key| (key, version)));
                    }
                }
            }
            anyhow::Ok(())
        };
        tokio::try_join!(finding, building)?;
        all_ended_well(&mut tasks).await?;
        let letters = writer.finish().await?;
        counts.dead = letters.len() as u64;
        Ok(Built { counts, gone, letters })
    }

    /// Finds the roots, and hands their keys on, each once.
    async fn find(
        &self,
        live: &str,
        (before, letters): (&Horizons, &[DeadLetter]),
        keys: mpsc::Sender<Vec<Key>>,
    ) -> Result<()> {
        let engine = self.engine;
        let mut rounds = Rounds::new(keys, engine.load.page_rows);
        if !self.options.ids.is_empty() {
            let ids = self.options.ids.iter().map(|id| Key::from(id.as_str()));
            rounds.add(ids.collect()).await;
            rounds.finish().await;
            return Ok(());
        }
        let letters = letters.iter().filter(|letter| !letter.key.is_empty());
        rounds.add(letters.map(|letter| Key::from(letter.key.as_str())).collect()).await;
        let size = PageSize { rows: engine.load.page_rows, bytes: engine.load.page_bytes };
        let tracer = Tracer::new(&engine.plan, &engine.sources, size)?;
        let (send, mut found) = mpsc::channel(1);
        let tracing = async {
            let since = |name: &str| before.get(name).copied();
            let traced = tracer.changes(since, self.wholly, &send).await;
            drop(send);
            traced
        };
        let adding = async {
            while let Some(found) = found.recv().await {
                rounds.add(found.roots).await;
                if found.refs.is_empty() {
                    continue;
                }
                let held = index::holders(&engine.client, live, &found.refs, async |ids| {
                    rounds.add(ids.iter().map(|id| Key::from(id.as_str())).collect()).await;
                    Ok(())
                });
                held.await?;
            }
            rounds.finish().await;
            Ok(())
        };
        tokio::try_join!(tracing, adding).map(|_| ())
    }

    /// Deletes the documents whose roots are gone, unless they are suspiciously many.
    async fn delete(
        &self,
        lease: &IndexLease,
        bulk: &BulkWriter,
        gone: Vec<(Key, u64)>,
    ) -> Result<u64> {
        let (engine, patience) = (self.engine, self.engine.patience());
        let ids: Vec<&str> = gone.iter().map(|(key, _)| key.as_str()).collect();
        let held =
            patiently(patience, async || index::digests(&engine.client, lease.index(), &ids).await);
        let held = held.await?;
        let there: Vec<&(Key, u64)> = gone
            .iter()
            .zip(held)
            .filter(|(_, held)| held.is_some())
            .map(|(gone, _)| gone)
            .collect();
        let documents = index::documents(&engine.client, lease.index()).await?;
        let most = DELETIONS_ANYWAY.max(documents / DELETIONS_ONE_IN);
        if there.len() as u64 > most && !self.options.allow_mass_delete {
            let what = format!(
                "{} of {documents} documents have lost their root: none of them is deleted",
                there.len()
            );
            let hint = "is a service's table as it should be? if it is: --allow-mass-delete";
            return Err(Finding::error(what).hint(hint).into());
        }
        for some in there.chunks(engine.load.page_rows) {
            let mut body = bulk.body();
            some.iter().for_each(|(key, version)| body.delete(key.as_str(), *version));
            bulk.write(lease.write_alias(), body).await?;
        }
        Ok(there.len() as u64)
    }

    /// Whether the update builds the documents of dead letters, and so this one.
    fn is_built(&self, key: &str) -> bool {
        self.options.ids.is_empty() || self.options.ids.iter().any(|id| id == key)
    }

    /// Keeps the dead letters of this run, and forgets those of documents that are right now.
    async fn settle(
        &self,
        lease: &IndexLease,
        before: &[DeadLetter],
        mut letters: Vec<DeadLetter>,
    ) -> Result<()> {
        let state = &self.engine.state;
        lease.confirm().await?;
        let now = Timestamp::now();
        letters.iter_mut().for_each(|letter| letter.at = now);
        state.put_dead_letters(&letters).await.context("dead letters could not be kept")?;
        let healed: Vec<&str> = before
            .iter()
            .map(|letter| letter.key.as_str())
            .filter(|key| !key.is_empty() && self.is_built(key))
            .filter(|key| letters.iter().all(|letter| letter.key != *key))
            .collect();
        lease.confirm().await?;
        state.forget_dead_letters(lease.index(), &healed).await
    }
}

/// What has been built.
struct Built {
    counts: Counts,
    /// Keys without a root, and the version to delete their documents with.
    gone: Vec<(Key, u64)>,
    letters: Vec<DeadLetter>,
}
