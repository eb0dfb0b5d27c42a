//! The server takes its address, answers there, and ends when it is told to.

use std::net::SocketAddr;
use std::time::Duration;

use prejoin::api::Server;
use prejoin::config::{ApiConfig, Config, Secret, TlsConfig};
use prejoin::sink::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::documents;
use super::harness::{Api, serving};
use crate::support::engines::{TestEngine, config, on_both_engines};
use crate::support::tls::{Authority, Certified};

async fn configured(listen: &str, cursor_key: Option<&str>) -> Config {
    let api = ApiConfig {
        listen: listen.parse().unwrap(),
        cursor_key: cursor_key.map(Secret::plain),
        ..ApiConfig::default()
    };
    serving(config(&TestEngine::OpenSearch.url().await), api)
}

fn served() -> Vec<String> {
    vec!["contracts".to_owned()]
}

/// One request over a connection of its own, and all that is answered.
async fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

fn post(body: &str) -> String {
    format!(
        "POST /v1/contracts/search HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn it_answers_at_the_address_it_tells_until_it_is_stopped() {
    let config = configured("127.0.0.1:0", Some("0123456789abcdef")).await;
    let server = Server::bind(&config, served()).await.unwrap();
    let address = server.address();
    assert_ne!(address.port(), 0);
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(server.run(async move {
        drop(stopped.await);
    }));
    let healthy =
        ask(address, "GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
    assert!(healthy.starts_with("HTTP/1.1 200 OK"), "{healthy}");
    let refused = ask(address, &post("{")).await;
    assert!(refused.contains("application/problem+json"), "{refused}");
    stop.send(()).unwrap();
    running.await.unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

on_both_engines!(fields_are_those_of_the_index_that_is_there);

async fn fields_are_those_of_the_index_that_is_there(engine: TestEngine) {
    let before = json!({"properties": {"a": {"type": "keyword"}, "_prejoin": {"properties": {"id": {"type": "keyword"}}}}});
    let mut after = before.clone();
    after["properties"]["b"] = json!({"type": "keyword"});
    after["properties"].as_object_mut().unwrap().remove("a");
    let api = Api::over(engine.client().await, &documents::mapping());
    let asked = |field: &str, operator: &str| json!({"filter": {field: {operator: "x"}}, "sort": [{"field": field}]});
    let told = |field: &'static str, operator: &'static str| {
        let api = &api;
        async move {
            let reply = api.search(&asked(field, operator)).await;
            let json = reply.json();
            (reply.status, json["data"].as_array().map_or(0, Vec::len), json["meta"].clone())
        }
    };
    let shown = async |field, operator| {
        let (status, rows, meta) = told(field, operator).await;
        let index = meta["index"].as_str().unwrap_or("-").replace(&api.alias, "ALIAS");
        format!("{status} {rows} {index}")
    };
    let put = async |generation: usize, field: &str| {
        let index = format!("{}-{generation:06}", api.alias);
        let document = json!({field: "x", "_prejoin": {"id": "1"}});
        let refresh = [("refresh", "true")];
        let segments = [index.as_str(), "_doc", "1"];
        api.client.call(Method::Put, &segments, &refresh, Some(&document)).await.unwrap();
    };
    assert_eq!(shown("a", "eq").await, "503 0 -");
    api.create(1, &before).await;
    put(1, "a").await;
    assert_eq!(shown("a", "eq").await, "200 1 ALIAS-000001");
    assert_eq!(shown("b", "ne").await, "400 0 -");

    api.create(2, &after).await;
    put(2, "b").await;
    // A filter of a field that is gone finds nothing, or everything; neither is an answer.
    assert_eq!(api.search(&json!({"filter": {"a": {"eq": "x"}}})).await.status, 400);
    assert_eq!(shown("b", "eq").await, "200 1 ALIAS-000002");

    api.create(3, &before).await;
    put(3, "a").await;
    assert_eq!(api.search(&json!({"filter": {"b": {"ne": "x"}}})).await.status, 400);
    assert_eq!(shown("a", "eq").await, "200 1 ALIAS-000003");
    api.create(4, &after).await;
    assert_eq!(shown("a", "ne").await, "400 0 -");
    assert_eq!(shown("b", "ne").await, "200 0 -");
    for generation in 2..=4 {
        let index = format!("{}-{generation:06}", api.alias);
        api.client.call(Method::Delete, &[&index], &[], None).await.unwrap();
    }
    api.remove().await;
}

/// What a server of its own, with that key for cursors, answers to one search.
async fn answered_by(api: &Api, cursor_key: Option<&str>, body: &Value) -> Value {
    let config = configured("127.0.0.1:0", cursor_key).await;
    let server = Server::bind(&config, vec![api.alias.clone()]).await.unwrap();
    let address = server.address();
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(server.run(async move {
        drop(stopped.await);
    }));
    let request = post(&body.to_string()).replace("/contracts/", &format!("/{}/", api.alias));
    let answer = ask(address, &request).await;
    stop.send(()).unwrap();
    running.await.unwrap().unwrap();
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[tokio::test]
async fn cursors_outlive_a_server_that_has_a_key_for_them() {
    let api = Api::filled(TestEngine::OpenSearch.client().await).await;
    let sort = json!([{"field": "amount"}]);
    for (page, key) in [
        (json!({"size": 9}), Some("0123456789abcdef")),
        (json!({"size": 9, "snapshot": true}), Some("0123456789abcdef")),
        (json!({"size": 9}), None),
    ] {
        let mut body = json!({"sort": sort, "page": page});
        let first = answered_by(&api, key, &body).await;
        body["page"] = json!({"size": 9, "after": first["page"]["next"]});
        let second = answered_by(&api, key, &body).await;
        let expected = api.search(&json!({"sort": sort, "page": {"size": 18}})).await.json();
        match key {
            Some(_) => assert_eq!(
                second["data"].as_array().unwrap(),
                &expected["data"].as_array().unwrap()[9..]
            ),
            None => assert_eq!(second["code"], "invalid_cursor"),
        }
        let other = answered_by(&api, Some("another key of 16 bytes"), &body).await;
        assert_eq!(other["code"], "invalid_cursor", "{other}");
    }
    api.remove().await;
}

#[tokio::test]
async fn a_request_that_never_ends_does_not_keep_it() {
    let config = configured("127.0.0.1:0", None).await;
    let server = Server::bind(&config, served()).await.unwrap();
    let address = server.address();
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(server.run(async move {
        drop(stopped.await);
    }));
    let mut half = TcpStream::connect(address).await.unwrap();
    half.write_all(b"POST /v1/contracts/search HTTP/1.1\r\nhost: localhost\r\n").await.unwrap();
    // One who is answered came later, so that the half is seen already.
    ask(address, "GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
    stop.send(()).unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(20), running).await;
    ended.expect("the server does not end").unwrap().unwrap();
}

#[tokio::test]
async fn it_speaks_tls_by_its_certificate_and_ends_what_is_under_way() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let Certified { certificate, key } = authority.certify();
    let tls = TlsConfig {
        cert_file: folder.path().join("cert.pem"),
        key_file: folder.path().join("key.pem"),
    };
    std::fs::write(&tls.cert_file, certificate).unwrap();
    std::fs::write(&tls.key_file, &key).unwrap();
    let mut config = configured("127.0.0.1:0", None).await;
    config.api.edge.tls = Some(tls.clone());
    let server = Server::bind(&config, served()).await.unwrap();
    let (address, url) = (server.address(), server.url());
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(server.run(async move {
        drop(stopped.await);
    }));
    let ca = authority.file(folder.path());
    let asked = async |arguments: &[&str]| {
        let mut curl = tokio::process::Command::new("curl");
        let output = curl.args(["-sS", "--max-time", "30"]).args(arguments).output().await.unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let healthz = format!("{url}/healthz");
    let ca = ca.to_str().unwrap();
    assert!(url.starts_with("https://"), "{url}");
    for version in ["1.2", "1.3"] {
        let least = format!("--tlsv{version}");
        let asked = asked(&["--cacert", ca, &least, "--tls-max", version, &healthz]).await;
        assert_eq!(asked, r#"{"status":"ok"}"#, "{version}");
    }
    // Whoever does not know the authority does not believe it; in clear there is no answer.
    assert_eq!(asked(&[&healthz]).await, "");
    assert_eq!(asked(&[&healthz.replace("https", "http")]).await, "");

    // One who never ends its handshake does not keep it.
    let mut half = TcpStream::connect(address).await.unwrap();
    half.write_all(b"\x16\x03\x01").await.unwrap();
    stop.send(()).unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(20), running).await;
    ended.expect("the server does not end").unwrap().unwrap();

    std::fs::write(&tls.key_file, "none").unwrap();
    let refused = Server::bind(&config, served()).await.err().unwrap();
    assert!(format!("{refused:#}").starts_with("`api.tls`: "), "{refused:#}");
    assert!(!format!("{refused:?}").contains("none"), "{refused:?}");
}

#[tokio::test]
async fn a_request_under_way_is_answered_before_the_end() {
    let config = configured("127.0.0.1:0", None).await;
    let server = Server::bind(&config, served()).await.unwrap();
    let address = server.address();
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(server.run(async move {
        drop(stopped.await);
    }));
    let (head, body) = post("{")
        .split_once("\r\n\r\n")
        .map(|(head, body)| (format!("{head}\r\n\r\n"), body.to_owned()))
        .unwrap();
    let mut half = TcpStream::connect(address).await.unwrap();
    half.write_all(head.as_bytes()).await.unwrap();
    ask(address, "GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
    stop.send(()).unwrap();
    // The end has begun once nobody new is let in.
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    half.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    half.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("application/problem+json"), "{answer}");
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn it_refuses_to_be_reached_from_elsewhere_and_to_sign_with_a_short_key() {
    let refused = |config: Config| async move {
        format!("{:#}", Server::bind(&config, served()).await.err().unwrap())
    };
    insta::assert_snapshot!(refused(configured("0.0.0.0:0", None).await).await, @"`api.listen`: 0.0.0.0:0 is not a loopback address");
    insta::assert_snapshot!(refused(configured("127.0.0.1:0", Some("short")).await).await, @"`api.cursor_key`: a cursor key has at least 16 bytes");
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = refused(configured(&address, None).await).await.replace(&address, "ADDRESS");
    insta::assert_snapshot!(said, @"`api.listen`: cannot listen on ADDRESS: Address already in use (os error 98)");
}
