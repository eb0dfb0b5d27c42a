//! MariaDB's types, value by value; MySQL has the same but for `uuid` and `inet6`.

use prejoin::row::{Match, Type};
use prejoin::source::From;

use super::reading::{Typed, by, fetch, read, read_from, rows, types_hold};
use crate::support::place::Place;

#[tokio::test]
async fn numbers_and_texts() {
    let types: &[Typed<'_>] = &[
        ("tinyint(1)", "1", Type::Bool, "?true"),
        ("boolean", "0", Type::Bool, "?false"),
        ("tinyint(1)", "-2", Type::Bool, "#-2"),
        ("tinyint(1) unsigned", "200", Type::Bool, "#200"),
        ("tinyint(1) unsigned", "1", Type::Bool, "?true"),
        ("bit(1)", "b'1'", Type::Bool, "?true"),
        ("bit(12)", "b'100000000001'", Type::Integer, "#2049"),
        ("bit(64)", "18446744073709551615", Type::Integer, "#18446744073709551615"),
        ("tinyint", "-128", Type::Integer, "#-128"),
        ("tinyint unsigned", "255", Type::Integer, "#255"),
        ("smallint unsigned", "65535", Type::Integer, "#65535"),
        ("mediumint", "-8388608", Type::Integer, "#-8388608"),
        ("int(5) zerofill", "7", Type::Integer, "#7"),
        ("bigint", "-9223372036854775808", Type::Integer, "#-9223372036854775808"),
        ("bigint unsigned", "18446744073709551615", Type::Integer, "#18446744073709551615"),
        ("year", "2026", Type::Integer, "#2026"),
        ("decimal(15,2)", "901", Type::Decimal, "#901.00"),
        (
            "decimal(38,10)",
            "-1234567890123456789012345678.0123456789",
            Type::Decimal,
            "#-1234567890123456789012345678.0123456789",
        ),
        ("decimal(9,2) zerofill", "7.5", Type::Decimal, "#7.50"),
        ("double", "0.1", Type::Float, "#0.1"),
        ("double", "1e21", Type::Float, "#1e21"),
        ("varchar(40)", "'line\\nfeed \\\\ \" 김😀'", Type::Text, "line\nfeed \\ \" 김😀"),
        ("varchar(9) COLLATE utf8mb4_bin", "'x '", Type::Text, "x "),
        ("varchar(9) CHARACTER SET latin1", "'é'", Type::Text, "é"),
        ("longtext", "'long'", Type::Text, "long"),
        ("char(5)", "'ab'", Type::Char, "ab"),
        ("enum('좋음','sad')", "'좋음'", Type::Enum, "좋음"),
        ("set('a','b','c')", "'a,c'", Type::Enum, "a,c"),
        (
            "uuid",
            "'0190A7C0-1111-7222-8333-444455556666'",
            Type::Uuid,
            "0190a7c0-1111-7222-8333-444455556666",
        ),
        ("inet6", "'::1'", Type::Other, "::1"),
        ("point", "POINT(1, 2.5)", Type::Other, "POINT(1 2.5)"),
        ("binary(4)", "x'00ff10'", Type::Binary, "AP8QAA=="),
        ("varbinary(9)", "x'00ff10'", Type::Binary, "AP8Q"),
        ("blob", "''", Type::Binary, ""),
    ];
    types_hold(&Place::mariadb().await, None, types).await;
}

#[tokio::test]
async fn times_and_json() {
    let types: &[Typed<'_>] = &[
        ("date", "'2026-01-31'", Type::Date, "2026-01-31"),
        ("time", "'13:05:00'", Type::Time, "13:05:00"),
        ("time(6)", "'-838:59:58.5'", Type::Time, "-838:59:58.5"),
        ("time", "'00:00:00'", Type::Time, "00:00:00"),
        ("datetime", "'2026-01-31 00:00:00'", Type::Timestamp, "2026-01-30T15:00:00Z"),
        (
            "datetime(6)",
            "'2026-01-31 13:05:00.123450'",
            Type::Timestamp,
            "2026-01-31T04:05:00.12345Z",
        ),
        (
            "timestamp(6) NULL",
            "'2026-01-31 13:05:00.5'",
            Type::Timestamptz,
            "2026-01-31T13:05:00.5Z",
        ),
    ];
    let place = Place::mariadb().await;
    types_hold(&place, Some("Asia/Seoul"), types).await;
    let place = Place::mariadb().await;
    let types: &[Typed<'_>] = &[
        ("datetime", "'2026-01-31 13:05:00'", Type::Timestamp, "2026-01-31T13:05:00"),
        (
            "json",
            "'{\"a\":\\n [1.50, null, \"x\\\\ny\"]}'",
            Type::Json,
            "={\"a\":  [1.50, null, \"x\\ny\"]}",
        ),
        ("longtext CHECK (json_valid(c2))", "'[901.00]'", Type::Json, "=[901.00]"),
    ];
    types_hold(&place, None, types).await;
}

