//! How much is taken on: of one caller, of all, and of an engine in trouble; and what a search would do.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use prejoin::config::{ApiConfig, BreakerConfig, RateConfig, SnapshotConfig};
use prejoin::sink::Client;
use serde_json::{Value, json};

use super::harness::{Api, Reply};
use crate::support::engines::{TestEngine, config, on_both_engines};
use crate::support::fault_proxy::{Fault, FaultProxy};

on_both_engines!(
    an_engine_that_hangs_is_left_alone_until_it_answers,
    a_server_that_turns_all_away_is_not_ready_and_finds_back_by_itself,
    a_search_that_the_engine_refuses_does_not_close_it_to_others,
    a_snapshot_that_nobody_waits_for_any_more_is_closed,
    a_snapshot_that_may_be_open_takes_its_place,
    what_cannot_be_answered_at_once_is_told_at_once,
    a_body_that_does_not_come_takes_nobodys_place,
    a_caller_has_a_quota,
    requests_that_are_wrong_do_not_keep_the_engine_busy,
    a_search_is_explained_without_being_asked,
);

fn code(reply: &Reply) -> (u16, String) {
    (reply.status, reply.json()["code"].as_str().unwrap_or_default().to_owned())
}

/// The API over an index, and the same one by other settings behind a proxy.
async fn behind_a_proxy(
    engine: TestEngine,
    patience: Duration,
    api: &ApiConfig,
) -> (Api, Api, FaultProxy) {
    let direct = Api::empty(engine.client().await).await;
    let proxy = FaultProxy::to(&engine.url().await).await;
    let mut config = config(&proxy.url());
    config.request_timeout = patience;
    let client = Client::connect(&config).await.unwrap();
    let api = direct.through_configured(client, api);
    (direct, api, proxy)
}

/// Asks until the engine is asked again.
async fn until_let_in(api: &Api, proxy: &FaultProxy) -> Reply {
    let asked = proxy.count();
    let answered = async {
        loop {
            let reply = api.search(&json!({})).await;
            if proxy.count() > asked {
                return reply;
            }
            assert_eq!(code(&reply), (503, "engine_unavailable".to_owned()));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), answered).await.expect("it is never let in")
}

async fn an_engine_that_hangs_is_left_alone_until_it_answers(engine: TestEngine) {
    let breaker = BreakerConfig { failures: 2, pause: Duration::from_millis(300) };
    let config = ApiConfig { breaker, ..ApiConfig::default() };
    let (direct, api, proxy) = behind_a_proxy(engine, Duration::from_millis(400), &config).await;
    // The first search of an index takes longer than those after it.
    assert_eq!(direct.search(&json!({})).await.status, 200);
    assert_eq!(api.search(&json!({})).await.status, 200);
    proxy.then("_search", [Fault::HoldAfter, Fault::HoldAfter, Fault::HoldAfter]);
    for _ in 0..2 {
        assert_eq!(code(&api.search(&json!({})).await), (504, "engine_timeout".to_owned()));
    }
    let asked = proxy.count();
    for _ in 0..20 {
        let reply = api.search(&json!({})).await;
        assert_eq!(code(&reply), (503, "engine_unavailable".to_owned()));
        assert_eq!(reply.headers["retry-after"], "1");
    }
    assert_eq!(proxy.count(), asked, "the engine has no pause");
    // One tries it, and it hangs still.
    assert_eq!(until_let_in(&api, &proxy).await.status, 504);
    assert_eq!(api.search(&json!({})).await.status, 503);
    assert!(proxy.is_spent());
    assert_eq!(until_let_in(&api, &proxy).await.status, 200);
    assert_eq!(api.search(&json!({})).await.status, 200);
    direct.remove().await;
}

