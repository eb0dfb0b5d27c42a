//! What comes with every answer: how fresh it is, its tag, its times, and how it travels.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use axum::http::request::Builder;
use jiff::Timestamp;
use prejoin::config::{ApiConfig, AuthConfig, EdgeConfig};
use prejoin::sink::Method;
use prejoin::state::{BuiltBy, Claim, IndexLease, IndexState, LoadState, State};
use serde_json::json;

use super::documents;
use super::harness::{Api, Reply, state_prefix};
use crate::support::engines::{TestEngine, on_both_engines};

on_both_engines!(an_answer_tells_up_to_when_it_is_in_step);

async fn small() -> Api {
    let document = |id: usize| json!({"no": format!("c{id}"), "memo": "같은 말 ".repeat(50), "_prejoin": {"id": id.to_string()}});
    let documents: Vec<_> = (1..=9).map(document).collect();
    Api::with(TestEngine::OpenSearch.client().await, &documents).await
}

fn with_edge(api: &Api, edge: EdgeConfig) -> Api {
    api.configured(&ApiConfig { edge, ..ApiConfig::default() })
}

async fn send(api: &Api, request: Builder) -> Reply {
    api.send(request.body(Body::empty()).unwrap()).await
}

async fn an_answer_tells_up_to_when_it_is_in_step(engine: TestEngine) {
    let client = engine.client().await;
    let mapping = documents::mapping_on(client.engine().flavor);
    let api = Api::over(client.clone(), &mapping);
    let index = format!("{}-000001", api.alias);
    let state = State::new(client.clone(), &state_prefix(&api.alias));
    let as_of: Timestamp = "2026-01-31T09:30:00.5Z".parse().unwrap();
    let later: Timestamp = "2026-02-01T00:00:00Z".parse().unwrap();
    let content = |uuid| IndexState {
        alias: api.alias.clone(),
        uuid,
        job: BuiltBy { name: String::new(), fingerprint: String::new(), text: String::new() },
        columns: BTreeMap::default(),
        rows_by: String::new(),
        shares: BTreeMap::default(),
        load: LoadState::default(),
        horizons: BTreeMap::from([("a".to_owned(), later), ("b".to_owned(), as_of)]),
        served_from: None,
    };
    let claim = Claim {
        holder: "a test".to_owned(),
        task: "test".to_owned(),
        ttl: Duration::from_secs(5),
        brief: false,
    };
    let lease = IndexLease::create(&state, (&index, &mapping), &claim, content).await.unwrap();
    let named = json!({"actions": [{"add": {"index": index, "alias": api.alias}}]});
    client.call(Method::Post, &["_aliases"], &[], Some(&named)).await.unwrap();
    let refreshed = client.call(Method::Post, &[&index, "_refresh"], &[], None).await;
    refreshed.unwrap();

    let meta = api.search(&json!({})).await.json()["meta"].clone();
    assert_eq!(meta["as_of"], "2026-01-31T09:30:00.5Z", "{meta}");
    let lag = Timestamp::now().duration_since(as_of).as_millis();
    let told = i128::from(meta["lag_ms"].as_u64().unwrap());
    assert!((lag - told).abs() < 60_000, "{lag} {told}");

    lease.give_back(true).await;
    // Of an index that has the name, and is another one, nothing is remembered.
    let other = Api::empty(client.clone()).await;
    let meta = other.search(&json!({})).await.json()["meta"].clone();
    assert!(meta.get("as_of").is_none() && meta.get("lag_ms").is_none(), "{meta}");
    other.remove().await;
    let kept = format!("{}-state", state_prefix(&api.alias));
    client.call(Method::Delete, &[&kept], &[], None).await.unwrap();
    api.remove().await;
}

