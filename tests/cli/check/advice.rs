//! What works, and will be slow or miss something.

use super::{LOOSE, found, home, home_on, lines, report};
use crate::support::place::Place;

const INDEXES: &[&str] = &["missing_index", "missing_key_index", "missing_changed_at_index"];

/// One test for each server.
macro_rules! on_each {
    ($($case:ident),+ $(,)?) => {
        mod postgres { $(#[tokio::test] async fn $case() { super::$case(crate::support::place::Place::postgres().await).await; })+ }
        mod mariadb { $(#[tokio::test] async fn $case() { super::$case(crate::support::place::Place::mariadb().await).await; })+ }
        mod sqlite { $(#[tokio::test] async fn $case() { super::$case(crate::support::place::Place::sqlite().await).await; })+ }
    };
}

on_each!(
    missing_indexes_are_gone_once_the_hints_were_run,
    columns_of_an_index_may_stand_in_any_order_for_a_join,
);

async fn missing_indexes_are_gone_once_the_hints_were_run(place: Place) {
    place
        .run(
            "CREATE TABLE things (id INTEGER NOT NULL, name VARCHAR(9), changed TIMESTAMP);
             CREATE TABLE parts (id INTEGER PRIMARY KEY, thing INTEGER);
             CREATE TABLE links (thing INTEGER, tag INTEGER);
             CREATE TABLE tags (id INTEGER NOT NULL, name VARCHAR(9));",
        )
        .await;
    let home = home_on(
        &place,
        "source: db\ntable: things\nkey: id\nchanged_at: changed\nfields: [id]\none:\n  \
         one: {source: db, table: parts, on: {id: thing}, fields: [id]}\nmany:\n  many:\n    source: db\n    \
         table: tags\n    key: id\n    through: {table: links, on: {id: thing}, to: {tag: id}}\n    fields: [id]",
    );
    let missing = found(&report(&home), INDEXES);
    let told = lines(&missing);
    insta::allow_duplicates! {
        insta::assert_snapshot!(told, @"
        warning 6: no index of table `things` of source `db` begins with `id`, its key: every page sorts the whole table | CREATE INDEX things_id ON things (id)
        warning 7: no index of table `things` of source `db` begins with `changed`: every incremental run reads the whole table | CREATE INDEX things_changed ON things (changed)
        warning 10: no index of table `parts` of source `db` begins with `thing`: every page reads the whole table | CREATE INDEX parts_thing ON parts (thing)
        warning 16: no index of link table `links` of source `db` begins with `thing`: every page reads the whole table | CREATE INDEX links_thing ON links (thing)
        warning 16: no index of table `tags` of source `db` begins with `id`: every page reads the whole table | CREATE INDEX tags_id ON tags (id)
        ");
    }
    for finding in &missing {
        place.run(finding["hint"].as_str().unwrap()).await;
    }
    assert_eq!(lines(&found(&report(&home), INDEXES)), "");
}

async fn columns_of_an_index_may_stand_in_any_order_for_a_join(place: Place) {
    place
        .run(
            "CREATE TABLE things (a INTEGER NOT NULL, b INTEGER NOT NULL, id INTEGER, PRIMARY KEY (a, b));
             CREATE TABLE parts (id INTEGER PRIMARY KEY, x INTEGER, y INTEGER, z INTEGER);
             CREATE INDEX parts_yxz ON parts (y, x, z);",
        )
        .await;
    let root = |on: &str, key: &str| {
        format!(
            "source: db\ntable: things\nkey: {key}\nfields: [id]\nmany:\n  \
             many: {{source: db, table: parts, on: {on}, fields: [id]}}"
        )
    };
    let told =
        async |on: &str, key: &str| found(&report(&home_on(&place, &root(on, key))), INDEXES).len();
    assert_eq!(told("{a: x, b: y}", "[a, b]").await, 0);
    // Behind other columns is not in front.
    assert_eq!(told("{a: x}", "[a, b]").await, 1);
    // The order of pages is an order, though.
    assert_eq!(told("{a: x, b: y}", "[b, a]").await, 1);
}

#[tokio::test]
async fn a_folding_match_asks_for_an_index_on_what_is_folded() {
    for place in [Place::postgres().await, Place::sqlite().await] {
        place
            .run(
                "CREATE TABLE things (id INTEGER PRIMARY KEY, code VARCHAR(9));
                 CREATE TABLE parts (id INTEGER PRIMARY KEY, code VARCHAR(9)); CREATE INDEX parts_code ON parts (code);",
            )
            .await;
        let home = home_on(
            &place,
            "source: db\ntable: things\nfields: [id]\nmany:\n  \
             many: {source: db, table: parts, on: {code: code}, match: nocase, fields: [id]}",
        );
        let missing = found(&report(&home), INDEXES);
        assert_eq!(
            missing[0]["hint"],
            "CREATE INDEX parts_code_folded ON parts (lower(rtrim(code)))"
        );
        place.run(missing[0]["hint"].as_str().unwrap()).await;
        assert_eq!(found(&report(&home), INDEXES).len(), 0);
    }
}

#[tokio::test]
async fn changes_and_deletes_that_nothing_tells_of_are_warned_of() {
    let place = Place::sqlite().await;
    place
        .run(
            "CREATE TABLE things (id INTEGER PRIMARY KEY, gone TEXT);
             CREATE TABLE parts (id INTEGER PRIMARY KEY, thing INTEGER UNIQUE);",
        )
        .await;
    let unseen = |root: &str, part: &str| {
        let root = format!(
            "source: db\ntable: things\nfields: [id]\n{root}\none:\n  \
             one: {{source: db, table: parts, on: {{id: thing}}, fields: [id]{part}}}"
        );
        lines(&found(&report(&home_on(&place, &root)), &["unseen_changes", "unseen_deletes"]))
    };
    insta::assert_snapshot!(unseen("", ""), @"
    warning 5: changes in the root cannot be seen | changed_at: the column that tells when a row last changed, or none, to have all of them compared
    warning 5: deletes in the root cannot be seen | deleted_at:, where: or tombstones: tell (`prejoin check --tombstone-sql` prints how to make these); else full loads find what is gone
    warning 9: changes in `one` cannot be seen | changed_at: the column that tells when a row last changed, or none, to have all of them compared
    warning 9: deletes in `one` cannot be seen | deleted_at:, where: or tombstones: tell (`prejoin check --tombstone-sql` prints how to make these); else full loads find what is gone
    ");
    assert_eq!(
        unseen("changed_at: none\ndeleted_at: gone", ", changed_at: none, where: thing > 0"),
        ""
    );
}

#[tokio::test]
async fn elements_without_a_key_are_refused() {
    let place = Place::sqlite().await;
    place
        .run("CREATE TABLE things (id INTEGER PRIMARY KEY); CREATE TABLE parts (thing INTEGER);")
        .await;
    let home = home_on(
        &place,
        "source: db\ntable: things\nfields: [id]\nmany:\n  many: {source: db, table: parts, on: {id: thing}}",
    );
    assert_eq!(home.run(&["check"]).code, Some(1));
    insta::assert_snapshot!(lines(&found(&report(&home), &["missing_key"])), @"error 8: table `parts` of source `db` has no primary key | key: the columns that identify a row; without them neither the order of elements nor `refs` would be stable");
}

#[tokio::test]
async fn a_collation_that_folds_is_told_where_it_meets_one_that_does_not() {
    let (exact, folding) = (Place::postgres().await, Place::mariadb().await);
    exact.run("CREATE TABLE things (id INTEGER PRIMARY KEY, code TEXT UNIQUE)").await;
    folding.run("CREATE TABLE parts (id INTEGER PRIMARY KEY, code VARCHAR(9) COLLATE utf8mb4_general_ci UNIQUE)").await;
    let (exact, folding) = (exact.config(), folding.config());
    let sources = [("a", &exact), ("b", &folding)];
    let told = |here: &str, there: &str, matching: &str| {
        let root = format!(
            "source: {}\ntable: {}\nfields: [id]\none:\n  \
             one: {{source: {}, table: {}, on: {{code: code}}, fields: [id]{matching}}}",
            &here[..1],
            &here[2..],
            &there[..1],
            &there[2..]
        );
        lines(&found(&report(&home(&sources, &root)), &["join_collation"]))
    };
    let cases = [told("a things", "b parts", ""), told("b parts", "a things", "")];
    insta::assert_snapshot!(cases.join("\n"), @"
    warning 8: `code` here does not tell upper from lower case (utf8mb4_general_ci), `code` above does: rows that differ in case come back unclaimed | match: nocase joins them; without it they stay apart, and runs count the unclaimed rows
    warning 8: `code` above does not tell upper from lower case (utf8mb4_general_ci), `code` here does: values that differ in case find no row | match: nocase joins them; without it they stay apart, and runs count the unclaimed rows
    ");
    assert_eq!(told("a things", "b parts", ", match: nocase"), "");
}

#[tokio::test]
async fn columns_of_different_kinds_are_told_with_the_match_that_helps() {
    let (postgres, mariadb) = (Place::postgres().await, Place::mariadb().await);
    postgres.run("CREATE TABLE things (id INTEGER PRIMARY KEY, \"partRef\" UUID, no TEXT)").await;
    mariadb.run("CREATE TABLE parts (id BINARY(16) PRIMARY KEY, no INTEGER UNIQUE)").await;
    let (postgres, mariadb) = (postgres.config(), mariadb.config());
    let told = |on: &str| {
        let root = format!(
            "source: a\ntable: things\nfields: [id]\none:\n  one: {{source: b, table: parts, on: {on}, fields: [id]}}"
        );
        let home =
            home(&[("a", &postgres), ("b", &mariadb)], &root).file("mappings/things.json", LOOSE);
        lines(&found(&report(&home), &["join_types"]))
    };
    let cases = [
        told("{partRef: id}"),
        told("{no: no}"),
        told("{partRef: no}"),
        told("{no: no}, match: uuid"),
    ];
    insta::assert_snapshot!(cases.join("\n"), @"
    warning 8: `partRef` is uuid, `id` is binary: they may never be equal | match: uuid
    warning 8: `no` is text, `no` is integer: they may never be equal | match: integer
    warning 8: `partRef` is uuid, `no` is integer: they are never equal | join other columns, or convert one of them in a `query`
    warning 8: `no` is text, `no` is integer: they have no form in common under this `match` | leave `match` out, or join other columns
    ");
    assert_eq!(told("{partRef: id}, match: uuid") + &told("{no: no}, match: integer"), "");
}
