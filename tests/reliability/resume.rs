//! Going on with what an earlier run has left.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use prejoin::sink::Method;
use prejoin::sink::version::epoch_of;
use prejoin::state::Segment;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::scene::{Ended, Scene, ended, signal};
use crate::support::engines::{TestEngine, on_both_engines};
use crate::support::fault_proxy::{Fault, FaultProxy, Seen};

on_both_engines!(
    a_finished_range_is_never_loaded_again,
    there_must_be_something_to_go_on_with,
    what_is_complete_waits_for_its_swap,
    what_is_complete_is_counted_again,
    a_new_run_begins_anew,
    a_swap_that_fails_is_made_up_for,
    letters_of_rows_that_are_read_again_are_told_once,
    a_load_outlasts_the_versions_of_a_lease,
);

/// What is in the address of a bulk of documents, which goes through a write alias: those that write dead letters go through,
/// or no range would be written down.
const DOCUMENTS: &str = "-W";

/// Ids of the documents in these bulk requests.
fn ids(bulks: &[Seen]) -> BTreeSet<i64> {
    let actions = bulks.iter().flat_map(|bulk| bulk.body.split(|byte| *byte == b'\n'));
    let actions = actions.filter(|line| line.starts_with(br#"{"index""#));
    let id = |line: &[u8]| {
        let action: Value = serde_json::from_slice(line).unwrap();
        action["index"]["_id"].as_str().unwrap().parse().unwrap()
    };
    actions.map(id).collect()
}

/// Whether a key lies in a segment; keys are numbers here.
fn holds(segment: &Segment, id: i64) -> bool {
    let number = |key: &prejoin::row::Key| key.as_str().parse::<i64>().unwrap();
    let from = segment.range.from.as_ref().is_none_or(|from| number(from) <= id);
    from && segment.range.until.as_ref().is_none_or(|until| id < number(until))
}

/// The ranges that the first generation's state holds to be loaded.
async fn finished(scene: &Scene) -> Vec<Segment> {
    let (_, state) = scene.remembered(&scene.generation(1)).await.unwrap();
    let mut segments = state.load.segments;
    segments.retain(|segment| segment.counts.is_some());
    segments
}

/// A run that is killed at its `bulk`th bulk request, when some range's end is written down.
async fn killed_at(scene: &Scene, bulk: usize) -> FaultProxy {
    let proxy = FaultProxy::to(&scene.engine.url().await).await;
    let held = std::iter::repeat_n(Fault::Late, 9);
    proxy.then(DOCUMENTS, std::iter::repeat_n(Fault::Pass, bulk - 1).chain(held));
    let run = scene.start_through(&proxy.url(), &["reindex", "shop"]);
    proxy.until_seen(DOCUMENTS, bulk).await;
    let written_down = async {
        while finished(scene).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), written_down).await.expect("an ended range");
    signal(&run, "KILL");
    ended(run).await;
    proxy
}

/// Runs the program in the place of one that was killed. What that one had sent last may reach a busy engine after its death,
/// and is taken for a sign of life.
async fn after_its_death(scene: &Scene, url: &str, arguments: &[&str]) -> Ended {
    let mut run = ended(scene.start_through(url, arguments)).await;
    for _ in 0..3 {
        if run.code == Some(3) {
            run = ended(scene.start_through(url, arguments)).await;
        }
    }
    run
}

async fn a_finished_range_is_never_loaded_again(engine: TestEngine) {
    let scene = Scene::new(engine, 2_000, "1500ms").await;
    drop(killed_at(&scene, 70).await);
    let finished = finished(&scene).await;

    let proxy = FaultProxy::to(&engine.url().await).await;
    let run = after_its_death(&scene, &proxy.url(), &["reindex", "shop", "--resume"]).await;
    assert_eq!(run.code, Some(0), "{}", run.told);
    let sent = ids(&proxy.seen("_bulk"));
    let again: Vec<_> =
        sent.iter().filter(|id| finished.iter().any(|segment| holds(segment, **id))).collect();
    assert!(again.is_empty(), "{again:?}");
    let left = (1..=2_000).filter(|id| !finished.iter().any(|segment| holds(segment, *id)));
    assert_eq!(sent, left.collect());
    assert_eq!(scene.live().await, scene.generation(1));
    scene.assert_right().await;
}

async fn there_must_be_something_to_go_on_with(engine: TestEngine) {
    let scene = Scene::new(engine, 50, "10s").await;
    for _ in 0..2 {
        let refused = scene.run(&["reindex", "shop", "--resume"]).await;
        assert_eq!(refused.code, Some(2), "{}", refused.told);
        assert!(refused.told.contains("nothing to go on with"), "{}", refused.told);
        scene.runs(&["reindex", "shop"]).await;
    }
    scene.runs(&["reindex", "shop", "--no-swap"]).await;
    // Built by another job, in effect.
    let file = scene.home.path().join("jobs/shop.yaml");
    let job = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, job.replace("fields: [id, n]", "fields: [n]")).unwrap();
    let refused = scene.run(&["reindex", "shop", "--resume"]).await;
    assert_eq!(refused.code, Some(2), "{}", refused.told);
    assert!(refused.told.contains("has changed since"), "{}", refused.told);
}

