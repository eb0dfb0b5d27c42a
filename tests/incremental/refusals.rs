//! What keeps a run from starting: an index of which nothing is remembered, columns, clocks and keys that are not what they
//! were, ids that no document has.

use prejoin::sink::Method;
use prejoin::sink::index::Generations;
use serde_json::{Value, json};

use super::scene::Scene;
use crate::support::engines::TestEngine;
use crate::support::home::Ran;
use crate::support::own::Indexes;
use crate::support::place::Place;

async fn new(engine: TestEngine) -> Scene {
    let scene = Scene::new(engine, Place::sqlite().await).await;
    scene.fill().await;
    scene
}

async fn filled(engine: TestEngine) -> Scene {
    let scene = new(engine).await;
    scene.sync().await;
    scene
}

/// Its run was not started, and says each of these.
fn assert_refused(ran: &Ran, parts: &[&str]) {
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    parts.iter().for_each(|part| assert!(ran.stderr.contains(part), "{part}: {}", ran.stderr));
}

/// The lines that tell an error and its hints.
fn said(ran: &Ran) -> Vec<&str> {
    let starts = ["error: ", "hint: "];
    ran.stderr.lines().filter(|line| starts.iter().any(|start| line.starts_with(start))).collect()
}

async fn call(scene: &Scene, method: Method, path: &[&str], body: Option<&Value>) {
    scene.engine.client().await.call(method, path, &[], body).await.unwrap();
}

async fn generations(scene: &Scene) -> Vec<String> {
    let client = scene.engine.client().await;
    let all = Generations::read(&client, &scene.index).await.unwrap().all;
    all.into_iter().map(|generation| generation.name).collect()
}

/// Rewrites a file of the home.
fn edit(scene: &Scene, file: &str, from: &str, to: &str) {
    let path = scene.home.path().join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(&path, text.replace(from, to)).unwrap();
}

#[tokio::test]
async fn an_index_of_which_nothing_is_remembered_is_not_loaded_anew() {
    let scene = filled(TestEngine::OpenSearch).await;
    let before = scene.documents().await;
    let remembered = format!("{}-state", scene.home.state_prefix());
    call(&scene, Method::Delete, &[&remembered], None).await;
    scene.run("DELETE FROM orders WHERE id = 1").await;
    let (live, alias) = (format!("{}-000001", scene.index), &*scene.index);
    for more in [&[][..], &["--id", "1"], &["--allow-mass-delete"]] {
        let what = format!("nothing is remembered of {live}, which `{alias}` points to");
        assert_refused(&scene.try_sync(more).await, &[&what, "hint: `prejoin reindex shop`"]);
        assert_eq!((scene.documents().await, generations(&scene).await.len()), (before.clone(), 1));
    }
    let reindexed = scene.home.run(&["reindex", "shop", "--allow-shrink"]);
    assert_eq!(reindexed.code, Some(0), "{}", reindexed.stderr);
    scene.sync().await;
    scene.assert_right("all is known again").await;
}

#[tokio::test]
async fn another_index_of_the_same_name_is_not_taken_for_ours() {
    let scene = filled(TestEngine::Elasticsearch).await;
    let live = format!("{}-000001", scene.index);
    call(&scene, Method::Delete, &[&live], None).await;
    let made = json!({"aliases": {(&*scene.index): {}}, "settings": {"number_of_replicas": 0}});
    call(&scene, Method::Put, &[&live], Some(&made)).await;
    let refused = scene.try_sync(&[]).await;
    assert_refused(&refused, &["nothing is remembered of", &live, "hint: `prejoin reindex shop`"]);
    assert_eq!((generations(&scene).await, scene.documents().await.len()), (vec![live], 0));
}

