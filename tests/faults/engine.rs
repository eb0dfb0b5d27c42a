//! A search engine that goes away, is busy, refuses or talks nonsense.

use prejoin::sink::Method;
use serde_json::json;

use super::{ARGUMENTS, BEFORE, NOW, Scene, expected, source};
use crate::support::engines::{TestEngine, on_both_engines};
use crate::support::fault_proxy::{Fault, FaultProxy, Oversize};
use crate::support::place::Place;

on_both_engines!(
    gone_half_way_and_back,
    busy_for_a_while,
    not_all_up_for_a_while,
    too_large_for_it,
    answers_lost_after_the_work,
    out_of_disk_half_way,
    garbled_once,
    garbled_for_ever,
    garbled_when_counting,
    garbled_at_the_swap,
    refused_at_the_start,
);

const BUSY: &str = r#"{"error": {"type": "es_rejected_execution_exception"}, "status": 429}"#;
const UNAVAILABLE: &str = r#"{"error": {"type": "unavailable_shards_exception"}, "status": 503}"#;
const WELCOME: &str = "<html>welcome</html>";

/// A scene whose engine is behind a proxy.
async fn behind_a_proxy(engine: TestEngine) -> (Scene, FaultProxy) {
    let proxy = FaultProxy::to(&engine.url().await).await;
    let place = Place::sqlite().await;
    let source = source(&place);
    let scene = Scene::new(place, &source, (engine, &proxy.url())).await;
    (scene.hiding(&proxy.url(), "URL"), proxy)
}

/// Bulks that were sent by the run that is about to start.
fn bulks(proxy: &FaultProxy) -> usize {
    proxy.seen("_bulk").len()
}

/// The run ends well in spite of what the proxy does.
async fn ends_well(scene: &Scene, proxy: &FaultProxy) {
    let ran = scene.run().await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(proxy.is_spent());
    scene.is_right().await;
}

async fn gone_half_way_and_back(engine: TestEngine) {
    let (scene, mut proxy) = behind_a_proxy(engine).await;
    let before = bulks(&proxy);
    proxy.then("_bulk", [Fault::Pass, Fault::Late]);
    let running = scene.home.start(&ARGUMENTS);
    proxy.until_seen("_bulk", before + 2).await;
    proxy.down().await;
    running.says("cannot be reached").await;
    proxy.up();
    let ran = running.ended().await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    scene.is_right().await;
}

async fn busy_for_a_while(engine: TestEngine) {
    let (scene, proxy) = behind_a_proxy(engine).await;
    proxy.then("_bulk", std::iter::repeat_n(Fault::Answer(429, BUSY), 12));
    ends_well(&scene, &proxy).await;
}

async fn not_all_up_for_a_while(engine: TestEngine) {
    let (scene, proxy) = behind_a_proxy(engine).await;
    proxy.then("_bulk", std::iter::repeat_n(Fault::Answer(503, UNAVAILABLE), 12));
    ends_well(&scene, &proxy).await;
}

async fn too_large_for_it(engine: TestEngine) {
    let (scene, proxy) = behind_a_proxy(engine).await;
    proxy.limit(50_000, Oversize::Answer413);
    ends_well(&scene, &proxy).await;
    assert!(proxy.seen("_bulk").iter().any(|seen| seen.body.len() > 50_000));
}

/// Every third answer.
async fn answers_lost_after_the_work(engine: TestEngine) {
    let (scene, proxy) = behind_a_proxy(engine).await;
    let every_third = [Fault::Pass, Fault::Pass, Fault::CloseAfter];
    proxy.then("_bulk", every_third.into_iter().cycle().take(9));
    ends_well(&scene, &proxy).await;
}