#[tokio::test]
async fn what_the_caller_has_already_is_not_sent_again() {
    let api = small().await;
    let path = format!("/v1/{}/3?fields=no", api.alias);
    let first = send(&api, Request::get(&path)).await;
    let tag = first.headers["etag"].to_str().unwrap().to_owned();
    assert!(tag.starts_with("W/\""), "{tag}");
    assert_eq!(first.headers["cache-control"], "private, no-cache");
    let vary = first.headers.get_all("vary").iter().map(|vary| vary.to_str().unwrap());
    assert!(vary.collect::<Vec<_>>().join(",").contains("authorization"));

    let again = send(&api, Request::get(&path).header("if-none-match", &tag)).await;
    assert_eq!((again.status, again.text.as_str()), (304, ""));
    assert_eq!(again.headers["etag"], tag);
    assert!(again.headers.get("content-type").is_none());
    let other = format!("/v1/{}/4?fields=no", api.alias);
    assert_eq!(send(&api, Request::get(&other).header("if-none-match", &tag)).await.status, 200);
    let absent = format!("/v1/{}/none", api.alias);
    assert_eq!(send(&api, Request::get(&absent).header("if-none-match", "*")).await.status, 404);

    let changed = json!({"no": "other", "_prejoin": {"id": "3"}});
    let (index, refresh) = (format!("{}-000001", api.alias), [("refresh", "true")]);
    let path_of = [index.as_str(), "_doc", "3"];
    api.client.call(Method::Put, &path_of, &refresh, Some(&changed)).await.unwrap();
    let changed = send(&api, Request::get(&path).header("if-none-match", &tag)).await;
    assert_eq!(changed.status, 200);
    assert_ne!(changed.headers["etag"], tag);
    // A search that is sent is always answered.
    let searched = api.search(&json!({"count": "none"})).await.headers["etag"].clone();
    let request = Request::post(api.path()).header("content-type", "application/json");
    let request = request.header("if-none-match", &searched);
    let reply = api.send(request.body(Body::from(r#"{"count": "none"}"#)).unwrap()).await;
    assert_eq!((reply.status, &reply.headers["etag"]), (200, &searched));
    api.remove().await;
}

#[tokio::test]
async fn an_answer_tells_where_its_time_went() {
    let api = small().await;
    let told = |reply: &Reply| {
        let timing = reply.headers["server-timing"].to_str().unwrap().to_owned();
        let parts = timing.split(", ").map(|part| {
            let (name, time) = part.split_once(";dur=").unwrap();
            (name.to_owned(), time.parse::<f64>().unwrap())
        });
        parts.collect::<Vec<_>>()
    };
    let searched = told(&api.search(&json!({})).await);
    let names: Vec<&str> = searched.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["plan", "engine", "total"]);
    assert!(searched[1].1 > 0.0 && searched[2].1 >= searched[1].1, "{searched:?}");
    assert_eq!(told(&send(&api, Request::get("/healthz")).await)[0].0, "total");
    api.remove().await;
}

#[tokio::test]
async fn answers_are_packed_for_those_who_unpack() {
    let api = small().await;
    let packed = async |encoding: &str, body: &str| {
        let request = Request::post(api.path()).header("content-type", "application/json");
        let request = request.header("accept-encoding", encoding);
        let (parts, bytes) = api.raw(request.body(Body::from(body.to_owned())).unwrap()).await;
        let by = parts.headers.get("content-encoding").map(|by| by.to_str().unwrap().to_owned());
        assert!(parts.headers["content-range"].to_str().unwrap().ends_with("/9"));
        (by.unwrap_or_default(), bytes)
    };
    let (by, plain) = packed("identity", "{}").await;
    assert_eq!(by, "");
    for encoding in ["gzip", "br", "zstd"] {
        let (by, bytes) = packed(encoding, "{}").await;
        assert_eq!(by, encoding);
        assert!(bytes.len() * 2 < plain.len(), "{encoding}: {} of {}", bytes.len(), plain.len());
        // What a frame begins with (RFC 8878).
        assert_eq!(bytes.starts_with(&[0x28, 0xB5, 0x2F, 0xFD]), encoding == "zstd");
    }
    assert_eq!(packed("gzip", r#"{"page": {"size": 1}, "fields": ["no"]}"#).await.0, "");
    assert_eq!(packed("br;q=0, gzip", "{}").await.0, "gzip");
    assert_eq!(packed("zstd;q=0.5, gzip", "{}").await.0, "gzip");
    api.remove().await;
}

#[tokio::test]
async fn pages_of_other_origins_read_nothing_unless_they_may() {
    let api = small().await;
    let preflight = || {
        let request = Request::options(api.path()).header("origin", "https://admin.example.org");
        let request = request.header("access-control-request-method", "POST");
        request.header("access-control-request-headers", "content-type,authorization")
    };
    let closed = send(&api, preflight()).await;
    assert_eq!(closed.status, 405);
    assert!(closed.headers.get("access-control-allow-origin").is_none());

    let origins = vec!["https://admin.example.org".to_owned()];
    let open = with_edge(&api, EdgeConfig { origins, ..EdgeConfig::default() });
    let allowed = send(&open, preflight()).await;
    assert_eq!(allowed.status, 200);
    assert_eq!(allowed.headers["access-control-allow-origin"], "https://admin.example.org");
    let read = Request::get("/nothing").header("origin", "https://admin.example.org");
    let read = send(&open, read).await;
    assert_eq!(read.status, 404);
    assert_eq!(read.headers["access-control-allow-origin"], "https://admin.example.org");
    let exposed = read.headers["access-control-expose-headers"].to_str().unwrap().to_owned();
    for header in ["etag", "content-range", "x-total-count", "ratelimit", "x-request-id"] {
        assert!(exposed.contains(header), "{header}: {exposed}");
    }
    let other = Request::get("/healthz").header("origin", "https://evil.example.org");
    assert!(send(&open, other).await.headers.get("access-control-allow-origin").is_none());
    api.remove().await;
}

#[tokio::test]
async fn names_that_are_configured_are_answered_to() {
    let api = small().await;
    let hosts = vec!["search.example.org".to_owned(), "[2001:db8::1]".to_owned()];
    let named = with_edge(&api, EdgeConfig { hosts, ..EdgeConfig::default() });
    let asked = |host: &str| send(&named, Request::get("/healthz").header("host", host.to_owned()));
    for host in ["Search.example.org:8443", "[2001:db8::1]:80", "localhost"] {
        assert_eq!(asked(host).await.status, 200, "{host}");
    }
    for host in ["other.example.org", "search.example.org.evil.org", "a.search.example.org"] {
        let reply = asked(host).await;
        assert_eq!((reply.status, reply.json()["code"].clone()), (421, json!("wrong_host")));
    }
    api.remove().await;
}

fn schema(api: &Api) -> Builder {
    Request::get(format!("/v1/schema/{}", api.alias))
}

#[tokio::test]
async fn nobody_is_answered_for_whom_a_proxy_asks_where_callers_are_not_told_apart() {
    let api = small().await;
    let trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    let hosts = vec!["search.example.org".to_owned()];
    let edge = EdgeConfig { trusted_proxies, hosts, ..EdgeConfig::default() };
    let near: SocketAddr = "127.0.0.1:9".parse().unwrap();
    for api in [&api, &with_edge(&api, edge)] {
        // A proxy that knows its callers asks for itself.
        let own = schema(api).header("host", "localhost").extension(ConnectInfo(near));
        assert_eq!(send(api, own).await.status, 200);
        for (name, value) in [("x-forwarded-for", "127.0.0.1"), ("Forwarded", "for=198.51.100.1")] {
            let asked = schema(api).header(name, value).extension(ConnectInfo(near));
            let reply = send(api, asked).await;
            assert_eq!((reply.status, reply.json()["code"].clone()), (403, json!("forwarded")));
            let health = Request::get("/healthz").header(name, value);
            assert_eq!(send(api, health).await.status, 200);
        }
    }
    api.remove().await;
}

#[tokio::test]
async fn what_comes_in_the_clear_from_elsewhere_is_refused_before_anybody_is_identified() {
    let api = small().await;
    let trusted_proxies = vec!["10.1.0.0/16".parse().unwrap()];
    let edge = EdgeConfig { trusted_proxies, ..EdgeConfig::default() };
    let auth = AuthConfig::Known { keys: Vec::new(), jwt: None };
    let watched = api.configured(&ApiConfig { edge, auth, ..ApiConfig::default() });
    let told = async |from: &str, forwarded: &'static str| {
        let from: SocketAddr = from.parse().unwrap();
        let asked = schema(&watched).header("x-forwarded-for", forwarded);
        let reply = send(&watched, asked.extension(ConnectInfo(from))).await;
        (reply.status, reply.json()["code"].as_str().unwrap().to_owned())
    };
    // What it says of itself does not help it.
    for far in ["192.0.2.1:9", "10.2.0.1:9"] {
        assert_eq!(told(far, "127.0.0.1").await, (403, "in_the_clear".to_owned()), "{far}");
    }
    for near in ["127.0.0.1:9", "10.1.2.3:9"] {
        assert_eq!(told(near, "192.0.2.1").await, (401, "unauthenticated".to_owned()), "{near}");
    }
    api.remove().await;
}
