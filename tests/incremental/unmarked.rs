//! Relations whose rows do not tell when they changed are held against what they looked like.

use serde_json::Value;

use super::scene::Scene;
use crate::support::engines::TestEngine;
use crate::support::place::Place;

/// What is done without a time, and how many documents that writes, and deletes.
const EDITS: &[(&str, &str, [u64; 2])] = &[
    ("nothing", "SELECT 1", [0, 0]),
    ("a parent's name", "UPDATE buyers SET name = 'Kim2' WHERE id = 1", [1, 0]),
    ("a column that no document has", "UPDATE buyers SET updated_at = NULL WHERE id = 2", [0, 0]),
    ("a grandchild's name", "UPDATE items SET name = 'ink2' WHERE id = 2", [1, 0]),
    ("a child's field", "UPDATE order_lines SET price = 11 WHERE id = 1", [1, 0]),
    ("a child that moves", "UPDATE order_lines SET order_id = 3 WHERE id = 2", [2, 0]),
    (
        "a child that is marked deleted",
        "UPDATE order_lines SET deleted_at = NOW WHERE id = 3",
        [1, 0],
    ),
    ("a new child", "INSERT INTO order_lines VALUES (4, 3, 2, 40, NULL, NULL)", [1, 0]),
    ("a child that is deleted", "DELETE FROM order_lines WHERE id = 4", [1, 0]),
    ("a link that moves", "UPDATE order_tags SET order_id = 2 WHERE id = 2", [2, 0]),
    ("a new link", "INSERT INTO order_tags VALUES (4, 3, 'b', NULL)", [1, 0]),
    ("a link that is deleted", "DELETE FROM order_tags WHERE id = 1", [1, 0]),
    ("a root's field", "UPDATE orders SET title = 'uno' WHERE id = 1", [1, 0]),
    ("a root that stops matching", "UPDATE orders SET title = 'draft' WHERE id = 2", [0, 1]),
    ("a root that begins to match", "UPDATE orders SET title = 'four' WHERE id = 4", [1, 0]),
    ("a new root", "INSERT INTO orders VALUES (5, 'five', 2, NULL)", [1, 0]),
    ("a root that is deleted", "DELETE FROM orders WHERE id = 1", [0, 1]),
];

async fn each_edit_is_found_without_a_time(shop: Place, engine: TestEngine) {
    let scene = Scene::new(engine, shop).await;
    let job = scene.home.path().join("jobs/shop.yaml");
    let text = std::fs::read_to_string(&job).unwrap();
    std::fs::write(&job, text.replace("changed_at: updated_at", "changed_at: none")).unwrap();
    scene.fill().await;
    assert_eq!(scene.sync().await["mode"], "reindex");
    // The first look at everything, and a second one that finds nothing new.
    assert_eq!(scene.sync().await["read"], 3);
    assert_eq!(scene.sync().await["read"], 0);
    for (what, sql, counts) in EDITS {
        scene.run(sql).await;
        let report = scene.sync().await;
        scene.assert_right(what).await;
        let told = ["written", "deleted"].map(|name| report[name].as_u64().unwrap());
        assert_eq!(told, *counts, "{what}: {report}");
    }
    // Once the rows of deleted keys are behind the horizon.
    scene.sync().await;
    assert_eq!(scene.sync().await["read"], Value::from(0));
}

#[tokio::test]
async fn each_edit_of_sqlite_is_found_without_a_time() {
    each_edit_is_found_without_a_time(Place::sqlite().await, TestEngine::Elasticsearch).await;
}

#[tokio::test]
async fn each_edit_of_postgres_is_found_without_a_time() {
    each_edit_is_found_without_a_time(Place::postgres().await, TestEngine::OpenSearch).await;
}

#[tokio::test]
async fn each_edit_of_mariadb_is_found_without_a_time() {
    each_edit_is_found_without_a_time(Place::mariadb().await, TestEngine::Elasticsearch).await;
}

/// Rows change, documents are built of them, and rows are what they were: nothing but doubt tells that documents are not.
#[tokio::test]
async fn what_is_put_back_before_anybody_has_noted_its_change_is_found() {
    let scene = Scene::new(TestEngine::OpenSearch, Place::sqlite().await).await;
    let job = scene.home.path().join("jobs/shop.yaml");
    let text = std::fs::read_to_string(&job).unwrap();
    std::fs::write(&job, text.replace("changed_at: updated_at", "changed_at: none")).unwrap();
    scene.fill().await;
    scene.sync().await;
    scene.sync().await;
    let sync = ["sync", "shop", "--json"];
    for how in ["killed", "--sweep", "--id"] {
        scene.run("UPDATE buyers SET name = 'mistaken' WHERE id = 1").await;
        match how {
            "killed" => {
                let held = scene.home.start_held("before_advance", &sync, &[]).until_held().await;
                held.kill().await;
            }
            "--sweep" => assert_eq!(scene.try_sync(&["--sweep"]).await.code, Some(0)),
            _ => assert_eq!(scene.try_sync(&["--id", "1"]).await.code, Some(0)),
        }
        assert_eq!(scene.documents().await["1"]["buyer"]["name"], "mistaken", "{how}");
        scene.run("UPDATE buyers SET name = 'Kim' WHERE id = 1").await;
        scene.sync_after().await;
        scene.assert_right(how).await;
        // All is noted by now.
        assert_eq!(scene.sync().await["read"], 0, "{how}");
    }
}
