//! Hydration: from a page of roots to everything that belongs to them, by one batched read per relation.
//!
//! Promises: keys are collected over the whole page, asked for once each, and relations that do not depend on one another
//! are read side by side. What is held stays within the budget; a page that needs more is reported, not read on. Never
//! changes a value, never writes, never guesses which of two rows was meant.

mod cache;
mod count;
mod fragment;
mod group;
mod keys;
mod picked;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use futures::future::{BoxFuture, FutureExt, try_join_all};

use crate::plan::{Node, Plan};
use crate::render::{Masking, Values};
use crate::row::{Key, Page};
use crate::source::{Budget, Fetched, Source, Sources};

use cache::{Cache, Found};
pub use fragment::{Fragment, Fragments};
pub use group::Odd;
use group::group;
use keys::{Keys, Wanted};
use picked::{Picked, RowAt};
pub use picked::{Rows, Span};

/// Rows of one relation with all that is joined to them.
#[derive(Debug)]
pub struct Level {
    /// The rows.
    pub rows: Rows,
    /// One per relation below, in the plan's order.
    pub joined: Vec<Joined>,
}

/// What is joined to the rows of a level by one relation.
#[derive(Debug)]
pub struct Joined {
    /// For each row above, where what is joined to it stands below.
    pub spans: Vec<Span>,
    below: Below,
}

#[derive(Debug)]
enum Below {
    /// The rows themselves.
    Rows(Level),
    /// The objects that were made of them: see [`Joined::fragment`].
    Written(Picked<Fragments>),
}

impl Below {
    /// Bytes that say where its rows or objects are.
    fn places(&self) -> usize {
        match self {
            Self::Rows(level) => size_of_val(level.rows.0.at.as_slice()),
            Self::Written(written) => size_of_val(written.at.as_slice()),
        }
    }
}

impl Joined {
    /// The rows, unless objects were made of them.
    pub fn level(&self) -> Option<&Level> {
        match &self.below {
            Below::Rows(level) => Some(level),
            Below::Written(_) => None,
        }
    }
}

/// What a page of roots turned into.
#[derive(Debug)]
pub enum Hydrated {
    /// All of it, and what was odd.
    Whole(Level, Odd),
    /// The relation of that path passed the budget.
    Overflow(String),
}

/// Things worth a look that are no reason to stop, while they are counted.
#[derive(Debug, Default)]
struct Oddities {
    unclaimed: AtomicU64,
    ambiguous: AtomicU64,
}

impl Oddities {
    fn add(&self, odd: &Odd) {
        self.unclaimed.fetch_add(odd.unclaimed, Ordering::Relaxed);
        self.ambiguous.fetch_add(odd.ambiguous, Ordering::Relaxed);
    }

    /// The counts so far, which begin anew.
    fn counted(&self) -> Odd {
        Odd {
            unclaimed: self.unclaimed.swap(0, Ordering::Relaxed),
            ambiguous: self.ambiguous.swap(0, Ordering::Relaxed),
        }
    }
}

/// What the reads below one page share.
struct Reading<'b> {
    budget: &'b Budget,
    oddities: Oddities,
    /// Whether what is kept may be used, and added to.
    keeping: bool,
}

/// Joins rows of many sources in memory.
pub struct Hydrator {
    sources: HashMap<String, Arc<dyn Source>>,
    kept: HashMap<String, Kept>,
    /// What was odd among the rows that are kept: of a page that overflowed these are not read again.
    oddities: Oddities,
    masking: Option<Masking>,
}

/// What is kept of a to-one relation from one page to the next.
enum Kept {
    Rows(Cache<Page>),
    Written(Cache<Fragments>),
}

/// A relation whose rows do not fit.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` does not fit into the budget")]
struct Overflow(String);

