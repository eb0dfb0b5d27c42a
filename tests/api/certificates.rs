//! A server that is told to shows another certificate, and is never without one.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::engines::TestEngine;
use crate::support::home::{Home, Running};
use crate::support::own::unique;
use crate::support::tls::{Authority, Certified};

const CERTIFICATE: &str = "certificate.pem";
const KEY: &str = "key.pem";

/// Writes a file that the server reads, in place of what was there.
fn put(home: &Home, name: &str, text: &str) {
    std::fs::write(home.path().join(name), text).unwrap();
}

/// Where it says that it listens.
async fn address(serving: &Running<'_>) -> SocketAddr {
    serving.says("listening on https://").await;
    let said = serving.said();
    let address = said.split_once("listening on https://").unwrap().1;
    address.split_whitespace().next().unwrap().parse().unwrap()
}

/// One request of a connection that goes on.
async fn is_answered(stream: &mut (impl AsyncReadExt + AsyncWriteExt + Unpin)) {
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let (mut answer, mut part) = (Vec::new(), [0; 1024]);
    while !answer.ends_with(br#"{"status":"ok"}"#) {
        let count = stream.read(&mut part).await.unwrap();
        assert_ne!(count, 0, "it ended: {}", String::from_utf8_lossy(&answer));
        answer.extend(&part[..count]);
    }
}

#[tokio::test]
async fn a_certificate_is_read_anew_and_one_that_does_not_hold_changes_nothing() {
    let (first, second) = (Authority::new(), Authority::new());
    let job = format!(
        "index: {}\nmapping: m.json\nroot: {{source: s, table: t, fields: [id]}}\n",
        unique("certificates")
    );
    let tls = format!(
        "api: {{listen: '127.0.0.1:0', tls: {{cert_file: {CERTIFICATE}, key_file: {KEY}}}}}\n"
    );
    let home = Home::new().file("jobs/contracts.yaml", &job).file("config/default.yaml", &tls);
    let home = home.engine(TestEngine::OpenSearch).await;
    let Certified { certificate, key } = first.certify();
    put(&home, CERTIFICATE, &certificate);
    put(&home, KEY, &key);
    let serving = home.start(&["serve"]);
    let address = address(&serving).await;

    // Told while the one file is new and the other is not.
    let Certified { certificate, key } = second.certify();
    put(&home, CERTIFICATE, &certificate);
    serving.signal("HUP");
    serving.says("the certificate stays what it was").await;
    let mut before = first.connect(address).await.unwrap();
    is_answered(&mut before).await;
    assert!(second.connect(address).await.is_err());

    put(&home, KEY, &key);
    serving.signal("HUP");
    serving.says("the certificate was read anew").await;
    is_answered(&mut second.connect(address).await.unwrap()).await;
    assert!(first.connect(address).await.is_err());
    is_answered(&mut before).await;

    for (stays, (name, broken)) in
        [(CERTIFICATE, "none"), (KEY, "none"), (KEY, "")].iter().enumerate()
    {
        put(&home, name, broken);
        serving.signal("HUP");
        serving.says_times("the certificate stays what it was", stays + 2).await;
        is_answered(&mut second.connect(address).await.unwrap()).await;
        is_answered(&mut before).await;
    }
    assert!(serving.said().contains(KEY), "{}", serving.said());
    assert!(!serving.said().contains("PRIVATE KEY"), "{}", serving.said());
    drop(before);
    serving.signal("TERM");
    let ended = serving.ended().await;
    assert_eq!(ended.code, Some(143), "{ended:?}");
}
