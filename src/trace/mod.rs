//! From rows that have changed or are gone to the roots whose documents they belong to, or belonged to.
//!
//! Promises: a changed row of any relation, at any depth and through link tables, leads to the roots that hold it now, by
//! reads in the services alone. For the roots that held it before it names the references by which the index finds them.
//! A relation whose rows do not tell when they changed is read as a whole, and held against what it looked like. Reads pages,
//! never a whole relation into memory; never builds or writes anything.

mod hop;
mod shares;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use anyhow::{Context, Result};
use futures::future::LocalBoxFuture;
use futures::stream::{self, Stream, StreamExt};
use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::plan::{Gone, Mark, Node, Plan, Seen, Watch};
use crate::row::{Key, Match, Page, key_of, push_key_part};
use crate::source::{KeyRange, PageSize, Read, Source, Sources};
use hop::Hop;
use shares::digested;

pub use shares::Shares;

/// What tables look like whose rows do not tell when they changed, by [`Watch::name`].
pub type Looks = BTreeMap<String, Shares>;

/// What some changed rows lead to.
#[derive(Debug, Default)]
pub struct Found {
    /// Changed or deleted rows that were read for it.
    pub rows: u64,
    /// Keys of roots, each once.
    pub roots: Vec<Key>,
    /// References of rows that other documents may hold still.
    pub refs: Vec<String>,
}

/// Whatever is watched of a plan, and the ways up from it.
pub struct Tracer {
    trails: Vec<Trail>,
    size: PageSize,
}

/// One watched table.
struct Trail {
    watch: Watch,
    source: Arc<dyn Source>,
    /// `path:`, where documents refer to its rows.
    refers: Option<String>,
    /// What is digested of it, where nothing else tells its changes.
    digested: Option<Arc<Read>>,
    /// The form in which the first hop compares what leads up.
    first: Match,
    hops: Vec<Hop>,
}

impl Tracer {
    /// Prepares to trace rows of `plan`, in pages of that size.
    ///
    /// # Errors
    /// When a source is not open.
    pub fn new(plan: &Plan, sources: &Sources, size: PageSize) -> Result<Self> {
        let mut trails = Vec::new();
        collect(&plan.root, &[], sources, &mut trails)?;
        Ok(Self { trails, size })
    }

    /// Names of all that is watched: see [`Watch::name`].
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.trails.iter().map(|trail| trail.watch.name.as_str())
    }

    /// What it may ask of the sources: for each name, whose reads they are.
    pub fn reads(&self) -> impl Iterator<Item = (&str, &Arc<dyn Source>, &Arc<Read>)> {
        self.trails.iter().flat_map(|trail| {
            let own = trail.watch.reads();
            // What nothing leads to is not asked for.
            let hops = if own.is_empty() { &[] } else { trail.hops.as_slice() };
            let own = own.into_iter().map(|read| (&trail.source, read));
            own.chain(hops.iter().map(Hop::read))
                .map(|(source, read)| (trail.watch.name.as_str(), source, read))
        })
    }

    /// What all tables look like whose rows do not tell when they changed.
    ///
    /// # Errors
    /// When a source fails.
    pub async fn looks(&self) -> Result<Looks> {
        let mut looks = Looks::new();
        for trail in &self.trails {
            if let Some(digested) = &trail.digested {
                let shares = trail.shares(digested, self.size).await?;
                looks.insert(trail.watch.name.clone(), shares);
            }
        }
        Ok(looks)
    }

    /// Hands on what the rows lead to that have changed since: `since` tells from when on, for each name, with `None` for ever.
    /// Tables whose changes nothing tells count by what they looked like before, and look like now, if that is given.
    ///
    /// # Errors
    /// When a source fails; the error names it and the table.
    pub async fn changes(
        &self,
        since: impl Fn(&str) -> Option<Timestamp>,
        looks: Option<(&Looks, &Looks)>,
        found: &mpsc::Sender<Found>,
    ) -> Result<()> {
        for trail in &self.trails {
            let name = trail.watch.name.as_str();
            trail.marked(since(name), self.size, found).await?;
            if let Some((before, now)) = looks
                && let Some(now) = now.get(name).filter(|now| before.get(name) != Some(now))
            {
                trail.others(now, before.get(name), self.size, found).await?;
            }
            trail.told(since(name), self.size, found).await?;
        }
        Ok(())
    }
}

