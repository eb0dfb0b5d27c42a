//! What is looked at when not all of it is, what is told beside drift, and when a look does not begin.

use std::time::Duration;

use serde_json::{Value, json};

use super::{delete, found, held, many, nothing_is_found, put, verified};
use crate::incremental::scene::Scene;
use crate::support::engines::{TestEngine, on_both_engines};
use crate::support::place::Place;

on_both_engines!(what_has_changed_or_was_built_since);

/// A change that is told, and by which the index is not right although a run has followed it.
async fn what_has_changed_or_was_built_since(engine: TestEngine) {
    let scene = Scene::new(engine, Place::postgres().await).await;
    many(&scene, 40).await;
    // What is older is not looked at.
    scene.run("UPDATE orders SET title = 'silent' WHERE id = 30").await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let since = jiff::Timestamp::now().to_string();
    scene.run("UPDATE buyers SET name = 'told', updated_at = NOW WHERE id = 3").await;
    scene.run("UPDATE order_lines SET order_id = 5, updated_at = NOW WHERE id = 8").await;
    scene.sync().await;
    // Built since, and changed by hand: one that changes lead to as well, and one that none does.
    let ran = scene.try_sync(&["--id", "20"]).await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let mut document = held(&scene, "3").await;
    document["title"] = json!("by hand");
    put(&scene, "3", &document).await;
    let mut document = held(&scene, "20").await;
    document["title"] = json!("by hand");
    document["_prejoin"]["built_at"] = json!("2099-01-01T00:00:00.000Z");
    put(&scene, "20", &document).await;
    put(&scene, "900", &document).await;
    let report = verified(&scene, &["--since", &since]).await.json();
    assert_eq!((found(&report), &report["read"]), ([0, 1, 2], &json!(4)), "{report:#}");
    assert_eq!(report["scope"], "since");
    // Everything was built within an hour, and nothing within the last moment.
    let report = verified(&scene, &["--since", "1h"]).await.json();
    assert_eq!(found(&report), [0, 1, 3], "{report:#}");
    // Where runs are tested so few keys are remembered that some are read twice.
    assert!(report["read"].as_u64().unwrap() >= 40, "{report:#}");
    let report = verified(&scene, &["--since", "2100-01-01T00:00:00Z"]).await.json();
    assert_eq!((found(&report), &report["read"]), ([0, 0, 0], &json!(0)), "{report:#}");
    let report = verified(&scene, &["--since", "1h", "--repair"]).await.json();
    assert_eq!(report["repaired"], 4, "{report:#}");
    scene.assert_right("the repair").await;
}

/// Documents that the engine refused are known, and are no drift.
#[tokio::test]
async fn dead_letters_are_told_apart() {
    let scene = Scene::new(TestEngine::Elasticsearch, Place::sqlite().await).await;
    many(&scene, 20).await;
    // Longer than a term may be.
    let long = "printf('%.*c', 40000, 'x')";
    scene.run(&format!("UPDATE orders SET title = {long}, updated_at = NOW WHERE id = 1")).await;
    scene.run(&format!("INSERT INTO orders VALUES (21, {long}, 1, NOW)")).await;
    assert_eq!(scene.try_sync(&[]).await.code, Some(1));
    let ran = verified(&scene, &[]).await;
    let report = ran.json();
    assert_eq!((ran.code, found(&report)), (Some(0), [0, 0, 0]), "{report:#}");
    assert_eq!(report["dead_letters"], 2, "{report:#}");
    // One that nobody knows yet is drift, and becomes one by the repair.
    scene.run(&format!("UPDATE orders SET title = {long} WHERE id = 2")).await;
    let report = verified(&scene, &["--repair"]).await.json();
    assert_eq!((found(&report), &report["repaired"]), ([0, 0, 1], &json!(0)), "{report:#}");
    assert_eq!(report["dead_letters"], 3, "{report:#}");
    let report = verified(&scene, &[]).await.json();
    assert_eq!((found(&report), &report["dead_letters"]), ([0, 0, 0], &json!(3)), "{report:#}");
}

