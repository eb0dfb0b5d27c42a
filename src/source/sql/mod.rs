//! The SELECTs that sources send, in three dialects.
//!
//! Promises: every name is quoted here and every value is bound; the only foreign SQL is what a job's author wrote as
//! `query` or `where`, always in parentheses of its own. Pure. Never writes, never names a column that was not asked for.

mod bound;
mod page;
pub(super) mod survey;

use std::fmt::Write;

use anyhow::Result;
use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

use super::keys::{Fold, Form, Lookup};
use super::{From, Read, ReadColumn};
use crate::row::{Match, Type};
use bound::{array, converted, unsized_type};
pub(super) use page::{End, Ends, Place, Side, nth, page};

/// Whose SQL it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Postgres,
    Mysql,
    Sqlite,
}

/// A SELECT and what to bind to it.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) text: String,
    /// What each placeholder stands for, in their order, where that is an end of a range.
    pub(super) places: Vec<Place>,
}

/// The one door through which text that was put together here reaches a server.
pub(super) fn sent(text: String) -> SqlStr {
    AssertSqlSafe(text).into_sql_str()
}

impl Dialect {
    pub(super) fn name(self, name: &str) -> String {
        match self {
            Self::Mysql => format!("`{}`", name.replace('`', "``")),
            Self::Postgres | Self::Sqlite => format!("\"{}\"", name.replace('"', "\"\"")),
        }
    }

    /// `name` or `schema.name`.
    pub(super) fn table(self, table: &str) -> String {
        match split(table) {
            (Some(schema), name) => format!("{}.{}", self.name(schema), self.name(name)),
            (None, name) => self.name(name),
        }
    }

    fn placeholder(self, at: usize) -> String {
        match self {
            Self::Postgres => format!("${}", at + 1),
            Self::Mysql => "?".to_owned(),
            Self::Sqlite => format!("?{}", at + 1),
        }
    }

    fn column(self, column: &ReadColumn) -> String {
        format!("{}.{}", if column.linked { "l" } else { "t" }, self.name(&column.name))
    }

    /// The column as it is read: as text where only the server can write it.
    fn output(self, column: &ReadColumn) -> String {
        let plain = self.column(column);
        match (self, column.ty) {
            // Cast to text, the address of one host would end in `/32`.
            (Self::Postgres, Type::Other) if column.native == "inet" => {
                format!("inet_out({plain})::text")
            }
            (Self::Postgres, Type::Other) => format!("{plain}::text"),
            (Self::Postgres, Type::Array) => format!("to_json({plain})::text"),
            (Self::Mysql, Type::Other) if is_geometry(&column.native) => {
                format!("ST_AsText({plain})")
            }
            (Self::Mysql, Type::Other) => format!("CAST({plain} AS CHAR)"),
            _ => plain,
        }
    }

    /// The column as rows are ordered and compared by it.
    fn ordered(self, column: &ReadColumn) -> String {
        let plain = self.column(column);
        match (self, column.ty) {
            // MySQL orders these by number and compares them with text by their text.
            (Self::Mysql, Type::Enum) => format!("CAST({plain} AS CHAR)"),
            (Self::Postgres, _) if has_hidden_operators(column) => format!("{plain}::text"),
            _ => plain,
        }
    }

    /// A placeholder that compares as the column does: a value bound as text is cast to the column's own type.
    fn compared(self, column: &ReadColumn, placeholder: &str) -> String {
        match (self, column.ty) {
            (Self::Postgres, Type::Other) => self.given(column, placeholder),
            (Self::Postgres, _) if has_hidden_operators(column) => format!("{placeholder}::text"),
            // Against a bare text MySQL would compare as doubles.
            (Self::Mysql, Type::Decimal) => {
                let size = column.native.find('(').and_then(|at| column.native.get(at..));
                let size = size.and_then(|size| size.split_inclusive(')').next());
                format!("CAST({placeholder} AS DECIMAL{})", size.unwrap_or("(65,30)"))
            }
            _ => placeholder.to_owned(),
        }
    }

    /// As [`Dialect::compared`], for a value that was made from its canonical text.
    fn given(self, column: &ReadColumn, placeholder: &str) -> String {
        match self {
            Self::Postgres if has_hidden_operators(column) => format!("{placeholder}::text"),
            Self::Postgres => format!("{placeholder}::{}", unsized_type(&column.native)),
            Self::Mysql | Self::Sqlite => self.compared(column, placeholder),
        }
    }
}