#[tokio::test]
async fn an_alias_to_an_index_that_is_none_of_ours_is_left_to_reindex() {
    let scene = new(TestEngine::OpenSearch).await;
    let foreign = Indexes::of(scene.engine, "foreign").await;
    let made = json!({"aliases": {(&*scene.index): {}}, "settings": {"number_of_replicas": 0}});
    call(&scene, Method::Put, &[&foreign], Some(&made)).await;
    let refused = scene.try_sync(&[]).await;
    assert_refused(&refused, &["nothing is remembered of", &foreign, "hint: `prejoin reindex"]);
    assert_eq!(generations(&scene).await, [""; 0]);
    let status = scene.home.run(&["status"]);
    assert!(
        status.code == Some(1) && status.stdout.contains("which prejoin did not make"),
        "{status:?}"
    );
    let reindexed = scene.home.run(&["reindex", "shop"]);
    assert_eq!(reindexed.code, Some(0), "{}", reindexed.stderr);
    scene.sync().await;
    scene.assert_right("it was built beside the other").await;
}

#[tokio::test]
async fn an_index_that_bears_the_aliass_name_is_told_as_reindex_tells_it() {
    let scene = new(TestEngine::Elasticsearch).await;
    call(&scene, Method::Put, &[&scene.index], None).await;
    let refused = scene.try_sync(&[]).await;
    assert_refused(&refused, &["is an index of its own, where an alias is needed", "hint: "]);
    assert_eq!(said(&refused), said(&scene.home.run(&["reindex", "shop"])));
}

#[tokio::test]
async fn single_documents_of_a_job_that_was_never_loaded_are_not_built() {
    let scene = new(TestEngine::OpenSearch).await;
    let refused = scene.try_sync(&["--id", "1"]).await;
    assert_refused(&refused, &["job `shop` was never loaded", "`prejoin reindex shop`"]);
    assert_eq!(generations(&scene).await, [""; 0]);
    // Without it, all of them are.
    assert_eq!(scene.sync().await["mode"], "reindex");
    scene.assert_right("the first run").await;
}

#[tokio::test]
async fn a_column_of_another_type_keeps_it_from_starting() {
    let scene = filled(TestEngine::Elasticsearch).await;
    let before = scene.documents().await;
    scene
        .run(
            "DROP TABLE items; CREATE TABLE items (id BIGINT PRIMARY KEY, name BIGINT, updated_at TEXT);
             INSERT INTO items VALUES (1, 7, NOW), (2, 8, NOW)",
        )
        .await;
    let refused = scene.try_sync(&[]).await;
    assert_refused(
        &refused,
        &[
            "column `name` of `items` in source `shop` was text, and is integer now",
            "hint: correct the job and its mapping where they need it, then: `prejoin reindex shop --allow-schema-change`",
        ],
    );
    assert_eq!(
        (&refused.json()["outcome"], &refused.json()["read"]),
        (&json!("not_started"), &json!(0))
    );
    assert_eq!(scene.documents().await, before);
    assert_refused(&scene.try_sync(&["--id", "1"]).await, &["column `name` of `items`"]);
    // Nobody may have looked at what cron had to say.
    let status = scene.home.run(&["status"]);
    assert_eq!(status.code, Some(1));
    assert!(status.stdout.contains("the last sync was not started: column `name`"), "{status:?}");
    let reindexed = scene.home.run(&["reindex", "shop", "--allow-schema-change"]);
    assert_eq!(reindexed.code, Some(0), "{}", reindexed.stderr);
    scene.sync().await;
    assert_eq!(scene.documents().await["1"]["lines"][0]["item"]["name"], 7);
}

#[tokio::test]
async fn a_column_that_vanished_keeps_it_from_starting() {
    let scene = filled(TestEngine::OpenSearch).await;
    let before = scene.documents().await;
    scene.run("ALTER TABLE items DROP COLUMN name").await;
    let refused = scene.try_sync(&[]).await;
    assert_refused(
        &refused,
        &["table `items` of source `shop` has no column `name`", "`prejoin reindex shop`"],
    );
    assert_eq!(scene.documents().await, before);
    // Come back, it is as if nothing had been.
    scene.run("ALTER TABLE items ADD COLUMN name VARCHAR(50); UPDATE items SET name = 'x', updated_at = NOW").await;
    scene.sync().await;
    assert_eq!(scene.documents().await["2"]["lines"][0]["item"]["name"], "x");
}

