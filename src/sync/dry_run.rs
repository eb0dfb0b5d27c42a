//! A load without an engine: everything is read, joined and assembled as a full load does it, and then let go.
//!
//! Promises: needs no engine and sends nothing; counts what a full load would send. What only the engine can know, whether it
//! takes a document, is not told.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use jiff::Timestamp;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Stopped;
use super::filler::Filler;
use super::ledger::{Ended, Ledger};
use super::pipeline::{Part, Reading, Roots, all_ended_well, count};
use super::progress::Progress;
use super::report::Report;
use crate::assemble::Masking;
use crate::config::LoadConfig;
use crate::hydrate::{Hydrator, Level};
use crate::plan::Plan;
use crate::sink::bulk::{BulkBody, Outcome, Rejection};
use crate::sink::version::{BATCHES, Versions, epoch_after};
use crate::source::{KeyRange, PageSize, Source, Sources};
use crate::state::{Counts, LoadState};

/// What a dry run works with.
pub struct DryRun {
    /// What to read and what to make of it.
    pub plan: Arc<Plan>,
    /// The services.
    pub sources: Sources,
    /// Sizes.
    pub load: LoadConfig,
    /// Key of masked fields.
    pub masking: Option<Masking>,
}

/// Does what [`super::reindex`] does up to the sending. In the report, what is written is what would be sent.
pub async fn dry_run(
    run: DryRun,
    progress: Arc<Progress>,
    cancel: CancellationToken,
) -> (Report, Result<(), Stopped>) {
    let began = Instant::now();
    let mut report = Report::begin("dry-run", &run.plan);
    let ended = tokio::select! {
        biased;
        () = cancel.cancelled() => Err(Stopped::Cancelled),
        read = read_all(run, &progress) => read.map_err(Stopped::Midway),
    };
    report.count(&progress);
    let ended = ended.map(|(counts, keyless)| {
        report.total(&counts);
        report.keyless = keyless;
    });
    report.end(&ended, began);
    (report, ended)
}

/// What the readers of one dry run share.
struct Rehearsal {
    run: DryRun,
    source: Arc<dyn Source>,
    hydrator: Arc<Hydrator>,
    versions: Arc<Versions>,
    progress: Arc<Progress>,
    ledger: Mutex<Ledger>,
}

/// Counts what was read, and the roots without a key.
async fn read_all(run: DryRun, progress: &Arc<Progress>) -> Result<(Counts, u64)> {
    let root = &run.plan.root;
    let source = run.sources.get(&root.source);
    let source = source.with_context(|| format!("source `{}` is not open", root.source))?;
    let (bytes, masking) = (run.load.cache_bytes, run.masking.clone());
    let hydrator = Hydrator::new(&run.plan, &run.sources, bytes, masking);
    let rehearsal = Arc::new(Rehearsal {
        source: Arc::clone(source),
        hydrator: Arc::new(hydrator),
        versions: Arc::new(Versions::new(epoch_after(None, Timestamp::now())?, BATCHES)),
        progress: Arc::clone(progress),
        ledger: Mutex::new(Ledger::new(LoadState::default())),
        run,
    });
    let mut readers = JoinSet::new();
    for _ in 0..rehearsal.run.load.readers {
        readers.spawn(Arc::clone(&rehearsal).read_ranges());
    }
    while let Some(ended) = readers.join_next().await {
        ended.context("a range's reading broke off: this is a fault of prejoin")??;
    }
    let keyless = rehearsal.source.count_keyless(&rehearsal.run.plan.root.read).await?;
    let counts = rehearsal.ledger.lock().await.counts();
    Ok((counts, keyless))
}

impl Rehearsal {
    async fn read_ranges(self: Arc<Self>) -> Result<()> {
        loop {
            let mut ledger = self.ledger.lock().await;
            let Some(left) = ledger.left().cloned() else { return Ok(()) };
            let (root, rows) = (&self.run.plan.root.read, self.run.load.range_rows);
            let cut = self.source.step(root, &left, rows).await?;
            let Some(given) = ledger.give(cut) else { return Ok(()) };
            drop(ledger);
            let counts = Box::pin(self.read_range(&given.range)).await?;
            self.ledger.lock().await.end(&given, Ended { counts, ..Ended::default() });
        }
    }

    async fn read_range(&self, range: &KeyRange) -> Result<Counts> {
        let load = self.run.load;
        let reading = Reading {
            plan: Arc::clone(&self.run.plan),
            hydrator: Arc::clone(&self.hydrator),
            source: Arc::clone(&self.source),
            versions: Arc::clone(&self.versions),
            drawn: Arc::default(),
            size: PageSize { rows: load.page_rows, bytes: load.page_bytes / load.readers },
            progress: Arc::clone(&self.progress),
        };
        let mut tasks = JoinSet::new();
        let mut parts = reading.start(Roots::Range(range.clone()), &mut tasks);
        let mut null = Null {
            filler: Filler::new(&self.run.plan, self.run.masking.clone(), load),
            body: BulkBody::with_capacity(load.bulk_bytes),
            bulk_bytes: load.bulk_bytes,
            dead: 0,
            progress: &self.progress,
        };
        let mut counts = Counts::default();
        while let Some(part) = parts.recv().await {
            match part? {
                Part::Roots { version, level, odd } => {
                    count(&mut counts, &self.run.plan, &level, odd);
                    null.add(version, &level);
                }
                // Of a range no keys are asked for.
                // Only asked for by key.
                Part::Gone { .. } | Part::Pause(_) => {}
                Part::TooLarge(unfit) => {
                    counts.read += 1;
                    null.refuse(&unfit.error_type, unfit.field.as_deref());
                }
            }
        }
        all_ended_well(&mut tasks).await?;
        counts.dead = null.finish();
        Ok(counts)
    }
}

/// Where documents go that nobody is to have.
struct Null<'r> {
    filler: Filler<'r>,
    body: BulkBody,
    bulk_bytes: usize,
    dead: u64,
    progress: &'r Progress,
}

impl Null<'_> {
    /// Assembles the documents of `roots`.
    fn add(&mut self, version: u64, roots: &Level) {
        for row in 0..roots.rows.len() {
            if let Err(unfit) = self.filler.put(&mut self.body, version, (roots, row)) {
                self.refuse(&unfit.error_type, unfit.field.as_deref());
            }
            if self.body.held() >= self.bulk_bytes {
                self.let_go();
            }
        }
    }

    /// Counts a root that becomes no document.
    fn refuse(&mut self, error_type: &str, field: Option<&str>) {
        self.progress.add_dead(error_type, field);
        self.dead += 1;
    }

    /// Lets go of what is left, and tells how many roots became no document.
    fn finish(mut self) -> u64 {
        self.let_go();
        self.dead
    }

    fn let_go(&mut self) {
        let bytes = self.body.bytes();
        // What is known without an engine: ids that none takes.
        let (sealed, outcomes) = std::mem::take(&mut self.body).seal();
        self.body = sealed.emptied(self.bulk_bytes);
        let mut written = outcomes.len() as u64;
        for outcome in outcomes.into_iter().flatten() {
            if let Outcome::Rejected(Rejection { error_type, field }) = outcome {
                written -= 1;
                self.refuse(&error_type, field.as_deref());
            }
        }
        self.progress.add_written(written, bytes);
    }
}
