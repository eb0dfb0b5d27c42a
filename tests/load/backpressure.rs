//! An engine that is slow slows the reading down: nothing piles up in between.

use std::sync::Arc;
use std::time::Duration;

use prejoin::config::{Config, LoadConfig};
use prejoin::job::Job;
use prejoin::mapping::Mapping;
use prejoin::plan::{Live, plan};
use prejoin::state::State;
use prejoin::sync::{Engine, Options, Progress, reindex};
use serde_json::json;

use super::shop::{Shop, numbers};
use crate::support::engines::{TestEngine, config};
use crate::support::fault_proxy::{Fault, FaultProxy};
use crate::support::place::Place;

const LOAD: LoadConfig = LoadConfig {
    page_rows: 50,
    page_bytes: 1 << 20,
    bulk_bytes: 16 << 10,
    bulk_in_flight: 3,
    bulk_tuning: true,
    cache_bytes: 0,
    readers: 2,
    range_rows: 5_000,
};

const ROWS: usize = 20_000;

const MAPPING: &str = r#"{"settings": {"number_of_replicas": 0}, "mappings": {"dynamic": "strict",
    "properties": {"id": {"type": "long"}, "label": {"type": "keyword"}}}}"#;

/// Signs of life that a run shows between two looks at it. They come by the clock, whatever else stands still.
const SIGNS: usize = 5;
const LEASE_TTL: Duration = Duration::from_millis(600);

/// Many times more rows than a run may hold at a time.
async fn shop() -> (Place, Shop) {
    let place = Place::sqlite().await;
    place
        .run(&format!(
            "CREATE TABLE things (id INTEGER PRIMARY KEY, label TEXT);
             INSERT INTO things SELECT i, printf('thing %d %.*c', i, 1000, 'x') FROM ({})",
            numbers(&place, ROWS),
        ))
        .await;
    let root = "  table: things\n  fields: [id, label]\n";
    let shop = Shop::new(&place, TestEngine::Elasticsearch, root, MAPPING).await;
    (place, shop)
}

/// Waits until the run behind `proxy` has shown some signs of life.
async fn signs_of_life(shop: &Shop, proxy: &FaultProxy) {
    let state = format!("{}-state", shop.home.state_prefix());
    proxy.until_seen(&state, proxy.seen(&state).len() + SIGNS).await;
}

/// A run in this process, where it can be seen how many rows were read.
async fn engine(shop: &Shop, proxy: &FaultProxy) -> Arc<Engine> {
    let home = shop.home.path();
    let configured = Config::load(home, None).unwrap();
    let job = Job::load(home, "shop").unwrap();
    let mapping = Mapping::load(&home.join("mappings/shop.json")).unwrap();
    let (live, sources) = Live::open(&job, &configured).await;
    let planned = plan(&job, &configured, Some(&mapping), &live);
    let client = prejoin::sink::Client::connect(&config(&proxy.url())).await.unwrap();
    Arc::new(Engine {
        plan: Arc::new(planned.plan.unwrap()),
        sources,
        state: State::new(client.clone(), shop.home.state_prefix()),
        client,
        load: LOAD,
        retry_for: Duration::from_secs(60),
        lease_ttl: LEASE_TTL,
        batches: prejoin::sink::version::BATCHES,
        masking: None,
    })
}

#[tokio::test]
async fn an_engine_that_does_not_answer_stops_the_readers() {
    let (_place, shop) = shop().await;
    let proxy = FaultProxy::to(&shop.engine.url().await).await;
    let engine = engine(&shop, &proxy).await;
    proxy.then("_bulk", std::iter::repeat_n(Fault::Late, LOAD.bulk_in_flight));
    let progress = Arc::<Progress>::default();
    let running = reindex(&engine, Options::default(), Arc::clone(&progress), Default::default());
    let watching = async {
        proxy.until_seen("_bulk", LOAD.bulk_in_flight).await;
        let mut read = 0;
        // It ends when nothing more is read, be it that nothing is left.
        while read != progress.read() {
            read = progress.read();
            signs_of_life(&shop, &proxy).await;
        }
        let held = proxy.seen("_bulk");
        assert_eq!(held.len(), LOAD.bulk_in_flight);
        let lines = |body: &[u8]| body.iter().filter(|byte| **byte == b'\n').count();
        let documents = held.iter().map(|seen| lines(&seen.body) / 2).max().unwrap();
        // Each reader: a page that waits, one that is joined, one that waits for that, and one that becomes documents.
        let pages = LOAD.readers * 4 * LOAD.page_rows;
        let bound = pages + (LOAD.readers + LOAD.bulk_in_flight) * documents;
        assert!(read <= bound as u64 && bound * 10 < ROWS, "{read} rows read, {bound} allowed");
        proxy.let_go();
    };
    let ((report, ended), ()) = tokio::join!(running, watching);
    ended.unwrap();
    assert_eq!((report.read, report.written), (ROWS as u64, ROWS as u64));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_engine_that_does_not_answer_fills_no_memory() {
    use super::memory::{MIB, now_of};

    let (_place, shop) = shop().await;
    let proxy = FaultProxy::to(&shop.engine.url().await).await;
    let file = shop.home.path().join("config/default.yaml");
    let sizes = json!({"page_rows": LOAD.page_rows, "bulk_bytes": LOAD.bulk_bytes});
    let text = std::fs::read_to_string(&file).unwrap();
    let ttl = LEASE_TTL.as_millis();
    let text = format!("{text}load: {sizes}\nengine: {{lease_ttl: {ttl}ms}}\n");
    std::fs::write(&file, text).unwrap();
    proxy.then("_bulk", std::iter::repeat_n(Fault::Late, 4));
    let mut command = shop.home.command(&["reindex", "shop"]);
    command.env("PREJOIN__ENGINE__URL", proxy.url());
    let mut child = command.stderr(std::process::Stdio::null()).spawn().unwrap();
    proxy.until_seen("_bulk", 4).await;
    signs_of_life(&shop, &proxy).await;
    let before = now_of(child.id());
    signs_of_life(&shop, &proxy).await;
    let after = now_of(child.id());
    proxy.let_go();
    let ended = tokio::task::spawn_blocking(move || child.wait().unwrap()).await.unwrap();
    assert!(ended.success());
    // The rows take twenty times as much.
    assert!(after <= before + MIB, "{} KiB, then {} KiB", before / 1024, after / 1024);
}
