//! A search: what may be asked, how it is read, and what the engine is sent for it.
//!
//! [`parse()`] reads a body into a [`SearchRequest`] whose every name is resolved and every value of its field's type; [`dsl`]
//! turns that into one query; [`cursor`] signs where a page ended; [`project`] cuts the answer's rows; [`rows`] says which rows
//! there are for a caller. All of it is pure.
//! Never talks to the engine.

pub mod aggregate;
mod analysis;
pub mod calendar;
mod cost;
pub mod cursor;
pub mod dialect;
pub mod dsl;
pub mod elements;
pub mod export;
pub mod facet;
pub mod fault;
pub mod fields;
mod filter;
mod folding;
pub mod get;
mod json;
mod named;
pub mod parse;
pub mod project;
pub mod rows;
pub mod schema;
mod value;
pub mod view;

pub use crate::config::Limits;
pub use aggregate::Aggregate;
pub use cost::{cost, export_cost};
pub use cursor::{Binding, Held, PageEnd, Signer};
pub use facet::{Choice, Facet};
pub use fault::{Code, Fault, Pointer, Refusal};
pub use fields::{Fields, Kind};
pub use folding::Folding;
pub use parse::{KEYS as SEARCH_KEYS, parse, parse_within};
pub use project::{Document, Selection};
pub use rows::RowFilter;
pub use value::Scalar;

/// Rows of a page when none are asked for, unless pages are smaller.
pub const DEFAULT_PAGE: usize = 50;
/// Elements that a list is known to have at most, and then some.
pub const MAX_ELEMENTS: u32 = 1_000_000;
/// How far a capped total counts.
pub const COUNT_CAP: u64 = 10_000;

/// A search, validated against the fields of its index.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchRequest {
    /// Which documents.
    pub filter: Filter,
    /// In which order; a unique last key is added when it is compiled.
    pub sort: Vec<Sort>,
    /// How many, and after which.
    pub page: Page,
    /// Paths to answer with; everything when absent.
    pub fields: Option<Vec<String>>,
    /// How exact the total is to be.
    pub count: Count,
    /// Whose words documents have to have; without a sort, the best come first.
    pub q: Option<TextSearch>,
    /// In which fields its words are to be shown.
    pub highlight: Vec<TextField>,
    /// What is counted of the documents.
    pub facets: Vec<Facet>,
    /// What has been chosen of facets: rows fulfil all of it, a facet leaves out what was chosen of its own field.
    pub choices: Vec<Choice>,
    /// What is worked out over groups of the documents that are found.
    pub aggregates: Vec<Aggregate>,
}

impl SearchRequest {
    /// Whether a row may hold more than its id.
    pub fn shows_rows(&self) -> bool {
        self.fields.as_ref().is_none_or(|fields| !fields.is_empty())
    }
}

/// Which documents, or which elements of a list. Each node is closed: nothing outside of it changes what it means.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// All of them hold; with none, everything matches.
    And(Vec<Filter>),
    /// One of them holds; with none, nothing matches.
    Or(Vec<Filter>),
    /// It does not hold.
    Not(Box<Filter>),
    /// A value of the field compares so. A field without a value matches only [`Op::Ne`].
    Compare {
        /// The field.
        field: Target,
        /// How.
        op: Op,
        /// With what.
        value: Scalar,
    },
    /// A value of the field is among these; with none, nothing matches.
    In {
        /// The field.
        field: Target,
        /// The values.
        values: Vec<Scalar>,
    },
    /// The field, or a field of the object, has a value.
    Exists {
        /// Full path of the field or object.
        path: String,
        /// Full path in the engine of what shows it.
        engine: String,
    },
    /// No value of the field is among these; with none, everything matches. A field without a value matches.
    NotIn {
        /// The field.
        field: Target,
        /// The values.
        values: Vec<Scalar>,
    },
    /// One value of the field lies between these, both included.
    Between {
        /// The field.
        field: Target,
        /// The least.
        low: Scalar,
        /// The greatest.
        high: Scalar,
    },
    /// A value of the field has this text in it.
    Like {
        /// The field; its values are text.
        field: Target,
        /// Where in the value.
        place: Place,
        /// The text, composed to NFC.
        text: String,
    },
    /// The words of the text are in the field.
    Words {
        /// The field.
        field: TextField,
        /// The text, composed to NFC; it has a letter or a digit.
        text: String,
        /// How the words stand; never [`Mode::Any`].
        mode: Mode,
    },
    /// One element of the list matches all of the filter.
    Some {
        /// Full path of the list.
        list: String,
        /// What the element is like; its fields are named by their full paths.
        filter: Box<Filter>,
    },
    /// No element of the list matches all of the filter.
    None {
        /// Full path of the list.
        list: String,
        /// What no element is like.
        filter: Box<Filter>,
    },
    /// Each element of the list matches all of the filter, be it that there is none.
    Every {
        /// Full path of the list.
        list: String,
        /// What each element is like.
        filter: Box<Filter>,
    },
    /// The number of elements that match all of the filter compares so.
    Count {
        /// Full path of the list.
        list: String,
        /// What the counted elements are like.
        filter: Box<Filter>,
        /// How.
        op: Op,
        /// With what.
        count: u32,
    },
}

