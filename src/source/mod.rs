//! Sources: the services' databases behind one trait.
//!
//! A source answers three questions: what a table looks like, which rows a range of it holds, and which rows belong to
//! these keys. It promises that every row is delivered once, decoded by the table of types, in the order asked for, and that
//! memory is bounded by the sizes it is given. It only reads; sessions are read-only where the server can hold us to it.
//! It never interprets a job, never joins, never retries on its own and never writes a value or a secret to a log.

mod address;
mod canonical;
mod connections;
mod database;
mod fault;
mod hints;
mod horizon;
mod keys;
#[cfg(test)]
pub(crate) mod memory;
mod mysql;
mod pace;
mod postgres;
mod range;
mod scan;
mod sql;
mod sqlite;
mod step;
mod survey;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, bail};
use async_trait::async_trait;
use futures::stream::BoxStream;
use jiff::tz::TimeZone;

use crate::config::{Server, SourceConfig};
use crate::row::{Key, Match, Page, TableInfo, Type};

pub use horizon::Moment;
pub use range::KeyRange;
pub use survey::{Counted, Counting, Denied, Paced, Survey};

/// A service's database.
#[async_trait]
pub trait Source: Survey {
    /// Columns, keys and indexes of a table or query, as they are now; `None` when it does not exist.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses; [`Denied`] where it says that a right is missing.
    async fn describe(&self, from: &From) -> Result<Option<TableInfo>>;

    /// Has the server look at what [`Source::scan`] and [`Source::step`] (of a root) or [`Source::fetch_by_keys`] will ask of it, without running it.
    ///
    /// # Errors
    /// When the server does not understand it (a mistake in a `where`), or a column cannot be read or looked up that way.
    async fn prepare(&self, read: &Read) -> Result<()>;

    /// The rows of `read` within `range` in the order of its key, or against it, page by page; every key comes once. Rows whose key holds
    /// a NULL do not come: [`Source::count_keyless`] tells how many there are.
    ///
    /// # Errors
    /// The stream ends with the first error. Two rows of one key are an error that names the key's columns; so is an end of
    /// the range that the key's columns cannot hold.
    fn scan(
        &self,
        read: Arc<Read>,
        range: KeyRange,
        size: PageSize,
    ) -> BoxStream<'static, Result<Page>>;

    /// The key of the row that stands `rows` rows behind the range's first one: where the range can be parted so that the
    /// first part has just so many rows. `None` when the range has no more rows than that, or when that row's key cannot be
    /// given back to the server exactly: a NaN, a local time that a change of the clock skipped, a SQLite value that
    /// is not of its column's type. What is behind it is then read in one piece.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses, or an end of the range is nothing that the key's columns can hold.
    async fn step(&self, read: &Read, range: &KeyRange, rows: usize) -> Result<Option<Key>>;

    /// Its clock, and the oldest transaction that is open: see [`Moment::horizon`].
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    async fn moment(&self) -> Result<Moment>;

    /// Number of rows that [`Source::scan`] leaves out because a part of their key is NULL.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    async fn count_keyless(&self, read: &Read) -> Result<u64>;

    /// The rows whose `read.by` columns equal one of `keys`, each group in the order of `read.order` and then of the key.
    /// Any number of keys. Stops reading once the budget is used up, and says so.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses, or a value cannot be decoded.
    async fn fetch_by_keys(&self, read: &Read, keys: &[Key], budget: &Budget) -> Result<Fetched>;

    /// The SQL of [`Source::fetch_by_keys`] as it is sent for one key, or of the first page of [`Source::scan`] when nothing is
    /// looked up by. Placeholders stand for the values; further keys are further placeholders, or a longer array.
    ///
    /// # Errors
    /// When a column cannot be read or looked up that way.
    fn statement(&self, read: &Read) -> Result<String>;
}

/// What [`Source::fetch_by_keys`] found.
#[derive(Debug, Default)]
pub struct Fetched {
    /// Rows, part by part of the keys.
    pub answers: Vec<Answer>,
    /// `false` when the budget ended the reading before the rows did.
    pub complete: bool,
}

/// All rows of some of the keys asked for.
#[derive(Debug)]
pub struct Answer {
    /// The rows. Those of other keys may be among them, where the server holds keys equal that differ here.
    pub page: Page,
    /// Whose rows they are, as a range of the keys asked for. No two answers share a key.
    pub keys: Range<usize>,
}

/// Bytes that may still be held, shared by all that read at the same time.
#[derive(Debug)]
pub struct Budget(AtomicUsize);

impl Budget {
    /// A budget of so many bytes.
    pub fn new(bytes: usize) -> Self {
        Self(AtomicUsize::new(bytes))
    }

    /// Uses `bytes` of it; `false` when nothing is left then. Nothing at all can always be had.
    pub fn take(&self, bytes: usize) -> bool {
        let shrink = |left: usize| Some(left.saturating_sub(bytes));
        let before = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, shrink);
        bytes == 0 || before.is_ok_and(|before| before > bytes)
    }

    /// Has `bytes` back that were used of it.
    pub fn give_back(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Uses `bytes` of it if so many are left; `false` when they are not.
    pub fn take_whole(&self, bytes: usize) -> bool {
        let shrink = |left: usize| left.checked_sub(bytes);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, shrink).is_ok()
    }

    /// Bytes of it that are not used.
    pub fn left(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// Bounds of a page.
#[derive(Debug, Clone, Copy)]
pub struct PageSize {
    /// Most rows.
    pub rows: usize,
    /// Bytes after which a page ends, even though there may be more rows.
    pub bytes: usize,
}

/// Where rows come from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum From {
    /// A table or view, `name` or `schema.name`.
    Table(String),
    /// A SELECT, used as a derived table.
    Query(String),
}

