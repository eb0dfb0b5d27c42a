//! A longer table takes longer, and no more memory.

use serde_json::json;

use super::memory::{MIB, Sizes, measured};
use super::shop::{Shop, numbers};
use crate::support::engines::TestEngine;
use crate::support::place::Place;

/// So small that every page, body and cache is full many times over even in the shorter run.
const SIZES: Sizes = Sizes {
    page_bytes: MIB / 2,
    bulk_bytes: MIB / 4,
    bulk_in_flight: 2,
    cache_bytes: MIB / 4,
    readers: 2,
};

const MAPPING: &str = r#"{"settings": {"number_of_replicas": 0}, "mappings": {"dynamic": "strict", "properties": {
    "id": {"type": "long"}, "label": {"type": "keyword"}, "buyer": {"properties": {"name": {"type": "keyword"}}},
    "items": {"type": "nested", "properties": {"id": {"type": "long"}, "price": {"type": "long"}}}}}}"#;

const ROOT: &str = "  table: orders\n  fields: [id, label]\n  \
    one:\n    buyer: {source: shop, table: buyers, on: {buyer: id}, fields: [name]}\n  \
    many:\n    items: {source: shop, table: items, on: {id: order_id}, order_by: [id], fields: [id, price]}\n";

/// Makes the shorter table too long for the cache of a SQLite connection, which is 2 MB.
const UNREAD: &str = "printf('%.*c', 500, 'x')";

/// The peak of a run over so many orders.
async fn peak(orders: usize) -> usize {
    let place = Place::sqlite().await;
    place
        .run(&format!(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, label TEXT, buyer INTEGER, unread TEXT);
             CREATE TABLE buyers (id INTEGER PRIMARY KEY, name TEXT);
             CREATE TABLE items (id INTEGER PRIMARY KEY, order_id INTEGER, price INTEGER, unread TEXT);
             INSERT INTO orders SELECT i, 'order ' || i, i % 7000, {UNREAD} FROM ({});
             INSERT INTO buyers SELECT i, 'buyer ' || i FROM ({});
             INSERT INTO items SELECT i, i, i * 7, {UNREAD} FROM ({});
             CREATE INDEX items_order ON items (order_id)",
            numbers(&place, orders),
            numbers(&place, 7_000),
            numbers(&place, orders),
        ))
        .await;
    let shop = Shop::new(&place, TestEngine::Elasticsearch, ROOT, MAPPING).await;
    let Shop { home, index: _index, .. } = shop;
    let home = SIZES
        .configured(home)
        .variable("PREJOIN__LOAD__RANGE_ROWS", "1000")
        .variable("PREJOIN__SOURCES__SHOP__MAX_CONNECTIONS", "2");
    let run = measured(&home, &["reindex", "shop", "--json"]);
    assert_eq!(run.ran.code, Some(0), "{}", run.ran.stderr);
    assert_eq!(run.ran.json()["written"], json!(orders));
    run.peak
}

/// What is allowed is less than 4 MiB: 22 bytes kept for each row would show.
#[tokio::test]
async fn ten_times_the_rows_take_no_more_memory() {
    let (short, long) = (peak(20_000).await, peak(200_000).await);
    let kib = |bytes: usize| bytes / 1024;
    println!("{} KiB for 20,000 rows, {} KiB for 200,000", kib(short), kib(long));
    assert!(long <= short + short / 10, "{} KiB, {} KiB", kib(short), kib(long));
}
