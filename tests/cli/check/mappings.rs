//! Mappings that do not go with the values, and the engine's limits on them.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use prejoin::sink::Method;
use serde_json::{Map, Value, json};

use super::{found, home_on, lines, report};
use crate::support::engines::{TestEngine, on_both_engines};
use crate::support::home::Home;
use crate::support::own::Indexes;
use crate::support::place::Place;

on_both_engines!(what_is_called_refused_is_refused_and_nothing_else);

/// A column's type, and a value of it as documents show it.
fn columns() -> Vec<(&'static str, Value)> {
    vec![
        ("boolean", json!(true)),
        ("bigint", json!(7)),
        ("numeric", json!(7.5)),
        ("uuid", json!("0190a7c0-1111-7222-8333-444455556666")),
        ("bytea", json!("3q2+7w==")),
        ("date", json!("2026-01-31")),
        ("time", json!("13:05:00")),
        ("timestamptz", json!("2026-01-31T13:05:00Z")),
    ]
}

/// Those that both engines have in their core.
const MAPPED: &[&str] = &[
    "boolean",
    "byte",
    "long",
    "half_float",
    "double",
    "date",
    "date_nanos",
    "ip",
    "binary",
    "keyword",
    "text",
];

async fn what_is_called_refused_is_refused_and_nothing_else(engine: TestEngine) {
    let place = Place::postgres().await;
    let types = columns();
    let made: Vec<String> = types.iter().map(|(ty, _)| format!("c_{ty} {ty}")).collect();
    place.run(&format!("CREATE TABLE things (id INTEGER PRIMARY KEY, {})", made.join(", "))).await;
    let (mut properties, mut fields) = (Map::new(), String::new());
    for (ty, mapped) in
        types.iter().flat_map(|(ty, _)| MAPPED.iter().map(move |mapped| (ty, mapped)))
    {
        properties.insert(format!("{ty}_{mapped}"), json!({"type": mapped}));
        write!(fields, "\n  - {{column: c_{ty}, name: {ty}_{mapped}}}").unwrap();
    }
    let mappings = json!({"mappings": {"dynamic": "strict", "properties": properties}});
    let home = home_on(&place, &format!("source: db\ntable: things\nfields:{fields}"))
        .file("mappings/things.json", &mappings.to_string());
    let said = found(&report(&home), &["mapping_refuses"]);
    let errors = said.iter().filter(|finding| finding["level"] == "error");
    let said: BTreeSet<String> = errors
        .map(|finding| finding["what"].as_str().unwrap().split('`').nth(1).unwrap().to_owned())
        .collect();

    let index = Indexes::of(engine, "fit").await;
    let client = engine.client().await;
    client.call(Method::Put, &[&index], &[], Some(&mappings)).await.unwrap();
    let mut refused = BTreeSet::new();
    for (ty, value) in &types {
        for mapped in MAPPED {
            let name = format!("{ty}_{mapped}");
            let document = json!({ (name.as_str()): value });
            if client.call(Method::Post, &[&index, "_doc"], &[], Some(&document)).await.is_err() {
                refused.insert(name);
            }
        }
    }
    assert_eq!(said, refused);
    assert!(refused.len() > 40, "{}", refused.len());
}

#[tokio::test]
async fn what_is_rounded_or_may_not_fit_is_a_warning() {
    let place = Place::postgres().await;
    place
        .run(
            "CREATE TABLE things (id BIGINT PRIMARY KEY, price NUMERIC(38,2), share NUMERIC(8,4), born TEXT, made INTEGER, seen DATE)",
        )
        .await;
    let mapping = r#"{"mappings": {"dynamic": "strict", "properties": {
        "id": {"type": "integer"}, "price": {"type": "double"}, "share": {"type": "long"}, "born": {"type": "date"},
        "made": {"type": "date"}, "seen": {"type": "date", "format": "epoch_millis"}, "n": {"type": "boolean"},
        "lenient": {"type": "ip", "ignore_malformed": true}}}}"#;
    let root = "source: db\ntable: things\nfields: [id, price, share, born, made, seen, {column: made, name: lenient}]";
    let home = home_on(&place, root).file("mappings/things.json", mapping);
    let codes = ["mapping_refuses", "mapping_loses", "mapping_range"];
    insta::assert_snapshot!(lines(&found(&report(&home), &codes)), @r#"
    warning 6: `id` is bigint, its mapping is `integer`: greater numbers are refused | map it as `long`
    warning 6: `price` has 38 digits, its mapping `double` about 15: searches and sorts round it | documents keep every digit; map it as `keyword` where it has to be found exactly
    warning 6: `share` is decimal, its mapping is `long`: searches do not see what follows the point | map it as `scaled_float` or `double`, or convert it: as: integer
    warning 6: `born` is text, its mapping is `date`: texts that are not dates in the mapping's format are refused | as: date or as: timestamp
    warning 6: `made` is integer, its mapping is `date`: it is taken for milliseconds since 1970 | as: timestamp (seconds), epoch_millis or epoch_micros
    warning 6: `seen` comes as 2026-01-31, which the format `epoch_millis` of its mapping does not take | "format": "strict_date"
    warning 6: `lenient` is integer, its mapping is `ip`: values that do not fit are refused or left out of searches | map it as `long`, or convert it (as: boolean takes 0 and 1)
    "#);
    assert_eq!(home.run(&["check"]).code, Some(0));
    // What is worked out is held against the mapping as well.
    let job = std::fs::read_to_string(home.path().join("jobs/things.yaml")).unwrap();
    let many = "  many:\n    many: {source: db, table: things, on: {id: id}}\ncomputed: {n: {count: many}}\n";
    let home = home.file("jobs/things.yaml", &(job + many));
    let counted = found(&report(&home), &["mapping_refuses"]);
    assert_eq!(
        counted[0]["what"],
        "`n` is integer, its mapping is `boolean`: the engine refuses every value"
    );
}

