//! What happens to a full load when something around it fails: real servers, and a proxy that hurts the connection.
//!
//! Each test says the exit code and what the user reads, that readers keep the index they had, and that the next run, with
//! nothing in its way, builds the right one.

/// Makes `#[tokio::test]`s of `async fn name(place: Place)` functions, one for each server that is connected to.
macro_rules! on_both_servers {
    ($($name:ident),+ $(,)?) => {
        mod postgres {
            $(#[tokio::test]
            async fn $name() {
                Box::pin(super::$name($crate::support::place::Place::postgres().await)).await;
            })+
        }
        mod mariadb {
            $(#[tokio::test]
            async fn $name() {
                Box::pin(super::$name($crate::support::place::Place::mariadb().await)).await;
            })+
        }
    };
}

mod accounts;
mod engine;
mod secrets;
mod sources;
mod sqlite;
mod tls;

use std::collections::BTreeMap;

use prejoin::config::Server;
use prejoin::sink::Method;
use serde_json::json;
use url::Url;

use crate::support::engines::TestEngine;
use crate::support::home::{Home, Ran};
use crate::support::own::Indexes;
use crate::support::place::Place;
use crate::support::secrets::ROW_VALUE;

const MAPPING: &str = r#"{"settings": {"number_of_replicas": 0}, "mappings": {"dynamic": "strict",
    "properties": {"id": {"type": "long"}, "body": {"type": "text"}}}}"#;

/// Rows when the index was built that readers have, and now.
const BEFORE: i64 = 10;
const NOW: i64 = 2_000;

/// A job over one table of two thousand rows of a thousand bytes, and the index of a run when there were ten.
struct Scene {
    home: Home,
    index: Indexes,
    engine: TestEngine,
    place: Place,
    /// What differs from run to run and test to test.
    hidden: Vec<(String, &'static str)>,
}

/// How to reach the database of a place: what a home's configuration says of it.
fn source(place: &Place) -> String {
    match place.config().server {
        Server::Sqlite { path } => format!("kind: sqlite, path: '{}'", path.display()),
        Server::Postgres(_) => reached_at(place, &url(place)),
        Server::Mysql(_) => reached_at(place, &url(place)),
    }
}

/// As [`source`], by another URL.
fn reached_at(place: &Place, url: &Url) -> String {
    let (kind, schema) =
        if place.is_postgres() { ("postgres", place.schema()) } else { ("mysql", place.schema()) };
    format!("kind: {kind}, url: '{url}', schema: '{schema}'")
}

/// How messages begin to name a place's server.
fn kind(place: &Place) -> &'static str {
    if place.is_postgres() { "postgres at" } else { "mysql at" }
}

/// The URL of a place's server.
fn url(place: &Place) -> Url {
    let (Server::Postgres(address) | Server::Mysql(address)) = place.config().server else {
        panic!("a file has no URL")
    };
    Url::parse(&address.url.reveal().unwrap()).unwrap()
}

fn body(id: i64) -> String {
    format!("{ROW_VALUE} {id} {}", "x".repeat(1_000))
}

impl Scene {
    /// Builds the index of ten rows, by what `source` says of the place's server and `url` of the engine's.
    async fn new(place: Place, source: &str, engine: (TestEngine, &str)) -> Self {
        place.run("CREATE TABLE things (id INTEGER PRIMARY KEY, body VARCHAR(2000))").await;
        let index = Indexes::of(engine.0, "faults").await;
        let job = format!(
            "index: {index}\nmapping: things.json\nroot: {{source: shop, table: things, fields: [id, body]}}\n"
        );
        let home = Home::new()
            .file("mappings/things.json", MAPPING)
            .file("jobs/things.yaml", &job)
            .engine(engine.0)
            .await
            .variable("PREJOIN__ENGINE__URL", engine.1);
        let mut hidden = vec![(index.to_string(), "INDEX")];
        // Both go on at once: which one meets the fault is chance.
        for part in
            ["the root's rows: ", ": reading a page of rows", ": looking for the end of a range"]
        {
            hidden.push((part.to_owned(), ""));
        }
        let scene = Self { home, index, engine: engine.0, place, hidden }.reading(source);
        scene.fill(1..=BEFORE).await;
        let ran = scene.run().await;
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        assert_eq!(scene.documents().await, expected(BEFORE));
        scene.fill(BEFORE + 1..=NOW).await;
        scene
    }

    /// As [`Scene::new`] with an engine that nothing stands in front of.
    async fn of(place: Place, source: &str) -> Self {
        let engine = TestEngine::OpenSearch;
        Self::new(place, source, (engine, &engine.url().await)).await
    }

    /// What `told` leaves out, and by what it stands there.
    fn hiding(mut self, what: &impl ToString, by: &'static str) -> Self {
        self.hidden.push((what.to_string(), by));
        self
    }

    /// From now on the source is reached so. Pages and bulks are small, so that there are many of them.
    fn reading(mut self, source: &str) -> Self {
        let text = format!(
            "sources:\n  shop: {{{source}}}\nload: {{page_rows: 100, bulk_bytes: 256KiB}}\n\
             engine: {{lease_ttl: 2s}}\n"
        );
        self.home = self.home.file("config/default.yaml", &text);
        self
    }

    async fn fill(&self, ids: impl Iterator<Item = i64>) {
        let rows: Vec<_> = ids.map(|id| format!("({id}, '{}')", body(id))).collect();
        self.place.run(&format!("INSERT INTO things VALUES {}", rows.join(", "))).await;
    }

    async fn run(&self) -> Ran {
        self.home.run_beside(&ARGUMENTS).await
    }

    /// Exit code and what the user reads, without what differs.
    fn told(&self, ran: &Ran) -> String {
        let hide = |text: String, (what, by): &(String, &str)| text.replace(what, by);
        let told = self.hidden.iter().fold(ran.told(), hide);
        // The name of a write alias ends with what no other run has.
        let mut parts = told.split("-W");
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |text, part| {
            text + "-W…" + part.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '-')
        })
    }

    /// What readers see, whole.
    async fn documents(&self) -> BTreeMap<i64, String> {
        let (client, all) = (self.engine.client().await, json!({"size": 10_000}));
        let path = [&*self.index, "_search"];
        let found = client.call(Method::Post, &path, &[], Some(&all)).await.unwrap();
        let hits = found["hits"]["hits"].as_array().unwrap().iter().map(|hit| &hit["_source"]);
        hits.map(|hit| (hit["id"].as_i64().unwrap(), hit["body"].as_str().unwrap().to_owned()))
            .collect()
    }

    /// Readers have what they had; with nothing in its way any more, a run brings them all there is.
    async fn is_unharmed(&self) {
        assert_eq!(self.documents().await.len(), expected(BEFORE).len());
        self.is_rebuilt().await;
    }

    /// A run brings readers all there is, and leaves nothing else behind.
    async fn is_rebuilt(&self) {
        let ran = self.run().await;
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        self.is_right().await;
    }

    /// Readers have all there is, each row once, and of the index's generations only one is left.
    async fn is_right(&self) {
        assert!(self.documents().await == expected(NOW), "not the rows of the table");
        let status = self.home.run_beside(&["status", "--json"]).await.json();
        assert_eq!(status[0]["indexes"].as_array().unwrap().len(), 1, "{status}");
    }
}

const ARGUMENTS: [&str; 4] = ["reindex", "things", "--keep", "0"];

fn expected(rows: i64) -> BTreeMap<i64, String> {
    (1..=rows).map(|id| (id, body(id))).collect()
}
