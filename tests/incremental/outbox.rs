//! Deletions that a service tells in an outbox of its own.

use super::scene::Scene;
use crate::support::engines::TestEngine;
use crate::support::place::Place;

/// The outbox of orders, and of their tags.
fn words() -> [(&'static str, &'static str); 2] {
    [
        (
            "tombstones: orders_gone",
            "tombstones: {table: outbox, at: created_at, key: {id: aggregate_id}, where: \"aggregate_type = 'order' AND kind = 'deleted'\"}",
        ),
        (
            "tombstones: order_tags_gone",
            "tombstones: {table: outbox, at: created_at, key: {order_id: aggregate_id}, where: aggregate_type = 'tags'}",
        ),
    ]
}

async fn deletions_in_an_outbox_are_seen(shop: Place, engine: TestEngine) {
    let scene = Scene::with(engine, shop, &words()).await;
    let (time, no) = match (scene.shop.is_postgres(), scene.shop.is_mariadb()) {
        (true, _) => ("TIMESTAMPTZ", "BIGSERIAL PRIMARY KEY"),
        (_, true) => ("TIMESTAMP(6) NULL", "BIGINT AUTO_INCREMENT PRIMARY KEY"),
        _ => ("TEXT", "INTEGER PRIMARY KEY"),
    };
    scene
        .run(&format!(
            "CREATE TABLE outbox (no {no}, aggregate_type VARCHAR(20), kind VARCHAR(20), aggregate_id VARCHAR(40), created_at {time})"
        ))
        .await;
    scene.fill().await;
    scene.sync().await;
    let tell = "INSERT INTO outbox (aggregate_type, kind, aggregate_id, created_at) VALUES";
    scene
        .run(&format!(
            "DELETE FROM orders WHERE id = 2; {tell} ('order', 'deleted', '2', NOW);
             DELETE FROM order_tags WHERE id = 1; {tell} ('tags', 'removed', ' 001', NOW)"
        ))
        .await;
    let report = scene.sync().await;
    assert_eq!((&report["deleted"], &report["written"]), (&1.into(), &1.into()), "{report}");
    scene.assert_right("an order and a tag of another went").await;
    // What is not of orders, not deleted, or no key at all, leads nowhere.
    scene
        .run(&format!(
            "{tell} ('buyer', 'deleted', '1', NOW), ('order', 'made', '1', NOW), ('order', 'deleted', 'all of them', NOW),
             ('order', 'deleted', '', NOW), ('order', 'deleted', NULL, NOW), ('tags', 'removed', '1.5', NOW)"
        ))
        .await;
    let report = scene.sync().await;
    assert_eq!((&report["deleted"], &report["written"]), (&0.into(), &0.into()), "{report}");
    scene.assert_right("odd rows of the outbox").await;
}

#[tokio::test]
async fn deletions_in_an_outbox_of_sqlite_are_seen() {
    deletions_in_an_outbox_are_seen(Place::sqlite().await, TestEngine::Elasticsearch).await;
}

#[tokio::test]
async fn deletions_in_an_outbox_of_postgres_are_seen() {
    deletions_in_an_outbox_are_seen(Place::postgres().await, TestEngine::OpenSearch).await;
}

#[tokio::test]
async fn deletions_in_an_outbox_of_mariadb_are_seen() {
    deletions_in_an_outbox_are_seen(Place::mariadb().await, TestEngine::Elasticsearch).await;
}