async fn what_is_complete_waits_for_its_swap(engine: TestEngine) {
    let scene = Scene::new(engine, 50, "10s").await;
    scene.runs(&["reindex", "shop"]).await;
    scene.add(51, 60).await;
    let built = scene.run(&["reindex", "shop", "--no-swap"]).await;
    assert_eq!(built.code, Some(0), "{}", built.told);
    assert!(built.told.contains("`prejoin reindex shop --resume` swaps it in"), "{}", built.told);
    assert_eq!((scene.live().await, scene.documents().await.len()), (scene.generation(1), 50));
    assert_eq!(scene.documents_of(&scene.generation(2)).await.len(), 60);
    let proxy = FaultProxy::to(&engine.url().await).await;
    let run = ended(scene.start_through(&proxy.url(), &["reindex", "shop", "--resume"])).await;
    assert_eq!(run.code, Some(0), "{}", run.told);
    assert_eq!(proxy.seen("_bulk").len(), 0);
    assert_eq!(scene.live().await, scene.generation(2));
    scene.assert_right().await;
}

async fn what_is_complete_is_counted_again(engine: TestEngine) {
    let scene = Scene::new(engine, 50, "10s").await;
    scene.runs(&["reindex", "shop", "--no-swap"]).await;
    let (client, built) = (engine.client().await, scene.generation(1));
    client.call(Method::Delete, &[&built, "_doc", "7"], &[], None).await.unwrap();
    for _ in 0..2 {
        let refused = scene.run(&["reindex", "shop", "--resume"]).await;
        assert_eq!(refused.code, Some(4), "{}", refused.told);
        let told = format!("{built} held 50 documents, and holds 49 now: not swapped");
        assert!(refused.told.contains(&told), "{}", refused.told);
        assert!(scene.generations().await.live().is_none());
    }
    scene.runs(&["reindex", "shop"]).await;
    scene.assert_right().await;
}

async fn a_swap_that_fails_is_made_up_for(engine: TestEngine) {
    let scene = Scene::new(engine, 50, "10s").await;
    scene.runs(&["reindex", "shop"]).await;
    scene.add(51, 60).await;
    let proxy = FaultProxy::to(&engine.url().await).await;
    // The right to write to the index that serves, and then the swap.
    proxy.then("POST /_aliases", [Fault::Pass, Fault::Answer(503, "{}")]);
    let run = ended(scene.start_through(&proxy.url(), &["reindex", "shop"])).await;
    assert_eq!(run.code, Some(4), "{}", run.told);
    assert_eq!(scene.live().await, scene.generation(1));
    scene.runs(&["reindex", "shop", "--resume"]).await;
    assert_eq!(scene.live().await, scene.generation(2));
    scene.assert_right().await;
    scene.runs(&["rollback", "shop"]).await;
    assert_eq!(scene.documents().await.len(), 50);
}

