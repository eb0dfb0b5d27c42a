//! What a full load will come to, said before it runs.

use serde_json::Value;

use super::{found, home_on, lines, report};
use crate::support::engines::TestEngine;
use crate::support::home::Home;
use crate::support::own::Indexes;
use crate::support::place::Place;

/// `things` and `parts`, each thing with as many parts as `parts` says in SQL.
async fn shop(things: usize, parts: &str) -> Place {
    let place = Place::sqlite().await;
    place
        .run(&format!(
            "CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT);
             CREATE TABLE parts (id INTEGER PRIMARY KEY, thing INTEGER);
             CREATE INDEX parts_thing ON parts (thing);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {things})
             INSERT INTO things SELECT i, 'thing number ' || i FROM n;
             {parts}"
        ))
        .await;
    place
}

fn parts(thing: usize, count: usize) -> String {
    format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
         INSERT INTO parts (thing) SELECT {thing} FROM n;"
    )
}

const ROOT: &str = "source: db\ntable: things\nfields: [id, name]\nmany:\n  \
                    many: {source: db, table: parts, on: {id: thing}, fields: [id]}";

#[tokio::test]
async fn a_load_is_estimated_also_without_an_engine() {
    let place = shop(300, &parts(7, 5)).await;
    let home = home_on(&place, ROOT);
    let report = report(&home);
    assert_eq!(report["ok"], true);
    insta::assert_snapshot!(lines(&found(&report, &["engine_unreachable"])), @"warning 0: the engine at http://127.0.0.1:1 cannot be reached: Connection refused (os error 111) | nothing is known of earlier runs: the pace of writing is assumed");
    let estimate = &report["estimate"];
    assert_eq!(
        (&estimate["documents"], &estimate["documents_by"]),
        (&Value::from(300), &Value::from("counted"))
    );
    assert_eq!(
        (&estimate["sampled"], &estimate["nested_objects"]),
        (&Value::from(300), &Value::from(5))
    );
    assert_eq!(estimate["written_by"], "assumed");
    let told = home.run(&["check"]).told();
    let last = told.lines().last().unwrap();
    assert!(last.starts_with("things: 300 documents, about "), "{last}");
    assert!(
        last.ends_with("writing taken to be 8.3 MB a second, as no run has shown it yet)"),
        "{last}"
    );
}

#[tokio::test]
async fn an_estimate_comes_near_to_what_a_run_then_writes_and_knows_its_pace_afterwards() {
    // Long names, so that the run shows a pace.
    let place = shop(3_000, "UPDATE things SET name = hex(zeroblob(300));").await;
    let index = Indexes::of(TestEngine::OpenSearch, "things").await;
    let home = home_on(&place, ROOT).engine(TestEngine::OpenSearch).await;
    let job = std::fs::read_to_string(home.path().join("jobs/things.yaml")).unwrap();
    let home =
        home.file("jobs/things.yaml", &job.replace("index: things", &format!("index: {index}")));
    let before = report(&home)["estimate"].clone();
    assert_eq!(before["written_by"], "assumed");
    let ran = home.run(&["reindex", "things", "--json"]).json();
    let (guessed, written) = (before["bytes"].as_f64().unwrap(), ran["bytes"].as_f64().unwrap());
    // A bulk's own lines are no part of the documents.
    assert!((0.8..=1.0).contains(&(guessed / written)), "{guessed} {written}");
    let after = report(&home)["estimate"].clone();
    assert_eq!(after["written_by"], "last_run");
    let pace = written / ran["seconds"].as_f64().unwrap();
    assert!((after["written_bytes_per_second"].as_f64().unwrap() - pace).abs() < pace / 100.0);
}

