//! A full load from the command line, on both engines.

use serde_json::{Value, json};

use super::failures::sqlite;
use crate::support::engines::{TestEngine, on_both_engines};
use crate::support::home::Home;
use crate::support::own::Indexes;

const MAPPING: &str = r#"{"settings": {"number_of_replicas": 0, "refresh_interval": "7s"}, "mappings": {"dynamic": "strict",
    "properties": {"id": {"type": "long"}, "born": {"type": "date"}}}}"#;

on_both_engines!(
    one_refused_document_of_ten_thousand_is_a_dead_letter,
    an_empty_table_becomes_an_empty_index,
    generations_are_kept_as_told,
    a_refused_swap_leaves_the_old_index_serving,
    too_many_refusals_stop_the_run,
    wide_children_are_read_in_smaller_pages_and_a_root_too_large_is_named,
    a_dry_run_tells_what_a_run_then_does,
);

/// A home with a job over `things`, whose alias is unique; returns the alias too.
async fn home(engine: TestEngine, statements: &str) -> (Home, Indexes) {
    let index = Indexes::of(engine, "things").await;
    let job = format!(
        "index: {index}\nmapping: things.json\nroot:\n  source: shop\n  table: things\n  fields: [id, born]\n"
    );
    let home = Home::new()
        .file("mappings/things.json", MAPPING)
        .file("jobs/things.yaml", &job)
        .file(
            "config/default.yaml",
            "sources: {shop: {kind: sqlite, path: shop.db}}\nload: {page_rows: 700}\n",
        )
        .engine(engine)
        .await;
    sqlite(&home, "CREATE TABLE things (id INTEGER PRIMARY KEY, born TEXT)").await;
    sqlite(&home, statements).await;
    (home, index)
}

fn rows(count: usize) -> String {
    format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
         INSERT INTO things SELECT i, '2026-01-02' FROM n"
    )
}

async fn get<const N: usize>(engine: TestEngine, path: [&str; N]) -> Value {
    let client = engine.client().await;
    client.call(prejoin::sink::Method::Get, &path, &[], None).await.unwrap()
}

