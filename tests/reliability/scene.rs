//! A shop of things and their parts, and runs of its job.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use prejoin::config::Server;
use prejoin::sink::Method;
use prejoin::sink::index::Generations;
use prejoin::state::{IndexState, State, Tenure};
use serde_json::{Value, json};
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Connection, Row, SqliteConnection};

use crate::support::engines::TestEngine;
use crate::support::home::Home;
use crate::support::own::Indexes;
use crate::support::place::Place;

const MAPPING: &str = r#"{"settings": {"number_of_replicas": 0, "refresh_interval": "7s"}, "mappings": {"dynamic": "strict",
    "properties": {"id": {"type": "long"}, "label": {"type": "keyword"},
        "parts": {"type": "nested", "properties": {"id": {"type": "long"}, "n": {"type": "long"}}}}}}"#;

/// Documents by id, without the time they were built at.
pub(super) type Documents = BTreeMap<String, Value>;

/// A home with a job over a database of its own.
pub(super) struct Scene {
    pub(super) home: Home,
    pub(super) index: Indexes,
    pub(super) engine: TestEngine,
    pub(super) shop: Place,
}

/// How a run ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) code: Option<i32>,
    pub(super) told: String,
}

impl Scene {
    /// `things` things with three parts each; leases live for `ttl`.
    pub(super) async fn new(engine: TestEngine, things: u32, ttl: &str) -> Self {
        let (index, shop) = (Indexes::of(engine, "shop").await, Place::sqlite().await);
        let job = job(&index);
        let config = format!(
            "sources: {{shop: {{kind: sqlite, path: {}}}}}\n\
             engine: {{retry_for: 5s, lease_ttl: {ttl}}}\n\
             load: {{page_rows: 50, bulk_bytes: 16KiB, bulk_in_flight: 2, range_rows: 200}}\n",
            path(&shop).display()
        );
        let home = Home::new()
            .file("mappings/shop.json", MAPPING)
            .file("jobs/shop.yaml", &job)
            .file("config/default.yaml", &config)
            .engine(engine)
            .await;
        // A run that is stopped while it reads keeps nobody from writing.
        shop.run("PRAGMA journal_mode = WAL").await;
        shop.run("CREATE TABLE things (id INTEGER PRIMARY KEY, label TEXT)").await;
        shop.run("CREATE TABLE parts (id INTEGER PRIMARY KEY, thing_id INTEGER, n INTEGER)").await;
        shop.run("CREATE INDEX of_thing ON parts (thing_id)").await;
        let scene = Self { home, index, engine, shop };
        scene.add(1, things).await;
        scene
    }

    /// Adds things with ids in this range, both ends included.
    pub(super) async fn add(&self, first: u32, last: u32) {
        let numbers = format!(
            "WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {last})"
        );
        let things = "SELECT i, printf('thing %d %.*c', i, 200, 'x') FROM n";
        self.shop.run(&format!("{numbers} INSERT INTO things {things}")).await;
        let parts = "SELECT i * 3 + k, i, k FROM n, (SELECT 0 AS k UNION SELECT 1 UNION SELECT 2)";
        self.shop.run(&format!("{numbers} INSERT INTO parts {parts}")).await;
    }

    /// Starts the program; whoever serves its requests may live in this process.
    pub(super) fn start(&self, arguments: &[&str]) -> Child {
        piped(self.home.command(arguments))
    }

    /// Starts it with the engine at another address.
    pub(super) fn start_through(&self, url: &str, arguments: &[&str]) -> Child {
        let mut command = self.home.command(arguments);
        command.env("PREJOIN__ENGINE__URL", url);
        piped(command)
    }

    /// Runs the program to its end.
    pub(super) async fn run(&self, arguments: &[&str]) -> Ended {
        ended(self.start(arguments)).await
    }

    /// Runs it, which must end well.
    pub(super) async fn runs(&self, arguments: &[&str]) {
        let ended = self.run(arguments).await;
        assert_eq!(ended.code, Some(0), "{}", ended.told);
    }

    /// What readers see.
    pub(super) async fn documents(&self) -> Documents {
        self.documents_of(&self.index).await
    }

