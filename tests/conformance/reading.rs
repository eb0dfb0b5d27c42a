//! Reads as a plan would make them, and rows as text.

use std::slice::from_ref;
use std::sync::Arc;

use anyhow::Result;
use futures::TryStreamExt;
use prejoin::row::{Cell, Key, Kind, Match, Page, TableInfo, Type};
use prejoin::source::{Budget, Fetched, From, KeyRange, PageSize, Read, ReadColumn, Source};

use crate::support::place::Place;

/// More than any test reads.
pub(super) const PLENTY: usize = 1 << 30;

pub(super) const SMALL: PageSize = PageSize { rows: 7, bytes: PLENTY };

/// A read of these columns of a table, by this key, typed as the server describes them.
pub(super) async fn read(source: &dyn Source, table: &str, columns: &[&str], key: &[&str]) -> Read {
    read_from(source, From::Table(table.to_owned()), columns, key).await
}

pub(super) async fn read_from(
    source: &dyn Source,
    from: From,
    columns: &[&str],
    key: &[&str],
) -> Read {
    let info = source.describe(&from).await.unwrap().expect("the table exists");
    let columns: Vec<ReadColumn> = columns.iter().map(|name| column(&info, name)).collect();
    let key = key.iter().map(|name| index(&columns, name)).collect();
    Read::all("things", from, columns, key)
}

/// The read, looking up by these columns.
pub(super) fn by(mut read: Read, columns: &[&str], matching: Match) -> Read {
    read.by = columns.iter().map(|name| index(&read.columns, name)).collect();
    read.matching = matching;
    let bytes = |at: usize| matches!(read.columns[at].ty, Type::Binary | Type::Any);
    let uuids = read.by.iter().copied().filter(|&at| matching == Match::Uuid && bytes(at));
    read.uuids = uuids.collect();
    read
}

fn index(columns: &[ReadColumn], name: &str) -> usize {
    columns.iter().position(|column| column.name == name).expect("a column of the read")
}

pub(super) fn column(info: &TableInfo, name: &str) -> ReadColumn {
    let found = info.column(name).unwrap_or_else(|| panic!("no column `{name}` in {info:?}"));
    let nullable = found.nullable;
    ReadColumn { nullable, ..ReadColumn::new(name, found.ty, &found.native) }
}

/// All pages of a scan.
pub(super) async fn scan(source: &dyn Source, read: &Read, size: PageSize) -> Result<Vec<Page>> {
    source.scan(Arc::new(read.clone()), KeyRange::default(), size).try_collect().await
}

/// All rows of a scan in pages of seven.
pub(super) async fn rows(source: &dyn Source, read: &Read) -> Vec<String> {
    lines(read, &scan(source, read, SMALL).await.unwrap())
}

/// The rows of these keys.
pub(super) async fn fetch(source: &dyn Source, read: &Read, keys: &[&str]) -> Vec<String> {
    let keys: Vec<Key> = keys.iter().map(|key| Key::from(*key)).collect();
    let fetched = source.fetch_by_keys(read, &keys, &Budget::new(PLENTY)).await.unwrap();
    assert!(fetched.complete);
    found(read, &fetched)
}

/// The rows that were found, as text.
pub(super) fn found(read: &Read, fetched: &Fetched) -> Vec<String> {
    fetched.answers.iter().flat_map(|answer| lines(read, from_ref(&answer.page))).collect()
}

/// Rows as text, cells parted by a bar; NULL is `-`, what is no plain text is marked by its kind.
pub(super) fn lines(read: &Read, pages: &[Page]) -> Vec<String> {
    let line = |page: &Page, row: usize| {
        let cells = (0..read.columns.len()).map(|column| shown(page.cell(row, column)));
        cells.collect::<Vec<_>>().join("|")
    };
    pages.iter().flat_map(|page| (0..page.len()).map(move |row| line(page, row))).collect()
}

fn shown(cell: Cell<'_>) -> String {
    match cell.kind {
        Kind::Null => "-".to_owned(),
        Kind::Text => cell.text.to_owned(),
        Kind::Number => format!("#{}", cell.text),
        Kind::Bool => format!("?{}", cell.text),
        Kind::Json => format!("={}", cell.text),
        Kind::Undecodable => "(undecodable)".to_owned(),
    }
}

/// `INSERT` of many rows, each in SQL.
pub(super) fn insert(table: &str, rows: impl Iterator<Item = String>) -> String {
    let rows: Vec<String> = rows.map(|row| format!("({row})")).collect();
    let inserts =
        rows.chunks(2_000).map(|rows| format!("INSERT INTO {table} VALUES {};", rows.join(", ")));
    inserts.collect::<Vec<_>>().join("\n")
}

/// An error with its causes.
pub(super) fn said<T>(result: Result<T>) -> String {
    format!("{:#}", result.err().expect("an error"))
}

/// A type, a value in SQL, the type it is described as, and the value as it comes.
pub(super) type Typed<'a> = (&'a str, &'a str, Type, &'a str);

/// Tries all types in the columns of one table: described, scanned and, where there is an order, found by their own key.
pub(super) async fn types_hold(place: &Place, zone: Option<&str>, types: &[Typed<'_>]) {
    let names: Vec<String> = (0..types.len()).map(|at| format!("c{at}")).collect();
    let columns = types.iter().zip(&names).map(|((ty, ..), name)| format!("{name} {ty}"));
    place
        .run(&format!(
            "CREATE TABLE things (id INTEGER PRIMARY KEY, {})",
            columns.collect::<Vec<_>>().join(", ")
        ))
        .await;
    let values: Vec<&str> = types.iter().map(|(_, value, ..)| *value).collect();
    place.run(&format!("INSERT INTO things VALUES (1, {})", values.join(", "))).await;
    place.run("INSERT INTO things (id) VALUES (2)").await;
    let source = place.source();
    let info = source.describe(&From::Table("things".to_owned())).await.unwrap().unwrap();
    let zone = zone.map(|zone| jiff::tz::TimeZone::get(zone).unwrap());
    let mut wrong = Vec::new();
    for (&(ty, value, described, wanted), name) in types.iter().zip(&names) {
        let mut read = read(&*source, "things", &["id", name], &["id"]).await;
        read.columns[1].zone.clone_from(&zone);
        let seen = (info.column(name).unwrap().ty, rows(&*source, &read).await);
        if seen != (described, vec![format!("#1|{wanted}"), "#2|-".to_owned()]) {
            wrong.push(format!("{ty} {value}: {seen:?}"));
        }
        let read = by(read, &[name], Match::Exact);
        let key = match wanted {
            "?true" => Key::from("1"),
            "?false" => Key::from("0"),
            _ => Key::from(wanted.trim_start_matches('#')),
        };
        if !matches!(described, Type::Json | Type::Array) && wanted != "-" {
            match source.fetch_by_keys(&read, &[key], &Budget::new(PLENTY)).await {
                Ok(found) if self::found(&read, &found) == [format!("#1|{wanted}")] => {}
                other => wrong.push(format!("{ty} {value}: looked up: {other:?}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
