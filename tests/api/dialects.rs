//! The packages that front ends are made with, as they are in npm, on a running server; and what they cannot see of each other.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use prejoin::access::keys;
use prejoin::config::{ApiConfig, AuthConfig, Dialect, KeyConfig, RateConfig};
use prejoin::mapping::Mapping;
use serde_json::{Value, json};

use super::harness::{Api, Reply};
use crate::support::engines::{TestEngine, on_both_engines};
use crate::support::home::Home;
use crate::support::serving::Serving;

/// More documents than pages reach.
const COUNT: usize = 10_050;

fn mapping() -> Mapping {
    let text = r#"{"mappings": {"properties": {
        "id": {"type": "long"}, "contract_no": {"type": "keyword"}, "status": {"type": "keyword"}, "amount": {"type": "long"},
        "signed_at": {"type": "date"}, "title": {"type": "text"},
        "account": {"properties": {"id": {"type": "long"}, "name": {"type": "keyword"}}},
        "settlements": {"type": "nested", "properties": {"status": {"type": "keyword"}, "amount": {"type": "long"}}}}}}"#;
    Mapping::parse(Path::new("m.json"), text).unwrap()
}

/// As `clients/test/live/shared.mjs` tells of them.
fn document(id: usize) -> Value {
    let status = ["draft", "active", "overdue", "paid"][id % 4];
    let kind = if id.is_multiple_of(2) { "Lease" } else { "유지보수 lease" };
    let settlements = |id: usize| json!([{"status": "overdue", "amount": id * 1_000}, {"status": "paid", "amount": 60_000}]);
    json!({
        "id": id, "contract_no": format!("K-{id:05}"), "status": status, "amount": id * 1_000,
        "signed_at": (!id.is_multiple_of(7)).then(|| format!("2026-01-{:02}", id % 28 + 1)),
        "title": format!("{kind} {id}"),
        "account": {"id": id % 10, "name": format!("Account {}", id % 10)},
        "settlements": if id <= 50 { settlements(id) } else { json!([]) },
        "_prejoin": {"id": id.to_string()},
    })
}

async fn filled(engine: TestEngine, count: usize) -> Api {
    let api = Api::over(engine.client().await, &mapping());
    api.create(1, &mapping().body()).await;
    let documents: Vec<Value> = (1..=count).map(document).collect();
    for some in documents.chunks(5_000) {
        api.put(1, some).await;
    }
    api
}

fn speaking() -> ApiConfig {
    ApiConfig { dialects: Dialect::ALL.to_vec(), ..ApiConfig::default() }
}

async fn asked(api: &Api, dialect: &str, what: &str) -> Reply {
    let path = format!("/dialects/{dialect}/{}{what}", api.alias);
    api.send(Request::get(path).body(Body::empty()).unwrap()).await
}

/// The files of tests, by name since newer versions of Node.js take no folder, and how many tests are in them.
fn tests_of(clients: &Path) -> (Vec<PathBuf>, usize) {
    let there = fs::read_dir(clients.join("test/live")).unwrap().map(|file| file.unwrap().path());
    let files: Vec<PathBuf> =
        there.filter(|file| file.to_string_lossy().ends_with(".test.mjs")).collect();
    let tests = |file: &PathBuf| fs::read_to_string(file).unwrap().matches("\ntest(").count();
    let count = files.iter().map(tests).sum();
    (files, count)
}

async fn grid(api: &Api, body: &'static str) -> Reply {
    let path = format!("/dialects/ag-grid/{}", api.alias);
    let request = Request::post(path).header("content-type", "application/json");
    api.send(request.body(Body::from(body)).unwrap()).await
}

