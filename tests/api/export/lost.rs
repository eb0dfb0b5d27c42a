//! Exports that come to no end of their own: their client can tell.

use std::time::Duration;

use prejoin::config::{ApiConfig, ExportConfig};
use prejoin::sink::Method;
use serde_json::{Value, json};

use super::super::log::Log;
use super::sent::{COUNT, PAGES, Scene, expected, ids};
use crate::support::engines::{TestEngine, on_both_engines};

on_both_engines!(a_client_can_tell_that_the_index_is_not_held_any_more);

async fn a_client_can_tell_that_the_index_is_not_held_any_more(engine: TestEngine) {
    let scene = Scene::new(engine, ApiConfig::default()).await;
    let asleep = scene.begun(&json!({"format": "ndjson"})).await;
    let asked: Value = serde_json::from_slice(&scene.proxy.seen(PAGES)[0].body).unwrap();
    let pit = &asked["pit"]["id"];
    let (segments, body): (&[&str], _) = match engine {
        TestEngine::OpenSearch => (&["_search", "point_in_time"], json!({"pit_id": [pit]})),
        TestEngine::Elasticsearch => (&["_pit"], json!({"id": pit})),
    };
    scene.api.client.call(Method::Delete, segments, &[], Some(&body)).await.unwrap();
    let (text, whole) = asleep.rest().await;
    let rows = ids(&text);
    assert!(whole && rows.len() < COUNT && rows[..] == expected()[..rows.len()], "{}", rows.len());
    let end: Value = serde_json::from_str(text.lines().next_back().unwrap()).unwrap();
    assert_eq!((&end["_end"], &end["rows"]), (&json!(false), &json!(rows.len())));
    assert_eq!(end["problem"]["code"], "snapshot_lost");
    scene.end().await;
}

#[tokio::test]
async fn what_takes_too_long_is_broken_off() {
    let (log, _listening) = Log::listen();
    let exports = ExportConfig { longest: Duration::from_secs(3), ..ExportConfig::default() };
    let scene =
        Scene::new(TestEngine::OpenSearch, ApiConfig { exports, ..ApiConfig::default() }).await;
    let asleep = scene.begun(&json!({"format": "ndjson"})).await;
    assert_eq!(log.next("export").await["ended"], "took_too_long");
    scene.until_let_go().await;
    let (text, whole) = asleep.rest().await;
    assert!(!whole && !text.contains("\"_end\""), "{} bytes", text.len());
    scene.end().await;
}
