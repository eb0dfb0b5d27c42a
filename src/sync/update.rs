//! One update of an index: what has changed since its horizons leads to roots, and their documents are built anew.
//!
//! Promises: the horizons come before the first read, and move only after every document that they cover was answered for;
//! killed anywhere, the next update repeats work and loses none. Old roots of what moved or vanished are found by the index
//! itself, under its lease and after a refresh. More deletions than a mistake would excuse are not sent at all.

use std::collections::HashSet;
use std::sync::Arc;

use anyhow::{Context, Result};
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::deletions::Deletions;
use super::horizons::present;
use super::lead::{self, Since};
use super::pipeline::{Asked, Part, Reading, Roots, all_ended_well, count};
use super::progress::Progress;
use super::report::Report;
use super::rounds::Rounds;
use super::sweep::rootless;
use super::writer::{Target, Writer};
use super::{Engine, ShutOut, Stopped};
use crate::failpoint::{self, Point};
use crate::hydrate::Hydrator;
use crate::row::Key;
use crate::sink::bulk::BulkWriter;
use crate::sink::version::Versions;
use crate::sink::{index, patiently};
use crate::source::{KeyRange, PageSize};
use crate::state::{Counts, DeadLetter, IndexLease, IndexState};
use crate::trace::{Looks, Tracer};

/// What an incremental run may be told.
#[derive(Debug, Clone, Default)]
pub struct SyncOptions {
    /// Build these documents anew and look at nothing else.
    pub ids: Vec<String>,
    /// Delete however many documents have lost their root.
    pub allow_mass_delete: bool,
    /// Look at every root and every document, not only at what is told to have changed.
    pub sweep: bool,
}

/// An update of one index.
pub(super) struct Update<'u> {
    pub(super) engine: &'u Arc<Engine>,
    pub(super) progress: &'u Arc<Progress>,
    pub(super) options: &'u SyncOptions,
    pub(super) purpose: Purpose,
}

/// What an update is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To bring an index in step with all that its job sees change.
    Sync,
    /// The same, but for relations whose changes only a look at every row would show.
    CatchUp,
    /// To write given documents as the services say, whatever digest the index has of them. Documents whose rows are gone are
    /// left alone: nothing has said yet how many these are in all.
    Mend,
    /// To delete given documents that have no root, or to write them if they have one again. That they are not too many was
    /// looked at for all of them together.
    Remove,
}

/// What an update did.
pub(super) struct Updated {
    /// What was read for the documents that were built.
    pub(super) counts: Counts,
    /// Documents that were deleted.
    pub(super) deleted: u64,
    /// Whether everything was looked at.
    pub(super) swept: bool,
}

impl Updated {
    /// Writes it into a run's report.
    pub(super) fn tell(&self, report: &mut Report) {
        report.total(&self.counts);
        report.deleted = self.deleted;
        report.swept = self.swept;
    }
}

