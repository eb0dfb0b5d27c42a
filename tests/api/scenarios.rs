//! What admins ask, each a file of `tests/scenarios`: documents, the search, what the engine is sent for it, the answer; and
//! queries that come to mind first and are wrong, with what the engine answers to them, so that the documents tell them apart.

use std::collections::BTreeMap;
use std::path::Path;

use axum::body::Body;
use axum::http::{HeaderValue, Method as HttpMethod, Request};
use percent_encoding::utf8_percent_encode;
use prejoin::access::keys;
use prejoin::config::{ApiConfig, AuthConfig, IndexConfig, KeyConfig};
use prejoin::mapping::Mapping;
use prejoin::sink::{Client, Flavor, Method};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::docs::ENCODED;
use super::harness::{Api, Reply};
use crate::support::engines::{TestEngine, config, on_both_engines};
use crate::support::fault_proxy::FaultProxy;

on_both_engines!(every_request_is_answered_as_its_file_says);

/// A file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    /// What is asked.
    what: String,
    #[serde(default)]
    analysis: Map<String, Value>,
    properties: Value,
    /// Where Elasticsearch's core does not have such an index.
    on_the_core: Option<Core>,
    /// By id; `null` is none.
    documents: Changes,
    /// What its callers see.
    role: Option<IndexConfig>,
    /// What is known of each of them.
    #[serde(default)]
    callers: BTreeMap<String, Map<String, Value>>,
    requests: Vec<Asked>,
}

type Changes = BTreeMap<String, Value>;

/// An index that the core does have, and what it says of the other.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Core {
    refuses: String,
    properties: Value,
}

/// A request, and what comes of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    what: String,
    /// Which of the callers asks.
    by: Option<String>,
    /// What has happened to documents before.
    #[serde(default)]
    changes: Changes,
    /// A body; `NEXT` in it is the cursor of the answer before.
    search: Option<Value>,
    /// The same as a query string.
    get: Option<String>,
    /// What the engine is sent; nothing when absent.
    dsl: Option<Value>,
    /// The whole answer but for `meta`; of `page`, whether there is a next one. Of a problem, status and code.
    answer: Value,
    /// The same, where the core's index is another.
    on_the_core: Option<Told>,
    #[serde(default)]
    wrong: Vec<Wrong>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Told {
    dsl: Option<Value>,
    answer: Option<Value>,
}

/// What comes to mind first.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wrong {
    why: String,
    dsl: Value,
    /// Ids, aggregations or highlights, or the status of an error; as far as they are told here.
    answer: Value,
    /// What the core answers instead.
    on_the_core: Option<Value>,
}

async fn every_request_is_answered_as_its_file_says(engine: TestEngine) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<_> = files.collect();
    files.sort();
    let scenarios: Vec<Scenario> = files.iter().map(|file| read(file)).collect();
    let all = scenarios.iter().map(|scenario| async {
        Stage::set(engine, scenario).await.play(scenario).await;
    });
    futures::future::join_all(all).await;
    let requests: Vec<_> = scenarios.iter().flat_map(|scenario| &scenario.requests).collect();
    let wrong: usize = requests.iter().map(|asked| asked.wrong.len()).sum();
    println!("{} files, {} requests, {wrong} wrong queries", files.len(), requests.len());
    assert!(files.len() >= 11 && wrong >= 30, "{} files, {wrong} wrong queries", files.len());
}

fn read(file: &Path) -> Scenario {
    let text = std::fs::read_to_string(file).unwrap();
    prejoin::yaml::parse(file, &text).unwrap_or_else(|finding| panic!("{finding}"))
}

/// An index, the API in front of it, and a listener between the two.
struct Stage {
    direct: Api,
    api: Api,
    between: FaultProxy,
    keys: BTreeMap<String, String>,
    is_core: bool,
}

