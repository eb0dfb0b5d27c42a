//! Taking over an index from a run that has died, at whatever moment.

use std::convert::Infallible;
use std::time::Duration;

use prejoin::sink::bulk::{BulkBody, BulkWriter, Outcome};
use prejoin::sink::{Client, Method, PatienceSettings, index};
use prejoin::state::{
    BuiltBy, Claim, IndexLease, IndexState, LeaseError, LoadState, NotTaken, State,
};
use serde_json::{Value, json};

use crate::support::engines::{TestEngine, config, on_both_engines};
use crate::support::fault_proxy::{Fault, FaultProxy};
use crate::support::own::Indexes;

on_both_engines!(
    killed_between_any_two_steps_the_next_run_takes_it,
    a_bulk_under_way_is_done_before_the_next_run_reads,
    an_index_made_anew_under_the_same_name_is_another,
    a_clean_end_needs_no_barrier,
);

const TTL: Duration = Duration::from_millis(300);

struct Scene {
    client: Client,
    state: State,
    index: Indexes,
    prefix: Indexes,
}

fn claim() -> Claim {
    Claim { holder: "a test".to_owned(), task: "test".to_owned(), ttl: TTL, brief: false }
}

/// An index with documents `{"k": [keywords]}`, and its first lease.
async fn scene(engine: TestEngine) -> (Scene, IndexLease) {
    let (client, index) = (engine.client().await, Indexes::of(engine, "takeover").await);
    let prefix = Indexes::of(engine, "state").await;
    let state = State::new(client.clone(), &prefix);
    let text = r#"{"mappings": {"dynamic": "strict", "properties": {"k": {"type": "keyword"}}}}"#;
    let mapping = prejoin::mapping::Mapping::parse("mapping.json".as_ref(), text).unwrap();
    let content = |uuid| IndexState {
        alias: index.to_string(),
        uuid,
        job: BuiltBy { name: String::new(), fingerprint: String::new(), text: String::new() },
        columns: Default::default(),
        rows_by: String::new(),
        shares: Default::default(),
        load: LoadState::default(),
        horizons: Default::default(),
        served_from: None,
    };
    let lease = IndexLease::create(&state, (&index, &mapping), &claim(), content).await.unwrap();
    (Scene { client, state, index, prefix }, lease)
}

impl Scene {
    /// The lease of one who comes after a death. What the dead had sent last may reach a busy engine only now, and is taken for
    /// a sign of life.
    async fn take(&self) -> IndexLease {
        for _ in 0..5 {
            match IndexLease::take(&self.state, &self.index, &claim()).await {
                Err(NotTaken::Lease(LeaseError::Held(_))) => {}
                taken => return taken.unwrap(),
            }
        }
        panic!("the dead go on giving signs of life")
    }

    async fn aliases(&self) -> Vec<String> {
        let found = self.client.call(Method::Get, &[&self.index, "_alias"], &[], None).await;
        let found = found.unwrap();
        found[&*self.index]["aliases"].as_object().unwrap().keys().cloned().collect()
    }

    async fn count(&self) -> u64 {
        let path = [&*self.index, "_refresh"];
        self.client.call(Method::Post, &path, &[], None).await.unwrap();
        let counted = self.client.call(Method::Get, &[&self.index, "_count"], &[], None).await;
        counted.unwrap()["count"].as_u64().unwrap()
    }

    async fn exists(&self, id: &str) -> bool {
        let found = self.client.call(Method::Get, &[&self.index, "_doc", id], &[], None).await;
        found.is_ok()
    }

    /// One document through a write alias; the engine's error type when it is refused.
    async fn write(&self, write_alias: &str, id: &str, version: u64) -> Result<Outcome, String> {
        let writer = BulkWriter::new(self.client.clone(), PatienceSettings::default());
        let written = writer.write(write_alias, body(&[id.to_owned()], version, 1)).await;
        written.map(|mut outcomes| outcomes.remove(0)).map_err(|e| e.error_type().to_owned())
    }
}

fn body(ids: &[String], version: u64, keywords: usize) -> BulkBody {
    let mut body = BulkBody::default();
    for id in ids {
        let document: Vec<Value> = (0..keywords).map(|n| json!(format!("{id} {n}"))).collect();
        let written = body.put(id, version, |out| {
            out.extend_from_slice(json!({"k": document}).to_string().as_bytes());
            Ok::<_, Infallible>(())
        });
        written.unwrap();
    }
    body
}

