//! One root with more rows below it than the engine takes as nested objects in one document.

use serde_json::json;

use super::shop::{Shop, numbers};
use crate::support::engines::{TestEngine, on_both_engines};
use crate::support::place::Place;

const KIDS: usize = 100_000;

on_both_engines!(
    a_root_of_too_many_children_is_a_dead_letter_that_says_so,
    a_mapping_that_raises_the_limit_takes_it_whole,
);

/// Three roots; the second has a hundred thousand children, the first ten thousand, the third one.
async fn shop(engine: TestEngine, limit: Option<usize>) -> (Place, Shop) {
    let place = Place::sqlite().await;
    place
        .run(&format!(
            "CREATE TABLE things (id INTEGER PRIMARY KEY);
             CREATE TABLE kids (id INTEGER PRIMARY KEY, thing INTEGER);
             CREATE INDEX kids_thing ON kids (thing);
             INSERT INTO things VALUES (1), (2), (3);
             INSERT INTO kids SELECT i, 2 FROM ({});
             INSERT INTO kids SELECT {KIDS} + i, 1 FROM ({});
             INSERT INTO kids VALUES (0, 3)",
            numbers(&place, KIDS),
            numbers(&place, 10_000),
        ))
        .await;
    let mut settings = json!({"number_of_replicas": 0});
    if let Some(limit) = limit {
        settings["mapping.nested_objects.limit"] = json!(limit);
        if engine == TestEngine::Elasticsearch {
            // It has a second limit, for elements that are not nested too.
            settings["mapping.array_objects.limit"] = json!(limit);
        }
    }
    let kids = json!({"type": "nested", "properties": {"id": {"type": "long"}}});
    let fields = json!({"id": {"type": "long"}, "kids": kids});
    let mapping =
        json!({"settings": settings, "mappings": {"dynamic": "strict", "properties": fields}});
    let root = "  table: things\n  fields: [id]\n  many:\n    \
                kids: {source: shop, table: kids, on: {id: thing}, fields: [id]}\n";
    let shop = Shop::new(&place, engine, root, &mapping.to_string()).await;
    (place, shop)
}

/// Children that each document can be found by.
async fn kids(shop: &Shop) -> Vec<(String, u64)> {
    let counted = json!({"count": {"value_count": {"field": "kids.id"}}});
    let kids = json!({"kids": {"nested": {"path": "kids"}, "aggs": counted}});
    let each = json!({"terms": {"field": "id", "order": {"_key": "asc"}}, "aggs": kids});
    let answer = shop.ask(&["_search"], &json!({"size": 0, "aggs": {"each": each}})).await;
    let each = answer["aggregations"]["each"]["buckets"].as_array().unwrap();
    let count = |bucket: &serde_json::Value| {
        (bucket["key"].to_string(), bucket["kids"]["count"]["value"].as_u64().unwrap())
    };
    each.iter().map(count).collect()
}

async fn a_root_of_too_many_children_is_a_dead_letter_that_says_so(engine: TestEngine) {
    let (_place, shop) = shop(engine, None).await;
    let ran = shop.home.run(&["reindex", "shop", "--json"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let report = ran.json();
    assert_eq!((&report["read"], &report["written"]), (&json!(3), &json!(2)), "{report}");
    let status = shop.home.run(&["status", "--json"]).json();
    let letter = &status[0]["first_dead_letters"][0];
    assert_eq!(
        (&letter["key"], &letter["error_type"]),
        (&json!("2"), &json!("too_many_nested_objects"))
    );
    // Just as many as the limit are taken.
    assert_eq!(kids(&shop).await, [("1".to_owned(), 10_000), ("3".to_owned(), 1)]);
}

async fn a_mapping_that_raises_the_limit_takes_it_whole(engine: TestEngine) {
    let (_place, shop) = shop(engine, Some(KIDS)).await;
    let ran = shop.home.run(&["reindex", "shop", "--json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let expected = [("1", 10_000), ("2", 100_000), ("3", 1)];
    assert_eq!(kids(&shop).await, expected.map(|(id, count)| (id.to_owned(), count)));
}