#[tokio::test]
async fn another_key_of_masked_fields_keeps_it_from_starting() {
    let mut scene = new(TestEngine::OpenSearch).await;
    let masked = "fields: [id, {column: title, name: title, mask: hmac}]";
    edit(&scene, "jobs/shop.yaml", "fields: [id, title]", masked);
    scene.home = scene.home.variable("PREJOIN__MASK__KEY", "the-first-key");
    scene.sync().await;
    let before = scene.documents().await;
    scene.home = scene.home.variable("PREJOIN__MASK__KEY", "another-key");
    scene.run("UPDATE orders SET updated_at = NOW WHERE id = 1").await;
    let refused = scene.try_sync(&[]).await;
    assert_refused(
        &refused,
        &["the key of masked fields is not what it was", "`prejoin reindex shop`"],
    );
    assert_eq!(scene.documents().await, before);
    scene.home = scene.home.variable("PREJOIN__MASK__KEY", "the-first-key");
    scene.sync().await;
    assert_eq!(scene.documents().await, before);
}

/// Nothing of it is masked.
#[tokio::test]
async fn a_key_that_no_field_needs_is_nobodys_concern() {
    let mut scene = filled(TestEngine::Elasticsearch).await;
    scene.home = scene.home.variable("PREJOIN__MASK__KEY", "any-key-at-all");
    scene.sync().await;
}

#[tokio::test]
async fn another_zone_of_a_clock_keeps_it_from_starting() {
    let scene = filled(TestEngine::Elasticsearch).await;
    let (here, there) = (r#""kind":"sqlite""#, r#""kind":"sqlite","time_zone":"Asia/Seoul""#);
    edit(&scene, "config/default.yaml", here, there);
    let refused = scene.try_sync(&[]).await;
    assert_refused(&refused, &["a time zone or", "is not what it was", "`prejoin reindex shop`"]);
    edit(&scene, "config/default.yaml", there, here);
    scene.sync().await;
}

#[tokio::test]
async fn documents_of_rows_that_are_gone_are_deleted_by_their_ids_sqlite() {
    documents_of_rows_that_are_gone_are_deleted(Place::sqlite().await).await;
}

#[tokio::test]
async fn documents_of_rows_that_are_gone_are_deleted_by_their_ids_postgres() {
    documents_of_rows_that_are_gone_are_deleted(Place::postgres().await).await;
}

#[tokio::test]
async fn documents_of_rows_that_are_gone_are_deleted_by_their_ids_mariadb() {
    documents_of_rows_that_are_gone_are_deleted(Place::mariadb().await).await;
}

async fn documents_of_rows_that_are_gone_are_deleted(shop: Place) {
    let scene = Scene::new(TestEngine::Elasticsearch, shop).await;
    scene.fill().await;
    scene.sync().await;
    scene.run("DELETE FROM orders WHERE id = 2").await;
    let ran = scene.try_sync(&["--id", "1", "2", "77", "2", "abc", "1.0", "1%"]).await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let report = ran.json();
    let told = ["read", "written", "deleted", "without_row"].map(|name| report[name].as_u64());
    assert_eq!(told, [Some(1), Some(0), Some(1), Some(5)], "{report:#}");
    assert!(ran.stderr.contains("5 of the ids have no row"), "{}", ran.stderr);
    scene.assert_right("it was told by its id").await;
}

#[tokio::test]
async fn ids_that_no_document_has_are_refused() {
    let scene = filled(TestEngine::OpenSearch).await;
    let long = "7".repeat(513);
    for (id, bytes) in [(long.as_str(), "513"), ("", "0")] {
        let refused = scene.try_sync(&["--id", "1", id]).await;
        let what = format!("an id has 1 to 512 bytes, and one of these has {bytes}");
        assert_refused(&refused, &[&what, "hint: "]);
    }
    // Of a number, not an option.
    let ran = scene.try_sync(&["--id", "-5"]).await;
    assert_eq!((ran.code, &ran.json()["without_row"]), (Some(0), &json!(1)), "{}", ran.stderr);
}
