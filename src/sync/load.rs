//! Loading an index: key ranges of the root side by side, each answered for in full, written down at checkpoints.
//!
//! Promises: a range that is written down as loaded is on the engine's disk and is never read again; killed anywhere, the next
//! run loads what is left and nothing else. However it ends, what had come to its end is written down if that is possible.

use std::sync::{Arc, PoisonError};

use anyhow::{Context, Result};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval_at};
use tokio_util::sync::CancellationToken;

use super::ledger::{Ended, Given, Ledger};
use super::leftovers::remove_leftovers;
use super::pipeline::{Part, Reading, Roots, all_ended_well, count};
use super::progress::Progress;
use super::writer::{Target, Writer};
use super::{Engine, ShutOut};
use crate::failpoint::{self, Point};
use crate::hydrate::Hydrator;
use crate::sink::bulk::BulkWriter;
use crate::sink::version::Versions;
use crate::sink::{index, patiently};
use crate::source::{PageSize, Source};
use crate::state::{Counts, IndexLease};

/// Why a load ended before its end.
#[derive(Debug)]
pub(super) enum Broken {
    /// Somebody asked for it.
    Cancelled,
    /// Something failed.
    Failed(anyhow::Error),
}

impl From<anyhow::Error> for Broken {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

/// What ends a load before its end.
pub(super) struct Ends {
    /// Somebody asked for it.
    pub(super) cancel: CancellationToken,
    /// Another run builds for the alias.
    pub(super) alias_lost: CancellationToken,
}

/// What the loaders of all ranges share.
struct Load {
    engine: Arc<Engine>,
    source: Arc<dyn Source>,
    hydrator: Arc<Hydrator>,
    versions: Arc<Versions>,
    target: Target,
    ledger: Mutex<Ledger>,
}

/// Loads what is left of the index behind `lease`. Returns what is in it then, as it is written down. `begun_before` says that
/// an earlier lease has begun with it, and has not come to its end.
///
/// # Errors
/// When a source or the engine fails, the versions of the lease are spent, or another run takes over.
pub(super) async fn load(
    engine: &Arc<Engine>,
    (lease, begun_before): (&IndexLease, bool),
    bulk: BulkWriter,
    progress: &Arc<Progress>,
    ends: Ends,
) -> Result<Counts, Broken> {
    let source = engine.sources.get(&engine.plan.root.source);
    let source =
        source.with_context(|| format!("source `{}` is not open", engine.plan.root.source))?;
    let ledger = Ledger::new(lease.content().await.load);
    progress.go_on_from(&ledger.counts());
    let (bytes, masking) = (engine.load.cache_bytes, engine.masking.clone());
    let hydrator = Hydrator::new(&engine.plan, &engine.sources, bytes, masking);
    let target = Target {
        index: lease.index().to_owned(),
        write_alias: lease.write_alias().to_owned(),
        epoch: lease.epoch(),
        bulk,
        progress: Arc::clone(progress),
    };
    let load = Arc::new(Load {
        engine: Arc::clone(engine),
        source: Arc::clone(source),
        hydrator: Arc::new(hydrator),
        versions: Arc::new(Versions::new(lease.epoch(), engine.batches)),
        target,
        ledger: Mutex::new(ledger),
    });
    let ended = load.run(lease, &ends).await;
    // Bodies whose loaders are gone may still be on their way out.
    load.target.bulk.all_landed().await;
    let written_down = match &ended {
        Ok(()) => load.checkpoint(lease).await,
        Err(_) if lease.lost().is_cancelled() => Ok(()),
        // Whatever failed may fail again: once is enough.
        Err(_) => load.write_down(lease).await,
    };
    match (ended, written_down) {
        (Ok(()), Ok(())) => {
            if begun_before {
                tokio::select! {
                    biased;
                    () = ends.cancel.cancelled() => return Err(Broken::Cancelled),
                    removed = load.remove_leftovers() => removed?,
                }
            }
            Ok(load.ledger.lock().await.counts())
        }
        (Ok(()), Err(error)) => Err(Broken::Failed(error)),
        (Err(broken), written_down) => {
            if let Err(error) = written_down {
                tracing::warn!(
                    error = format!("{error:#}"),
                    "the last ranges are not written down"
                );
            }
            Err(broken)
        }
    }
}

impl Load {
    /// Has all ranges loaded, with a checkpoint now and then.
    async fn run(self: &Arc<Self>, lease: &IndexLease, ends: &Ends) -> Result<(), Broken> {
        let mut loaders = JoinSet::new();
        for _ in 0..self.engine.load.readers {
            loaders.spawn(Arc::clone(self).load_ranges());
        }
        let ended = self.watch(&mut loaders, lease, ends).await;
        loaders.shutdown().await;
        ended
    }

