//! Full loads that leave a service's database to its other users: no more rows a second, and no more connections, than they
//! are told.

use std::pin::pin;
use std::time::{Duration, Instant};

use tokio::time::interval;

use super::shop::{Shop, numbers};
use crate::support::account::{Account, Connections};
use crate::support::engines::TestEngine;
use crate::support::place::Place;

const MAPPING: &str = r#"{"settings": {"number_of_replicas": 0}, "mappings": {"dynamic": "strict",
    "properties": {"id": {"type": "long"}, "a": {"properties": {"id": {"type": "long"}}},
        "b": {"properties": {"id": {"type": "long"}}}, "c": {"properties": {"id": {"type": "long"}}},
        "d": {"properties": {"id": {"type": "long"}}}}}}"#;

#[tokio::test]
async fn a_load_is_as_slow_as_it_is_told_to_be() {
    let place = Place::sqlite().await;
    place
        .run(&format!(
            "CREATE TABLE things (id INTEGER PRIMARY KEY);
             CREATE TABLE others (id INTEGER PRIMARY KEY);
             INSERT INTO things SELECT i FROM ({0});
             INSERT INTO others SELECT i FROM ({0})",
            numbers(&place, 500)
        ))
        .await;
    let root = "  table: things\n  fields: [id]\n  one:\n    \
                a: {source: shop, table: others, on: {id: id}, fields: [id]}\n";
    let shop = Shop::new(&place, TestEngine::OpenSearch, root, MAPPING).await;
    let run = async |arguments: &[&str]| {
        let begun = Instant::now();
        let ran = shop.home.run_beside(arguments).await;
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        assert_eq!(ran.json()["written"], 500);
        begun.elapsed()
    };
    // Five hundred roots, and one more row for each.
    let slowly = ["reindex", "shop", "--json", "--max-rows-per-second", "400"];
    for arguments in [slowly.to_vec(), [&slowly[..], &["--dry-run"]].concat()] {
        let took = run(&arguments).await;
        assert!(took >= Duration::from_millis(2_500), "{arguments:?}: {took:?}");
    }
}

/// Two readers, each with four relations to look up at once, and two connections.
async fn no_more_connections_than_configured(account: Account, place: Place) {
    let fill = numbers(&place, 40);
    for table in ["things", "others"] {
        place.run(&format!("CREATE TABLE {table} (id INTEGER PRIMARY KEY)")).await;
        place.run(&format!("INSERT INTO {table} SELECT i FROM ({fill}) AS numbers")).await;
    }
    account.may_read(&place).await;
    // There is time to count while these are looked up.
    let slow = if place.is_postgres() { "pg_sleep(0.01) IS NOT NULL" } else { "SLEEP(0.01) = 0" };
    let relation = |name| {
        format!(
            "    {name}: {{source: shop, table: others, on: {{id: id}}, where: '{slow}', fields: [id]}}\n"
        )
    };
    let relations: String = ["a", "b", "c", "d"].map(relation).concat();
    let root = format!("  table: things\n  fields: [id]\n  one:\n{relations}");
    let shop = Shop::reading(&account.at(&place), TestEngine::OpenSearch, &root, MAPPING).await;
    let home = shop
        .home
        .variable("PREJOIN__SOURCES__SHOP__MAX_CONNECTIONS", "2")
        .variable("PREJOIN__LOAD__READERS", "2")
        .variable("PREJOIN__LOAD__RANGE_ROWS", "10");
    let (mut connections, mut most) = (Connections::of(&account).await, 0);
    let mut looks = interval(Duration::from_millis(5));
    let running = home.start(&["reindex", "shop", "--json"]);
    // A server may still be at its farewell to the first connection, with which it was looked for.
    running.says("loading").await;
    let mut ended = pin!(running.ended());
    let ran = loop {
        tokio::select! {
            biased;
            ran = &mut ended => break ran,
            _ = looks.tick() => most = connections.count().await.max(most),
        }
    };
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(ran.json()["written"], 40);
    assert_eq!(most, 2);
}

mod postgres {
    use super::{Account, Place};

    #[tokio::test]
    async fn no_more_connections_than_configured() {
        let (account, place) = (Account::postgres().await, Place::postgres().await);
        Box::pin(super::no_more_connections_than_configured(account, place)).await;
    }
}

mod mariadb {
    use super::{Account, Place};

    #[tokio::test]
    async fn no_more_connections_than_configured() {
        let (account, place) = (Account::mariadb().await, Place::mariadb().await);
        Box::pin(super::no_more_connections_than_configured(account, place)).await;
    }
}
