//! `check` finds everything at once.

use crate::cli::failures::sqlite;
use crate::support::home::Home;

const MAPPING: &str = r#"{"mappings": {"dynamic": "strict", "properties": {
    "id": {"type": "long"}, "name": {"type": "keyword"}, "price": {"type": "double"},
    "owner": {"properties": {"name": {"type": "keyword"}}},
    "parts": {"properties": {"id": {"type": "long"}}},
    "tags": {"type": "nested", "properties": {"id": {"type": "long"}}}}}}"#;

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
    - nmae # 4: no such column, 5: not in the mapping
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
    tags: {source: shopp, table: tags, on: {id: thing}} # 11: no such source
computed:
  price: {sum: parts.price} # 12: no such field
";

#[tokio::test]
async fn twelve_faults_are_twelve_findings() {
    let home = Home::new()
        .file("mappings/things.json", MAPPING)
        .file("jobs/things.yaml", JOB)
        .file("config/default.yaml", "sources: {shop: {kind: sqlite, path: shop.db}}\n");
    let tables =
        "CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT, price TEXT, owner INTEGER);
        CREATE TABLE owners (id INTEGER PRIMARY KEY, name TEXT);
        CREATE TABLE parts (id INTEGER PRIMARY KEY, thing INTEGER);";
    sqlite(&home, tables).await;
    let ran = home.run(&["check"]);
    // What is only a warning comes behind them.
    let told = ran.told();
    let errors = told.split("\nwarning:").next().unwrap();
    insta::assert_snapshot!(errors, @r#"
    exit 1
    error: HOME/jobs/things.yaml:1:8: `Things` cannot be an index's name
      hint: lower-case letters, digits, - and _, at most 200, a letter or digit first
    error: HOME/jobs/things.yaml:3:11: a schedule has six fields, this one 5
      hint: seconds come first: "0 */5 * * * *" is every five minutes
    error: HOME/jobs/things.yaml:7:15: table `things` of source `shop` has no column `updated_at`
      hint: known are id, name, price, owner
    error: HOME/jobs/things.yaml:10:7: table `things` of source `shop` has no column `nmae`
      hint: did you mean `name`?
    error: HOME/jobs/things.yaml:10:7: the mapping has no field `nmae`
      hint: did you mean `name`?
    error: HOME/jobs/things.yaml:11:7: the mapping has no field `cost`
      hint: add it to things.json
    error: HOME/jobs/things.yaml:12:7: `name` is masked, but there is no key to do it with
      hint: set mask.key in the configuration
    error: HOME/jobs/things.yaml:17:11: table `owners` of source `shop` has no column `idd`
      hint: did you mean `id`?
    error: HOME/jobs/things.yaml:21:7: `parts` is a list of objects, its mapping is `object`
      hint: "type": "nested" keeps the members of one element together
    error: HOME/jobs/things.yaml:24:18: table `parts` of source `shop` has no column `position`
      hint: known are id, thing
    error: HOME/jobs/things.yaml:26:20: the configuration has no source `shopp`
      hint: did you mean `shop`?
    error: HOME/jobs/things.yaml:28:10: `parts.price`: there is no field `price`
      hint: known are id
    "#);
    let report = home.run(&["check", "--json"]).json();
    let findings = report[0]["findings"].as_array().unwrap();
    let errors = findings.iter().filter(|finding| finding["level"] == "error").count();
    assert_eq!(errors, 12);
    assert!(findings.iter().all(|finding| finding["line"].is_u64()), "{report:#}");
}
