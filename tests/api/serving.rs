//! The server takes its address, answers there, and ends when it is told to.

use std::net::SocketAddr;
use std::path::Path;

use prejoin::api::{Served, Server};
use prejoin::config::{ApiConfig, Config, LoadConfig, Secret};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::documents;
use crate::support::engines::{TestEngine, config};

async fn configured(listen: &str, cursor_key: Option<&str>) -> Config {
    Config {
        home: Path::new(".").to_owned(),
        engine: config(&TestEngine::OpenSearch.url().await),
        sources: std::collections::BTreeMap::new(),
        load: LoadConfig {
            page_rows: 1,
            page_bytes: 1,
            bulk_bytes: 1,
            bulk_in_flight: 1,
            cache_bytes: 1,
        },
        api: ApiConfig {
            listen: listen.parse().unwrap(),
            cursor_key: cursor_key.map(Secret::plain),
        },
        mask_key: None,
    }
}

fn served() -> Vec<Served> {
    vec![Served { alias: "contracts".to_owned(), mapping: documents::mapping() }]
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
        "POST /v1/contracts/search HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n\
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
        ask(address, "GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(healthy.starts_with("HTTP/1.1 200 OK"), "{healthy}");
    let refused = ask(address, &post("{")).await;
    assert!(refused.contains("application/problem+json"), "{refused}");
    stop.send(()).unwrap();
    running.await.unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err());
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
