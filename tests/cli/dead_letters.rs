//! `dead-letters`: documents that the engine refused are shown, tried again and forgotten.

use std::time::Duration;

use prejoin::state::{Claim, IndexLease, State};
use serde_json::{Value, json};

use super::failures::sqlite;
use crate::support::engines::{TestEngine, on_both_engines};
use crate::support::home::{Home, Ran};
use crate::support::own::Indexes;

on_both_engines!(
    they_are_shown_tried_again_and_forgotten,
    those_of_another_index_are_left_alone,
    those_of_rows_that_are_gone_are_forgotten,
    without_a_key_there_is_nothing_to_look_up,
    a_sweep_keeps_those_without_a_usable_key,
    they_are_changed_by_one_run_at_a_time,
    where_there_is_none_nothing_is_done,
);

const MAPPING: &str = r#"{"settings": {"number_of_replicas": 0}, "mappings": {"dynamic": "strict", "properties": {
    "id": {"type": "keyword"}, "born": {"type": "date"}}}}"#;

const JOB: &str = "index: INDEX\nmapping: things.json\n\
    root: {source: shop, table: things, changed_at: updated_at, fields: [id, born]}\n";

struct Scene {
    home: Home,
    index: Indexes,
}

impl Scene {
    /// Things of these keys, every second of which cannot become a document; nothing is loaded.
    async fn new(engine: TestEngine, keys: &[&str]) -> Self {
        let index = Indexes::of(engine, "letters").await;
        let home = Home::new()
            .file("mappings/things.json", MAPPING)
            .file("jobs/things.yaml", &JOB.replace("INDEX", &index))
            .file(
                "config/default.yaml",
                "sources: {shop: {kind: sqlite, path: shop.db, overlap: 0s}}\nengine: {lease_ttl: 1s}\n",
            )
            .engine(engine)
            .await;
        let table =
            "CREATE TABLE things (id TEXT PRIMARY KEY NOT NULL, born TEXT, updated_at TEXT)";
        sqlite(&home, table).await;
        for (at, key) in keys.iter().enumerate() {
            let born = if at % 2 == 0 { "2026-01-02" } else { "long ago" };
            // Long before any run's horizon.
            let row = format!("INSERT INTO things VALUES ('{key}', '{born}', '2020-01-01')");
            sqlite(&home, &row).await;
        }
        Self { home, index }
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        self.home.run(arguments)
    }

    /// Runs `prejoin dead-letters things`, which must end with this code.
    fn letters(&self, code: i32, arguments: &[&str]) -> Ran {
        let ran = self.run(&[&["dead-letters", "things"], arguments].concat());
        assert_eq!(ran.code, Some(code), "{ran:?}");
        ran
    }

    /// The keys of the letters that there are, in the order of the text.
    fn keys(&self) -> Vec<String> {
        let ran = self.run(&["dead-letters", "things", "list", "--json"]);
        let told = ran.json();
        let letters = told["letters"].as_array().unwrap();
        assert_eq!(told["dead_letters"], letters.len());
        assert_eq!(ran.code, Some(i32::from(!letters.is_empty())), "{ran:?}");
        let mut keys: Vec<_> =
            letters.iter().map(|letter| letter["key"].as_str().unwrap().to_owned()).collect();
        keys.sort();
        keys
    }

    fn sync(&self, code: i32) -> Value {
        let ran = self.run(&["sync", "things", "--json"]);
        assert_eq!(ran.code, Some(code), "{ran:?}");
        ran.json()
    }
}

