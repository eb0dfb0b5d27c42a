//! One look at roots: they are read, joined and assembled as a load does it, and held against what the index has under their
//! ids.
//!
//! Promises: pages on both sides, a few of them under way at a time, whatever the size of the index. What it finds is as of the
//! index's last refresh, and may be a row in flight: it is for others to look again. Never writes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::equal::{Compared, Comparison, Differing};
use crate::hydrate::{Hydrator, Level};
use crate::row::Key;
use crate::sink::bulk::{BulkBody, MAX_ID_BYTES, Rejection};
use crate::sink::index;
use crate::sink::version::{BATCHES, Versions};
use crate::source::PageSize;
use crate::state::DeadLetter;
use crate::sync::Engine;
use crate::sync::filler::{Filler, Unfit};
use crate::sync::pipeline::{Part, Reading, Roots, all_ended_well};
use crate::sync::progress::Progress;

/// Documents that are asked for at a time, and bytes of what they should be.
const AT_ONCE: usize = 1_000;
const BYTES_AT_ONCE: usize = 4 << 20;
/// Requests of one reader under way.
const IN_FLIGHT: usize = 2;
/// Roots without a usable key of which is kept what the matter is.
const KEYLESS_KEPT: usize = 1_000;

/// How closely documents are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// The digest that the index has of each.
    Digests,
    /// The documents themselves.
    Documents,
}

/// What is not as it should be.
#[derive(Debug)]
pub(super) enum Odd {
    /// A root without a document.
    Missing,
    /// A document without a root.
    Extra,
    /// A document that is not what the services say.
    Different(Differing),
    /// A root that no document can be made of.
    Unfit,
}

/// What looks share.
pub(super) struct Looking {
    engine: Arc<Engine>,
    index: String,
    depth: Depth,
    comparison: Comparison,
    hydrator: Arc<Hydrator>,
    progress: Arc<Progress>,
    /// Readers that share the bounds of memory.
    readers: usize,
    alike: AtomicU64,
    keyless: AtomicU64,
    keyless_kept: Mutex<Vec<Unfit>>,
    unclaimed: AtomicU64,
    ambiguous: AtomicU64,
}

impl Looking {
    /// Looks at documents of `index`, as one of so many readers. What was read of to-one relations is kept for as long as this
    /// value lives: who wants to see them anew needs a new one.
    pub(super) fn new(
        engine: &Arc<Engine>,
        (index, depth): (&str, Depth),
        progress: &Arc<Progress>,
    ) -> Self {
        let (plan, load) = (&engine.plan, engine.load);
        let hydrator =
            Hydrator::new(plan, &engine.sources, load.cache_bytes, engine.masking.clone());
        Self {
            engine: Arc::clone(engine),
            index: index.to_owned(),
            depth,
            comparison: Comparison::of(plan),
            hydrator: Arc::new(hydrator),
            progress: Arc::clone(progress),
            readers: load.readers.max(1),
            alike: AtomicU64::new(0),
            keyless: AtomicU64::new(0),
            keyless_kept: Mutex::default(),
            unclaimed: AtomicU64::new(0),
            ambiguous: AtomicU64::new(0),
        }
    }

    /// The real index.
    pub(super) fn index(&self) -> &str {
        &self.index
    }

    /// Documents so far that have the right values in other bytes.
    pub(super) fn alike(&self) -> u64 {
        self.alike.load(Ordering::Relaxed)
    }

    /// Roots so far that cannot have a document, nor be looked up again.
    pub(super) fn keyless(&self) -> u64 {
        self.keyless.load(Ordering::Relaxed)
    }

    /// The first of these, as dead letters: one for each id.
    pub(super) fn keyless_letters(&self) -> Vec<DeadLetter> {
        let kept = std::mem::take(&mut *self.keyless_kept());
        let letter = |Unfit { id, error_type, field }| DeadLetter {
            job: self.engine.plan.job.clone(),
            index: self.index.clone(),
            key: id,
            error_type,
            field,
            at: Timestamp::now(),
            checkpoint: 0,
        };
        kept.into_iter().map(letter).collect()
    }

