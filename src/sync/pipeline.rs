//! Reading and hydrating in the background, one step ahead of writing.
//!
//! Promises: a version is drawn before the first row of its batch is read; at most one page of roots and one hydrated page
//! wait; a page whose relations pass the budget is halved until it fits, and a single root that does not fit is handed on
//! by name.

use std::sync::Arc;

use anyhow::{Context, Result};
use futures::StreamExt;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::progress::Progress;
use crate::hydrate::{Hydrated, Hydrator, Level};
use crate::plan::Plan;
use crate::row::{Match, Page, key_of};
use crate::sink::version::Versions;
use crate::source::{PageSize, Source};

/// A piece of work for the writer.
pub(super) enum Part {
    /// Roots with all that belongs to them, and the version of their documents.
    Roots { version: u64, level: Level },
    /// One root whose rows of this relation do not fit into memory.
    TooLarge { id: String, relation: String },
}

/// What the background needs.
pub(super) struct Reading {
    pub(super) plan: Arc<Plan>,
    pub(super) hydrator: Arc<Hydrator>,
    pub(super) source: Arc<dyn Source>,
    pub(super) size: PageSize,
    pub(super) progress: Arc<Progress>,
}

/// A page that has waited for nothing but its version.
struct Batch {
    version: u64,
    page: Page,
}

impl Reading {
    /// Starts to read. The parts end with the first error; dropping the tasks ends the reading.
    pub(super) fn start(
        self,
        versions: Versions,
        tasks: &mut JoinSet<()>,
    ) -> mpsc::Receiver<Result<Part>> {
        let (pages, batches) = mpsc::channel(1);
        let (parts, ready) = mpsc::channel(1);
        let reading = Arc::new(self);
        tasks.spawn(Arc::clone(&reading).scan(versions, pages));
        tasks.spawn(async move {
            let failed = reading.hydrate_all(batches, &parts).await.err();
            if let Some(error) = failed {
                // Nobody listens any more when the run was stopped.
                let _gone = parts.send(Err(error)).await;
            }
        });
        ready
    }

    async fn scan(self: Arc<Self>, mut versions: Versions, pages: mpsc::Sender<Result<Batch>>) {
        let mut stream = self.source.scan(Arc::clone(&self.plan.root.read), self.size);
        loop {
            let batch = match versions.draw() {
                Err(spent) => Err(spent.into()),
                Ok(version) => match stream.next().await {
                    None => return,
                    Some(page) => page.map(|page| Batch { version, page }),
                },
            };
            let ended = batch.is_err();
            if let Ok(batch) = &batch {
                self.progress.add_read(batch.page.len());
            }
            if pages.send(batch).await.is_err() || ended {
                return;
            }
        }
    }

    async fn hydrate_all(
        &self,
        mut batches: mpsc::Receiver<Result<Batch>>,
        parts: &mpsc::Sender<Result<Part>>,
    ) -> Result<()> {
        while let Some(batch) = batches.recv().await {
            let Batch { version, page } = batch.context("the root's rows")?;
            let mut waiting = vec![page];
            while let Some(page) = waiting.pop() {
                let part = match self.fit(page).await? {
                    Fit::Whole(level) => Part::Roots { version, level },
                    Fit::Halves(halves) => {
                        waiting.extend(halves);
                        continue;
                    }
                    Fit::Never { id, relation } => Part::TooLarge { id, relation },
                };
                if parts.send(Ok(part)).await.is_err() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    async fn fit(&self, page: Page) -> Result<Fit> {
        let (root, rows) = (&self.plan.root, page.len());
        // Kept in case it has to be halved; a page of roots is small beside what is joined to it.
        let kept = page.clone();
        Ok(match self.hydrator.hydrate(root, page, self.size.bytes).await? {
            Hydrated::Whole(level) => Fit::Whole(level),
            Hydrated::Overflow(relation) if rows <= 1 => {
                let mut id = String::new();
                key_of(kept.row(0), &root.read.key, Match::Exact, &mut id);
                Fit::Never { id, relation }
            }
            Hydrated::Overflow(_) => {
                // The later half goes below the earlier one, so that the order stays.
                Fit::Halves([kept.part(rows / 2, rows), kept.part(0, rows / 2)])
            }
        })
    }
}

enum Fit {
    Whole(Level),
    Halves([Page; 2]),
    Never { id: String, relation: String },
}
