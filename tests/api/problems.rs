//! Everything that goes wrong is told as a problem, in these words.

use axum::body::Body;
use axum::http::Request;
use serde_json::json;

use super::documents;
use super::harness::Api;
use crate::support::engines::{TestEngine, on_both_engines};

on_both_engines!(an_index_that_is_not_built_is_told, an_index_with_a_dead_shard_is_no_answer);

async fn api() -> Api {
    Api::empty(TestEngine::OpenSearch.client().await).await
}

#[tokio::test]
async fn a_faulty_body_is_told_with_every_place() {
    let api = api().await;
    let body = json!({
        "filter": {"manger.name": {"eq": "a"}, "settlements.status": {"eq": "paid"}, "memo": {"eq": "a"}},
        "sort": [{"field": "amount"}]});
    insta::assert_snapshot!(api.search(&body).await.shown(&api.alias), @r#"
    400 application/problem+json
    {
      "type": "urn:prejoin:problem:unknown_field",
      "title": "Unknown field",
      "status": 400,
      "code": "unknown_field",
      "message": "unknown field `manger.name`",
      "detail": "did you mean `manager.name`?",
      "request_id": "ID",
      "errors": [
        {
          "pointer": "/filter/manger.name",
          "code": "unknown_field",
          "detail": "unknown field `manger.name`; did you mean `manager.name`?"
        },
        {
          "pointer": "/filter/settlements.status",
          "code": "needs_some",
          "detail": "`settlements.status` is a field of the elements of `settlements`; write {\"settlements\": {\"some\": {\"status\": …}}}"
        },
        {
          "pointer": "/filter/memo/eq",
          "code": "field_cannot_serve",
          "detail": "`memo` is a text, which cannot be compared as a whole; give it a sub-field of type `keyword` in the mapping"
        }
      ]
    }
    "#);
    api.remove().await;
}

#[tokio::test]
async fn a_body_that_is_over_a_limit_is_unprocessable() {
    let api = api().await;
    let body = json!({"page": {"size": 201}});
    insta::assert_snapshot!(api.search(&body).await.shown(&api.alias), @r#"
    422 application/problem+json
    {
      "type": "urn:prejoin:problem:limit_exceeded",
      "title": "Limit exceeded",
      "status": 422,
      "code": "limit_exceeded",
      "message": "a page has at most 200 rows",
      "detail": "fetch the rest with `page.after`",
      "request_id": "ID",
      "errors": [
        {
          "pointer": "/page/size",
          "code": "limit_exceeded",
          "detail": "a page has at most 200 rows; fetch the rest with `page.after`"
        }
      ]
    }
    "#);
    api.remove().await;
}

#[tokio::test]
async fn a_body_that_is_none_is_told() {
    let api = api().await;
    insta::assert_snapshot!(api.search_text("{\"filter\":\n  {\"paid\": yes}}").await.shown(&api.alias), @r#"
    400 application/problem+json
    {
      "type": "urn:prejoin:problem:invalid_json",
      "title": "Not valid JSON",
      "status": 400,
      "code": "invalid_json",
      "message": "not valid JSON at line 2, column 12",
      "request_id": "ID",
      "errors": [
        {
          "pointer": "",
          "code": "invalid_json",
          "detail": "not valid JSON at line 2, column 12"
        }
      ]
    }
    "#);
    let large = format!(r#"{{"filter": {{"no": {{"eq": "{}"}}}}}}"#, "a".repeat(64 << 10));
    insta::assert_snapshot!(api.search_text(&large).await.shown(&api.alias), @r#"
    413 application/problem+json
    {
      "type": "urn:prejoin:problem:body_too_large",
      "title": "Body too large",
      "status": 413,
      "code": "body_too_large",
      "message": "a body has at most 65536 bytes",
      "request_id": "ID"
    }
    "#);
    let form = Request::post(api.path()).header("content-type", "text/plain").body("{}".into());
    insta::assert_snapshot!(api.send(form.unwrap()).await.shown(&api.alias), @r#"
    415 application/problem+json
    {
      "type": "urn:prejoin:problem:unsupported_media_type",
      "title": "Unsupported media type",
      "status": 415,
      "code": "unsupported_media_type",
      "message": "the body is JSON, and says so",
      "detail": "send the header `Content-Type: application/json`",
      "request_id": "ID"
    }
    "#);
    let none = Request::post(api.path()).body(Body::empty()).unwrap();
    assert_eq!(api.send(none).await.status, 415);
    api.remove().await;
}

#[tokio::test]
async fn a_path_that_is_none_is_told() {
    let api = api().await;
    let json = |path: &str| {
        Request::post(path)
            .header("content-type", "application/json")
            .body(Body::from("{}"))
            .unwrap()
    };
    insta::assert_snapshot!(api.send(json("/v1/contrcts/search")).await.shown(&api.alias), @r#"
    404 application/problem+json
    {
      "type": "urn:prejoin:problem:unknown_index",
      "title": "Unknown index",
      "status": 404,
      "code": "unknown_index",
      "message": "unknown index `contrcts`",
      "detail": "known are ALIAS",
      "request_id": "ID"
    }
    "#);
    insta::assert_snapshot!(api.send(json("/v2")).await.shown(&api.alias), @r#"
    404 application/problem+json
    {
      "type": "urn:prejoin:problem:not_found",
      "title": "Not found",
      "status": 404,
      "code": "not_found",
      "message": "there is nothing at this path",
      "detail": "searches are GET /v1/{index}, or POST /v1/{index}/search",
      "request_id": "ID"
    }
    "#);
    assert_eq!(api.send(json("/v1/%FF/search")).await.status, 404);
    let get = Request::get(api.path()).body(Body::empty()).unwrap();
    let reply = api.send(get).await;
    assert_eq!(reply.headers["allow"], "POST");
    insta::assert_snapshot!(reply.shown(&api.alias), @r#"
    405 application/problem+json
    {
      "type": "urn:prejoin:problem:method_not_allowed",
      "title": "Method not allowed",
      "status": 405,
      "code": "method_not_allowed",
      "message": "this path does not answer this method",
      "request_id": "ID"
    }
    "#);
    api.remove().await;
}

#[tokio::test]
async fn a_request_to_another_host_is_refused() {
    let api = api().await;
    let asked = |host: &str| {
        let request = Request::post(api.path()).header("content-type", "application/json");
        request.header("host", host).body(Body::from("{}")).unwrap()
    };
    for host in ["localhost:8080", "127.0.0.1:8080", "[::1]:8080"] {
        assert_eq!(api.send(asked(host)).await.status, 200, "{host}");
    }
    for host in ["", "example.org:8080", "localhost.example.org", "192.168.0.1"] {
        assert_eq!(api.send(asked(host)).await.status, 421, "{host}");
    }
    insta::assert_snapshot!(api.send(asked("example.org")).await.shown(&api.alias), @r#"
    421 application/problem+json
    {
      "type": "urn:prejoin:problem:wrong_host",
      "title": "Wrong host",
      "status": 421,
      "code": "wrong_host",
      "message": "this server answers to its loopback names only",
      "detail": "send the header `Host: localhost`; a proxy in front must set it",
      "request_id": "ID"
    }
    "#);
    let absolute = Request::get("http://example.org/healthz").body(Body::empty()).unwrap();
    assert_eq!(api.send(absolute).await.status, 421);
    api.remove().await;
}

#[tokio::test]
async fn a_request_keeps_its_id() {
    let api = api().await;
    let asked =
        |id: &str| Request::get("/healthz").header("x-request-id", id).body(Body::empty()).unwrap();
    let reply = api.send(asked("abc-1.2_3")).await;
    assert_eq!((reply.status, reply.text.as_str()), (200, r#"{"status":"ok"}"#));
    assert_eq!(reply.headers["x-request-id"], "abc-1.2_3");
    let drawn = api.send(asked("a b")).await.headers["x-request-id"].clone();
    assert_eq!(drawn.len(), 36);
    let missing = Request::get("/x").header("x-request-id", "abc").body(Body::empty()).unwrap();
    assert_eq!(api.send(missing).await.json()["request_id"], "abc");
    api.remove().await;
}

async fn an_index_that_is_not_built_is_told(engine: TestEngine) {
    let api = Api::over(engine.client().await, &documents::mapping());
    let shown = api.search(&json!({})).await.shown(&api.alias);
    insta::allow_duplicates! {
        insta::assert_snapshot!(shown, @r#"
        503 application/problem+json
        {
          "type": "urn:prejoin:problem:index_missing",
          "title": "Index missing",
          "status": 503,
          "code": "index_missing",
          "message": "the index is not built yet",
          "detail": "`prejoin reindex` builds it",
          "request_id": "ID"
        }
        "#);
    }
}

async fn an_index_with_a_dead_shard_is_no_answer(engine: TestEngine) {
    use prejoin::sink::Method;
    let api = Api::over(engine.client().await, &documents::mapping());
    let index = format!("{}-000001", api.alias);
    let mut body = json!({"mappings": documents::mapping_on(api.client.engine().flavor).body(), "aliases": {}});
    body["settings"] =
        json!({"number_of_replicas": 0, "routing.allocation.require._name": "nowhere"});
    body["aliases"][&api.alias] = json!({});
    let at_once = [("wait_for_active_shards", "0")];
    api.client.call(Method::Put, &[&index], &at_once, Some(&body)).await.unwrap();
    let reply = api.search(&json!({})).await;
    assert_eq!((reply.status, reply.json()["code"].as_str().unwrap()), (503, "engine_unavailable"));
    api.remove().await;
}