    fn keyless_kept(&self) -> MutexGuard<'_, Vec<Unfit>> {
        self.keyless_kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep_keyless(&self, unfit: Unfit) {
        self.keyless.fetch_add(1, Ordering::Relaxed);
        let mut kept = self.keyless_kept();
        // There may be many without any, and all of them have one letter.
        let is_known = || unfit.id.is_empty() && kept.iter().any(|kept| kept.id.is_empty());
        if kept.len() < KEYLESS_KEPT && !is_known() {
            kept.push(unfit);
        }
    }

    /// Rows so far that nobody has asked for: those that no key claimed, and those beyond the first of a to-one relation.
    pub(super) fn unasked(&self) -> (u64, u64) {
        (self.unclaimed.load(Ordering::Relaxed), self.ambiguous.load(Ordering::Relaxed))
    }

    /// Hands on whatever is odd among these roots.
    ///
    /// # Errors
    /// When a source or the engine fails.
    pub(super) async fn look(
        self: &Arc<Self>,
        roots: Roots,
        found: &mpsc::Sender<Vec<(Key, Odd)>>,
    ) -> Result<()> {
        let mut tasks = JoinSet::new();
        let mut parts = self.reading()?.start(roots, &mut tasks);
        let engine = Arc::clone(&self.engine);
        let mut filler = Filler::new(&engine.plan, engine.masking.clone(), engine.load);
        let (mut batch, mut asked) = (Batch::default(), Asked::new(self, found));
        while let Some(part) = parts.recv().await {
            match part? {
                Part::Roots { version, level, odd } => {
                    self.unclaimed.fetch_add(odd.unclaimed, Ordering::Relaxed);
                    self.ambiguous.fetch_add(odd.ambiguous, Ordering::Relaxed);
                    for row in 0..level.rows.len() {
                        batch.put(&mut filler, version, (&level, row));
                        if batch.is_full() {
                            asked.ask(std::mem::take(&mut batch)).await?;
                        }
                    }
                }
                Part::TooLarge(unfit) => batch.unfit(unfit),
                Part::Gone { keys, .. } => asked.tell(self.left_over(keys).await?).await,
                Part::Pause(tell) => {
                    asked.ask(std::mem::take(&mut batch)).await?;
                    asked.drain().await?;
                    // Nobody waits for it any more when the run was stopped.
                    let _gone = tell.send(());
                }
            }
        }
        all_ended_well(&mut tasks).await?;
        asked.ask(batch).await?;
        asked.drain().await
    }

    fn reading(&self) -> Result<Reading> {
        let (plan, load) = (&self.engine.plan, self.engine.load);
        let source = self.engine.sources.get(&plan.root.source);
        Ok(Reading {
            plan: Arc::clone(plan),
            hydrator: Arc::clone(&self.hydrator),
            source: Arc::clone(source.context("the root's source")?),
            // Nothing is written with them.
            versions: Arc::new(Versions::new(0, BATCHES)),
            drawn: Arc::default(),
            size: PageSize { rows: load.page_rows, bytes: load.page_bytes / self.readers },
            progress: Arc::clone(&self.progress),
        })
    }

    /// Of keys without a root those that have a document.
    async fn left_over(&self, keys: Vec<Key>) -> Result<Vec<(Key, Odd)>> {
        let ids: Vec<&str> = keys.iter().map(Key::as_str).collect();
        let (client, patience) = (&self.engine.client, self.engine.patience());
        let held = index::digests(client, patience, &self.index, &ids).await?;
        let held = keys.into_iter().filter(|key| held.contains_key(key.as_str()));
        Ok(held.map(|key| (key, Odd::Extra)).collect())
    }

    /// What is odd among the documents of a batch.
    async fn compare(self: Arc<Self>, batch: Batch) -> Result<Vec<(Key, Odd)>> {
        let Batch { body, digests, unfit } = batch;
        let mut odd: Vec<(Key, Odd)> = Vec::new();
        for unfit in unfit {
            if (1..=MAX_ID_BYTES).contains(&unfit.id.len()) {
                odd.push((Key::from(unfit.id.as_str()), Odd::Unfit));
            } else {
                self.keep_keyless(unfit);
            }
        }
        // Those with an id that no document can have.
        for (id, Rejection { error_type, field }) in body.refused() {
            self.keep_keyless(Unfit { id: id.to_owned(), error_type, field });
        }
        match self.depth {
            Depth::Digests => self.by_digest(&body, &digests, &mut odd).await?,
            Depth::Documents => self.by_bytes(&body, &mut odd).await?,
        }
        Ok(odd)
    }