impl From {
    /// A query as its user wrote it: blanks around it and a semicolon at its end are no part of it.
    pub fn query(text: &str) -> Self {
        Self::Query(text.trim().trim_end_matches(';').trim_end().to_owned())
    }
}

/// One planned read of one relation: everything a source needs to know, and nothing of the job.
#[derive(Debug, Clone)]
pub struct Read {
    /// The relation's path, for messages: `settlements`, or the index for the root.
    pub path: String,
    /// The table or query.
    pub from: From,
    /// The cells wanted, in this order.
    pub columns: Vec<ReadColumn>,
    /// The row's own key: indices into `columns`.
    pub key: Vec<usize>,
    /// Whether [`Source::scan`] begins with the greatest key: what is written with a greater one meanwhile is not met then.
    pub backward: bool,
    /// The columns that [`Source::fetch_by_keys`] looks up: indices into `columns`. Empty for a root.
    pub by: Vec<usize>,
    /// Columns whose bytes are UUIDs, and are read as such to meet those of other services.
    pub uuids: Vec<usize>,
    /// How those in `by` compare with the keys given.
    pub matching: Match,
    /// SQL condition over `from`'s columns.
    pub condition: Option<String>,
    /// A column that is NULL in every row wanted (a soft delete).
    pub absent: Option<String>,
    /// Order within the rows of one key.
    pub order: Vec<OrderBy>,
    /// A link table between the keys and `from`; columns marked [`ReadColumn::linked`] are its.
    pub link: Option<Link>,
}

impl Read {
    /// All rows of `from`: these cells of them, in the order of the columns at `key`. `path` is what messages call it.
    pub fn all(path: &str, from: From, columns: Vec<ReadColumn>, key: Vec<usize>) -> Self {
        Self {
            path: path.to_owned(),
            from,
            columns,
            key,
            backward: false,
            by: Vec::new(),
            uuids: Vec::new(),
            matching: Match::Exact,
            condition: None,
            absent: None,
            order: Vec::new(),
            link: None,
        }
    }

    /// The same rows, looked up by their own key instead of read in its order.
    #[must_use]
    pub fn by_key(&self) -> Self {
        let columns = database::meeting(self).into_owned();
        Self { columns, uuids: Vec::new(), by: self.key.clone(), ..self.clone() }
    }

    /// Of the same rows the key alone, looked up by it.
    #[must_use]
    pub fn only_key(&self) -> Self {
        let read = self.by_key();
        let columns = read.key.iter().filter_map(|&at| read.columns.get(at)).cloned();
        let columns: Vec<ReadColumn> = columns.collect();
        let key: Vec<usize> = (0..columns.len()).collect();
        Self { columns, by: key.clone(), key, order: Vec::new(), ..read }
    }

    /// The key's columns, in its order.
    fn key_columns(&self) -> Vec<&ReadColumn> {
        self.key.iter().filter_map(|&at| self.columns.get(at)).collect()
    }

    fn ensure_key(&self) -> Result<()> {
        if self.key.is_empty() {
            bail!("it has no key to be read in the order of\n\nhint: name the columns in `key`");
        }
        Ok(())
    }
}

/// A cell of a read.
#[derive(Debug, Clone)]
pub struct ReadColumn {
    /// The column's name.
    pub name: String,
    /// Its type, by `describe`.
    pub ty: Type,
    /// The server's own name of the type, by `describe`.
    pub native: String,
    /// Zone of a date-time without one.
    pub zone: Option<TimeZone>,
    /// Whether it is the link table's.
    pub linked: bool,
    /// Whether it may hold NULL.
    pub nullable: bool,
}

impl ReadColumn {
    /// A column of `from` that is never NULL and needs no zone; `native` is the server's own name of its type.
    pub fn new(name: &str, ty: Type, native: &str) -> Self {
        let (name, native) = (name.to_owned(), native.to_owned());
        Self { name, ty, native, zone: None, linked: false, nullable: false }
    }
}

/// One key of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderBy {
    /// A column of `from`.
    pub column: String,
    /// Greatest first.
    pub descending: bool,
}

/// A many-to-many table: `from.target = link.column` for each pair.
#[derive(Debug, Clone)]
pub struct Link {
    /// The link table.
    pub table: String,
    /// Pairs of link column and target column.
    pub to: Vec<(String, String)>,
}

/// The sources that a job names, opened.
pub type Sources = BTreeMap<String, Arc<dyn Source>>;

/// Opens one source. Connections are made when they are first needed.
///
/// # Errors
/// When its URL, secret or certificate cannot be used.
pub fn open(config: &SourceConfig) -> Result<Arc<dyn Source>> {
    let source: Result<Arc<dyn Source>> = match &config.server {
        Server::Postgres(address) => {
            postgres::open(config, address).map(|source| Arc::new(source) as _)
        }
        Server::Mysql(address) => mysql::open(config, address).map(|source| Arc::new(source) as _),
        Server::Sqlite { path } => Ok(Arc::new(sqlite::open(config, path))),
    };
    source.with_context(|| format!("source `{}`", config.name))
}
