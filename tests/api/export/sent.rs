//! How a file travels: as fast as its client takes it, whole or visibly not, and of one moment.

use std::net::SocketAddr;
use std::time::Duration;

use prejoin::api::Server;
use prejoin::config::{ApiConfig, ExportConfig, SnapshotConfig};
use prejoin::sink::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::super::harness::{Api, serving};
use crate::support::engines::{TestEngine, config, on_both_engines};
use crate::support::fault_proxy::{Fault, FaultProxy};

on_both_engines!(
    who_takes_nothing_has_nothing_read_and_is_broken_off,
    who_goes_away_has_nothing_read_any_more,
    an_index_is_held_for_a_slow_client,
);

/// Documents that are more in all than lies on the way between two processes.
pub(super) const COUNT: usize = 200;
const LENGTH: usize = 100_000;
/// Bytes of a page of them, about.
const PAGE: usize = 2 << 20;
pub(super) const PAGES: &str = "POST /_search?";

/// An index of large documents, and a server of it with a proxy to its engine.
pub(super) struct Scene {
    pub(super) api: Api,
    pub(super) proxy: FaultProxy,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<()>,
}

impl Scene {
    pub(super) async fn new(engine: TestEngine, settings: ApiConfig) -> Self {
        let api = Api::empty(engine.client().await).await;
        let numbers: Vec<usize> = (0..COUNT).collect();
        for some in numbers.chunks(40) {
            let documents: Vec<Value> = some.iter().map(|number| large(*number)).collect();
            api.fill(&documents).await;
        }
        let proxy = FaultProxy::to(&engine.url().await).await;
        let settings = ApiConfig { listen: "127.0.0.1:0".parse().unwrap(), ..settings };
        let config = serving(config(&proxy.url()), settings);
        let server = Server::bind(&config, vec![api.alias.clone()]).await.unwrap();
        let address = server.address();
        let (stop, stopped) = oneshot::channel::<()>();
        let running = tokio::spawn(async move {
            let stopped = async move { drop(stopped.await) };
            server.run(stopped).await.unwrap();
        });
        Self { api, proxy, address, stop: Some(stop), running }
    }

    /// A client of an export that has read the head of its answer, and nothing more.
    pub(super) async fn begun(&self, body: &Value) -> Taking {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(16 << 10).unwrap();
        let mut stream = socket.connect(self.address).await.unwrap();
        let (alias, body) = (&self.api.alias, body.to_string());
        let request = format!(
            "POST /v1/{alias}/export HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(head.to_lowercase().contains("transfer-encoding: chunked"), "{head}");
        Taking { stream }
    }

    /// Snapshots of the index that the engine holds open.
    async fn held(&self) -> u64 {
        let index = format!("{}-000001", self.api.alias);
        let segments = [index.as_str(), "_stats", "search"];
        let stats = self.api.client.call(Method::Get, &segments, &[], None).await.unwrap();
        stats["_all"]["total"]["search"]["open_contexts"].as_u64().unwrap()
    }

    pub(super) async fn until_let_go(&self) {
        let let_go = async {
            while self.held().await > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), let_go).await.expect("it is held on");
    }

    async fn until_there_is_a_place(&self) {
        let place = async {
            let small = json!({"format": "ndjson", "limit": 1});
            while !curl(self, &[], &small).await.1.contains("\"_end\":true") {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), place).await.expect("no place");
    }

    fn pages(&self) -> usize {
        self.proxy.seen(PAGES).len()
    }

    pub(super) async fn end(mut self) {
        drop(self.stop.take());
        self.running.await.unwrap();
        self.api.remove().await;
    }
}

fn large(number: usize) -> Value {
    let text = format!("{number:04}").repeat(LENGTH / 4);
    json!({"no": format!("K-{number}"), "hidden": text, "amount": number, "_prejoin": {"id": format!("d{number:04}")}})
}

/// A client that takes as much as it likes.
pub(super) struct Taking {
    stream: TcpStream,
}

