//! The table of types: what each server's types become, and in which JSON form. `docs/types.md` shows it to users.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A column's type, the same for all servers. The comment says what its values become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Type {
    /// `true`, `false`; where the server keeps to neither, other numbers as themselves.
    Bool,
    /// A JSON integer; unsigned 64-bit included.
    Integer,
    /// An exact JSON number with the digits that the server stores.
    Decimal,
    /// The shortest JSON number that reads back the same; NaN and infinities are null.
    Float,
    /// Text.
    Text,
    /// Fixed-width text; padding is dropped.
    Char,
    /// Enumerations and sets, as text.
    Enum,
    /// Text, lower case, with hyphens.
    Uuid,
    /// Base64 (RFC 4648, padded).
    Binary,
    /// `2026-01-31`.
    Date,
    /// `13:05:00`, with a fraction when there is one.
    Time,
    /// A date-time without a zone: needs the source's `time_zone`, becomes an instant in UTC.
    Timestamp,
    /// An instant: `2026-01-31T13:05:00Z`, with a fraction when there is one.
    Timestamptz,
    /// The JSON value itself.
    Json,
    /// A JSON array.
    Array,
    /// Anything else, as the server's own text.
    Other,
    /// SQLite columns that take any value: each value by its own storage class.
    Any,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&format!("{self:?}").to_lowercase())
    }
}

/// A column that exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Column {
    /// Its name, as the server spells it.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// The server's own name of the type.
    pub native: String,
    /// Whether it may hold NULL.
    pub nullable: bool,
    /// How its texts are compared; `None` where that is by their bytes, or is not known.
    pub collation: Option<Collation>,
    /// Whether the account may read it.
    pub readable: bool,
}

impl Column {
    /// A column that may be read and is compared as its type is.
    pub fn new(name: String, ty: Type, native: String, nullable: bool) -> Self {
        Self { name, ty, native, nullable, collation: None, readable: true }
    }
}

/// A rule by which a server compares texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Collation {
    /// Its name.
    pub name: String,
    /// Whether texts are equal to it that differ in case, and perhaps in accents or in how they are written.
    pub folds: bool,
}

/// The columns of a table or query, in the server's order.
pub type Columns = Vec<Column>;

/// What a server tells of a table or query.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TableInfo {
    /// Columns, in the server's order.
    pub columns: Columns,
    /// Columns of the primary key, in its order; empty when there is none.
    pub primary_key: Vec<String>,
    /// Column lists of all indexes, unique ones and the primary key included.
    pub indexes: Vec<Vec<String>>,
    /// Column lists of unique indexes, the primary key included.
    pub unique: Vec<Vec<String>>,
    /// What is indexed that is no column, in the server's own words: `lower(rtrim(code))`.
    pub expressions: Vec<String>,
    /// Whether it is a view or a query, whose indexes belong to the tables below.
    pub derived: bool,
    /// What to run so that the account may read every column; `None` when it may.
    pub grant: Option<String>,
    /// What to run so that no policy hides rows from the account; `None` when none does.
    pub unhide: Option<String>,
}

impl TableInfo {
    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}
