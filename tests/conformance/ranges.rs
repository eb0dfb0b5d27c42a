//! Ranges: stepped through and read one by one, they hold every row once, in the order of the whole scan.

use std::sync::Arc;

use anyhow::Result;
use futures::TryStreamExt;
use prejoin::row::{Key, Page};
use prejoin::source::{From, KeyRange, PageSize, Read, Source};

use super::reading::{PLENTY, SMALL, insert, lines, read, read_from, rows, said};
use crate::support::place::Place;

/// The ranges that steps of so many rows make, each as another process would find it: in JSON.
pub(super) async fn stepped(source: &dyn Source, read: &Read, rows: usize) -> Vec<KeyRange> {
    let mut ranges = Vec::new();
    let mut left = KeyRange::default();
    while let Some(key) = source.step(read, &left, rows).await.unwrap() {
        assert!(ranges.len() < 2_000, "steps do not advance: {left:?}");
        ranges.push(KeyRange { until: Some(key.clone()), ..left });
        left = KeyRange { from: Some(key), until: None };
    }
    ranges.push(left);
    let json = serde_json::to_string(&ranges).unwrap();
    let resumed: Vec<KeyRange> = serde_json::from_str(&json).unwrap();
    assert_eq!(resumed, ranges);
    resumed
}

pub(super) async fn within(
    source: &dyn Source,
    read: &Read,
    range: &KeyRange,
    size: PageSize,
) -> Result<Vec<Page>> {
    source.scan(Arc::new(read.clone()), range.clone(), size).try_collect().await
}

/// Parts the scan by steps of so many rows, compares it with the whole, and tells how many rows each range has.
pub(super) async fn parted(source: &dyn Source, read: &Read, by: usize) -> Vec<usize> {
    let (mut seen, mut sizes) = (Vec::new(), Vec::new());
    let backward = Read { backward: true, ..read.clone() };
    for range in stepped(source, read, by).await {
        let rows = lines(read, &within(source, read, &range, SMALL).await.unwrap());
        let mut turned = lines(read, &within(source, &backward, &range, SMALL).await.unwrap());
        turned.reverse();
        assert_eq!(turned, rows, "against the order, in steps of {by}");
        sizes.push(rows.len());
        seen.extend(rows);
    }
    assert_eq!(seen, rows(source, read).await, "in steps of {by}");
    sizes
}

/// Every range but the last has so many rows.
async fn parts_evenly(source: &dyn Source, read: &Read) {
    let all = rows(source, read).await.len();
    for by in [1, 6, 7, 8, 14, all - 1, all, all + 1] {
        let sizes = parted(source, read, by).await;
        let (last, full) = sizes.split_last().unwrap();
        assert!(full.iter().all(|size| *size == by) && (1..=by).contains(last), "{by}: {sizes:?}");
        assert_eq!(sizes.len(), all.div_ceil(by));
    }
}

async fn numbers_far_apart(place: Place) {
    place.run("CREATE TABLE things (id BIGINT PRIMARY KEY, name VARCHAR(20))").await;
    // Dense, then sparse, and both ends of the type.
    let ids = (0..40_i64).chain((0..30).map(|id| 1_000_000 + id * 7_919_777_333));
    let ids = ids.chain([i64::MIN, -5, i64::MAX]);
    place.run(&insert("things", ids.map(|id| format!("{id}, 'n'")))).await;
    let source = place.source();
    parts_evenly(&*source, &read(&*source, "things", &["name", "id"], &["id"]).await).await;
}

/// Most rows share their first column; parts of keys hold what parts are joined by.
async fn several_columns(place: Place) {
    place
        .run("CREATE TABLE things (branch VARCHAR(9) NOT NULL, day DATE NOT NULL, no INTEGER NOT NULL, PRIMARY KEY (branch, day, no))")
        .await;
    let of_branch = |branch: &'static str, days: i32, numbers: i32| {
        (0..days).flat_map(move |day| {
            (0..numbers).map(move |no| format!("'{branch}', '2026-01-{:02}', {no}", day + 1))
        })
    };
    let rows = of_branch("a:b", 9, 6).chain(of_branch("a", 2, 3)).chain(of_branch("50%3A", 3, 1));
    place.run(&insert("things", rows.chain(of_branch("", 1, 2)))).await;
    let source = place.source();
    let read = read(&*source, "things", &["no", "branch", "day"], &["branch", "day", "no"]).await;
    parts_evenly(&*source, &read).await;
}

