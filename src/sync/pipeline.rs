//! Reading and hydrating roots in the background, those of a key range or those of given keys, one step ahead of writing.
//!
//! Promises: a version is drawn before the first row of its batch is read; one page of roots at most is read ahead and one
//! hydrated ahead, and nothing before there is room for it; a page whose relations pass the budget is halved until it fits,
//! which the next page knows, and a single root that does not fit is handed on by name.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use futures::StreamExt;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::filler::Unfit;
use super::progress::Progress;
use crate::failpoint::{self, Point};
use crate::hydrate::{Hydrated, Hydrator, Level, Odd};
use crate::plan::Plan;
use crate::row::{Key, Match, Page, key_of};
use crate::sink::version::Versions;
use crate::source::{Answer, Budget, KeyRange, PageSize, Read, Source};
use crate::state::Counts;

/// A piece of work for the writer.
pub(super) enum Part {
    /// Roots with all that belongs to them, and the version of their documents.
    Roots { version: u64, level: Level, odd: Odd },
    /// One root that does not fit into memory, with the relation whose rows are too many.
    TooLarge(Unfit),
    /// Keys that were asked for and have no row among the job's, and the version to delete their documents with.
    Gone { version: u64, keys: Vec<Key> },
    /// All parts of the keys asked for before have come; to be told when their documents were answered for.
    Pause(oneshot::Sender<()>),
}

/// Which roots are read.
pub(super) enum Roots {
    /// Those of a key range, in its order.
    Range(KeyRange),
    /// Those of these keys, batch by batch; no key comes twice between two pauses.
    Keys(mpsc::Receiver<Asked>),
}

/// What is asked for.
pub(super) enum Asked {
    /// The roots of these keys.
    Keys(Vec<Key>),
    /// To be told when the documents of all keys so far were answered for: they may come again then.
    Pause(oneshot::Sender<()>),
}

/// Adds to `counts` what a part of roots has brought.
pub(super) fn count(counts: &mut Counts, plan: &Plan, level: &Level, odd: Odd) {
    counts.read += level.rows.len() as u64;
    counts.unclaimed += odd.unclaimed;
    counts.ambiguous += odd.ambiguous;
    level.count_rows(&plan.root, &mut counts.rows);
}

/// What the background needs.
pub(super) struct Reading {
    pub(super) plan: Arc<Plan>,
    pub(super) hydrator: Arc<Hydrator>,
    pub(super) source: Arc<dyn Source>,
    pub(super) versions: Arc<Versions>,
    /// Notes all versions that were drawn.
    pub(super) drawn: Arc<Mutex<Vec<u64>>>,
    pub(super) size: PageSize,
    pub(super) progress: Arc<Progress>,
}

/// What was read, and waits to be joined.
enum Batch {
    Page {
        version: u64,
        page: Page,
        /// Keys without a row.
        gone: Vec<Key>,
    },
    Pause(oneshot::Sender<()>),
}

impl Reading {
    /// Starts to read. The parts end with the first error; dropping the tasks ends the reading. That the parts end means
    /// nothing by itself: see [`all_ended_well`].
    pub(super) fn start(
        self,
        roots: Roots,
        tasks: &mut JoinSet<()>,
    ) -> mpsc::Receiver<Result<Part>> {
        let (pages, batches) = mpsc::channel(1);
        let (parts, ready) = mpsc::channel(1);
        let reading = Arc::new(self);
        match roots {
            Roots::Range(range) => tasks.spawn(Arc::clone(&reading).scan(range, pages)),
            Roots::Keys(keys) => tasks.spawn(Arc::clone(&reading).look_up(keys, pages)),
        };
        tasks.spawn(async move {
            let failed = reading.hydrate_all(batches, &parts).await.err();
            if let Some(error) = failed {
                // Nobody listens any more when the run was stopped.
                let _gone = parts.send(Err(error)).await;
            }
        });
        ready
    }

    async fn scan(self: Arc<Self>, range: KeyRange, pages: mpsc::Sender<Result<Batch>>) {
        let root = Arc::clone(&self.plan.root.read);
        let mut stream = self.source.scan(root, range, self.size);
        // Nothing is read ahead of the room for it.
        while let Ok(room) = pages.reserve().await {
            let batch = match self.draw() {
                Err(spent) => Err(spent),
                Ok(version) => match stream.next().await {
                    None => return,
                    Some(page) => page.map(|page| {
                        self.progress.add_read(page.len());
                        Batch::Page { version, page, gone: Vec::new() }
                    }),
                },
            };
            let ended = batch.is_err();
            room.send(batch);
            if ended {
                return;
            }
        }
    }