    /// Waits for the loaders to end.
    async fn watch(
        &self,
        loaders: &mut JoinSet<Result<()>>,
        lease: &IndexLease,
        ends: &Ends,
    ) -> Result<(), Broken> {
        let every = self.engine.lease_ttl / 3;
        let mut checkpoints = interval_at(Instant::now() + every, every);
        let lost = lease.lost();
        loop {
            tokio::select! {
                biased;
                () = ends.cancel.cancelled() => return Err(Broken::Cancelled),
                () = ends.alias_lost.cancelled() => return Err(Broken::Failed(ShutOut.into())),
                () = lost.cancelled() => return Err(Broken::Failed(ShutOut.into())),
                ended = loaders.join_next() => match ended {
                    None => return Ok(()),
                    Some(ended) => ended.context("a range's loading broke off: this is a fault of prejoin")??,
                },
                _ = checkpoints.tick() => tokio::select! {
                    biased;
                    () = ends.cancel.cancelled() => return Err(Broken::Cancelled),
                    written_down = self.checkpoint(lease) => written_down?,
                },
            }
        }
    }

    /// Loads one range after the other until none is left.
    async fn load_ranges(self: Arc<Self>) -> Result<()> {
        while let Some(given) = self.next().await? {
            let ended = Box::pin(self.load_range(&given)).await?;
            self.ledger.lock().await.end(&given, ended);
        }
        Ok(())
    }

    /// The next range, cut from what is left.
    async fn next(&self) -> Result<Option<Given>> {
        let mut ledger = self.ledger.lock().await;
        let Some(left) = ledger.left().cloned() else { return Ok(None) };
        let rows = self.engine.load.range_rows;
        let cut = self.source.step(&self.engine.plan.root.read, &left, rows).await?;
        Ok(ledger.give(cut))
    }

    async fn load_range(&self, given: &Given) -> Result<Ended> {
        let load = self.engine.load;
        let drawn = Arc::new(std::sync::Mutex::new(Vec::new()));
        let reading = Reading {
            plan: Arc::clone(&self.engine.plan),
            hydrator: Arc::clone(&self.hydrator),
            source: Arc::clone(&self.source),
            versions: Arc::clone(&self.versions),
            drawn: Arc::clone(&drawn),
            // All readers together keep to the bound.
            size: PageSize { rows: load.page_rows, bytes: load.page_bytes / load.readers },
            progress: Arc::clone(&self.target.progress),
        };
        let mut tasks = JoinSet::new();
        let mut parts = reading.start(Roots::Range(given.range.clone()), &mut tasks);
        let mut writer = Writer::new(&self.engine, &self.target);
        let mut counts = Counts::default();
        while let Some(part) = parts.recv().await {
            match part? {
                Part::Roots { version, level, odd } => {
                    count(&mut counts, &self.engine.plan, &level, odd);
                    writer.add(version, &level).await?;
                }
                // Of a range no keys are asked for.
                // Only asked for by key.
                Part::Gone { .. } | Part::Pause(_) => {}
                Part::TooLarge(unfit) => {
                    counts.read += 1;
                    writer.refuse(unfit)?;
                }
            }
        }
        all_ended_well(&mut tasks).await?;
        let letters = writer.finish().await?;
        counts.dead = letters.len() as u64;
        let versions = std::mem::take(&mut *drawn.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(Ended { counts, letters, versions })
    }

    /// Deletes what dead runs have left of rows that are gone since.
    async fn remove_leftovers(&self) -> Result<()> {
        let finished = self.ledger.lock().await.versions();
        let (client, target) = (&self.engine.client, &self.target);
        let removed = remove_leftovers(client, target, &finished, &self.versions).await?;
        if removed > 0 {
            tracing::info!(index = target.index, documents = removed, "removed what was left over");
        }
        Ok(())
    }

    /// Writes down what has come to its end, for as long as the engine may take.
    async fn checkpoint(&self, lease: &IndexLease) -> Result<()> {
        patiently(self.engine.patience(), async || self.write_down(lease).await).await
    }

    /// Writes down what has come to its end: first the documents, then the dead letters, then the ranges.
    async fn write_down(&self, lease: &IndexLease) -> Result<()> {
        let Some(mut news) = self.ledger.lock().await.news() else { return Ok(()) };
        let checkpoint = lease.content().await.load.checkpoint + 1;
        index::flush(&self.engine.client, lease.index()).await?;
        news.letters.iter_mut().for_each(|letter| letter.checkpoint = checkpoint);
        if !news.letters.is_empty() {
            // They are kept by the index's name, which no wall protects.
            lease.confirm().await?;
            let kept = self.engine.state.put_dead_letters(&news.letters).await;
            kept.context("dead letters could not be kept")?;
        }
        failpoint::reach(Point::BeforeAdvance).await;
        let (segments, versions) = (news.segments.clone(), news.versions.clone());
        let update = lease.update(|state| {
            state.load.segments = segments;
            state.load.versions = versions;
            state.load.checkpoint = checkpoint;
        });
        update.await?;
        self.ledger.lock().await.written_down(&news);
        Ok(())
    }
}
