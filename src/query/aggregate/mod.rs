//! Aggregates: counts, sums and the like over groups of the documents that are found, or of elements in them.
//!
//! Promises: an aggregate is over exactly what the rows are over. Counts and keys are exact; sums, averages and extremes are
//! worked out by the engine as doubles, so that whole numbers beyond 2^53 lose digits there.

mod answer;
mod dsl;
mod parse;

use super::calendar::Calendar;
use super::elements::{Column, Elements};
use super::{Filter, Order};

pub use answer::read;
pub(super) use dsl::aggregation;
pub use dsl::{identity, name};

/// Most groups of an aggregate that are put in another order than that of their keys.
pub const MAX_RANKED: usize = 10_000;
/// Groups of a page when no number is asked for, unless fewer are all that may be.
pub const DEFAULT_GROUPS: usize = 100;

/// One aggregate.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregate {
    /// The caller's name for it.
    pub name: String,
    /// What is counted.
    pub elements: Elements,
    /// Into what it is parted.
    pub by: Grouping,
    /// What is worked out of each part.
    pub metrics: Vec<Metric>,
}

/// Into what documents, or elements, are parted.
#[derive(Debug, Clone, PartialEq)]
pub enum Grouping {
    /// By keys, in their order, a page at a time; or the first of another order.
    Keys {
        /// The keys; each belongs to the same list, or to the document.
        keys: Vec<Key>,
        /// Most groups of the page.
        size: usize,
        /// Where the page before ended, as it was given.
        after: Option<String>,
        /// Another order than that of the keys; not together with `after`.
        rank: Option<Rank>,
    },
    /// By a date.
    Dates {
        /// The field.
        column: Box<Column>,
        /// How long each part is.
        calendar: Box<Calendar>,
    },
}

/// An order of groups; equals keep that of their keys, and those without a value come last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rank {
    /// What of a group it is by.
    pub by: RankBy,
    /// Which way.
    pub order: Order,
}

/// What groups are put in order by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RankBy {
    /// How many there are in it.
    Count,
    /// The metric of that number.
    Metric(usize),
}

/// One key of a group.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    /// The field.
    pub column: Column,
    /// For a date: how long each part is.
    pub calendar: Option<Calendar>,
}

/// Something that is worked out of each group.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    /// The caller's name for it.
    pub name: String,
    /// What.
    pub what: Measure,
    /// Of which field.
    pub column: Column,
    /// For a field of a list: only of elements like this.
    pub only: Filter,
}

/// What is worked out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// All values added up.
    Sum,
    /// Their mean.
    Avg,
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// How many values there are.
    Count,
}

impl Measure {
    /// Every measure by its name.
    pub const NAMED: [(&str, Self); 5] = [
        ("sum", Self::Sum),
        ("avg", Self::Avg),
        ("min", Self::Min),
        ("max", Self::Max),
        ("count", Self::Count),
    ];
}
