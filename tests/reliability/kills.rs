//! Killed at any moment, and run again: the index equals a join by hand.

use std::collections::BTreeMap;
use std::time::Duration;

use super::scene::{Scene, ended, signal};
use crate::support::engines::TestEngine;
use crate::support::fault_proxy::{FaultProxy, Seen};

/// Moments of a usual run of the tests; `PREJOIN_TEST_KILLS` asks for more.
const MOMENTS: usize = 10;

/// What a run was about, told by the request that it sent last.
fn phase(seen: &[Seen], index: &str) -> &'static str {
    let writes = |seen: &&Seen| !seen.line.starts_with("GET") && !seen.line.contains("/_doc/");
    let Some(last) = seen.iter().rfind(writes) else {
        return if seen.is_empty() { "before the first request" } else { "taking the lease" };
    };
    let line = last.line.as_str();
    match line {
        _ if line.contains("_bulk") => "loading",
        _ if line.contains("_flush") => "at a checkpoint",
        _ if line.contains("_settings") => "settling",
        _ if line.contains("_refresh") => "counting",
        _ if line.contains("_aliases") => "swapping",
        _ if line.contains("_block") => "waiting at the barrier",
        _ if line.starts_with("DELETE") => "removing what is old",
        _ if line.starts_with(&format!("PUT /{index}-")) => "creating",
        _ if line.starts_with("PUT") => "taking the lease",
        _ => "remembering the run",
    }
}

/// The first run is killed, and those that go on from it are killed too, until one comes to its end.
#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_and_run_again_the_index_is_right() {
    let moments = std::env::var("PREJOIN_TEST_KILLS").ok().map(|count| count.parse().unwrap());
    let moments: usize = moments.unwrap_or(MOMENTS);
    let scene = Scene::new(TestEngine::OpenSearch, 1_500, "500ms").await;
    scene.runs(&["reindex", "shop"]).await;
    // Requests of a run that nobody kills: moments are told by them, so that a phase is not missed for being short.
    let usual = requests_of(&scene, &["reindex", "shop"]).await;
    let mut histogram: BTreeMap<&str, u32> = BTreeMap::new();
    for moment in 0..moments {
        // Something has changed each time, so that an old generation is not taken for the new one.
        scene.shop.run(&format!("UPDATE things SET label = 'round {moment} of ' || id")).await;
        scene.shop.run(&format!("DELETE FROM parts WHERE id = {}", moment * 3)).await;
        let at = |share: usize| usual * share / moments;
        let seen = killed_at(&scene, at(moment), &["reindex", "shop"]).await;
        *histogram.entry(phase(&seen, &scene.index)).or_default() += 1;
        // A second death on the way back.
        killed_at(&scene, at(moments - moment), &["reindex", "shop", "--resume"]).await;
        let resumed = scene.run(&["reindex", "shop", "--resume"]).await;
        if resumed.code == Some(2) {
            // Nothing had been begun, or all had been done.
            assert!(resumed.told.contains("nothing to go on with"), "{}", resumed.told);
            for generation in scene.generations().await.all.iter().filter(|it| !it.live) {
                let state = scene.remembered(&generation.name).await;
                assert!(
                    state.is_none_or(|(_, state)| state.served_from.is_some()),
                    "{generation:?}"
                );
            }
            scene.runs(&["reindex", "shop"]).await;
        } else {
            assert_eq!(resumed.code, Some(0), "{}", resumed.told);
        }
        scene.assert_right().await;
        assert_eq!(scene.setting(&scene.live().await, "refresh_interval").await, "7s");
        assert!(scene.generations().await.all.len() <= 3, "nothing piles up");
    }
    for (phase, count) in &histogram {
        println!("{count:>4} × killed while {phase}");
    }
}

/// Runs the program to its end; how many requests it sends.
async fn requests_of(scene: &Scene, arguments: &[&str]) -> usize {
    let proxy = FaultProxy::to(&scene.engine.url().await).await;
    let run = ended(scene.start_through(&proxy.url(), arguments)).await;
    assert_eq!(run.code, Some(0), "{}", run.told);
    proxy.count()
}

/// Runs the program and kills it when it has sent so many requests, or is through; what it had sent by then.
async fn killed_at(scene: &Scene, requests: usize, arguments: &[&str]) -> Vec<Seen> {
    let proxy = FaultProxy::to(&scene.engine.url().await).await;
    let mut run = scene.start_through(&proxy.url(), arguments);
    while proxy.count() < requests && run.try_wait().unwrap().is_none() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let seen = proxy.seen("");
    if run.try_wait().unwrap().is_none() {
        signal(&run, "KILL");
    }
    ended(run).await;
    seen
}
