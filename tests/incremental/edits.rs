//! One edit after the other, each followed by a run.

use serde_json::Value;

use super::scene::Scene;
use crate::support::engines::TestEngine;
use crate::support::place::Place;

/// What is done, and how many documents that builds anew, writes and deletes.
const EDITS: &[(&str, &str, [u64; 3])] = &[
    ("nothing", "SELECT 1", [0, 0, 0]),
    ("a root's field", "UPDATE orders SET title = 'uno', updated_at = NOW WHERE id = 1", [1, 1, 0]),
    ("a touch that changes nothing", "UPDATE orders SET updated_at = NOW WHERE id = 2", [1, 0, 0]),
    (
        "a parent's name",
        "UPDATE buyers SET name = 'Kim2', updated_at = NOW WHERE id = 1",
        [1, 1, 0],
    ),
    ("a parent that comes later", "INSERT INTO buyers VALUES (9, 'Park', NOW)", [1, 1, 0]),
    (
        "a child's field",
        "UPDATE order_lines SET price = 11, updated_at = NOW WHERE id = 1",
        [1, 1, 0],
    ),
    ("a new child", "INSERT INTO order_lines VALUES (4, 3, 2, 40, NULL, NOW)", [1, 1, 0]),
    (
        "a child that moves",
        "UPDATE order_lines SET order_id = 3, updated_at = NOW WHERE id = 2",
        [2, 2, 0],
    ),
    (
        "a grandchild's name",
        "UPDATE items SET name = 'ink2', updated_at = NOW WHERE id = 2",
        [1, 1, 0],
    ),
    ("a child that is deleted", "DELETE FROM order_lines WHERE id = 4", [1, 1, 0]),
    (
        "a child that is marked deleted",
        "UPDATE order_lines SET deleted_at = NOW, updated_at = NOW WHERE id = 3",
        [1, 1, 0],
    ),
    (
        "a child that came and went",
        "INSERT INTO order_lines VALUES (5, 1, 1, 50, NULL, NOW); DELETE FROM order_lines WHERE id = 5",
        [0, 0, 0],
    ),
    ("a tag's label", "UPDATE tags SET label = 'AA', updated_at = NOW WHERE code = 'a'", [2, 2, 0]),
    ("a new link", "INSERT INTO order_tags VALUES (4, 3, 'b', NOW)", [1, 1, 0]),
    (
        "a link that moves",
        "UPDATE order_tags SET order_id = 2, updated_at = NOW WHERE id = 2",
        [2, 2, 0],
    ),
    (
        "a link both of whose ends change",
        "UPDATE order_tags SET order_id = 1, tag = 'a', updated_at = NOW WHERE id = 4",
        [2, 2, 0],
    ),
    ("a link that is deleted", "DELETE FROM order_tags WHERE id = 1", [1, 1, 0]),
    (
        "a root that stops matching",
        "UPDATE orders SET title = 'draft', updated_at = NOW WHERE id = 1",
        [0, 0, 1],
    ),
    (
        "a root that begins to match",
        "UPDATE orders SET title = 'four', updated_at = NOW WHERE id = 4",
        [1, 1, 0],
    ),
    ("a root that is deleted", "DELETE FROM orders WHERE id = 2", [0, 0, 1]),
    (
        "a root whose key changes",
        "UPDATE orders SET id = 7, updated_at = NOW WHERE id = 3",
        [1, 1, 1],
    ),
    ("a parent that is deleted", "DELETE FROM buyers WHERE id = 9", [1, 1, 0]),
];

async fn each_edit_is_in_the_index_after_a_run(shop: Place, engine: TestEngine) {
    let scene = Scene::new(engine, shop).await;
    scene.fill().await;
    let first = scene.sync().await;
    assert_eq!(first["mode"], "reindex");
    scene.assert_right("the first run").await;
    // What was read at the first run's horizon is read once more.
    scene.sync().await;
    for (what, sql, counts) in EDITS {
        scene.run(sql).await;
        let report = scene.sync().await;
        scene.assert_right(what).await;
        let told = ["read", "written", "deleted"].map(|name| report[name].as_u64().unwrap());
        // An edit just before may be read again, and is found to be in the index already.
        assert!(told[0] >= counts[0], "{what}: {told:?}");
        assert_eq!([told[1], told[2]], [counts[1], counts[2]], "{what}: {report}");
        assert_eq!(report["outcome"], Value::from("finished"));
    }
}

#[tokio::test]
async fn each_edit_of_sqlite_is_in_the_index_after_a_run() {
    each_edit_is_in_the_index_after_a_run(Place::sqlite().await, TestEngine::OpenSearch).await;
}

#[tokio::test]
async fn each_edit_of_postgres_is_in_the_index_after_a_run() {
    each_edit_is_in_the_index_after_a_run(Place::postgres().await, TestEngine::Elasticsearch).await;
}

#[tokio::test]
async fn each_edit_of_mariadb_is_in_the_index_after_a_run() {
    each_edit_is_in_the_index_after_a_run(Place::mariadb().await, TestEngine::OpenSearch).await;
}