impl Stage {
    async fn set(engine: TestEngine, scenario: &Scenario) -> Self {
        let client = engine.client().await;
        let is_core = client.engine().flavor == Flavor::Elasticsearch;
        let core = scenario.on_the_core.as_ref().filter(|_| is_core);
        let mapping = |properties: &Value| {
            let file = json!({"mappings": {"dynamic": "strict", "properties": properties}});
            Mapping::parse(Path::new("mappings/a.json"), &file.to_string()).unwrap()
        };
        let properties = core.map_or(&scenario.properties, |core| &core.properties);
        let analysis = Value::Object(scenario.analysis.clone());
        let direct = Api::over(client, &mapping(properties));
        if let Some(core) = core {
            let whole = mapping(&scenario.properties).body();
            let refused = direct.create_with(1, &whole, &analysis).await;
            let said = String::from_utf8_lossy(&refused.body);
            assert!(!refused.is_success(), "the core has what it is said to lack");
            assert!(said.contains(&core.refuses), "{said}");
            direct.create(1, &mapping(properties).body()).await;
        } else {
            let body = mapping(properties).body();
            direct.create_with(1, &body, &analysis).await.success().unwrap();
        }
        let between = FaultProxy::to(&engine.url().await).await;
        let client = Client::connect(&config(&between.url())).await.unwrap();
        let keys: BTreeMap<_, _> =
            scenario.callers.keys().map(|name| (name.clone(), keys::draw())).collect();
        let api = direct.through_configured(client, &access(scenario, &direct.alias, &keys));
        let stage = Self { direct, api, between, keys, is_core };
        stage.change(&scenario.documents).await;
        stage
    }

    async fn change(&self, documents: &Changes) {
        let lines = documents.iter().map(|(id, document)| match document {
            Value::Null => format!("{}\n", json!({"delete": {"_id": id}})),
            document => {
                let mut document = document.clone();
                document["_prejoin"] = json!({"id": id});
                format!("{}\n{document}\n", json!({"index": {"_id": id}}))
            }
        });
        let lines: String = lines.collect();
        if !lines.is_empty() {
            self.direct.bulk(1, lines).await;
        }
    }

    async fn play(self, scenario: &Scenario) {
        let mut next = String::new();
        for asked in &scenario.requests {
            let place = format!("{}: {}", scenario.what, asked.what);
            self.change(&asked.changes).await;
            let told = asked.on_the_core.as_ref().filter(|_| self.is_core);
            let dsl = told.and_then(|told| told.dsl.as_ref()).or(asked.dsl.as_ref());
            let answer = told.and_then(|told| told.answer.as_ref()).unwrap_or(&asked.answer);
            for request in self.requests(asked, &next) {
                let is_get = request.method() == HttpMethod::GET;
                let before = self.between.seen("_search?").len();
                let reply = self.api.send(request).await;
                let seen = self.between.seen("_search?").split_off(before);
                // What a row shows of itself is left to the body.
                let asked: fn(&Value) -> Value = if is_get { but_source } else { Value::clone };
                let shown = if is_get { by_ids } else { Value::clone };
                let sent: Value = seen.iter().map(|seen| asked(&sent(&seen.body))).collect();
                assert_same(&sent, &dsl.into_iter().map(asked).collect(), &place);
                assert_same(&shown(&bare(&reply)), &shown(answer), &place);
                next = reply.json()["page"]["next"].as_str().unwrap_or_default().to_owned();
            }
            // Where the index is another, they may be as well.
            if !self.is_core || scenario.on_the_core.is_none() {
                for wrong in &asked.wrong {
                    self.try_wrong(wrong, answer, &place).await;
                }
            }
        }
        self.direct.remove().await;
    }

    /// The same request in all the ways that the file has; `next` is the cursor of the answer before.
    fn requests(&self, asked: &Asked, next: &str) -> Vec<Request<Body>> {
        let written = |text: &str| text.replace("NEXT", next);
        let mut ways = Vec::new();
        if let Some(body) = &asked.search {
            let post = Request::post(self.api.path()).header("content-type", "application/json");
            ways.push(post.body(Body::from(written(&body.to_string()))).unwrap());
        }
        if let Some(query) = &asked.get {
            let query = utf8_percent_encode(&written(query), ENCODED).to_string();
            let path = format!("/v1/{}?{query}", self.api.alias);
            ways.push(Request::get(path).body(Body::empty()).unwrap());
        }
        assert!(!ways.is_empty(), "{} asks nothing", asked.what);
        if let Some(by) = &asked.by {
            let key: HeaderValue = self.keys[by].parse().unwrap();
            ways.iter_mut()
                .for_each(|way| drop(way.headers_mut().insert("x-api-key", key.clone())));
        }
        ways
    }

