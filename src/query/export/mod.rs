//! An export: every row of a search, as a file.
//!
//! [`Wish`] reads a body, of which all but a few members are a search's; [`Table`] takes a row apart into cells; [`csv`] and
//! [`ndjson`] write them. All of it is pure.
//! Promises: what a row shows is what a search's row shows, since it is taken from that row alone. No digit of a number is lost.
//! Never decides which rows there are.

mod cells;
mod columns;
pub mod csv;
pub mod ndjson;
mod wish;

pub use cells::{Cell, Table};
pub use wish::Wish;

/// Most columns of a file.
pub const MAX_COLUMNS: usize = 1_000;
/// Most characters of a heading, and of a separator: they may stand in every line.
pub const MAX_LABEL: usize = 255;
/// Most digits of a number that a spreadsheet keeps.
pub const DIGITS: usize = 15;

/// What a file is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values.
    Csv,
    /// A JSON object a line.
    Ndjson,
    /// A workbook with one sheet.
    Xlsx,
}

impl Format {
    /// The word for it, which is also what names of such files end with.
    pub fn word(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
            Self::Xlsx => "xlsx",
        }
    }

    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Ndjson => "application/x-ndjson",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }
}

/// One column of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// What stands above it.
    pub heading: String,
    /// Where its values are in a row.
    pub path: String,
    /// What becomes of them.
    pub form: Form,
    /// Whether its values are dates and times.
    pub dates: bool,
}

/// What becomes of the values at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// A single one as it is; several as one text, with this between them.
    Values(String),
    /// How many there are.
    Count,
    /// Their sum.
    Sum,
}