impl Taking {
    /// All that is left, chunks put together; whether it was ended well.
    pub(super) async fn rest(mut self) -> (String, bool) {
        let mut sent = Vec::new();
        // A connection that is reset has ended too.
        while let Ok(1..) = self.stream.read_buf(&mut sent).await {
            if sent.ends_with(b"\r\n0\r\n\r\n") {
                break;
            }
        }
        let (mut rest, mut body) = (sent.as_slice(), Vec::new());
        while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
            let length =
                usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
            rest = &rest[end + 2..];
            if length == 0 {
                return (String::from_utf8(body).unwrap(), true);
            }
            body.extend(&rest[..length.min(rest.len())]);
            rest = rest.get(length + 2..).unwrap_or_default();
        }
        (String::from_utf8_lossy(&body).into_owned(), false)
    }
}

pub(super) fn ids(text: &str) -> Vec<String> {
    let rows = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.filter_map(|row| row["_id"].as_str().map(str::to_owned)).collect()
}

pub(super) fn expected() -> Vec<String> {
    (0..COUNT).map(|number| format!("d{number:04}")).collect()
}

fn with(exports: ExportConfig) -> ApiConfig {
    ApiConfig { exports, ..ApiConfig::default() }
}

async fn who_takes_nothing_has_nothing_read_and_is_broken_off(engine: TestEngine) {
    let stall = Duration::from_secs(1);
    let exports = ExportConfig { stall, at_a_time: 1, ..ExportConfig::default() };
    let scene = Scene::new(engine, with(exports)).await;
    for format in ["csv", "ndjson"] {
        let before = scene.pages();
        let asleep = scene.begun(&json!({"format": format, "fields": ["hidden"]})).await;
        scene.until_let_go().await;
        // Of some twenty megabytes, what lies on the way, and what is ready to be sent.
        let read = scene.pages() - before;
        assert!((2..=5 + on_the_way() / PAGE).contains(&read), "{read} pages were read");
        // It gives its place back when nothing of it is in memory any more, though its client goes on doing nothing.
        scene.until_there_is_a_place().await;
        let (_, whole) = asleep.rest().await;
        assert!(!whole, "{format}");
    }
    scene.end().await;
}

/// Bytes that the system takes for a connection before they are sent.
fn on_the_way() -> usize {
    let sizes = std::fs::read_to_string("/proc/sys/net/ipv4/tcp_wmem").unwrap_or_default();
    let most = sizes.split_whitespace().next_back().and_then(|most| most.parse().ok());
    most.unwrap_or(4 << 20)
}

async fn who_goes_away_has_nothing_read_any_more(engine: TestEngine) {
    let stall = Duration::from_secs(3_600);
    let exports = ExportConfig { stall, at_a_time: 1, ..ExportConfig::default() };
    let scene = Scene::new(engine, with(exports)).await;
    let gone = scene.begun(&json!({"format": "ndjson"})).await;
    scene.proxy.until_seen(PAGES, 3).await;
    assert!(scene.held().await > 0);
    drop(gone);
    scene.until_let_go().await;
    assert!(scene.pages() <= 9, "{} pages were read", scene.pages());
    let (text, whole) = scene.begun(&json!({"format": "ndjson"})).await.rest().await;
    assert_eq!((ids(&text), whole), (expected(), true));
    scene.until_let_go().await;
    scene.end().await;
}

