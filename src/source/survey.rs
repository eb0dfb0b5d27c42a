//! Looks at a database before a run: how much there is, how unevenly it is spread, and what its account may not see.
//!
//! Promises: an answer in seconds, whatever the size of the tables: what would take longer is estimated, and said to be.
//! Never reads a value.

use std::num::NonZeroU32;
use std::time::Duration;

use anyhow::{Context, Result};
use async_trait::async_trait;
use serde::Serialize;

use super::database::{Bounds, Database, Reader, Server, Values};
use super::sql::{self, Statement};
use super::{Budget, Read, ReadColumn};
use crate::row::Type;

/// From how many rows on the server's own figure is taken in place of counting.
const MANY: u64 = 1_000_000;
/// Rows that are counted at most.
const MOST: u64 = 10_000_000;

/// What is asked of a source before a run.
#[async_trait]
pub trait Survey: Send + Sync {
    /// How many rows `read` has.
    ///
    /// # Errors
    /// When the server cannot be reached, refuses, or takes longer than a statement may.
    async fn count(&self, read: &Read) -> Result<Counted>;

    /// Most rows that share their `read.by`, among the first `rows` that the server comes by.
    ///
    /// # Errors
    /// As [`Survey::count`].
    async fn fan_out(&self, read: &Read, rows: usize) -> Result<u64>;

    /// What to run so that the account sees open transactions of others; `None` when it does, or there is nothing to see.
    ///
    /// # Errors
    /// As [`Survey::count`].
    async fn unseen_transactions(&self) -> Result<Option<String>>;

    /// The limit that it is read within, if it has one.
    fn paced(&self) -> Option<Paced> {
        None
    }
}

/// A limit of rows a second.
#[derive(Debug, Clone, Copy)]
pub struct Paced {
    /// How many may be read.
    pub rows_per_second: NonZeroU32,
    /// How long readers have waited for their turn so far.
    pub waited: Duration,
}

/// A number of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Counted {
    /// How many.
    pub rows: u64,
    /// How that is known.
    pub by: Counting,
}

/// How a number of rows is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Counting {
    /// They were counted.
    Counted,
    /// The server keeps or guesses such a number itself.
    Statistics,
    /// They were counted up to a bound, beyond which there are more.
    AtLeast,
}

/// What the account may not do, and what would allow it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{what}")]
pub struct Denied {
    /// What it may not do.
    pub what: String,
    /// The statement to run.
    pub grant: String,
}

#[async_trait]
impl<S: Server> Survey for Database<S> {
    async fn count(&self, read: &Read) -> Result<Counted> {
        let counted = self.reader.count(read).await;
        counted.with_context(|| {
            format!("source `{}`: `{}`: counting rows", self.reader.name, read.path)
        })
    }

    async fn fan_out(&self, read: &Read, rows: usize) -> Result<u64> {
        let most = self.reader.number(sql::survey::fan_out(S::DIALECT, read, rows)).await;
        most.with_context(|| {
            format!("source `{}`: `{}`: counting rows of one key", self.reader.name, read.path)
        })
    }

    async fn unseen_transactions(&self) -> Result<Option<String>> {
        let reader = &self.reader;
        let asked = async {
            let mut connection = reader.server.connections().take().await?;
            let unseen = reader.in_time(S::unseen_transactions(&mut connection)).await?;
            connection.give_back();
            Ok(unseen)
        };
        let asked: Result<_> = asked.await;
        asked.with_context(|| format!("source `{}`: open transactions", reader.name))
    }

    fn paced(&self) -> Option<Paced> {
        self.reader.pace.told()
    }
}

impl<S: Server> Reader<S> {
    async fn count(&self, read: &Read) -> Result<Counted> {
        let mut connection = self.server.connections().take().await?;
        let guess = self.in_time(S::guess(&mut connection, read)).await?;
        connection.give_back();
        if let Some(rows) = guess.filter(|&rows| rows >= MANY) {
            return Ok(Counted { rows, by: Counting::Statistics });
        }
        let rows = self.number(sql::survey::count(S::DIALECT, read, MOST)).await?;
        let by = if rows < MOST { Counting::Counted } else { Counting::AtLeast };
        Ok(Counted { rows, by })
    }

    /// The one number that a statement tells; 0 when it tells none.
    async fn number(&self, text: String) -> Result<u64> {
        let number = ReadColumn::new("number", Type::Integer, "bigint");
        let number = [ReadColumn { nullable: true, ..number }];
        let plenty = Budget::new(usize::MAX);
        let statement = Statement { text, places: Vec::new() };
        let bounds = Bounds { rows: 1, budget: &plenty };
        let taken = self.run(statement, &number, &[], Values::None, bounds).await?;
        let cell = taken.page.cell(0, 0);
        if cell.is_null() { Ok(0) } else { Ok(cell.text.parse()?) }
    }
}
