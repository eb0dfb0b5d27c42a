//! An index that is replaced by one that a role does not fit: nothing of it is shown, from the first request on.

use std::path::Path;

use axum::body::Body;
use axum::http::Request;
use prejoin::access::keys;
use prejoin::config::{ApiConfig, AuthConfig, KeyConfig};
use prejoin::mapping::Mapping;
use prejoin::sink::Method;
use serde_json::{Map, Value, json};

use super::harness::{Api, Reply};
use super::log::Log;
use crate::support::engines::TestEngine;

const SECRET: &str = "800101";

fn mapping(number: &str) -> Mapping {
    let text = json!({"mappings": {"properties": {"no": {"type": "keyword"}, number: {"type": "keyword"}}}});
    Mapping::parse(Path::new("m.json"), &text.to_string()).unwrap()
}

async fn replaced(api: &Api, generation: usize, number: &str) {
    api.create(generation, &mapping(number).body()).await;
    api.put(generation, &[json!({"no": "K-1", number: SECRET, "_prejoin": {"id": "1"}})]).await;
}

/// All that the role may ask for.
async fn everything(api: &Api, key: &str) -> Vec<Reply> {
    let post = |path: &str, body: Value| {
        let path = format!("/v1/{}{path}", api.alias);
        let request = Request::post(path).header("content-type", "application/json");
        (request, Body::from(body.to_string()))
    };
    let get = |path: String| (Request::get(path), Body::empty());
    let facet = json!({"facets": {"no": {"type": "terms"}}, "page": {"size": 0}});
    let asked = [
        post("/search", json!({})),
        post("/search", facet),
        post("/export", json!({"format": "ndjson"})),
        post("/explain", json!({})),
        get(format!("/v1/{}/1", api.alias)),
        get(format!("/v1/{}:facet?field=no", api.alias)),
        get(format!("/v1/schema/{}", api.alias)),
    ];
    let mut replies = Vec::new();
    for (request, body) in asked {
        replies.push(api.send(request.header("x-api-key", key).body(body).unwrap()).await);
    }
    replies
}

#[tokio::test]
async fn an_index_without_what_a_role_hides_is_closed_to_it_at_once() {
    let whole = Api::over(TestEngine::OpenSearch.client().await, &mapping("number"));
    let key = keys::draw();
    let index = json!({"fields": ["*"], "hidden": ["number"]});
    let role = json!({"operations": ["search", "get", "facet", "explain", "export"], "indexes": {whole.alias.as_str(): index}});
    let known = KeyConfig {
        name: "ada".to_owned(),
        sha256: keys::hash(&key),
        role: "viewer".to_owned(),
        claims: Map::new(),
    };
    let api = whole.configured(&ApiConfig {
        auth: AuthConfig::Known { keys: vec![known], jwt: None },
        roles: serde_json::from_value(json!({"viewer": role})).unwrap(),
        ..ApiConfig::default()
    });
    let (log, _listening) = Log::listen();
    replaced(&api, 1, "number").await;
    for reply in everything(&api, &key).await {
        assert_eq!(reply.status, 200, "{}", reply.text);
        assert!(!reply.text.contains(SECRET) && !reply.text.contains("number"), "{}", reply.text);
    }
    // The new index has it by another name.
    replaced(&api, 2, "renamed").await;
    for reply in everything(&api, &key).await {
        assert_eq!(
            (reply.status, &reply.json()["code"]),
            (500, &json!("internal")),
            "{}",
            reply.text
        );
        assert!(!reply.text.contains(SECRET) && !reply.text.contains("renamed"), "{}", reply.text);
    }
    let said = "the index does not have what the role hides or masks: it sees nothing of it";
    let line = log.next(said).await;
    assert_eq!((&line["role"], &line["path"]), (&json!("viewer"), &json!("number")));
    replaced(&api, 3, "number").await;
    for reply in everything(&api, &key).await {
        assert_eq!(reply.status, 200, "{}", reply.text);
        assert!(!reply.text.contains(SECRET), "{}", reply.text);
    }
    for generation in 2..=3 {
        let index = format!("{}-{generation:06}", api.alias);
        api.client.call(Method::Delete, &[&index], &[], None).await.unwrap();
    }
    whole.remove().await;
}