async fn one_refused_document_of_ten_thousand_is_a_dead_letter(engine: TestEngine) {
    let statements =
        format!("{}; UPDATE things SET born = 'long ago' WHERE id = 7777", rows(10_000));
    let (home, index) = home(engine, &statements).await;
    let ran = home.run(&["reindex", "things", "--json"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let report = ran.json();
    assert_eq!(report["read"], 10_000);
    assert_eq!(report["written"], 9_999);
    assert_eq!(report["dead_letters"], 1);
    assert_eq!(get(engine, [&index, "_count"]).await["count"], 9_999);
    let status = home.run(&["status", "--json"]);
    assert_eq!(status.code, Some(1));
    let letter = &status.json()[0]["first_dead_letters"][0];
    assert_eq!(letter["key"], "7777");
    assert_eq!(letter["field"], "born");
    // Both engines refuse it, each by its own name for that.
    let error = letter["error_type"].as_str().unwrap();
    assert!(["mapper_parsing_exception", "document_parsing_exception"].contains(&error), "{error}");
    assert!(!status.stdout.contains("long ago") && !ran.stderr.contains("long ago"));
}

async fn an_empty_table_becomes_an_empty_index(engine: TestEngine) {
    let (home, index) = home(engine, "SELECT 1").await;
    let ran = home.run(&["reindex", "things"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(get(engine, [&index, "_count"]).await["count"], 0);
}

async fn generations_are_kept_as_told(engine: TestEngine) {
    let (home, index) = home(engine, &rows(10)).await;
    for _ in 0..3 {
        assert_eq!(home.run(&["reindex", "things", "--keep", "1"]).code, Some(0));
    }
    let status = home.run(&["status", "--json"]).json();
    let indexes = status[0]["indexes"].as_array().unwrap();
    let names: Vec<_> = indexes
        .iter()
        .map(|index| (index["name"].as_str().unwrap(), index["live"] == true))
        .collect();
    assert_eq!(
        names,
        [(format!("{index}-000002").as_str(), false), (format!("{index}-000003").as_str(), true)]
    );
    assert_eq!(status[0]["last_runs"][0]["report"]["index"], format!("{index}-000003"));
    // What was off while loading is as the mapping's file asks again.
    let settings = get(engine, [&index, "_settings"]).await;
    let index_settings = &settings[format!("{index}-000003")]["settings"]["index"];
    assert_eq!(index_settings["refresh_interval"], "7s");
    assert_eq!(index_settings["number_of_replicas"], json!("0"));
}

async fn a_refused_swap_leaves_the_old_index_serving(engine: TestEngine) {
    let (home, index) = home(engine, &rows(10)).await;
    assert_eq!(home.run(&["reindex", "things"]).code, Some(0));
    let taken = Indexes::of(engine, "taken").await;
    let job = format!(
        "index: {taken}\nmapping: things.json\nroot: {{source: shop, table: things, fields: [id, born]}}\n"
    );
    let client = engine.client().await;
    client.call(prejoin::sink::Method::Put, &[&taken], &[], None).await.unwrap();
    let home = home.file("jobs/taken.yaml", &job);
    let ran = home.run(&["reindex", "taken"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint:"), "{}", ran.stderr);
    assert_eq!(get(engine, [&index, "_count"]).await["count"], 10);
}

async fn too_many_refusals_stop_the_run(engine: TestEngine) {
    let (home, index) = home(engine, &rows(10)).await;
    assert_eq!(home.run(&["reindex", "things"]).code, Some(0));
    sqlite(
        &home,
        &format!(
            "DELETE FROM things; {}; UPDATE things SET born = 'x' WHERE id <= 1500",
            rows(5_000)
        ),
    )
    .await;
    let ran = home.run(&["reindex", "things"]);
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    assert!(ran.stderr.contains("parsing_exception: born): stopped"), "{}", ran.stderr);
    // The old one serves, and nothing of the new one is left.
    assert_eq!(get(engine, [&index, "_count"]).await["count"], 10);
    let indexes = home.run(&["status", "--json"]).json()[0]["indexes"].as_array().unwrap().len();
    assert_eq!(indexes, 1);
}

const WIDE_MAPPING: &str = r#"{"mappings": {"dynamic": "strict", "properties": {"id": {"type": "long"},
    "kids": {"type": "nested", "properties": {"id": {"type": "long"}, "body": {"type": "text"}}}}}}"#;

async fn wide_children_are_read_in_smaller_pages_and_a_root_too_large_is_named(engine: TestEngine) {
    let (home, index) = home(engine, &rows(60)).await;
    let job = format!(
        "index: {index}\nmapping: wide.json\nroot:\n  source: shop\n  table: things\n  fields: [id]\n  many:\n    \
         kids: {{source: shop, table: kids, on: {{id: thing}}, fields: [id, body]}}\n"
    );
    let home = home
        .file("mappings/wide.json", WIDE_MAPPING)
        .file("jobs/things.yaml", &job)
        .variable("PREJOIN__LOAD__PAGE_BYTES", "1MiB");
    // Each thing has some 100 KB of kids, so a page of all does not fit; the thirtieth has 3 MB.
    let kids = "CREATE TABLE kids (id INTEGER PRIMARY KEY, thing INTEGER, body TEXT); CREATE INDEX k ON kids (thing);
        INSERT INTO kids SELECT id, id, printf('%.*c', 100000, 'x') FROM things;
        INSERT INTO kids SELECT 1000 + id, 30, printf('%.*c', 100000, 'y') FROM things WHERE id <= 30";
    sqlite(&home, kids).await;
    let ran = home.run(&["reindex", "things", "--json"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let report = ran.json();
    assert_eq!((&report["read"], &report["written"]), (&json!(60), &json!(59)));
    let letter = &home.run(&["status", "--json"]).json()[0]["first_dead_letters"][0];
    assert_eq!((&letter["key"], &letter["error_type"]), (&json!("30"), &json!("too_large")));
    assert_eq!(letter["field"], "kids");
    let found = get(engine, [&index, "_doc", "31"]).await;
    assert_eq!(found["_source"]["kids"][0]["body"].as_str().map(str::len), Some(100_000));
}

async fn a_dry_run_tells_what_a_run_then_does(engine: TestEngine) {
    let statements = format!("{}; UPDATE things SET born = 'long ago' WHERE id = 77", rows(3_000));
    let (home, index) = home(engine, &statements).await;
    let job = format!(
        "index: {index}\nmapping: things.json\nroot:\n  source: shop\n  table: things\n  fields: [id, {{column: born, as: date}}]\n"
    );
    let (home, unreachable) = (home.file("jobs/things.yaml", &job), "http://127.0.0.1:9");
    let dry = |arguments: &[&str]| {
        let arguments = [&["reindex", "things", "--dry-run"], arguments].concat();
        home.command(&arguments).env("PREJOIN__ENGINE__URL", unreachable).output().unwrap()
    };
    let told = dry(&["--json"]);
    let text = String::from_utf8(told.stderr).unwrap();
    assert_eq!(told.status.code(), Some(1), "{text}");
    assert!(text.contains("2,999 documents") && text.contains("nothing was"), "{text}");
    assert!(text.contains("1 would be dead letters") && !text.contains("long ago"), "{text}");
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    let ran = home.run(&["reindex", "things", "--json"]).json();
    for figure in
        ["read", "written", "dead_letters", "refusals", "keyless", "rows", "bytes", "bulks"]
    {
        assert_eq!(told[figure], ran[figure], "{figure}");
    }
    assert_eq!((&told["written"], &told["bulks"]), (&json!(2_999), &json!(1)));
    // It is another kind of run than those that go on with one.
    assert_eq!(dry(&["--resume"]).status.code(), Some(2));
}

/// A run keeps them as dead letters without asking the engine.
#[tokio::test]
async fn a_dry_run_tells_of_ids_that_no_engine_takes() {
    let job = "index: things\nmapping: things.json\nroot: {source: shop, table: things, fields: [born]}\n";
    let home = Home::new()
        .file("mappings/things.json", MAPPING)
        .file("jobs/things.yaml", job)
        .file("config/default.yaml", "sources: {shop: {kind: sqlite, path: shop.db}}\n");
    let statements = "CREATE TABLE things (id TEXT PRIMARY KEY NOT NULL, born TEXT);
        INSERT INTO things (id) VALUES (''), ('a'), (printf('%.*c', 512, 'x')), (printf('%.*c', 513, 'x'))";
    sqlite(&home, statements).await;
    let told = home.run(&["reindex", "things", "--dry-run", "--json"]);
    assert_eq!(told.code, Some(1), "{}", told.stderr);
    let report = told.json();
    assert_eq!((&report["read"], &report["written"]), (&json!(4), &json!(2)));
    assert_eq!(report["dead_letters"], 2);
    assert_eq!(report["refusals"], json!({"empty_id: _id": 1, "id_too_long: _id": 1}));
}