    fn draw(&self) -> Result<u64> {
        let version = self.versions.draw()?;
        self.drawn.lock().unwrap_or_else(PoisonError::into_inner).push(version);
        Ok(version)
    }

    async fn look_up(
        self: Arc<Self>,
        mut asked: mpsc::Receiver<Asked>,
        pages: mpsc::Sender<Result<Batch>>,
    ) {
        while let Some(asked) = asked.recv().await {
            let keys = match asked {
                Asked::Keys(keys) => keys,
                Asked::Pause(tell) => {
                    let _gone = pages.send(Ok(Batch::Pause(tell))).await;
                    continue;
                }
            };
            if let Err(error) = self.look_up_all(keys, &pages).await {
                // Nobody listens any more when the run was stopped.
                let _gone = pages.send(Err(error)).await;
                return;
            }
        }
    }

    /// The rows of these keys, in as many batches as it takes to hold them.
    async fn look_up_all(&self, keys: Vec<Key>, pages: &mpsc::Sender<Result<Batch>>) -> Result<()> {
        let root = self.plan.root.read.by_key();
        let mut waiting = vec![keys];
        while let Some(mut keys) = waiting.pop() {
            // Nothing is read ahead of the room for it.
            let Ok(room) = pages.reserve().await else { return Ok(()) };
            let (version, budget) = (self.draw()?, Budget::new(self.size.bytes));
            let fetched = self.source.fetch_by_keys(&root, &keys, &budget).await?;
            if !fetched.complete && keys.len() > 1 {
                waiting.push(keys.split_off(keys.len() / 2));
                waiting.push(keys);
                continue;
            }
            let page = claimed(&root, fetched.answers, &keys)?;
            let mut text = String::new();
            let mut missing: HashSet<&str> = keys.iter().map(Key::as_str).collect();
            for row in 0..page.len() {
                if key_of(page.row(row), &root.key, Match::Exact, &mut text) {
                    missing.remove(text.as_str());
                }
            }
            let gone = missing.into_iter().map(Key::from).collect();
            self.progress.add_read(page.len());
            room.send(Ok(Batch::Page { version, page, gone }));
        }
        Ok(())
    }

    async fn hydrate_all(
        &self,
        mut batches: mpsc::Receiver<Result<Batch>>,
        parts: &mpsc::Sender<Result<Part>>,
    ) -> Result<()> {
        let mut fitting = Fitting::default();
        while let Some(batch) = batches.recv().await {
            let (version, page, gone) = match batch.context("the root's rows")? {
                Batch::Page { version, page, gone } => (version, page, gone),
                Batch::Pause(tell) => {
                    let _gone = parts.send(Ok(Part::Pause(tell))).await;
                    continue;
                }
            };
            if !gone.is_empty() {
                failpoint::reach(Point::AfterRead).await;
                if parts.send(Ok(Part::Gone { version, keys: gone })).await.is_err() {
                    return Ok(());
                }
            }
            if page.is_empty() {
                continue;
            }
            let mut waiting = vec![page];
            while let Some(page) = waiting.pop() {
                let rows = page.len();
                if rows > fitting.rows {
                    waiting.extend(halves(&page));
                    continue;
                }
                // As above: what is being joined counts as waiting.
                let Ok(room) = parts.reserve().await else { return Ok(()) };
                let budget = Budget::new(self.size.bytes);
                let part = match self.fit(page, &budget).await? {
                    Fit::Whole(level, odd) => Part::Roots { version, level, odd },
                    Fit::Halves(halves) => {
                        fitting.overflowed(rows);
                        waiting.extend(halves);
                        continue;
                    }
                    Fit::Never(unfit) => Part::TooLarge(unfit),
                };
                fitting.held(rows, (self.size.bytes, budget.left()));
                failpoint::reach(Point::AfterRead).await;
                room.send(Ok(part));
            }
        }
        Ok(())
    }

    async fn fit(&self, page: Page, budget: &Budget) -> Result<Fit> {
        let (root, rows) = (&self.plan.root, page.len());
        // Held in case it has to be halved.
        let page = Arc::new(page);
        let mut hydrated = self.hydrator.hydrate(root, Arc::clone(&page), budget).await?;
        if matches!(hydrated, Hydrated::Overflow(_)) && rows <= 1 {
            // Objects may hold what they share many times over; and whether a root fits is not up to what was kept.
            let anew = Budget::new(self.size.bytes);
            hydrated = self.hydrator.hydrate_alone(root, Arc::clone(&page), &anew).await?;
        }
        Ok(match hydrated {
            Hydrated::Whole(level, odd) => Fit::Whole(level, odd),
            Hydrated::Overflow(relation) if rows <= 1 => {
                let mut id = String::new();
                key_of(page.row(0), &root.read.key, Match::Exact, &mut id);
                let error_type = "too_large".to_owned();
                Fit::Never(Unfit { id, error_type, field: Some(relation) })
            }
            Hydrated::Overflow(_) => Fit::Halves(halves(&page)),
        })
    }
}