/// A favourite of those who mean "never".
#[tokio::test]
async fn the_last_second() {
    let place = Place::mariadb().await;
    place.run("CREATE TABLE things (id INTEGER PRIMARY KEY, ends DATETIME)").await;
    place.run("INSERT INTO things VALUES (1, '9999-12-31 23:59:59')").await;
    let source = place.source();
    let mut read = read(&*source, "things", &["ends", "id"], &["id"]).await;
    read.columns[0].zone = Some(jiff::tz::TimeZone::get("Asia/Seoul").unwrap());
    assert_eq!(rows(&*source, &read).await, ["9999-12-31T14:59:59Z|#1"]);
}

/// Single precision compares with nothing, but is read.
#[tokio::test]
async fn single_precision() {
    let place = Place::mariadb().await;
    place.run("CREATE TABLE things (id INTEGER PRIMARY KEY, f FLOAT)").await;
    place.run("INSERT INTO things VALUES (1, 0.1), (2, 16777216), (3, -1e30)").await;
    let source = place.source();
    let read = read(&*source, "things", &["f"], &["id"].map(|_| "f")).await;
    assert_eq!(rows(&*source, &read).await, ["#-1e30", "#0.1", "#16777216"]);
}

/// Dates that no calendar has are NULL.
#[tokio::test]
async fn zero_dates() {
    let place = Place::mariadb().await;
    place.run("CREATE TABLE things (id INTEGER PRIMARY KEY, d DATE NOT NULL, t DATETIME NOT NULL, i TIMESTAMP NOT NULL)").await;
    place
        .run(
            "SET SESSION sql_mode = 'ALLOW_INVALID_DATES'; INSERT INTO things VALUES \
             (1, '0000-00-00', '0000-00-00 00:00:00', '0000-00-00 00:00:00'), \
             (2, '2026-00-00', '2026-01-00 13:05:00', '2026-01-31 13:05:00'), \
             (3, '2026-02-30', '2026-02-30 13:05:00', '2026-01-31 13:05:00')",
        )
        .await;
    let source = place.source();
    let by_id = read(&*source, "things", &["id", "d", "t", "i"], &["id"]).await;
    let wanted = ["#1|-|-|-", "#2|-|-|2026-01-31T13:05:00Z", "#3|-|-|2026-01-31T13:05:00Z"];
    assert_eq!(rows(&*source, &by_id).await, wanted);
    // As part of a key they do not stand in the way.
    place.run("INSERT INTO things SELECT id + 3, d, t, i FROM things; INSERT INTO things SELECT id + 6, d, t, i FROM things").await;
    let by_date = read(&*source, "things", &["d", "t", "i", "id"], &["d", "t", "i", "id"]).await;
    assert_eq!(rows(&*source, &by_date).await.len(), 12);
}

/// Keys that MySQL orders by a number which it does not show, or compares as doubles when asked with a text.
#[tokio::test]
async fn keys_of_odd_types() {
    let place = Place::mariadb().await;
    place
        .run(
            "CREATE TABLE things (u BIGINT UNSIGNED NOT NULL, e ENUM('z','m','a') NOT NULL, n DECIMAL(30,10) NOT NULL, \
             b BIT(3) NOT NULL, t TIME(3) NOT NULL, PRIMARY KEY (u, e, n, b, t))",
        )
        .await;
    let mut rows_in = Vec::new();
    for unsigned in ["0", "9223372036854775808", "18446744073709551615"] {
        for kind in ["a", "m", "z"] {
            for number in ["12345678901234567890.0000000001", "12345678901234567890.0000000002"] {
                for (bits, time) in [("b'001'", "-10:00:00.5"), ("b'111'", "100:00:00")] {
                    rows_in.push(format!("({unsigned}, '{kind}', {number}, {bits}, '{time}')"));
                }
            }
        }
    }
    place.run(&format!("INSERT INTO things VALUES {}", rows_in.join(", "))).await;
    let source = place.source();
    let read =
        read(&*source, "things", &["u", "e", "n", "b", "t"], &["u", "e", "n", "b", "t"]).await;
    let seen = rows(&*source, &read).await;
    assert_eq!(seen.len(), rows_in.len());
    assert_eq!(seen[0], "#0|a|#12345678901234567890.0000000001|#1|-10:00:00.5");
    assert_eq!(
        seen.last().unwrap(),
        "#18446744073709551615|z|#12345678901234567890.0000000002|#7|100:00:00"
    );
    let read = by(read, &["u", "n"], Match::Exact);
    let key = "18446744073709551615:12345678901234567890.0000000001";
    assert_eq!(fetch(&*source, &read, &[key]).await.len(), 6);
}

