//! Wide rows and large fan-outs: whatever the tables hold, a run stays within what its sizes allow.

use serde_json::json;

use super::memory::{MIB, Measured, Sizes, Widest, measured};
use super::shop::{Shop, numbers};
use crate::support::engines::TestEngine;
use crate::support::place::Place;

const SIZES: Sizes = Sizes {
    page_bytes: 8 * MIB,
    bulk_bytes: 2 * MIB,
    bulk_in_flight: 2,
    cache_bytes: MIB,
    readers: 2,
};

/// Bytes of one wide text.
const WIDE: usize = 1_000_000;

const MAPPING: &str = r#"{"settings": {"number_of_replicas": 0}, "mappings": {"dynamic": "strict", "properties": {
    "id": {"type": "long"}, "body": {"type": "text", "index": false},
    "kids": {"type": "nested", "properties": {"id": {"type": "long"}, "body": {"type": "text", "index": false}}}}}}"#;

const ROOT: &str = "  table: things\n  fields: [id, body]\n  many:\n    \
    kids: {source: shop, table: kids, on: {id: thing}, fields: [id, body]}\n";

/// How much there is of `things`, and of `kids` below each.
#[derive(Clone, Copy)]
struct Tables {
    things: usize,
    thing_bytes: usize,
    kids: usize,
    kid_bytes: usize,
}

impl Tables {
    async fn fill(self, place: &Place) {
        let Self { things, thing_bytes, kids, kid_bytes } = self;
        let text = |bytes: usize| match place.is_sqlite() {
            true => format!("printf('%.*c', {bytes}, 'x')"),
            false => format!("repeat('x', {bytes})"),
        };
        let long = if place.is_mariadb() { "LONGTEXT" } else { "TEXT" };
        // Each root's children lie apart from one another.
        place
            .run(&format!(
                "CREATE TABLE things (id BIGINT PRIMARY KEY, body {long});
                 CREATE TABLE kids (id BIGINT PRIMARY KEY, thing BIGINT, body {long});
                 INSERT INTO things SELECT i, {} FROM ({}) AS numbers;
                 INSERT INTO kids SELECT i, 1 + i % {things}, {} FROM ({}) AS numbers;
                 CREATE INDEX kids_thing ON kids (thing)",
                text(thing_bytes),
                numbers(place, things),
                text(kid_bytes),
                numbers(place, things * kids),
            ))
            .await;
    }

    /// What the program may hold of them beside what its sizes say.
    fn widest(self) -> Widest {
        // Whatever stands around a value: its column's name, its key, its place in the page.
        let dressed = |bytes: usize| bytes + 200;
        Widest {
            row: dressed(self.thing_bytes.max(self.kid_bytes)),
            document: dressed(self.thing_bytes) + self.kids * dressed(self.kid_bytes),
        }
    }
}

/// Loads the tables, and holds the peak of memory against what is allowed.
async fn load_within_bounds(place: Place, engine: TestEngine, tables: Tables) {
    let empty = Tables { things: 1, kids: 1, thing_bytes: 1, kid_bytes: 1 };
    let (bare, whole) =
        (load(&place_like(&place).await, engine, empty).await, load(&place, engine, tables).await);
    let allowed = SIZES.allow(tables.widest());
    let took = whole.peak.saturating_sub(bare.peak);
    let told = |bytes: usize| bytes / MIB;
    println!(
        "{} MiB bare, {} MiB more of {} MiB allowed",
        told(bare.peak),
        told(took),
        told(allowed)
    );
    assert!(took <= allowed, "{} MiB of {} MiB allowed", told(took), told(allowed));
    // Or the bound would show nothing.
    let data = tables.things * (tables.thing_bytes + tables.kids * tables.kid_bytes);
    assert!(data > allowed, "{} MiB of rows fit into {} MiB", told(data), told(allowed));
}

/// Another place on the same server.
async fn place_like(place: &Place) -> Place {
    match (place.is_postgres(), place.is_mariadb()) {
        (true, _) => Place::postgres().await,
        (_, true) => Place::mariadb().await,
        _ => Place::sqlite().await,
    }
}