/// Rows that cannot become documents are no drift either.
#[tokio::test]
async fn what_does_not_fit_is_told_apart() {
    let scene = Scene::new(TestEngine::OpenSearch, Place::sqlite().await).await;
    many(&scene, 20).await;
    let bytes = "lease_ttl: 1s}\nload: {page_bytes: 64KiB, readers: 1}";
    scene.rewrite("config/default.yaml", "lease_ttl: 1s}", bytes);
    let wide = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)";
    scene
        .run(&format!("{wide} INSERT INTO order_lines SELECT 100 + i, 4, 1, i, NULL, NULL FROM n"))
        .await;
    let ran = verified(&scene, &[]).await;
    let report = ran.json();
    assert_eq!((ran.code, found(&report)), (Some(0), [0, 0, 0]), "{report:#}");
    assert_eq!((&report["dead_letters"], &report["read"]), (&json!(1), &json!(20)));
}

#[tokio::test]
async fn a_sample_repairs_what_it_meets() {
    let scene = Scene::new(TestEngine::Elasticsearch, Place::sqlite().await).await;
    many(&scene, 100).await;
    delete(&scene, "50").await;
    put(&scene, "900", &held(&scene, "1").await).await;
    let (mut met, mut looks) = ([0, 0], 0);
    while met != [1, 1] {
        let report = verified(&scene, &["--sample", "30", "--repair"]).await.json();
        assert_eq!([&report["read"], &report["documents"]], [30, 30], "{report:#}");
        let [missing, extra, different] = found(&report);
        assert_eq!(different, 0);
        met = [met[0] + missing, met[1] + extra];
        looks += 1;
        // Each look sees three in ten.
        assert!(looks < 60, "{met:?}");
    }
    nothing_is_found(&scene, "samples").await;
}

/// Where the places do not part the table evenly, the last rows lie behind the last of equal stretches.
#[tokio::test]
async fn samples_reach_the_last_row() {
    let scene = Scene::new(TestEngine::OpenSearch, Place::sqlite().await).await;
    many(&scene, 119).await;
    delete(&scene, "119").await;
    let mut looks = 0;
    loop {
        let report = verified(&scene, &["--sample", "60"]).await.json();
        assert_eq!(report["read"], 60, "{report:#}");
        looks += 1;
        if found(&report)[0] == 1 {
            break;
        }
        // Each sees every other one.
        assert!(looks < 30, "the last row is never looked at");
    }
}

/// Of a relation that has one row a second one: a document holds one of them.
#[tokio::test]
async fn rows_that_nobody_has_asked_for_are_told() {
    let key = ("table: buyers", "table: buyers, key: [id]");
    let scene = Scene::with(TestEngine::Elasticsearch, Place::mariadb().await, &[key]).await;
    many(&scene, 20).await;
    scene
        .run("ALTER TABLE buyers DROP PRIMARY KEY; INSERT INTO buyers VALUES (5, 'buyer 5', NOW)")
        .await;
    let ran = scene.try_sync(&[]).await;
    let asked = ran.json();
    assert_eq!((ran.code, &asked["ambiguous"]), (Some(1), &json!(1)), "{asked:#}");
    let ran = verified(&scene, &[]).await;
    let report = ran.json();
    let told = (ran.code, found(&report), &report["ambiguous"]);
    assert_eq!(told, (Some(1), [0, 0, 0], &json!(1)), "{report:#}");
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let ran = scene.try_sync(&["--sweep"]).await;
    assert_eq!((ran.code, &ran.json()["ambiguous"]), (Some(1), &json!(1)), "{}", ran.stdout);
}

