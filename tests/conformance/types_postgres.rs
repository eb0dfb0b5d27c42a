//! PostgreSQL's types, value by value.

use prejoin::config::Server;
use prejoin::row::{Match, Type};

use super::ranges::parted;
use super::reading::{Typed, by, fetch, read, rows, types_hold};
use crate::support::place::Place;

/// One for the whole database: tests that run side by side would both make it.
const CITEXT: &str = "BEGIN; SELECT pg_advisory_xact_lock(7311); CREATE EXTENSION IF NOT EXISTS citext SCHEMA public; COMMIT";

#[tokio::test]
async fn numbers_and_texts() {
    let place = Place::postgres().await;
    place.run("CREATE TYPE mood AS ENUM ('좋음', 'sad')").await;
    place.run("CREATE DOMAIN won AS numeric(20,2)").await;
    place.run("CREATE DOMAIN positive AS won CHECK (VALUE > 0)").await;
    place.run("CREATE DOMAIN spirits AS mood").await;
    let types: &[Typed<'_>] = &[
        ("boolean", "true", Type::Bool, "?true"),
        ("boolean", "false", Type::Bool, "?false"),
        ("smallint", "-32768", Type::Integer, "#-32768"),
        ("integer", "2147483647", Type::Integer, "#2147483647"),
        ("bigint", "-9223372036854775808", Type::Integer, "#-9223372036854775808"),
        ("oid", "4294967295", Type::Integer, "#4294967295"),
        ("numeric", "901.00", Type::Decimal, "#901.00"),
        (
            "numeric(38,10)",
            "1234567890123456789012345678.0123456789",
            Type::Decimal,
            "#1234567890123456789012345678.0123456789",
        ),
        ("numeric", "-0.000000000000000000012300", Type::Decimal, "#-0.000000000000000000012300"),
        ("numeric", "1e20", Type::Decimal, "#100000000000000000000"),
        ("numeric", "10000", Type::Decimal, "#10000"),
        ("numeric", "'NaN'", Type::Decimal, "-"),
        ("numeric", "'-Infinity'", Type::Decimal, "-"),
        ("positive", "12.3", Type::Decimal, "#12.30"),
        ("real", "0.1", Type::Float, "#0.1"),
        ("double precision", "0.1", Type::Float, "#0.1"),
        ("double precision", "1e21", Type::Float, "#1e21"),
        ("double precision", "-1e-9", Type::Float, "#-1e-9"),
        ("double precision", "'Infinity'", Type::Float, "-"),
        ("double precision", "'NaN'", Type::Float, "-"),
        ("text", "E'line\\nfeed \\u0001 \\\\ \" 김'", Type::Text, "line\nfeed \u{1} \\ \" 김"),
        ("varchar(9)", "'x '", Type::Text, "x "),
        ("name", "'n'", Type::Text, "n"),
        ("char(5)", "'ab'", Type::Char, "ab"),
        ("mood", "'좋음'", Type::Enum, "좋음"),
        ("spirits", "'sad'", Type::Enum, "sad"),
        (
            "uuid",
            "'0190A7C0-1111-7222-8333-444455556666'",
            Type::Uuid,
            "0190a7c0-1111-7222-8333-444455556666",
        ),
        ("bytea", "'\\x00ff10'", Type::Binary, "AP8Q"),
        ("bytea", "''", Type::Binary, ""),
    ];
    types_hold(&place, None, types).await;
}

#[tokio::test]
async fn times() {
    let types: &[Typed<'_>] = &[
        ("date", "'2026-01-31'", Type::Date, "2026-01-31"),
        ("date", "'0001-01-01'", Type::Date, "0001-01-01"),
        ("date", "'0044-03-15 BC'", Type::Date, "-0043-03-15"),
        ("date", "'10000-01-01'", Type::Date, "+10000-01-01"),
        ("date", "'infinity'", Type::Date, "-"),
        ("time", "'13:05:00'", Type::Time, "13:05:00"),
        ("time", "'23:59:59.120'", Type::Time, "23:59:59.12"),
        (
            "timestamptz",
            "'2026-01-31 13:05:00.123456+09'",
            Type::Timestamptz,
            "2026-01-31T04:05:00.123456Z",
        ),
        ("timestamptz", "'1969-12-31 23:59:59.9+00'", Type::Timestamptz, "1969-12-31T23:59:59.9Z"),
        ("timestamptz", "'-infinity'", Type::Timestamptz, "-"),
        (
            "timestamptz(0)",
            "'294276-12-31 23:59:59+00'",
            Type::Timestamptz,
            "+294276-12-31T23:59:59Z",
        ),
        ("timestamp", "'2026-01-31 13:05:00'", Type::Timestamp, "2026-01-31T04:05:00Z"),
        ("timestamp(3)", "'1988-07-01 00:00:00.5'", Type::Timestamp, "1988-06-30T14:00:00.5Z"),
        ("timestamp", "'infinity'", Type::Timestamp, "-"),
    ];
    // Keys beyond the years 0 to 9999 are not looked up.
    let (far, near): (Vec<Typed<'_>>, Vec<Typed<'_>>) =
        types.iter().partition(|(.., wanted)| wanted.starts_with(['+', '-']) && wanted.len() > 1);
    types_hold(&Place::postgres().await, Some("Asia/Seoul"), &near).await;
    let place = Place::postgres().await;
    for (at, (ty, value, _, wanted)) in far.iter().enumerate() {
        let table = format!("far_{at}");
        place.run(&format!("CREATE TABLE {table} AS SELECT {value}::{ty} AS at, 1 AS id")).await;
        let source = place.source();
        let read = read(&*source, &table, &["at"], &["id"].map(|_| "at")).await;
        assert_eq!(rows(&*source, &read).await, [*wanted]);
    }
    let naive = Place::postgres().await;
    types_hold(
        &naive,
        None,
        &[("timestamp", "'2026-01-31 13:05:00.5'", Type::Timestamp, "2026-01-31T13:05:00.5")],
    )
    .await;
}

