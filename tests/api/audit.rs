//! The line that each request leaves in the log: who has asked for which fields, and how much they were shown; no values.

use axum::body::Body;
use axum::http::Request;
use prejoin::access::keys;
use prejoin::config::{ApiConfig, AuthConfig, KeyConfig};
use serde_json::json;

use super::harness::Api;
use super::log::Log;
use crate::support::engines::TestEngine;

/// A value that is in a document, and asked for.
const VALUE: &str = "a-value-of-a-row";

#[tokio::test]
async fn each_request_says_who_has_asked_for_what() {
    let (log, _listening) = Log::listen();
    let document =
        json!({"title": VALUE, "status": "paid", "amount": 7, "_prejoin": {"id": VALUE}});
    let open = Api::with(TestEngine::OpenSearch.client().await, &[document]).await;
    let key = keys::draw();
    let known = KeyConfig {
        name: "report".to_owned(),
        sha256: keys::hash(&key),
        role: "viewer".to_owned(),
        claims: serde_json::Map::new(),
    };
    let role = json!({"operations": ["search", "get"], "indexes": {open.alias.as_str(): {"fields": ["*"]}}});
    let api = open.configured(&ApiConfig {
        auth: AuthConfig::Known { keys: vec![known], jwt: None },
        roles: serde_json::from_value(json!({"viewer": role})).unwrap(),
        ..ApiConfig::default()
    });
    let ask = async |path: String, key: &str, body: Option<serde_json::Value>| {
        let request = if body.is_some() { Request::post(path) } else { Request::get(path) };
        let request = request.header("x-api-key", key).header("content-type", "application/json");
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let reply = api.send(request.body(body).unwrap()).await;
        let text = log.text();
        for secret in [VALUE, key] {
            assert!(!text.contains(secret), "{text}");
        }
        let line = log.next("request").await;
        assert_eq!(line["request_id"], reply.headers["x-request-id"].to_str().unwrap());
        assert_eq!(line["status"], reply.status);
        assert!(line["ms"].is_u64(), "{line}");
        line
    };
    let index = format!("/v1/{}", api.alias);
    let body = json!({"filter": {"title": {"eq": VALUE}}, "sort": [{"field": "amount"}], "fields": ["status"]});
    let line = ask(api.path(), &key, Some(body)).await;
    let told =
        ["subject", "role", "known_by", "operation", "method"].map(|name| line[name].as_str());
    assert_eq!(told.map(Option::unwrap), ["report", "viewer", "key", "search", "POST"]);
    assert_eq!((&line["index"], &line["rows"]), (&json!(api.alias), &json!(1)));
    let fields: Vec<&str> = line["fields"].as_str().unwrap().split(',').collect();
    for field in ["title", "amount", "status"] {
        assert!(fields.contains(&field), "{line}");
    }

    let line = ask(format!("{index}/{VALUE}"), &key, None).await;
    assert_eq!((&line["operation"], &line["rows"]), (&json!("get"), &json!(1)));
    let refused = ask(format!("{index}?titel={VALUE}"), &key, None).await;
    assert_eq!((&refused["code"], &refused["rows"]), (&json!("unknown_field"), &json!(null)));
    let forbidden = json!({"aggregate": {"a": {"type": "group", "by": ["status"]}}});
    assert_eq!(ask(api.path(), &key, Some(forbidden)).await["code"], "forbidden");
    let stranger = ask(index, &keys::draw(), None).await;
    assert_eq!(
        (&stranger["code"], &stranger["subject"]),
        (&json!("invalid_credentials"), &json!(null))
    );
    open.remove().await;
}