async fn an_index_is_held_for_a_slow_client(engine: TestEngine) {
    let keep_alive = Duration::from_secs(9);
    let snapshots = SnapshotConfig { keep_alive, ..SnapshotConfig::default() };
    let scene = Scene::new(engine, ApiConfig { snapshots, ..ApiConfig::default() }).await;
    let slow = scene.begun(&json!({"format": "ndjson", "fields": ["hidden"]})).await;
    let renewals = || {
        let seen = scene.proxy.seen(PAGES);
        seen.iter()
            .filter(|seen| String::from_utf8_lossy(&seen.body).contains("\"size\":0"))
            .count()
    };
    let renewed = async {
        while renewals() < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), renewed).await.expect("it is not held on");
    // What has happened since it began is not in it.
    let deleted = expected().into_iter().map(|id| format!("{}\n", json!({"delete": {"_id": id}})));
    scene.api.bulk(1, deleted.collect()).await;
    let (text, whole) = slow.rest().await;
    assert_eq!((ids(&text), whole), (expected(), true));
    let end: Value = serde_json::from_str(text.lines().next_back().unwrap()).unwrap();
    assert_eq!(end, json!({"_end": true, "rows": COUNT}));
    scene.end().await;
}

/// What `curl`, a client that is not ours, says of an export: its exit code, and the body.
async fn curl(scene: &Scene, options: &[&str], body: &Value) -> (Option<i32>, String) {
    let url = format!("http://{}/v1/{}/export", scene.address, scene.api.alias);
    let mut curl = tokio::process::Command::new("curl");
    curl.args(["-sS", "--max-time", "60", "-H", "content-type: application/json", "-d"]);
    let output = curl.arg(body.to_string()).args(options).arg(url).output().await.unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// An engine that does not come back while it is asked.
fn died() -> impl Iterator<Item = Fault> {
    let passed = std::iter::repeat_n(Fault::Pass, 3);
    passed.chain(std::iter::repeat_n(Fault::Half, 4))
}

#[tokio::test]
async fn a_page_that_does_not_come_is_asked_for_again() {
    let scene = Scene::new(TestEngine::OpenSearch, ApiConfig::default()).await;
    let failing = [Fault::Half, Fault::Answer(503, "{}"), Fault::Pass, Fault::Answer(429, "{}")];
    scene.proxy.then(PAGES, [Fault::Pass, Fault::Pass].into_iter().chain(failing));
    let (status, text) = curl(&scene, &[], &json!({"format": "ndjson"})).await;
    assert_eq!((status, ids(&text)), (Some(0), expected()));
    assert!(scene.proxy.is_spent() && text.contains("\"_end\":true"));
    scene.end().await;
}

#[tokio::test]
async fn what_is_too_much_at_once_is_asked_for_bit_by_bit() {
    let scene = Scene::new(TestEngine::OpenSearch, ApiConfig::default()).await;
    // Nothing of them says how large those are that follow.
    let small: Vec<Value> = (0..1_400)
        .map(|number| json!({"no": "K", "_prejoin": {"id": format!("a{number:04}")}}))
        .collect();
    scene.api.fill(&small).await;
    let body = json!({"format": "ndjson", "columns": ["_id", "no"]});
    let (status, text) = curl(&scene, &[], &body).await;
    let told = ids(&text);
    assert_eq!((status, told.len()), (Some(0), small.len() + COUNT));
    assert_eq!(told[small.len()..], expected());
    let sizes: Vec<u64> = scene
        .proxy
        .seen(PAGES)
        .iter()
        .map(|seen| serde_json::from_slice::<Value>(&seen.body).unwrap()["size"].as_u64().unwrap())
        .collect();
    assert_eq!((sizes[3], sizes[5]), (1_000, sizes[4] / 8), "{sizes:?}");
    scene.end().await;
}

#[tokio::test]
async fn an_older_client_is_sent_only_what_shows_its_end() {
    let scene = Scene::new(TestEngine::OpenSearch, ApiConfig::default()).await;
    let old = ["--http1.0"];
    let (_, text) = curl(&scene, &old, &json!({"limit": 1})).await;
    assert!(text.contains("http_version_not_supported"), "{text}");
    let (status, text) = curl(&scene, &old, &json!({"format": "ndjson", "limit": 1})).await;
    assert_eq!(status, Some(0));
    assert!(text.ends_with("{\"_end\":true,\"rows\":1}\n"), "{text}");
    scene.end().await;
}

#[tokio::test]
async fn a_client_can_tell_that_the_engine_died_on_the_way() {
    let scene = Scene::new(TestEngine::OpenSearch, ApiConfig::default()).await;
    // A body that ends before its end is what `curl` calls 18.
    for (format, said) in [("csv", 18), ("ndjson", 0)] {
        scene.proxy.then(PAGES, died());
        let (status, text) = curl(&scene, &[], &json!({"format": format})).await;
        assert_eq!(status, Some(said), "{format}");
        assert!(scene.proxy.is_spent());
        if format == "csv" {
            continue;
        }
        let rows = ids(&text);
        assert_eq!(rows[..], expected()[..rows.len()]);
        let end: Value = serde_json::from_str(text.lines().next_back().unwrap()).unwrap();
        assert_eq!((&end["_end"], &end["rows"]), (&json!(false), &json!(rows.len())));
        assert!((17..COUNT).contains(&rows.len()), "{}", rows.len());
        assert_eq!(end["problem"]["code"], "engine_unavailable");
        assert!(end["problem"]["request_id"].is_string());
    }
    // Packed too.
    scene.proxy.then(PAGES, died());
    let (status, _) = curl(&scene, &["--compressed", "-o", "/dev/null"], &json!({})).await;
    assert_ne!(status, Some(0));
    assert!(scene.proxy.is_spent());
    // Before there is an answer, it is a problem as any other.
    scene.proxy.then(PAGES, [Fault::Close]);
    let (status, text) = curl(&scene, &[], &json!({})).await;
    assert_eq!(status, Some(0));
    assert!(text.contains("engine_unavailable"), "{text}");
    // Fewer documents than were counted are not all of them.
    let none = r#"{"took": 1, "timed_out": false, "_shards": {"total": 2, "failed": 0}, "hits": {"hits": []}}"#;
    scene.proxy.then(PAGES, [Fault::Pass, Fault::AnswerAfter(none)]);
    let (_, text) = curl(&scene, &[], &json!({"format": "ndjson"})).await;
    let end: Value = serde_json::from_str(text.lines().next_back().unwrap()).unwrap();
    assert_eq!(end["problem"]["code"], "partial_result");
    scene.until_let_go().await;
    scene.end().await;
}

#[tokio::test]
async fn a_server_that_ends_breaks_off_what_is_not_taken() {
    let mut scene = Scene::new(TestEngine::OpenSearch, ApiConfig::default()).await;
    let asleep = scene.begun(&json!({"format": "ndjson"})).await;
    let awake = scene.begun(&json!({"format": "ndjson", "limit": COUNT / 2})).await;
    drop(scene.stop.take());
    // The end has begun once nobody new is let in.
    while TcpStream::connect(scene.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let (text, whole) = awake.rest().await;
    assert_eq!((ids(&text), whole), (expected()[..COUNT / 2].to_vec(), true));
    tokio::time::timeout(Duration::from_secs(30), &mut scene.running).await.unwrap().unwrap();
    assert_eq!(scene.held().await, 0);
    let (text, whole) = asleep.rest().await;
    assert!(!whole && !text.contains("\"_end\":true"));
    scene.api.remove().await;
}

#[tokio::test]
async fn what_is_packed_on_the_way_is_whole() {
    let scene = Scene::new(TestEngine::OpenSearch, ApiConfig::default()).await;
    let url = format!("http://{}/v1/{}/export", scene.address, scene.api.alias);
    let body = json!({"format": "csv", "columns": ["_id", "hidden"]}).to_string();
    let mut curl = tokio::process::Command::new("curl");
    curl.args(["-sS", "--max-time", "60", "--compressed", "-D", "/dev/stderr", "-H"]);
    let output = curl.args(["content-type: application/json", "-d", &body, &url]).output().await;
    let output = output.unwrap();
    let head = String::from_utf8_lossy(&output.stderr).to_lowercase();
    assert!(output.status.success() && head.contains("content-encoding: "), "{head}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.matches("\r\n").count(), COUNT + 1);
    scene.end().await;
}