async fn load(place: &Place, engine: TestEngine, tables: Tables) -> Measured {
    tables.fill(place).await;
    let Shop { home, index: _index, .. } = Shop::new(place, engine, ROOT, MAPPING).await;
    let run = measured(&SIZES.configured(home), &["reindex", "shop", "--json"]);
    assert_eq!(run.ran.code, Some(0), "{}", run.ran.stderr);
    assert_eq!(run.ran.json()["written"], json!(tables.things));
    run
}

const WIDE_ROOTS: Tables = Tables { things: 250, thing_bytes: WIDE, kids: 1, kid_bytes: 10 };
const WIDE_CHILDREN: Tables = Tables { things: 100, thing_bytes: 10, kids: 2, kid_bytes: WIDE };
/// Just as many as the engine takes in one document.
const FAN_OUT: Tables = Tables { things: 100, thing_bytes: 10, kids: 10_000, kid_bytes: 200 };

#[tokio::test]
async fn wide_roots_of_postgres_are_read_within_bounds() {
    load_within_bounds(Place::postgres().await, TestEngine::Elasticsearch, WIDE_ROOTS).await;
}

#[tokio::test]
async fn wide_roots_of_mariadb_are_read_within_bounds() {
    load_within_bounds(Place::mariadb().await, TestEngine::Elasticsearch, WIDE_ROOTS).await;
}

#[tokio::test]
async fn wide_roots_of_sqlite_are_read_within_bounds() {
    load_within_bounds(Place::sqlite().await, TestEngine::OpenSearch, WIDE_ROOTS).await;
}

#[tokio::test]
async fn wide_children_are_read_within_bounds() {
    load_within_bounds(Place::sqlite().await, TestEngine::Elasticsearch, WIDE_CHILDREN).await;
}

#[tokio::test]
async fn ten_thousand_children_of_each_root_are_read_within_bounds() {
    load_within_bounds(Place::postgres().await, TestEngine::Elasticsearch, FAN_OUT).await;
}

const SHARED: &str = "  table: things\n  fields: [id]\n  one:\n    maker:\n      source: shop\n      table: makers\n      \
    on: {id: id}\n      fields: [id]\n      one:\n        company: {source: shop, table: companies, on: {company: id}, fields: [body]}\n";

const SHARED_MAPPING: &str = r#"{"settings": {"number_of_replicas": 0}, "mappings": {"dynamic": "strict", "properties": {
    "id": {"type": "long"}, "maker": {"properties": {"id": {"type": "long"}, "company": {"properties": {
        "body": {"type": "text", "index": false}}}}}}}}"#;

/// One row that is in an object of its own for each root: read once, and written as often.
#[tokio::test]
async fn a_wide_row_that_many_objects_share_is_written_within_bounds() {
    const THINGS: usize = 250;
    let sizes = Sizes { page_bytes: 4 * MIB, ..SIZES };
    let bare = load_shared(sizes, 1, 1).await.peak;
    let took = load_shared(sizes, THINGS, WIDE).await.peak.saturating_sub(bare);
    let allowed = sizes.allow(Widest { row: WIDE, document: WIDE + 200 });
    assert!(took <= allowed, "{} of {} MiB allowed", took / MIB, allowed / MIB);
    assert!(THINGS * WIDE > 2 * allowed, "all of them fit into {} MiB", allowed / MIB);
}

/// Loads so many things, all of one company, whose text has so many bytes.
async fn load_shared(sizes: Sizes, things: usize, bytes: usize) -> Measured {
    let place = Place::sqlite().await;
    place
        .run(&format!(
            "CREATE TABLE things (id BIGINT PRIMARY KEY);
             CREATE TABLE makers (id BIGINT PRIMARY KEY, company BIGINT);
             CREATE TABLE companies (id BIGINT PRIMARY KEY, body TEXT);
             INSERT INTO companies VALUES (7, printf('%.*c', {bytes}, 'x'));
             INSERT INTO things SELECT i FROM ({0}) AS numbers;
             INSERT INTO makers SELECT i, 7 FROM ({0}) AS numbers",
            numbers(&place, things)
        ))
        .await;
    let engine = TestEngine::Elasticsearch;
    let Shop { home, index: _index, .. } = Shop::new(&place, engine, SHARED, SHARED_MAPPING).await;
    let run = measured(&sizes.configured(home), &["reindex", "shop", "--json"]);
    assert_eq!(run.ran.code, Some(0), "{}", run.ran.stderr);
    assert_eq!(run.ran.json()["written"], json!(things));
    run
}
