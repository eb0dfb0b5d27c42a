//! Hydration: from a page of roots to everything that belongs to them, by one batched read per relation.
//!
//! Promises: keys are collected over the whole page, asked for once each, and relations that do not depend on one another
//! are read side by side. What is held stays within the budget; a page that needs more is reported, not read on. Never
//! changes a value, never writes, never guesses which of two rows was meant.

mod cache;
mod count;
mod group;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};
use futures::future::{BoxFuture, FutureExt, try_join_all};

use crate::plan::{Join, Node, Plan};
use crate::row::{Key, Page, RowRef, key_of};
use crate::source::{Budget, Fetched, Source, Sources};

use cache::Cache;
pub use group::{Odd, Rows, Span};

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
    /// For each row above, its rows in `level`.
    pub spans: Vec<Span>,
    /// The rows themselves.
    pub level: Level,
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
    caches: HashMap<String, Cache>,
}

/// A relation whose rows do not fit.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` does not fit into the budget")]
struct Overflow(String);

impl Hydrator {
    /// Prepares to hydrate `plan`; rows of to-one relations are kept for reuse within `cache_bytes`, for as long as this
    /// value lives.
    pub fn new(plan: &Plan, sources: &Sources, cache_bytes: usize) -> Self {
        let nodes = plan.root.walk();
        let reusable = |node: &&&Node| node.join.as_ref().is_some_and(|join| !join.many);
        let share = cache_bytes / nodes.iter().filter(reusable).count().max(1);
        let caches =
            nodes.iter().filter(reusable).map(|node| (node.path.clone(), Cache::new(share)));
        Self {
            caches: caches.collect(),
            sources: sources
                .iter()
                .map(|(name, source)| (name.clone(), Arc::clone(source)))
                .collect(),
        }
    }

    /// Joins everything below `root` to the rows of `page`, using up what both take of `budget`.
    ///
    /// # Errors
    /// When a source fails; the error names it and the relation.
    pub async fn hydrate(&self, root: &Node, page: Arc<Page>, budget: &Budget) -> Result<Hydrated> {
        budget.take(page.bytes());
        let reading = Reading { budget, oddities: Oddities::default() };
        match self.level(root, Rows::of_page(page), &reading).await {
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

    /// One relation: collect the keys, read what the cache lacks, group by key, go on below.
    async fn join(&self, node: &Node, above: &Rows, reading: &Reading<'_>) -> Result<Joined> {
        let join = node.join.as_ref().context("a relation without a join")?;
        let wanted = Wanted::collect(join, above);
        let cache = self.caches.get(&node.path);
        let missing = match cache {
            Some(cache) => wanted.keys.iter().filter(|key| !cache.knows(key)).cloned().collect(),
            None => wanted.keys.clone(),
        };
        let fetched = self.fetch(node, &missing, reading.budget).await?;
        let mut grouping = group::Grouping::new(&wanted.keys);
        let odd = grouping.add(fetched.answers, &missing, (&node.read, !join.many));
        reading.oddities.add(&odd);
        if let Some(cache) = cache {
            grouping.exchange(cache, &missing);
        }
        let (rows, groups) = grouping.finish();
        let of = |index: &Option<u32>| {
            index.and_then(|index| groups.get(index as usize).copied()).unwrap_or_default()
        };
        let spans = wanted.of_row.iter().map(of).collect();
        let level = self.level(node, rows, reading).await?;
        Ok(Joined { spans, level })
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

/// The keys that a level asks of a relation.
struct Wanted {
    /// Each key once, in the order of its first row.
    keys: Vec<Key>,
    /// For each row above, the index of its key; `None` when it joins nothing.
    of_row: Vec<Option<u32>>,
}

impl Wanted {
    fn collect(join: &Join, above: &Rows) -> Self {
        let mut index: HashMap<Key, u32> = HashMap::new();
        let mut keys = Vec::new();
        let mut text = String::new();
        let mut of = |row: RowRef<'_>| {
            if !key_of(row, &join.parent, join.matching, &mut text) {
                return None;
            }
            if let Some(&known) = index.get(text.as_str()) {
                return Some(known);
            }
            let next = u32::try_from(keys.len()).ok()?;
            let key = Key::from(text.as_str());
            keys.push(key.clone());
            index.insert(key, next);
            Some(next)
        };
        let of_row = above.iter().map(&mut of).collect();
        Self { keys, of_row }
    }
}
