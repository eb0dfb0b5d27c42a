//! `check` finds everything at once.

use super::failures::sqlite;
use crate::support::home::Home;

const MAPPING: &str = r#"{"mappings": {"dynamic": "strict", "properties": {
    "id": {"type": "long"}, "name": {"type": "keyword"}, "price": {"type": "double"},
    "owner": {"properties": {"name": {"type": "keyword"}}},
    "parts": {"properties": {"id": {"type": "long"}}}}}}"#;

/// Twelve faults, a comment beside each.
const JOB: &str = "\
index: Things # 1: upper case
mapping: things.json
schedule: '*/5 * * * *' # 2: five fields
root:
  source: shop
  table: things
  changed_at: updated_at # 3: no such column
  fields:
    - id
    - nmae # 4: no such column, and 5: not in the mapping
    - {column: price, name: cost} # 6: not in the mapping
    - {column: name, mask: hmac} # 7: no key to mask with
  one:
    owner:
      source: shop
      table: owners
      on: {owner: idd} # 8: no such column
      fields: [name]
  many:
    parts: # 9: not nested in the mapping
      source: shop
      table: parts
      on: {id: thing}
      order_by: [position] # 10: no such column
      fields: [id]
    tags: {source: shopp, table: tags, on: {id: thing}} # 11: no such source (and not in the mapping)
computed:
  price: {sum: parts.price} # 12: no such field
";

#[tokio::test]
async fn twelve_faults_are_twelve_findings() {
    let home = Home::new()
        .file("mappings/things.json", MAPPING)
        .file("jobs/things.yaml", JOB)
        .file("config/default.yaml", "sources: {shop: {kind: sqlite, path: shop.db}}\n");
    let tables = "CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT, price TEXT, owner INTEGER);
        CREATE TABLE owners (id INTEGER PRIMARY KEY, name TEXT);
        CREATE TABLE parts (id INTEGER PRIMARY KEY, thing INTEGER);";
    sqlite(&home, tables).await;
    let ran = home.run(&["check"]);
    insta::assert_snapshot!(ran.told(), @"");
    let report = home.run(&["check", "--json"]).json();
    let findings = report[0]["findings"].as_array().unwrap();
    assert!(findings.iter().all(|finding| finding["line"].is_u64()), "{report:#}");
}