/// The trails of a node and all below; `above` leads from it to the root.
fn collect<'n>(
    node: &'n Node,
    above: &[&'n Node],
    sources: &Sources,
    trails: &mut Vec<Trail>,
) -> Result<()> {
    for (at, watch) in node.watches.iter().enumerate() {
        let source = sources.get(&node.source);
        let source = source.with_context(|| format!("source `{}` is not open", node.source))?;
        let is_link = at > 0;
        let refers = (node.referenced && !is_link).then(|| format!("{}:", node.path));
        let mut hops = Vec::new();
        if let (false, Some(link)) = (is_link, node.watches.get(1)) {
            hops.push(Hop::to_link(node, link, sources)?);
        }
        let mut below = node;
        for &next in above {
            let Some(own) = next.watches.first() else { continue };
            hops.push(Hop::to_above(below, (next, own), form(next), sources)?);
            if let Some(link) = next.watches.get(1) {
                hops.push(Hop::to_link(next, link, sources)?);
            }
            below = next;
        }
        let first = if is_link { matching(node) } else { form(node) };
        let digested = matches!(watch.seen, Seen::Whole).then(|| match is_link {
            true => Arc::clone(&watch.rows),
            false => Arc::new(digested(node, watch)),
        });
        let (watch, source) = (watch.clone(), Arc::clone(source));
        trails.push(Trail { watch, source, refers, digested, first, hops });
    }
    let path: Vec<&Node> = std::iter::once(node).chain(above.iter().copied()).collect();
    node.children.iter().try_for_each(|child| collect(child, &path, sources, trails))
}

/// How what leads up from a node's rows is compared: by its link table as it is, else as its join says.
fn form(node: &Node) -> Match {
    if node.watches.len() > 1 { Match::Exact } else { matching(node) }
}

fn matching(node: &Node) -> Match {
    node.join.as_ref().map_or(Match::Exact, |join| join.matching)
}

impl Trail {
    /// What rows lead to whose columns tell that they have changed.
    async fn marked(
        &self,
        since: Option<Timestamp>,
        size: PageSize,
        found: &mpsc::Sender<Found>,
    ) -> Result<()> {
        let Seen::Marked(marks) = &self.watch.seen else { return Ok(()) };
        for mark in marks {
            let mut pages = std::pin::pin!(self.pages(mark, since, size));
            while let Some(page) = pages.next().await {
                self.lead(&page?, size, found).await?;
            }
        }
        Ok(())
    }

    /// What the whole table looks like.
    async fn shares(&self, digested: &Arc<Read>, size: PageSize) -> Result<Shares> {
        let mut shares = Shares::none();
        let mut pages = self.source.scan(Arc::clone(digested), KeyRange::default(), size);
        while let Some(page) = pages.next().await {
            shares.add(&page?, &digested.key, digested.columns.len());
        }
        Ok(shares)
    }

    /// What rows lead to that are among others than they were.
    async fn others(
        &self,
        shares: &Shares,
        before: Option<&Shares>,
        size: PageSize,
        found: &mpsc::Sender<Found>,
    ) -> Result<()> {
        let rows = &self.watch.rows;
        let mut pages = self.source.scan(Arc::clone(rows), KeyRange::default(), size);
        while let Some(page) = pages.next().await {
            let page = page?;
            let mut others = Page::new(rows.columns.len());
            for row in 0..page.len() {
                if shares.differ(before, page.row(row), &rows.key) {
                    others.append(&page, row)?;
                }
            }
            self.lead(&others, size, found).await?;
        }
        Ok(())
    }

    /// What deleted rows lead to.
    async fn told(
        &self,
        since: Option<Timestamp>,
        size: PageSize,
        found: &mpsc::Sender<Found>,
    ) -> Result<()> {
        match &self.watch.gone {
            Some(gone) => self.gone(gone, since, size, found).await,
            None => Ok(()),
        }
    }