/// What was seen is remembered until all was looked at once more, whoever looks at less of it meanwhile.
#[tokio::test]
async fn what_looks_at_less_hides_no_drift() {
    let scene = Scene::new(TestEngine::Elasticsearch, Place::sqlite().await).await;
    many(&scene, 20).await;
    delete(&scene, "7").await;
    let remembered = || {
        let status = scene.home.run(&["status", "shop", "--json"]).json();
        let drift = status[0]["indexes"][0]["drift"].clone();
        [&drift["scope"], &drift["missing"], &drift["repaired"]].map(Value::clone)
    };
    let all = [json!("whole"), json!(1), json!(0)];
    assert_eq!(verified(&scene, &[]).await.code, Some(1));
    assert_eq!(remembered(), all);
    for less in [&["--id", "3"][..], &["--sample", "5"], &["--since", "2100-01-01T00:00:00Z"]] {
        assert!(verified(&scene, less).await.code < Some(2), "{less:?}");
        assert_eq!(remembered(), all, "{less:?}");
    }
    assert_eq!(verified(&scene, &["--repair"]).await.code, Some(1));
    assert_eq!(remembered(), [json!("whole"), json!(1), json!(1)]);
    assert_eq!(verified(&scene, &["--id", "3"]).await.code, Some(0));
    assert_eq!(remembered(), [json!("ids"), json!(0), json!(0)]);
}

#[tokio::test]
async fn when_it_does_not_begin() {
    let scene = Scene::new(TestEngine::OpenSearch, Place::sqlite().await).await;
    let told = |arguments: &[&str]| {
        let ran = scene.home.run(&[&["verify", "shop"], arguments].concat());
        (ran.code, ran.stderr)
    };
    let (code, said) = told(&[]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("job `shop` was never loaded"), "{said}");
    many(&scene, 3).await;
    for (arguments, wanted) in [
        (&["--id", ""][..], "an id has 1 to 512 bytes"),
        (&["--sample", "0"], "invalid value '0'"),
        (&["--since", "yesterday"], "neither an instant with its zone"),
        (&["--sample", "3", "--since", "1h"], "cannot be used with"),
        (&["--sample", "3", "--id", "1"], "cannot be used with"),
    ] {
        let (code, said) = told(arguments);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains(wanted), "{said}");
    }
    // What an index was built with.
    scene
        .run("ALTER TABLE orders DROP COLUMN title; ALTER TABLE orders ADD COLUMN title BIGINT")
        .await;
    let (code, said) = told(&[]);
    assert_eq!(code, Some(2), "{said}");
    let variables = [("PREJOIN__ENGINE__URL", "http://127.0.0.1:9")];
    let ran = scene.home.start_with(&["verify", "shop"], &variables).ended().await;
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("cannot be reached"), "{}", ran.stderr);
}

/// What people read.
#[tokio::test]
async fn what_is_said() {
    let scene = Scene::new(TestEngine::Elasticsearch, Place::sqlite().await).await;
    many(&scene, 20).await;
    delete(&scene, "7").await;
    put(&scene, "900", &held(&scene, "1").await).await;
    scene.run("UPDATE buyers SET name = 'silent' WHERE id = 3").await;
    scene.run("UPDATE orders SET title = 'told', updated_at = NOW WHERE id = 4").await;
    let ran = scene.home.run_beside(&["verify", "shop"]).await;
    let index = format!("{}-000001", scene.index);
    let seconds = ran.stderr.split(" looked at (").nth(1).and_then(|rest| rest.split(')').next());
    let said = ran.told().replace(&index, "INDEX").replace(seconds.unwrap(), "SECONDS");
    insta::assert_snapshot!(said, @r"
    exit 1
    shop: 20 roots and 20 documents of INDEX looked at (SECONDS): 1 missing, 1 extra, 1 different
      missing: 7
      extra: 900
      different: 3 (buyer.name)
      `prejoin verify shop --repair` repairs them
      1 differ by changes that the next `prejoin sync` brings
    ");
    let runs = scene.home.run(&["status", "shop", "--json"]).json();
    let modes: Vec<&Value> =
        runs[0]["last_runs"].as_array().unwrap().iter().map(|run| &run["mode"]).collect();
    assert_eq!(modes, ["verify", "reindex"]);
}
