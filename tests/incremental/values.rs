//! Columns of SQLite that hold instants in whatever form, each row in its own.

use std::time::{Duration, Instant};

use super::scene::Scene;
use crate::support::engines::TestEngine;
use crate::support::place::Place;

/// Of the present; none of them is in UTC and of the other rows' form.
const FORMS: [(&str, &str); 7] = [
    ("a text west of UTC", "strftime('%Y-%m-%dT%H:%M:%S', 'now', '-5 hours') || '-05:00'"),
    ("a text far west of UTC", "strftime('%Y-%m-%d %H:%M:%f', 'now', '-12 hours') || '-12:00'"),
    ("a text far east of UTC", "strftime('%Y-%m-%dT%H:%M:%S', 'now', '+14 hours') || '+14:00'"),
    ("seconds since 1970", "CAST(strftime('%s', 'now') AS INTEGER)"),
    ("such with a fraction", "CAST(strftime('%s', 'now') AS INTEGER) + 0.25"),
    ("a text of UTC", "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"),
    ("a day", "date('now')"),
];

async fn changes_are_seen_in_any_form(column: &str, forms: &[(&str, &str)]) {
    let scene = Scene::new(TestEngine::Elasticsearch, Place::sqlite().await).await;
    scene.run("DROP TABLE items").await;
    scene.run(&format!("CREATE TABLE items (id BIGINT PRIMARY KEY, name TEXT, {column})")).await;
    scene.fill().await;
    scene.sync().await;
    for (what, now) in forms {
        scene
            .run(&format!("UPDATE items SET name = '{what}', updated_at = {now} WHERE id = 1"))
            .await;
        scene.sync().await;
        scene.assert_right(what).await;
        if *what == "a day" {
            continue;
        }
        // What was written long enough before a run is not read again by the next: a whole minute may have left out its seconds.
        let deadline = Instant::now() + Duration::from_secs(90);
        while scene.sync().await["read"] != 0 {
            assert!(Instant::now() < deadline, "{what} is read again and again");
        }
    }
}

#[tokio::test]
async fn changes_are_seen_in_an_untyped_column() {
    changes_are_seen_in_any_form("updated_at", &FORMS).await;
}

#[tokio::test]
async fn changes_are_seen_in_a_column_of_numeric_affinity() {
    changes_are_seen_in_any_form("updated_at DATETIME", &FORMS).await;
}

/// Numbers become texts in it, which are none of instants.
#[tokio::test]
async fn changes_are_seen_in_a_column_of_texts() {
    let texts: Vec<_> = FORMS.into_iter().filter(|(_, form)| !form.contains("'%s'")).collect();
    changes_are_seen_in_any_form("updated_at TEXT", &texts).await;
}