/// A small number that its table calls a boolean is one as long as it is 0 or 1.
#[tokio::test]
async fn numbers_that_go_by_the_name_of_booleans() {
    let place = Place::mariadb().await;
    place.run("CREATE TABLE things (kind TINYINT(1) PRIMARY KEY, name VARCHAR(9))").await;
    let kinds = [-128, -1, 0, 1, 2, 3, 4, 5, 127];
    let rows_in = kinds.iter().map(|kind| format!("({kind}, 'n{kind}')"));
    let rows_in: Vec<String> = rows_in.collect();
    place.run(&format!("INSERT INTO things VALUES {}", rows_in.join(", "))).await;
    let source = place.source();
    let read = read(&*source, "things", &["kind", "name"], &["kind"]).await;
    let wanted = [
        "#-128|n-128",
        "#-1|n-1",
        "?false|n0",
        "?true|n1",
        "#2|n2",
        "#3|n3",
        "#4|n4",
        "#5|n5",
        "#127|n127",
    ];
    assert_eq!(rows(&*source, &read).await, wanted);
    let read = by(read, &["kind"], Match::Exact);
    assert_eq!(fetch(&*source, &read, &["1"]).await, ["?true|n1"]);
    assert_eq!(fetch(&*source, &read, &["2", "0", "true"]).await, ["?false|n0", "#2|n2"]);
}

/// A key that the column has no letters for is not found, and spoils nothing.
#[tokio::test]
async fn texts_of_few_letters() {
    let place = Place::mariadb().await;
    place
        .run(
            "CREATE TABLE things (id INTEGER PRIMARY KEY, a VARCHAR(9) CHARACTER SET latin1, \
             b CHAR(9) CHARACTER SET euckr COLLATE euckr_bin, c VARCHAR(9) CHARACTER SET utf8mb3, \
             d ENUM('x', 'é') CHARACTER SET latin1)",
        )
        .await;
    place.run("INSERT INTO things VALUES (1, 'x', 'x', 'x', 'x'), (2, 'é', '김', '김', 'é')").await;
    let source = place.source();
    let read = read(&*source, "things", &["id", "a", "b", "c", "d"], &["id"]).await;
    for column in ["a", "b", "c", "d"] {
        for matching in [Match::Exact, Match::Text, Match::Nocase] {
            let read = by(read.clone(), &[column], matching);
            let mut found = fetch(&*source, &read, &["x", "é", "김", "Ж", "😀", "漢"]).await;
            found.sort();
            assert_eq!(found, ["#1|x|x|x|x", "#2|é|김|김|é"], "{column} {matching:?}");
            let both = by(read, &["id", column], matching);
            let found = fetch(&*source, &both, &["1:x", "2:é", "2:김", "2:😀"]).await;
            assert_eq!(found.len(), 2, "{column} {matching:?}");
        }
    }
}

/// What the protocol cannot tell of a query's columns, the tables behind them do, or the collation.
#[tokio::test]
async fn columns_of_queries() {
    let place = Place::mariadb().await;
    place
        .run("CREATE TABLE things (id BIGINT UNSIGNED PRIMARY KEY, j JSON, flag BOOLEAN, code VARCHAR(9) COLLATE utf8mb4_bin, u UUID)")
        .await;
    place
        .run("INSERT INTO things VALUES (1, '[1]', 1, 'x', '0190a7c0-1111-7222-8333-444455556666')")
        .await;
    let source = place.source();
    let query = "SELECT id, j AS js, flag, code, u FROM things WHERE id > 0";
    let columns = ["id", "js", "flag", "code", "u"];
    let read = read_from(&*source, From::Query(query.to_owned()), &columns, &["id"]).await;
    let uuid = "0190a7c0-1111-7222-8333-444455556666";
    assert_eq!(rows(&*source, &read).await, [format!("#1|=[1]|?true|x|{uuid}")]);
    let query = "SELECT id, j, u, COUNT(*) AS n, SUM(id) AS s, CONCAT(code, '!') AS c, UNHEX('00') AS b, NULL AS x \
                 FROM things GROUP BY id";
    let columns = ["id", "j", "u", "n", "s", "c", "b", "x"];
    let read = read_from(&*source, From::Query(query.to_owned()), &columns, &["id"]).await;
    assert_eq!(rows(&*source, &read).await, [format!("#1|=[1]|{uuid}|#1|#1|x!|AA==|-")]);
}

/// The session's SQL mode is the server's: `||` is a choice there, not a concatenation.
#[tokio::test]
async fn pipes_mean_what_they_mean_to_the_service() {
    let place = Place::mariadb().await;
    place.run("CREATE TABLE things (id INTEGER PRIMARY KEY)").await;
    place.run("INSERT INTO things VALUES (1), (2), (3)").await;
    let source = place.source();
    let mut read = read(&*source, "things", &["id"], &["id"]).await;
    read.condition = Some("id = 1 || id = 3".to_owned());
    assert_eq!(rows(&*source, &read).await, ["#1", "#3"]);
}