async fn a_new_run_begins_anew(engine: TestEngine) {
    let scene = Scene::new(engine, 2_000, "1500ms").await;
    drop(killed_at(&scene, 60).await);
    let run = after_its_death(&scene, &scene.engine.url().await, &["reindex", "shop"]).await;
    assert_eq!(run.code, Some(0), "{}", run.told);
    // What the dead run has left is gone, and so is all that was remembered of it.
    let all = scene.generations().await.all;
    assert_eq!(all.len(), 1);
    scene.assert_right().await;
    let (tenure, state) = scene.remembered(&all[0].name).await.unwrap();
    assert_eq!(state.load.counts().read, 2_000);
    assert!(state.load.ended_at.is_some() && state.served_from.is_some());
    assert_eq!(tenure.standing, prejoin::state::Held::Clean);
}

async fn letters_of_rows_that_are_read_again_are_told_once(engine: TestEngine) {
    let scene = Scene::new(engine, 2_000, "1500ms").await;
    // The mapping takes labels of some length only.
    let mapping = scene.home.path().join("mappings/shop.json");
    let text = std::fs::read_to_string(&mapping).unwrap();
    std::fs::write(&mapping, text.replace(r#"{"type": "keyword"}"#, r#"{"type": "ip"}"#)).unwrap();
    scene
        .shop
        .run("UPDATE things SET label = CASE WHEN id % 100 = 7 THEN 'none' ELSE '10.0.0.1' END")
        .await;
    drop(killed_at(&scene, 40).await);
    scene.shop.run("UPDATE things SET label = '10.0.0.1' WHERE id = 1907").await;
    let url = scene.engine.url().await;
    let run = after_its_death(&scene, &url, &["reindex", "shop", "--resume"]).await;
    assert_eq!(run.code, Some(1), "{}", run.told);
    let letters = scene.state().await.list_dead_letters(&scene.generation(1), 100).await.unwrap();
    let keys: BTreeSet<i64> = letters.iter().map(|letter| letter.key.parse().unwrap()).collect();
    assert_eq!(keys, (0..19).map(|hundred| hundred * 100 + 7).collect());
    assert_eq!(scene.documents().await.len(), 2_000 - 19);
}

/// As if a lease had versions for a few batches only.
async fn a_load_outlasts_the_versions_of_a_lease(engine: TestEngine) {
    let scene = Scene::new(engine, 1_500, "10s").await;
    let config = prejoin::config::Config::load(scene.home.path(), None).unwrap();
    let job = prejoin::job::Job::load(scene.home.path(), "shop").unwrap();
    let mapping =
        prejoin::mapping::Mapping::load(&scene.home.path().join("mappings/shop.json")).unwrap();
    let (live, sources) = prejoin::plan::Live::open(&job, &config).await;
    let planned = prejoin::plan::plan(&job, &config, Some(&mapping), &live);
    let engine = Arc::new(prejoin::sync::Engine {
        plan: Arc::new(planned.plan.unwrap()),
        sources,
        client: engine.client().await,
        state: scene.state().await,
        load: config.load,
        retry_for: config.engine.retry_for,
        lease_ttl: config.engine.lease_ttl,
        batches: 12,
        masking: None,
    });
    let options = prejoin::sync::Options { keep: 1, ..Default::default() };
    let (report, ended) =
        prejoin::sync::reindex(&engine, options, Arc::default(), CancellationToken::new()).await;
    ended.unwrap();
    assert_eq!((report.read, report.written), (1_500, 1_500));
    scene.assert_right().await;
    let client = scene.engine.client().await;
    let search = serde_json::json!({"size": 2_000, "version": true, "_source": false});
    let path = [&*scene.index, "_search"];
    let found = client.call(Method::Post, &path, &[], Some(&search)).await.unwrap();
    let hits = found["hits"]["hits"].as_array().unwrap();
    let epochs: BTreeSet<u64> =
        hits.iter().map(|hit| epoch_of(hit["_version"].as_u64().unwrap())).collect();
    assert!(epochs.len() > 2, "{epochs:?}");
}
