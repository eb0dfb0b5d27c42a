//! What the API says of itself: fields for forms, and OpenAPI for clients.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use prejoin::access::keys;
use prejoin::config::{Algorithm, ApiConfig, AuthConfig, JwtConfig, JwtKeys, KeyConfig, Secret};
use prejoin::query::SEARCH_KEYS;

use super::harness::Api;
use crate::support::engines::{TestEngine, on_both_engines};

on_both_engines!(each_field_is_told_with_what_it_can_serve);

async fn get(api: &Api, path: &str) -> Value {
    let reply = api.send(Request::get(path).body(Body::empty()).unwrap()).await;
    assert_eq!((reply.status, reply.content_type.as_str()), (200, "application/json"), "{path}");
    reply.json()
}

async fn each_field_is_told_with_what_it_can_serve(engine: TestEngine) {
    let api = Api::empty(engine.client().await).await;
    let answer = get(&api, &format!("/v1/schema/{}", api.alias)).await;
    assert_eq!(answer["meta"]["index"], format!("{}-000001", api.alias));
    assert_eq!(answer["data"], get(&api, "/v1/schema").await["data"][0]);
    let fields = answer["data"]["fields"].as_array().unwrap();
    let told = |path: &str| {
        fields.iter().find(|field| field["path"] == path).unwrap_or_else(|| panic!("{path}"))
    };
    assert_eq!(fields.len(), api.fields.iter().count());
    assert_eq!(
        (&told("amount")["type"], &told("amount")["kind"]),
        (&json!("long"), &json!("integer"))
    );
    assert_eq!(told("settlements.lines.code")["list"], "settlements.lines");
    // Whatever is told can be asked.
    for field in fields.iter().filter(|field| field["sortable"] == true) {
        let reply = api.search(&json!({"sort": [{"field": field["path"]}]})).await;
        assert_eq!(reply.status, 200, "{field}: {}", reply.text);
    }
    let unknown = Request::get("/v1/schema/nothing").body(Body::empty()).unwrap();
    assert_eq!(api.send(unknown).await.status, 404);
    api.remove().await;
}

/// Every `$ref` below, and where it stands.
fn references(at: &str, value: &Value, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                if let ("$ref", Value::String(to)) = (name.as_str(), value) {
                    found.push((at.to_owned(), to.clone()));
                }
                references(&format!("{at}/{name}"), value, found);
            }
        }
        Value::Array(elements) => {
            for (number, value) in elements.iter().enumerate() {
                references(&format!("{at}/{number}"), value, found);
            }
        }
        _ => {}
    }
}

/// Paths of the router's source, each with the methods that it answers; those of dialects are what their packages say of them.
fn routes() -> BTreeMap<String, BTreeSet<String>> {
    let source = include_str!("../../src/api/mod.rs");
    let mut routes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for route in source.split(".route(").skip(1) {
        let end = route.find("\n        .").unwrap_or(route.len());
        let route = &route[..end];
        let path = route.split('"').nth(1).unwrap_or_else(|| panic!("no path: {route}"));
        let answers = |method: &&&str| route.contains(&format!("{method}("));
        let methods = ["get", "post"].iter().filter(answers).map(|method| (*method).to_owned());
        if path.starts_with("/dialects/") {
            continue;
        }
        routes.entry(path.to_owned()).or_default().extend(methods);
    }
    // What stands behind a colon, one handler tells apart.
    let source = include_str!("../../src/api/get.rs");
    for action in source.split("        Some(\"").skip(1).filter_map(|rest| rest.split('"').next())
    {
        routes.insert(format!("/v1/{{index}}:{action}"), BTreeSet::from(["get".to_owned()]));
    }
    routes
}

