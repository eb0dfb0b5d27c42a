//! A scan: the rows of a range in the order of their key, or against it, a page at a time.
//!
//! Promises: each page begins behind the last row of the one before (keyset), as many rows as fit; two rows of one key are
//! an error, within a page and across its end. Holds one page, and the last row's key.

use std::sync::Arc;

use anyhow::Result;

use super::database::{Bounds, Part, Reader, Server, Values, meeting};
use super::fault::shared_key;
use super::range::{KeyRange, Slice};
use super::{Budget, PageSize, Read, sql};
use crate::row::Page;

/// Rows asked for first, until their size is known.
pub(super) const FIRST_ROWS: usize = 500;

/// A scan under way.
pub(super) struct Scan<S: Server> {
    pub(super) reader: Arc<Reader<S>>,
    pub(super) read: Arc<Read>,
    size: PageSize,
    /// What is still to be read.
    slice: Slice<Part<S>>,
    /// Rows of the next page.
    rows: usize,
}

impl<S: Server> Scan<S> {
    /// A scan from the range's beginning, or from its end.
    ///
    /// # Errors
    /// When there is no key, or it cannot hold an end of the range.
    pub(super) fn new(
        reader: Arc<Reader<S>>,
        read: Arc<Read>,
        range: &KeyRange,
        size: PageSize,
    ) -> Result<Self> {
        read.ensure_key()?;
        let columns = meeting(&read);
        let key: Vec<_> = read.key.iter().filter_map(|&at| columns.get(at)).collect();
        let slice = Slice::of(S::DIALECT, &key, range)?.backward(read.backward);
        Ok(Self { reader, read, size, slice, rows: FIRST_ROWS })
    }

    /// The next page, and the scan behind it unless that was the last.
    pub(super) async fn page(mut self) -> Result<Option<(Page, Option<Self>)>> {
        let read = &self.read;
        let rows = self.rows.min(self.size.rows).min(self.reader.pace.rows()).max(1);
        let statement = sql::page(S::DIALECT, read, self.slice.ends(), rows)?;
        let places = statement.places.clone();
        let values = Values::Slice(&self.slice, &places);
        let budget = Budget::new(self.size.bytes);
        let bounds = Bounds { rows, budget: &budget };
        let taken = self.reader.run(statement, &meeting(read), &read.key, values, bounds).await?;
        let page = taken.page;
        if page.is_empty() {
            return Ok(None);
        }
        if (1..page.len()).any(|row| same_key(&page, row, &read.key)) {
            return Err(shared_key(&read.columns, &read.key));
        }
        if page.len() < rows && !taken.stopped {
            return Ok(Some((page, None)));
        }
        // Wide rows make small pages; the margin keeps most pages below the bound, which costs a connection to stop at.
        let fitting = self.size.bytes / (page.bytes() / page.len()).max(1);
        self.rows = (fitting - fitting / 8).clamp(1, rows.saturating_mul(8));
        self.slice.after = taken.last;
        Ok(Some((page, Some(self))))
    }
}

/// Whether a row has the key of the row before it.
fn same_key(page: &Page, row: usize, key: &[usize]) -> bool {
    key.iter().all(|&column| {
        let cell = page.cell(row, column);
        !cell.is_null() && cell == page.cell(row - 1, column)
    })
}