async fn a_server_that_turns_all_away_is_not_ready_and_finds_back_by_itself(engine: TestEngine) {
    let ready =
        async |api: &Api| api.send(Request::get("/readyz").body(Body::empty()).unwrap()).await;
    for pause in [Duration::from_secs(3_600), Duration::from_millis(1)] {
        let config =
            ApiConfig { breaker: BreakerConfig { failures: 1, pause }, ..ApiConfig::default() };
        let (direct, api, proxy) = behind_a_proxy(engine, Duration::from_secs(60), &config).await;
        proxy.then("_search", [Fault::Answer(503, "{}"), Fault::Answer(503, "{}")]);
        assert_eq!(api.search(&json!({})).await.status, 503);
        let (asked, reply) = (proxy.count(), ready(&api).await);
        assert_eq!(code(&reply), (503, "engine_unavailable".to_owned()));
        if pause > Duration::from_secs(60) {
            assert_eq!(proxy.count(), asked, "the engine has no pause");
        } else {
            // Nobody else asks: what is not ready gets no requests.
            let back = async {
                while ready(&api).await.status != 200 {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(60), back).await.expect("it is never ready");
            assert_eq!(api.search(&json!({})).await.status, 200);
        }
        direct.remove().await;
    }
}

async fn a_search_that_the_engine_refuses_does_not_close_it_to_others(engine: TestEngine) {
    let breaker = BreakerConfig { failures: 1, pause: Duration::from_secs(3_600) };
    let config = ApiConfig { breaker, ..ApiConfig::default() };
    let (direct, api, proxy) = behind_a_proxy(engine, Duration::from_secs(60), &config).await;
    let buckets = r#"{"error": {"type": "search_phase_execution_exception", "root_cause": [], "reason": "",
        "caused_by": {"type": "too_many_buckets_exception", "reason": "hunter2"}}, "status": 503}"#;
    let clauses = r#"{"error": {"type": "search_phase_execution_exception", "root_cause": [{"type": "query_shard_exception", "reason": "hunter2"}],
        "caused_by": {"type": "query_shard_exception", "caused_by": {"type": "too_many_clauses", "reason": "hunter2"}}}, "status": 400}"#;
    let nested = r#"{"error": {"type": "search_phase_execution_exception", "reason": "hunter2",
        "root_cause": [{"type": "too_many_nested_clauses", "reason": "hunter2"}]}, "status": 500}"#;
    let memory = r#"{"error": {"type": "circuit_breaking_exception", "reason": "hunter2",
        "root_cause": [{"type": "circuit_breaking_exception", "reason": "hunter2"}]}, "status": 429}"#;
    let late =
        r#"{"error": {"type": "search_timeout_exception", "reason": "hunter2"}, "status": 504}"#;
    let busy = "{}";
    let of_the_request =
        [(503, buckets), (400, buckets), (400, clauses), (500, nested), (429, memory)];
    let said = of_the_request.into_iter().chain([(504, late), (429, busy)]);
    proxy.then("_search", said.map(|(status, said)| Fault::Answer(status, said)));
    let told = [
        (422, "limit_exceeded"),
        (422, "limit_exceeded"),
        (422, "limit_exceeded"),
        (422, "limit_exceeded"),
        (503, "engine_busy"),
        (504, "engine_timeout"),
        (503, "engine_unavailable"),
    ];
    for (status, word) in told {
        let reply = api.search(&json!({})).await;
        assert_eq!(code(&reply), (status, word.to_owned()));
        assert_eq!(reply.headers.contains_key("retry-after"), word == "engine_busy");
        assert!(!reply.text.contains("hunter2") && !reply.text.contains("exception"));
    }
    // The last of them did: it tells of the engine.
    assert!(proxy.is_spent());
    let reply = api.search(&json!({})).await;
    assert_eq!(code(&reply), (503, "engine_unavailable".to_owned()));
    assert!(reply.headers.contains_key("retry-after"));
    direct.remove().await;
}

#[tokio::test]
async fn a_search_of_more_clauses_than_the_engine_takes_is_refused() {
    let direct = Api::empty(TestEngine::OpenSearch.client().await).await;
    let mut config = ApiConfig::default();
    config.limits.comparisons = 1_000;
    let api = direct.configured(&config);
    let one = |number: usize| json!({"no": {"eq": format!("K-{number}")}});
    let any = |count: usize| json!({"or": (0..count).map(one).collect::<Vec<_>>()});
    assert_eq!(api.search(&json!({"filter": any(900)})).await.status, 200);
    let words: Vec<String> = (0..60).map(|number| format!("{number}")).collect();
    let body = json!({"filter": any(900), "q": {"text": words.join(" ")}});
    let refused = api.search(&body).await;
    assert_eq!(code(&refused), (422, "limit_exceeded".to_owned()), "{}", refused.text);
    direct.remove().await;
}

/// One snapshot at a time, of an engine that is left alone at its first failure.
fn one_snapshot() -> ApiConfig {
    let breaker = BreakerConfig { failures: 1, pause: Duration::ZERO };
    let snapshots = SnapshotConfig { keep_alive: Duration::from_secs(3_600), open: 1 };
    ApiConfig { breaker, snapshots, ..ApiConfig::default() }
}

