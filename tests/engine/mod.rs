//! The engine's side on real engines.

mod bulk;
mod bulk_faults;
mod connect;
mod generations;
mod state;

use std::convert::Infallible;

use prejoin::sink::bulk::BulkBody;
use prejoin::sink::{Client, Method};
use serde_json::{Value, json};

use crate::support::engines::TestEngine;
use crate::support::own::Indexes;

/// An index of its own, with a strict mapping: `n` is a long, `title` a text, `o.x` a long.
async fn strict_index(engine: TestEngine, what: &str) -> Indexes {
    let (client, index) = (engine.client().await, Indexes::of(engine, what).await);
    let body = json!({
        "settings": {"number_of_replicas": 0},
        "mappings": {"dynamic": "strict", "properties": {
            "n": {"type": "long"}, "title": {"type": "keyword"}, "o": {"properties": {"x": {"type": "long"}}}}}
    });
    client.call(Method::Put, &[&index], &[], Some(&body)).await.unwrap();
    index
}

fn put(body: &mut BulkBody, id: &str, version: u64, document: &Value) {
    let written = body.put(id, version, |out| {
        out.extend_from_slice(document.to_string().as_bytes());
        Ok::<_, Infallible>(())
    });
    written.unwrap();
}

/// `_source` and `_version`, by real-time get; `None` when there is no such document.
async fn stored(client: &Client, index: &str, id: &str) -> Option<(Value, u64)> {
    match client.call(Method::Get, &[index, "_doc", id], &[], None).await {
        Ok(found) => Some((found["_source"].clone(), found["_version"].as_u64().unwrap())),
        Err(error) if error.is_not_found() => None,
        Err(error) => panic!("{error}"),
    }
}

async fn count(client: &Client, index: &str) -> u64 {
    client.call(Method::Post, &[index, "_refresh"], &[], None).await.unwrap();
    let counted = client.call(Method::Get, &[index, "_count"], &[], None).await.unwrap();
    counted["count"].as_u64().unwrap()
}
