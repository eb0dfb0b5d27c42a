//! One document by its id, and whether there is anything to ask for.

use axum::body::Body;
use axum::http::Request;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use prejoin::sink::Client;
use serde_json::{Value, json};

use super::documents;
use super::harness::{Api, Reply};
use crate::support::engines::{TestEngine, config, on_both_engines};
use crate::support::fault_proxy::{Fault, FaultProxy};

on_both_engines!(a_document_is_had_by_its_id, ready_is_what_can_be_searched);

const IDS: [&str; 9] =
    ["1", "a/b", "search", "김철수 1", "..", "a%2Fb", "?x=1#y", "a+b", "\"quoted\\\""];

fn named(id: &str) -> Value {
    json!({"no": id, "amount": 9_007_199_254_740_993_i64, "manager": {"name": "김철수", "team": {"name": "A"}}, "_prejoin": {"id": id}})
}

async fn get(api: &Api, path: &str) -> Reply {
    api.send(Request::get(path).body(Body::empty()).unwrap()).await
}

fn path(api: &Api, id: &str, query: &str) -> String {
    format!("/v1/{}/{}{query}", api.alias, utf8_percent_encode(id, NON_ALPHANUMERIC))
}

async fn a_document_is_had_by_its_id(engine: TestEngine) {
    let api = Api::with(engine.client().await, &IDS.map(named)).await;
    for id in IDS {
        // `search` is a path of its own, unless a letter of it is written as its number.
        let path = path(&api, id, "").replace("/search", "/%73earch");
        let reply = get(&api, &path).await;
        assert_eq!(reply.status, 200, "{id}: {}", reply.text);
        let json = reply.json();
        assert_eq!(json["data"]["_id"], id);
        assert_eq!(json["data"]["no"], id);
        assert_eq!(json["meta"]["index"], format!("{}-000001", api.alias));
        assert!(json["data"].get("_prejoin").is_none());
    }
    let some = get(&api, &path(&api, "a/b", "?fields=amount,manager.name")).await;
    assert_eq!(
        some.json()["data"].to_string(),
        r#"{"_id":"a/b","amount":9007199254740993,"manager":{"name":"김철수"}}"#
    );
    let refused = get(&api, &path(&api, "1", "?fields=manger.name")).await;
    assert_eq!((refused.status, refused.json()["code"].clone()), (400, json!("unknown_field")));
    assert_eq!(refused.json()["errors"][0]["parameter"], "fields");
    assert!(refused.json()["errors"][0].get("pointer").is_none());
    let refused = get(&api, &path(&api, "1", "?field=no")).await;
    assert_eq!((refused.status, refused.json()["code"].clone()), (400, json!("unknown_parameter")));
    assert_eq!(refused.json()["errors"][0]["parameter"], "field");
    for absent in ["2", "A/B", "*", "김"] {
        let shown = get(&api, &path(&api, absent, "")).await.shown(&api.alias);
        insta::allow_duplicates! {
            insta::assert_snapshot!(shown, @r#"
            404 application/problem+json
            {
              "type": "urn:prejoin:problem:unknown_document",
              "title": "Unknown document",
              "status": 404,
              "code": "unknown_document",
              "message": "there is no document of this id",
              "request_id": "ID"
            }
            "#);
        }
    }
    let code = |reply: Reply| reply.json()["code"].as_str().unwrap().to_owned();
    assert_eq!(code(get(&api, "/v1/nothing/1").await), "unknown_index");
    assert_eq!(code(get(&api, &format!("/v1/{}/%FF", api.alias)).await), "unknown_document");
    api.remove().await;
}

async fn ready_is_what_can_be_searched(engine: TestEngine) {
    let missing = Api::over(engine.client().await, &documents::mapping());
    let shown = get(&missing, "/readyz").await.shown(&missing.alias);
    insta::allow_duplicates! {
        insta::assert_snapshot!(shown, @r#"
        503 application/problem+json
        {
          "type": "urn:prejoin:problem:not_ready",
          "title": "Not ready",
          "status": 503,
          "code": "not_ready",
          "message": "cannot be searched now: `ALIAS`",
          "detail": "the log tells why",
          "request_id": "ID"
        }
        "#);
    }
    let api = Api::empty(engine.client().await).await;
    let reply = get(&api, "/readyz").await;
    assert_eq!((reply.status, reply.text.as_str()), (200, r#"{"status":"ok"}"#));
    api.remove().await;
}

#[tokio::test]
async fn a_probe_that_goes_away_leaves_its_answer_to_the_next() {
    let direct = Api::empty(TestEngine::OpenSearch.client().await).await;
    let proxy = FaultProxy::to(&TestEngine::OpenSearch.url().await).await;
    let api = direct.through(Client::connect(&config(&proxy.url())).await.unwrap());
    proxy.then("_search", [Fault::Late]);
    tokio::select! {
        _ = get(&api, "/readyz") => panic!("the engine has not answered yet"),
        () = proxy.until_seen("_search", 1) => {}
    }
    proxy.let_go();
    assert_eq!(get(&api, "/readyz").await.status, 200);
    assert_eq!(proxy.seen("_search").len(), 1);
    direct.remove().await;
}

#[tokio::test]
async fn the_engine_is_not_asked_for_every_probe() {
    let direct = Api::empty(TestEngine::OpenSearch.client().await).await;
    let proxy = FaultProxy::to(&TestEngine::OpenSearch.url().await).await;
    let api = direct.through(Client::connect(&config(&proxy.url())).await.unwrap());
    let part = r#"{"took": 1, "timed_out": false, "_shards": {"total": 2, "failed": 1}, "hits": {"hits": []}}"#;
    proxy.then("_search", [Fault::AnswerAfter(part)]);
    for _ in 0..3 {
        assert_eq!(get(&api, "/readyz").await.status, 503);
    }
    assert_eq!(proxy.seen("_search").len(), 1);
    direct.remove().await;
}
