//! How keys meet the column they are looked up in: each part of a key becomes the values by which that column may hold it.
//!
//! Promises: a part that the column's type cannot hold becomes no value at all, so that one odd key never fails the batch
//! it is in. Never compares keys with one another: order and equality are the server's.

mod written;

use anyhow::{Result, bail};
use jiff::tz::TimeZone;
use uuid::Uuid;

use super::ReadColumn;
use super::canonical;
use super::sql::Dialect;
use crate::row::{Match, Type};
use written::{date, integer, is_finite, is_number, naive, time, utc, uuid};

/// Keys of one statement where they are bound as arrays.
const ARRAY_KEYS: usize = 16_384;
/// Placeholders of one statement elsewhere: well below every server's limit, and a power of two.
const PLACEHOLDERS: usize = 4_096;

/// A value to be bound.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Integer(i64),
    Unsigned(u64),
    Real(f64),
    Text(String),
    Bytes(Vec<u8>),
}

/// How one column is looked up.
#[derive(Debug)]
pub(super) struct Lookup {
    pub(super) form: Form,
    pub(super) fold: Fold,
    /// A collation of fewer letters than texts are bound in, to which they have to be converted.
    pub(super) collation: Option<String>,
    dialect: Dialect,
}

/// What a part of a key is turned into.
#[derive(Debug)]
pub(super) enum Form {
    Integer,
    /// Exact, bound as text and cast.
    Decimal,
    Real,
    /// In single precision.
    Single,
    Bool,
    Text,
    /// A type of its own.
    Uuid,
    /// Sixteen bytes.
    UuidBytes,
    /// Text in any of the usual spellings.
    UuidText,
    Bytes,
    Date,
    Time,
    /// A date-time without a zone, which is that of the columns' values.
    Naive(Option<TimeZone>),
    Instant,
    /// A SQLite column without affinity: the value may be stored as number or as text.
    Loose,
}

/// What the server does to the column before it compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fold {
    None,
    /// Trailing blanks are dropped.
    Blanks,
    /// Trailing blanks are dropped and letters are lower case.
    Case,
}

/// How many keys are looked up by one statement.
pub(super) fn at_once(dialect: Dialect, lookups: &[Lookup]) -> usize {
    match dialect {
        Dialect::Postgres => ARRAY_KEYS,
        Dialect::Mysql | Dialect::Sqlite => {
            let values: usize = lookups.iter().map(Lookup::most_spellings).product();
            (PLACEHOLDERS / (values * lookups.len()).max(1)).max(1)
        }
    }
}

/// Keys as values, row by row.
#[derive(Debug, Default)]
pub(super) struct KeyTable {
    /// How many keys it was made of.
    pub(super) keys: usize,
    pub(super) width: usize,
    pub(super) values: Vec<Value>,
}

impl KeyTable {
    /// All spellings of these keys.
    pub(super) fn of<'a>(
        lookups: &[Lookup],
        keys: impl Iterator<Item = &'a crate::row::Key>,
    ) -> Self {
        let mut table = Self { keys: 0, width: lookups.len(), values: Vec::new() };
        let mut part_values = Vec::new();
        for key in keys {
            table.keys += 1;
            if let [lookup] = lookups {
                lookup.spellings(key.as_str(), &mut table.values);
                continue;
            }
            part_values.clear();
            for (lookup, part) in lookups.iter().zip(key.parts(lookups.len())) {
                let mut values = Vec::with_capacity(1);
                lookup.spellings(&part, &mut values);
                part_values.push(values);
            }
            table.push_combinations(&part_values);
        }
        table
    }

    pub(super) fn rows(&self) -> usize {
        self.values.len().checked_div(self.width).unwrap_or(0)
    }

    /// Repeats the last row until there are `rows`.
    pub(super) fn pad(&mut self, rows: usize) {
        let last = self.values.len().saturating_sub(self.width);
        let last: Vec<Value> = self.values.iter().skip(last).cloned().collect();
        for _ in self.rows()..rows {
            self.values.extend_from_slice(&last);
        }
    }

    fn push_combinations(&mut self, parts: &[Vec<Value>]) {
        let count = parts.iter().map(Vec::len).product::<usize>();
        if parts.len() != self.width {
            return;
        }
        for combination in 0..count {
            let mut rest = combination;
            for values in parts {
                self.values.extend(values.get(rest % values.len()).cloned());
                rest /= values.len();
            }
        }
    }
}

