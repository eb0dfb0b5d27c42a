//! Keys at their edges: as ids of documents, and where rows of two services meet, or do not.

use prejoin::sink::{Body, Client, Method};
use serde_json::{Value, json};

use super::matrix::source;
use super::{Found, Home, Indexes, Place, State, TestEngine};

const ENGINE: TestEngine = TestEngine::OpenSearch;
const COMPOSED: &str = "한";
const DECOMPOSED: &str = "\u{1112}\u{1161}\u{11ab}";
const UUID: &str = "0190a7c0-1111-7222-8333-444455556666";

/// A job over some places, and the engine that it writes to.
struct Job {
    home: Home,
    index: Indexes,
    state: State,
    client: Client,
    _prefix: Indexes,
}

impl Job {
    /// The job's root as JSON, with any field mapped as a keyword.
    async fn new(places: &[(&str, &Place)], root: Value) -> Self {
        let (index, prefix) =
            (Indexes::of(ENGINE, "keys").await, Indexes::of(ENGINE, "state").await);
        let client = ENGINE.client().await;
        let (mut home, mut sources) = (Home::new(), json!({}));
        for (name, place) in places {
            (sources[name], home) = source(home, place, name);
        }
        let template =
            json!({"texts": {"match_mapping_type": "string", "mapping": {"type": "keyword"}}});
        let properties = json!({"id": {"type": "long"}, "kids": {"type": "nested"}});
        let mappings =
            json!({"mappings": {"dynamic_templates": [template], "properties": properties}});
        let home = home
            .file("config/default.yaml", &json!({"sources": sources}).to_string())
            .file(
                "jobs/keys.yaml",
                &json!({"index": *index, "mapping": "keys.json", "root": root}).to_string(),
            )
            .file("mappings/keys.json", &mappings.to_string())
            .variable("PREJOIN__ENGINE__URL", &ENGINE.url().await)
            .variable("PREJOIN__ENGINE__STATE_PREFIX", &prefix);
        let state = State::new(client.clone(), &prefix);
        Self { home, index, state, client, _prefix: prefix }
    }

    /// Runs it; the report, which says what the exit code says.
    fn run(&self) -> Value {
        let ran = self.home.run(&["reindex", "keys", "--json"]);
        let report = if ran.stdout.is_empty() { json!({}) } else { ran.json() };
        let odd = ["dead_letters", "unclaimed", "ambiguous"].iter().any(|count| report[count] != 0);
        assert_eq!(ran.code, Some(i32::from(odd)), "{}", ran.stderr);
        report
    }

    /// A member of a document, to the letter.
    async fn member(&self, id: &str, name: &str) -> String {
        let path = [&self.index, "_doc", id];
        let answer = self.client.send(Method::Get, &path, &[], Body::Empty).await.unwrap();
        assert_eq!(answer.status, 200, "{id}");
        answer.json::<Found>().unwrap().source[name].get().to_owned()
    }

    /// Error type, field and key of each dead letter.
    async fn letters(&self, report: &Value) -> Vec<[String; 3]> {
        let index = report["index"].as_str().unwrap();
        let mut letters: Vec<_> = self.state.list_dead_letters(index, 100).await.unwrap();
        letters.sort_by(|a, b| a.key.cmp(&b.key));
        let told = letters.into_iter();
        told.map(|letter| [letter.error_type, letter.field.unwrap_or_default(), letter.key])
            .collect()
    }
}

async fn ids(place: Place) {
    let text = if place.is_mariadb() { "VARCHAR(600) COLLATE utf8mb4_bin" } else { "VARCHAR(600)" };
    place.run(&format!("CREATE TABLE things (code {text} PRIMARY KEY, label {text})")).await;
    place.run("CREATE TABLE pairs (a VARCHAR(9), b VARCHAR(9), PRIMARY KEY (a, b))").await;
    let (most, more) = ("가".repeat(170) + "xy", "가".repeat(171));
    assert_eq!((most.len(), more.len()), (512, 513));
    for code in [COMPOSED, DECOMPOSED, &most, &more, "", "a:b%3A/?#", " x ", "😀"] {
        place.run(&format!("INSERT INTO things VALUES ('{code}', '{DECOMPOSED}')")).await;
    }
    for pair in ["'a:b', '50%'", "'a', 'b:50%'", "'', ''", "'%3A', ':'"] {
        place.run(&format!("INSERT INTO pairs VALUES ({pair})")).await;
    }
    let places = [("shop", &place)];
    let fields = json!(["code", "label"]);
    let job =
        Job::new(&places, json!({"source": "shop", "table": "things", "fields": fields})).await;
    let report = job.run();
    assert_eq!((&report["read"], &report["written"]), (&json!(8), &json!(6)));
    for code in [COMPOSED, DECOMPOSED, &most, "a:b%3A/?#", " x ", "😀"] {
        // The key stays as it is, whatever its field; other texts are composed.
        assert_eq!(job.member(code, "code").await, format!("\"{code}\""));
        assert_eq!(job.member(code, "label").await, format!("\"{COMPOSED}\""));
    }
    let letters = job.letters(&report).await;
    let wanted = [["empty_id", "_id", ""], ["id_too_long", "_id", &more]];
    assert_eq!(letters, wanted.map(|letter| letter.map(str::to_owned)));

    let job =
        Job::new(&places, json!({"source": "shop", "table": "pairs", "fields": ["a", "b"]})).await;
    assert_eq!(job.run()["written"], 4);
    for (id, a) in [("a%3Ab:50%25", "a:b"), ("a:b%3A50%25", "a"), (":", ""), ("%253A:%3A", "%3A")] {
        assert_eq!(job.member(id, "a").await, format!("\"{a}\""));
    }
}