async fn many_columns(place: Place) {
    place
        .run("CREATE TABLE things (a INTEGER NOT NULL, b INTEGER NOT NULL, c INTEGER NOT NULL, d INTEGER NOT NULL, PRIMARY KEY (a, b, c, d))")
        .await;
    let digits = |row: u32| format!("{}, {}, {}, {}", row / 27, row / 9 % 3, row / 3 % 3, row % 3);
    place.run(&insert("things", (0..81).map(digits))).await;
    let source = place.source();
    let names = ["a", "b", "c", "d"];
    parts_evenly(&*source, &read(&*source, "things", &names, &names).await).await;
}

async fn conditions_queries_and_keys_that_may_be_null(place: Place) {
    place.run("CREATE TABLE things (id INTEGER, kind INTEGER, gone INTEGER)").await;
    let null_or = |null: bool, value: i32| if null { "NULL".to_owned() } else { value.to_string() };
    let rows_in = (0..99)
        .map(|id| format!("{}, {}, {}", null_or(id % 9 == 0, id), id % 3, null_or(id % 2 == 0, 1)));
    place.run(&insert("things", rows_in)).await;
    let source = place.source();
    let mut read = read(&*source, "things", &["id", "kind"], &["id"]).await;
    read.condition = Some("kind = 1 OR kind = 2 -- not 0".to_owned());
    read.absent = Some("gone".to_owned());
    parts_evenly(&*source, &read).await;
    let query = From::Query("SELECT id * 2 AS twice, kind FROM things WHERE kind > 0".to_owned());
    parts_evenly(&*source, &read_from(&*source, query, &["twice", "kind"], &["twice"]).await).await;
}

async fn no_row_and_one_row(place: Place) {
    place.run("CREATE TABLE things (id INTEGER PRIMARY KEY)").await;
    let source = place.source();
    let read = read(&*source, "things", &["id"], &["id"]).await;
    assert_eq!(parted(&*source, &read, 1).await, [0]);
    place.run("INSERT INTO things VALUES (7)").await;
    assert_eq!(parted(&*source, &read, 1).await, [1]);
    let nothing = KeyRange { from: Some(Key::from("8")), until: None };
    assert_eq!(source.step(&read, &nothing, 0).await.unwrap(), None);
    assert_eq!(source.step(&read, &KeyRange::default(), 0).await.unwrap(), Some(Key::from("7")));
}

/// A step stays within its range, so that a range can be parted again.
async fn a_range_can_be_parted_itself(place: Place) {
    place.run("CREATE TABLE things (id INTEGER PRIMARY KEY)").await;
    place.run(&insert("things", (0..20).map(|id| id.to_string()))).await;
    let source = place.source();
    let read = read(&*source, "things", &["id"], &["id"]).await;
    let range = KeyRange { from: Some(Key::from("5")), until: Some(Key::from("9")) };
    for (rows, wanted) in [(0, Some("5")), (3, Some("8")), (4, None), (100, None)] {
        let found = source.step(&read, &range, rows).await.unwrap();
        assert_eq!(found, wanted.map(Key::from), "{rows}");
    }
    for (from, until, wanted) in [("5", "5", 0), ("9", "5", 0), ("-3", "2", 2), ("19", "90", 1)] {
        let range = KeyRange { from: Some(Key::from(from)), until: Some(Key::from(until)) };
        let pages = within(&*source, &read, &range, SMALL).await.unwrap();
        assert_eq!(lines(&read, &pages).len(), wanted, "{range:?}");
    }
}

/// Between the step and the scan rows come and go: each is in one range all the same.
async fn rows_come_and_go(place: Place) {
    place
        .run("CREATE TABLE things (branch VARCHAR(9) NOT NULL, no INTEGER NOT NULL, PRIMARY KEY (branch, no))")
        .await;
    let row = |no: i32| format!("'b{}', {no}", no / 20);
    place.run(&insert("things", (0..60).map(row))).await;
    let source = place.source();
    let read = read(&*source, "things", &["branch", "no"], &["branch", "no"]).await;
    let ranges = stepped(&*source, &read, 9).await;
    // Rows 9, 18, … are the ends.
    place.run("DELETE FROM things WHERE no % 9 = 0").await;
    let late = (0..60).filter(|no| no % 5 == 0).map(|no| format!("'b{}', {}", no / 20, no + 100));
    place.run(&insert("things", late)).await;
    let mut seen = Vec::new();
    for range in &ranges {
        seen.extend(lines(&read, &within(&*source, &read, range, SMALL).await.unwrap()));
    }
    let whole = rows(&*source, &read).await;
    assert_eq!(seen, whole);
    assert_eq!(whole.len(), 53 + 12);
}