/// A home whose mapping has so many further fields.
fn with(place: &Place, settings: &Value, further: impl Iterator<Item = (String, Value)>) -> Home {
    let mut properties: Map<String, Value> = further.collect();
    properties.insert("id".to_owned(), json!({"type": "keyword"}));
    let mapping =
        json!({"settings": settings, "mappings": {"dynamic": "strict", "properties": properties}});
    home_on(place, "source: db\ntable: things\nfields: [id]")
        .file("mappings/things.json", &mapping.to_string())
}

fn nested(count: usize) -> impl Iterator<Item = (String, Value)> {
    (0..count).map(|n| {
        (format!("n{n}"), json!({"type": "nested", "properties": {"a": {"type": "keyword"}}}))
    })
}

#[tokio::test]
async fn more_fields_than_the_engine_takes_are_found() {
    let place = Place::sqlite().await;
    place.run("CREATE TABLE things (id INTEGER PRIMARY KEY)").await;
    let told = |settings: Value, nested_fields: usize, fields: usize| {
        let fields = (0..fields).map(|n| (format!("f{n}"), json!({"type": "keyword"})));
        let home = with(&place, &settings, nested(nested_fields).chain(fields));
        lines(&found(&report(&home), &["nested_fields", "total_fields"]))
    };
    // 994, `id` and the five of `_prejoin` are 1,000.
    assert_eq!(told(json!({}), 50, 0) + &told(json!({}), 0, 994), "");
    insta::assert_snapshot!([told(json!({}), 51, 0), told(json!({}), 101, 0), told(json!({}), 0, 995)].join("\n"), @r#"
    warning 2: the mapping has 51 nested fields, the engine takes 50 (newer Elasticsearch: 100) | raise "index.mapping.nested_fields.limit" in the mapping's `settings`
    error 2: the mapping has 101 nested fields, the engine takes 50 (newer Elasticsearch: 100) | raise "index.mapping.nested_fields.limit" in the mapping's `settings`
    error 2: the mapping has 1001 fields with those of prejoin, the engine takes 1000 | raise "index.mapping.total_fields.limit" in the mapping's `settings`
    "#);
    let raised = json!({"index": {"mapping": {"nested_fields.limit": 101, "total_fields": {"limit": 1001}}}});
    assert_eq!(told(raised.clone(), 101, 0) + &told(raised, 0, 995), "");
}

#[tokio::test]
async fn objects_that_are_only_kept_need_no_fields_and_are_not_nested() {
    let place = Place::sqlite().await;
    place.run("CREATE TABLE things (id INTEGER PRIMARY KEY)").await;
    let root = "source: db\ntable: things\nfields: [id]\nmany:\n  many: {source: db, table: things, on: {id: id}, fields: [id]}";
    let told = |mapped: Value| {
        let mapping = json!({"mappings": {"dynamic": "strict", "properties": {"id": {"type": "keyword"}, "many": mapped}}});
        let home = home_on(&place, root).file("mappings/things.json", &mapping.to_string());
        lines(&found(&report(&home), &["many_not_nested", "missing_field", "wrong_shape"]))
    };
    assert_eq!(told(json!({"type": "object", "enabled": false})), "");
    let cases = [
        told(json!({"type": "flattened"})),
        told(json!({"properties": {"id": {"type": "keyword"}}})),
        told(json!({"type": "keyword"})),
    ];
    insta::assert_snapshot!(cases.join("\n"), @r#"
    warning 8: `many` is a list of objects, its mapping is `flattened` | "type": "nested" keeps the members of one element together
    error 8: `many` is a list of objects, its mapping is `object` | "type": "nested" keeps the members of one element together
    error 8: `many` is a list of objects, its mapping is `keyword` | "type": "nested" keeps the members of one element together
    error 8: the mapping has no field `many.id` | add it to things.json
    "#);
}