async fn they_are_shown_tried_again_and_forgotten(engine: TestEngine) {
    let long = "x".repeat(600);
    let scene = Scene::new(engine, &["1", "2", "3", "a:b", "5", "n\nl", &long]).await;
    assert!(scene.letters(0, &["list"]).stdout.contains("nothing is loaded yet"));
    let loaded = scene.run(&["reindex", "things"]);
    assert_eq!(loaded.code, Some(1), "{loaded:?}");
    assert!(loaded.stderr.contains("`prejoin dead-letters things list`"), "{loaded:?}");

    let listed = scene.letters(1, &["list"]);
    let shown = listed.stdout.replace(&*scene.index, "INDEX");
    assert!(shown.contains("things: 4 dead letter(s) in INDEX-000001"), "{shown}");
    // A line for each, whatever its key is made of.
    assert_eq!(shown.lines().count(), 2 + 4, "{shown}");
    for part in
        ["  2  ", "  a:b  ", r"  n\nl  ", &format!("  {}…  ", "x".repeat(80)), "id_too_long"]
    {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!shown.contains("long ago"), "{shown}");
    let first = scene.letters(1, &["list", "--limit", "1"]).stdout;
    assert!(first.lines().count() == 4 && first.contains("and 3 more"), "{first}");
    assert_eq!(scene.keys(), ["2", "a:b", "n\nl", &long]);
    let letter = &scene.letters(1, &["list", "--json", "--limit", "2"]).json()["letters"];
    assert_eq!(letter.as_array().unwrap().len(), 2);
    for field in ["job", "index", "key", "error_type", "field", "at"] {
        assert!(letter[0][field].is_string(), "{field}: {letter:#}");
    }

    // Nothing tells of it, and no other is touched.
    sqlite(&scene.home, "UPDATE things SET born = '2026-01-02' WHERE id = 'a:b'").await;
    let healed = scene.letters(0, &["retry", "--id", "a:b"]);
    assert!(healed.stderr.contains("1 healed, 0 remain"), "{healed:?}");
    assert_eq!(scene.keys(), ["2", "n\nl", &long]);
    let unknown = scene.letters(2, &["retry", "--id", "2", "a:b"]);
    assert!(unknown.stderr.contains("no dead letter with the key \"a:b\""), "{unknown:?}");
    // Of a row that is gone there is nothing left to refuse.
    sqlite(&scene.home, "DELETE FROM things WHERE id LIKE 'n%'").await;
    let retried = scene.letters(1, &["retry", "--json"]).json();
    let told = ["tried", "healed", "remaining", "keyless"].map(|name| retried[name].as_u64());
    assert_eq!(told, [Some(3), Some(1), Some(2), Some(0)], "{retried:#}");
    assert_eq!(retried["run"]["mode"], "sync --id");
    assert_eq!(scene.keys(), ["2", &long]);

    let unknown = scene.letters(2, &["drop", "--id", &long, "7"]);
    assert!(unknown.stderr.contains("hint: `prejoin dead-letters things list`"), "{unknown:?}");
    let dropped = scene.letters(0, &["drop", "--json", "--id", &long]);
    assert_eq!((&dropped.json()["dropped"], &dropped.json()["remaining"]), (&json!(1), &json!(1)));
    assert!(dropped.stderr.contains("until their rows change"), "{dropped:?}");
    assert_eq!(scene.keys(), ["2"]);
    // The one that is left is tried by every run, those that were forgotten by none.
    assert_eq!(scene.sync(1)["read"], 1);
    scene.letters(0, &["drop"]);
    assert_eq!(scene.keys(), [""; 0]);
    assert!(scene.letters(0, &["list"]).stdout.contains("no dead letters"));
    assert_eq!(scene.sync(0)["read"], 0);
    let now = "strftime('%Y-%m-%d %H:%M:%f', 'now')";
    let corrected =
        format!("UPDATE things SET born = '2026-01-02', updated_at = {now} WHERE id = '2'");
    sqlite(&scene.home, &corrected).await;
    assert_eq!(scene.sync(0)["written"], 1);
}

async fn those_of_another_index_are_left_alone(engine: TestEngine) {
    let scene = Scene::new(engine, &["1", "2"]).await;
    for _ in 0..2 {
        assert_eq!(scene.run(&["reindex", "things"]).code, Some(1));
    }
    let live = format!("{}-000002", scene.index);
    let told = scene.letters(1, &["list", "--json"]).json();
    assert_eq!((&told["index"], &told["letters"][0]["index"]), (&json!(live), &json!(live)));
    assert_eq!(scene.letters(0, &["drop", "--json"]).json()["index"], live.as_str());
    assert_eq!(scene.keys(), [""; 0]);
    assert_eq!(scene.run(&["rollback", "things"]).code, Some(0));
    assert_eq!(scene.keys(), ["2"]);
    let status = scene.run(&["status", "--json"]).json();
    let counts: Vec<_> =
        [0, 1].map(|at| status[0]["indexes"][at]["dead_letters"].as_u64()).to_vec();
    assert_eq!(counts, [Some(1), Some(0)]);
}

