//! What a run does beside following changes: it refuses to delete too much, builds what it is told, heals dead letters.

use prejoin::sink::Method;

use super::scene::Scene;
use crate::support::engines::TestEngine;
use crate::support::fault_proxy::{Fault, FaultProxy};
use crate::support::place::Place;

async fn filled(engine: TestEngine) -> Scene {
    let scene = Scene::new(engine, Place::sqlite().await).await;
    scene.fill().await;
    scene.sync().await;
    scene
}

#[tokio::test]
async fn documents_are_not_deleted_by_the_hundred_unless_told_so() {
    let scene = filled(TestEngine::Elasticsearch).await;
    let numbers = "WITH RECURSIVE n(i) AS (SELECT 11 UNION ALL SELECT i + 1 FROM n WHERE i < 400)";
    scene.run(&format!("{numbers} INSERT INTO orders SELECT i, 'many', 1, NOW FROM n")).await;
    scene.sync().await;
    scene.run("DELETE FROM orders WHERE id > 200").await;
    let ran = scene.try_sync(&[]).await;
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    let told = ran.stderr.lines().find(|line| line.starts_with("error")).unwrap();
    assert!(
        told.ends_with(
            "more than 100 of 393 documents have lost their root: none of them is deleted"
        ),
        "{told}"
    );
    assert_eq!(scene.documents().await.len(), 393);
    // Nothing is forgotten by it: the next run finds them again.
    let ran = scene.try_sync(&["--allow-mass-delete"]).await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(ran.json()["deleted"], 200);
    scene.assert_right("the deletion").await;
}

/// The look at everything needs no lease, and somebody else follows the changes.
#[tokio::test]
async fn a_sweep_does_not_give_way_to_a_run_that_is_under_way() {
    let scene = filled(TestEngine::OpenSearch).await;
    scene.run("UPDATE orders SET title = 'uno', updated_at = NOW WHERE id = 1").await;
    let held = scene.home.start_held("after_read", &["sync", "shop"], &[]).until_held().await;
    let swept = scene.try_sync(&["--sweep"]).await;
    assert_eq!(swept.code, Some(0), "{}", swept.stderr);
    assert_eq!(swept.json()["swept"], true);
    assert_eq!(swept.json()["index"], format!("{}-000001", &*scene.index));
    let ran = held.goes_on().await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    scene.assert_right("a sweep beside a run").await;
}

#[tokio::test]
async fn documents_are_built_anew_by_their_ids() {
    let scene = filled(TestEngine::Elasticsearch).await;
    // Nothing tells of it.
    scene.run("UPDATE orders SET title = 'silent' WHERE id IN (1, 2)").await;
    let ran = scene.try_sync(&["--id", "1", "77"]).await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!((&ran.json()["read"], &ran.json()["written"]), (&1.into(), &1.into()));
    assert_eq!(scene.documents().await["1"]["title"], "silent");
    assert_eq!(scene.documents().await["2"]["title"], "two");
    let ran = scene.try_sync(&["--id", "2"]).await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    scene.assert_right("both").await;
}

#[tokio::test]
async fn a_dead_letter_is_tried_again_by_every_run() {
    let scene = filled(TestEngine::OpenSearch).await;
    // Longer than a term may be.
    let long = "printf('%.*c', 40000, 'x')";
    scene.run(&format!("UPDATE orders SET title = {long}, updated_at = NOW WHERE id = 1")).await;
    for _ in 0..2 {
        let ran = scene.try_sync(&[]).await;
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        assert_eq!(ran.json()["dead_letters"], 1);
        // What it was before stays.
        assert_eq!(scene.documents().await["1"]["title"], "one");
    }
    // Another document's run does not forget it.
    assert_eq!(scene.try_sync(&["--id", "2"]).await.code, Some(0));
    // Without a word of when it changed.
    scene.run("UPDATE orders SET title = 'short' WHERE id = 1").await;
    scene.sync().await;
    scene.assert_right("it was corrected").await;
}

