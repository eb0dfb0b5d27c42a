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

    fn counts(&self) -> Odd {
        Odd {
            unclaimed: self.unclaimed.load(Ordering::Relaxed),
            ambiguous: self.ambiguous.load(Ordering::Relaxed),
        }
    }
}

/// What the reads below one page share.
struct Reading<'b> {
    budget: &'b Budget,
    oddities: Oddities,
}

/// Joins rows of many sources in memory.
pub struct Hydrator {
    sources: HashMap<String, Arc<dyn Source>>,
    kept: HashMap<String, Kept>,
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
        Self { sources: sources.collect(), kept: kept.collect(), masking }
    }

    /// Joins everything below `root` to the rows of `page`, using up what both take of `budget`.
    ///
    /// # Errors
    /// When a source fails; the error names it and the relation.
    pub async fn hydrate(&self, root: &Node, page: Arc<Page>, budget: &Budget) -> Result<Hydrated> {
        budget.take(page.bytes());
        let reading = Reading { budget, oddities: Oddities::default() };
        match self.level(root, Rows::of_pages(vec![page]), &reading).await {
            Ok(level) => Ok(Hydrated::Whole(level, reading.oddities.counts())),
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
        let (groups, below) = match self.kept.get(&node.path) {
            None => {
                let fetched = self.fetch(node, wanted.keys.as_slice(), reading.budget).await?;
                let (groups, odd) = group(fetched.answers, &wanted.keys, &node.read, !join.many);
                reading.oddities.add(&odd);
                let rows = Rows(Picked { pages: groups.pages, at: groups.at });
                (groups.spans, Below::Rows(self.level(node, rows, reading).await?))
            }
            Some(Kept::Rows(cache)) => {
                let recalled = cache.recall(&wanted.keys);
                let found = self.find(node, &recalled.missing, reading).await?;
                let (picked, spans) = cache.complete(recalled, found);
                (spans, Below::Rows(self.level(node, Rows(picked), reading).await?))
            }
            Some(Kept::Written(cache)) => {
                let recalled = cache.recall(&wanted.keys);
                let found = self.find(node, &recalled.missing, reading).await?;
                let written = self.write(node, found, reading).await?;
                let (picked, spans) = cache.complete(recalled, written);
                (spans, Below::Written(picked))
            }
        };
        let of = |place: &Option<u32>| {
            place.and_then(|place| groups.get(place as usize).copied()).unwrap_or_default()
        };
        Ok(Joined { spans: wanted.of_row.iter().map(of).collect(), below })
    }

    /// The row of each of these keys of a to-one relation.
    async fn find(&self, node: &Node, keys: &Keys, reading: &Reading<'_>) -> Result<Found<Page>> {
        let fetched = self.fetch(node, keys.as_slice(), reading.budget).await?;
        let (groups, odd) = group(fetched.answers, keys, &node.read, true);
        reading.oddities.add(&odd);
        let row = |span: &Span| groups.at.get(span.start).copied().filter(|_| span.len > 0);
        let of_key = groups.spans.iter().map(row).collect();
        let bytes = groups.pages.iter().map(|page| page.bytes()).sum();
        Ok(Found { pages: groups.pages, of_key, bytes })
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
        let written = Fragments::write(node, level.rows.iter(), &level.joined, &mut values);
        let bytes = written.bytes();
        if !reading.budget.take(bytes) {
            return Err(Overflow(node.path.clone()).into());
        }
        let mut next = 0..;
        let of_key = found.of_key.iter().map(|at| at.and_then(|_| next.next()));
        let of_key = of_key.map(|row| row.map(|row| RowAt { page: 0, row })).collect();
        Ok(Found { pages: vec![Arc::new(written)], of_key, bytes })
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
