//! Servers that fail amid an incremental run: it ends in time and says so, and the next one makes up for it.

use std::time::Duration;

use prejoin::config::Server;
use url::Url;

use super::scene::Scene;
use crate::support::engines::{TestEngine, on_both_engines};
use crate::support::fault_proxy::{Fault, FaultProxy};
use crate::support::home::Ran;
use crate::support::place::Place;
use crate::support::tcp_proxy::{TcpProxy, Traffic};

on_both_engines!(an_engine_that_fails_once, an_engine_that_goes_on_failing);

const SYNC: [&str; 3] = ["sync", "shop", "--json"];
const WELCOME: &str = "<html>welcome</html>";
const UNAVAILABLE: &str = r#"{"error": {"type": "unavailable_shards_exception"}, "status": 503}"#;

/// Edits that change documents, move a row between two, delete one and make one.
async fn edit(scene: &Scene, round: usize) {
    scene
        .run(&format!(
            "UPDATE orders SET title = 'round {round}', updated_at = NOW WHERE id = 1;
             UPDATE order_lines SET order_id = 3 - order_id, updated_at = NOW WHERE id = 2;
             DELETE FROM orders WHERE id = {};
             INSERT INTO orders VALUES ({}, 'new', 2, NOW)",
            round + 9,
            round + 10
        ))
        .await;
}

/// A run that something happens to.
async fn ran(scene: &Scene, variables: &[(&str, &str)], what: &str) -> Ran {
    let running = scene.home.start_with(&SYNC, variables);
    let ended = tokio::time::timeout(Duration::from_secs(40), running.ended()).await;
    let ran = ended.unwrap_or_else(|_| panic!("{what}: it has no end"));
    // Well, or not begun, or stopped on the way.
    assert!(matches!(ran.code, Some(0 | 2 | 4)), "{what}: {:?} {}", ran.code, ran.stderr);
    ran
}

/// The next one, with nothing in its way.
async fn is_made_up_for(scene: &Scene, what: &str) {
    scene.sync_after().await;
    scene.assert_right(what).await;
}

async fn behind_a_proxy(engine: TestEngine) -> (Scene, FaultProxy) {
    let scene = Scene::filled(engine, Place::sqlite().await).await;
    let patience = "lease_ttl: 1s, request_timeout: 2s, retry_for: 2s";
    scene.rewrite("config/default.yaml", "lease_ttl: 1s", patience);
    (scene, FaultProxy::to(&engine.url().await).await)
}

/// How a run may end that meets such a fault once. All others are tried again, and end well.
fn unless_tried_again(request: &str, fault: &Fault) -> Option<i32> {
    match (request, fault) {
        (_, Fault::Slow) | ("_bulk", _) | ("_doc/" | "_search", Fault::Answer(..)) => None,
        // Nothing has begun.
        ("_aliases", _) | ("_doc/", Fault::AnswerAfter(_)) => Some(2),
        // The first search is that of dead letters.
        ("_search", _) | ("_refresh", Fault::AnswerAfter(_)) => Some(4),
        _ => None,
    }
}

/// At each kind of request that a run sends.
async fn an_engine_that_fails_once(engine: TestEngine) {
    let (scene, proxy) = behind_a_proxy(engine).await;
    let url = proxy.url();
    let mut round = 0;
    for request in ["_aliases", "_doc/", "_refresh", "_search", "_bulk"] {
        for fault in [
            Fault::Close,
            Fault::CloseAfter,
            Fault::Half,
            Fault::Slow,
            Fault::Answer(503, UNAVAILABLE),
            Fault::AnswerAfter(WELCOME),
        ] {
            let what = format!("{fault:?} at {request}");
            edit(&scene, round).await;
            proxy.then(request, [fault.clone()]);
            let ran = ran(&scene, &[("PREJOIN__ENGINE__URL", &url)], &what).await;
            let otherwise = unless_tried_again(request, &fault);
            let is_meant = ran.code == Some(0) || (otherwise.is_some() && ran.code == otherwise);
            assert!(is_meant, "{what}: {:?} {}", ran.code, ran.stderr);
            assert!(proxy.is_spent(), "{what}: no such request");
            is_made_up_for(&scene, &what).await;
            round += 1;
        }
    }
}

async fn an_engine_that_goes_on_failing(engine: TestEngine) {
    let (scene, proxy) = behind_a_proxy(engine).await;
    let url = proxy.url();
    let faults = [
        ("_search", Fault::Close),
        ("_search", Fault::HoldAfter),
        ("_bulk", Fault::Close),
        ("_bulk", Fault::CloseAfter),
        ("_bulk", Fault::HoldAfter),
        ("_bulk", Fault::AnswerAfter(WELCOME)),
    ];
    for (round, (request, fault)) in faults.into_iter().enumerate() {
        let what = format!("{fault:?} at every {request}");
        edit(&scene, round).await;
        proxy.then(request, std::iter::repeat_n(fault, 1_000));
        let ran = ran(&scene, &[("PREJOIN__ENGINE__URL", &url)], &what).await;
        assert_eq!(ran.code, Some(4), "{what}: {}", ran.stderr);
        proxy.forget();
        is_made_up_for(&scene, &what).await;
    }
}

/// At any of the bytes that it answers.
async fn a_database_that_fails(shop: Place, engine: TestEngine) {
    let scene = Scene::filled(engine, shop).await;
    let (Server::Postgres(at) | Server::Mysql(at)) = scene.shop.config().server else {
        panic!("a file has no URL")
    };
    let url = at.url.reveal().unwrap();
    let parsed = Url::parse(&url).unwrap();
    let proxy = TcpProxy::to(&parsed).await;
    scene.rewrite("config/default.yaml", &url, proxy.instead(&parsed).as_str());
    let patience = r#""connect_timeout":"2s","statement_timeout":"2s","overlap":"#;
    scene.rewrite("config/default.yaml", r#""overlap":"#, patience);
    proxy.set_after(usize::MAX, Traffic::Pass);
    edit(&scene, 0).await;
    is_made_up_for(&scene, "nothing happened").await;
    let usual = usize::MAX - proxy.left();
    let closed = (1..12).map(|share| (usual * share / 12, Traffic::Close));
    let silent = [3, 8].map(|share| (usual * share / 12, Traffic::Hang));
    for (round, (bytes, then)) in closed.chain(silent).chain([(1, Traffic::Slow)]).enumerate() {
        let what = format!("{then:?} after {bytes} of some {usual} bytes");
        edit(&scene, round + 1).await;
        proxy.set_after(bytes, then);
        let ran = ran(&scene, &[], &what).await;
        // The last bytes may be a farewell.
        assert!(then != Traffic::Slow || ran.code == Some(0), "{what}: {}", ran.stderr);
        proxy.set(Traffic::Pass);
        is_made_up_for(&scene, &what).await;
    }
}

#[tokio::test]
async fn a_postgres_that_fails() {
    a_database_that_fails(Place::postgres().await, TestEngine::OpenSearch).await;
}

#[tokio::test]
async fn a_mariadb_that_fails() {
    a_database_that_fails(Place::mariadb().await, TestEngine::Elasticsearch).await;
}