/// The last part of the path, up to its query, by which an index is held as it is.
fn held_by(engine: TestEngine) -> &'static str {
    match engine {
        TestEngine::OpenSearch => "/point_in_time?",
        TestEngine::Elasticsearch => "/_pit?",
    }
}

async fn a_snapshot_that_nobody_waits_for_any_more_is_closed(engine: TestEngine) {
    let (direct, api, proxy) =
        behind_a_proxy(engine, Duration::from_secs(60), &one_snapshot()).await;
    let held = json!({"page": {"snapshot": true}});
    let opening = held_by(engine);
    proxy.then(opening, [Fault::Late]);
    tokio::select! {
        _ = api.search(&held) => panic!("the engine has not answered yet"),
        () = proxy.until_seen(opening, 1) => {}
    }
    assert_eq!(code(&api.search(&held).await), (503, "too_many_snapshots".to_owned()));
    proxy.let_go();
    let closing = match engine {
        TestEngine::OpenSearch => "DELETE /_search/point_in_time",
        TestEngine::Elasticsearch => "DELETE /_pit",
    };
    proxy.until_seen(closing, 1).await;
    assert_eq!(api.search(&held).await.status, 200);
    direct.remove().await;
}

async fn a_snapshot_that_may_be_open_takes_its_place(engine: TestEngine) {
    let (direct, api, proxy) =
        behind_a_proxy(engine, Duration::from_secs(2), &one_snapshot()).await;
    let held = json!({"page": {"snapshot": true}});
    // The engine has no more: it is well, and holds none for us.
    proxy.then(held_by(engine), [Fault::Answer(429, "{}")]);
    let refused = api.search(&held).await;
    assert_eq!(code(&refused), (503, "too_many_snapshots".to_owned()));
    assert_eq!(refused.headers["retry-after"], "3600");
    assert_eq!(api.search(&held).await.status, 200);
    proxy.then(held_by(engine), [Fault::HoldAfter]);
    assert_eq!(code(&api.search(&held).await), (504, "engine_timeout".to_owned()));
    assert!(proxy.is_spent());
    assert_eq!(api.search(&json!({})).await.status, 200);
    assert_eq!(code(&api.search(&held).await), (503, "too_many_snapshots".to_owned()));
    direct.remove().await;
}

async fn what_cannot_be_answered_at_once_is_told_at_once(engine: TestEngine) {
    let config = ApiConfig { concurrency: 1, ..ApiConfig::default() };
    let (direct, api, proxy) = behind_a_proxy(engine, Duration::from_secs(60), &config).await;
    proxy.then("_search", [Fault::Late]);
    let body = json!({});
    let meanwhile = async {
        proxy.until_seen("_search", 1).await;
        let reply = api.search(&body).await;
        assert_eq!(code(&reply), (503, "overloaded".to_owned()));
        assert_eq!(reply.headers["retry-after"], "1");
        let healthz = Request::get("/healthz").body(Body::empty()).unwrap();
        assert_eq!(api.send(healthz).await.status, 200);
        proxy.let_go();
    };
    let (first, ()) = tokio::join!(api.search(&body), meanwhile);
    assert_eq!(first.status, 200);
    assert_eq!(api.search(&body).await.status, 200);
    direct.remove().await;
}

async fn a_body_that_does_not_come_takes_nobodys_place(engine: TestEngine) {
    let config = ApiConfig { concurrency: 1, ..ApiConfig::default() };
    let (direct, api, _proxy) = behind_a_proxy(engine, Duration::from_secs(60), &config).await;
    let never = futures::stream::pending::<Result<Vec<u8>, Infallible>>();
    let path = format!("/v1/{}/search", api.alias);
    let slow = Request::post(path).header("content-type", "application/json");
    let slow = slow.body(Body::from_stream(never)).unwrap();
    let body = json!({});
    tokio::select! {
        biased;
        reply = api.send(slow) => panic!("{} before its body came", reply.status),
        reply = api.search(&body) => assert_eq!(reply.status, 200, "{}", reply.text),
    }
    direct.remove().await;
}