impl Hydrator {
    /// Prepares to hydrate `plan`. What was read of to-one relations is kept for reuse within `cache_bytes`, for as long as this
    /// value lives, by all of them together: objects that nothing else looks into ([`Node::reusable`]) as their text, for which masked fields need
    /// `masking`, others as rows. With no bytes nothing is kept, and all levels have their rows.
    pub fn new(
        plan: &Plan,
        sources: &Sources,
        cache_bytes: usize,
        masking: Option<Masking>,
    ) -> Self {
        let nodes = plan.root.walk();
        let is_one = |node: &&&Node| node.join.as_ref().is_some_and(|join| !join.many);
        let ones: Vec<_> = nodes.iter().filter(is_one).filter(|_| cache_bytes > 0).collect();
        let room = Arc::new(Budget::new(cache_bytes));
        let kept = ones.into_iter().map(|node| {
            let kept = match node.reusable {
                true => Kept::Written(Cache::new(&room)),
                false => Kept::Rows(Cache::new(&room)),
            };
            (node.path.clone(), kept)
        });
        let sources = sources.iter().map(|(name, source)| (name.clone(), Arc::clone(source)));
        Self {
            sources: sources.collect(),
            kept: kept.collect(),
            oddities: Oddities::default(),
            masking,
        }
    }

    /// Joins everything below `root` to the rows of `page`, using up what both take of `budget`.
    ///
    /// # Errors
    /// When a source fails; the error names it and the relation.
    pub async fn hydrate(&self, root: &Node, page: Arc<Page>, budget: &Budget) -> Result<Hydrated> {
        let reading = Reading { budget, oddities: Oddities::default(), keeping: true };
        self.joined(root, page, &reading).await
    }

    /// As [`Hydrator::hydrate`], but as if nothing were ever kept: what is used of `budget` depends on the rows alone, and not
    /// on what was read before them.
    ///
    /// # Errors
    /// As [`Hydrator::hydrate`].
    pub async fn hydrate_alone(
        &self,
        root: &Node,
        page: Arc<Page>,
        budget: &Budget,
    ) -> Result<Hydrated> {
        let reading = Reading { budget, oddities: Oddities::default(), keeping: false };
        self.joined(root, page, &reading).await
    }

    async fn joined(
        &self,
        root: &Node,
        page: Arc<Page>,
        reading: &Reading<'_>,
    ) -> Result<Hydrated> {
        reading.budget.take(page.bytes());
        match self.level(root, Rows::of_pages(vec![page]), reading).await {
            Ok(level) => {
                let mut odd = reading.oddities.counted();
                odd += self.oddities.counted();
                Ok(Hydrated::Whole(level, odd))
            }
            Err(error) => match error.downcast::<Overflow>() {
                Ok(Overflow(path)) => Ok(Hydrated::Overflow(path)),
                Err(error) => Err(error),
            },
        }
    }

