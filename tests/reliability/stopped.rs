//! A process that is stopped for longer than its lease lives, and then goes on.

use prejoin::sink::Method;
use serde_json::Value;

use super::scene::{Ended, Scene, assert_same, ended, signal};
use crate::support::engines::{TestEngine, on_both_engines};
use crate::support::fault_proxy::{Fault, FaultProxy, Seen};

on_both_engines!(
    a_stopped_process_that_goes_on_changes_nothing,
    one_that_went_on_from_it_shuts_it_out,
    a_late_swap_changes_nothing
);

/// A first run is stopped while one of its bulks has not arrived yet; a second one takes over with these arguments.
struct Overtaken {
    scene: Scene,
    proxy: FaultProxy,
    first: std::process::Child,
}

impl Overtaken {
    async fn by(engine: TestEngine, arguments: &[&str]) -> Self {
        let scene = Scene::new(engine, 1_200, "900ms").await;
        let proxy = FaultProxy::to(&engine.url().await).await;
        // Some are written, one is late, and with it the run waits.
        proxy.then("_bulk", [Fault::Pass, Fault::Pass, Fault::Late, Fault::Late, Fault::Late]);
        let first = scene.start_through(&proxy.url(), &["reindex", "shop"]);
        proxy.until_seen("_bulk", 3).await;
        signal(&first, "STOP");

        // What the late bulk holds is gone from the services.
        scene.shop.run("DELETE FROM parts; DELETE FROM things WHERE id % 2 = 0").await;
        scene.shop.run("UPDATE things SET label = 'changed'").await;
        scene.runs(arguments).await;
        scene.assert_right().await;
        Self { scene, proxy, first }
    }

    /// What the first run's late requests do to the index, and then the run itself.
    async fn goes_on(self) -> (Scene, Vec<Seen>, Ended) {
        let late = self.proxy.seen("_bulk").split_off(2);
        self.proxy.let_go();
        signal(&self.first, "CONT");
        let ended = ended(self.first).await;
        (self.scene, late, ended)
    }
}

async fn a_stopped_process_that_goes_on_changes_nothing(engine: TestEngine) {
    let overtaken = Overtaken::by(engine, &["reindex", "shop"]).await;
    let (live, before) = (overtaken.scene.live().await, overtaken.scene.documents().await);
    let (scene, _, ended) = overtaken.goes_on().await;
    assert_eq!(ended.code, Some(3), "{}", ended.told);
    assert!(ended.told.contains("another run took over"), "{}", ended.told);
    assert_eq!(scene.live().await, live);
    assert_same(&scene.documents().await, &before);
    // Nor is there anything left of it.
    assert_eq!(scene.generations().await.all.len(), 1);
}

/// The same index is loaded to its end by the second run, so that the first one's documents would find their place.
async fn one_that_went_on_from_it_shuts_it_out(engine: TestEngine) {
    let overtaken = Overtaken::by(engine, &["reindex", "shop", "--resume"]).await;
    let before = overtaken.scene.documents().await;
    let (scene, late, ended) = overtaken.goes_on().await;
    assert_eq!(ended.code, Some(3), "{}", ended.told);
    assert_same(&scene.documents().await, &before);
    scene.assert_right().await;

    // The same bulk by the index's own name, past the wall: it would have brought back what is gone.
    let held = late.first().expect("a late bulk");
    let client = scene.engine.client().await;
    let live = scene.live().await;
    let lines = prejoin::sink::Body::Lines(held.body.clone().into());
    let answer = client.send(Method::Post, &[&live, "_bulk"], &[], lines).await.unwrap();
    let answer: Value = answer.json().unwrap();
    let created = |item: &Value| item["index"]["status"] == 201;
    assert!(answer["items"].as_array().unwrap().iter().any(created), "{answer}");
    assert!(scene.documents().await.len() > before.len());
}

/// The swap itself is under way when somebody rolls back: two indexes behind one alias would show every document twice.
async fn a_late_swap_changes_nothing(engine: TestEngine) {
    let scene = Scene::new(engine, 40, "900ms").await;
    scene.runs(&["reindex", "shop"]).await;
    scene.runs(&["reindex", "shop"]).await;
    let proxy = FaultProxy::to(&engine.url().await).await;
    proxy.then("POST /_aliases", [Fault::Pass, Fault::Late]);
    let first = scene.start_through(&proxy.url(), &["reindex", "shop", "--keep", "2"]);
    proxy.until_seen("POST /_aliases", 2).await;
    signal(&first, "STOP");
    scene.runs(&["rollback", "shop"]).await;
    proxy.let_go();
    signal(&first, "CONT");
    let ended = ended(first).await;
    assert_eq!(ended.code, Some(3), "{}", ended.told);
    assert_eq!(scene.generations().await.serving, [scene.generation(1)]);
    scene.assert_right().await;
}
