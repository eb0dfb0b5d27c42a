//! A shop of orders with buyers, lines and tags, tables of what was deleted, and runs of its job.

use std::collections::{BTreeMap, BTreeSet};

use prejoin::config::Server;
use prejoin::sink::Method;
use serde_json::{Value, json};

use crate::support::engines::TestEngine;
use crate::support::home::{Home, Ran};
use crate::support::own::Indexes;
use crate::support::place::Place;

const MAPPING: &str = r#"{"settings": {"number_of_replicas": 0}, "mappings": {"dynamic": "strict", "properties": {
    "id": {"type": "long"}, "title": {"type": "keyword"},
    "buyer": {"properties": {"name": {"type": "keyword"}}},
    "lines": {"type": "nested", "properties": {"id": {"type": "long"}, "price": {"type": "long"},
        "item": {"properties": {"name": {"type": "keyword"}}}}},
    "tags": {"type": "nested", "properties": {"code": {"type": "keyword"}, "label": {"type": "keyword"}}}}}}"#;

const ROOT: &str = "root:
  source: shop
  table: orders
  changed_at: updated_at
  tombstones: orders_gone
  where: title <> 'draft'
  fields: [id, title]
  one:
    buyer: {source: shop, table: buyers, on: {buyer_id: id}, changed_at: updated_at, tombstones: buyers_gone, fields: [name]}
  many:
    lines:
      source: shop
      table: order_lines
      on: {id: order_id}
      changed_at: updated_at
      tombstones: order_lines_gone
      deleted_at: deleted_at
      fields: [id, price]
      one:
        item: {source: shop, table: items, on: {item_id: id}, changed_at: updated_at, fields: [name]}
    tags:
      source: shop
      through: {table: order_tags, on: {id: order_id}, to: {tag: code}, changed_at: updated_at, tombstones: order_tags_gone}
      table: tags
      changed_at: updated_at
      order_by: [code]
      fields: [code, label]
";

/// Tables; all have `updated_at`. The tables of deleted rows are made by what `prejoin check` prints.
const TABLES: [(&str, &str); 6] = [
    ("orders", "id BIGINT PRIMARY KEY, title VARCHAR(50), buyer_id BIGINT"),
    ("buyers", "id BIGINT PRIMARY KEY, name VARCHAR(50)"),
    ("items", "id BIGINT PRIMARY KEY, name VARCHAR(50)"),
    (
        "order_lines",
        "id BIGINT PRIMARY KEY, order_id BIGINT, item_id BIGINT, price BIGINT, deleted_at",
    ),
    ("tags", "code VARCHAR(20) PRIMARY KEY, label VARCHAR(50)"),
    ("order_tags", "id BIGINT PRIMARY KEY, order_id BIGINT, tag VARCHAR(20)"),
];

/// Documents by id, without prejoin's own part.
pub(crate) type Documents = BTreeMap<String, Value>;

/// A home with a job over a database of its own.
pub(crate) struct Scene {
    pub(crate) home: Home,
    pub(crate) index: Indexes,
    pub(crate) engine: TestEngine,
    pub(crate) shop: Place,
}

impl Scene {
    /// An empty shop, of which no index was built yet.
    pub(crate) async fn new(engine: TestEngine, shop: Place) -> Self {
        Self::of(engine, shop, ROOT).await
    }

    /// As [`Scene::new`], with words of the job replaced.
    pub(crate) async fn with(engine: TestEngine, shop: Place, words: &[(&str, &str)]) -> Self {
        let replaced = |root: String, (old, new): &(&str, &str)| {
            assert!(root.contains(old), "{old}");
            root.replace(old, new)
        };
        Self::of(engine, shop, &words.iter().fold(ROOT.to_owned(), replaced)).await
    }

    async fn of(engine: TestEngine, shop: Place, root: &str) -> Self {
        let index = Indexes::of(engine, "shop").await;
        let source = match &shop.config().server {
            Server::Postgres(at) => {
                json!({"kind": "postgres", "url": at.url.reveal().unwrap(), "schema": at.schema, "overlap": "0s"})
            }
            Server::Mysql(at) => {
                json!({"kind": "mysql", "url": at.url.reveal().unwrap(), "overlap": "1s"})
            }
            Server::Sqlite { path } => json!({"kind": "sqlite", "path": path, "overlap": "0s"}),
        };
        let home = Home::new()
            .file("mappings/shop.json", MAPPING)
            .file("jobs/shop.yaml", &format!("index: {index}\nmapping: shop.json\n{root}"))
            .file(
                "config/default.yaml",
                &format!("sources: {{shop: {source}}}\nengine: {{lease_ttl: 1s}}\n"),
            )
            .engine(engine)
            .await;
        let scene = Self { home, index, engine, shop };
        scene.make_tables().await;
        scene
    }

