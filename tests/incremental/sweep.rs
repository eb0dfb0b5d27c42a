//! What nothing tells of is found by a look at everything: when it is asked for, and when what tells of deletions may be gone.

use std::time::Duration;

use prejoin::sink::Method;
use serde_json::{Value, json};

use super::scene::Scene;
use crate::support::engines::TestEngine;
use crate::support::place::Place;

/// Edits that leave no trace: no time is set, and what triggers have written down is gone.
async fn edit_silently(scene: &Scene) {
    scene
        .run(
            "UPDATE orders SET title = 'silent' WHERE id = 1;
             UPDATE items SET name = 'silent' WHERE id = 1;
             UPDATE order_lines SET order_id = 3 WHERE id = 2;
             INSERT INTO orders VALUES (7, 'seven', 2, NULL);
             DELETE FROM order_lines WHERE id = 1;
             DELETE FROM order_tags WHERE id = 3;
             DELETE FROM orders WHERE id = 2;
             DELETE FROM order_lines_gone;
             DELETE FROM order_tags_gone;
             DELETE FROM orders_gone",
        )
        .await;
}

/// Lets as much time go by since the last run as rows of deleted keys are kept, `keep: 1s`; nothing but time makes it so.
async fn deleted_keys_are_forgotten() {
    tokio::time::sleep(Duration::from_millis(1_100)).await;
}

async fn filled(engine: TestEngine, shop: Place) -> Scene {
    let scene = Scene::new(engine, shop).await;
    scene.fill_long_ago().await;
    scene.sync().await;
    scene
}

async fn a_sweep_finds_what_nothing_tells(engine: TestEngine, shop: Place) {
    let scene = filled(engine, shop).await;
    edit_silently(&scene).await;
    let (before, right) = (scene.documents().await, scene.expected().await);
    scene.sync().await;
    assert_eq!(scene.documents().await, before, "nothing was told");
    assert_ne!(before, right);
    let ran = scene.try_sync(&["--sweep"]).await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let report = ran.json();
    let told = ["read", "written", "unchanged", "deleted"].map(|name| report[name].as_u64());
    assert_eq!(told, [3, 3, 0, 1].map(Some), "{report}");
    assert_eq!(report["swept"], true);
    let drift = ["by", "missing", "extra", "different", "repaired"];
    let drift = drift.map(|name| &report["drift"][name]);
    assert_eq!(drift, [&json!("sync --sweep"), &json!(1), &json!(1), &json!(2), &json!(4)]);
    scene.assert_right("a sweep").await;
    // Once more, and nothing is touched.
    let report = scene.try_sync(&["--sweep"]).await.json();
    let told = ["read", "written", "unchanged", "deleted"].map(|name| report[name].as_u64());
    assert_eq!(told, [3, 0, 3, 0].map(Some), "{report}");
}

#[tokio::test]
async fn a_sweep_finds_what_nothing_tells_on_sqlite() {
    a_sweep_finds_what_nothing_tells(TestEngine::Elasticsearch, Place::sqlite().await).await;
}

#[tokio::test]
async fn a_sweep_finds_what_nothing_tells_on_postgres() {
    a_sweep_finds_what_nothing_tells(TestEngine::OpenSearch, Place::postgres().await).await;
}

#[tokio::test]
async fn a_sweep_finds_what_nothing_tells_on_mariadb() {
    a_sweep_finds_what_nothing_tells(TestEngine::Elasticsearch, Place::mariadb().await).await;
}

/// What has the rows of deleted keys removed after a time is no secret of the service: the job says how long they stay.
#[tokio::test]
async fn a_run_that_comes_after_deleted_keys_were_forgotten_looks_at_everything() {
    let scene = Scene::new(TestEngine::OpenSearch, Place::sqlite().await).await;
    let job = scene.home.path().join("jobs/shop.yaml");
    let text = std::fs::read_to_string(&job).unwrap();
    let keep = |time: &str| {
        let told = format!("tombstones: {{table: orders_gone, keep: {time}}}");
        std::fs::write(&job, text.replace("tombstones: orders_gone", &told)).unwrap();
    };
    keep("1h");
    scene.fill_long_ago().await;
    scene.sync().await;
    edit_silently(&scene).await;
    assert_eq!(scene.sync().await["swept"], false);
    assert_ne!(scene.documents().await, scene.expected().await);
    keep("1s");
    let built = scene.home.run(&["reindex", "shop", "--allow-shrink"]);
    assert_eq!(built.code, Some(0), "{}", built.stderr);
    // Rows below the root, too.
    scene
        .run(
            "DELETE FROM orders WHERE id = 7; DELETE FROM orders_gone;
             DELETE FROM order_lines WHERE id = 3; DELETE FROM order_lines_gone;
             DELETE FROM order_tags WHERE id = 2; DELETE FROM order_tags_gone",
        )
        .await;
    deleted_keys_are_forgotten().await;
    assert_eq!(scene.sync().await["swept"], true);
    scene.assert_right("the sweep").await;
    // The index before is older still.
    let back = scene.home.run(&["rollback", "shop"]);
    assert_eq!(back.code, Some(0), "{}", back.stderr);
}

