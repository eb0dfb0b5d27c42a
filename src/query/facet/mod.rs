//! Facets: how many documents have which value of a field.
//!
//! A facet is counted under every choice but those of its own field, so that what else could be chosen keeps its count; the
//! rows are those of all choices together. Documents are counted, also by the values of a list's elements, unless elements
//! are asked for. Never counts outside of the search's filter.

pub(super) mod answer;
pub(super) mod dsl;
mod parse;
mod prefix;

use super::calendar::Calendar;
use super::elements::{Column, Elements};
use super::{Filter, Scalar};

pub use answer::read;
pub(super) use parse::Members;

/// Values of a facet when no number is asked for, unless fewer are all that may be.
pub const DEFAULT_VALUES: usize = 20;

/// One facet.
#[derive(Debug, Clone, PartialEq)]
pub struct Facet {
    /// The caller's name for it.
    pub name: String,
    /// The field.
    pub column: Column,
    /// What is counted.
    pub elements: Elements,
    /// Into what it is parted.
    pub by: By,
}

impl Facet {
    /// What a facet is called that is asked for alone, and has no name of a caller's.
    pub const ASKED: &'static str = "values";
}

/// Into what a facet is parted.
#[derive(Debug, Clone, PartialEq)]
pub enum By {
    /// Its most frequent values.
    Values {
        /// How many.
        size: usize,
        /// What they begin with, as the index holds texts; a Hangul syllable at its end may still grow.
        prefix: Option<String>,
    },
    /// Ranges of its values.
    Ranges(Vec<Range>),
    /// Days, weeks, months, ….
    Dates(Calendar),
}

/// From a value, which is included, up to one that is not.
#[derive(Debug, Clone, PartialEq)]
pub struct Range {
    /// The first.
    pub from: Option<Scalar>,
    /// The first after it.
    pub to: Option<Scalar>,
}

/// What has been chosen of one field.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// The field's full path.
    pub path: String,
    /// Which documents are left.
    pub filter: Filter,
    /// Single values among what was chosen.
    pub values: Vec<Scalar>,
}
