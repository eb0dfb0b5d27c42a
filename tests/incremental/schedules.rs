//! What chance would hardly bring about: edits at the very moment when a rule is needed that keeps them from being lost.
//!
//! On PostgreSQL where instants matter: its clock tells those apart that lie microseconds from each other, so that nothing is
//! read again by chance.

use prejoin::sink::Method;
use serde_json::json;
use sqlx::{Connection, Executor, MySqlConnection};

use super::scene::Scene;
use crate::support::engines::TestEngine;
use crate::support::place::Place;

const SYNC: [&str; 3] = ["sync", "shop", "--json"];

async fn postgres(engine: TestEngine) -> Scene {
    Scene::filled(engine, Place::postgres().await).await
}

/// What changes once it was read is left for the next run by horizons that are older than any read.
#[tokio::test]
async fn what_changes_while_a_run_reads_is_found_by_the_next() {
    let scene = postgres(TestEngine::OpenSearch).await;
    scene.run("UPDATE orders SET title = 'uno', updated_at = NOW WHERE id = 1").await;
    let held = scene.home.start_held("after_read", &SYNC, &[]).until_held().await;
    scene
        .run(
            "UPDATE orders SET title = 'ichi', updated_at = NOW WHERE id = 1;
             UPDATE buyers SET name = 'Kim2', updated_at = NOW WHERE id = 1;
             UPDATE order_lines SET order_id = 3, updated_at = NOW WHERE id = 2;
             DELETE FROM order_tags WHERE id = 1",
        )
        .await;
    let ran = held.goes_on().await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    scene.sync().await;
    scene.assert_right("what changed while it was read").await;
}

/// MariaDB does not tell of a transaction that has done no more than read the clock.
#[tokio::test]
async fn what_the_server_does_not_tell_of_lies_within_the_overlap() {
    let scene = Scene::new(TestEngine::Elasticsearch, Place::mariadb().await).await;
    scene.rewrite("config/default.yaml", r#""overlap":"1s""#, r#""overlap":"1h""#);
    scene.fill().await;
    scene.sync().await;
    let mut silent = MySqlConnection::connect(&scene.shop.address()).await.unwrap();
    silent.execute("SET @began = now(6)").await.unwrap();
    scene.run("UPDATE orders SET title = 'uno', updated_at = NOW WHERE id = 1").await;
    scene.sync().await;
    silent
        .execute("UPDATE orders SET title = 'late', updated_at = @began WHERE id = 2")
        .await
        .unwrap();
    scene.sync().await;
    scene.assert_right("what bears a time before the last run's").await;
}

/// The document that held the row before was written a moment ago: only a refresh makes it known by its references.
#[tokio::test]
async fn a_row_that_moves_on_at_once_leaves_no_ghost() {
    let scene = postgres(TestEngine::OpenSearch).await;
    let client = scene.engine.client().await;
    let slow = json!({"index.refresh_interval": "1h"});
    client.call(Method::Put, &[&scene.index, "_settings"], &[], Some(&slow)).await.unwrap();
    for order in [3, 2, 1] {
        let to =
            format!("UPDATE order_lines SET order_id = {order}, updated_at = NOW WHERE id = 2");
        scene.run(&to).await;
        scene.sync().await;
    }
    scene.assert_right("it was moved on").await;
}

/// A list looks as it did, and is another: whose rows move later, it has to be known which they are.
#[tokio::test]
async fn a_row_that_takes_the_place_of_one_like_it_is_known_as_itself() {
    let scene = Scene::new(TestEngine::Elasticsearch, Place::postgres().await).await;
    scene.rewrite("jobs/shop.yaml", "fields: [id, price]", "fields: [price]");
    scene.fill().await;
    scene.sync().await;
    scene
        .run(
            "UPDATE order_lines SET order_id = 1, updated_at = NOW WHERE id = 3;
             INSERT INTO order_lines VALUES (9, 2, 1, 30, NULL, NOW)",
        )
        .await;
    scene.sync().await;
    scene.run("UPDATE order_lines SET order_id = 3, updated_at = NOW WHERE id = 9").await;
    scene.sync().await;
    let documents = scene.documents().await;
    let line = json!({"price": 30, "item": {"name": "pen"}});
    assert_eq!((&documents["2"]["lines"], &documents["3"]["lines"]), (&json!([]), &json!([line])));
}

/// Nothing tells that its row was corrected.
#[tokio::test]
async fn a_dead_letter_is_built_again_without_a_word() {
    let scene = Scene::new(TestEngine::OpenSearch, Place::postgres().await).await;
    scene.run("ALTER TABLE orders ALTER COLUMN title TYPE text").await;
    scene.fill().await;
    scene.sync().await;
    // Longer than a term may be.
    scene.run("UPDATE orders SET title = repeat('x', 40000), updated_at = NOW WHERE id = 1").await;
    let ran = scene.try_sync(&[]).await;
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    scene.run("UPDATE orders SET title = 'short' WHERE id = 1").await;
    scene.sync().await;
    scene.assert_right("it was corrected").await;
}

/// What changed before a load was gone on with changed after its rows were read.
#[tokio::test]
async fn a_load_that_is_gone_on_with_keeps_its_first_horizons() {
    let scene = postgres(TestEngine::Elasticsearch).await;
    let reindex = ["reindex", "shop", "--json"];
    for point in ["before_advance:1", "before_swap"] {
        let held = scene.home.start_held(point, &reindex, &[]).until_held().await;
        scene
            .run(&format!(
                "UPDATE orders SET title = '{point}', updated_at = NOW WHERE id = 1;
                 UPDATE order_lines SET order_id = 4 - order_id, updated_at = NOW WHERE id = 2"
            ))
            .await;
        held.kill().await;
        scene.runs_after(&["reindex", "shop", "--resume"]).await;
        scene.assert_right(point).await;
    }
}
