//! Scans: every row once, in the order of its key, whatever the key is made of.

use std::collections::BTreeSet;

use prejoin::source::{From, PageSize};

use super::reading::{PLENTY, SMALL, insert, lines, read, read_from, rows, said, scan};
use crate::support::place::Place;

async fn one_number(place: Place) {
    place.run("CREATE TABLE things (id BIGINT PRIMARY KEY, name VARCHAR(20))").await;
    let ids = (-500..1_000_i64).map(|id| id * 3);
    place.run(&insert("things", ids.clone().map(|id| format!("{id}, 'n{id}'")))).await;
    let source = place.source();
    let read = read(&*source, "things", &["id", "name"], &["id"]).await;
    let wanted: Vec<String> = ids.map(|id| format!("#{id}|n{id}")).collect();
    for rows in [1, 7, 100, 10_000] {
        let rows = if rows == 1 { 999 } else { rows };
        let pages = scan(&*source, &read, PageSize { rows, bytes: PLENTY }).await.unwrap();
        assert_eq!(lines(&read, &pages), wanted);
        assert!(pages.iter().all(|page| page.len() <= rows));
    }
}

async fn several_columns(place: Place) {
    place
        .run("CREATE TABLE things (branch INTEGER NOT NULL, no VARCHAR(20) NOT NULL, PRIMARY KEY (branch, no))")
        .await;
    let keys = (0..12).flat_map(|branch| (0..9).map(move |no| (branch, no)));
    place.run(&insert("things", keys.clone().map(|(a, b)| format!("{a}, 'k{b}'")))).await;
    let source = place.source();
    let read = read(&*source, "things", &["no", "branch"], &["branch", "no"]).await;
    let wanted: Vec<String> = keys.map(|(branch, no)| format!("k{no}|#{branch}")).collect();
    assert_eq!(rows(&*source, &read).await, wanted);
}

/// Texts whose order differs from server to server: each server's own is followed, and nothing is lost.
async fn text(place: Place) {
    place.run("CREATE TABLE things (code VARCHAR(40) NOT NULL PRIMARY KEY)").await;
    let mut codes: Vec<String> = (0..60).map(|code| format!("Code-{code}")).collect();
    codes.extend(
        ["", "김철수", "김", "가나다", "Ärger", "zebra", "Zoo 1", "a'b", "50%", "😀", "_"]
            .map(str::to_owned),
    );
    place
        .run(&insert("things", codes.iter().map(|code| format!("'{}'", code.replace('\'', "''")))))
        .await;
    let source = place.source();
    let read = read(&*source, "things", &["code"], &["code"]).await;
    let seen = rows(&*source, &read).await;
    assert_eq!(seen.len(), codes.len());
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), codes.into_iter().collect());
}

async fn uuid(place: Place) {
    let ty = if place.is_sqlite() { "CHAR(36)" } else { "UUID" };
    place.run(&format!("CREATE TABLE things (id {ty} PRIMARY KEY)")).await;
    let ids: Vec<String> = (0..50_u32)
        .map(|id| format!("{:08x}-0000-7000-8000-{id:012x}", id.wrapping_mul(2_654_435_761)))
        .collect();
    place.run(&insert("things", ids.iter().map(|id| format!("'{id}'")))).await;
    let source = place.source();
    let read = read(&*source, "things", &["id"], &["id"]).await;
    let seen = rows(&*source, &read).await;
    assert_eq!(seen.len(), ids.len());
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), ids.into_iter().collect());
}

