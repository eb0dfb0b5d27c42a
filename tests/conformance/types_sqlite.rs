//! SQLite's types, value by value.

use prejoin::row::{Match, Type};

use super::reading::{Typed, by, fetch, read, rows, types_hold};
use crate::support::place::Place;

#[tokio::test]
async fn values_come_by_their_storage_class() {
    let types: &[Typed<'_>] = &[
        ("INTEGER", "-9223372036854775808", Type::Integer, "#-9223372036854775808"),
        ("UNSIGNED BIG INT", "7", Type::Integer, "#7"),
        ("INTEGER", "'seven'", Type::Integer, "seven"),
        ("BOOLEAN", "1", Type::Bool, "?true"),
        ("BOOLEAN", "0", Type::Bool, "?false"),
        ("BOOLEAN", "2", Type::Bool, "#2"),
        ("TEXT", "'김 \"x\"'", Type::Text, "김 \"x\""),
        ("VARCHAR(9)", "7", Type::Text, "7"),
        ("TEXT", "''", Type::Text, ""),
        ("REAL", "0.1", Type::Float, "#0.1"),
        ("REAL", "901.00", Type::Float, "#901"),
        ("REAL", "9e999", Type::Float, "-"),
        ("DECIMAL(15,2)", "901.00", Type::Decimal, "#901"),
        ("NUMERIC", "'12345678901234567890.10'", Type::Decimal, "#1.2345678901234567e19"),
        ("BLOB", "x'00ff10'", Type::Binary, "AP8Q"),
        ("BLOB", "'text'", Type::Binary, "text"),
        ("JSON", "'{\"a\": [1.50]}'", Type::Json, "={\"a\": [1.50]}"),
        ("JSON", "'no json'", Type::Json, "no json"),
        ("DATE", "'2026-01-31'", Type::Any, "2026-01-31"),
        ("DATETIME", "1769817600", Type::Any, "#1769817600"),
        ("", "7", Type::Any, "#7"),
        ("", "'7'", Type::Any, "7"),
        ("", "7.5", Type::Any, "#7.5"),
    ];
    types_hold(&Place::sqlite().await, None, types).await;
}

/// UUIDs in bytes and in text, in columns that are declared to hold just them.
#[tokio::test]
async fn uuids_of_either_class() {
    const UUID: &str = "0190a7c0-1111-7222-8333-444455556666";
    let place = Place::sqlite().await;
    place.run("CREATE TABLE things (id INTEGER PRIMARY KEY, a UUID, b GUID, c)").await;
    let (bytes, upper) =
        (format!("x'{}'", UUID.replace('-', "")), format!("'{}'", UUID.to_uppercase()));
    place
        .run(&format!("INSERT INTO things VALUES (1, {bytes}, {upper}, {bytes}), (2, {upper}, {bytes}, 7), (3, 7, NULL, x'00')"))
        .await;
    let source = place.source();
    let read = read(&*source, "things", &["id", "a", "b", "c"], &["id"]).await;
    for (column, wanted) in [("a", "#1 #2"), ("b", "#1 #2"), ("c", "#1")] {
        let read = by(read.clone(), &[column], Match::Uuid);
        let found = fetch(&*source, &read, &[UUID]).await;
        let ids: Vec<&str> = found.iter().map(|row| row.split_once('|').unwrap().0).collect();
        assert_eq!(ids.join(" "), wanted, "{column}");
        assert!(found.iter().any(|row| row.contains(UUID)), "{found:?}");
    }
}

/// A key whose values are of all classes: the order is SQLite's.
#[tokio::test]
async fn keys_of_mixed_classes() {
    let place = Place::sqlite().await;
    place.run("CREATE TABLE things (k PRIMARY KEY NOT NULL) WITHOUT ROWID").await;
    place.run("INSERT INTO things VALUES (2), (10), (-1), (2.5), (1e300), ('10'), ('2'), ('a'), (''), (x'00'), (x'0001'), (x''), ('김')").await;
    let source = place.source();
    let read = read(&*source, "things", &["k"], &["k"]).await;
    let wanted =
        ["#-1", "#2", "#2.5", "#10", "#1e300", "", "10", "2", "a", "김", "", "AA==", "AAE="];
    assert_eq!(rows(&*source, &read).await, wanted);
}

/// A file may keep its texts in another encoding.
#[tokio::test]
async fn texts_of_other_encodings() {
    let place = Place::sqlite().await;
    place.run("PRAGMA encoding = 'UTF-16le'; CREATE TABLE other (x)").await;
    place.run("CREATE TABLE things (code TEXT PRIMARY KEY, name TEXT)").await;
    place.run("INSERT INTO things VALUES ('a', 'x'), ('김', '김치'), ('😀', '')").await;
    let source = place.source();
    let read = read(&*source, "things", &["code", "name"], &["code"]).await;
    let mut seen = rows(&*source, &read).await;
    seen.sort();
    assert_eq!(seen, ["a|x", "김|김치", "😀|"]);
    let read = by(read, &["code"], Match::Exact);
    assert_eq!(fetch(&*source, &read, &["김"]).await, ["김|김치"]);
}