/// The taker dies after each number of its requests in turn: before the engine saw the next one, and after it did.
async fn killed_between_any_two_steps_the_next_run_takes_it(engine: TestEngine) {
    let (scene, lease) = scene(engine).await;
    // As a death would: its end was not clean, so that all steps are taken.
    drop(lease);
    for last in [Fault::Close, Fault::CloseAfter] {
        for steps in 0.. {
            let proxy = FaultProxy::to(&engine.url().await).await;
            let far = Client::connect(&config(&proxy.url())).await.unwrap();
            let far = State::new(far, &scene.prefix);
            let dead = std::iter::repeat_n(Fault::Close, 1_000);
            let script = std::iter::repeat_n(Fault::Pass, steps).chain([last.clone()]);
            proxy.then("", script.chain(dead));
            let taken = IndexLease::take(&far, &scene.index, &claim()).await;
            let came_to_its_end = taken.is_ok();
            drop(taken);

            let next = scene.take().await;
            assert_eq!(scene.aliases().await, [next.write_alias()], "after {steps} steps");
            let (id, version) = (format!("{last:?} {steps}"), next.epoch() << 24);
            assert_eq!(scene.write(next.write_alias(), &id, version).await, Ok(Outcome::Applied));
            // Not clean, for the next round's sake.
            next.give_back(false).await;
            if came_to_its_end {
                assert!(steps > 6, "a lease is taken in more than {steps} steps");
                break;
            }
        }
    }
}

async fn a_bulk_under_way_is_done_before_the_next_run_reads(engine: TestEngine) {
    let (scene, lease) = scene(engine).await;
    let (alias, version) = (lease.write_alias().to_owned(), lease.epoch() << 24);
    drop(lease);
    let ids: Vec<String> = (0..4_000).map(|id| id.to_string()).collect();
    let writer = BulkWriter::new(scene.client.clone(), PatienceSettings::default());
    let large = body(&ids, version, 400);
    let under_way = tokio::spawn(async move { writer.write(&alias, large).await });
    // It has been accepted once its first document is there; a write takes part in that order.
    let begun = async {
        while !scene.exists("0").await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), begun).await.expect("the bulk begins");
    assert!(!scene.exists("3999").await, "the bulk is too small to be met half way");

    let next = scene.take().await;
    let at_once = scene.count().await;
    drop(under_way.await.unwrap());
    assert_eq!(at_once, scene.count().await, "what was accepted was done before");
    assert_eq!(at_once, 4_000);
    let late = scene.write(&format!("{}-W1-x", &*scene.index), "late", 1).await;
    assert_eq!(late, Err("invalid_index_name_exception".to_owned()));
    next.give_back(true).await;
}

async fn an_index_made_anew_under_the_same_name_is_another(engine: TestEngine) {
    let (scene, lease) = scene(engine).await;
    lease.give_back(true).await;
    scene.client.call(Method::Delete, &[&scene.index], &[], None).await.unwrap();
    for made_anew in [false, true] {
        if made_anew {
            scene.client.call(Method::Put, &[&scene.index], &[], None).await.unwrap();
        }
        let taken = IndexLease::take(&scene.state, &scene.index, &claim()).await;
        assert!(matches!(taken.err(), Some(NotTaken::Unknown(_))));
    }
    assert_eq!(scene.aliases().await, [""; 0]);
}

async fn a_clean_end_needs_no_barrier(engine: TestEngine) {
    let (scene, lease) = scene(engine).await;
    lease.give_back(true).await;
    for (clean, barriers) in [(true, 0), (false, 0), (true, 1)] {
        let proxy = FaultProxy::to(&engine.url().await).await;
        let far = Client::connect(&config(&proxy.url())).await.unwrap();
        let far = State::new(far, &scene.prefix);
        let lease = IndexLease::take(&far, &scene.index, &claim()).await.unwrap();
        assert_eq!(proxy.seen("_block/write").len(), barriers);
        lease.give_back(clean).await;
    }
    // One that the engine was not done with in time is asked for again.
    let proxy = FaultProxy::to(&engine.url().await).await;
    proxy.then(
        "_block",
        [Fault::AnswerAfter(r#"{"acknowledged":false,"shards_acknowledged":false}"#)],
    );
    let far = State::new(Client::connect(&config(&proxy.url())).await.unwrap(), &scene.prefix);
    drop(scene.take().await);
    IndexLease::take(&far, &scene.index, &claim()).await.unwrap().give_back(true).await;
    assert_eq!(proxy.seen("_block/write").len(), 2);
    // A block that a dead run has left is lifted.
    let path = [&*scene.index, "_block", "write"];
    scene.client.call(Method::Put, &path, &[], None).await.unwrap();
    drop(scene.take().await);
    let next = scene.take().await;
    let written = scene.write(next.write_alias(), "after", next.epoch() << 24).await;
    assert_eq!(written, Ok(Outcome::Applied));
    index::barrier(&scene.client, &scene.index).await.unwrap();
}