async fn a_caller_has_a_quota(engine: TestEngine) {
    let rate = RateConfig { quota: 5, window: Duration::from_secs(3_600), callers: 10 };
    let config = ApiConfig { rate: Some(rate), ..ApiConfig::default() };
    let (direct, api, proxy) = behind_a_proxy(engine, Duration::from_secs(60), &config).await;
    let left = |reply: &Reply| {
        assert_eq!(reply.headers["ratelimit-policy"], r#""default";q=5;w=3600"#);
        reply.headers["ratelimit"].to_str().unwrap().to_owned()
    };
    let first = api.search(&json!({})).await;
    assert_eq!((first.status, left(&first).as_str()), (200, r#""default";r=4;t=720"#));
    // What is refused has cost a unit too.
    let wrong = api.search(&json!({"filtre": {}})).await;
    assert_eq!((wrong.status, left(&wrong).starts_with(r#""default";r=3;"#)), (400, true));
    let exact = json!({"count": "exact"});
    let counted = api.search(&exact).await;
    assert_eq!((counted.status, left(&counted).starts_with(r#""default";r=0;"#)), (200, true));
    let asked = proxy.count();
    let refused = api.search(&json!({})).await;
    assert_eq!(code(&refused), (429, "rate_limited".to_owned()));
    let again: u64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((700..=720).contains(&again), "{again}");
    assert_eq!(proxy.count(), asked);
    let healthz = Request::get("/healthz").body(Body::empty()).unwrap();
    assert!(!api.send(healthz).await.headers.contains_key("ratelimit"));
    // Without a quota there is nothing to tell.
    assert!(!direct.search(&exact).await.headers.contains_key("ratelimit"));
    direct.remove().await;
}

async fn requests_that_are_wrong_do_not_keep_the_engine_busy(engine: TestEngine) {
    let rate = RateConfig { quota: 8, window: Duration::from_secs(3_600), callers: 10 };
    let config = ApiConfig { rate: Some(rate), ..ApiConfig::default() };
    let (direct, api, proxy) = behind_a_proxy(engine, Duration::from_secs(60), &config).await;
    let read = format!("GET /{}", api.alias);
    let reads = || proxy.seen(&read).iter().filter(|seen| seen.line == read).count();
    assert_eq!(api.search(&json!({})).await.status, 200);
    let before = reads();
    assert!(before > 0);
    // What costs too much would cost as much by any mapping.
    let dear = json!({"count": "exact", "page": {"size": 200, "snapshot": true}});
    assert_eq!(code(&api.search(&dear).await), (429, "rate_limited".to_owned()));
    assert_eq!(reads(), before);
    // Whether the field is there by now cannot be found out: what is wrong is told all the same.
    proxy.then("GET /test-api", [Fault::Answer(503, "{}")]);
    let wrong = json!({"filter": {"nothing_like_it": {"eq": 1}}});
    let start = std::time::Instant::now();
    for _ in 0..5 {
        assert_eq!(code(&api.search(&wrong).await), (400, "unknown_field".to_owned()));
    }
    assert!(proxy.is_spent());
    let seconds = usize::try_from(start.elapsed().as_secs()).unwrap();
    let again = reads() - before;
    assert!((1..=1 + seconds).contains(&again), "read {again} times in {seconds} s");
    direct.remove().await;
}

async fn explained(api: &Api, body: &Value) -> Reply {
    let path = format!("/v1/{}/explain", api.alias);
    let request = Request::post(path).header("content-type", "application/json");
    api.send(request.body(Body::from(body.to_string())).unwrap()).await
}

async fn a_search_is_explained_without_being_asked(engine: TestEngine) {
    let config = ApiConfig::default();
    let (direct, api, proxy) = behind_a_proxy(engine, Duration::from_secs(60), &config).await;
    let body = json!({"filter": {"status": {"eq": "paid"}}, "sort": [{"field": "amount"}],
        "page": {"size": 20, "snapshot": true}, "count": "exact"});
    let reply = explained(&api, &body).await;
    let text = reply.text.replace(&api.alias, "ALIAS");
    insta::allow_duplicates! {
        insta::assert_snapshot!(text, @r#"{"index":"ALIAS-000001","cost":8,"snapshot":true,"search":{"query":{"bool":{"filter":[{"term":{"status":{"value":"paid"}}}]}},"sort":[{"amount":{"order":"asc","missing":"_last"}},{"_prejoin.id":{"order":"asc"}}],"size":21,"track_total_hits":true,"_source":true}}"#);
    }
    assert!(proxy.seen("_search").is_empty());
    // It is as particular as the search itself.
    let wrong = explained(&api, &json!({"filter": {"no": {"equals": 1}}})).await;
    assert_eq!(code(&wrong), (400, "unknown_operator".to_owned()));
    let cursor = explained(&api, &json!({"page": {"after": "AVx2"}})).await;
    assert_eq!(code(&cursor), (400, "invalid_cursor".to_owned()));
    direct.remove().await;
}