#[tokio::test]
async fn every_route_is_described() {
    let api = Api::empty(TestEngine::OpenSearch.client().await).await;
    let document = get(&api, "/openapi.json").await;
    let routes = routes();
    assert!(routes.contains_key("/v1/{index}:facet"), "{routes:?}");
    assert!(routes.len() >= 8 && routes.values().all(|methods| !methods.is_empty()), "{routes:?}");
    let expected: BTreeMap<String, BTreeSet<String>> = routes
        .into_iter()
        .map(|(path, methods)| {
            let named = path.replace("/v1/{index}", &format!("/v1/{}", api.alias));
            (named.replace("/v1/schema/{index}", &format!("/v1/schema/{}", api.alias)), methods)
        })
        .collect();
    let described =
        document["paths"].as_object().unwrap().iter().map(|(path, item)| {
            (path.clone(), item.as_object().unwrap().keys().cloned().collect())
        });
    assert_eq!(described.collect::<BTreeMap<_, BTreeSet<String>>>(), expected);
    api.remove().await;
}

#[tokio::test]
async fn every_parameter_is_described() {
    let api = Api::empty(TestEngine::OpenSearch.client().await).await;
    let document = get(&api, "/openapi.json").await;
    for (action, least) in [("", 18), (":facet", 9)] {
        let path = format!("/v1/{}{action}", api.alias);
        let parameters = document["paths"][&path]["get"]["parameters"].as_array().unwrap();
        let described: BTreeSet<&str> =
            parameters.iter().map(|parameter| parameter["name"].as_str().unwrap()).collect();
        // What it knows it tells whoever asks by a name that is like none of them.
        let request = Request::get(format!("{path}?nothing_of_the_kind[]=1"));
        let refused = api.send(request.body(Body::empty()).unwrap()).await.json();
        let known = refused["detail"].as_str().unwrap().strip_prefix("known are ").unwrap();
        let known: Vec<&str> = known.split(", ").filter(|name| *name != "view").collect();
        assert!(known.len() >= least, "{known:?}");
        for name in known {
            assert!(described.contains(name), "{path}: {name} is not described");
        }
    }
    api.remove().await;
}

/// Every member of a search has a schema that says something.
fn members_are_described(document: &Value, alias: &str) {
    let pointer = format!("/components/schemas/{alias}.Search/properties");
    let members = document.pointer(&pointer).unwrap().as_object().unwrap();
    for key in SEARCH_KEYS {
        let schema = members.get(key).unwrap_or_else(|| panic!("{key} is not described"));
        let told = ["type", "$ref", "anyOf"].iter().any(|word| schema.get(word).is_some());
        assert!(told, "{key}: {schema}");
    }
    assert!(!members.contains_key("view"), "there are no views");
    assert!(
        members["q"]["properties"]["fields"]["items"]["enum"]
            .as_array()
            .unwrap()
            .contains(&json!("note"))
    );
    assert!(
        document.get("security").is_none()
            && document["components"].get("securitySchemes").is_none()
    );
}

#[tokio::test]
async fn the_description_holds_together() {
    let api = Api::empty(TestEngine::OpenSearch.client().await).await;
    let document = get(&api, "/openapi.json").await;
    assert_eq!(document["openapi"], "3.1.0");
    assert!(document["info"]["title"].is_string() && document["info"]["version"].is_string());
    let mut found = Vec::new();
    references("", &document, &mut found);
    assert!(found.len() > 20, "{}", found.len());
    for (at, to) in found {
        let pointer = to.strip_prefix('#').unwrap_or_else(|| panic!("{at}: {to}"));
        assert!(document.pointer(pointer).is_some(), "{at}: {to}");
    }
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(ids.insert(id.to_owned()), "{id} stands twice");
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.contains_key("200"), "{method} {path}");
            for (status, response) in responses {
                assert!(status.parse::<u16>().is_ok(), "{status}");
                let told = response["description"].is_string() || response["$ref"].is_string();
                assert!(told, "{method} {path} {status}");
            }
            let declared = operation["parameters"].as_array().into_iter().flatten();
            let declared: BTreeSet<&str> = declared
                .filter(|parameter| parameter["in"] == "path" && parameter["required"] == true)
                .map(|parameter| parameter["name"].as_str().unwrap())
                .collect();
            let needed = path.split('{').skip(1).filter_map(|rest| rest.split('}').next());
            assert_eq!(declared, needed.collect::<BTreeSet<_>>(), "{method} {path}");
        }
    }
    let names = document["components"]["schemas"].as_object().unwrap().keys();
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    for name in names {
        assert!(name.chars().all(plain), "{name}");
    }
    let pointer = format!("/components/schemas/{}.Filter/properties/amount/properties", api.alias);
    let operators = document.pointer(&pointer).unwrap().as_object().unwrap();
    assert_eq!(operators["gte"]["type"], "integer");
    members_are_described(&document, &api.alias);
    let row = format!("/components/schemas/{}.Row/properties/manager/properties/name", api.alias);
    assert!(document.pointer(&row).is_some());
    api.remove().await;
}