impl Update<'_> {
    /// As [`Update::run`], for as long as the lease is not lost and nobody wants it to end; gives the lease back.
    ///
    /// # Errors
    /// See [`Stopped`].
    pub(super) async fn hold(
        &self,
        lease: IndexLease,
        cancel: &CancellationToken,
    ) -> Result<Updated, Stopped> {
        let engine = self.engine;
        let bulk =
            BulkWriter::new(engine.client.clone(), engine.patience()).within(engine.bounds());
        let what = format!("index `{}`", lease.index());
        let lost = lease.lost();
        let ended = tokio::select! {
            biased;
            () = cancel.cancelled() => Err(Stopped::Cancelled),
            () = lost.cancelled() => Err(Stopped::midway(&what, ShutOut.into())),
            done = self.run(&lease, &bulk) => done.map_err(|error| Stopped::midway(&what, error)),
        };
        bulk.all_landed().await;
        lease.give_back(bulk.all_answered()).await;
        ended
    }

    /// Brings what is behind `lease` in step. Nothing of an earlier run may be on its way any more, and `bulk` have sent nothing
    /// yet under this lease.
    ///
    /// # Errors
    /// When a source or the engine fails, or too many documents would be deleted.
    pub(super) async fn run(&self, lease: &IndexLease, bulk: &BulkWriter) -> Result<Updated> {
        let engine = self.engine;
        let before = lease.content().await;
        let is_all = self.options.ids.is_empty();
        let present = present(engine, &before.horizons).await?;
        let patience = engine.patience();
        patiently(patience, async || index::refresh(&engine.client, lease.index()).await).await?;
        let letters = engine.state.all_dead_letters(lease.index()).await?;
        let tracer = Tracer::new(&engine.plan, &engine.sources, self.size())?;
        let wholly = self.purpose != Purpose::CatchUp;
        let looks = if wholly { Some(look(&tracer, lease, &before).await?) } else { None };
        let target = Target {
            index: lease.index().to_owned(),
            write_alias: lease.write_alias().to_owned(),
            epoch: lease.epoch(),
            bulk: bulk.clone(),
            progress: Arc::clone(self.progress),
        };
        let mut swept = is_all && present.has_forgotten();
        let mut work = Work::new(engine, &target, (self.options, self.purpose), &letters);
        if !swept {
            let known = Known { before: &before, looks: looks.as_ref(), letters: &letters };
            Box::pin(self.follow(&mut work, &tracer, &known)).await?;
            // It may have taken that long.
            swept = is_all && present.has_forgotten();
        }
        if swept {
            Box::pin(self.sweep(&mut work)).await?;
        }
        let Done { counts, deleted, letters: refused } = work.finish().await?;
        self.settle(lease, (letters, swept), refused).await?;
        failpoint::reach(Point::BeforeAdvance).await;
        if is_all {
            let advance = |state: &mut IndexState| {
                state.horizons = present.horizons;
                state.shares = looks.unwrap_or_else(|| std::mem::take(&mut state.shares));
            };
            lease.update(advance).await?;
        } else {
            lease.confirm().await?;
        }
        Ok(Updated { counts, deleted, swept })
    }

    /// Builds the documents of all roots that a change leads to.
    async fn follow(&self, work: &mut Work<'_>, tracer: &Tracer, known: &Known<'_>) -> Result<()> {
        let (keys, asked) = mpsc::channel(1);
        let mut tasks = JoinSet::new();
        let parts = self.reading(&work.versions)?.start(Roots::Keys(asked), &mut tasks);
        let target = work.target;
        let finding = self.find(&target.index, (tracer, known), keys);
        tokio::try_join!(finding, work.take(parts))?;
        all_ended_well(&mut tasks).await
    }

    /// Builds the documents of all roots, and looks at all documents.
    async fn sweep(&self, work: &mut Work<'_>) -> Result<()> {
        work.land().await?;
        let mut tasks = JoinSet::new();
        let all = Roots::Range(KeyRange::default());
        let parts = self.reading(&work.versions)?.start(all, &mut tasks);
        work.take(parts).await?;
        all_ended_well(&mut tasks).await?;
        work.land().await?;
        let Some(deletions) = &mut work.deletions else { return Ok(()) };
        let live = (&**self.engine, work.target.index.as_str());
        let mut version = work.versions.draw()?;
        rootless(live, None, async |keys| {
            deletions.add_found(keys, version).await?;
            // That of the next page, before it is read.
            version = work.versions.draw()?;
            Ok(())
        })
        .await?;
        // The table may have been away for a moment, or have lost its rows when most of it was looked at.
        deletions.look_again().await
    }

    fn reading(&self, versions: &Arc<Versions>) -> Result<Reading> {
        let (engine, load) = (self.engine, self.engine.load);
        let source = engine.sources.get(&engine.plan.root.source).context("the root's source")?;
        let (bytes, masking) = (load.cache_bytes, engine.masking.clone());
        Ok(Reading {
            plan: Arc::clone(&engine.plan),
            hydrator: Arc::new(Hydrator::new(&engine.plan, &engine.sources, bytes, masking)),
            source: Arc::clone(source),
            versions: Arc::clone(versions),
            drawn: Arc::default(),
            size: self.size(),
            progress: Arc::clone(self.progress),
        })
    }

    fn size(&self) -> PageSize {
        let load = self.engine.load;
        PageSize { rows: load.page_rows, bytes: load.page_bytes }
    }

    /// Finds the roots, and hands their keys on, each once.
    async fn find(
        &self,
        live: &str,
        (tracer, known): (&Tracer, &Known<'_>),
        keys: mpsc::Sender<Asked>,
    ) -> Result<()> {
        let engine = self.engine;
        let mut rounds = Rounds::new(keys, engine.load.page_rows);
        if !self.options.ids.is_empty() {
            let ids = self.options.ids.iter().map(|id| Key::from(id.as_str()));
            rounds.add(ids.collect()).await;
            rounds.finish().await;
            return Ok(());
        }
        let letters = known.letters.iter().filter(|letter| !letter.key.is_empty());
        rounds.add(letters.map(|letter| Key::from(letter.key.as_str())).collect()).await;
        let looks = known.looks.map(|now| (&known.before.shares, now));
        let since = Since::Horizons(&known.before.horizons, looks);
        lead::roots((engine, live), tracer, since, async |keys| rounds.add(keys).await).await?;
        rounds.finish().await;
        Ok(())
    }

    /// Keeps the dead letters of this run, and forgets those of documents that are right now.
    async fn settle(
        &self,
        lease: &IndexLease,
        (before, swept): (Vec<DeadLetter>, bool),
        mut letters: Vec<DeadLetter>,
    ) -> Result<()> {
        let state = &self.engine.state;
        if !letters.is_empty() {
            lease.confirm().await?;
            let now = Timestamp::now();
            letters.iter_mut().for_each(|letter| letter.at = now);
            state.put_dead_letters(&letters).await.context("dead letters could not be kept")?;
        }
        let refused: HashSet<&str> = letters.iter().map(|letter| letter.key.as_str()).collect();
        let built: HashSet<&str> = self.options.ids.iter().map(String::as_str).collect();
        let is_healed = |letter: &DeadLetter| {
            let key = letter.key.as_str();
            // Rows without a key are met by a look at everything alone.
            let is_built =
                if key.is_empty() { swept } else { built.is_empty() || built.contains(key) };
            is_built && !refused.contains(key)
        };
        let healed: Vec<DeadLetter> = before.into_iter().filter(is_healed).collect();
        if healed.is_empty() {
            return Ok(());
        }
        lease.confirm().await?;
        state.forget_letters(&healed).await
    }
}