    /// A shop with a few of everything, and its index.
    pub(crate) async fn filled(engine: TestEngine, shop: Place) -> Self {
        let scene = Self::new(engine, shop).await;
        scene.fill().await;
        scene.sync().await;
        scene
    }

    /// Says something else in a file of the home.
    pub(crate) fn rewrite(&self, file: &str, said: &str, instead: &str) {
        let path = self.home.path().join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(said), "{file} does not say {said}");
        std::fs::write(&path, text.replace(said, instead)).unwrap();
    }

    async fn make_tables(&self) {
        let shop = &self.shop;
        let time = self.time();
        if shop.is_sqlite() {
            shop.run("PRAGMA journal_mode = WAL").await;
        }
        for (table, columns) in TABLES {
            let columns = columns.replace("deleted_at", &format!("deleted_at {time}"));
            shop.run(&format!("CREATE TABLE {table} ({columns}, updated_at {time})")).await;
        }
        let printed = self.home.run(&["check", "shop", "--tombstone-sql"]);
        assert_eq!(printed.code, Some(0), "{}", printed.stderr);
        shop.run(&printed.stdout).await;
    }

    /// The type of instants.
    fn time(&self) -> &'static str {
        match (self.shop.is_postgres(), self.shop.is_mariadb()) {
            (true, _) => "TIMESTAMPTZ",
            (_, true) => "TIMESTAMP(6) NULL",
            _ => "TEXT",
        }
    }

    /// The present, in the server's own words.
    pub(crate) fn now(&self) -> &'static str {
        match (self.shop.is_postgres(), self.shop.is_mariadb()) {
            (true, _) => "now()",
            (_, true) => "now(6)",
            _ => "strftime('%Y-%m-%d %H:%M:%f', 'now')",
        }
    }

    /// Runs statements in which `NOW` is the server's present.
    pub(crate) async fn run(&self, sql: &str) {
        self.shop.run(&sql.replace("NOW", self.now())).await;
    }

    /// A shop with a few of everything.
    pub(crate) async fn fill(&self) {
        self.run(
            "INSERT INTO buyers VALUES (1, 'Kim', NOW), (2, 'Lee', NOW);
             INSERT INTO items VALUES (1, 'pen', NOW), (2, 'ink', NOW);
             INSERT INTO tags VALUES ('a', 'A', NOW), ('b', 'B', NOW);
             INSERT INTO orders VALUES (1, 'one', 1, NOW), (2, 'two', 2, NOW), (3, 'three', 9, NOW), (4, 'draft', 1, NOW);
             INSERT INTO order_lines VALUES (1, 1, 1, 10, NULL, NOW), (2, 1, 2, 20, NULL, NOW), (3, 2, 1, 30, NULL, NOW);
             INSERT INTO order_tags VALUES (1, 1, 'a', NOW), (2, 1, 'b', NOW), (3, 2, 'a', NOW)",
        )
        .await;
    }

    /// As [`Scene::fill`], long before any run.
    pub(crate) async fn fill_long_ago(&self) {
        self.fill().await;
        for (table, ..) in TABLES {
            self.run(&format!("UPDATE {table} SET updated_at = '2001-01-01 00:00:00'")).await;
        }
    }

    /// Runs `prejoin sync`, which must end well, and returns its report.
    pub(crate) async fn sync(&self) -> Value {
        let ran = self.try_sync(&[]).await;
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        ran.json()
    }

    pub(crate) async fn try_sync(&self, more: &[&str]) -> Ran {
        let arguments = [&["sync", "shop", "--json"], more].concat();
        let mut command = self.home.command(&arguments);
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        self.home.ran(&output)
    }

    /// As [`Scene::sync`], behind a run that died or stands still. What it has sent last may reach a busy engine only now, and is
    /// taken for a sign of life.
    pub(crate) async fn sync_after(&self) {
        self.runs_after(&["sync", "shop"]).await;
    }

    /// As [`Scene::sync_after`], with any arguments.
    pub(crate) async fn runs_after(&self, arguments: &[&str]) {
        for _ in 0..5 {
            let ran = self.home.run_beside(arguments).await;
            if ran.code != Some(3) {
                assert_eq!(ran.code, Some(0), "{}", ran.stderr);
                return;
            }
        }
        panic!("the dead go on giving signs of life")
    }

    /// What readers see.
    pub(crate) async fn documents(&self) -> Documents {
        let client = self.engine.client().await;
        let index: &str = &self.index;
        client.call(Method::Post, &[index, "_refresh"], &[], None).await.unwrap();
        let search = json!({"size": 10_000, "query": {"match_all": {}}});
        let found =
            client.call(Method::Post, &[index, "_search"], &[], Some(&search)).await.unwrap();
        let hits = found["hits"]["hits"].as_array().unwrap();
        let document = |hit: &Value| {
            let mut source = hit["_source"].clone();
            source.as_object_mut().unwrap().remove("_prejoin");
            (hit["_id"].as_str().unwrap().to_owned(), source)
        };
        hits.iter().map(document).collect()
    }

    /// What the services say, joined by nested loops.
    pub(crate) async fn expected(&self) -> Documents {
        let orders =
            self.rows("SELECT id, title, buyer_id FROM orders WHERE title <> 'draft'").await;
        let buyers = self.rows("SELECT id, name FROM buyers").await;
        let lines = self.rows("SELECT id, order_id, item_id, price FROM order_lines WHERE deleted_at IS NULL ORDER BY order_lines.id").await;
        let items = self.rows("SELECT id, name FROM items").await;
        let links = self.rows("SELECT order_id, tag FROM order_tags").await;
        let tags = self.rows("SELECT code, label FROM tags ORDER BY code").await;
        let named = |rows: &[Vec<Option<String>>], key: &Option<String>| {
            let found = rows.iter().find(|row| key.is_some() && row[0] == *key);
            found.map_or(Value::Null, |row| json!({"name": row[1]}))
        };
        let number = |text: &Option<String>| text.as_ref().map(|text| text.parse::<i64>().unwrap());
        let document = |order: &Vec<Option<String>>| {
            let mine = lines.iter().filter(|line| line[1] == order[0]);
            let mine = mine.map(|line| {
                json!({"id": number(&line[0]), "price": number(&line[3]), "item": named(&items, &line[2])})
            });
            let tagged = tags.iter().flat_map(|tag| {
                let times =
                    links.iter().filter(|link| link[0] == order[0] && link[1] == tag[0]).count();
                std::iter::repeat_n(json!({"code": tag[0], "label": tag[1]}), times)
            });
            let document = json!({
                "id": number(&order[0]), "title": order[1], "buyer": named(&buyers, &order[2]),
                "lines": mine.collect::<Vec<_>>(), "tags": tagged.collect::<Vec<_>>(),
            });
            (order[0].clone().unwrap(), document)
        };
        orders.iter().map(document).collect()
    }

    /// Rows of a query, each cell as text.
    async fn rows(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        let text = match self.shop.is_mariadb() {
            true => "CHAR",
            false => "TEXT",
        };
        let (columns, rest) = sql.strip_prefix("SELECT ").unwrap().split_once(" FROM ").unwrap();
        let columns = columns.split(", ").map(|column| format!("CAST({column} AS {text})"));
        let sql = format!("SELECT {} FROM {rest}", columns.collect::<Vec<_>>().join(", "));
        self.shop.texts(&sql).await
    }

    /// Nothing more and nothing less than the services say is in the index.
    pub(crate) async fn assert_right(&self, after: &str) {
        let (held, right) = (self.documents().await, self.expected().await);
        let ids: BTreeSet<&String> = held.keys().chain(right.keys()).collect();
        let wrong: Vec<&String> =
            ids.into_iter().filter(|id| held.get(*id) != right.get(*id)).collect();
        let Some(first) = wrong.first() else { return };
        let told = (held.get(*first), right.get(*first));
        panic!(
            "after {after}, {} are wrong: {wrong:?}; the first is and should be\n{told:#?}",
            wrong.len()
        );
    }
}