    /// What a real index holds.
    pub(super) async fn documents_of(&self, index: &str) -> Documents {
        let client = self.engine.client().await;
        client.call(Method::Post, &[index, "_refresh"], &[], None).await.unwrap();
        let search = json!({"size": 10_000, "query": {"match_all": {}}});
        let found =
            client.call(Method::Post, &[index, "_search"], &[], Some(&search)).await.unwrap();
        let hits = found["hits"]["hits"].as_array().unwrap();
        hits.iter().map(document).collect()
    }

    /// What the services say, joined by hand.
    pub(super) async fn expected(&self) -> Documents {
        let things = self.rows("SELECT id, label FROM things").await;
        let parts = self.rows("SELECT thing_id, id, n FROM parts ORDER BY id").await;
        let mut lists: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for part in parts {
            let number = |text: &str| text.parse::<i64>().unwrap();
            let list = lists.entry(part[0].clone()).or_default();
            list.push(json!({"id": number(&part[1]), "n": number(&part[2])}));
        }
        let document = |thing: Vec<String>| {
            let parts = lists.remove(&thing[0]).unwrap_or_default();
            let id = thing[0].parse::<i64>().unwrap();
            (thing[0].clone(), json!({"id": id, "label": thing[1], "parts": parts}))
        };
        things.into_iter().map(document).collect()
    }

    /// Rows of a query, each cell as text.
    async fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        let url = format!("sqlite://{}?mode=ro", path(&self.shop).display());
        let mut connection = SqliteConnection::connect(&url).await.unwrap();
        let rows = sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_all(&mut connection).await;
        let text = |row: &SqliteRow| {
            let cells = 0..row.columns().len();
            cells.map(|cell| row.try_get_unchecked::<String, _>(cell).unwrap()).collect()
        };
        rows.unwrap().iter().map(text).collect()
    }

    /// Nothing more and nothing less than the services say is in the index that readers see.
    pub(super) async fn assert_right(&self) {
        assert_same(&self.documents().await, &self.expected().await);
    }

    pub(super) async fn generations(&self) -> Generations {
        Generations::read(&self.engine.client().await, &self.index).await.unwrap()
    }

    /// The real index of that number.
    pub(super) fn generation(&self, number: u32) -> String {
        format!("{}-{number:06}", self.index)
    }

    /// The real index that readers see.
    pub(super) async fn live(&self) -> String {
        self.generations().await.live().unwrap().name.clone()
    }

    /// One setting of a real index.
    pub(super) async fn setting(&self, index: &str, name: &str) -> Value {
        let client = self.engine.client().await;
        let found = client.call(Method::Get, &[index, "_settings"], &[], None).await.unwrap();
        found[index]["settings"]["index"][name].clone()
    }

    /// What is remembered of a real index.
    pub(super) async fn remembered(&self, index: &str) -> Option<(Tenure, IndexState)> {
        self.state().await.index(index).await.unwrap()
    }

    pub(super) async fn state(&self) -> State {
        State::new(self.engine.client().await, self.home.state_prefix())
    }
}

/// Says what differs first, and not all there is.
pub(super) fn assert_same(seen: &Documents, expected: &Documents) {
    assert_eq!(seen.len(), expected.len());
    for (id, document) in expected {
        assert_eq!(seen.get(id), Some(document), "{id}");
    }
}

/// The job's file.
pub(super) fn job(index: &str) -> String {
    format!(
        "index: {index}\nmapping: shop.json\nroot:\n  source: shop\n  table: things\n  fields: [id, label]\n  \
         many:\n    parts: {{source: shop, table: parts, on: {{id: thing_id}}, fields: [id, n]}}\n"
    )
}

fn path(shop: &Place) -> PathBuf {
    match shop.config().server {
        Server::Sqlite { path } => path,
        other => panic!("{other:?}"),
    }
}

fn document(hit: &Value) -> (String, Value) {
    let mut source = hit["_source"].clone();
    source.as_object_mut().unwrap().remove("_prejoin");
    (hit["_id"].as_str().unwrap().to_owned(), source)
}

fn piped(mut command: Command) -> Child {
    command.stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

/// Waits for the end of a run.
pub(super) async fn ended(child: Child) -> Ended {
    let output = tokio::task::spawn_blocking(move || child.wait_with_output());
    let output = output.await.unwrap().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    Ended { code: output.status.code(), told }
}

/// Sends a signal by its name.
pub(super) fn signal(child: &Child, name: &str) {
    let id = child.id().to_string();
    let sent = Command::new("kill").args([&format!("-{name}"), &id]).status().unwrap();
    assert!(sent.success());
}
