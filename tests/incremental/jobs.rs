//! A job's file that is changed while its index lives: it is announced, and waits for a new index.

use super::scene::Scene;
use crate::support::engines::TestEngine;
use crate::support::fault_proxy::{Fault, FaultProxy};
use crate::support::home::Ran;
use crate::support::place::Place;

const MAPPING: &str = "mappings/shop.json";
const JOB: &str = "jobs/shop.yaml";

async fn filled(engine: TestEngine) -> Scene {
    let scene = Scene::new(engine, Place::sqlite().await).await;
    scene.fill().await;
    scene.sync().await;
    scene
}

/// Rewrites a file of the home.
fn edit(scene: &Scene, file: &str, from: &str, to: &str) {
    let path = scene.home.path().join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(&path, text.replace(from, to)).unwrap();
}

/// The warnings of a run that ended well.
async fn warned(scene: &Scene) -> Vec<String> {
    let report = scene.sync().await;
    serde_json::from_value(report["warnings"].clone()).unwrap()
}

fn run(scene: &Scene, arguments: &[&str]) {
    let ran = scene.home.run(arguments);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

#[tokio::test]
async fn it_is_told_and_takes_effect_by_a_new_index() {
    let scene = filled(TestEngine::Elasticsearch).await;
    assert_eq!(warned(&scene).await, [""; 0]);
    edit(&scene, JOB, "fields: [id, title]", "fields: [id]");
    scene.run("UPDATE orders SET title = 'uno', updated_at = NOW WHERE id = 1").await;
    let index = &*scene.index;
    let said = format!(
        "the job's file or mapping is not that by which {index}-000001 was built: it is kept in step as it was built, \
         `prejoin reindex shop` builds it anew"
    );
    assert_eq!(warned(&scene).await, [said.as_str()]);
    scene.assert_right("the job's file was changed").await;
    // Single documents, too.
    scene.run("UPDATE orders SET title = 'ichi' WHERE id = 1").await;
    let ran = scene.try_sync(&["--id", "1"]).await;
    assert_eq!((ran.code, &ran.json()["warnings"][0]), (Some(0), &said.as_str().into()));
    assert!(ran.stderr.contains(&said), "{}", ran.stderr);
    scene.assert_right("one was built anew").await;
    run(&scene, &["reindex", "shop"]);
    assert!(scene.documents().await["1"].get("title").is_none());
    assert_eq!(warned(&scene).await, [""; 0]);
}

#[tokio::test]
async fn the_way_back_leads_to_the_job_of_then() {
    let scene = filled(TestEngine::OpenSearch).await;
    edit(&scene, JOB, "fields: [id, title]", "fields: [id]");
    run(&scene, &["reindex", "shop"]);
    scene.run("UPDATE orders SET title = 'uno', updated_at = NOW WHERE id = 1").await;
    assert_eq!(warned(&scene).await, [""; 0]);
    run(&scene, &["rollback", "shop"]);
    let warnings = warned(&scene).await;
    assert!(warnings[0].contains("-000001 was built"), "{warnings:?}");
    scene.assert_right("it was rolled back").await;
    // And forward again.
    run(&scene, &["rollback", "shop", "--to", &format!("{}-000002", scene.index)]);
    assert_eq!(warned(&scene).await, [""; 0]);
    assert!(scene.documents().await.values().all(|document| document.get("title").is_none()));
}

/// A run is held up as it takes the right to write; readers change over meanwhile.
async fn overtaken(scene: &Scene) -> Ran {
    let proxy = FaultProxy::to(&scene.engine.url().await).await;
    proxy.then("POST /_aliases", [Fault::Late]);
    let mut command = scene.home.command(&["sync", "shop", "--json"]);
    command.env("PREJOIN__ENGINE__URL", proxy.url());
    let held = tokio::task::spawn_blocking(move || command.output());
    proxy.until_seen("POST /_aliases", 1).await;
    let reindexed = scene.home.run_beside(&["reindex", "shop"]).await;
    assert_eq!(reindexed.code, Some(0), "{}", reindexed.stderr);
    proxy.let_go();
    scene.home.ran(&held.await.unwrap().unwrap())
}

#[tokio::test]
async fn a_run_whose_job_is_overtaken_leaves_the_new_index_alone() {
    let scene = filled(TestEngine::OpenSearch).await;
    // By the same job, it goes on with the new one.
    let ran = overtaken(&scene).await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(ran.json()["index"], format!("{}-000002", scene.index));
    edit(&scene, JOB, "fields: [id, title]", "fields: [id]");
    scene.run("UPDATE orders SET updated_at = NOW").await;
    let ran = overtaken(&scene).await;
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    let told =
        format!("readers have changed over to {}-000003, which another job built", scene.index);
    assert!(
        ran.stderr.contains(&told) && ran.stderr.contains("hint: run it again"),
        "{}",
        ran.stderr
    );
    assert!(scene.documents().await.values().all(|document| document.get("title").is_none()));
    assert_eq!(warned(&scene).await, [""; 0]);
}

/// Which index is meant stands in the job's file; the mapping's is needed for a new one only.
#[tokio::test]
async fn a_broken_file_stops_nothing_but_what_it_is_needed_for() {
    let scene = filled(TestEngine::Elasticsearch).await;
    scene.run("UPDATE orders SET title = 'uno', updated_at = NOW WHERE id = 1").await;
    let before = scene.documents().await;
    edit(&scene, JOB, "fields: [id, title]", "feilds: [id, title]");
    let refused = scene.try_sync(&[]).await;
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("jobs/shop.yaml:"), "{}", refused.stderr);
    assert!(refused.stderr.contains("unknown key `feilds`"), "{}", refused.stderr);
    assert_eq!(scene.documents().await, before);
    edit(&scene, JOB, "feilds: [id, title]", "fields: [id, title]");

    edit(&scene, MAPPING, "{\"settings\"", "{\"settings");
    assert_eq!(warned(&scene).await.len(), 1);
    scene.assert_right("the mapping's file was broken").await;
}