/// Whoever reads from the greatest key on comes to an end, however fast rows get greater ones.
async fn rows_that_go_on_and_on(place: Place) {
    place
        .run("CREATE TABLE things (at INTEGER NOT NULL, id INTEGER NOT NULL, PRIMARY KEY (at, id))")
        .await;
    place.run(&insert("things", (0..30).map(|id| format!("{id}, {id}")))).await;
    let source = place.source();
    let read = read(&*source, "things", &["id", "at"], &["at", "id"]).await;
    let backward = Arc::new(Read { backward: true, ..read });
    let mut pages = source.scan(Arc::clone(&backward), KeyRange::default(), SMALL);
    let (mut seen, mut now) = (Vec::new(), 100);
    while let Some(page) = pages.try_next().await.unwrap() {
        seen.extend((0..page.len()).map(|row| page.cell(row, 0).text.to_owned()));
        // Those that were read, one that was not, and a new one.
        place.run(&format!("UPDATE things SET at = at + {now} WHERE id = 2 OR id > 25")).await;
        place.run(&format!("INSERT INTO things VALUES ({now}, {now})")).await;
        now += 100;
        assert!(seen.len() <= 30, "it follows: {seen:?}");
    }
    let wanted: Vec<String> =
        (0..30).rev().filter(|id| *id != 2).map(|id| id.to_string()).collect();
    assert_eq!(seen, wanted);
}

/// Keys that the server holds equal are in the same range, where they are noticed, wherever the range ends.
async fn equal_keys_stay_together(place: Place) {
    let collation = folding(&place).await;
    place.run(&format!("CREATE TABLE things (code VARCHAR(9) {collation} NOT NULL)")).await;
    place.run(&insert("things", (0..21).map(|code| format!("'c{code:02}'")))).await;
    let source = place.source();
    let read = read(&*source, "things", &["code"], &["code"]).await;
    let ranges = stepped(&*source, &read, 7).await;
    assert_eq!(ranges.len(), 3);
    // The first and the last row of the second range, and one on its page's end.
    for (twin, size) in [("C07", 7), ("C13", 7), ("C10", 4), ("C07", 1)] {
        place.run(&format!("INSERT INTO things VALUES ('{twin}')")).await;
        let size = PageSize { rows: size, bytes: PLENTY };
        for (number, range) in ranges.iter().enumerate() {
            let pages = within(&*source, &read, range, size).await;
            match number {
                1 if size.rows == 7 => {
                    assert!(pages.is_err() || lines(&read, &pages.unwrap()).len() == 8);
                }
                1 => assert!(said(pages).contains("keys that the server holds equal"), "{twin}"),
                _ => assert_eq!(lines(&read, &pages.unwrap()).len(), 7),
            }
        }
        place.run(&format!("DELETE FROM things WHERE code = '{twin}'")).await;
        place.run(&format!("INSERT INTO things VALUES ('{}')", twin.to_lowercase())).await;
    }
}

async fn folding(place: &Place) -> &'static str {
    match () {
        () if place.is_postgres() => {
            place.run("CREATE COLLATION folding (provider = icu, locale = 'und-u-ks-level2', deterministic = false)").await;
            "COLLATE folding"
        }
        () if place.is_mariadb() => "COLLATE utf8mb4_general_ci",
        () => "COLLATE NOCASE",
    }
}

async fn ends_that_are_none(place: Place) {
    place
        .run("CREATE TABLE things (d NUMERIC(9,2) NOT NULL, day DATE NOT NULL, PRIMARY KEY (d, day))")
        .await;
    let source = place.source();
    let read = read(&*source, "things", &["d", "day"], &["d", "day"]).await;
    source.prepare(&read).await.unwrap();
    let too_many = Key::from_parts(["1", "2026-01-31", "x"]);
    let range = KeyRange { from: None, until: Some(too_many) };
    let error = said(within(&*source, &read, &range, SMALL).await);
    assert!(error.contains("source `test`: `things`"), "{error}");
    assert!(error.contains("it has 3 parts, and the key has 2 columns"), "{error}");
    assert!(!error.contains("2026-01-31"), "{error}");
    if place.is_sqlite() {
        // Its columns hold anything.
        return;
    }
    let range = KeyRange { from: Some(Key::from_parts(["1", "yesterday"])), until: None };
    let error = said(within(&*source, &read, &range, SMALL).await);
    assert!(error.contains("column `day` (date) holds no such value"), "{error}");
    assert!(!error.contains("yesterday"), "{error}");
    let error = said(source.step(&read, &range, 1).await);
    assert!(error.contains("source `test`: `things`: looking for the end of a range"), "{error}");
    assert!(error.contains("column `day`"), "{error}");
}

on_every_server!(
    numbers_far_apart,
    several_columns,
    many_columns,
    conditions_queries_and_keys_that_may_be_null,
    no_row_and_one_row,
    a_range_can_be_parted_itself,
    rows_come_and_go,
    rows_that_go_on_and_on,
    equal_keys_stay_together,
    ends_that_are_none,
);
