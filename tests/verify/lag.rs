//! What the next run that follows changes brings by itself is told apart from drift; what it would leave is drift.

use serde_json::{Value, json};

use super::{found, held, many, nothing_is_found, put, verified};
use crate::incremental::scene::Scene;
use crate::support::engines::TestEngine;
use crate::support::place::Place;

/// Changes that a run has not had the time to bring: what is done, and how many documents differ by it.
const TOLD: &[(&str, &str, u64)] = &[
    ("a root's field", "UPDATE orders SET title = 'told', updated_at = NOW WHERE id = 1", 1),
    ("a new root", "INSERT INTO orders VALUES (900, 'new', 1, NOW)", 1),
    ("a root that is deleted", "DELETE FROM orders WHERE id = 2", 1),
    (
        "a root that stops to match",
        "UPDATE orders SET title = 'draft', updated_at = NOW WHERE id = 3",
        1,
    ),
    ("a child that moves", "UPDATE order_lines SET order_id = 5, updated_at = NOW WHERE id = 8", 2),
    ("a child that is deleted", "DELETE FROM order_lines WHERE id = 12", 1),
    ("a link that moves", "UPDATE order_tags SET order_id = 8, updated_at = NOW WHERE id = 7", 2),
    ("a grandchild", "UPDATE items SET name = 'told', updated_at = NOW", 18),
];

async fn lag_is_no_drift(engine: TestEngine, shop: Place) {
    let scene = Scene::new(engine, shop).await;
    many(&scene, 20).await;
    for (what, sql, documents) in TOLD {
        scene.run(sql).await;
        let ran = verified(&scene, &[]).await;
        let report = ran.json();
        assert_eq!((ran.code, found(&report)), (Some(0), [0, 0, 0]), "{what}: {report:#}");
        // Those of the edits before are told again by servers whose clock is cut.
        assert!(report["lagging"].as_u64().unwrap() >= *documents, "{what}: {report:#}");
        // Not even this is repaired.
        let report = verified(&scene, &["--repair"]).await.json();
        assert_eq!([&report["written"], &report["deleted"]], [0, 0], "{what}: {report:#}");
        scene.sync().await;
        scene.assert_right(what).await;
        nothing_is_found(&scene, what).await;
    }
}

#[tokio::test]
async fn lag_is_no_drift_on_postgres() {
    lag_is_no_drift(TestEngine::OpenSearch, Place::postgres().await).await;
}

#[tokio::test]
async fn lag_is_no_drift_on_mariadb() {
    lag_is_no_drift(TestEngine::Elasticsearch, Place::mariadb().await).await;
}

/// It has the digest of what it should be, by which a run goes.
#[tokio::test]
async fn what_a_run_would_leave_as_it_is_is_drift() {
    let scene = Scene::new(TestEngine::OpenSearch, Place::postgres().await).await;
    many(&scene, 20).await;
    let mut document = held(&scene, "7").await;
    document["title"] = json!("by hand");
    put(&scene, "7", &document).await;
    scene.run("UPDATE orders SET updated_at = NOW WHERE id = 7").await;
    let report = verified(&scene, &[]).await.json();
    assert_eq!((found(&report), &report["lagging"]), ([0, 0, 1], &json!(0)), "{report:#}");
    scene.sync().await;
    assert_eq!(held(&scene, "7").await["title"], "by hand");
    assert_eq!(verified(&scene, &["--repair"]).await.json()["repaired"], 1);
    scene.assert_right("the repair").await;
}

/// Tables that say nothing of when their rows changed are held against what the last run saw of them.
#[tokio::test]
async fn tables_that_do_not_tell_lag_too() {
    let words = [("changed_at: updated_at", "changed_at: none")];
    let scene = Scene::with(TestEngine::Elasticsearch, Place::sqlite().await, &words).await;
    many(&scene, 20).await;
    scene.sync().await;
    scene.run("UPDATE buyers SET name = 'told' WHERE id = 3").await;
    let report = verified(&scene, &[]).await.json();
    assert_eq!((found(&report), &report["lagging"]), ([0, 0, 0], &json!(1)), "{report:#}");
    scene.sync().await;
    nothing_is_found(&scene, "the run").await;
}

/// A run is amid its work: what it has read and not written yet is in flight, and what it has written lies before its horizons.
#[tokio::test]
async fn a_run_amid_its_work_is_no_drift() {
    let scene = Scene::new(TestEngine::OpenSearch, Place::postgres().await).await;
    many(&scene, 20).await;
    for point in ["after_read", "after_bulk", "before_advance"] {
        let edit = format!(
            "UPDATE orders SET title = '{point}', updated_at = NOW WHERE id < 10;
             DELETE FROM orders WHERE id = 15; INSERT INTO orders VALUES (15, '{point}', 1, NOW)"
        );
        scene.run(&edit).await;
        let run = scene.home.start_held(point, &["sync", "shop"], &[]).until_held().await;
        let report = verified(&scene, &[]).await.json();
        assert_eq!(found(&report), [0, 0, 0], "{point}: {report:#}");
        assert_eq!(run.goes_on().await.code, Some(0));
        nothing_is_found(&scene, point).await;
    }
}

/// What is told at the end of a run of any kind.
#[tokio::test]
async fn the_last_look_is_remembered() {
    let scene = Scene::new(TestEngine::Elasticsearch, Place::sqlite().await).await;
    many(&scene, 20).await;
    let status = |look: bool| {
        let ran = scene.home.run(&["status", "shop", "--json"]);
        assert_eq!(ran.code, Some(i32::from(look)), "{}", ran.stdout);
        ran.json()[0].clone()
    };
    assert_eq!(status(false)["indexes"][0]["drift"], Value::Null);
    scene.run("UPDATE orders SET title = 'silent' WHERE id < 4").await;
    verified(&scene, &[]).await;
    let told = status(true);
    let drift = &told["indexes"][0]["drift"];
    let counts = ["read", "missing", "extra", "different", "repaired"].map(|name| &drift[name]);
    assert_eq!(counts, [20, 0, 0, 3, 0], "{drift:#}");
    assert_eq!([&drift["by"], &drift["scope"]], ["verify", "whole"]);
    assert!(told["look"][0].as_str().unwrap().contains("verify shop --repair"), "{told:#}");
    assert_eq!(scene.sync().await["drift"]["different"], 3);
    verified(&scene, &["--repair"]).await;
    scene.run("UPDATE orders SET title = 'silent again' WHERE id < 4").await;
    verified(&scene, &["--repair", "--sample", "1000"]).await;
    let told = status(false);
    let drift = &told["indexes"][0]["drift"];
    assert_eq!([&drift["different"], &drift["repaired"]], [3, 3]);
    assert_eq!(drift["scope"], "sample");
    let text = scene.home.run(&["status", "shop"]).stdout;
    assert!(text.contains("20 (sample) of it looked at"), "{text}");
    assert!(text.contains("by verify: 0 missing, 0 extra, 3 different, 3 repaired"), "{text}");
    // Another index, another look.
    assert_eq!(scene.home.run(&["reindex", "shop"]).code, Some(0));
    let told = status(false);
    assert_eq!(told["indexes"][1]["drift"], Value::Null, "{told:#}");
    assert_eq!(told["indexes"][0]["drift"]["repaired"], 3);
}
