//! The examples of the API's page are searches.

use std::path::Path;

use prejoin::mapping::Mapping;
use prejoin::query::{Fields, parse};

#[test]
fn every_example_is_a_search() {
    let mapping = r#"{"mappings": {"properties": {
        "contract_no": {"type": "keyword"}, "status": {"type": "keyword"}, "amount": {"type": "long"},
        "signed_at": {"type": "date"}, "title": {"type": "text"}, "memo": {"type": "text"},
        "account": {"properties": {"grade": {"type": "keyword"}}},
        "manager": {"properties": {"name": {"type": "keyword"}}},
        "settlements": {"type": "nested", "properties": {"status": {"type": "keyword"}, "amount": {"type": "long"}}}}}}"#;
    let fields = Fields::new(&Mapping::parse(Path::new("m.json"), mapping).unwrap());
    let page =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/api.md")).unwrap();
    let examples: Vec<&str> =
        page.split("```json\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(examples.len() >= 9, "only {} examples were found", examples.len());
    for example in examples {
        if let Err(refusal) = parse(&fields, example.as_bytes()) {
            panic!("{refusal}\n{example}");
        }
    }
}