    /// Whatever a mark tells to have changed since.
    fn pages<'t>(
        &'t self,
        mark: &'t Mark,
        since: Option<Timestamp>,
        size: PageSize,
    ) -> impl Stream<Item = Result<Page>> + 't {
        let ranges = stream::iter(mark.since(since));
        let pages =
            ranges.flat_map(move |range| self.source.scan(Arc::clone(&mark.rows), range, size));
        pages.map(move |page| Ok(mark.changed(page?, since)?))
    }

    /// Rows that have changed.
    async fn lead(&self, page: &Page, size: PageSize, found: &mpsc::Sender<Found>) -> Result<()> {
        let up = keys(page, &self.watch.up, self.first);
        let own = self.refers.as_ref().map(|_| keys(page, &self.watch.rows.key, Match::Exact));
        let refs = self.refs(own.unwrap_or_default());
        self.hand_on(page.len(), up, refs, size, found).await
    }

    /// Rows that are gone, of which no more is left than what tells of them.
    async fn gone(
        &self,
        gone: &Gone,
        since: Option<Timestamp>,
        size: PageSize,
        found: &mpsc::Sender<Found>,
    ) -> Result<()> {
        let mut pages = std::pin::pin!(self.pages(&gone.told, since, size));
        while let Some(page) = pages.next().await {
            let page = page?;
            let up = self.led_up_by(gone).map(|up| told(&page, &up, self.first));
            let keys = self.refers.as_ref().map(|_| told(&page, &gone.key, Match::Exact));
            let refs = self.refs(keys.unwrap_or_default());
            self.hand_on(page.len(), up.unwrap_or_default(), refs, size, found).await?;
        }
        Ok(())
    }

    /// Columns of a table of deleted rows that lead up: a key may do.
    fn led_up_by(&self, gone: &Gone) -> Option<Vec<(usize, Match)>> {
        let own = if self.watch.down.is_empty() { &self.watch.rows.key } else { &self.watch.up };
        let place = |column| own.iter().position(|own| own == column);
        let led = self.watch.up.iter().map(|column| gone.key.get(place(column)?).copied());
        led.collect()
    }

    /// What documents refer to rows of these keys by.
    fn refs(&self, keys: Vec<Key>) -> Vec<String> {
        let Some(prefix) = &self.refers else { return Vec::new() };
        keys.into_iter().map(|key| format!("{prefix}{}", key.as_str())).collect()
    }

    async fn hand_on(
        &self,
        rows: usize,
        up: Vec<Key>,
        refs: Vec<String>,
        size: PageSize,
        found: &mpsc::Sender<Found>,
    ) -> Result<()> {
        if rows == 0 {
            return Ok(());
        }
        // Nobody takes it any more when the run was stopped.
        let _gone = found.send(Found { rows: rows as u64, roots: Vec::new(), refs }).await;
        let climbed = self.climb(0, up, size, found).await;
        climbed.with_context(|| format!("the roots of `{}`", self.watch.name))
    }

    /// Goes up from that hop on, as far as it goes for a page before the next one is read.
    fn climb<'c>(
        &'c self,
        hop: usize,
        keys: Vec<Key>,
        size: PageSize,
        found: &'c mpsc::Sender<Found>,
    ) -> LocalBoxFuture<'c, Result<()>> {
        Box::pin(async move {
            if keys.is_empty() {
                return Ok(());
            }
            let Some(next) = self.hops.get(hop) else {
                // As above.
                let _gone = found.send(Found { roots: keys, ..Found::default() }).await;
                return Ok(());
            };
            let climb = async |up: Vec<Key>| self.climb(hop + 1, up, size, found).await;
            next.rise(&keys, size, climb).await
        })
    }
}

/// The keys of a page's rows, each once.
fn keys(page: &Page, columns: &[usize], matching: Match) -> Vec<Key> {
    let (mut seen, mut text) = (HashSet::new(), String::new());
    for row in (0..page.len()).map(|row| page.row(row)) {
        if key_of(row, columns, matching, &mut text) && !seen.contains(text.as_str()) {
            seen.insert(Key::from(text.as_str()));
        }
    }
    seen.into_iter().collect()
}

/// The keys that a page of deleted rows tells, each once; none of what is no key.
fn told(page: &Page, key: &[(usize, Match)], matching: Match) -> Vec<Key> {
    let (mut found, mut text, mut part) = (HashSet::new(), String::new(), String::new());
    for row in (0..page.len()).map(|row| page.row(row)) {
        text.clear();
        let is_key = key.iter().enumerate().all(|(index, &(column, form))| {
            let is_told = key_of(row, &[column], form, &mut part);
            let canonical = matching.canonical(&part).filter(|_| is_told);
            if let Some(part) = &canonical {
                push_key_part(&mut text, part, index, key.len());
            }
            canonical.is_some()
        });
        if is_key && !found.contains(text.as_str()) {
            found.insert(Key::from(text.as_str()));
        }
    }
    found.into_iter().collect()
}

#[cfg(test)]
mod tests;
