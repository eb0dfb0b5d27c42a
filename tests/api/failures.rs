//! An engine that fails: what the caller is told, and what not.

use std::time::Duration;

use prejoin::config::ApiConfig;
use prejoin::sink::Client;
use serde_json::json;

use super::harness::Api;
use super::log::Log;
use crate::support::engines::{TestEngine, config};
use crate::support::fault_proxy::{Fault, FaultProxy};

/// The API over an index, and the same one behind a proxy.
async fn behind_a_proxy(engine: TestEngine) -> (Api, Api, FaultProxy) {
    let direct = Api::empty(engine.client().await).await;
    let proxy = FaultProxy::to(&engine.url().await).await;
    let mut config = config(&proxy.url());
    config.request_timeout = Duration::from_secs(2);
    let client = Client::connect(&config).await.unwrap();
    let api = direct.through(client);
    (direct, api, proxy)
}

/// Status and code of a search that meets `fault`.
async fn told(fault: Fault) -> (u16, String) {
    let (direct, api, proxy) = behind_a_proxy(TestEngine::OpenSearch).await;
    proxy.then("_search", [fault]);
    let reply = api.search(&json!({"filter": {"no": {"eq": "hunter2"}}})).await;
    direct.remove().await;
    assert!(proxy.is_spent());
    assert!(!reply.text.contains("hunter2") && !reply.text.contains("exception"), "{}", reply.text);
    assert_eq!(reply.content_type, "application/problem+json");
    (reply.status, reply.json()["code"].as_str().unwrap().to_owned())
}

async fn assert_told(fault: Fault, status: u16, code: &str) {
    let shown = format!("{fault:?}");
    assert_eq!(told(fault).await, (status, code.to_owned()), "{shown}");
}

#[tokio::test]
async fn an_engine_that_cannot_answer_is_unavailable() {
    assert_told(Fault::Close, 503, "engine_unavailable").await;
    assert_told(Fault::CloseAfter, 503, "engine_unavailable").await;
    assert_told(Fault::Answer(429, "{}"), 503, "engine_unavailable").await;
    assert_told(Fault::Answer(503, "{}"), 503, "engine_unavailable").await;
    assert_told(Fault::Answer(200, "<html>"), 503, "engine_unavailable").await;
    let (direct, api, mut proxy) = behind_a_proxy(TestEngine::OpenSearch).await;
    proxy.down().await;
    assert_eq!(api.search(&json!({})).await.status, 503);
    direct.remove().await;
}

#[tokio::test]
async fn an_engine_that_is_late_is_a_timeout() {
    assert_told(Fault::HoldAfter, 504, "engine_timeout").await;
    let late = r#"{"took": 5000, "timed_out": true, "_shards": {"total": 2, "failed": 0}, "hits": {"hits": []}}"#;
    assert_told(Fault::AnswerAfter(late), 504, "engine_timeout").await;
    let said = r#"{"error": {"type": "search_timeout_exception"}, "status": 429}"#;
    assert_told(Fault::Answer(429, said), 504, "engine_timeout").await;
    let ended = r#"{"error": {"type": "search_phase_execution_exception", "root_cause": [{"type": "task_cancelled_exception"}]},
        "status": 500}"#;
    assert_told(Fault::Answer(500, ended), 504, "engine_timeout").await;
}

#[tokio::test]
async fn a_search_has_its_time_and_no_more() {
    let whole = Api::filled(TestEngine::OpenSearch.client().await).await;
    let hasty = ApiConfig { timeout: Duration::from_millis(1), ..ApiConfig::default() };
    let api = whole.configured(&hasty);
    let (log, _listening) = Log::listen();
    // Longer than that, as a rule; one that was quick, or whose answer was not waited for, is asked for again.
    let search = json!({"filter": {"settlements": {"some": {"amount": {"gt": 1}}}}, "count": "exact",
        "sort": [{"field": "settlements.amount", "agg": "max"}], "facets": {"title": {"type": "terms"}}});
    for _ in 0..1_000 {
        let reply = api.search(&search).await;
        if reply.status != 200 {
            assert_eq!((reply.status, &reply.json()["code"]), (504, &json!("engine_timeout")));
        }
        if log.text().contains("task_cancelled_exception") {
            return whole.remove().await;
        }
    }
    panic!("no search was ended after a millisecond");
}

#[tokio::test]
async fn a_part_of_an_answer_is_none() {
    let part = r#"{"took": 1, "timed_out": false, "_shards": {"total": 2, "failed": 1}, "hits": {"hits": []}}"#;
    assert_told(Fault::AnswerAfter(part), 503, "partial_result").await;
    let none = r#"{"took": 1, "timed_out": false, "_shards": {"total": 0, "failed": 0}, "hits": {"hits": []}}"#;
    assert_told(Fault::AnswerAfter(none), 503, "partial_result").await;
}

#[tokio::test]
async fn what_the_engine_says_is_not_passed_on() {
    let said = r#"{"error": {"type": "illegal_argument_exception", "reason": "hunter2", "index": "a"}, "status": 400}"#;
    assert_told(Fault::Answer(400, said), 500, "internal").await;
}

#[tokio::test]
async fn every_search_asks_for_a_whole_answer_in_time() {
    let line = async |engine| {
        let (direct, api, proxy) = behind_a_proxy(engine).await;
        assert_eq!(api.search(&json!({})).await.status, 200);
        assert_eq!(api.search(&json!({"page": {"snapshot": true}})).await.status, 200);
        direct.remove().await;
        let seen = proxy.seen("_search");
        let lines = seen.iter().map(|seen| seen.line.replace(&api.alias, "ALIAS"));
        let lines: Vec<_> = lines.filter(|line| line.contains("_search?")).collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0].replace("/ALIAS", ""), lines[1]);
        lines[0].clone()
    };
    insta::assert_snapshot!(line(TestEngine::OpenSearch).await, @"POST /ALIAS/_search?allow_partial_search_results=false&cancel_after_time_interval=5000ms");
    insta::assert_snapshot!(line(TestEngine::Elasticsearch).await, @"POST /ALIAS/_search?allow_partial_search_results=false&timeout=5000ms");
}