impl Lookup {
    /// # Errors
    /// For a column that nothing can be looked up by.
    pub(super) fn of(dialect: Dialect, column: &ReadColumn, matching: Match) -> Result<Self> {
        let uuid = matching == Match::Uuid;
        let form = match column.ty {
            Type::Json | Type::Array => {
                bail!("column `{}` ({}) cannot be joined on", column.name, column.native)
            }
            Type::Bool if dialect == Dialect::Postgres => Form::Bool,
            Type::Integer | Type::Bool => Form::Integer,
            Type::Float if is_single(dialect, &column.native) => Form::Single,
            Type::Float => Form::Real,
            Type::Uuid if holds_bytes(&column.native) => Form::UuidBytes,
            Type::Uuid => Form::Uuid,
            Type::Binary if uuid => Form::UuidBytes,
            Type::Binary => Form::Bytes,
            Type::Date => Form::Date,
            Type::Time => Form::Time,
            Type::Timestamp => Form::Naive(column.zone.clone()),
            Type::Timestamptz => Form::Instant,
            Type::Text | Type::Char | Type::Enum | Type::Other if uuid => Form::UuidText,
            Type::Text | Type::Char | Type::Enum | Type::Other => Form::Text,
            Type::Any if uuid => Form::UuidBytes,
            Type::Decimal if dialect == Dialect::Sqlite && uuid => Form::UuidText,
            Type::Any if column.native.is_empty() => Form::Loose,
            // Numeric affinity turns a text into the number it is.
            Type::Any => Form::Text,
            Type::Decimal if dialect == Dialect::Sqlite => Form::Text,
            Type::Decimal => Form::Decimal,
        };
        let fold = match (&form, matching) {
            (Form::Text | Form::Loose, Match::Text) if !pads(dialect, column) => Fold::Blanks,
            (Form::Text | Form::Loose, Match::Nocase) if !ignores_case(dialect, column) => {
                Fold::Case
            }
            _ => Fold::None,
        };
        let narrow = matches!(form, Form::Text) && dialect == Dialect::Mysql;
        let collation = collation(column).filter(|name| narrow && !name.starts_with("utf8mb4_"));
        let collation = collation.map(str::to_owned);
        Ok(Self { form, fold, collation, dialect })
    }

    /// How many values one part becomes at most.
    fn most_spellings(&self) -> usize {
        let sqlite = usize::from(self.dialect == Dialect::Sqlite);
        match self.form {
            Form::UuidText => 4,
            Form::UuidBytes => 1 + 4 * sqlite,
            Form::Bytes => 1 + sqlite,
            Form::Text => 1 + usize::from(self.fold == Fold::Case),
            Form::Loose => 2 + usize::from(self.fold == Fold::Case),
            _ => 1,
        }
    }

    /// Appends the values by which the column may hold `part`.
    pub(super) fn spellings(&self, part: &str, out: &mut Vec<Value>) {
        let sqlite = self.dialect == Dialect::Sqlite;
        match &self.form {
            Form::Integer => match integer(part, self.dialect) {
                // A column of integers in SQLite may hold texts too.
                None if sqlite => out.push(text(part)),
                value => out.extend(value),
            },
            Form::Decimal => {
                out.extend((is_number(part) && !part.contains('e')).then(|| text(part)));
            }
            Form::Real | Form::Single => {
                let real = is_number(part).then(|| part.parse().ok()).flatten();
                let fits = |real: &f64| is_finite(*real, matches!(self.form, Form::Single));
                let real = real.filter(fits);
                match self.form {
                    // MySQL compares in double precision, in which 0.1 of a single column is another number.
                    Form::Single if self.dialect == Dialect::Mysql => {
                        let single = real.and_then(|_| part.parse::<f32>().ok());
                        out.extend(single.map(|single| Value::Real(single.into())));
                    }
                    _ => out.extend(real.map(Value::Real)),
                }
            }
            Form::Bool => match part {
                "1" => out.push(text("true")),
                "0" => out.push(text("false")),
                _ => {}
            },
            Form::Text => self.texts(part, out),
            Form::Loose => {
                self.texts(part, out);
                match integer(part, self.dialect) {
                    Some(value) => out.push(value),
                    None if is_number(part) => out.extend(part.parse().ok().map(Value::Real)),
                    None => {}
                }
            }
            Form::Uuid => out.extend(uuid(part).map(|_| text(part))),
            Form::UuidBytes => {
                let uuid = uuid(part);
                out.extend(uuid.map(|uuid| Value::Bytes(uuid.as_bytes().to_vec())));
                out.extend(uuid.filter(|_| sqlite).into_iter().flat_map(uuid_texts));
            }
            Form::UuidText => match uuid(part) {
                Some(uuid) => out.extend(uuid_texts(uuid)),
                None => self.texts(part, out),
            },
            Form::Bytes => {
                out.extend(canonical::from_base64(part).map(Value::Bytes));
                out.extend(sqlite.then(|| text(part)));
            }
            Form::Date => out.extend(date(part).then(|| text(part))),
            Form::Time => out.extend(time(part, self.dialect).then(|| text(part))),
            Form::Naive(zone) => out.extend(naive(part, zone.as_ref()).map(Value::Text)),
            Form::Instant => {
                out.extend(utc(part, self.dialect).map(Value::Text));
            }
        }
    }