/// The packages are in the folder that `dev/test` fills; each file of tests runs in a process of its own.
#[tokio::test]
async fn the_packages_of_npm_are_answered() {
    let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients");
    assert!(
        clients.join("node_modules").is_dir() && clients.join("dist").is_dir(),
        "`dev/clients` installs the packages that are tested here, and builds ours"
    );
    let api = filled(TestEngine::OpenSearch, COUNT).await;
    let job = format!(
        "index: {}\nmapping: m.json\nroot: {{source: s, table: t, fields: [id]}}\n",
        api.alias
    );
    let config = "api: {dialects: [ra-data-simple-rest, ra-data-json-server, refine-simple-rest, refine-simple-rest-eq, ag-grid], \
        cors: {origins: ['https://admin.example.org']}}\n";
    let home = Home::new().file("jobs/contracts.yaml", &job).file("config/default.yaml", config);
    let home = home.engine(TestEngine::OpenSearch).await;
    let serving = Serving::start(&home).await;
    let (files, tests) = tests_of(&clients);
    let mut node = Command::new("node");
    node.args(["--test", "--test-reporter=tap", "--test-timeout=300000"]);
    node.args(files).current_dir(&clients);
    node.env("PREJOIN_URL", serving.url()).env("PREJOIN_INDEX", &api.alias);
    node.env("PREJOIN_COUNT", COUNT.to_string());
    let ran = tokio::task::spawn_blocking(move || node.output()).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{said}\n{}", String::from_utf8_lossy(&ran.stderr));
    let passed = said.lines().find_map(|line| line.strip_prefix("# pass ")).unwrap();
    assert_eq!(passed.parse(), Ok(tests), "{said}");
    api.remove().await;
}

on_both_engines!(documents_are_found_and_sorted_by_their_ids);

async fn documents_are_found_and_sorted_by_their_ids(engine: TestEngine) {
    let api = filled(engine, 12).await;
    let found = async |body: &Value| api.search(body).await.ids();
    let sort = json!([{"field": "_id", "order": "desc"}]);
    let among = json!({"filter": {"_id": {"in": ["3", "11", "99"]}}, "sort": sort});
    assert_eq!(found(&among).await, ["3", "11"]);
    let others =
        json!({"filter": {"_id": {"nin": ["3", "11"]}}, "sort": sort, "page": {"size": 3}});
    assert_eq!(found(&others).await, ["9", "8", "7"]);
    let mut next = others.clone();
    next["page"]["after"] = api.search(&others).await.json()["page"]["next"].clone();
    assert_eq!(found(&next).await, ["6", "5", "4"]);
    assert_eq!(found(&json!({"filter": {"not": {"_id": {"ne": "5"}}}})).await, ["5"]);
    assert_eq!(found(&json!({"filter": {"_id": {"eq": "no such id"}}})).await, [""; 0]);
    for refused in [
        json!({"filter": {"_id": {"gt": "1"}}}),
        json!({"filter": {"_id": {"starts_with": "1"}}}),
        json!({"filter": {"_id": {"eq": ""}}}),
        json!({"filter": {"_id": {"eq": 1}}}),
        json!({"facets": {"_id": {}}}),
        json!({"aggregate": {"a": {"type": "group", "by": ["_id"]}}}),
    ] {
        assert!((400..500).contains(&api.search(&refused).await.status), "{refused}");
    }
    let speaking = api.configured(&speaking());
    let rows = asked(&speaking, "ra-data-simple-rest", "?filter={%22id%22:[12,5]}").await.json();
    assert_eq!(rows[0]["id"].as_u64().unwrap() + rows[1]["id"].as_u64().unwrap(), 17);
    api.remove().await;
}

