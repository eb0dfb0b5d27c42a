//! Fifty documents that somebody has changed by hand, and fifty rows that changed without a word: these hundred are found.

use serde_json::{Value, json};

use super::{delete, found, held, many, nothing_is_found, put, verified};
use crate::incremental::scene::Scene;
use crate::support::engines::TestEngine;
use crate::support::place::Place;

const ORDERS: usize = 300;

/// Ten of each kind in the index: the orders from 1 to 40 are touched, and ten are made up.
async fn corrupt(scene: &Scene) {
    let mut ids = (1..=40).map(|id: usize| id.to_string());
    let mut ten = || ids.by_ref().take(10).collect::<Vec<_>>();
    let (missing, stale, child, field) = (ten(), ten(), ten(), ten());
    for id in &missing {
        delete(scene, id).await;
    }
    for id in 1_001..=1_010 {
        put(scene, &id.to_string(), &held(scene, "299").await).await;
    }
    // What they were before their rows changed, their digest included.
    for id in &stale {
        let before = held(scene, id).await;
        scene.run(&format!("UPDATE orders SET title = 'new {id}' WHERE id = {id}")).await;
        let ran = scene.try_sync(&["--id", id]).await;
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        put(scene, id, &before).await;
    }
    for (at, id) in child.iter().enumerate() {
        let mut document = held(scene, id).await;
        let lines = document["lines"].as_array_mut().unwrap();
        match at % 3 {
            0 => lines[0]["price"] = json!(9_999),
            1 => lines.push(json!({"id": 9_999, "price": 1, "item": null})),
            _ => drop(lines.pop()),
        }
        document["_prejoin"]["digest"] = json!(at);
        put(scene, id, &document).await;
    }
    // With the digest that it should have.
    for (at, id) in field.iter().enumerate() {
        let mut document = held(scene, id).await;
        match at % 3 {
            0 => document["title"] = json!("by hand"),
            1 => document["buyer"]["name"] = Value::Null,
            _ => document["lines"][1]["item"] = json!({"name": "by hand"}),
        }
        put(scene, id, &document).await;
    }
}

/// Fifty rows of the orders from 101 to 150, one each.
async fn update_silently(scene: &Scene) {
    for id in 101..=150 {
        let line = 2 * id;
        let update = match id % 6 {
            0 => format!("UPDATE orders SET title = 'silent' WHERE id = {id}"),
            1 => format!("UPDATE orders SET buyer_id = NULL WHERE id = {id}"),
            2 => format!("UPDATE buyers SET name = 'silent' WHERE id = {id}"),
            3 => format!("UPDATE order_lines SET price = price + 1 WHERE id = {line}"),
            4 => format!("UPDATE order_lines SET deleted_at = updated_at WHERE id = {line}"),
            _ => format!("UPDATE tags SET label = 'silent' WHERE code = 't{id}'"),
        };
        scene.run(&update).await;
    }
}

async fn exactly_these_are_found(engine: TestEngine, shop: Place) {
    let scene = Scene::new(engine, shop).await;
    many(&scene, ORDERS).await;
    nothing_is_found(&scene, "the load").await;
    corrupt(&scene).await;
    update_silently(&scene).await;

    let ran = verified(&scene, &[]).await;
    let report = ran.json();
    assert_eq!((ran.code, found(&report)), (Some(1), [10, 10, 80]), "{report:#}");
    assert_eq!([&report["repaired"], &report["lagging"], &report["alike"]], [0, 0, 0]);
    assert_eq!([&report["read"], &report["documents"]], [ORDERS, ORDERS]);
    let told = |kind: &str| report[kind]["first"].as_array().unwrap().clone();
    assert_eq!([told("missing").len(), told("extra").len(), told("different").len()], [10; 3]);
    assert!(told("extra").iter().all(|id| id.as_str().unwrap().len() == 4), "{report:#}");
    // Of those that nobody has touched, none.
    let others: Vec<String> = (41..=100).chain(151..=300).map(|id: usize| id.to_string()).collect();
    let others: Vec<&str> = ["--id"].into_iter().chain(others.iter().map(String::as_str)).collect();
    let report = verified(&scene, &others).await.json();
    assert_eq!((found(&report), &report["read"]), ([0, 0, 0], &json!(210)));

    let ran = verified(&scene, &["--repair"]).await;
    let report = ran.json();
    assert_eq!((ran.code, found(&report)), (Some(1), [10, 10, 80]), "{report:#}");
    let told = ["repaired", "written", "deleted"].map(|name| report[name].as_u64());
    assert_eq!(told, [100, 90, 10].map(Some), "{report:#}");
    scene.assert_right("the repair").await;
    nothing_is_found(&scene, "the repair").await;
}

#[tokio::test]
async fn exactly_these_are_found_on_postgres() {
    exactly_these_are_found(TestEngine::OpenSearch, Place::postgres().await).await;
}

#[tokio::test]
async fn exactly_these_are_found_on_mariadb() {
    exactly_these_are_found(TestEngine::Elasticsearch, Place::mariadb().await).await;
}

/// What differs is told by its fields, and no value is.
#[tokio::test]
async fn fields_are_told() {
    let scene = Scene::new(TestEngine::Elasticsearch, Place::sqlite().await).await;
    many(&scene, 12).await;
    let mut document = held(&scene, "4").await;
    document["_prejoin"]["refs"] = json!([]);
    put(&scene, "4", &document).await;
    document["_prejoin"]["digest"] = json!(1);
    put(&scene, "5", &document).await;
    let report = verified(&scene, &["--id", "4", "5"]).await.json();
    let told = |report: &Value, at: usize| report["different"]["first"][at]["fields"].clone();
    let mut both = [told(&report, 0), told(&report, 1)];
    both.sort_by_key(|fields| fields.as_array().unwrap().len());
    assert_eq!(both[0], json!(["_prejoin.refs"]), "{report:#}");
    scene
        .run(
            "UPDATE orders SET title = 'silent' WHERE id = 1;
             UPDATE items SET name = 'silent';
             DELETE FROM order_lines WHERE id = 4;
             DELETE FROM order_lines_gone;
             UPDATE orders SET buyer_id = NULL WHERE id = 3",
        )
        .await;
    for (id, wanted) in [
        ("1", json!(["title", "lines.item.name"])),
        ("2", json!(["lines.item.name", "lines"])),
        ("3", json!(["buyer", "lines.item.name"])),
        ("4", json!(["lines.item.name"])),
    ] {
        let report = verified(&scene, &["--id", id]).await.json();
        assert_eq!(told(&report, 0), wanted, "{report:#}");
    }
    let ran = scene.home.run_beside(&["verify", "shop"]).await;
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("0 missing, 0 extra, 12 different"), "{}", ran.stderr);
    assert!(!format!("{}{}", ran.stdout, ran.stderr).contains("silent"), "{}", ran.stderr);
}