    /// The one value that a part of a key stands for when it was this column's own; `None` when the column holds no such
    /// value.
    pub(super) fn given(&self, part: &str) -> Option<Value> {
        let mut values = Vec::new();
        self.spellings(part, &mut values);
        match self.form {
            // A number rather than the text of one.
            Form::Loose => values.pop(),
            _ => values.into_iter().next(),
        }
    }

    fn texts(&self, part: &str, out: &mut Vec<Value>) {
        // PostgreSQL has no text with a NUL, and refuses the whole batch for one.
        if self.dialect == Dialect::Postgres && part.contains('\0') {
            return;
        }
        out.push(text(part));
        if self.fold == Fold::Case && !part.is_ascii() {
            // Some servers fold ASCII letters only: the others may still be upper case in the folded column.
            let half: String = part
                .chars()
                .flat_map(|c| {
                    if c.is_ascii() {
                        either(Some(c), None)
                    } else {
                        either(None, Some(c.to_uppercase()))
                    }
                })
                .collect();
            out.extend((half != part).then_some(Value::Text(half)));
        }
    }
}

fn either(
    plain: Option<char>,
    upper: Option<std::char::ToUppercase>,
) -> impl Iterator<Item = char> {
    plain.into_iter().chain(upper.into_iter().flatten())
}

fn text(part: &str) -> Value {
    Value::Text(part.to_owned())
}

fn is_single(dialect: Dialect, native: &str) -> bool {
    match dialect {
        Dialect::Postgres => native == "real",
        Dialect::Mysql => native.starts_with("float"),
        Dialect::Sqlite => false,
    }
}

/// Whether a column that is read as UUIDs stores their sixteen bytes.
fn holds_bytes(native: &str) -> bool {
    let native = native.to_ascii_lowercase();
    ["bytea", "binary", "blob"].iter().any(|bytes| native.contains(bytes))
}

/// Whether comparison ignores trailing blanks by itself.
fn pads(dialect: Dialect, column: &ReadColumn) -> bool {
    match dialect {
        Dialect::Postgres => column.ty == Type::Char,
        Dialect::Mysql => collation(column).is_some_and(|name| {
            !["_0900_", "_nopad_"].iter().any(|without| name.contains(without))
        }),
        Dialect::Sqlite => false,
    }
}

/// Whether comparison ignores case and trailing blanks by itself.
fn ignores_case(dialect: Dialect, column: &ReadColumn) -> bool {
    let folding = collation(column).is_some_and(|name| name.ends_with("_ci"));
    dialect == Dialect::Mysql && folding && pads(dialect, column)
}

fn collation(column: &ReadColumn) -> Option<&str> {
    column.native.rsplit_once(" collate ").map(|(_, name)| name)
}

fn uuid_texts(uuid: Uuid) -> [Value; 4] {
    let (hyphenated, simple) = (uuid.hyphenated(), uuid.simple());
    [
        hyphenated.to_string(),
        simple.to_string(),
        hyphenated.to_string().to_uppercase(),
        simple.to_string().to_uppercase(),
    ]
    .map(Value::Text)
}

#[cfg(test)]
mod tests;