#[tokio::test]
async fn values_that_only_the_server_can_write() {
    let place = Place::postgres().await;
    place.run("CREATE TYPE pair AS (a integer, b text)").await;
    let types: &[Typed<'_>] = &[
        (
            "json",
            "E'{\"a\":\\n [1.50, null, \"x\\\\ny\"]}'",
            Type::Json,
            "={\"a\":  [1.50, null, \"x\\ny\"]}",
        ),
        (
            "jsonb",
            "'{\"b\": 1e2, \"a\": 12345678901234567890.10}'",
            Type::Json,
            "={\"a\": 12345678901234567890.10, \"b\": 100}",
        ),
        ("jsonb", "'null'", Type::Json, "=null"),
        ("integer[]", "'{1,NULL,3}'", Type::Array, "=[1,null,3]"),
        ("integer[]", "'{{1,2},{3,4}}'", Type::Array, "=[[1,2],[3,4]]"),
        ("numeric[]", "'{901.00}'", Type::Array, "=[901.00]"),
        ("text[]", "'{\"a \\\" b\",김}'", Type::Array, "=[\"a \\\" b\",\"김\"]"),
        ("money", "12.34::numeric", Type::Other, "$12.34"),
        ("interval", "'1 day 02:00'", Type::Other, "1 day 02:00:00"),
        ("inet", "'10.0.0.0/8'", Type::Other, "10.0.0.0/8"),
        ("timetz", "'13:05:00+09'", Type::Other, "13:05:00+09"),
        ("varbit", "'0101'", Type::Other, "0101"),
        ("int4range", "'[1,5)'", Type::Other, "[1,5)"),
        ("pair", "'(1,x)'", Type::Other, "(1,x)"),
        ("tsvector", "'a b'", Type::Other, "'a' 'b'"),
        ("xml", "'<a/>'", Type::Other, "<a/>"),
    ];
    types_hold(&place, None, types).await;
}

/// Keys of types that have an order of their own: an enumeration's, an address's, infinite dates.
#[tokio::test]
async fn keys_of_odd_types() {
    let place = Place::postgres().await;
    place.run("CREATE TYPE mood AS ENUM ('z', 'm', 'a')").await;
    place.run("CREATE TABLE things (m mood, a inet, d date, n numeric, id integer)").await;
    let mut rows_in = Vec::new();
    for mood in ["z", "m", "a"] {
        for address in ["9.0.0.1", "10.0.0.1", "::1"] {
            for date in ["-infinity", "2026-01-31", "infinity"] {
                for number in ["-Infinity", "1.0", "NaN"] {
                    rows_in.push(format!(
                        "('{mood}', '{address}', '{date}', '{number}', {})",
                        rows_in.len()
                    ));
                }
            }
        }
    }
    place.run(&format!("INSERT INTO things VALUES {}", rows_in.join(", "))).await;
    let source = place.source();
    let mut read =
        read(&*source, "things", &["m", "a", "d", "n", "id"], &["m", "a", "d", "n"]).await;
    let seen = rows(&*source, &read).await;
    let ids: Vec<&str> = seen.iter().map(|row| row.rsplit_once("|#").unwrap().1).collect();
    let wanted: Vec<String> = (0..rows_in.len()).map(|id| id.to_string()).collect();
    assert_eq!(ids, wanted);
    read.key = vec![0];
    assert!(
        super::reading::said(super::reading::scan(&*source, &read, super::reading::SMALL).await)
            .contains("(m)")
    );
}

/// The extension's operators are out of sight in a source with a `schema` of its own; its order is not. There, keys are
/// looked up to the letter.
#[tokio::test]
async fn keys_that_ignore_case() {
    let place = Place::postgres().await;
    place.run(CITEXT).await;
    place.run("CREATE TABLE things (code public.citext PRIMARY KEY)").await;
    let mut codes: Vec<String> = ('a'..='z').map(|letter| letter.to_string()).collect();
    codes.iter_mut().step_by(2).for_each(|code| *code = code.to_uppercase());
    let values: Vec<String> = codes.iter().map(|code| format!("('{code}')")).collect();
    place.run(&format!("INSERT INTO things VALUES {}", values.join(", "))).await;
    for (schema, found) in [(Some(place.schema()), &["b"][..]), (None, &["A", "b"])] {
        let mut config = place.config();
        let Server::Postgres(address) = &mut config.server else { panic!("no PostgreSQL") };
        address.schema = schema.map(ToOwned::to_owned);
        let source = prejoin::source::open(&config).unwrap();
        let table = format!("{}.things", place.schema());
        let read = read(&*source, &table, &["code"], &["code"]).await;
        let mut seen = rows(&*source, &read).await;
        seen.sort_by_key(|code| code.to_lowercase());
        assert_eq!(seen, codes);
        assert_eq!(parted(&*source, &read, 5).await, [5, 5, 5, 5, 5, 1]);
        let read = by(read, &["code"], Match::Exact);
        assert_eq!(fetch(&*source, &read, &["a", "b"]).await, found);
    }
}