#[tokio::test]
async fn a_sweep_does_not_delete_by_the_hundred_unless_told_so() {
    let scene = filled(TestEngine::Elasticsearch, Place::sqlite().await).await;
    let numbers = "WITH RECURSIVE n(i) AS (SELECT 11 UNION ALL SELECT i + 1 FROM n WHERE i < 400)";
    scene.run(&format!("{numbers} INSERT INTO orders SELECT i, 'many', 1, NOW FROM n")).await;
    scene.sync().await;
    scene.run("DELETE FROM orders WHERE id > 200; DELETE FROM orders_gone").await;
    let ran = scene.try_sync(&["--sweep"]).await;
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    let told = "more than 100 of 393 documents have lost their root: none of them is deleted";
    assert!(ran.stderr.contains(told), "{}", ran.stderr);
    assert_eq!(scene.documents().await.len(), 393);
    let ran = scene.try_sync(&["--sweep", "--allow-mass-delete"]).await;
    assert_eq!((ran.code, &ran.json()["deleted"]), (Some(0), &Value::from(200)));
    scene.assert_right("the deletion").await;
}

/// A document that a later lease has written is not this run's to delete, nor to be taken for deleted.
#[tokio::test]
async fn a_deletion_that_is_superseded_ends_the_run() {
    let scene = filled(TestEngine::OpenSearch, Place::sqlite().await).await;
    let client = scene.engine.client().await;
    let (index, later): (&str, String) = (&scene.index, ((1_u64 << 29) << 23).to_string());
    let live = client.call(Method::Get, &[index, "_alias"], &[], None).await.unwrap();
    let live = live.as_object().unwrap().keys().next().unwrap().clone();
    let version = [("version", later.as_str()), ("version_type", "external")];
    let document = json!({"id": 2, "title": "of another lease"});
    client.call(Method::Put, &[&live, "_doc", "2"], &version, Some(&document)).await.unwrap();
    scene.run("DELETE FROM orders WHERE id = 2").await;
    for _ in 0..2 {
        let ran = scene.try_sync(&[]).await;
        assert_eq!(ran.code, Some(3), "{}", ran.stderr);
        assert!(scene.documents().await.contains_key("2"));
    }
}

/// Many orders, on small pages; and what a run says of them that is held when most of them are looked at, as their table loses its
/// rows.
async fn emptied_in_the_middle(scene: &Scene, arguments: &[&str]) {
    let sizes = "engine: {lease_ttl: 1s}\nload: {page_rows: 20, readers: 1}";
    scene.rewrite("config/default.yaml", "engine: {lease_ttl: 1s}", sizes);
    let numbers = "WITH RECURSIVE n(i) AS (SELECT 11 UNION ALL SELECT i + 1 FROM n WHERE i < 307)";
    scene.run(&format!("{numbers} INSERT INTO orders SELECT i, 'many', 1, NOW FROM n")).await;
    scene.sync().await;
    let before = scene.documents().await;
    assert_eq!(before.len(), 300);
    deleted_keys_are_forgotten().await;
    let held = scene.home.start_held("after_ids:14", arguments, &[]).until_held().await;
    scene.run("DELETE FROM orders; DELETE FROM orders_gone").await;
    let ran = held.goes_on().await;
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    let told = [
        "more than 100 of 300 documents have lost their root: none of them is deleted",
        "the root's table in source `shop` has no row any more: nothing is taken away",
    ];
    assert!(told.iter().any(|told| ran.stderr.contains(told)), "{}", ran.stderr);
    assert_eq!(scene.documents().await, before);
}

#[tokio::test]
async fn a_table_that_is_empty_amid_a_sweep() {
    let scene = filled(TestEngine::OpenSearch, Place::sqlite().await).await;
    emptied_in_the_middle(&scene, &["sync", "shop", "--sweep"]).await;
}

/// It looks at everything by itself, since what was deleted may be forgotten.
#[tokio::test]
async fn a_table_that_is_empty_amid_a_sweep_of_its_own() {
    let keep = ("tombstones: orders_gone", "tombstones: {table: orders_gone, keep: 1s}");
    let scene = Scene::with(TestEngine::Elasticsearch, Place::sqlite().await, &[keep]).await;
    scene.fill_long_ago().await;
    scene.sync().await;
    emptied_in_the_middle(&scene, &["sync", "shop"]).await;
}