/// One key of many types; the rows differ in a different part each time.
async fn parts_of_many_types(place: Place) {
    let (bytes, instant) = match () {
        () if place.is_postgres() => ("BYTEA", "TIMESTAMPTZ"),
        () if place.is_mariadb() => ("VARBINARY(9)", "TIMESTAMP(6)"),
        () => ("BLOB", "TEXT"),
    };
    place
        .run(&format!(
            "CREATE TABLE things (d DATE NOT NULL, n NUMERIC(12,3) NOT NULL, b {bytes} NOT NULL, c CHAR(5) NOT NULL, \
             i {instant} NOT NULL, t TIMESTAMP NOT NULL, f REAL NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (d, n, b, c, i, t, f))"
        ))
        .await;
    let bytes = |text: &str| match () {
        () if place.is_postgres() => format!("'\\x{text}'::bytea"),
        () => format!("x'{text}'"),
    };
    let mut keys = Vec::new();
    for date in ["2024-02-29", "2026-01-31"] {
        for number in ["-1.500", "0.001", "123456789.125"] {
            for (blob, text) in [("00", "a"), ("00ff", "b"), ("ff", "ccccc")] {
                for time in ["2026-01-31 13:05:00.123456", "2026-01-31 13:05:01"] {
                    for real in ["0.1", "2.5"] {
                        let blob = bytes(blob);
                        keys.push(format!(
                            "'{date}', {number}, {blob}, '{text}', '{time}', '{time}', {real}, {}",
                            keys.len()
                        ));
                    }
                }
            }
        }
    }
    place.run(&insert("things", keys.iter().cloned())).await;
    let source = place.source();
    let read = read(
        &*source,
        "things",
        &["d", "n", "b", "c", "i", "t", "f", "id"],
        &["d", "n", "b", "c", "i", "t", "f"],
    )
    .await;
    let ids: Vec<String> = rows(&*source, &read)
        .await
        .iter()
        .map(|row| row.rsplit_once("|#").unwrap().1.to_owned())
        .collect();
    let wanted: Vec<String> = (0..keys.len()).map(|id| id.to_string()).collect();
    assert_eq!(ids, wanted);
}

async fn nothing_there(place: Place) {
    place.run("CREATE TABLE things (id INTEGER PRIMARY KEY)").await;
    let source = place.source();
    let read = read(&*source, "things", &["id"], &["id"]).await;
    assert!(scan(&*source, &read, SMALL).await.unwrap().is_empty());
    assert_eq!(source.describe(&From::Table("nothings".to_owned())).await.unwrap(), None);
    let elsewhere = format!("{}.nothings", place.schema());
    assert_eq!(source.describe(&From::Table(elsewhere)).await.unwrap(), None);
}

async fn only_rows_that_match(place: Place) {
    place.run("CREATE TABLE things (id INTEGER PRIMARY KEY, kind INTEGER, gone INTEGER)").await;
    let rows_in =
        (0..30).map(|id| format!("{id}, {}, {}", id % 3, if id % 2 == 0 { "NULL" } else { "1" }));
    place.run(&insert("things", rows_in)).await;
    let source = place.source();
    let mut read = read(&*source, "things", &["id"], &["id"]).await;
    // Without its own parentheses the condition would swallow the rest.
    read.condition = Some("kind = 1 OR kind = 2 -- not 0".to_owned());
    read.absent = Some("gone".to_owned());
    let wanted: Vec<String> =
        (0..30).filter(|id| id % 3 > 0 && id % 2 == 0).map(|id| format!("#{id}")).collect();
    assert_eq!(rows(&*source, &read).await, wanted);
}

async fn a_query_in_place_of_a_table(place: Place) {
    place.run("CREATE TABLE things (id INTEGER PRIMARY KEY, name VARCHAR(20))").await;
    place.run(&insert("things", (0..20).map(|id| format!("{id}, 'n{id}'")))).await;
    let source = place.source();
    let query = From::Query(
        "SELECT id * 2 AS twice, name FROM things WHERE id < 18 -- all but two\n;".to_owned(),
    );
    let read = read_from(&*source, query, &["twice", "name"], &["twice"]).await;
    let wanted: Vec<String> = (0..18).map(|id| format!("#{}|n{id}", id * 2)).collect();
    assert_eq!(rows(&*source, &read).await, wanted);
}

