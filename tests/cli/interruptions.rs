//! Runs that do not come to their end: readers keep what they had.

use std::process::{Child, Stdio};
use std::time::Duration;

use prejoin::sink::Method;
use prejoin::sink::index::Generations;

use super::failures::sqlite;
use crate::support::engines::{TestEngine, on_both_engines};
use crate::support::fault_proxy::{Fault, FaultProxy};
use crate::support::home::Home;
use crate::support::own::Indexes;

const MAPPING: &str = r#"{"settings": {"number_of_replicas": 0}, "mappings": {"dynamic": "strict",
    "properties": {"id": {"type": "long"}, "body": {"type": "text"}}}}"#;

on_both_engines!(
    an_engine_lost_on_the_way_is_exit_four,
    a_signal_ends_the_run_cleanly,
    a_second_signal_ends_it_at_once,
    a_swap_whose_answer_is_lost_is_not_undone,
);

/// A job that was loaded once with ten rows, and has two thousand wide ones now; the engine is behind a proxy.
struct Scene {
    home: Home,
    index: Indexes,
    engine: TestEngine,
    proxy: FaultProxy,
}

impl Scene {
    async fn new(engine: TestEngine) -> Self {
        let (index, proxy) =
            (Indexes::of(engine, "cut").await, FaultProxy::to(&engine.url().await).await);
        let job = format!(
            "index: {index}\nmapping: cut.json\nroot: {{source: shop, table: things, fields: [id, body]}}\n"
        );
        let home = Home::new()
            .file("mappings/cut.json", MAPPING)
            .file("jobs/cut.yaml", &job)
            .file(
                "config/default.yaml",
                "sources: {shop: {kind: sqlite, path: shop.db}}\nengine: {retry_for: 1s}\n",
            )
            .engine(engine)
            .await
            .variable("PREJOIN__ENGINE__URL", &proxy.url());
        let rows = |count: u32| {
            format!(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
                 INSERT OR IGNORE INTO things SELECT i, printf('%.*c', 9000, 'x') FROM n;"
            )
        };
        sqlite(&home, "CREATE TABLE things (id INTEGER PRIMARY KEY, body TEXT)").await;
        sqlite(&home, &rows(10)).await;
        let scene = Self { home, index, engine, proxy };
        let (code, told) = scene.ended(scene.start()).await;
        assert_eq!(code, Some(0), "{told}");
        sqlite(&scene.home, &rows(2_000)).await;
        scene
    }

    /// Starts a run; the proxy lives in this process, so nothing here may wait for one without yielding.
    fn start(&self) -> Child {
        self.home
            .command(&["reindex", "cut", "--keep", "0"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Waits until the second run has sent a bulk request: the first one sent one too.
    async fn bulk_was_sent(&self) {
        let sent = async {
            while self.proxy.seen("_bulk").len() < 2 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), sent).await.expect("a bulk request");
    }

    async fn ended(&self, child: Child) -> (Option<i32>, String) {
        let output = tokio::task::spawn_blocking(move || child.wait_with_output());
        let ran = self.home.ran(&output.await.unwrap().unwrap());
        (ran.code, ran.stderr)
    }

    /// Documents that readers see.
    async fn seen(&self) -> serde_json::Value {
        let client = self.engine.client().await;
        client.call(Method::Get, &[&self.index, "_count"], &[], None).await.unwrap()["count"]
            .clone()
    }

    async fn generations(&self) -> usize {
        let client = self.engine.client().await;
        Generations::read(&client, &self.index).await.unwrap().all.len()
    }
}

async fn an_engine_lost_on_the_way_is_exit_four(engine: TestEngine) {
    let mut scene = Scene::new(engine).await;
    let child = scene.start();
    scene.bulk_was_sent().await;
    scene.proxy.down().await;
    let (code, told) = scene.ended(child).await;
    assert_eq!(code, Some(4), "{told}");
    assert!(told.contains("cannot be reached"), "{told}");
    assert_eq!(scene.seen().await, 10);
    // What is left of it goes with the next run.
    scene.proxy.up();
    assert_eq!(scene.ended(scene.start()).await.0, Some(0));
    assert_eq!((scene.seen().await, scene.generations().await), (2_000.into(), 1));
}

async fn a_signal_ends_the_run_cleanly(engine: TestEngine) {
    let scene = Scene::new(engine).await;
    scene.proxy.then("_bulk", [Fault::HoldAfter]);
    let child = scene.start();
    scene.bulk_was_sent().await;
    terminate(&child);
    let (code, told) = scene.ended(child).await;
    assert_eq!(code, Some(143), "{told}");
    assert_eq!((scene.seen().await, scene.generations().await), (10.into(), 1));
}

async fn a_second_signal_ends_it_at_once(engine: TestEngine) {
    let scene = Scene::new(engine).await;
    scene.proxy.then("_bulk", [Fault::HoldAfter]);
    scene.proxy.then("DELETE", [Fault::HoldAfter]);
    let child = scene.start();
    scene.bulk_was_sent().await;
    terminate(&child);
    let cleaning = async {
        while scene.proxy.seen("DELETE").is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), cleaning).await.expect("the run cleans up");
    terminate(&child);
    // The engine would hold it for a minute.
    let ended = tokio::time::timeout(Duration::from_secs(20), scene.ended(child)).await;
    assert_eq!(ended.expect("it ends").0, Some(143));
}

fn terminate(child: &Child) {
    let killed = std::process::Command::new("kill").arg(child.id().to_string()).status().unwrap();
    assert!(killed.success());
}

/// The swap took place, whether its answer came or not: deleting the new index then would leave readers with nothing.
async fn a_swap_whose_answer_is_lost_is_not_undone(engine: TestEngine) {
    let scene = Scene::new(engine).await;
    // First the run that builds takes the right to write to the index that serves.
    scene.proxy.then("POST /_aliases", [Fault::Pass, Fault::CloseAfter]);
    let (code, told) = scene.ended(scene.start()).await;
    assert_eq!(code, Some(4), "{told}");
    assert!(told.contains("may or may not"), "{told}");
    assert_eq!(scene.seen().await, 2_000);
}
