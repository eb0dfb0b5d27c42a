//! Options of a mapping that change what an operator sees, and not what a row shows.

use std::path::Path;

use prejoin::mapping::Mapping;
use serde_json::{Value, json};

use super::harness::Api;
use crate::support::engines::{TestEngine, on_both_engines};

on_both_engines!(
    what_stands_for_null_is_found_and_not_shown,
    what_is_too_long_to_be_compared_is_shown_and_not_found,
);

/// Three documents: with nulls and long texts, with short values, with nothing.
async fn filled(engine: TestEngine) -> Api {
    let mapping = r#"{"mappings": {"properties": {
        "grade": {"type": "keyword", "null_value": "none"}, "amount": {"type": "long", "null_value": 0},
        "paid": {"type": "boolean", "null_value": false}, "signed_at": {"type": "date", "null_value": "2000-01-01"},
        "code": {"type": "keyword", "ignore_above": 5},
        "title": {"type": "text", "fields": {"raw": {"type": "keyword", "ignore_above": 5}}},
        "note": {"type": "text", "index": false, "fields": {"raw": {"type": "keyword"}}}}}}"#;
    let mapping = Mapping::parse(Path::new("m.json"), mapping).unwrap();
    let api = Api::over(engine.client().await, &mapping);
    api.create(1, &mapping.body()).await;
    api.fill(&[
        json!({"grade": null, "amount": null, "paid": null, "signed_at": null, "code": "abcdef", "title": "두 단어", "note": "x",
            "_prejoin": {"id": "1"}}),
        json!({"grade": "A", "amount": 5, "paid": true, "signed_at": "2026-01-01", "code": "abc", "title": "한 단어 더", "note": null,
            "_prejoin": {"id": "2"}}),
        json!({"_prejoin": {"id": "3"}}),
    ])
    .await;
    api
}

async fn found(api: &Api, filter: &Value) -> Vec<String> {
    let reply = api.search(&json!({"filter": filter})).await;
    assert_eq!(reply.status, 200, "{filter}: {}", reply.text);
    reply.ids()
}

async fn what_stands_for_null_is_found_and_not_shown(engine: TestEngine) {
    let api = filled(engine).await;
    for (field, stands, other) in [
        ("grade", json!("none"), json!("A")),
        ("amount", json!(0), json!(5)),
        ("paid", json!(false), json!(true)),
        ("signed_at", json!("2000-01-01"), json!("2026-01-01")),
    ] {
        assert_eq!(found(&api, &json!({field: {"exists": true}})).await, ["1", "2"], "{field}");
        assert_eq!(found(&api, &json!({field: {"exists": false}})).await, ["3"], "{field}");
        assert_eq!(found(&api, &json!({field: {"eq": stands}})).await, ["1"], "{field}");
        assert_eq!(found(&api, &json!({field: {"ne": other}})).await, ["1", "3"], "{field}");
        let sorted = api.search(&json!({"sort": [{"field": field}]})).await;
        let first = if field == "grade" { ["2", "1", "3"] } else { ["1", "2", "3"] };
        assert_eq!(sorted.ids(), first, "{field}");
        let rows = sorted.json()["data"].clone();
        let row = rows.as_array().unwrap().iter().find(|row| row["_id"] == "1").unwrap().clone();
        assert_eq!(row.get(field), Some(&Value::Null), "{row}");
    }
    let facets = json!({"facets": {"grade": {"type": "terms"}}, "page": {"size": 0}});
    let facet = api.search(&facets).await.json()["facets"]["grade"].clone();
    assert_eq!(
        facet["buckets"],
        json!([{"value": "A", "count": 1, "selected": false}, {"value": "none", "count": 1, "selected": false}])
    );
    assert_eq!(facet["missing"], 1);
    api.remove().await;
}

async fn what_is_too_long_to_be_compared_is_shown_and_not_found(engine: TestEngine) {
    let api = filled(engine).await;
    assert_eq!(found(&api, &json!({"code": {"exists": true}})).await, ["2"]);
    assert_eq!(found(&api, &json!({"code": {"eq": "abcdef"}})).await, [""; 0]);
    assert_eq!(found(&api, &json!({"code": {"ne": "abc"}})).await, ["1", "3"]);
    assert_eq!(found(&api, &json!({"code": {"starts_with": "abc"}})).await, ["2"]);
    let sorted = api.search(&json!({"sort": [{"field": "code"}]})).await;
    assert_eq!(sorted.ids(), ["2", "1", "3"]);
    assert_eq!(sorted.json()["data"][1]["code"], "abcdef");
    // A text has its words, however long it is, and is asked itself whether it is there.
    assert_eq!(found(&api, &json!({"title": {"exists": true}})).await, ["1", "2"]);
    assert_eq!(found(&api, &json!({"title": {"match": "단어"}})).await, ["1", "2"]);
    assert_eq!(found(&api, &json!({"title": {"eq": "두 단어"}})).await, ["1"]);
    assert_eq!(found(&api, &json!({"title": {"eq": "한 단어 더"}})).await, [""; 0]);
    // One that is not indexed has its `keyword` asked.
    assert_eq!(found(&api, &json!({"note": {"exists": true}})).await, ["1"]);
    assert_eq!(found(&api, &json!({"note": {"exists": false}})).await, ["2", "3"]);
    assert_eq!(found(&api, &json!({"note": {"eq": "x"}})).await, ["1"]);
    api.remove().await;
}