async fn names_that_need_quotes(place: Place) {
    let (table, odd, upper) =
        (place.quoted("select"), place.quoted("a\"b`c"), place.quoted("Upper Case"));
    place
        .run(&format!("CREATE TABLE {table} ({odd} INTEGER PRIMARY KEY, {upper} VARCHAR(9))"))
        .await;
    place.run(&insert(&table, (0..20).map(|id| format!("{id}, 'x'")))).await;
    let (korean, id, name) = (place.quoted("계약"), place.quoted("번호"), place.quoted("담당자"));
    place
        .run(&format!("CREATE TABLE {korean} ({id} INTEGER PRIMARY KEY, {name} VARCHAR(9))"))
        .await;
    place.run(&insert(&korean, (0..20).map(|id| format!("{id}, '김철수'")))).await;
    let source = place.source();
    let schema = format!("{}.select", place.schema());
    for (table, columns, last) in [
        ("select", ["a\"b`c", "Upper Case"], "#19|x"),
        (schema.as_str(), ["a\"b`c", "Upper Case"], "#19|x"),
        ("계약", ["번호", "담당자"], "#19|김철수"),
    ] {
        let read = read(&*source, table, &columns, &columns[..1]).await;
        assert_eq!(rows(&*source, &read).await.last().unwrap(), last);
    }
}

async fn rows_without_a_key_are_counted(place: Place) {
    place.run("CREATE TABLE things (a INTEGER, b VARCHAR(9), kind INTEGER)").await;
    let rows_in = ["1, 'x', 1", "2, NULL, 1", "NULL, 'y', 1", "NULL, NULL, 2", "3, 'z', 1"];
    place.run(&insert("things", rows_in.iter().map(|row| (*row).to_owned()))).await;
    let source = place.source();
    let mut read = read(&*source, "things", &["a", "b"], &["a", "b"]).await;
    assert_eq!(rows(&*source, &read).await, ["#1|x", "#3|z"]);
    assert_eq!(source.count_keyless(&read).await.unwrap(), 3);
    read.condition = Some("kind = 1".to_owned());
    assert_eq!(source.count_keyless(&read).await.unwrap(), 2);
}

/// A key that is none: noticed within a page, and where two pages meet.
async fn keys_that_come_twice(place: Place) {
    place.run("CREATE TABLE things (branch INTEGER NOT NULL, no INTEGER NOT NULL)").await;
    place.run(&insert("things", (0..40).map(|no| format!("1, {no}")))).await;
    let source = place.source();
    let read = read(&*source, "things", &["branch", "no"], &["branch", "no"]).await;
    assert_eq!(rows(&*source, &read).await.len(), 40);
    // Row 14 is the last of its page, 15 the first of the next.
    for twice in [9, 13, 14] {
        place.run(&format!("INSERT INTO things VALUES (1, {twice})")).await;
        let error = said(scan(&*source, &read, SMALL).await);
        assert!(error.contains("several rows have the same key (branch, no)"), "{error}");
        assert!(error.contains("source `test`: `things`"), "{error}");
        place.run(&format!("DELETE FROM things WHERE no = {twice}")).await;
        place.run(&format!("INSERT INTO things VALUES (1, {twice})")).await;
    }
    assert_eq!(rows(&*source, &read).await.len(), 40);
}

/// Two keys that the server holds equal would be lost where two pages meet: that is an error, not a loss.
async fn keys_that_the_collation_holds_equal(place: Place) {
    let collation = match () {
        () if place.is_postgres() => {
            place.run("CREATE COLLATION folding (provider = icu, locale = 'und-u-ks-level2', deterministic = false)").await;
            "COLLATE folding"
        }
        () if place.is_mariadb() => "COLLATE utf8mb4_general_ci",
        () => "COLLATE NOCASE",
    };
    place.run(&format!("CREATE TABLE things (code VARCHAR(9) {collation} NOT NULL)")).await;
    place.run(&insert("things", (0..14).map(|code| format!("'c{code:02}'")))).await;
    let source = place.source();
    let read = read(&*source, "things", &["code"], &["code"]).await;
    assert_eq!(rows(&*source, &read).await.len(), 14);
    place.run("INSERT INTO things VALUES ('C06')").await;
    let error = said(scan(&*source, &read, SMALL).await);
    assert!(error.contains("keys that the server holds equal"), "{error}");
}

on_every_server!(
    one_number,
    several_columns,
    text,
    uuid,
    parts_of_many_types,
    nothing_there,
    only_rows_that_match,
    a_query_in_place_of_a_table,
    names_that_need_quotes,
    rows_without_a_key_are_counted,
    keys_that_come_twice,
    keys_that_the_collation_holds_equal,
);