    async fn try_wrong(&self, wrong: &Wrong, right: &Value, place: &str) {
        let segments = [self.direct.alias.as_str(), "_search"];
        let answer =
            self.direct.client.send(Method::Post, &segments, &[], &wrong.dsl).await.unwrap();
        let body: Value = answer.json().unwrap();
        let ids = |rows: &Value| -> Vec<Value> {
            rows.as_array().into_iter().flatten().map(|row| row["_id"].clone()).collect()
        };
        let highlights = |hits: &Value| -> Map<String, Value> {
            let hits = hits.as_array().into_iter().flatten();
            hits.map(|hit| (hit["_id"].as_str().unwrap().to_owned(), hit["highlight"].clone()))
                .collect()
        };
        let hits = &body["hits"]["hits"];
        let told = json!({
            "status": answer.status, "ids": ids(hits), "highlights": highlights(hits), "aggregations": body["aggregations"],
        });
        let why = &wrong.why;
        let expected = wrong.on_the_core.as_ref().filter(|_| self.is_core).unwrap_or(&wrong.answer);
        assert!(is_part(expected, &told), "{place}: {why}\n{told}");
        let is_right = expected.get("ids").is_some() && ids(&right["data"]) == ids(hits);
        assert!(!is_right, "{place}: {why}: it is not wrong at all");
    }
}

/// The settings with this role, and a key for each caller.
fn access(scenario: &Scenario, alias: &str, keys: &BTreeMap<String, String>) -> ApiConfig {
    let Some(seen) = &scenario.role else { return ApiConfig::default() };
    let role =
        json!({"operations": ["search", "get", "facet", "aggregate", "export"], "indexes": {}});
    let mut roles: BTreeMap<String, prejoin::config::RoleConfig> =
        serde_json::from_value(json!({"viewer": role})).unwrap();
    roles.get_mut("viewer").unwrap().indexes.insert(alias.to_owned(), seen.clone());
    let keys = keys.iter().map(|(name, key)| KeyConfig {
        name: name.clone(),
        sha256: keys::hash(key),
        role: "viewer".to_owned(),
        claims: scenario.callers[name].clone(),
    });
    ApiConfig {
        auth: AuthConfig::Known { keys: keys.collect(), jwt: None },
        roles,
        ..ApiConfig::default()
    }
}

/// What the engine was sent, but for what differs from run to run.
fn sent(body: &[u8]) -> Value {
    let mut body: Value = serde_json::from_slice(body).unwrap();
    if let Some(pit) = body.get_mut("pit") {
        pit["id"] = "PIT".into();
    }
    // Elasticsearch adds a place of its own to the keys of a snapshot's rows.
    let keys = body["sort"].as_array().unwrap().len();
    if let Some(after) = body.get_mut("search_after") {
        after.as_array_mut().unwrap().truncate(keys);
    }
    body
}

fn bare(reply: &Reply) -> Value {
    let mut json = reply.json();
    if reply.status != 200 {
        return json!({"status": reply.status, "code": json["code"]});
    }
    let members = json.as_object_mut().unwrap();
    members.remove("meta");
    let page = members.remove("page").unwrap();
    members.insert("has_next".to_owned(), page["has_next"].clone());
    json
}

/// A query, whatever it asks for of the documents that it finds.
fn but_source(dsl: &Value) -> Value {
    let mut dsl = dsl.clone();
    dsl.as_object_mut().unwrap().remove("_source");
    dsl
}

/// An answer with nothing of its rows but their ids.
fn by_ids(answer: &Value) -> Value {
    let mut answer = answer.clone();
    for row in answer.get_mut("data").and_then(Value::as_array_mut).into_iter().flatten() {
        *row = row["_id"].clone();
    }
    answer
}

fn assert_same(is: &Value, should: &Value, place: &str) {
    assert!(is == should, "{place}\n  is\n{is}\n  should be\n{should}");
}

/// Whether all of `part` is in `whole`; lists are compared element by element.
fn is_part(part: &Value, whole: &Value) -> bool {
    match (part, whole) {
        (Value::Object(part), Value::Object(whole)) => {
            part.iter().all(|(name, value)| whole.get(name).is_some_and(|it| is_part(value, it)))
        }
        (Value::Array(part), Value::Array(whole)) => {
            part.len() == whole.len()
                && part.iter().zip(whole).all(|(part, whole)| is_part(part, whole))
        }
        _ => part == whole,
    }
}