/// The rows of these keys and of no others, which a server may hold to be equal.
fn claimed(root: &Read, answers: Vec<Answer>, keys: &[Key]) -> Result<Page> {
    let asked: HashSet<&str> = keys.iter().map(Key::as_str).collect();
    let mut page = Page::new(root.columns.len());
    let (mut text, mut seen) = (String::new(), HashSet::new());
    for answer in answers {
        for row in 0..answer.page.len() {
            let is_key = key_of(answer.page.row(row), &root.key, Match::Exact, &mut text);
            if is_key && asked.contains(text.as_str()) && seen.insert(text.clone()) {
                page.append(&answer.page, row)?;
            }
        }
    }
    Ok(page)
}

/// How many roots are believed to fit together, by what those before them took.
struct Fitting {
    rows: usize,
}

impl Default for Fitting {
    fn default() -> Self {
        Self { rows: usize::MAX }
    }
}

impl Fitting {
    fn overflowed(&mut self, rows: usize) {
        self.rows = (rows / 2).max(1);
    }

    /// So many rows left `left` bytes of `budget`. What follows may be slimmer or fatter: a small margin is kept, and a few
    /// rows say little of many.
    fn held(&mut self, rows: usize, (budget, left): (usize, usize)) {
        let used = budget.saturating_sub(left).max(1);
        let room = budget - budget / 16;
        let alike = rows.saturating_mul(room) / used;
        self.rows = alike.clamp(1, self.rows.max(rows.saturating_mul(8)));
    }
}

/// The later half first: what was put down last is taken up next, and the order stays.
fn halves(page: &Page) -> [Page; 2] {
    let rows = page.len();
    [page.part(rows / 2, rows), page.part(0, rows / 2)]
}

enum Fit {
    Whole(Level, Odd),
    Halves([Page; 2]),
    Never(Unfit),
}

/// Waits for the reading to end. A task that was lost ends its channel as the last row does, and the rows behind it would
/// go missing without a word.
///
/// # Errors
/// When a task did not come to its own end.
pub(super) async fn all_ended_well(tasks: &mut JoinSet<()>) -> Result<()> {
    while let Some(ended) = tasks.join_next().await {
        ended.context("the reading broke off: this is a fault of prejoin")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of the tries overflow that it takes to bring in roots of these sizes, with a budget of 1,000.
    fn overflows(sizes: &[usize]) -> usize {
        let (mut fitting, mut overflows) = (Fitting::default(), 0);
        for page in sizes.chunks(100) {
            let mut waiting = vec![page];
            while let Some(part) = waiting.pop() {
                let (rows, used) = (part.len(), part.iter().sum::<usize>());
                if rows > fitting.rows || (used >= 1_000 && rows > 1) {
                    if rows <= fitting.rows {
                        fitting.overflowed(rows);
                        overflows += 1;
                    }
                    let (first, second) = part.split_at(rows / 2);
                    waiting.extend([second, first]);
                    continue;
                }
                fitting.held(rows, (1_000, 1_000_usize.saturating_sub(used)));
            }
        }
        overflows
    }

    /// What overflows has been read for nothing.
    #[test]
    fn a_page_that_overflowed_teaches_the_next() {
        // 100, 50, 25, 12, 6, 3: a try each, once and for all.
        assert_eq!(overflows(&[600; 1_000]), 6);
        assert_eq!(overflows(&[90; 1_000]), 4);
        assert_eq!(overflows(&[9; 1_000]), 0);
        // One fat root costs its own page, and what is slim behind it does not pay for it.
        let mut one = [9; 1_000];
        one[450] = 900;
        assert!(overflows(&one) <= 8, "{}", overflows(&one));
    }

    #[tokio::test]
    async fn a_lost_task_is_no_end_of_the_rows() {
        let mut tasks = JoinSet::new();
        tasks.spawn(async {});
        assert!(all_ended_well(&mut tasks).await.is_ok());
        tasks.spawn(async {});
        tasks.spawn(async { panic!("as a library may") });
        assert!(all_ended_well(&mut tasks).await.is_err());
    }
}