/// Of `citext` outside of the session's `search_path` the order holds all the same, but its comparisons are those of `text`.
fn has_hidden_operators(column: &ReadColumn) -> bool {
    column.native.ends_with(".citext")
}

pub(super) fn split(table: &str) -> (Option<&str>, &str) {
    match table.split_once('.') {
        Some((schema, name)) => (Some(schema), name),
        None => (None, table),
    }
}

fn is_geometry(native: &str) -> bool {
    ["geometry", "point", "linestring", "polygon"].iter().any(|family| native.contains(family))
}

/// How many rows have no key; `None` when the table's columns rule it out.
pub(super) fn keyless(dialect: Dialect, read: &Read) -> Option<String> {
    let key = read.key_columns();
    let nulls: Vec<String> = key
        .iter()
        .filter(|part| part.nullable)
        .map(|part| format!("{} IS NULL", dialect.column(part)))
        .collect();
    if nulls.is_empty() {
        return None;
    }
    let mut conditions = conditions(dialect, read);
    conditions.push(format!("({})", nulls.join(" OR ")));
    Some(select(&tables(dialect, read), &["COUNT(*)".to_owned()], &conditions))
}

/// What a read begins with: the lookup of one key, or the first page of at most `rows` rows where nothing is looked up by.
///
/// # Errors
/// When a column cannot be looked up or ordered by.
pub(super) fn statement(dialect: Dialect, read: &Read, rows: usize) -> Result<String> {
    if read.by.is_empty() {
        read.ensure_key()?;
        return Ok(page(dialect, read, Ends::OPEN, rows)?.text);
    }
    let by = read.by.iter().filter_map(|&at| read.columns.get(at));
    let by = by.map(|column| Lookup::of(dialect, column, read.matching));
    Ok(lookup(dialect, read, &by.collect::<Result<Vec<_>>>()?, 1))
}

/// The rows of `rows` keys at once. PostgreSQL takes them as one array a column, the others as so many placeholders.
pub(super) fn lookup(dialect: Dialect, read: &Read, lookups: &[Lookup], rows: usize) -> String {
    let by: Vec<(&ReadColumn, &Lookup)> =
        read.by.iter().filter_map(|&at| read.columns.get(at)).zip(lookups).collect();
    let (outputs, mut conditions) = (outputs(dialect, read), conditions(dialect, read));
    let mut text = match (dialect, by.len()) {
        (Dialect::Sqlite, 2..) => {
            conditions.extend(by.iter().enumerate().map(|(at, (column, lookup))| {
                // The second time for spellings that a collation holds equal: a row comes once.
                let (side, key) = (side(dialect, column, lookup), format!("k.column{}", at + 1));
                format!("{side} = {key} AND {side} = {key} COLLATE BINARY")
            }));
            // SQLite would look at every row of the table for a list of rows, and finds its index for a join.
            let row = format!("({})", vec!["?"; by.len()].join(", "));
            let keys = vec![row.as_str(); rows].join(", ");
            let tables = format!(
                "(SELECT DISTINCT * FROM (VALUES {keys})) AS k CROSS JOIN {}",
                tables(dialect, read)
            );
            select(&tables, &outputs, &conditions)
        }
        _ => {
            conditions.push(listed(dialect, &by, rows));
            select(&tables(dialect, read), &outputs, &conditions)
        }
    };
    let order = lookup_order(dialect, read);
    if !order.is_empty() {
        let _fits = write!(text, " ORDER BY {}", order.join(", "));
    }
    text
}

/// The looked-up columns are among the keys.
fn listed(dialect: Dialect, by: &[(&ReadColumn, &Lookup)], rows: usize) -> String {
    let sides: Vec<String> =
        by.iter().map(|(column, lookup)| side(dialect, column, lookup)).collect();
    let parenthesised = |parts: &[String]| match parts {
        [one] => one.clone(),
        several => format!("({})", several.join(", ")),
    };
    let side = parenthesised(&sides);
    if dialect == Dialect::Postgres {
        let arrays = by.iter().enumerate().map(|(at, (column, lookup))| array(at, column, lookup));
        let arrays = arrays.collect::<Vec<_>>().join(", ");
        return match by.len() {
            1 => format!("{side} = ANY({arrays})"),
            _ => format!("{side} IN (SELECT * FROM unnest({arrays}))"),
        };
    }
    let row = by.iter().map(|(column, lookup)| match (&lookup.form, &lookup.collation) {
        (Form::Decimal, _) => dialect.compared(column, "?"),
        (_, Some(collation)) => converted(collation),
        _ => "?".to_owned(),
    });
    let row = parenthesised(&row.collect::<Vec<_>>());
    format!("{side} IN ({})", vec![row.as_str(); rows].join(", "))
}

