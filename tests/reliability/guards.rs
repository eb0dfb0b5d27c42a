//! What keeps a run from starting, or from showing readers what it has built.

use super::scene::{Scene, job};
use crate::support::engines::{TestEngine, on_both_engines};
use crate::support::fault_proxy::{Fault, FaultProxy};

on_both_engines!(
    of_two_runs_at_once_one_goes_ahead,
    a_relation_that_has_shrunk_is_not_shown,
    an_empty_root_is_taken_for_an_outage,
    a_column_of_another_type_stops_it,
    two_jobs_cannot_build_one_index,
    settings_are_restored_when_it_is_stopped,
);

/// The lines that tell an error and its hints.
fn said(told: &str) -> String {
    let lines = told
        .lines()
        .filter(|line| ["error: ", "hint: "].iter().any(|start| line.starts_with(start)));
    lines.collect::<Vec<_>>().join("\n")
}

async fn of_two_runs_at_once_one_goes_ahead(engine: TestEngine) {
    let scene = Scene::new(engine, 400, "900ms").await;
    let proxy = FaultProxy::to(&engine.url().await).await;
    proxy.then("_bulk", [Fault::Late, Fault::Late]);
    let first = scene.start_through(&proxy.url(), &["reindex", "shop"]);
    proxy.until_seen("_bulk", 1).await;
    for command in
        [&["reindex", "shop"][..], &["reindex", "shop", "--resume"], &["rollback", "shop"]]
    {
        let second = scene.run(command).await;
        assert_eq!(second.code, Some(3), "{}", second.told);
        let said = said(&second.told);
        let holder = format!("process {}", first.id());
        for part in [
            &format!("alias `{}` is held by another run", scene.index),
            &holder,
            "(reindex), since 20",
            "hint: wait",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
    proxy.let_go();
    let first = super::scene::ended(first).await;
    assert_eq!(first.code, Some(0), "{}", first.told);
    scene.assert_right().await;
}

async fn a_relation_that_has_shrunk_is_not_shown(engine: TestEngine) {
    let scene = Scene::new(engine, 300, "10s").await;
    scene.runs(&["reindex", "shop"]).await;
    let before = scene.documents().await;
    scene.shop.run("DELETE FROM parts WHERE id % 5 = 0").await;
    let refused = scene.run(&["reindex", "shop"]).await;
    assert_eq!(refused.code, Some(4), "{}", refused.told);
    let said = said(&refused.told);
    for part in ["`parts`: 900 before, 720 now", "`prejoin reindex shop --resume --allow-shrink`"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(scene.documents().await, before);
    // What was built is all there: saying so is enough.
    scene.runs(&["reindex", "shop", "--resume", "--allow-shrink"]).await;
    assert_eq!(scene.live().await, scene.generation(2));
    scene.assert_right().await;
    // A tenth and less is life.
    scene.shop.run("DELETE FROM parts WHERE id % 20 = 1").await;
    scene.runs(&["reindex", "shop"]).await;
    scene.assert_right().await;
}

async fn an_empty_root_is_taken_for_an_outage(engine: TestEngine) {
    let scene = Scene::new(engine, 0, "10s").await;
    scene.shop.run("DELETE FROM parts; DELETE FROM things").await;
    // At first there may be nothing.
    scene.runs(&["reindex", "shop"]).await;
    scene.add(1, 20).await;
    scene.runs(&["reindex", "shop"]).await;
    scene.shop.run("DELETE FROM things").await;
    let refused = scene.run(&["reindex", "shop"]).await;
    assert_eq!(refused.code, Some(4), "{}", refused.told);
    assert!(said(&refused.told).contains("the root: 20 before, 0 now"), "{}", refused.told);
    assert_eq!(scene.documents().await.len(), 20);
    scene.runs(&["reindex", "shop", "--resume", "--allow-shrink"]).await;
    assert_eq!(scene.documents().await.len(), 0);
}

async fn a_column_of_another_type_stops_it(engine: TestEngine) {
    let scene = Scene::new(engine, 10, "10s").await;
    scene.runs(&["reindex", "shop"]).await;
    scene.shop.run("DROP TABLE parts").await;
    scene.shop.run("CREATE TABLE parts (id INTEGER PRIMARY KEY, thing_id INTEGER, n TEXT)").await;
    scene
        .shop
        .run("CREATE INDEX of_thing ON parts (thing_id); INSERT INTO parts VALUES (1, 1, '7')")
        .await;
    let refused = scene.run(&["reindex", "shop"]).await;
    assert_eq!(refused.code, Some(2), "{}", refused.told);
    assert!(
        said(&refused.told).contains("column `n` of `parts` in source `shop`"),
        "{}",
        refused.told
    );
    assert_eq!(scene.generations().await.all.len(), 1);
    scene.runs(&["reindex", "shop", "--allow-schema-change", "--allow-shrink"]).await;
    assert_eq!(scene.live().await, scene.generation(2));
}

async fn two_jobs_cannot_build_one_index(engine: TestEngine) {
    let scene = Scene::new(engine, 10, "10s").await;
    scene.runs(&["reindex", "shop"]).await;
    std::fs::write(scene.home.path().join("jobs/store.yaml"), job(&scene.index)).unwrap();
    let refused = scene.run(&["reindex", "store"]).await;
    assert_eq!(refused.code, Some(2), "{}", refused.told);
    let said = said(&refused.told);
    assert!(said.contains("built by another job, `shop`") && said.contains("--adopt"), "{said}");
    // It was renamed.
    std::fs::remove_file(scene.home.path().join("jobs/shop.yaml")).unwrap();
    scene.runs(&["reindex", "store", "--adopt"]).await;
    scene.runs(&["reindex", "store"]).await;
    scene.assert_right().await;
}

async fn settings_are_restored_when_it_is_stopped(engine: TestEngine) {
    let scene = Scene::new(engine, 1_000, "300ms").await;
    let proxy = FaultProxy::to(&engine.url().await).await;
    proxy.then("_bulk", std::iter::repeat_n(Fault::Pass, 18).chain([Fault::Late, Fault::Late]));
    let run = scene.start_through(&proxy.url(), &["reindex", "shop"]);
    proxy.until_seen("_bulk", 19).await;
    let index = scene.generation(1);
    assert_eq!(scene.setting(&index, "refresh_interval").await, "-1");
    super::scene::signal(&run, "TERM");
    let ended = super::scene::ended(run).await;
    assert_eq!(ended.code, Some(143), "{}", ended.told);
    let said = said(&ended.told);
    assert!(said.contains("`prejoin reindex shop --resume` goes on from there"), "{said}");
    assert_eq!(scene.setting(&index, "refresh_interval").await, "7s");
    // The lease was given back: nothing is waited for.
    proxy.let_go();
    scene.runs(&["reindex", "shop", "--resume"]).await;
    assert_eq!(scene.setting(&index, "refresh_interval").await, "7s");
    scene.assert_right().await;
}