#[tokio::test]
async fn a_source_with_a_limit_takes_its_time() {
    // A part for each of three hundred things, and one kind that all have in common.
    let place = shop(300, "INSERT INTO parts (thing) SELECT id FROM things;").await;
    place
        .run(
            "UPDATE things SET name = 'x';
             CREATE TABLE kinds (name TEXT PRIMARY KEY); INSERT INTO kinds VALUES ('x')",
        )
        .await;
    let one = "one:\n  one: {source: db, table: kinds, on: {name: name}, fields: [name]}\n";
    let home = home_on(&place, &ROOT.replace("many:\n", &format!("{one}many:\n")));
    let unhindered = report(&home)["estimate"].as_object().unwrap().clone();
    assert!(!unhindered.contains_key("held_back_by"), "{unhindered:?}");
    let home = home.variable("PREJOIN__SOURCES__DB__MAX_ROWS_PER_SECOND", "100");
    let held_back = report(&home)["estimate"].clone();
    assert_eq!(
        (&held_back["seconds"], &held_back["held_back_by"]),
        (&Value::from(7), &Value::from("db"))
    );
    // Waiting is no part of it: with all their rows, no more than fifty come in a second.
    assert!(held_back["read_per_second"].as_u64().unwrap() > 75, "{held_back}");
    let told = home.run(&["check"]).told();
    assert!(told.contains(", held back by `max_rows_per_second` of db, writing "), "{told}");
}

/// A home over `things` with so many parts on one of them, and the findings about that.
fn about_nested(home: &Home) -> String {
    let report = report(home);
    assert!(report["estimate"].is_object(), "{report:#}");
    lines(&found(&report, &["nested_objects"]))
}

#[tokio::test]
async fn documents_past_the_nested_objects_of_the_engine_are_foreseen() {
    let within = shop(10, &parts(7, 10_000)).await;
    assert_eq!(about_nested(&home_on(&within, ROOT)), "");
    let place = shop(10, &parts(7, 10_001)).await;
    let beyond = home_on(&place, ROOT);
    insta::assert_snapshot!(about_nested(&beyond), @r#"warning 5: a document has 10001 nested objects, the engine takes 10000 in a document | raise "index.mapping.nested_objects.limit" in the mapping's `settings`; until then such documents are dead letters"#);
    assert_eq!(beyond.run(&["check"]).code, Some(0));
    let raised = super::LOOSE.replacen(
        '{',
        r#"{"settings": {"index.mapping.nested_objects.limit": 20000}, "#,
        1,
    );
    assert_eq!(about_nested(&beyond.file("mappings/things.json", &raised)), "");
    // Far behind what is sampled of the roots.
    let far = shop(6_000, &parts(5_999, 12_000)).await;
    insta::assert_snapshot!(about_nested(&home_on(&far, ROOT)), @r#"warning 8: `many` has 12000 rows of one key, the engine takes 10000 in a document | raise "index.mapping.nested_objects.limit" in the mapping's `settings`; until then such documents are dead letters"#);
}

#[tokio::test]
async fn a_large_table_is_not_counted_row_by_row() {
    let place = Place::postgres().await;
    place
        .run(
            "CREATE TABLE things AS SELECT i AS id, 'x' AS name FROM generate_series(1, 1200000) AS i;
             ALTER TABLE things ADD PRIMARY KEY (id); ANALYZE things",
        )
        .await;
    let estimate =
        report(&home_on(&place, "source: db\ntable: things\nfields: [id]"))["estimate"].clone();
    assert_eq!(estimate["documents_by"], "statistics");
    let documents = estimate["documents"].as_u64().unwrap();
    assert!((1_100_000..1_300_000).contains(&documents), "{documents}");
    assert!(estimate["sampled"].as_u64().unwrap() <= 6_000);
}

#[tokio::test]
async fn a_first_page_that_takes_longer_than_the_sample_leaves_no_estimate() {
    let place = Place::postgres().await;
    place.run("CREATE VIEW things AS SELECT 1 AS id FROM pg_sleep(4.1)").await;
    let report = report(&home_on(&place, "source: db\ntable: things\nkey: id\nfields: [id]"));
    insta::assert_snapshot!(lines(&found(&report, &["no_estimate"])), @"warning 0: no estimate: no row of the root could be read and joined within 4s | -");
    assert_eq!((&report["ok"], &report["estimate"]), (&Value::from(true), &Value::Null));
}

#[tokio::test]
async fn there_is_no_estimate_of_a_job_with_errors() {
    let place = shop(1, "").await;
    let home = home_on(&place, &ROOT.replace("name]", "nam]"));
    let report = report(&home);
    assert_eq!((&report["ok"], &report["estimate"]), (&Value::from(false), &Value::Null));
}