/// The description for one who brings that key, and that way of telling callers apart.
async fn described(api: &Api, key: &str, jwt: Option<Box<JwtConfig>>) -> Value {
    let index = json!({"fields": ["status", "amount", "title", "settlements"]});
    let role = json!({"operations": ["search", "facet"], "indexes": {api.alias.as_str(): index}});
    let views = json!({api.alias.as_str(): {"mobile": {}, "web": {}}});
    let known = KeyConfig {
        name: "ada".to_owned(),
        sha256: keys::hash(key),
        role: "viewer".to_owned(),
        claims: serde_json::Map::new(),
    };
    let config = ApiConfig {
        auth: AuthConfig::Known { keys: vec![known], jwt },
        roles: serde_json::from_value(json!({"viewer": role})).unwrap(),
        views: serde_json::from_value(views).unwrap(),
        ..ApiConfig::default()
    };
    let request = Request::get("/openapi.json").header("x-api-key", key);
    let reply = api.configured(&config).send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()
}

#[tokio::test]
async fn what_a_caller_brings_is_described() {
    let api = Api::empty(TestEngine::OpenSearch.client().await).await;
    let key = keys::draw();
    let told = described(&api, &key, None).await;
    assert_eq!(told["security"], json!([{"key": []}]));
    let way = &told["components"]["securitySchemes"]["key"];
    assert_eq!(
        (&way["type"], &way["in"], &way["name"]),
        (&json!("apiKey"), &json!("header"), &json!("x-api-key"))
    );
    // Nobody is asked who they are by what watches the server.
    assert_eq!(told["paths"]["/healthz"]["get"]["security"], json!([]));
    let path = |action: &str| format!("/v1/{}{action}", api.alias);
    assert!(told["paths"][path("")]["get"].get("security").is_none());
    assert!(
        told["paths"].get(path(":facet")).is_some() && told["paths"].get(path("/{id}")).is_none()
    );
    let search = &told["components"]["schemas"][format!("{}.Search", api.alias)]["properties"];
    assert_eq!(search["view"]["enum"], json!(["mobile", "web"]));
    assert_eq!(
        search["q"]["properties"]["fields"]["items"]["enum"],
        json!(["settlements.note", "title"])
    );
    let jwt = JwtConfig {
        issuer: "https://id.example.com".to_owned(),
        audience: vec!["prejoin".to_owned()],
        algorithms: vec![Algorithm::HS256],
        keys: JwtKeys::Secret(Secret::plain("a secret that has 32 bytes, or more of them")),
        role_claim: "role".to_owned(),
        leeway: std::time::Duration::ZERO,
    };
    let told = described(&api, &key, Some(Box::new(jwt))).await;
    assert_eq!(told["security"], json!([{"key": []}, {"token": []}]));
    let way = &told["components"]["securitySchemes"]["token"];
    assert_eq!(
        (&way["type"], &way["scheme"], &way["bearerFormat"]),
        (&json!("http"), &json!("bearer"), &json!("JWT"))
    );
    api.remove().await;
}
