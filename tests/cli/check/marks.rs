//! Columns that do not tell of changes what they are taken to tell.

use super::{found, home_on, lines, report};
use crate::support::place::Place;

const ROOT: &str = "source: db\ntable: things\nchanged_at: changed\nfields: [id]";

/// What is told of texts that stand elsewhere than their instants.
const NO_TEXTS: &str = "error 5: `changed` of `things` holds texts that are not ISO 8601";

fn told(place: &Place, root: &str) -> String {
    lines(&found(&report(&home_on(place, root)), &["changed_at_null", "changed_at_type"]))
}

async fn a_column_that_holds_nulls_is_told(place: Place) {
    place
        .run(
            "CREATE TABLE things (id INTEGER PRIMARY KEY, changed TIMESTAMP NULL, made TIMESTAMP NULL);
             INSERT INTO things VALUES (1, CURRENT_TIMESTAMP, NULL)",
        )
        .await;
    let zoned = |root: &str| {
        let home = home_on(&place, root);
        let config = home.path().join("config/default.yaml");
        let text = std::fs::read_to_string(&config).unwrap();
        std::fs::write(config, text.replace("kind:", "time_zone: UTC, kind:")).unwrap();
        lines(&found(&report(&home), &["changed_at_null"]))
    };
    assert_eq!(zoned(ROOT), "");
    place.run("INSERT INTO things VALUES (2, NULL, CURRENT_TIMESTAMP)").await;
    assert_eq!(
        zoned(ROOT),
        "warning 5: `changed` of `things` is NULL in some rows, of whose changes nothing tells | \
         fill it and make it NOT NULL, or name other columns beside it: [updated_at, created_at]"
    );
    // The other one tells of them.
    assert_eq!(zoned(&ROOT.replace("changed_at: changed", "changed_at: [changed, made]")), "");
}

#[tokio::test]
async fn a_column_of_postgres_that_holds_nulls_is_told() {
    a_column_that_holds_nulls_is_told(Place::postgres().await).await;
}

#[tokio::test]
async fn a_column_of_mariadb_that_holds_nulls_is_told() {
    a_column_that_holds_nulls_is_told(Place::mariadb().await).await;
}

#[tokio::test]
async fn a_column_of_sqlite_that_holds_nulls_is_told() {
    a_column_that_holds_nulls_is_told(Place::sqlite().await).await;
}

#[tokio::test]
async fn numbers_that_are_no_seconds_are_refused() {
    let place = Place::sqlite().await;
    place.run("CREATE TABLE things (id INTEGER PRIMARY KEY, changed)").await;
    for fitting in ["1795276800", "1795276800.5", "0", "'2026-11-21'"] {
        place.run(&format!("DELETE FROM things; INSERT INTO things VALUES (1, {fitting})")).await;
        assert_eq!(told(&place, ROOT), "", "{fitting}");
    }
    for odd in ["julianday('now')", "1795276800000"] {
        place.run(&format!("DELETE FROM things; INSERT INTO things VALUES (1, {odd})")).await;
        assert_eq!(
            told(&place, ROOT),
            "error 5: `changed` of `things` holds numbers that are no seconds since 1970 | {column: …, as: epoch_millis} or \
             epoch_micros; others, as Julian days, have to be converted in a `query`"
        );
    }
    for odd in ["''", "'-'", "'11/21/2026 10:00'"] {
        let rows = format!("(1, {odd}), (2, '2026-11-21 10:00'), (3, 0), (4, NULL)");
        place.run(&format!("DELETE FROM things; INSERT INTO things VALUES {rows}")).await;
        assert!(told(&place, ROOT).starts_with(NO_TEXTS), "{odd}: {}", told(&place, ROOT));
    }
    place.run("DELETE FROM things; INSERT INTO things VALUES (1, 1795276800000)").await;
    let millis =
        ROOT.replace("changed_at: changed", "changed_at: {column: changed, as: epoch_millis}");
    assert_eq!(told(&place, &millis), "");
}

async fn texts_out_of_order_are_refused(place: Place) {
    place.run("CREATE TABLE things (id INTEGER PRIMARY KEY, changed VARCHAR(40))").await;
    assert_eq!(told(&place, ROOT), "");
    place.run("INSERT INTO things VALUES (1, NULL), (2, '2026-11-21T10:00:00Z')").await;
    assert!(told(&place, ROOT).starts_with("warning 5: `changed` of `things` is NULL"));
    place.run("INSERT INTO things VALUES (3, '11/21/2026 10:00')").await;
    assert!(told(&place, ROOT).starts_with(NO_TEXTS));
}

#[tokio::test]
async fn texts_of_postgres_out_of_order_are_refused() {
    texts_out_of_order_are_refused(Place::postgres().await).await;
}

#[tokio::test]
async fn texts_of_mariadb_out_of_order_are_refused() {
    texts_out_of_order_are_refused(Place::mariadb().await).await;
}

#[tokio::test]
async fn texts_of_sqlite_out_of_order_are_refused() {
    texts_out_of_order_are_refused(Place::sqlite().await).await;
}

/// A day of UTC is over when that of New York is not.
#[tokio::test]
async fn a_day_of_no_zone_is_no_instant() {
    let place = Place::postgres().await;
    place.run("CREATE TABLE things (id INTEGER PRIMARY KEY, changed DATE)").await;
    assert_eq!(
        told(&place, ROOT),
        "error 6: `changed` is date: no instant | declare the zone of its source: time_zone: Asia/Seoul"
    );
}
