//! A scan: all rows of a relation in the order of its key, a page at a time.
//!
//! Promises: each page begins behind the last row of the one before (keyset), as many rows as fit; two rows of one key are
//! an error, within a page and across its end. Holds one page, and the last row's key.

use std::sync::Arc;

use anyhow::{Result, bail};

use super::database::{Bounds, Cursor, Reader, Server, Values, meeting, shared_key};
use super::{Budget, PageSize, Read, sql};
use crate::row::Page;

/// Rows asked for first, until their size is known.
const FIRST_ROWS: usize = 500;

/// A scan under way.
pub(super) struct Scan<S: Server> {
    pub(super) reader: Arc<Reader<S>>,
    pub(super) read: Arc<Read>,
    size: PageSize,
    after: Option<Cursor<S>>,
    /// Rows of the next page.
    rows: usize,
}

impl<S: Server> Scan<S> {
    /// A scan from the beginning.
    pub(super) fn new(reader: Arc<Reader<S>>, read: Arc<Read>, size: PageSize) -> Self {
        Self { reader, read, size, after: None, rows: FIRST_ROWS }
    }

    /// The next page, and the scan behind it unless that was the last.
    pub(super) async fn page(mut self) -> Result<Option<(Page, Option<Self>)>> {
        let read = &self.read;
        if read.key.is_empty() {
            bail!("it has no key to be read in the order of\n\nhint: name the columns in `key`");
        }
        let rows = self.rows.min(self.size.rows).max(1);
        let statement = sql::page(S::DIALECT, read, self.after.is_some(), rows)?;
        let binds = statement.cursor.clone();
        let values = match &self.after {
            Some(cursor) => Values::Cursor(cursor, &binds),
            None => Values::None,
        };
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
        self.after = taken.last;
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