/// The looked-up column, folded as the matching wants it.
fn side(dialect: Dialect, column: &ReadColumn, lookup: &Lookup) -> String {
    let plain = dialect.column(column);
    let plain = match (dialect, column.ty) {
        // A text that is none of an enumeration's, or no address, would fail the batch.
        (Dialect::Postgres, Type::Enum) => format!("{plain}::text"),
        (_, Type::Other) => dialect.output(column),
        _ => plain,
    };
    match lookup.fold {
        Fold::None => plain,
        Fold::Blanks => format!("rtrim({plain})"),
        Fold::Case => format!("lower(rtrim({plain}))"),
    }
}

/// Groups together where equal keys are equal to the server too, then the order asked for, then the key; nothing when each
/// group is one row.
fn lookup_order(dialect: Dialect, read: &Read) -> Vec<String> {
    // Under any other matching, keys that differ here may be one to whoever asks.
    let is_one = read.by == read.key && read.matching == Match::Exact;
    if read.order.is_empty() && read.link.is_none() && is_one {
        return Vec::new();
    }
    let named = |at: &usize| read.columns.get(*at).map(|column| dialect.ordered(column));
    // Not every type has an order of its own, but each has a text.
    let grouped = |at: &usize| {
        read.columns.get(*at).map(|column| match column.ty {
            Type::Other => dialect.output(column),
            _ => dialect.ordered(column),
        })
    };
    let by = read.by.iter().filter(|_| read.matching == Match::Exact).filter_map(grouped);
    let order = read.order.iter().map(|order| {
        let (column, way) = (
            format!("t.{}", dialect.name(&order.column)),
            if order.descending { " DESC" } else { "" },
        );
        match dialect {
            Dialect::Mysql => format!("{column} IS NULL, {column}{way}"),
            Dialect::Postgres | Dialect::Sqlite => format!("{column}{way} NULLS LAST"),
        }
    });
    let mut all: Vec<String> = Vec::new();
    for part in by.chain(order).chain(read.key.iter().filter_map(named)) {
        if !all.contains(&part) {
            all.push(part);
        }
    }
    all
}

fn outputs(dialect: Dialect, read: &Read) -> Vec<String> {
    read.columns.iter().map(|column| dialect.output(column)).collect()
}

fn conditions(dialect: Dialect, read: &Read) -> Vec<String> {
    let condition = match read.link {
        // Its names could be the link table's too: it stands in a query of its own.
        Some(_) => None,
        None => read.condition.as_ref().map(|condition| format!("({condition}\n)")),
    };
    let absent = read.absent.as_ref().map(|column| format!("t.{} IS NULL", dialect.name(column)));
    condition.into_iter().chain(absent).collect()
}

fn select(tables: &str, columns: &[String], conditions: &[String]) -> String {
    let mut text = format!("SELECT {} FROM {tables}", columns.join(", "));
    if !conditions.is_empty() {
        let _fits = write!(text, " WHERE {}", conditions.join(" AND "));
    }
    text
}

fn tables(dialect: Dialect, read: &Read) -> String {
    let from = source(dialect, &read.from);
    let Some(link) = &read.link else { return format!("{from} AS t") };
    let target = match &read.condition {
        Some(condition) => format!("(SELECT * FROM {from} AS t WHERE ({condition}\n)) AS t"),
        None => format!("{from} AS t"),
    };
    let pairs: Vec<String> = link
        .to
        .iter()
        .map(|(column, target)| format!("t.{} = l.{}", dialect.name(target), dialect.name(column)))
        .collect();
    format!("{} AS l JOIN {target} ON {}", dialect.table(&link.table), pairs.join(" AND "))
}

/// A table, or a query in parentheses that no comment at its end can swallow.
pub(super) fn source(dialect: Dialect, from: &From) -> String {
    match from {
        From::Table(table) => dialect.table(table),
        From::Query(query) => format!("({}\n)", bare(query)),
    }
}

/// A query without the semicolon after it.
pub(super) fn bare(query: &str) -> &str {
    query.trim().trim_end_matches(';')
}

#[cfg(test)]
mod tests;