#[tokio::test]
async fn ids_of_postgres() {
    ids(Place::postgres().await).await;
}

#[tokio::test]
async fn ids_of_mariadb() {
    ids(Place::mariadb().await).await;
}

#[tokio::test]
async fn ids_of_sqlite() {
    ids(Place::sqlite().await).await;
}

/// The root spells its managers in its own way; `managers` ignores case.
async fn caseless_keys_meet_exact_ones(managers: Place, code: &str, unclaimed: u64) {
    let roots = Place::postgres().await;
    roots.run("CREATE TABLE contracts (id INTEGER PRIMARY KEY, manager TEXT)").await;
    roots
        .run("INSERT INTO contracts VALUES (1, 'kim'), (2, 'LEE'), (3, 'Park'), (4, 'none')")
        .await;
    managers
        .run(&format!("CREATE TABLE managers (code {code} PRIMARY KEY, name VARCHAR(9))"))
        .await;
    managers.run("INSERT INTO managers VALUES ('kim', 'K'), ('Lee', 'L'), ('PARK', 'P')").await;
    let places = [("contract", &roots), ("manager", &managers)];
    let root = |matching: Value| {
        let mut manager = json!({"source": "manager", "table": "managers", "on": {"manager": "code"}, "fields": ["name"]});
        manager.as_object_mut().unwrap().extend(matching.as_object().unwrap().clone());
        json!({"source": "contract", "table": "contracts", "fields": ["id"], "one": {"manager": manager}})
    };
    let exact = Job::new(&places, root(json!({}))).await;
    let report = exact.run();
    assert_eq!((&report["written"], &report["unclaimed"]), (&json!(4), &json!(unclaimed)));
    assert_eq!(exact.member("1", "manager").await, r#"{"name":"K"}"#);
    for id in ["2", "3", "4"] {
        assert_eq!(exact.member(id, "manager").await, "null");
    }
    let nocase = Job::new(&places, root(json!({"match": "nocase"}))).await;
    assert_eq!(nocase.run()["unclaimed"], 0);
    for (id, name) in [("1", "K"), ("2", "L"), ("3", "P")] {
        assert_eq!(nocase.member(id, "manager").await, format!(r#"{{"name":"{name}"}}"#));
    }
}

#[tokio::test]
async fn caseless_keys_of_mariadb_meet_exact_ones() {
    let place = Place::mariadb().await;
    caseless_keys_meet_exact_ones(place, "VARCHAR(9) COLLATE utf8mb4_general_ci", 2).await;
}

#[tokio::test]
async fn caseless_keys_of_sqlite_meet_exact_ones() {
    caseless_keys_meet_exact_ones(Place::sqlite().await, "TEXT COLLATE NOCASE", 2).await;
}

#[tokio::test]
async fn caseless_keys_of_postgres_meet_exact_ones() {
    let place = Place::postgres().await;
    // Its operators are out of sight of the source, which asks to the letter then.
    place
        .run("BEGIN; SELECT pg_advisory_xact_lock(7311); CREATE EXTENSION IF NOT EXISTS citext SCHEMA public; COMMIT")
        .await;
    caseless_keys_meet_exact_ones(place, "public.citext", 0).await;
}

/// A name that was typed on another system is another key.
#[tokio::test]
async fn spellings_of_hangul_join_apart() {
    let (roots, others) = (Place::sqlite().await, Place::mariadb().await);
    roots.run("CREATE TABLE contracts (id INTEGER PRIMARY KEY, who TEXT)").await;
    others
        .run("CREATE TABLE people (name VARCHAR(9) COLLATE utf8mb4_bin PRIMARY KEY, n INTEGER)")
        .await;
    for (n, name) in [(1, COMPOSED), (2, DECOMPOSED)] {
        roots.run(&format!("INSERT INTO contracts VALUES ({n}, '{name}')")).await;
        others.run(&format!("INSERT INTO people VALUES ('{name}', {n})")).await;
    }
    let person =
        json!({"source": "people", "table": "people", "on": {"who": "name"}, "fields": ["n"]});
    let root = json!({"source": "contract", "table": "contracts", "fields": ["id"], "one": {"person": person}});
    let job = Job::new(&[("contract", &roots), ("people", &others)], root).await;
    assert_eq!(job.run()["unclaimed"], 0);
    for id in ["1", "2"] {
        assert_eq!(job.member(id, "person").await, format!(r#"{{"n":{id}}}"#));
    }
}

/// One UUID as four servers' columns keep it.
#[tokio::test]
async fn uuids_meet_in_every_form() {
    let (roots, others) = (Place::postgres().await, Place::mariadb().await);
    roots.run(&format!("CREATE TABLE contracts AS SELECT 1 AS id, '{UUID}'::uuid AS ref")).await;
    let (upper, bare) = (UUID.to_uppercase(), UUID.replace('-', ""));
    let tables = [
        ("bytes", "BINARY(16)", format!("0x{bare}")),
        ("own", "UUID", format!("'{UUID}'")),
        ("upper", "CHAR(36)", format!("'{upper}'")),
        ("bare", "VARCHAR(32)", format!("'{bare}'")),
    ];
    let mut one = json!({});
    for (name, ty, value) in &tables {
        others.run(&format!("CREATE TABLE {name} (ref {ty} PRIMARY KEY)")).await;
        others.run(&format!("INSERT INTO {name} VALUES ({value})")).await;
        one[name] = json!({"source": "other", "table": name, "on": {"ref": "ref"}, "match": "uuid", "fields": ["ref"]});
    }
    let root = json!({"source": "contract", "table": "contracts", "key": "id", "fields": ["ref"], "one": one});
    let job = Job::new(&[("contract", &roots), ("other", &others)], root).await;
    job.run();
    assert_eq!(job.member("1", "ref").await, format!("\"{UUID}\""));
    for (name, shown) in [("bytes", UUID), ("own", UUID), ("upper", &upper), ("bare", &bare)] {
        assert_eq!(job.member("1", name).await, format!(r#"{{"ref":"{shown}"}}"#));
    }
}

const NO_TEXT: &str = "CAST(x'636166E9' AS TEXT)";

/// Text in an old encoding: in a field, in a column that only joins, and below the root.
#[tokio::test]
async fn undecodable_texts_are_dead_letters() {
    let place = Place::sqlite().await;
    place.run("CREATE TABLE things (id INTEGER PRIMARY KEY, label TEXT, who TEXT)").await;
    place.run(&format!("INSERT INTO things VALUES (1, 'a', 'k'), (2, {NO_TEXT}, 'k'), (3, 'c', {NO_TEXT}), (4, 'd', 'k'), (5, 'e', 'k')")).await;
    place.run("CREATE TABLE kids (id INTEGER PRIMARY KEY, thing INTEGER, note TEXT)").await;
    place
        .run(&format!("INSERT INTO kids VALUES (1, 1, 'x'), (2, 4, 'x'), (3, 4, {NO_TEXT})"))
        .await;
    place.run("CREATE TABLE people (code TEXT PRIMARY KEY, name TEXT); INSERT INTO people VALUES ('k', 'K')").await;
    let kids = json!({"source": "shop", "table": "kids", "on": {"id": "thing"}, "fields": [{"column": "note", "name": "remark"}]});
    let person =
        json!({"source": "shop", "table": "people", "on": {"who": "code"}, "fields": ["name"]});
    let root = json!({"source": "shop", "table": "things", "fields": ["label"], "one": {"person": person}, "many": {"kids": kids}});
    let job = Job::new(&[("shop", &place)], root).await;
    let report = job.run();
    assert_eq!((&report["read"], &report["written"]), (&json!(5), &json!(2)));
    let wanted = [
        ["undecodable", "label", "2"],
        ["undecodable", "who", "3"],
        ["undecodable", "kids.remark", "4"],
    ];
    assert_eq!(job.letters(&report).await, wanted.map(|letter| letter.map(str::to_owned)));
}

/// Without its key a row has no name, and the rows behind it cannot be asked for.
#[tokio::test]
async fn an_undecodable_key_stops_the_run() {
    let place = Place::sqlite().await;
    place.run("CREATE TABLE things (code TEXT PRIMARY KEY)").await;
    place.run(&format!("INSERT INTO things VALUES ('a'), ({NO_TEXT}), ('d')")).await;
    let root = json!({"source": "shop", "table": "things", "fields": ["code"]});
    let job = Job::new(&[("shop", &place)], root).await;
    let ran = job.home.run(&["reindex", "keys"]);
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    let error = ran.stderr.split_once("error: ").unwrap().1.replace(&*job.index, "INDEX");
    insta::assert_snapshot!(error, @"
    the root's rows: source `shop`: `INDEX`: reading a page of rows: the row behind `a`: column `code`, a part of the key, is not UTF-8

    hint: correct it in the database, or leave the row out with `where`
    ");
}
