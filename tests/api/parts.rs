//! Parts of values, whatever the mapping makes of the values: as a plain look at them finds them.

use std::collections::BTreeSet;
use std::path::Path;

use prejoin::mapping::Mapping;
use serde_json::{Value, json};
use unicode_normalization::UnicodeNormalization;

use super::harness::Api;
use crate::support::engines::{TestEngine, on_both_engines};

on_both_engines!(parts_are_found_as_the_mapping_compares_values);

const VALUES: [&str; 14] = [
    "KIM-1",
    "kim*2",
    "k?m-3",
    "a\\B?c",
    "a\\*b",
    "AA*bb**cc",
    "김철수 A",
    "이유보수",
    "*x*y",
    "x*",
    "?z",
    "\\",
    "Ada",
    "ÀÉ b",
];

const ASKED: [&str; 24] = [
    "KIM", "kim", "im", "kim*", "K?M", "?m", "a\\", "\\b?", "\\B?", "\\*", "a\\*b", "a*b", "**",
    "*", "*x*", "x*", "?z", "\\", "철수 a", "철수 A", "김", "보수", "àé", "ADA",
];

/// Fields, and whether their values are compared in lower case. The last ones have what the core of Elasticsearch does not.
fn fields(wildcards: bool) -> Vec<(&'static str, bool, Value)> {
    let keyword = json!({"type": "keyword"});
    let lower = json!({"type": "keyword", "normalizer": "lowercase"});
    let with = |mut field: Value, form: &Value| {
        field["fields"] = json!({"form": form});
        field
    };
    let mut fields = vec![
        ("plain", false, keyword.clone()),
        ("lower", true, lower.clone()),
        ("text", false, with(json!({"type": "text"}), &keyword)),
        ("text_lower", true, with(json!({"type": "text"}), &lower)),
    ];
    if wildcards {
        let parts = json!({"type": "wildcard"});
        let lower_parts = json!({"type": "wildcard", "normalizer": "lowercase"});
        fields.extend([
            ("parts", false, parts.clone()),
            ("with_parts", false, with(keyword, &parts)),
            ("text_parts", false, with(json!({"type": "text"}), &parts)),
            ("lower_parts", true, with(lower.clone(), &lower_parts)),
            // The sub-field has the values in both cases, and `eq` does not.
            ("lower_beside_parts", true, with(lower, &parts)),
        ]);
    }
    fields
}

fn mapping(fields: &[(&str, bool, Value)]) -> Mapping {
    let fields = fields.iter().map(|(name, _, field)| ((*name).to_owned(), field.clone()));
    let body = json!({"mappings": {"properties": Value::Object(fields.collect())}});
    Mapping::parse(Path::new("m.json"), &body.to_string()).unwrap()
}

/// The API over an index with these values in each field, and what the fields are.
async fn filled(engine: TestEngine) -> (Api, Vec<(&'static str, bool, Value)>) {
    for wildcards in [true, false] {
        let fields = fields(wildcards);
        let mapping = mapping(&fields);
        let api = Api::over(engine.client().await, &mapping);
        if !api.create_with(1, &mapping.body(), &json!({})).await.is_success() {
            assert_eq!((engine, wildcards), (TestEngine::Elasticsearch, true));
            continue;
        }
        let documents = VALUES.iter().map(|value| {
            let values = fields.iter().map(|(name, ..)| ((*name).to_owned(), json!(value)));
            let mut document = Value::Object(values.collect());
            document["_prejoin"] = json!({"id": value});
            document
        });
        api.fill(&documents.collect::<Vec<_>>()).await;
        return (api, fields);
    }
    panic!("the engine takes no such mapping")
}

async fn parts_are_found_as_the_mapping_compares_values(engine: TestEngine) {
    let (api, fields) = filled(engine).await;
    for (name, lower, _) in &fields {
        for (operator, asked) in ["contains", "icontains", "starts_with"]
            .into_iter()
            .flat_map(|operator| ASKED.map(|asked| (operator, asked)))
            .filter(|(operator, asked)| *operator == "starts_with" || asked.chars().count() > 1)
        {
            let compared = |text: &str| match (lower, operator) {
                (true, _) => text.to_lowercase(),
                // OpenSearch's `wildcard` takes every letter in both cases, others those from A to Z.
                (_, "icontains") if name.contains("parts") => text.to_lowercase(),
                (false, "icontains") => text.to_ascii_lowercase(),
                _ => text.to_owned(),
            };
            let part = compared(asked);
            let mut right: Vec<&str> = VALUES.to_vec();
            right.retain(|value| match operator {
                "starts_with" => compared(value).starts_with(&part),
                _ => compared(value).contains(&part),
            });
            right.sort_unstable();
            // As some systems take Hangul apart.
            let apart: String = asked.nfd().collect();
            for asked in BTreeSet::from([asked, &apart]) {
                let body = json!({"filter": {*name: {operator: asked}}});
                let mut found = api.search(&body).await.ids();
                found.sort_unstable();
                assert_eq!(found, right, "{body}");
            }
        }
    }
    api.remove().await;
}