#[tokio::test]
async fn a_file_that_names_what_is_not_there_waits_like_any_other() {
    let scene = filled(TestEngine::OpenSearch).await;
    edit(&scene, JOB, "fields: [id, title]", "fields: [id, title, colour]");
    scene.run("UPDATE orders SET title = 'uno', updated_at = NOW WHERE id = 1").await;
    assert_eq!(warned(&scene).await.len(), 1);
    scene.assert_right("the job names a column that is not there").await;
}

/// The job is ahead of the index.
#[tokio::test]
async fn a_column_that_went_with_the_job_is_told_with_what_to_do() {
    let scene = filled(TestEngine::Elasticsearch).await;
    edit(&scene, JOB, "fields: [name]}\n    tags:", "fields: [id]}\n    tags:");
    edit(
        &scene,
        MAPPING,
        r#""item": {"properties": {"name": {"type": "keyword"}}}"#,
        r#""item": {"properties": {"id": {"type": "long"}}}"#,
    );
    scene.run("ALTER TABLE items DROP COLUMN name").await;
    let refused = scene.try_sync(&[]).await;
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    for part in [
        "table `items` of source `shop` has no column `name`",
        "-000001 is kept in step by the job that built it, whatever its file says now: `prejoin reindex shop`",
    ] {
        assert!(refused.stderr.contains(part), "{part}: {}", refused.stderr);
    }
    run(&scene, &["reindex", "shop"]);
    assert_eq!(warned(&scene).await, [""; 0]);
    assert_eq!(scene.documents().await["2"]["lines"][0]["item"]["id"], 1);
}

#[tokio::test]
async fn one_jobs_trouble_is_not_anothers() {
    let scene = filled(TestEngine::Elasticsearch).await;
    scene.run("UPDATE orders SET title = 'uno', updated_at = NOW WHERE id = 1").await;
    let ran = scene.home.run(&["sync", "unknown", "shop"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("there is no job `unknown`"), "{}", ran.stderr);
    scene.assert_right("the job beside it").await;
    let ran = scene.home.run(&["sync", "unknown", "shop", "--id", "1"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("--id names documents of one job"), "{}", ran.stderr);
}
