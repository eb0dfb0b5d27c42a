//! What a service, a table, a column and a row are before any database has its say.
//!
//! A row says what is meant (an instant, a uuid, a yes or no); how that is written down is each
//! store's business. Dates, decimals, JSON and clocks without a zone are plain text here, because
//! every store reads that text the same way.

use uuid::Uuid;

use crate::calendar::Moment;
use crate::world::World;

/// One service: a database of its own.
pub(crate) struct Service {
    /// The service's name; its database or schema is called so, too.
    pub(crate) name: &'static str,
    /// Its tables.
    pub(crate) tables: &'static [Table],
}

/// One table, and how its rows come about.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) columns: &'static [Column],
    /// The primary key's columns.
    pub(crate) key: &'static [&'static str],
    /// Columns to index, each list one index.
    pub(crate) indexes: &'static [&'static [&'static str]],
    /// How many parents have rows here: parents are numbered from 1.
    pub(crate) parents: fn(&World) -> i64,
    /// Adds the rows of one parent (of one contract, say); possibly none.
    pub(crate) rows: fn(&World, i64, &mut Vec<Row>),
}

/// One column.
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) nullable: bool,
}

/// What a column holds.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// A whole number of 64 bits.
    Int,
    /// The same, never below zero.
    Unsigned,
    /// A yes or no.
    Bool,
    /// Words for people, at most so many characters.
    Text(u16),
    /// A code for machines, compared byte by byte, at most so many characters.
    Code(u16),
    /// One of a few words.
    Enum(&'static [&'static str]),
    /// An exact decimal: digits in all, digits after the point.
    Decimal(u8, u8),
    /// A day.
    Date,
    /// Date and time of a clock that does not say its zone.
    Clock,
    /// A moment in time, to the millisecond.
    Instant,
    /// A uuid.
    Uuid,
    /// A JSON value.
    Json,
    /// Bytes, at most so many.
    Bytes(u16),
}

/// A row: one value per column, in the columns' order.
pub(crate) type Row = Vec<Value>;

/// A value, as meant.
pub(crate) enum Value {
    Null,
    Int(i64),
    Bool(bool),
    Text(String),
    Instant(Moment),
    Uuid(Uuid),
    Bytes(Vec<u8>),
}

/// A column that always has a value.
pub(crate) const fn column(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, nullable: false }
}

/// A column that may be NULL.
pub(crate) const fn nullable(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, nullable: true }
}

/// A row of anything that is a value.
macro_rules! row {
    ($($value:expr),* $(,)?) => { vec![$($crate::table::Value::from($value)),*] };
}
pub(crate) use row;

impl Table {
    /// All rows in batches of `size` (the last may be smaller), never more than a few in memory.
    pub(crate) fn batches<'a>(
        &'a self,
        world: &'a World,
        size: usize,
    ) -> impl Iterator<Item = Vec<Row>> + 'a {
        let mut parents = 1..=(self.parents)(world);
        let mut waiting: Vec<Row> = Vec::new();
        std::iter::from_fn(move || {
            while waiting.len() < size {
                let Some(parent) = parents.next() else { break };
                (self.rows)(world, parent, &mut waiting);
            }
            let rest = waiting.split_off(size.min(waiting.len()));
            let batch = std::mem::replace(&mut waiting, rest);
            (!batch.is_empty()).then_some(batch)
        })
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<bool> for Value {
    fn from(yes: bool) -> Self {
        Self::Bool(yes)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Moment> for Value {
    fn from(moment: Moment) -> Self {
        Self::Instant(moment)
    }
}

impl From<Uuid> for Value {
    fn from(uuid: Uuid) -> Self {
        Self::Uuid(uuid)
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
