//! One step up: from what rows have of the rows above to those rows above, and what they have of the ones above them.
//!
//! Promises: rows above are found whether or not they belong to documents; what the server cannot look up exactly is read as
//! a whole and compared here. However many rows are above one, they are handed on page by page.

use std::collections::HashSet;
use std::sync::Arc;

use anyhow::{Context, Result};
use futures::StreamExt;

use crate::plan::{Node, Watch};
use crate::row::{Key, Match, Page, Type, key_of};
use crate::source::{Budget, KeyRange, PageSize, Read, ReadColumn, Source, Sources};

/// Keys that are looked up by one call.
const AT_ONCE: usize = 4_096;

/// A table above, and how its rows are found.
pub(super) struct Hop {
    source: Arc<dyn Source>,
    /// Looked up by what the rows below have of it.
    read: Arc<Read>,
    /// Columns of `read` that lead on.
    up: Vec<usize>,
    /// The form in which the next hop compares them.
    next: Match,
    /// Whether the server would miss spellings of a key.
    is_inexact: bool,
}

impl Hop {
    /// From a relation's rows to those of its link table.
    pub(super) fn to_link(node: &Node, link: &Watch, sources: &Sources) -> Result<Self> {
        let next = node.join.as_ref().map_or(Match::Exact, |join| join.matching);
        let read = Read { by: link.down.clone(), matching: Match::Exact, ..(*link.rows).clone() };
        Self::of(&node.source, read, link.up.clone(), next, sources)
    }

    /// From the rows of `node`, or of its link table, to those of the relation above.
    pub(super) fn to_above(
        node: &Node,
        (above, watch): (&Node, &Watch),
        next: Match,
        sources: &Sources,
    ) -> Result<Self> {
        let join = node.join.as_ref().context("a relation without a join")?;
        let mut read = (*watch.rows).clone();
        let columns = join.parent.iter().filter_map(|&at| above.read.columns.get(at));
        read.by = columns.map(|column| place(&mut read.columns, column)).collect();
        read.matching = join.matching;
        if join.matching == Match::Uuid {
            read.uuids.extend(read.by.iter().copied());
        }
        Self::of(&above.source, read, watch.up.clone(), next, sources)
    }

    fn of(
        source: &str,
        read: Read,
        up: Vec<usize>,
        next: Match,
        sources: &Sources,
    ) -> Result<Self> {
        let found =
            sources.get(source).with_context(|| format!("source `{source}` is not open"))?;
        let text = |at: &usize| {
            let ty = read.columns.get(*at).map(|column| column.ty);
            matches!(ty, Some(Type::Text | Type::Char | Type::Enum | Type::Any | Type::Other))
        };
        // 007 is 7 here, and no server finds it by that.
        let is_inexact = read.matching == Match::Integer && read.by.iter().any(text);
        Ok(Self { source: Arc::clone(found), read: Arc::new(read), up, next, is_inexact })
    }

    /// What it asks of which source.
    pub(super) fn read(&self) -> (&Arc<dyn Source>, &Arc<Read>) {
        (&self.source, &self.read)
    }

    /// Hands on what the rows above of these keys have of the ones above them, as far as it is read: each once in a page.
    pub(super) async fn rise(
        &self,
        keys: &[Key],
        size: PageSize,
        mut each: impl AsyncFnMut(Vec<Key>) -> Result<()>,
    ) -> Result<()> {
        if self.is_inexact && !keys.is_empty() {
            return self.search(keys, size, &mut each).await;
        }
        let mut waiting: Vec<&[Key]> = keys.chunks(AT_ONCE).collect();
        while let Some(keys) = waiting.pop() {
            let budget = Budget::new(size.bytes);
            let fetched = self.source.fetch_by_keys(&self.read, keys, &budget).await?;
            match (fetched.complete, keys.len()) {
                (true, _) => {
                    let mut found = HashSet::new();
                    for answer in &fetched.answers {
                        self.lead(&answer.page, |_| true, &mut found);
                    }
                    drop(fetched);
                    each(found.into_iter().collect()).await?;
                }
                // One row has more rows above than fit: page by page.
                (false, 0 | 1) => self.search(keys, size, &mut each).await?,
                (false, count) => {
                    let (first, second) = keys.split_at(count / 2);
                    waiting.extend([second, first]);
                }
            }
        }
        Ok(())
    }

    /// Looks at every row above.
    async fn search(
        &self,
        keys: &[Key],
        size: PageSize,
        each: &mut impl AsyncFnMut(Vec<Key>) -> Result<()>,
    ) -> Result<()> {
        let keys: HashSet<&str> = keys.iter().map(Key::as_str).collect();
        let all = Read { by: Vec::new(), ..(*self.read).clone() };
        let mut pages = self.source.scan(Arc::new(all), KeyRange::default(), size);
        while let Some(page) = pages.next().await {
            let mut found = HashSet::new();
            self.lead(&page?, |key| keys.contains(key), &mut found);
            each(found.into_iter().collect()).await?;
        }
        Ok(())
    }

    /// Adds what leads on of the rows whose key is wanted.
    fn lead(&self, page: &Page, wanted: impl Fn(&str) -> bool, found: &mut HashSet<Key>) {
        let mut text = String::new();
        for row in (0..page.len()).map(|row| page.row(row)) {
            let is_wanted =
                key_of(row, &self.read.by, self.read.matching, &mut text) && wanted(&text);
            if is_wanted && key_of(row, &self.up, self.next, &mut text) {
                found.insert(Key::from(text.as_str()));
            }
        }
    }
}

/// The place of a column among these; added when it is not among them.
fn place(columns: &mut Vec<ReadColumn>, column: &ReadColumn) -> usize {
    let known = columns.iter().position(|known| known.name == column.name);
    known.unwrap_or_else(|| {
        columns.push(ReadColumn { linked: false, ..column.clone() });
        columns.len() - 1
    })
}
