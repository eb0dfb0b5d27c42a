//! Grouping fetched rows by the key they were asked for.

use std::collections::HashMap;
use std::sync::Arc;

use super::cache::{Cache, Kept};
use crate::plan::Node;
use crate::row::{Key, Page, RowRef, key_of};

/// Rows in some order, wherever their pages are.
#[derive(Debug, Default)]
pub struct Rows {
    pages: Vec<Arc<Page>>,
    at: Vec<RowAt>,
}

#[derive(Debug, Clone, Copy)]
struct RowAt {
    page: u32,
    row: u32,
}

/// Neighbouring rows: the first, and how many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    /// Index of the first row.
    pub start: usize,
    /// Number of rows.
    pub len: usize,
}

impl Rows {
    /// All rows of a page, in its order.
    pub(super) fn of_page(page: Page) -> Self {
        let count = u32::try_from(page.len()).unwrap_or(u32::MAX);
        let at = (0..count).map(|row| RowAt { page: 0, row }).collect();
        Self { pages: vec![Arc::new(page)], at }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.at.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.at.is_empty()
    }

    /// One row; `None` past the end.
    pub fn get(&self, index: usize) -> Option<RowRef<'_>> {
        let at = self.at.get(index)?;
        self.pages.get(at.page as usize).map(|page| page.row(at.row as usize))
    }

    /// All rows in order.
    pub fn iter(&self) -> impl Iterator<Item = RowRef<'_>> {
        (0..self.len()).filter_map(|index| self.get(index))
    }
}

/// Rows that did not fall into place.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Odd {
    pub(super) unclaimed: u64,
    pub(super) ambiguous: u64,
}

/// Rows on their way into groups, one group per key.
pub(super) struct Grouping<'k> {
    keys: &'k [Key],
    pages: Vec<Arc<Page>>,
    groups: Vec<Vec<RowAt>>,
}

impl<'k> Grouping<'k> {
    pub(super) fn new(keys: &'k [Key]) -> Self {
        Self { keys, pages: Vec::new(), groups: vec![Vec::new(); keys.len()] }
    }

    /// Sorts the rows of `pages` into their groups, in the order in which they came; `single` groups take one row.
    pub(super) fn add(&mut self, pages: Vec<Arc<Page>>, node: &Node, single: bool) -> Odd {
        let index: HashMap<&str, usize> =
            self.keys.iter().enumerate().map(|(index, key)| (key.as_str(), index)).collect();
        let mut odd = Odd::default();
        let mut key = String::new();
        for page in pages {
            let number = u32::try_from(self.pages.len()).unwrap_or(u32::MAX);
            for row in 0..page.len() {
                let claimed = key_of(page.row(row), &node.read.by, node.read.matching, &mut key)
                    .then(|| index.get(key.as_str()))
                    .flatten();
                let Some(group) = claimed.and_then(|&index| self.groups.get_mut(index)) else {
                    odd.unclaimed += 1;
                    continue;
                };
                if single && !group.is_empty() {
                    odd.ambiguous += 1;
                    continue;
                }
                group.push(RowAt { page: number, row: u32::try_from(row).unwrap_or(u32::MAX) });
            }
            self.pages.push(page);
        }
        odd
    }

    /// Takes from the cache what was not asked for, and gives it what was.
    pub(super) fn exchange(&mut self, cache: &Cache, asked: &[Key]) {
        let asked: std::collections::HashSet<&Key> = asked.iter().collect();
        let mut page_numbers: HashMap<*const Page, u32> = HashMap::new();
        for (key, group) in self.keys.iter().zip(&mut self.groups) {
            if asked.contains(key) {
                let row = group.first().and_then(|at| {
                    let page = self.pages.get(at.page as usize)?;
                    Some(Kept { page: Arc::clone(page), row: at.row })
                });
                cache.keep(key, row);
                continue;
            }
            let Some(Some(kept)) = cache.get(key) else { continue };
            let pages = &mut self.pages;
            let number = *page_numbers.entry(Arc::as_ptr(&kept.page)).or_insert_with(|| {
                pages.push(Arc::clone(&kept.page));
                u32::try_from(pages.len() - 1).unwrap_or(u32::MAX)
            });
            group.push(RowAt { page: number, row: kept.row });
        }
    }

    /// The rows, group by group, and where each group lies.
    pub(super) fn finish(self) -> (Rows, Vec<Span>) {
        let mut rows = Rows { pages: self.pages, at: Vec::new() };
        let spans = self.groups.into_iter().map(|group| {
            let span = Span { start: rows.at.len(), len: group.len() };
            rows.at.extend(group);
            span
        });
        let spans = spans.collect();
        (rows, spans)
    }
}