#[tokio::test]
async fn only_dialects_that_are_switched_on_are_spoken() {
    let api = filled(TestEngine::OpenSearch, 3).await;
    let shown = |reply: &Reply| {
        let json = reply.json();
        format!(
            "{} {}: {}",
            reply.status,
            json["code"].as_str().unwrap(),
            json["message"].as_str().unwrap()
        )
    };
    insta::assert_snapshot!(shown(&asked(&api, "ra-data-simple-rest", "").await), @"404 unknown_dialect: `ra-data-simple-rest` is not spoken here");
    let config = ApiConfig { dialects: vec![Dialect::RaDataJsonServer], ..ApiConfig::default() };
    let some = api.configured(&config);
    assert_eq!(asked(&some, "ra-data-json-server", "").await.status, 200);
    insta::assert_snapshot!(shown(&asked(&some, "simple-rest", "/1").await), @"404 unknown_dialect: `simple-rest` is not spoken here");
    let write = async |method: &str, path: &str| {
        let path = format!("/dialects/ra-data-json-server/{}{path}", some.alias);
        let request = Request::builder().method(method).uri(path);
        some.send(request.body(Body::from("{}")).unwrap()).await
    };
    for (method, path) in
        [("POST", ""), ("PUT", "/1"), ("PATCH", "/1"), ("DELETE", "/1"), ("PUT", "")]
    {
        let reply = write(method, path).await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(shown(&reply), @"405 method_not_allowed: documents are only read here: they change with the services that own their parts");
        }
        assert_eq!(reply.headers["allow"], "GET, HEAD", "{method} {path}");
    }
    assert_eq!(asked(&some, "ra-data-json-server", "/1?_embed=a").await.status, 400);
    assert_eq!(asked(&some, "ra-data-json-server", "/4").await.status, 404);
    api.remove().await;
}

