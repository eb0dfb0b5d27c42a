//! Rows in the order of their key, between two ends of it: the pages of a scan, and the steps that part it.
//!
//! Promises: whatever the key is made of, a row lies on one side of an end or on the other, and equals to the server lie on
//! the same; both ends are where the key's index can look for them.

use std::fmt::Write;

use anyhow::{Result, bail};

use super::{Dialect, Statement, conditions, outputs, select, tables};
use crate::row::Type;
use crate::source::{Read, ReadColumn};

/// What a statement's rows lie between.
#[derive(Debug, Clone, Copy)]
pub(in crate::source) struct Ends {
    /// [`Side::From`], or [`Side::After`] of a read that goes on upwards; `None` at the beginning of the table.
    pub(in crate::source) lower: Option<End>,
    /// [`Side::Until`], or [`Side::After`] of a read that goes on downwards; `None` at the end of the table.
    pub(in crate::source) upper: Option<End>,
}

impl Ends {
    /// The whole of a table.
    pub(in crate::source) const OPEN: Self = Self { lower: None, upper: None };
}

/// One end: the whole of a key, or the first columns of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::source) struct End {
    pub(in crate::source) side: Side,
    /// How many of the key's columns it has.
    pub(in crate::source) parts: usize,
}

impl End {
    /// An end that has all of the key's columns, however many there are.
    pub(in crate::source) const fn whole(side: Side) -> Self {
        Self { side, parts: usize::MAX }
    }
}

/// Which end it is, and where its value is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::source) enum Side {
    /// A key given back in its canonical text. Its row is the first.
    From,
    /// The last page's last key, as the server sent it. Its row comes again, and is marked.
    After,
    /// A key given back in its canonical text. Its row does not come.
    Until,
}

/// What stands for a placeholder: one part of an end's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::source) struct Place {
    pub(in crate::source) side: Side,
    pub(in crate::source) part: usize,
}

/// A page of rows in the order of their key. After a cursor its own row comes again in front of the page; a last column,
/// beside those of the read, marks the rows whose key the server holds equal to it.
///
/// # Errors
/// When the key has a part that has no order.
pub(in crate::source) fn page(
    dialect: Dialect,
    read: &Read,
    ends: Ends,
    limit: usize,
) -> Result<Statement> {
    // The cursor's own row is one more.
    let limit = limit + usize::from(is_after(ends));
    ordered(dialect, read, ends, &format!("LIMIT {limit}"))
}

/// The row that stands `rows` rows behind the first.
///
/// # Errors
/// As [`page`].
pub(in crate::source) fn nth(
    dialect: Dialect,
    read: &Read,
    ends: Ends,
    rows: usize,
) -> Result<Statement> {
    ordered(dialect, read, ends, &format!("LIMIT 1 OFFSET {rows}"))
}

fn ordered(dialect: Dialect, read: &Read, ends: Ends, rows: &str) -> Result<Statement> {
    let key = read.key_columns();
    if let Some(part) = key.iter().find(|part| matches!(part.ty, Type::Json | Type::Array)) {
        bail!("column `{}` ({}) cannot be part of a key", part.name, part.native);
    }
    let (mut columns, mut conditions) = (outputs(dialect, read), conditions(dialect, read));
    conditions.extend(
        key.iter()
            .filter(|part| part.nullable)
            .map(|part| format!("{} IS NOT NULL", dialect.column(part))),
    );
    let way = if read.backward { " DESC" } else { "" };
    let order: Vec<String> =
        key.iter().map(|part| format!("{}{way}", dialect.ordered(part))).collect();
    let mut comparisons = Comparisons { dialect, key, places: Vec::new() };
    if is_after(ends) {
        columns.push(comparisons.equal(End::whole(Side::After)));
    }
    conditions.extend(ends.lower.map(|lower| comparisons.beyond(lower, ">", "=")));
    conditions.extend(ends.upper.map(|upper| {
        comparisons.beyond(upper, "<", if upper.side == Side::After { "=" } else { "" })
    }));
    let mut text = select(&tables(dialect, read), &columns, &conditions);
    let _fits = write!(text, " ORDER BY {} {rows}", order.join(", "));
    Ok(Statement { text, places: comparisons.places })
}

fn is_after(ends: Ends) -> bool {
    ends.lower.into_iter().chain(ends.upper).any(|end| end.side == Side::After)
}

/// Comparisons of a key, noting what each placeholder stands for.
struct Comparisons<'r> {
    dialect: Dialect,
    key: Vec<&'r ReadColumn>,
    places: Vec<Place>,
}

impl Comparisons<'_> {
    /// The columns as they compare, each with one end's value.
    fn pairs(&mut self, End { side, parts }: End) -> Vec<(String, String)> {
        let pairs = self.key.iter().take(parts).enumerate().map(|(part, column)| {
            let placeholder = placeholder(self.dialect, &mut self.places, Place { side, part });
            let value = match side {
                Side::After => self.dialect.compared(column, &placeholder),
                Side::From | Side::Until => self.dialect.given(column, &placeholder),
            };
            (self.dialect.ordered(column), value)
        });
        pairs.collect()
    }

    fn equal(&mut self, end: End) -> String {
        let parts =
            self.pairs(end).into_iter().map(|(column, value)| format!("{column} = {value}"));
        format!("({})", parts.collect::<Vec<_>>().join(" AND "))
    }

    /// `key > value`, or `key >= value` with `=` for `or_equal`; `key < value` with `<` for `than`.
    fn beyond(&mut self, end: End, than: &str, or_equal: &str) -> String {
        if self.dialect != Dialect::Mysql {
            let (columns, values): (Vec<_>, Vec<_>) = self.pairs(end).into_iter().unzip();
            return format!("({}) {than}{or_equal} ({})", columns.join(", "), values.join(", "));
        }
        // MySQL finds no range in a comparison of rows: a > ? OR (a = ? AND b >= ?).
        let parts = self.key.len().min(end.parts);
        let last = parts.saturating_sub(1);
        let mut choices = Vec::new();
        for upto in 0..parts {
            let placed = self.places.len();
            let prefix = self.pairs(end).into_iter().take(upto + 1).enumerate();
            self.places.truncate(placed + upto + 1);
            let prefix = prefix.map(|(part, (column, value))| match part {
                _ if part < upto => format!("{column} = {value}"),
                _ if part == last => format!("{column} {than}{or_equal} {value}"),
                _ => format!("{column} {than} {value}"),
            });
            choices.push(format!("({})", prefix.collect::<Vec<_>>().join(" AND ")));
        }
        format!("({})", choices.join(" OR "))
    }
}

/// Where placeholders have numbers, the same value has the same one.
fn placeholder(dialect: Dialect, places: &mut Vec<Place>, place: Place) -> String {
    let known = places.iter().position(|known| *known == place);
    let known = known.filter(|_| dialect != Dialect::Mysql);
    let at = known.unwrap_or_else(|| {
        places.push(place);
        places.len() - 1
    });
    dialect.placeholder(at)
}