    fn level<'a>(
        &'a self,
        node: &'a Node,
        rows: Rows,
        reading: &'a Reading<'a>,
    ) -> BoxFuture<'a, Result<Level>> {
        async move {
            let below = node.children.iter().map(|child| self.join(child, &rows, reading));
            let joined = try_join_all(below).await?;
            Ok(Level { rows, joined })
        }
        .boxed()
    }

    /// One relation: collect the keys, read what is not kept, group by key, go on below.
    async fn join(&self, node: &Node, above: &Rows, reading: &Reading<'_>) -> Result<Joined> {
        let join = node.join.as_ref().context("a relation without a join")?;
        let wanted = Wanted::collect(join, above);
        let kept = self.kept.get(&node.path).filter(|_| reading.keeping);
        let (groups, below) = match kept {
            None => {
                let fetched = self.fetch(node, wanted.keys.as_slice(), reading.budget).await?;
                let (groups, odd) = group(fetched.answers, &wanted.keys, &node.read, !join.many);
                reading.oddities.add(&odd);
                let rows = Rows(Picked { pages: groups.pages, at: groups.at });
                (groups.spans, Below::Rows(self.level(node, rows, reading).await?))
            }
            Some(Kept::Rows(cache)) => {
                let recalled = cache.recall(&wanted.keys);
                let (found, odd) = self.find(node, &recalled.missing, reading).await?;
                let (picked, spans, kept) = cache.complete(recalled, found);
                self.oddities_of(kept, reading).add(&odd);
                (spans, Below::Rows(self.level(node, Rows(picked), reading).await?))
            }
            Some(Kept::Written(cache)) => {
                let recalled = cache.recall(&wanted.keys);
                let (found, odd) = self.find(node, &recalled.missing, reading).await?;
                let written = self.write(node, found, reading).await?;
                let (picked, spans, kept) = cache.complete(recalled, written);
                self.oddities_of(kept, reading).add(&odd);
                (spans, Below::Written(picked))
            }
        };
        let of = |place: &Option<u32>| {
            place.and_then(|place| groups.get(place as usize).copied()).unwrap_or_default()
        };
        let spans: Vec<Span> = wanted.of_row.iter().map(of).collect();
        match reading.budget.take(size_of_val(spans.as_slice()) + below.places()) {
            true => Ok(Joined { spans, below }),
            false => Err(Overflow(node.path.clone()).into()),
        }
    }

    /// Where to count what was odd among rows that were kept, or not.
    fn oddities_of<'o>(&'o self, kept: bool, reading: &'o Reading<'_>) -> &'o Oddities {
        if kept { &self.oddities } else { &reading.oddities }
    }

    /// The row of each of these keys of a to-one relation.
    async fn find(
        &self,
        node: &Node,
        keys: &Keys,
        reading: &Reading<'_>,
    ) -> Result<(Found<Page>, Odd)> {
        let fetched = self.fetch(node, keys.as_slice(), reading.budget).await?;
        let (groups, odd) = group(fetched.answers, keys, &node.read, true);
        let row = |span: &Span| groups.at.get(span.start).copied().filter(|_| span.len > 0);
        let of_key = groups.spans.iter().map(row).collect();
        let bytes = groups.pages.iter().map(|page| page.bytes()).sum();
        Ok((Found { pages: groups.pages, of_key, bytes }, odd))
    }

    /// The objects that are made of these rows.
    async fn write(
        &self,
        node: &Node,
        found: Found<Page>,
        reading: &Reading<'_>,
    ) -> Result<Found<Fragments>> {
        // Each key's row on its own: the objects are in the order of the keys that have one.
        let rows = found.of_key.iter().flatten().copied().collect();
        let level =
            self.level(node, Rows(Picked { pages: found.pages, at: rows }), reading).await?;
        let mut values = Values::new(self.masking.clone());
        let room = reading.budget.left();
        let written = Fragments::write(node, level.rows.iter(), &level.joined, (&mut values, room));
        let written = written.ok_or_else(|| Overflow(node.path.clone()))?;
        let bytes = written.bytes();
        if !reading.budget.take(bytes) {
            return Err(Overflow(node.path.clone()).into());
        }
        // The rows that they were made of are held no longer.
        reading.budget.give_back(found.bytes);
        let mut next = 0..;
        let of_key = found.of_key.iter().map(|at| at.and_then(|_| next.next()));
        let of_key = of_key.map(|row| row.map(|row| RowAt { page: 0, row })).collect();
        let pages = if written.is_empty() { Vec::new() } else { vec![Arc::new(written)] };
        Ok(Found { pages, of_key, bytes })
    }

    async fn fetch(&self, node: &Node, keys: &[Key], budget: &Budget) -> Result<Fetched> {
        if keys.is_empty() {
            return Ok(Fetched { answers: Vec::new(), complete: true });
        }
        let source = self.sources.get(&node.source);
        let source = source.with_context(|| format!("source `{}` is not open", node.source))?;
        let fetched = source
            .fetch_by_keys(&node.read, keys, budget)
            .await
            .with_context(|| format!("relation `{}`", node.path))?;
        if !fetched.complete {
            return Err(Overflow(node.path.clone()).into());
        }
        Ok(fetched)
    }
}