#[tokio::test]
async fn a_role_sees_no_more_in_a_dialect() {
    let api = filled(TestEngine::OpenSearch, 20).await;
    let roles = json!({"clerk": {"operations": ["search"], "indexes": { (&api.alias): {
        "fields": ["status", "amount", "title"], "masked": {"title": "all"}, "filter": {"status": {"eq": "paid"}}}}}});
    let mut config = speaking();
    config.roles = serde_json::from_value(roles).unwrap();
    let api_key = keys::draw();
    let key = KeyConfig {
        name: "ada".to_owned(),
        sha256: keys::hash(&api_key),
        role: "clerk".to_owned(),
        claims: serde_json::Map::new(),
    };
    config.auth = AuthConfig::Known { keys: vec![key], jwt: None };
    let clerk = api.configured(&config);
    let asked = async |dialect: &str, what: &str| {
        let path = format!("/dialects/{dialect}/{}{what}", clerk.alias);
        let request = Request::get(path).header("x-api-key", &api_key);
        clerk.send(request.body(Body::empty()).unwrap()).await
    };
    let list = asked("ra-data-json-server", "?_sort=amount&_order=ASC&_start=0&_end=2").await;
    assert_eq!(
        list.text,
        r#"[{"id":"3","status":"paid","amount":3000,"title":"***"},{"id":"7","status":"paid","amount":7000,"title":"***"}]"#
    );
    assert_eq!(list.headers["x-total-count"], "5");
    let alike = async |dialect: &str, hidden: &str, unknown: &str| {
        let (hidden, unknown) = (asked(dialect, hidden).await, asked(dialect, unknown).await);
        let told = |reply: &Reply| reply.json()["message"].as_str().unwrap().to_owned();
        assert_eq!((hidden.status, unknown.status), (400, 400));
        assert_eq!(told(&hidden).replace("contract_no", "contract_xx"), told(&unknown));
    };
    alike("ra-data-json-server", "?contract_no=K-1", "?contract_xx=K-1").await;
    alike("ra-data-json-server", "?contract_no_gte=K-1", "?contract_xx_gte=K-1").await;
    alike("refine-simple-rest", "?contract_no=K-1", "?contract_xx=K-1").await;
    alike(
        "ra-data-simple-rest",
        "?sort=[%22contract_no%22,%22ASC%22]",
        "?sort=[%22contract_xx%22,%22ASC%22]",
    )
    .await;
    // What the role's rows do not have is not there by its id either; and one document is another operation.
    assert_eq!(
        asked("ra-data-json-server", "?id=4&id=3").await.json().as_array().unwrap().len(),
        1
    );
    assert_eq!(asked("ra-data-json-server", "/3").await.status, 403);
    let block = Request::post(format!("/dialects/ag-grid/{}", clerk.alias));
    let block = block.header("x-api-key", &api_key).header("content-type", "application/json");
    let block =
        clerk.send(block.body(Body::from(r#"{"startRow": 0, "endRow": 2}"#)).unwrap()).await;
    assert_eq!(block.json()["rowCount"], 5);
    assert_eq!(block.json()["rowData"][0]["title"], "***");
    let path = format!("/dialects/ra-data-json-server/{}", clerk.alias);
    assert_eq!(clerk.send(Request::get(path).body(Body::empty()).unwrap()).await.status, 401);
    api.remove().await;
}

#[tokio::test]
async fn totals_are_counted_to_the_end_for_those_who_ask_for_it() {
    let api = filled(TestEngine::OpenSearch, 30).await;
    let mut config = speaking();
    config.limits.offset_window = 20;
    let api = api.configured(&config);
    let exact = async |what: &str| {
        let path = format!("/dialects/ra-data-simple-rest/{}{what}", api.alias);
        let request = Request::get(path).header("prefer", "count=exact");
        api.send(request.body(Body::empty()).unwrap()).await
    };
    let reply = asked(&api, "ra-data-simple-rest", "?range=[0,6]").await;
    assert_eq!(reply.headers["x-total-count"], "20");
    assert_eq!(reply.headers["content-range"], format!("{} 0-6/20", api.alias));
    // Every page of that total is there, and the last one ends where they do.
    let last = asked(&api, "ra-data-json-server", "?_start=14&_end=21").await;
    assert_eq!(last.headers["content-range"], format!("{} 14-19/20", api.alias));
    assert_eq!(last.json().as_array().unwrap().len(), 6);
    let block = grid(&api, r#"{"startRow": 14, "endRow": 21}"#).await.json();
    assert_eq!((block["rowData"].as_array().unwrap().len(), &block["rowCount"]), (6, &json!(20)));
    assert_eq!(asked(&api, "ra-data-simple-rest", "?range=[21,27]").await.status, 422);
    let every = exact("?range=[0,6]").await;
    assert_eq!(every.headers["x-total-count"], "30");
    assert_eq!(every.text, reply.text);
    assert_ne!(
        every.headers["etag"], reply.headers["etag"],
        "a list of another length is the same"
    );
    // Without a page, they are all rows.
    let whole = asked(&api, "refine-simple-rest", "").await;
    assert_eq!((whole.headers["x-total-count"].as_bytes(), whole.status), (&b"30"[..], 200));
    let tag = reply.headers["etag"].clone();
    let path = format!("/dialects/ra-data-simple-rest/{}?range=[0,6]", api.alias);
    let again = Request::get(path).header("if-none-match", tag);
    assert_eq!(api.send(again.body(Body::empty()).unwrap()).await.status, 304);
    api.remove().await;
}

/// What each method is answered at a list and at a document, with what is allowed instead.
#[tokio::test]
async fn every_dialect_has_methods_of_its_own() {
    let api = filled(TestEngine::OpenSearch, 3).await;
    let speaking = api.configured(&speaking());
    let mut table = Vec::new();
    for dialect in Dialect::ALL {
        for (place, id) in [("list", ""), ("document", "/1")] {
            let path = format!("/dialects/{}/{}{id}", dialect.word(), api.alias);
            let mut row = vec![format!("{} {place}:", dialect.word())];
            for method in ["GET", "HEAD", "POST", "PUT", "DELETE"] {
                let request = Request::builder().method(method).uri(&path);
                let request = request.header("content-type", "application/json");
                let body = Body::from(r#"{"startRow": 0, "endRow": 2}"#);
                let reply = speaking.send(request.body(body).unwrap()).await;
                let allowed = reply.headers.get("allow").filter(|_| reply.status == 405);
                let allowed = allowed.map(|allow| allow.to_str().unwrap());
                let allowed = allowed.map(|allow| format!("({allow})")).unwrap_or_default();
                row.push(format!("{method} {}{allowed}", reply.status));
                // Nothing is spoken where nothing is switched on, whatever is asked.
                let request = Request::builder().method(method).uri(&path);
                assert_eq!(api.send(request.body(Body::empty()).unwrap()).await.status, 404);
            }
            table.push(row.join(" "));
        }
    }
    insta::assert_snapshot!(table.join("\n"), @r"
    ra-data-simple-rest list: GET 200 HEAD 200 POST 405(GET, HEAD) PUT 405(GET, HEAD) DELETE 405(GET, HEAD)
    ra-data-simple-rest document: GET 200 HEAD 200 POST 405(GET, HEAD) PUT 405(GET, HEAD) DELETE 405(GET, HEAD)
    ra-data-json-server list: GET 200 HEAD 200 POST 405(GET, HEAD) PUT 405(GET, HEAD) DELETE 405(GET, HEAD)
    ra-data-json-server document: GET 200 HEAD 200 POST 405(GET, HEAD) PUT 405(GET, HEAD) DELETE 405(GET, HEAD)
    refine-simple-rest list: GET 200 HEAD 200 POST 405(GET, HEAD) PUT 405(GET, HEAD) DELETE 405(GET, HEAD)
    refine-simple-rest document: GET 200 HEAD 200 POST 405(GET, HEAD) PUT 405(GET, HEAD) DELETE 405(GET, HEAD)
    refine-simple-rest-eq list: GET 200 HEAD 200 POST 405(GET, HEAD) PUT 405(GET, HEAD) DELETE 405(GET, HEAD)
    refine-simple-rest-eq document: GET 200 HEAD 200 POST 405(GET, HEAD) PUT 405(GET, HEAD) DELETE 405(GET, HEAD)
    ag-grid list: GET 405(POST) HEAD 405(POST) POST 200 PUT 405(POST) DELETE 405(POST)
    ag-grid document: GET 404 HEAD 404 POST 404 PUT 404 DELETE 404
    ");
    api.remove().await;
}

#[tokio::test]
async fn every_dialect_is_charged() {
    let api = filled(TestEngine::OpenSearch, 3).await;
    let rate = RateConfig { quota: 1, window: Duration::from_secs(3_600), callers: 10 };
    for dialect in Dialect::ALL {
        let config = ApiConfig { rate: Some(rate), ..speaking() };
        let once = api.configured(&config);
        let mut statuses = Vec::new();
        for _ in 0..2 {
            let reply = match dialect {
                Dialect::AgGrid => grid(&once, r#"{"startRow": 0, "endRow": 2}"#).await,
                Dialect::RaDataSimpleRest => asked(&once, dialect.word(), "?range=[0,1]").await,
                _ => asked(&once, dialect.word(), "?_start=0&_end=2").await,
            };
            statuses.push(reply.status);
        }
        assert_eq!(statuses, [200, 429], "{}", dialect.word());
    }
    api.remove().await;
}

#[tokio::test]
async fn ids_of_any_letters_are_found() {
    let api = filled(TestEngine::OpenSearch, 2).await;
    let strange = ["a/b", "c,d", "e f&g", "\"h\""];
    let documents = strange.map(|id| json!({"status": "paid", "_prejoin": {"id": id}}));
    api.put(1, &documents).await;
    let speaking = api.configured(&speaking());
    for (id, written) in strange.into_iter().zip(["a%2Fb", "c%2Cd", "e%20f%26g", "%22h%22"]) {
        let one = asked(&speaking, "ra-data-json-server", &format!("/{written}")).await.json();
        assert_eq!(one["id"], id);
        let many = format!("?id={written}&id=2");
        let many = asked(&speaking, "ra-data-json-server", &many).await.json();
        assert_eq!(many.as_array().unwrap().len(), 2, "{id}: {many}");
    }
    let many = asked(&speaking, "ra-data-simple-rest", "?filter={%22id%22:[%22c,d%22,%22a/b%22]}");
    assert_eq!(many.await.json().as_array().unwrap().len(), 2);
    api.remove().await;
}
