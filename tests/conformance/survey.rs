//! What a source tells of the size of its tables.

use prejoin::row::Match;
use prejoin::source::{Counted, Counting, From, Link, Read};

use super::reading::{by, column, insert, read};
use crate::support::place::Place;

async fn rows_are_counted_as_they_will_be_read(place: Place) {
    place.run("CREATE TABLE things (id INTEGER PRIMARY KEY, gone INTEGER, size INTEGER)").await;
    let rows = (0..50).map(|n| format!("{n}, {}, {n}", if n % 5 == 0 { "1" } else { "NULL" }));
    place.run(&insert("things", rows)).await;
    let source = place.source();
    let all = read(&*source, "things", &["id"], &["id"]).await;
    let counted = |rows| Counted { rows, by: Counting::Counted };
    assert_eq!(source.count(&all).await.unwrap(), counted(50));
    let few = Read {
        condition: Some("size >= 25 -- the upper half".to_owned()),
        absent: Some("gone".to_owned()),
        ..all.clone()
    };
    assert_eq!(source.count(&few).await.unwrap(), counted(20));
    let query = Read { from: From::query("SELECT id FROM things WHERE size < 10;"), ..all };
    assert_eq!(source.count(&query).await.unwrap(), counted(10));
}

async fn the_key_with_most_rows_is_found(place: Place) {
    place
        .run(
            "CREATE TABLE parts (id INTEGER PRIMARY KEY, a INTEGER, b VARCHAR(9));
             CREATE TABLE links (thing INTEGER, part INTEGER)",
        )
        .await;
    let source = place.source();
    let parts = read(&*source, "parts", &["id", "a", "b"], &["id"]).await;
    let one = by(parts.clone(), &["a"], Match::Exact);
    assert_eq!(source.fan_out(&one, 100).await.unwrap(), 0);
    // Twelve of 1/x, nine of 1/y, thirty that join nothing.
    let rows = (0..51).map(|n| match n {
        0..12 => format!("{n}, 1, 'x'"),
        12..21 => format!("{n}, 1, 'y'"),
        _ => format!("{n}, NULL, 'x'"),
    });
    place.run(&insert("parts", rows)).await;
    place.run(&insert("links", (0..7).map(|n| format!("9, {n}")))).await;
    assert_eq!(source.fan_out(&one, 100).await.unwrap(), 21);
    assert_eq!(source.fan_out(&one, 5).await.unwrap(), 5);
    let both = by(parts.clone(), &["a", "b"], Match::Exact);
    assert_eq!(source.fan_out(&both, 100).await.unwrap(), 12);
    let info = source.describe(&From::Table("links".to_owned())).await.unwrap().unwrap();
    let mut linked = parts;
    linked.columns.push(column(&info, "thing"));
    linked.columns[3].linked = true;
    linked.by = vec![3];
    linked.condition = Some("id < 5".to_owned());
    linked.link =
        Some(Link { table: "links".to_owned(), to: vec![("part".to_owned(), "id".to_owned())] });
    assert_eq!(source.fan_out(&linked, 100).await.unwrap(), 5);
}

async fn the_tests_own_account_sees_every_transaction(place: Place) {
    assert_eq!(place.source().unseen_transactions().await.unwrap(), None);
}

on_every_server!(
    rows_are_counted_as_they_will_be_read,
    the_key_with_most_rows_is_found,
    the_tests_own_account_sees_every_transaction,
);
