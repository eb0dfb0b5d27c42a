//! `prejoin verify`: what is not right is found, all of it and nothing else, and repaired.

mod beside;
mod hundred;
mod keys;
mod lag;
mod scope;
mod trouble;

use serde_json::Value;

use crate::incremental::scene::Scene;
use crate::support::home::Ran;
use prejoin::sink::Method;

/// Runs `prejoin verify`.
async fn verified(scene: &Scene, more: &[&str]) -> Ran {
    scene.home.run_beside(&[&["verify", "shop", "--json"], more].concat()).await
}

/// How many were found missing, extra and different.
fn found(report: &Value) -> [u64; 3] {
    ["missing", "extra", "different"].map(|kind| report[kind]["count"].as_u64().unwrap())
}

/// A look that finds nothing.
async fn nothing_is_found(scene: &Scene, after: &str) {
    let ran = verified(scene, &[]).await;
    let report = ran.json();
    assert_eq!((ran.code, found(&report)), (Some(0), [0, 0, 0]), "after {after}: {report:#}");
    assert_eq!(report["lagging"], 0, "after {after}: {report:#}");
}

/// Orders from 1 on, each with a buyer, two lines and a tag of its own, long before any run; and their index.
async fn many(scene: &Scene, orders: usize) {
    let long_ago = "'2001-01-01 00:00:00'";
    let rows = |row: &dyn Fn(usize) -> String| (1..=orders).map(row).collect::<Vec<_>>().join(", ");
    let lines = |i: usize| {
        let line = |id: usize| format!("({id}, {i}, 1, {id}, NULL, {long_ago})");
        format!("{}, {}", line(2 * i), line(2 * i + 1))
    };
    for (table, rows) in [
        ("items", format!("(1, 'pen', {long_ago})")),
        ("buyers", rows(&|i| format!("({i}, 'buyer {i}', {long_ago})"))),
        ("tags", rows(&|i| format!("('t{i}', 'tag {i}', {long_ago})"))),
        ("orders", rows(&|i| format!("({i}, 'order {i}', {i}, {long_ago})"))),
        ("order_lines", rows(&lines)),
        ("order_tags", rows(&|i| format!("({i}, {i}, 't{i}', {long_ago})"))),
    ] {
        scene.run(&format!("INSERT INTO {table} VALUES {rows}")).await;
    }
    scene.sync().await;
}

/// A document as the engine has it, with all that is prejoin's.
async fn held(scene: &Scene, id: &str) -> Value {
    let (client, index): (_, &str) = (scene.engine.client().await, &scene.index);
    let found = client.call(Method::Get, &[index, "_doc", id], &[], None).await.unwrap();
    found["_source"].clone()
}

/// Writes a document by hand.
async fn put(scene: &Scene, id: &str, document: &Value) {
    let (client, index): (_, &str) = (scene.engine.client().await, &scene.index);
    client.call(Method::Put, &[index, "_doc", id], &[], Some(document)).await.unwrap();
}

/// Deletes a document by hand.
async fn delete(scene: &Scene, id: &str) {
    let (client, index): (_, &str) = (scene.engine.client().await, &scene.index);
    client.call(Method::Delete, &[index, "_doc", id], &[], None).await.unwrap();
}
