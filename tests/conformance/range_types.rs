//! Ends of ranges, of every type that can be a key: given back as text, they part the rows where the server itself would.

use std::iter::once;

use prejoin::source::From;

use super::ranges::{parted, stepped};
use super::reading::{insert, read, read_from, rows};
use crate::support::place::Place;

/// A type, and values of it in SQL, all different to the server.
type Values<'a> = (&'a str, Vec<String>);

/// Each type as a key of its own, as the first part of one, as the last, and in a query.
async fn types_part(place: &Place, types: &[Values<'_>]) {
    let mut wrong = Vec::new();
    for (number, (ty, values)) in types.iter().enumerate() {
        let table = format!("t{number}");
        place
            .run(&format!(
                "CREATE TABLE {table} (k {ty} NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (k, n)); \
                 CREATE UNIQUE INDEX n{number} ON {table} (n, k)"
            ))
            .await;
        let both = |n: usize| values.iter().map(move |value| format!("{value}, {n}"));
        place.run(&insert(&table, both(1).chain(both(2)).chain(both(3)))).await;
        let source = place.source();
        let mut only = read(&*source, &table, &["k"], &["k"]).await;
        only.condition = Some("n = 2".to_owned());
        let first = read(&*source, &table, &["k", "n"], &["k", "n"]).await;
        let last = read(&*source, &table, &["k", "n"], &["n", "k"]).await;
        let query = From::Query(format!("SELECT k, n FROM {table} WHERE n = 3"));
        let queried = read_from(&*source, query, &["k"], &["k"]).await;
        // To a query, a SQLite column without a type is one of bytes.
        let queried = (!ty.is_empty()).then_some((queried, 1));
        for (read, all) in [(only, 1), (first, 3), (last, 3)].into_iter().chain(queried) {
            source.prepare(&read).await.unwrap_or_else(|error| panic!("{ty}: {error:#}"));
            let all = all * values.len();
            for by in [1, 2, 5] {
                let sizes = parted(&*source, &read, by).await;
                if sizes.len() != all.div_ceil(by) || sizes.iter().any(|size| *size > by) {
                    wrong.push(format!(
                        "{ty} by {by} of {:?} of {:?}: {sizes:?}",
                        read.key, read.from
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn quoted<'a>(values: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    values.into_iter().map(|value| format!("'{}'", value.replace('\'', "''"))).collect()
}

fn plain<'a>(values: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    values.into_iter().map(str::to_owned).collect()
}

/// Texts that no two servers have in the same order.
const TEXTS: &[&str] = &[
    "",
    " ",
    "a:b",
    "50%",
    "50%3A",
    "O'Neil",
    "_",
    "-1",
    "10",
    "9",
    "Zoo 1",
    "zebra",
    "Ärger",
    "apfel",
    "Apfelsaft",
    "김",
    "김철수",
    "가나다",
    "😀",
    "é",
    "e\u{301}x",
    "\\",
    "\"",
    "true",
    "null",
];

fn uuids() -> Vec<String> {
    let uuid = |id: u32| {
        format!("'{:08x}-0000-{}000-8000-{id:012x}'", id.wrapping_mul(2_654_435_761), id % 8)
    };
    (0..40).map(uuid).collect()
}

const DECIMALS: &[&str] = &[
    "-12345678901234567890.123",
    "-0.001",
    "0",
    "0.1",
    "7.000",
    "901.00",
    "98765432109876543210.5",
];
const DATES: &[&str] =
    &["0001-01-01", "1969-12-31", "1970-01-01", "2024-02-29", "2026-01-31", "9999-12-31"];
const MOMENTS: &[&str] = &[
    "1971-01-01 00:00:00",
    "2026-01-31 13:05:00",
    "2026-01-31 13:05:00.000001",
    "2026-01-31 13:05:00.5",
    "2026-01-31 13:05:00.123456",
    "2026-03-29 02:30:00",
    "2026-10-25 01:30:00",
    "2037-12-31 23:59:59.999999",
];
const TIMES: &[&str] = &["00:00:00", "00:00:00.000001", "12:00:00", "23:59:59.999999"];
const REALS: &[&str] = &["-1e30", "-0.7", "0", "0.1", "0.3", "0.7", "16777217", "1e-20", "3.4e38"];

#[tokio::test]
async fn postgres_parts_by_every_type() {
    let place = Place::postgres().await;
    place.run("CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy', 'a b')").await;
    place.run("CREATE DOMAIN code AS varchar(9); CREATE DOMAIN bits AS bit(4)").await;
    let doubles = REALS.iter().copied().chain(["0.30000000000000004", "1e300", "5e-324"]);
    let types = [
        ("smallint", plain(["-32768", "-1", "0", "7", "32767"])),
        ("bigint", plain(["-9223372036854775808", "0", "9223372036854775807"])),
        ("oid", plain(["0", "7", "4294967295"])),
        ("boolean", plain(["false", "true"])),
        ("numeric", plain(DECIMALS.iter().copied())),
        ("numeric(30,4)", plain(DECIMALS.iter().copied())),
        ("real", plain(REALS.iter().copied().filter(|real| *real != "16777217"))),
        ("double precision", plain(doubles)),
        ("text", quoted(TEXTS.iter().copied())),
        ("varchar(20) COLLATE \"C\"", quoted(TEXTS.iter().copied())),
        ("text COLLATE \"und-x-icu\"", quoted(TEXTS.iter().copied())),
        ("name", quoted(TEXTS.iter().copied())),
        ("code", quoted(["a", "B", "c d"])),
        ("char(9)", quoted(["", "a", "a b", "B", "김", "123456789"])),
        ("\"char\"", quoted(["a", "B", "%"])),
        ("mood", quoted(["sad", "ok", "happy", "a b"])),
        ("uuid", uuids()),
        ("bytea", quoted(["\\x", "\\x00", "\\x00ff", "\\xff", "\\x3a25"])),
        ("date", quoted(DATES.iter().copied())),
        ("time", quoted(TIMES.iter().copied().chain(["24:00:00"]))),
        ("timestamp", quoted(MOMENTS.iter().copied())),
        ("timestamptz", quoted(MOMENTS.iter().copied())),
        ("timestamp(0)", quoted(["2026-01-31 13:05:00", "2026-01-31 13:05:01"])),
        ("interval", quoted(["-1 day", "1 mon", "1 year 00:00:00.5", "90:00:00"])),
        ("inet", quoted(["10.0.0.1", "10.0.0.0/8", "::1", "9.9.9.9"])),
        ("bit(8)", plain(["B'00000001'", "B'10000000'", "B'10101010'", "B'11111111'"])),
        ("bits", plain(["B'0001'", "B'1000'", "B'1010'"])),
        ("bit varying(8)", plain(["B''", "B'1'", "B'10'", "B'0101'"])),
        ("timetz", quoted(["10:00:00+09", "10:00:00+01", "23:00:00-05"])),
    ];
    types_part(&place, &types).await;
}

#[tokio::test]
async fn mariadb_parts_by_every_type() {
    let place = Place::mariadb().await;
    let escaped = |text: &String| text.replace('\\', "\\\\");
    let texts = || quoted(TEXTS.iter().copied()).iter().map(escaped).collect::<Vec<_>>();
    // These collations ignore blanks at the end, and one knows no letters beyond the basic plane.
    let distinct = || texts().into_iter().filter(|text| !["' '", "'😀'"].contains(&text.as_str()));
    let latin = ["", "a:b", "50%", "Zoo", "zebra", "Ärger", "apfel", "Apfelsaft", "_", "10", "9"];
    let bytes = ["x''", "x'00'", "x'00ff'", "x'ff'", "x'3a25'"];
    let types = [
        ("TINYINT", plain(["-128", "-1", "0", "2", "127"])),
        ("TINYINT(1)", plain(["0", "1", "2", "-5"])),
        ("BIGINT", plain(["-9223372036854775808", "0", "9223372036854775807"])),
        (
            "BIGINT UNSIGNED",
            plain(["0", "7", "9223372036854775807", "9223372036854775808", "18446744073709551615"]),
        ),
        ("INT(8) UNSIGNED ZEROFILL", plain(["0", "7", "4294967295"])),
        ("YEAR", plain(["1901", "2026", "2155"])),
        ("BIT(1)", plain(["b'0'", "b'1'"])),
        ("BIT(64)", plain(["b'0'", "b'101'", "18446744073709551615"])),
        ("DECIMAL(38,4)", plain(DECIMALS.iter().copied())),
        ("DECIMAL(12,3) ZEROFILL", plain(["0", "0.001", "901.00", "123456789.125"])),
        ("FLOAT", plain(REALS.iter().copied().filter(|real| *real != "16777217"))),
        ("DOUBLE", plain(REALS.iter().copied().chain(["0.30000000000000004", "1e300"]))),
        ("VARCHAR(40) COLLATE utf8mb4_general_ci", distinct().collect()),
        ("VARCHAR(40) COLLATE utf8mb4_unicode_ci", distinct().collect()),
        ("VARCHAR(40) COLLATE utf8mb4_bin", distinct().collect()),
        ("VARCHAR(40) COLLATE utf8mb4_nopad_bin", texts()),
        ("VARCHAR(40) CHARACTER SET latin1", quoted(latin)),
        ("VARCHAR(40) CHARACTER SET latin1 COLLATE latin1_bin", quoted(latin)),
        ("CHAR(9)", quoted(["", "a", "a b", "B", "김"])),
        ("VARCHAR(9) COLLATE utf8mb4_bin", plain(["'a\\0b'", "'a\\0c'", "'\\0'", "'a'"])),
        ("ENUM('sad', 'ok', 'happy', 'a:b')", quoted(["sad", "ok", "happy", "a:b"])),
        ("SET('x', 'a', 'm')", quoted(["x", "a", "x,m", "x,a,m"])),
        ("UUID", uuids()),
        ("INET6", quoted(["::1", "::ffff:10.0.0.1", "fe80::1"])),
        (
            "BINARY(16)",
            uuids().iter().map(|uuid| format!("UNHEX(REPLACE({uuid}, '-', ''))")).collect(),
        ),
        ("VARBINARY(9)", plain(bytes)),
        ("DATE", quoted(DATES.iter().copied())),
        (
            "TIME(6)",
            quoted(TIMES.iter().copied().chain(["-838:59:59", "-00:00:01.5", "838:59:59"])),
        ),
        ("DATETIME(6)", quoted(MOMENTS.iter().copied())),
        ("DATETIME", quoted(["1000-01-01 00:00:00", "2026-01-31 13:05:00", "9999-12-31 23:59:59"])),
        ("TIMESTAMP(6)", quoted(MOMENTS.iter().copied())),
    ];
    types_part(&place, &types).await;
}

#[tokio::test]
async fn sqlite_parts_by_every_type() {
    let place = Place::sqlite().await;
    let reals = REALS.iter().copied().chain(["0.30000000000000004", "1e300"]);
    let types = [
        ("INTEGER", plain(["-9223372036854775808", "-1", "0", "7", "9223372036854775807"])),
        ("BOOLEAN", plain(["0", "1", "2"])),
        ("REAL", plain(reals)),
        ("DECIMAL(12,3)", plain(["-1.5", "0", "7", "901.25"])),
        ("TEXT", quoted(TEXTS.iter().copied())),
        ("TEXT COLLATE NOCASE", quoted(TEXTS.iter().copied())),
        ("VARCHAR(9)", plain(["'a' || char(0) || 'b'", "'a' || char(0) || 'c'", "char(0)", "'a'"])),
        ("CHAR(36)", uuids()),
        ("BLOB", plain(["x''", "x'00'", "x'00ff'", "x'ff'", "x'3a25'"])),
        ("DATETIME", quoted(MOMENTS.iter().copied())),
        ("", plain(["1", "2.5", "'a'", "'김'"])),
    ];
    types_part(&place, &types).await;
}

/// A zone's clock goes back and forth; its local times are not in the order of the instants.
async fn local_times(place: &Place, ty: &str) {
    place.run(&format!("CREATE TABLE things (k {ty} PRIMARY KEY)")).await;
    let nights = ["2026-03-29", "2026-10-25"];
    let times = nights
        .iter()
        .flat_map(|night| (0..24).map(move |at| format!("'{night} {:02}:{}0:00'", at / 6, at % 6)));
    place.run(&insert("things", times)).await;
    let source = place.source();
    let mut read = read(&*source, "things", &["k"], &["k"]).await;
    assert_eq!(stepped(&*source, &read, 5).await.len(), 10);
    read.columns[0].zone = Some(jiff::tz::TimeZone::get("Europe/Berlin").unwrap());
    for by in [1, 2, 5, 30] {
        // From the first time that cannot be told on, one range holds the rest.
        let sizes = parted(&*source, &read, by).await;
        let (_, full) = sizes.split_last().unwrap();
        assert!(full.iter().all(|size| *size == by) && !full.is_empty(), "{sizes:?}");
    }
}

#[tokio::test]
async fn local_times_that_the_clock_skips() {
    local_times(&Place::postgres().await, "TIMESTAMP").await;
    local_times(&Place::mariadb().await, "DATETIME").await;
}

/// Keys without a text, or whose text is that of another: the rows behind them are read in one piece, and none is lost.
#[tokio::test]
async fn keys_that_cannot_be_given_back() {
    let postgres = Place::postgres().await;
    let mariadb = Place::mariadb().await;
    let sqlite = Place::sqlite().await;
    let infinite =
        ["-infinity", "0044-03-15 BC", "2026-01-31", "2026-02-01", "12026-01-31", "infinity"];
    let zero = once("0000-00-00").chain(["2026-01-31", "2026-02-01", "2026-02-02"]);
    let mixed = plain(["1", "2", "'2'", "'a'", "x'61'", "x'31'"]);
    let cases = [
        (&postgres, "date", quoted(infinite)),
        (&postgres, "double precision", quoted(["-Infinity", "1", "2", "3", "Infinity", "NaN"])),
        (&mariadb, "DATE", quoted(zero)),
        (&sqlite, "BLOB", mixed.clone()),
        (&sqlite, "", mixed),
        (&sqlite, "INTEGER", plain(["1", "2", "3", "'a'", "x'61'"])),
        (&sqlite, "TEXT", plain(["'b'", "'61'", "x'61'", "x'62'"])),
    ];
    for (number, (place, ty, values)) in cases.into_iter().enumerate() {
        let table = format!("t{number}");
        place.run(&format!("CREATE TABLE {table} (k {ty} NOT NULL)")).await;
        let loose = if place.is_mariadb() { "SET sql_mode = ''; " } else { "" };
        place.run(&format!("{loose}{}", insert(&table, values.iter().cloned()))).await;
        let source = place.source();
        let read = read(&*source, &table, &["k"], &["k"]).await;
        assert_eq!(rows(&*source, &read).await.len(), values.len(), "{ty}");
        for by in 1..=values.len() {
            parted(&*source, &read, by).await;
        }
    }
}
