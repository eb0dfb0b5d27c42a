//! What is no export, or one too many.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use prejoin::access::keys;
use prejoin::config::{ApiConfig, AuthConfig, ExportConfig, KeyConfig, RateConfig};
use prejoin::sink::Client;
use serde_json::{Map, Value, json};

use super::super::harness::{Api, Reply};
use crate::support::engines::{TestEngine, config};
use crate::support::fault_proxy::{Fault, FaultProxy};

async fn asked(api: &Api, body: &Value, key: Option<&str>) -> Reply {
    let request = Request::post(format!("/v1/{}/export", api.alias));
    let mut request = request.header("content-type", "application/json");
    if let Some(key) = key {
        request = request.header("x-api-key", key);
    }
    api.send(request.body(Body::from(body.to_string())).unwrap()).await
}

fn code(reply: &Reply) -> (u16, String) {
    (reply.status, reply.json()["code"].as_str().unwrap_or_default().to_owned())
}

fn told(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn faults_are_told_as_those_of_a_search() {
    let api = Api::empty(TestEngine::OpenSearch.client().await).await;
    let body = json!({"format": "xls", "columns": ["titel", "settlements.amount"], "filter": {"amount": {"eq": "x"}}, "page": {}});
    let reply = asked(&api, &body, None).await;
    assert_eq!(reply.content_type, "application/problem+json");
    let json = reply.json();
    let errors = json["errors"].as_array().unwrap().iter();
    let errors: Vec<_> =
        errors.map(|error| format!("{} {}", error["pointer"], error["code"])).collect();
    insta::assert_snapshot!(errors.join("\n"), @r#"
        "/format" "invalid_value"
        "/page" "unknown_key"
        "/filter/amount/eq" "invalid_value"
        "/columns/0" "unknown_field"
        "#);
    let view = asked(&api, &json!({"view": "mobile"}), None).await;
    assert_eq!(code(&view), told(400, "unknown_view"));
    assert_eq!(code(&asked(&api, &json!([]), None).await), told(400, "invalid_value"));
    api.remove().await;
}

#[tokio::test]
async fn a_role_exports_what_it_sees_if_it_may() {
    let api = Api::filled(TestEngine::OpenSearch.client().await).await;
    let (ada, bob) = (keys::draw(), keys::draw());
    let key = |name: &str, key: &str| KeyConfig {
        name: name.to_owned(),
        sha256: keys::hash(key),
        role: name.to_owned(),
        claims: Map::new(),
    };
    let index = json!({"fields": ["*"], "hidden": ["manager", "settlements.amount"], "masked": {"title": "all"},
        "filter": {"status": {"eq": "paid"}}});
    let role = |operations: Value| json!({"operations": operations, "indexes": {api.alias.clone(): index}});
    let roles = json!({"ada": role(json!(["export"])), "bob": role(json!(["search", "get"]))});
    let watched = api.configured(&ApiConfig {
        auth: AuthConfig::Known { keys: vec![key("ada", &ada), key("bob", &bob)], jwt: None },
        roles: serde_json::from_value(roles).unwrap(),
        ..ApiConfig::default()
    });
    assert_eq!(code(&asked(&watched, &json!({}), None).await), told(401, "unauthenticated"));
    assert_eq!(code(&asked(&watched, &json!({}), Some(&bob)).await), told(403, "forbidden"));
    let lines = asked(&watched, &json!({"format": "ndjson"}), Some(&ada)).await;
    let expected =
        asked(&api, &json!({"format": "ndjson", "filter": {"status": {"eq": "paid"}}}), None).await;
    assert_eq!(lines.text.lines().count(), expected.text.lines().count());
    let mut settled = 0;
    for (line, expected) in lines.text.lines().zip(expected.text.lines()) {
        let (line, expected): (Value, Value) =
            (serde_json::from_str(line).unwrap(), serde_json::from_str(expected).unwrap());
        assert_eq!(line["_id"], expected["_id"]);
        assert!(line["manager"].is_null());
        let elements = line["settlements"].as_array().into_iter().flatten();
        for element in elements {
            assert!(element.get("amount").is_none() && element.get("due").is_some(), "{line}");
            settled += 1;
        }
        assert!(line["title"].is_null() || line["title"] == "***", "{line}");
    }
    assert!(settled > 10, "{settled} elements were looked at");
    for hidden in ["manager.name", "manager", "settlements.amount", "nowhere"] {
        let mut said = Vec::new();
        for body in [
            json!({"columns": [hidden]}),
            json!({"columns": [{"path": hidden, "as": "sum"}]}),
            json!({"fields": [hidden]}),
            json!({"explode": hidden}),
        ] {
            let reply = asked(&watched, &body, Some(&ada)).await;
            assert_eq!(code(&reply), told(400, "unknown_field"), "{body}");
            said.push(reply.json()["message"].to_string());
        }
        assert!(said.iter().all(|said| said.contains(hidden)), "{said:?}");
    }
    // A masked field is shown, and can be asked about in no other way.
    let masked = asked(&watched, &json!({"columns": ["title"]}), Some(&ada)).await;
    assert!(masked.text.contains("***"), "{}", masked.text);
    let counted =
        asked(&watched, &json!({"columns": [{"path": "title", "as": "count"}]}), Some(&ada)).await;
    assert_eq!(code(&counted), told(400, "unknown_field"));
    let headings = asked(&watched, &json!({}), Some(&ada)).await;
    let headings = headings.text.lines().next().unwrap();
    assert!(headings.contains("title") && !headings.contains("manager"), "{headings}");
    api.remove().await;
}

#[tokio::test]
async fn an_export_is_charged_by_its_rows() {
    let api = Api::filled(TestEngine::OpenSearch.client().await).await;
    let rate = RateConfig { quota: 20, window: Duration::from_secs(3_600), callers: 10 };
    let limited = api.configured(&ApiConfig { rate: Some(rate), ..ApiConfig::default() });
    let left = |reply: &Reply| {
        let limit = reply.headers["ratelimit"].to_str().unwrap().to_owned();
        limit.split(['=', ';']).nth(2).unwrap().parse::<u32>().unwrap()
    };
    // One, five for what is held, two for the count, and two for all rows beyond the first hundred.
    let whole = asked(&limited, &json!({}), None).await;
    assert_eq!((whole.status, left(&whole)), (200, 10));
    let few = asked(&limited, &json!({"limit": 10}), None).await;
    assert_eq!((few.status, left(&few)), (200, 2));
    assert_eq!(code(&asked(&limited, &json!({}), None).await), told(429, "rate_limited"));
    // One that costs more than a quota takes all of it, though a part is charged before the rest is known.
    let rate = RateConfig { quota: 9, ..rate };
    let limited = api.configured(&ApiConfig { rate: Some(rate), ..ApiConfig::default() });
    let whole = asked(&limited, &json!({}), None).await;
    assert_eq!((whole.status, left(&whole)), (200, 0));
    api.remove().await;
}

#[tokio::test]
async fn a_sheet_is_not_begun_that_could_not_hold_all() {
    let direct = Api::filled(TestEngine::OpenSearch.client().await).await;
    let proxy = FaultProxy::to(&TestEngine::OpenSearch.url().await).await;
    let api = direct.through(Client::connect(&config(&proxy.url())).await.unwrap());
    let counted = r#"{"took": 1, "timed_out": false, "_shards": {"total": 2, "failed": 0},
        "hits": {"total": {"value": 1048576, "relation": "eq"}, "hits": []}}"#;
    proxy.then("POST /_search?", [Fault::AnswerAfter(counted)]);
    let refused = asked(&api, &json!({"format": "xlsx"}), None).await;
    assert_eq!(code(&refused), told(422, "limit_exceeded"));
    assert!(proxy.is_spent());
    assert_eq!(proxy.seen("POST /_search?").len(), 1);
    assert_eq!(
        asked(&api, &json!({"format": "ndjson", "limit": 3}), None).await.text.lines().count(),
        4
    );
    direct.remove().await;
}

#[tokio::test]
async fn a_sheet_is_refused_where_a_cell_could_not_hold_a_text() {
    let long = json!({"memo": "긴".repeat(32_768), "no": "K-1", "_prejoin": {"id": "1"}});
    let api = Api::with(TestEngine::OpenSearch.client().await, &[long]).await;
    let refused = asked(&api, &json!({"format": "xlsx"}), None).await;
    assert_eq!(code(&refused), told(422, "limit_exceeded"));
    assert!(refused.json()["message"].as_str().unwrap().contains("`memo`"), "{}", refused.text);
    assert_eq!(asked(&api, &json!({}), None).await.status, 200);
    api.remove().await;
}

#[tokio::test]
async fn no_more_exports_are_under_way_than_may_be() {
    let direct = Api::filled(TestEngine::OpenSearch.client().await).await;
    let proxy = FaultProxy::to(&TestEngine::OpenSearch.url().await).await;
    let client = Client::connect(&config(&proxy.url())).await.unwrap();
    let exports = ExportConfig { at_a_time: 1, ..ExportConfig::default() };
    let api = direct.through_configured(client, &ApiConfig { exports, ..ApiConfig::default() });
    proxy.then("POST /_search?", [Fault::HoldAfter]);
    let body = json!({});
    let held = asked(&api, &body, None);
    let meanwhile = async {
        proxy.until_seen("POST /_search?", 1).await;
        asked(&api, &body, None).await
    };
    let refused = tokio::select! {
        _ = held => panic!("it is not held"),
        refused = meanwhile => refused,
    };
    assert_eq!(code(&refused), told(503, "too_many_exports"));
    assert!(refused.headers.contains_key("retry-after"));
    // Its caller has gone away.
    assert_eq!(asked(&api, &body, None).await.status, 200);
    direct.remove().await;
}
