//! Keys whose order differs between the servers, and keys that look alike: nothing is found that is not there.

use prejoin::config::Server;
use serde_json::json;

use super::found;
use crate::support::engines::{TestEngine, on_both_engines};
use crate::support::home::{Home, Ran};
use crate::support::own::Indexes;
use crate::support::place::Place;

on_both_engines!(
    no_false_difference_on_postgres,
    no_false_difference_on_mariadb,
    no_false_difference_on_sqlite
);

/// Letters that one server orders `a B c` and another `B a c`; numbers as text; what stands for itself in ids.
const BRANCHES: [&str; 9] = ["a", "B", "c", "D", "é", "Z z", "x:y", "50%", "/_doc?a=1&b"];
const NUMBERS: [&str; 7] = ["9", "10", "100", "1e2", "007", "-1", "٣"];

const MAPPING: &str = r#"{"settings": {"number_of_replicas": 0}, "mappings": {"dynamic": "strict", "properties": {
    "branch": {"type": "keyword"}, "no": {"type": "keyword"}, "title": {"type": "keyword"},
    "parts": {"type": "nested", "properties": {"name": {"type": "keyword"}}}}}}"#;
const ROOT: &str = "root:
  source: shop
  table: contracts
  fields: [branch, no, title]
  many:
    parts: {source: shop, table: parts, on: {branch: branch, no: no}, order_by: [name], fields: [name]}
";

struct Contracts {
    home: Home,
    index: Indexes,
    place: Place,
}

impl Contracts {
    /// A contract for each branch and number, and its index.
    async fn new(engine: TestEngine, place: Place) -> Self {
        let text = match (place.is_postgres(), place.is_mariadb()) {
            // As people order words.
            (true, _) => r#"VARCHAR(40) COLLATE "en-x-icu""#,
            (_, true) => "VARCHAR(40) COLLATE utf8mb4_unicode_ci",
            _ => "TEXT COLLATE NOCASE",
        };
        place.run(&format!("CREATE TABLE contracts (branch {text}, no {text}, title {text}, PRIMARY KEY (branch, no))")).await;
        place
            .run(&format!(
                "CREATE TABLE parts (id BIGINT PRIMARY KEY, branch {text}, no {text}, name {text})"
            ))
            .await;
        let keys: Vec<(&str, &str)> = BRANCHES
            .iter()
            .flat_map(|branch| NUMBERS.iter().map(move |no| (*branch, *no)))
            .collect();
        let contracts: Vec<String> =
            keys.iter().map(|(branch, no)| format!("('{branch}', '{no}', 'contract')")).collect();
        place.run(&format!("INSERT INTO contracts VALUES {}", contracts.join(", "))).await;
        let parts: Vec<String> = keys
            .iter()
            .enumerate()
            .map(|(id, (branch, no))| format!("({id}, '{branch}', '{no}', 'part {id}')"))
            .collect();
        place.run(&format!("INSERT INTO parts VALUES {}", parts.join(", "))).await;
        let source = match &place.config().server {
            Server::Postgres(at) => {
                json!({"kind": "postgres", "url": at.url.reveal().unwrap(), "schema": at.schema})
            }
            Server::Mysql(at) => json!({"kind": "mysql", "url": at.url.reveal().unwrap()}),
            Server::Sqlite { path } => json!({"kind": "sqlite", "path": path}),
        };
        let index = Indexes::of(engine, "contracts").await;
        let home = Home::new()
            .file("mappings/contracts.json", MAPPING)
            .file("jobs/contracts.yaml", &format!("index: {index}\nmapping: contracts.json\n{ROOT}"))
            // Ranges and pages end between any two of them.
            .file("config/default.yaml", &format!("sources: {{shop: {source}}}\nengine: {{lease_ttl: 1s}}\nload: {{page_rows: 5, range_rows: 11, readers: 2}}\n"))
            .engine(engine)
            .await;
        let loaded = home.run(&["reindex", "contracts"]);
        assert_eq!(loaded.code, Some(0), "{}", loaded.stderr);
        Self { home, index, place }
    }

    async fn verified(&self, more: &[&str]) -> Ran {
        self.home.run_beside(&[&["verify", "contracts", "--json"], more].concat()).await
    }
}

async fn no_false_difference(engine: TestEngine, place: Place) {
    let contracts = Contracts::new(engine, place).await;
    let all = BRANCHES.len() * NUMBERS.len();
    let report = contracts.verified(&[]).await.json();
    assert_eq!(found(&report), [0, 0, 0], "{report:#}");
    assert_eq!([&report["read"], &report["documents"]], [all, all]);
    // A sample lies anywhere, and is no larger than was asked for.
    for wanted in ["1", "7", "40"] {
        let report = contracts.verified(&["--sample", wanted]).await.json();
        assert_eq!(found(&report), [0, 0, 0], "{report:#}");
        let wanted: u64 = wanted.parse().unwrap();
        let read = report["read"].as_u64().unwrap();
        assert!(read <= wanted && read * 2 > wanted, "{report:#}");
        assert_eq!(report["documents"], wanted);
    }
    // One of each kind, and these alone.
    let silent = "UPDATE contracts SET title = 'silent' WHERE branch = 'B' AND no = '10';
                  UPDATE parts SET name = 'silent' WHERE branch = 'x:y' AND no = '9';
                  DELETE FROM contracts WHERE branch = '50%' AND no = '1e2';
                  INSERT INTO contracts VALUES ('b2', '٣٣', 'new')";
    contracts.place.run(silent).await;
    let report = contracts.verified(&["--repair"]).await.json();
    assert_eq!(found(&report), [1, 1, 2], "{report:#}");
    assert_eq!(report["missing"]["first"], json!(["b2:٣٣"]));
    assert_eq!(report["extra"]["first"], json!(["50%25:1e2"]));
    assert_eq!(report["repaired"], 4);
    let report = contracts.verified(&[]).await.json();
    assert_eq!(found(&report), [0, 0, 0], "{report:#}");
    assert!(contracts.index.starts_with("test-"));
}

async fn no_false_difference_on_postgres(engine: TestEngine) {
    no_false_difference(engine, Place::postgres().await).await;
}

async fn no_false_difference_on_mariadb(engine: TestEngine) {
    no_false_difference(engine, Place::mariadb().await).await;
}

async fn no_false_difference_on_sqlite(engine: TestEngine) {
    no_false_difference(engine, Place::sqlite().await).await;
}
