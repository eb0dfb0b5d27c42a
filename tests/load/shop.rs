//! A job over tables in one place, whichever server that is.

use prejoin::config::{Server, SourceConfig};
use serde_json::Value;

use crate::support::engines::TestEngine;
use crate::support::home::Home;
use crate::support::own::Indexes;
use crate::support::place::Place;

/// A job `shop` with an index of its own.
pub(super) struct Shop {
    pub(super) home: Home,
    pub(super) index: Indexes,
    pub(super) engine: TestEngine,
}

impl Shop {
    /// `root` is the job's root without its source; `mapping` a whole mapping's file.
    pub(super) async fn new(place: &Place, engine: TestEngine, root: &str, mapping: &str) -> Self {
        Self::reading(&place.config(), engine, root, mapping).await
    }

    /// The same, with a source of one's own choice.
    pub(super) async fn reading(
        config: &SourceConfig,
        engine: TestEngine,
        root: &str,
        mapping: &str,
    ) -> Self {
        let index = Indexes::of(engine, "shop").await;
        let job = format!("index: {index}\nmapping: shop.json\nroot:\n  source: shop\n{root}");
        let home = Home::new()
            .file("mappings/shop.json", mapping)
            .file("jobs/shop.yaml", &job)
            .file("config/default.yaml", &format!("sources: {{shop: {}}}\n", source(config)))
            .engine(engine)
            .await;
        Self { home, index, engine }
    }

    /// An answer of the engine about the index.
    pub(super) async fn ask(&self, path: &[&str], body: &Value) -> Value {
        let client = self.engine.client().await;
        let path = [&[&*self.index], path].concat();
        client.call(prejoin::sink::Method::Post, &path, &[], Some(body)).await.unwrap()
    }
}

/// The source in the words of the configuration.
fn source(config: &SourceConfig) -> Value {
    match &config.server {
        Server::Postgres(at) => serde_json::json!({
            "kind": "postgres", "url": at.url.reveal().unwrap(), "schema": at.schema
        }),
        Server::Mysql(at) => serde_json::json!({"kind": "mysql", "url": at.url.reveal().unwrap()}),
        Server::Sqlite { path } => serde_json::json!({"kind": "sqlite", "path": path}),
    }
}

/// A query whose column `i` counts from 1 to `count`.
pub(super) fn numbers(place: &Place, count: usize) -> String {
    if place.is_postgres() {
        return format!("SELECT i FROM generate_series(1, {count}) AS n(i)");
    }
    if place.is_mariadb() {
        return format!("SELECT seq AS i FROM seq_1_to_{count}");
    }
    format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) SELECT i FROM n"
    )
}