async fn those_of_rows_that_are_gone_are_forgotten(engine: TestEngine) {
    let long = "x".repeat(600);
    let scene = Scene::new(engine, &[&long, "n\nl", "3", "a:%3A"]).await;
    assert_eq!(scene.run(&["reindex", "things"]).code, Some(1));
    sqlite(&scene.home, "DELETE FROM things").await;
    let retried = scene.letters(0, &["retry", "--json"]).json();
    let told = ["tried", "healed", "remaining"].map(|name| retried[name].as_u64());
    assert_eq!(told, [Some(3), Some(3), Some(0)], "{retried:#}");
    assert_eq!((&retried["run"]["without_row"], scene.keys().len()), (&json!(3), 0));
}

async fn without_a_key_there_is_nothing_to_look_up(engine: TestEngine) {
    let scene = Scene::new(engine, &[""]).await;
    assert_eq!(scene.run(&["reindex", "things"]).code, Some(1));
    assert!(scene.letters(1, &["list"]).stdout.contains("(none)"));
    let retried = scene.letters(1, &["retry", "--json"]);
    assert_eq!(retried.json()["keyless"], 1);
    assert!(retried.stderr.contains("cannot be looked up"), "{retried:?}");
    assert_eq!(scene.letters(0, &["drop", "--json", "--id", ""]).json()["dropped"], 1);
    assert_eq!(scene.keys(), [""; 0]);
}

async fn a_sweep_keeps_those_without_a_usable_key(engine: TestEngine) {
    let long = "x".repeat(600);
    let scene = Scene::new(engine, &["1", "", &long]).await;
    sqlite(&scene.home, "UPDATE things SET born = '2026-01-02'").await;
    assert_eq!(scene.run(&["reindex", "things"]).code, Some(1));
    scene.letters(0, &["drop"]);
    assert_eq!(scene.keys(), [""; 0]);
    let ran = scene.run(&["sync", "things", "--sweep", "--json"]);
    assert_eq!((ran.code, &ran.json()["dead_letters"]), (Some(1), &json!(2)), "{ran:?}");
    assert_eq!(scene.keys(), ["", &long]);
    // There are none any more.
    sqlite(&scene.home, "DELETE FROM things WHERE id <> '1'").await;
    let ran = scene.run(&["sync", "things", "--sweep"]);
    assert_eq!((ran.code, scene.keys()), (Some(0), Vec::new()), "{ran:?}");
}

async fn they_are_changed_by_one_run_at_a_time(engine: TestEngine) {
    let scene = Scene::new(engine, &["1", "2"]).await;
    assert_eq!(scene.run(&["reindex", "things"]).code, Some(1));
    let state = State::new(engine.client().await, scene.home.state_prefix());
    let ttl = Duration::from_millis(900);
    let claim = Claim { holder: "a test".to_owned(), task: "test".to_owned(), ttl, brief: false };
    let lease = IndexLease::take(&state, &format!("{}-000001", scene.index), &claim).await;
    let lease = lease.unwrap();
    for what in ["retry", "drop"] {
        let held = scene.home.run_beside(&["dead-letters", "things", what]).await;
        assert_eq!(held.code, Some(3), "{held:?}");
        assert!(held.stderr.contains("held by another run: a test"), "{held:?}");
    }
    lease.give_back(true).await;
    assert_eq!(scene.keys(), ["2"]);
    scene.letters(0, &["drop"]);
}

async fn where_there_is_none_nothing_is_done(engine: TestEngine) {
    let scene = Scene::new(engine, &["1"]).await;
    for what in ["retry", "drop"] {
        let refused = scene.letters(2, &[what]);
        assert!(refused.stderr.contains("job `things` was never loaded"), "{refused:?}");
        assert!(refused.stderr.contains("hint: load it first: `prejoin reindex things`"));
    }
    let empty = scene.letters(0, &["list", "--json"]).json();
    assert_eq!((&empty["index"], &empty["dead_letters"]), (&Value::Null, &json!(0)));
    assert_eq!(scene.run(&["reindex", "things"]).code, Some(0));
    for what in ["list", "retry", "drop"] {
        let told = scene.letters(0, &[what]);
        assert!(format!("{told:?}").contains("no dead letters"), "{told:?}");
    }
    assert_eq!(scene.letters(0, &["retry", "--json"]).json()["run"], Value::Null);
}