/// However many have been refused for long, what is new counts.
#[tokio::test]
async fn standing_dead_letters_do_not_stop_a_run() {
    let scene = filled(TestEngine::Elasticsearch).await;
    let long = "printf('%.*c', 33000, 'x')";
    for (round, first) in [1_000, 2_000].into_iter().enumerate() {
        let last = first + 599;
        let numbers = format!(
            "WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {last})"
        );
        scene.run(&format!("{numbers} INSERT INTO orders SELECT i, {long}, 1, NOW FROM n")).await;
        let ran = scene.try_sync(&[]).await;
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        assert_eq!(ran.json()["dead_letters"], 600 * (round + 1));
    }
    scene.run("UPDATE orders SET title = 'short' WHERE id >= 1000").await;
    scene.sync().await;
    scene.assert_right("they were corrected").await;
}

/// The new index is what the services say as readers change over, also of what changed after it was read.
#[tokio::test]
async fn an_index_that_is_built_anew_catches_up() {
    let scene = filled(TestEngine::Elasticsearch).await;
    scene.run("UPDATE orders SET title = 'uno', updated_at = NOW WHERE id = 1").await;
    let built = scene.home.run(&["reindex", "shop", "--no-swap"]);
    assert_eq!(built.code, Some(0), "{}", built.stderr);
    scene.run("UPDATE orders SET title = 'ichi', updated_at = NOW WHERE id = 1").await;
    scene.run("DELETE FROM orders WHERE id = 2").await;
    scene.run("INSERT INTO orders VALUES (8, 'eight', 2, NOW)").await;
    let swapped = scene.home.run(&["reindex", "shop", "--resume"]);
    assert_eq!(swapped.code, Some(0), "{}", swapped.stderr);
    scene.assert_right("readers changed over").await;
    // And back: what the old one has missed is made up for by the next run.
    let back = scene.home.run(&["rollback", "shop"]);
    assert_eq!(back.code, Some(0), "{}", back.stderr);
    assert_eq!(scene.documents().await["1"]["title"], "one");
    scene.sync().await;
    scene.assert_right("it was rolled back").await;
}

/// Goes on with a new index, which catches up and is kept from its swap.
async fn kept_from_its_swap(scene: &Scene) {
    let proxy = FaultProxy::to(&scene.engine.url().await).await;
    // The rights to write to both indexes are taken and given back before it.
    let swap = std::iter::repeat_n(Fault::Pass, 6).chain([Fault::Answer(503, "{}")]);
    proxy.then("POST /_aliases", swap);
    let mut command = scene.home.command(&["reindex", "shop", "--resume"]);
    command.env("PREJOIN__ENGINE__URL", proxy.url());
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let stopped = scene.home.ran(&output);
    assert_eq!(stopped.code, Some(4), "{}", stopped.stderr);
    assert!(stopped.stderr.contains("may or may not point to"), "{}", stopped.stderr);
}

#[tokio::test]
async fn what_has_caught_up_and_waits_for_its_swap_is_counted() {
    let scene = filled(TestEngine::OpenSearch).await;
    let built = scene.home.run(&["reindex", "shop", "--no-swap"]);
    assert_eq!(built.code, Some(0), "{}", built.stderr);
    scene.run("INSERT INTO orders VALUES (8, 'eight', 2, NOW)").await;
    kept_from_its_swap(&scene).await;
    // It holds more than was loaded, and is whole.
    let whole = scene.home.run(&["reindex", "shop", "--resume", "--no-swap"]);
    assert_eq!(whole.code, Some(0), "{}", whole.stderr);
    scene.run("INSERT INTO orders VALUES (9, 'nine', 2, NOW)").await;
    kept_from_its_swap(&scene).await;
    let client = scene.engine.client().await;
    let path = [&format!("{}-000002", scene.index), "_doc", "8"];
    client.call(Method::Delete, &path, &[], None).await.unwrap();
    let refused = scene.home.run(&["reindex", "shop", "--resume"]);
    assert_eq!(refused.code, Some(4), "{}", refused.stderr);
    let told = "held 5 documents, and holds 4 now: not swapped";
    assert!(refused.stderr.contains(told), "{}", refused.stderr);
    assert_eq!(scene.documents().await.len(), 3);
}