    async fn by_digest(
        &self,
        body: &BulkBody,
        digests: &[Option<i64>],
        odd: &mut Vec<(Key, Odd)>,
    ) -> Result<()> {
        let (positions, ids): (Vec<usize>, Vec<&str>) = body.ids().unzip();
        let (client, patience) = (&self.engine.client, self.engine.patience());
        let held = index::digests(client, patience, &self.index, &ids).await?;
        for (position, id) in positions.into_iter().zip(ids) {
            let built = digests.get(position).copied().flatten();
            match held.get(id) {
                None => odd.push((Key::from(id), Odd::Missing)),
                Some(digest) if digest.is_some() && *digest == built => {}
                Some(_) => odd.push((Key::from(id), Odd::Different(Differing::default()))),
            }
        }
        Ok(())
    }

    async fn by_bytes(&self, body: &BulkBody, odd: &mut Vec<(Key, Odd)>) -> Result<()> {
        let mut built: HashMap<&str, &[u8]> =
            body.documents().map(|(_, id, document)| (id, document)).collect();
        let ids: Vec<&str> = built.keys().copied().collect();
        let (client, patience) = (&self.engine.client, self.engine.patience());
        let mut unread = None;
        index::contents(client, patience, &self.index, &ids, |id, held| {
            let Some(built) = built.remove(id) else { return };
            match self.comparison.compare(held, built) {
                Ok(Compared::Equal) => {}
                Ok(Compared::Alike) => drop(self.alike.fetch_add(1, Ordering::Relaxed)),
                Ok(Compared::Different(how)) => odd.push((Key::from(id), Odd::Different(how))),
                Err(error) => unread = Some(error),
            }
        })
        .await?;
        // Its own words may quote what it could not read.
        anyhow::ensure!(unread.is_none(), "index `{}`: a document is no JSON", self.index);
        odd.extend(built.into_keys().map(|id| (Key::from(id), Odd::Missing)));
        Ok(())
    }
}

/// Documents as they should be.
#[derive(Default)]
struct Batch {
    body: BulkBody,
    /// Of each document in the body.
    digests: Vec<Option<i64>>,
    /// Roots that no document can be made of.
    unfit: Vec<Unfit>,
}

impl Batch {
    fn put(&mut self, filler: &mut Filler<'_>, version: u64, root: (&Level, usize)) {
        match filler.put(&mut self.body, version, root) {
            Ok(()) => {
                self.digests.resize(self.body.len(), None);
                if let Some(last) = self.digests.last_mut() {
                    *last = Some(filler.digest());
                }
            }
            Err(unfit) => self.unfit(unfit),
        }
    }

    fn unfit(&mut self, unfit: Unfit) {
        self.unfit.push(unfit);
    }

    fn is_full(&self) -> bool {
        let all = self.body.len() + self.unfit.len();
        all >= AT_ONCE || self.body.held() >= BYTES_AT_ONCE
    }
}

/// Requests under way.
struct Asked<'l> {
    looking: &'l Arc<Looking>,
    found: &'l mpsc::Sender<Vec<(Key, Odd)>>,
    under_way: JoinSet<Result<Vec<(Key, Odd)>>>,
}

impl<'l> Asked<'l> {
    fn new(looking: &'l Arc<Looking>, found: &'l mpsc::Sender<Vec<(Key, Odd)>>) -> Self {
        Self { looking, found, under_way: JoinSet::new() }
    }

    /// Has a batch compared, beside a few others.
    async fn ask(&mut self, batch: Batch) -> Result<()> {
        while self.under_way.len() >= IN_FLIGHT {
            self.next().await?;
        }
        self.under_way.spawn(Arc::clone(self.looking).compare(batch));
        Ok(())
    }

    async fn next(&mut self) -> Result<()> {
        let Some(compared) = self.under_way.join_next().await else { return Ok(()) };
        self.tell(compared.context("comparing broke off: this is a fault of prejoin")??).await;
        Ok(())
    }

    async fn tell(&self, odd: Vec<(Key, Odd)>) {
        if !odd.is_empty() {
            // Nobody listens any more when the run was stopped.
            let _gone = self.found.send(odd).await;
        }
    }

    async fn drain(&mut self) -> Result<()> {
        while !self.under_way.is_empty() {
            self.next().await?;
        }
        Ok(())
    }
}