/// What a run knows of the index and its services.
struct Known<'u> {
    before: &'u IndexState,
    looks: Option<&'u Looks>,
    letters: &'u [DeadLetter],
}

/// Looks at the tables whose rows do not tell when they changed. What looks otherwise than before is in doubt from now on, until
/// all is answered for: rows may be as they were by then, and documents not.
async fn look(tracer: &Tracer, lease: &IndexLease, before: &IndexState) -> Result<Looks> {
    let looks = tracer.looks().await?;
    let doubted = before.shares.iter().map(|(name, shares)| {
        let now = looks.get(name).unwrap_or(shares);
        (name.clone(), shares.doubted(now))
    });
    let doubted: Looks = doubted.collect();
    if doubted != before.shares {
        lease.update(|state| state.shares = doubted).await?;
    }
    Ok(looks)
}

/// Documents on their way into the index, and out of it.
struct Work<'u> {
    engine: &'u Engine,
    target: &'u Target,
    versions: Arc<Versions>,
    writer: Writer<'u>,
    /// `None` where nothing may be deleted.
    deletions: Option<Deletions<'u>>,
    counts: Counts,
}

/// What became of them.
struct Done {
    counts: Counts,
    deleted: u64,
    letters: Vec<DeadLetter>,
}

impl<'u> Work<'u> {
    fn new(
        engine: &'u Engine,
        target: &'u Target,
        (options, purpose): (&SyncOptions, Purpose),
        letters: &'u [DeadLetter],
    ) -> Self {
        let writer = Writer::new(engine, target).knowing(letters);
        let mends = matches!(purpose, Purpose::Mend | Purpose::Remove);
        let are_right = options.allow_mass_delete || purpose == Purpose::Remove;
        Self {
            engine,
            target,
            versions: Arc::new(Versions::new(target.epoch, engine.batches)),
            writer: if mends { writer } else { writer.comparing() },
            deletions: (purpose != Purpose::Mend)
                .then(|| Deletions::new(engine, target, are_right)),
            counts: Counts::default(),
        }
    }

    /// Takes what was read, to its end.
    async fn take(&mut self, mut parts: mpsc::Receiver<Result<Part>>) -> Result<()> {
        while let Some(part) = parts.recv().await {
            match part? {
                Part::Roots { version, level, odd } => {
                    count(&mut self.counts, &self.engine.plan, &level, odd);
                    if let Some(deletions) = &mut self.deletions {
                        deletions.spare(&self.engine.plan.root.read, &level);
                    }
                    self.writer.add(version, &level).await?;
                    self.writer.keep_busy().await?;
                }
                Part::TooLarge(unfit) => {
                    self.counts.read += 1;
                    self.writer.refuse(unfit)?;
                }
                Part::Gone { version, keys } => {
                    if let Some(deletions) = &mut self.deletions {
                        deletions.add(keys, version).await?;
                    }
                }
                Part::Pause(tell) => {
                    self.land().await?;
                    // Nobody waits for it any more when the run was stopped.
                    let _gone = tell.send(());
                }
            }
        }
        Ok(())
    }

    /// Waits until all that was built is answered for, and findable: what comes again is compared with it.
    async fn land(&mut self) -> Result<()> {
        self.writer.land_all().await?;
        let (client, index) = (&self.engine.client, self.target.index.as_str());
        patiently(self.engine.patience(), async || index::refresh(client, index).await).await
    }

    /// Waits until everything is answered for.
    async fn finish(mut self) -> Result<Done> {
        let mut letters = self.writer.finish().await?;
        let mut count = 0;
        if let Some(deletions) = self.deletions {
            let deleted = deletions.finish().await?;
            letters.extend(deleted.letters);
            count = deleted.count;
        }
        self.counts.dead = letters.len() as u64;
        Ok(Done { counts: self.counts, deleted: count, letters })
    }
}
