//! Rows of several pages in an order of their own.
//!
//! Promises: pages are shared, never copied.

use std::sync::Arc;

use crate::row::{Page, RowRef};

/// Where a row is: in which page, and in which place of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RowAt {
    pub(super) page: u32,
    pub(super) row: u32,
}

/// Rows of pages of some kind.
#[derive(Debug)]
pub(super) struct Picked<P> {
    pub(super) pages: Vec<Arc<P>>,
    pub(super) at: Vec<RowAt>,
}

impl<P> Default for Picked<P> {
    fn default() -> Self {
        Self { pages: Vec::new(), at: Vec::new() }
    }
}

impl<P> Picked<P> {
    /// The page and the place in it of one row; `None` past the end.
    pub(super) fn get(&self, index: usize) -> Option<(&P, usize)> {
        let at = self.at.get(index)?;
        self.pages.get(at.page as usize).map(|page| (&**page, at.row as usize))
    }
}

/// Rows in some order, wherever their pages are.
#[derive(Debug, Default)]
pub struct Rows(pub(super) Picked<Page>);

/// Neighbouring rows: the first, and how many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    /// Index of the first row.
    pub start: usize,
    /// Number of rows.
    pub len: usize,
}

impl Span {
    /// The rows' indices.
    pub fn range(self) -> std::ops::Range<usize> {
        self.start..self.start + self.len
    }
}

impl Rows {
    /// All rows of these pages, in their order.
    pub(super) fn of_pages(pages: Vec<Arc<Page>>) -> Self {
        let mut at = Vec::with_capacity(pages.iter().map(|page| page.len()).sum());
        for (number, page) in pages.iter().enumerate() {
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            let count = u32::try_from(page.len()).unwrap_or(u32::MAX);
            at.extend((0..count).map(|row| RowAt { page: number, row }));
        }
        Self(Picked { pages, at })
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.0.at.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.0.at.is_empty()
    }

    /// One row; `None` past the end.
    pub fn get(&self, index: usize) -> Option<RowRef<'_>> {
        self.0.get(index).map(|(page, row)| page.row(row))
    }

    /// All rows in order.
    pub fn iter(&self) -> impl Iterator<Item = RowRef<'_>> {
        (0..self.len()).filter_map(|index| self.get(index))
    }
}