/// As the engine does when a disk has passed its flood-stage watermark.
async fn out_of_disk_half_way(engine: TestEngine) {
    let (scene, proxy) = behind_a_proxy(engine).await;
    let before = bulks(&proxy);
    proxy.then("_bulk", [Fault::Pass, Fault::Late]);
    let running = scene.home.start(&ARGUMENTS);
    proxy.until_seen("_bulk", before + 2).await;
    let client = engine.client().await;
    let fresh = format!("{}-000002", &*scene.index);
    let block = json!({"index.blocks.read_only_allow_delete": true});
    client.call(Method::Put, &[&fresh, "_settings"], &[], Some(&block)).await.unwrap();
    proxy.let_go();
    let told = scene.told(&running.ended().await);
    insta::allow_duplicates! { insta::assert_snapshot!(told, @"
    exit 4
    error: the engine refused POST /INDEX-000002-W…/_bulk: 429 cluster_block_exception

    hint: the index takes no writes: most often the engine's disk passed its flood-stage watermark; free some space, or remove the block (`index.blocks.*`)
    ") }
    scene.is_unharmed().await;
}

async fn garbled_once(engine: TestEngine) {
    let (scene, proxy) = behind_a_proxy(engine).await;
    proxy.then("_bulk", [Fault::Pass, Fault::AnswerAfter(WELCOME)]);
    ends_well(&scene, &proxy).await;
}

async fn garbled_for_ever(engine: TestEngine) {
    let (scene, proxy) = behind_a_proxy(engine).await;
    proxy.then("_bulk", std::iter::repeat_n(Fault::AnswerAfter(WELCOME), 1_000));
    let told = scene.told(&scene.run().await);
    insta::allow_duplicates! { insta::assert_snapshot!(told, @"
    exit 4
    error: POST /INDEX-000002-W…/_bulk was answered (200) with something other than expected

    hint: is something other than the engine answering here?
    ") }
    proxy.forget();
    scene.is_unharmed().await;
}

/// Documents that cannot be counted are not shown to readers.
async fn garbled_when_counting(engine: TestEngine) {
    let (scene, proxy) = behind_a_proxy(engine).await;
    proxy.then("_refresh", [Fault::AnswerAfter(WELCOME)]);
    let told = scene.told(&scene.run().await);
    insta::allow_duplicates! { insta::assert_snapshot!(told, @"
    exit 4
    error: index `INDEX-000002`: POST /INDEX-000002/_refresh was answered (200) with something other than expected

    hint: is something other than the engine answering here?

    hint: INDEX-000002 keeps 2000 root rows: `prejoin reindex things --resume` goes on from there, without --resume it begins anew
    ") }
    scene.is_unharmed().await;
}

/// It took place: what was said of it is no proof that it did not.
async fn garbled_at_the_swap(engine: TestEngine) {
    let (scene, proxy) = behind_a_proxy(engine).await;
    // First the run takes the right to write to the index that serves.
    proxy.then("POST /_aliases", [Fault::Pass, Fault::AnswerAfter(WELCOME)]);
    let told = scene.told(&scene.run().await);
    insta::allow_duplicates! { insta::assert_snapshot!(told, @"
    exit 4
    error: `INDEX` may or may not point to INDEX-000002 now: see `prejoin status`: pointing `INDEX` to `INDEX-000002`: POST /_aliases was answered (200) with something other than expected

    hint: is something other than the engine answering here?
    ") }
    assert!(scene.documents().await == expected(NOW));
    scene.is_rebuilt().await;
}

async fn refused_at_the_start(engine: TestEngine) {
    let (scene, proxy) = behind_a_proxy(engine).await;
    proxy.then("PUT /test-faults", [Fault::Answer(503, UNAVAILABLE)]);
    let told = scene.told(&scene.run().await);
    insta::allow_duplicates! { insta::assert_snapshot!(told, @"
    exit 2
    error: HOME/mappings/things.json: index `INDEX-000002`: the engine refused PUT /INDEX-000002: 503 unavailable_shards_exception

    hint: the engine is overloaded or not all of it is up: try again later
    ") }
    assert_eq!(scene.documents().await, expected(BEFORE));
    scene.is_unharmed().await;
}
