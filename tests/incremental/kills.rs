//! Runs that are killed or frozen on the way: the next one makes up for it, and one that wakes up changes nothing any more.
//!
//! On PostgreSQL, whose clock tells instants apart that lie microseconds from each other: nothing is read again by chance.

use prejoin::sink::{Body, Method};

use super::scene::Scene;
use crate::support::engines::{TestEngine, on_both_engines};
use crate::support::fault_proxy::{Fault, FaultProxy};
use crate::support::place::Place;

on_both_engines!(
    killed_at_any_point_the_next_run_makes_up_for_it,
    frozen_at_any_point_it_changes_nothing_any_more,
    what_a_frozen_run_had_sent_comes_too_late,
    a_swap_that_is_frozen_comes_too_late,
    a_catch_up_that_is_frozen_finds_its_index_removed,
    an_index_is_removed_before_it_is_held,
    a_rollback_that_is_frozen_finds_its_index_removed,
);

const SYNC: [&str; 3] = ["sync", "shop", "--json"];

/// Points of a run that is no load, with the arrivals that it comes to: what is built, and then what is deleted.
const POINTS: [&str; 5] =
    ["after_read", "after_read:2", "after_bulk", "after_bulk:2", "before_advance"];

/// Edits that build documents and delete one.
async fn edit(scene: &Scene, point: &str) {
    scene
        .run(&format!(
            "UPDATE orders SET title = '{point}', updated_at = NOW WHERE id = 1;
             UPDATE order_lines SET order_id = 5 - order_id, updated_at = NOW WHERE id = 3;
             DELETE FROM orders WHERE id = 8"
        ))
        .await;
}

/// What [`edit`] deletes.
async fn bring_back(scene: &Scene) {
    scene
        .run("DELETE FROM orders WHERE id = 8; INSERT INTO orders VALUES (8, 'eight', 2, NOW)")
        .await;
    scene.sync().await;
}

async fn killed_at_any_point_the_next_run_makes_up_for_it(engine: TestEngine) {
    let scene = Scene::filled(engine, Place::postgres().await).await;
    for point in POINTS {
        bring_back(&scene).await;
        edit(&scene, point).await;
        scene.home.start_held(point, &SYNC, &[]).until_held().await.kill().await;
        scene.sync_after().await;
        scene.assert_right(point).await;
    }
}

async fn frozen_at_any_point_it_changes_nothing_any_more(engine: TestEngine) {
    let scene = Scene::filled(engine, Place::postgres().await).await;
    for point in POINTS {
        bring_back(&scene).await;
        edit(&scene, point).await;
        let held = scene.home.start_held(point, &SYNC, &[]).until_held().await;
        held.freeze();
        scene.run("UPDATE orders SET title = 'later', updated_at = NOW WHERE id = 1").await;
        scene.run("INSERT INTO orders VALUES (8, 'again', 1, NOW)").await;
        scene.sync_after().await;
        let ran = held.goes_on().await;
        assert_eq!(ran.code, Some(3), "{point}: {}", ran.stderr);
        assert!(ran.stderr.contains("another run took over"), "{}", ran.stderr);
        scene.assert_right(point).await;
        // Nor has it taken anything back that was noted.
        scene.sync().await;
        scene.assert_right(point).await;
    }
}

/// A document of which neither the engine nor the run behind knows anything: versions alone would let it in.
async fn what_a_frozen_run_had_sent_comes_too_late(engine: TestEngine) {
    let scene = Scene::filled(engine, Place::postgres().await).await;
    let proxy = FaultProxy::to(&engine.url().await).await;
    proxy.then("_bulk", [Fault::Late]);
    scene.run("INSERT INTO orders VALUES (8, 'eight', 2, NOW)").await;
    let url = proxy.url();
    let running = scene.home.start_with(&SYNC, &[("PREJOIN__ENGINE__URL", &url)]);
    proxy.until_seen("_bulk", 1).await;
    running.signal("STOP");
    scene.run("DELETE FROM orders WHERE id = 8").await;
    scene.sync_after().await;
    scene.assert_right("the run that took over").await;

    // It arrives now.
    let late = proxy.seen("_bulk").remove(0);
    let target = late.line.split(['/', '?']).nth(1).unwrap().to_owned();
    let client = engine.client().await;
    let lines = Body::Lines(late.body.into());
    drop(client.send(Method::Post, &[&target, "_bulk"], &[], lines).await);
    scene.assert_right("what came late").await;
    proxy.let_go();
    running.signal("CONT");
    let ran = running.ended().await;
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    scene.assert_right("what came later still").await;
}

