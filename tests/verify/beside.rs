//! A repair beside runs that follow changes: nobody is kept out, and nothing is wrong when all is at rest.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use super::{delete, held, many, nothing_is_found, put, verified};
use crate::incremental::scene::Scene;
use crate::support::engines::TestEngine;
use crate::support::place::Place;

const ORDERS: usize = 200;

/// Edits as a service makes them, of which runs learn: of the first sixty orders.
async fn edit(scene: &Scene, round: usize) {
    let (id, other) = (round % 60 + 1, (round * 7) % 60 + 1);
    scene
        .run(&format!(
            "UPDATE orders SET title = 'round {round}', updated_at = NOW WHERE id = {id};
             UPDATE order_lines SET order_id = {other}, updated_at = NOW WHERE id = {line};
             UPDATE buyers SET name = 'round {round}', updated_at = NOW WHERE id = {other};
             DELETE FROM order_lines WHERE id = {gone};
             INSERT INTO orders VALUES ({new}, 'new', {other}, NOW);
             DELETE FROM orders WHERE id = {old}",
            line = 2 * id,
            gone = 2 * other + 1,
            new = 1_000 + round,
            old = 997 + round,
        ))
        .await;
}

/// What nothing tells of, in many documents, some of which are edited meanwhile.
async fn harm(scene: &Scene, round: usize) {
    scene.run(&format!("UPDATE orders SET title = 'silent {round}' WHERE id % 2 = 0")).await;
    scene.run("UPDATE order_lines SET price = price + 1 WHERE id % 5 = 0").await;
    let document = held(scene, "150").await;
    for id in 1..=10 {
        put(scene, &(id + 150).to_string(), &document).await;
        delete(scene, &(id + 100).to_string()).await;
        put(scene, &(id + 5_000).to_string(), &document).await;
    }
}

async fn nobody_is_kept_out(engine: TestEngine, shop: Place) {
    let scene = Scene::new(engine, shop).await;
    // Not so short that a busy machine is taken for a dead one.
    let sizes = "lease_ttl: 5s}\nload: {range_rows: 50}";
    scene.rewrite("config/default.yaml", "lease_ttl: 1s}", sizes);
    many(&scene, ORDERS).await;
    let (is_over, syncs) = (AtomicBool::new(false), AtomicUsize::new(0));
    let syncing = async {
        while !is_over.load(Ordering::Relaxed) {
            let ran = scene.home.run_beside(&["sync", "shop"]).await;
            assert_eq!(ran.code, Some(0), "{}", ran.stderr);
            syncs.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    let edits = async {
        let mut round = 0;
        while !is_over.load(Ordering::Relaxed) {
            edit(&scene, round).await;
            round += 1;
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        round
    };
    let repairs = async {
        let (mut repaired, mut round) = (0, 0);
        while round < 3 || syncs.load(Ordering::Relaxed) < 5 {
            harm(&scene, round).await;
            let ran = verified(&scene, &["--repair"]).await;
            assert_eq!(ran.code, Some(1), "{}", ran.stderr);
            repaired += ran.json()["repaired"].as_u64().unwrap();
            round += 1;
        }
        is_over.store(true, Ordering::Relaxed);
        repaired
    };
    let ((), edits, repaired) = tokio::join!(syncing, edits, repairs);
    assert!(edits >= 10 && repaired >= 200, "{edits} edits, {repaired} repaired");
    scene.sync().await;
    nothing_is_found(&scene, "all is at rest").await;
    scene.assert_right("all is at rest").await;
}

#[tokio::test]
async fn nobody_is_kept_out_on_postgres() {
    nobody_is_kept_out(TestEngine::OpenSearch, Place::postgres().await).await;
}

#[tokio::test]
async fn nobody_is_kept_out_on_mariadb() {
    nobody_is_kept_out(TestEngine::Elasticsearch, Place::mariadb().await).await;
}

/// One that holds the lease for long is waited for.
#[tokio::test]
async fn a_long_run_is_waited_for() {
    let scene = Scene::new(TestEngine::OpenSearch, Place::postgres().await).await;
    many(&scene, 20).await;
    scene.rewrite("config/default.yaml", "lease_ttl: 1s", "lease_ttl: 5s");
    scene.run("UPDATE orders SET title = 'silent' WHERE id = 3").await;
    scene.run("UPDATE orders SET title = 'told', updated_at = NOW WHERE id = 4").await;
    let run = scene.home.start_held("after_read", &["sync", "shop"], &[]).until_held().await;
    let repair = scene.home.start(&["verify", "shop", "--json", "--repair"]);
    // Several signs of life of the one that holds it.
    repair.says_times("looking for a sign of life", 3).await;
    let ran = run.goes_on().await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let ran = repair.ended().await;
    assert_eq!((ran.code, &ran.json()["repaired"]), (Some(1), &1.into()), "{}", ran.stderr);
    scene.assert_right("the repair").await;
}

/// Whoever asks for the lease amid a repair waits for its end.
#[tokio::test]
async fn a_run_waits_for_the_lease_of_a_repair() {
    let scene = Scene::new(TestEngine::Elasticsearch, Place::postgres().await).await;
    many(&scene, 20).await;
    scene.run("UPDATE orders SET title = 'silent' WHERE id = 3").await;
    let repair = ["verify", "shop", "--repair"];
    let repair = scene.home.start_held("before_advance", &repair, &[]).until_held().await;
    let run = scene.home.start(&["sync", "shop", "--json"]);
    run.says("looking for a sign of life").await;
    // Several signs of life of the repair.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(repair.goes_on().await.code, Some(1));
    let ran = run.ended().await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

/// A repair that is stopped gives its lease back, and one that dies is taken over.
#[tokio::test]
async fn a_repair_that_is_stopped() {
    let scene = Scene::new(TestEngine::OpenSearch, Place::sqlite().await).await;
    let sizes = "lease_ttl: 1s}\nload: {page_rows: 20, range_rows: 20, readers: 1}";
    scene.rewrite("config/default.yaml", "lease_ttl: 1s}", sizes);
    many(&scene, 60).await;
    scene.run("UPDATE orders SET title = 'silent'").await;
    let repair = ["verify", "shop", "--repair", "--json"];
    // In the second of several leases.
    let point = "before_advance:2";
    let held = scene.home.start_held(point, &repair, &[]).until_held().await;
    held.signal("INT");
    let ran = held.ended().await;
    assert_eq!(ran.code, Some(130), "{}", ran.stderr);
    let report = ran.json();
    assert_eq!((&report["outcome"], &report["repaired"]), (&"cancelled".into(), &40.into()));
    let after = scene.try_sync(&[]).await;
    assert_eq!(after.code, Some(0), "{}", after.stderr);
    assert!(!after.stderr.contains("sign of life"), "{}", after.stderr);

    scene.run("UPDATE orders SET title = 'silent again'").await;
    scene.home.start_held(point, &repair, &[]).until_held().await.kill().await;
    scene.sync_after().await;
    assert_eq!(verified(&scene, &["--repair"]).await.code, Some(1));
    scene.assert_right("the repair").await;
    nothing_is_found(&scene, "the repair").await;
}