/// The table is away for as long as one page of ids is looked at, and back before anything was deleted.
async fn away_for_a_moment(engine: TestEngine, more: &[&str]) {
    let keep = ("tombstones: orders_gone", "tombstones: {table: orders_gone, keep: 1s}");
    let scene = Scene::with(engine, Place::sqlite().await, &[keep]).await;
    scene.fill_long_ago().await;
    scene.sync().await;
    let sizes = "engine: {lease_ttl: 1s}\nload: {page_rows: 20, readers: 1}";
    scene.rewrite("config/default.yaml", "engine: {lease_ttl: 1s}", sizes);
    let numbers = "WITH RECURSIVE n(i) AS (SELECT 11 UNION ALL SELECT i + 1 FROM n WHERE i < 307)";
    scene.run(&format!("{numbers} INSERT INTO orders SELECT i, 'many', 1, NOW FROM n")).await;
    scene.sync().await;
    scene.run("DELETE FROM orders WHERE id = 12; DELETE FROM orders_gone").await;
    let right = scene.expected().await;
    deleted_keys_are_forgotten().await;
    let arguments = [&["sync", "shop", "--json"], more].concat();
    let held = scene.home.start_held("after_ids:7+8", &arguments, &[]).until_held().await;
    scene.run("CREATE TABLE saved AS SELECT * FROM orders; DELETE FROM orders").await;
    let held = held.until_held_again().await;
    scene.run("INSERT INTO orders SELECT * FROM saved; DELETE FROM orders_gone").await;
    let ran = held.goes_on().await;
    assert_eq!((ran.code, &ran.json()["deleted"]), (Some(0), &json!(1)), "{}", ran.stderr);
    assert_eq!(scene.documents().await, right);
}

#[tokio::test]
async fn a_table_that_is_away_for_a_moment() {
    away_for_a_moment(TestEngine::OpenSearch, &[]).await;
}

#[tokio::test]
async fn a_table_that_is_away_for_a_moment_of_a_mass_deletion() {
    away_for_a_moment(TestEngine::Elasticsearch, &["--allow-mass-delete"]).await;
}

/// What the engine refuses of it is told, and kept.
#[tokio::test]
async fn a_sweep_tells_what_it_makes_dead_letters_of() {
    let scene = filled(TestEngine::Elasticsearch, Place::sqlite().await).await;
    let long = "printf('%.*c', 40000, 'x')";
    scene.run(&format!("UPDATE orders SET title = {long} WHERE id = 1")).await;
    let ran = scene.try_sync(&["--sweep"]).await;
    let report = ran.json();
    let told = [&report["dead_letters"], &report["unchanged"]];
    assert_eq!((ran.code, told), (Some(1), [1, 2].map(Value::from).each_ref()), "{report:#}");
    // Known by now, and dead still.
    let ran = scene.try_sync(&["--sweep"]).await;
    assert_eq!((ran.code, &ran.json()["dead_letters"]), (Some(1), &json!(1)), "{}", ran.stdout);
}

/// It takes hours where an index is large.
#[tokio::test]
async fn others_run_beside_a_sweep() {
    let scene = filled(TestEngine::Elasticsearch, Place::postgres().await).await;
    scene.run("UPDATE orders SET title = 'silent' WHERE id = 1").await;
    let sweep = ["sync", "shop", "--sweep", "--json"];
    let sweep = scene.home.start_held("after_ids", &sweep, &[]).until_held().await;
    scene.run("UPDATE orders SET title = 'told', updated_at = NOW WHERE id = 2").await;
    scene.sync().await;
    assert_eq!(scene.documents().await["2"]["title"], "told");
    let ran = sweep.goes_on().await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(ran.json()["written"], 1, "{}", ran.stdout);
    scene.assert_right("both").await;
}

/// What somebody has changed in the index and left with its digest is for `verify` to find.
#[tokio::test]
async fn a_sweep_goes_by_digests() {
    let scene = filled(TestEngine::OpenSearch, Place::sqlite().await).await;
    let client = scene.engine.client().await;
    let (index, path): (&str, _) = (&scene.index, "_doc");
    let held = client.call(Method::Get, &[index, path, "1"], &[], None).await.unwrap();
    let mut document = held["_source"].clone();
    document["title"] = json!("by hand");
    client.call(Method::Put, &[index, path, "1"], &[], Some(&document)).await.unwrap();
    document["_prejoin"]["digest"] = json!(1);
    client.call(Method::Put, &[index, path, "3"], &[], Some(&document)).await.unwrap();
    let report = scene.try_sync(&["--sweep"]).await.json();
    assert_eq!([&report["read"], &report["written"]], [3, 1], "{report:#}");
    let documents = scene.documents().await;
    assert_eq!([&documents["1"]["title"], &documents["3"]["title"]], ["by hand", "three"]);
}