/// Readers would see an index again that was left behind, or one that is half as old.
async fn a_swap_that_is_frozen_comes_too_late(engine: TestEngine) {
    let scene = Scene::filled(engine, Place::postgres().await).await;
    for then in ["sync", "reindex"] {
        let reindex = ["reindex", "shop", "--json"];
        let held = scene.home.start_held("before_swap", &reindex, &[]).until_held().await;
        held.freeze();
        scene
            .run(&format!("UPDATE orders SET title = '{then}', updated_at = NOW WHERE id = 1"))
            .await;
        scene.runs_after(&[then, "shop"]).await;
        let ran = held.goes_on().await;
        assert_eq!(ran.code, Some(3), "{then}: {}", ran.stderr);
        scene.assert_right(then).await;
        scene.sync().await;
        scene.assert_right(then).await;
    }
}

/// The run that takes over begins anew: nothing is left for the first one to write to.
async fn a_catch_up_that_is_frozen_finds_its_index_removed(engine: TestEngine) {
    let scene = Scene::filled(engine, Place::postgres().await).await;
    // Everything is read again by the catch-up.
    scene.rewrite("config/default.yaml", r#""overlap":"0s""#, r#""overlap":"1h""#);
    let reindex = ["reindex", "shop", "--json"];
    for point in ["before_catch_up", "after_read:2", "before_advance:2"] {
        let held = scene.home.start_held(point, &reindex, &[]).until_held().await;
        held.freeze();
        scene.runs_after(&["reindex", "shop"]).await;
        let ran = held.goes_on().await;
        assert_eq!(ran.code, Some(3), "{point}: {}", ran.stderr);
        scene.assert_right(point).await;
    }
}

/// The run that takes over keeps one former index, which is no longer the one that was to serve again.
async fn a_rollback_that_is_frozen_finds_its_index_removed(engine: TestEngine) {
    let scene = Scene::filled(engine, Place::sqlite().await).await;
    scene.runs_after(&["reindex", "shop"]).await;
    let proxy = FaultProxy::to(&engine.url().await).await;
    proxy.then("_doc/index", [Fault::Late]);
    let url = proxy.url();
    let running = scene.home.start_with(&["rollback", "shop"], &[("PREJOIN__ENGINE__URL", &url)]);
    proxy.until_seen("_doc/index", 1).await;
    running.signal("STOP");
    scene.runs_after(&["reindex", "shop"]).await;
    proxy.let_go();
    running.signal("CONT");
    let ran = running.ended().await;
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    scene.assert_right("it went on").await;
}

/// Between the making of an index and the lease of it there is a moment.
async fn an_index_is_removed_before_it_is_held(engine: TestEngine) {
    let scene = Scene::filled(engine, Place::sqlite().await).await;
    let proxy = FaultProxy::to(&engine.url().await).await;
    proxy.then("-000002/_settings", [Fault::Late]);
    let url = proxy.url();
    let reindex = ["reindex", "shop", "--json"];
    let running = scene.home.start_with(&reindex, &[("PREJOIN__ENGINE__URL", &url)]);
    proxy.until_seen("-000002/_settings", 1).await;
    running.signal("STOP");
    scene.runs_after(&["reindex", "shop"]).await;
    proxy.let_go();
    running.signal("CONT");
    let ran = running.ended().await;
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    scene.assert_right("it went on").await;
}