impl Filter {
    /// Matches every document.
    pub fn everything() -> Self {
        Self::And(Vec::new())
    }
}

/// A field with a value, and the engine's field that stands for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// Full path in the document.
    pub path: String,
    /// Full path in the engine.
    pub engine: String,
    /// How its values compare.
    pub kind: Kind,
}

/// Where in a value a text is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Anywhere.
    Within,
    /// Anywhere; letters of ASCII are equal in both cases.
    WithinInAnyCase,
    /// At its beginning.
    Start,
}

/// A field whose words are known to the engine, and the engine's fields that stand for it.
#[derive(Debug, Clone, PartialEq)]
pub struct TextField {
    /// Full path in the document.
    pub path: String,
    /// The innermost list whose elements hold it.
    pub list: Option<String>,
    /// Full paths in the engine of its forms, each with its own idea of what a word is; at least one.
    pub forms: Vec<String>,
    /// Full path in the engine of what holds it whole.
    pub whole: Option<String>,
}

/// A text whose words are in some fields.
#[derive(Debug, Clone, PartialEq)]
pub struct TextSearch {
    /// The text, composed to NFC; it has a letter or a digit.
    pub text: String,
    /// Where; at least one.
    pub fields: Vec<TextField>,
    /// How; each word may be in another field.
    pub mode: Mode,
    /// Forms of these fields in which a word is found that is nearly the same; none unless that is asked for.
    pub near: Vec<String>,
}

/// How the words of a text are to be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Each of them somewhere.
    All,
    /// One of them.
    Any,
    /// All of them side by side, in their order.
    Phrase,
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// Equal.
    Eq,
    /// Not equal, or without a value.
    Ne,
    /// Less.
    Lt,
    /// Less or equal.
    Lte,
    /// Greater.
    Gt,
    /// Greater or equal.
    Gte,
}

/// One key of the order; documents without a value come last, whichever way it runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Sort {
    /// The field.
    pub field: Target,
    /// Which way.
    pub order: Order,
    /// For a field of a list's elements: which of them stands for the document.
    pub pick: Option<Pick>,
}

/// One value of the elements of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Pick {
    /// Full path of the list, which is in no other.
    pub list: String,
    /// Which of the values.
    pub agg: Agg,
    /// Which elements are looked at.
    pub filter: Filter,
}

/// Which of several values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agg {
    /// The greatest.
    Max,
    /// The least.
    Min,
}

/// Which way a key runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Least first.
    Asc,
    /// Greatest first.
    Desc,
}

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Most rows; with 0, none are wanted.
    pub size: usize,
    /// Which one, counted from 1; the first when absent. Not together with `after`.
    pub number: Option<usize>,
    /// Rows before it, as far as its number tells.
    pub skipped: usize,
    /// The cursor of the page before, as it was given.
    pub after: Option<String>,
    /// Whether the index is to be held as it is for the pages that follow.
    pub snapshot: bool,
}

/// Rows that an engine reaches without a cursor.
pub(crate) const WINDOW: usize = 10_000;

impl Page {
    /// Whether it ends where the engine's window does, so that only the total tells of a next page.
    pub fn ends_the_window(&self) -> bool {
        self.size > 0 && self.skipped + self.size == WINDOW
    }
}

/// How exact a total is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// All are counted.
    Exact,
    /// Up to [`COUNT_CAP`].
    Capped,
    /// No total.
    None,
}
