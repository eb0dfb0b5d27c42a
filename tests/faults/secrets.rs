//! What the program was told in confidence, and what is in rows, is in nothing that it says, however much that is.
//!
//! [`Home`](crate::support::home::Home) searches what every run of every test said. Here runs say all they can.

use super::{BEFORE, Scene, expected, reached_at, url};
use crate::support::engines::TestEngine;
use crate::support::fault_proxy::{Fault, FaultProxy};
use crate::support::home::Home;
use crate::support::place::Place;
use crate::support::secrets::ROW_VALUE;
use crate::support::tcp_proxy::{TcpProxy, Traffic};

on_both_servers!(
    a_run_that_says_all_it_can,
    a_failure_that_says_all_it_can,
    a_refusal_that_says_all_it_can,
    what_the_database_has_to_say_is_not_passed_on,
);

/// The search finds what there is to find.
#[tokio::test]
async fn every_secret_of_a_home_is_known() {
    let config = "engine: {url: 'http://a:in-a%20url@h', api_key: in-the-file}\nsources:\n  \
        shop: {kind: mysql, url: {env: OF_A_URL}, password: {file: kept}}\n";
    let home = Home::new()
        .file("config/default.yaml", config)
        .file("kept", "in-a-file-of-its-own\n")
        .variable("OF_A_URL", "mysql://b:in-a-variable@h")
        .variable("PREJOIN__MASK__KEY", "in-a-key");
    let secrets = home.secrets();
    for secret in [
        "in-a%20url",
        "in-a url",
        "in-the-file",
        "in-a-variable",
        "in-a-file-of-its-own",
        "in-a-key",
    ] {
        let found = std::panic::catch_unwind(|| secrets.are_not_in(&format!("say {secret}!")));
        assert!(found.is_err(), "{secret}");
    }
    secrets.are_not_in("http://a:***@h");
}

/// A scene in which everything has its secret, behind two proxies.
async fn told_much(place: Place) -> (Scene, TcpProxy, FaultProxy) {
    let engine = TestEngine::OpenSearch;
    let proxies = (TcpProxy::to(&url(&place)).await, FaultProxy::to(&engine.url().await).await);
    // Without the security plugin the engine takes any.
    let engine_url = proxies.1.url().replace("://", "://reader:engine-hunter2@");
    let source = reached_at(&place, &proxies.0.instead(&url(&place)));
    let mut scene = Scene::new(place, &source, (engine, &engine_url)).await;
    std::fs::write(scene.home.path().join("mask.key"), "mask-hunter2\n").unwrap();
    scene.home = scene
        .home
        .variable("PREJOIN__MASK__KEY__FILE", "mask.key")
        .variable("PREJOIN__API__CURSOR_KEY__ENV", "CURSOR_KEY_OF_OURS")
        .variable("CURSOR_KEY_OF_OURS", "cursor-hunter2-of-16")
        .variable("PREJOIN_LOG", "trace");
    let job = std::fs::read_to_string(scene.home.path().join("jobs/things.yaml")).unwrap();
    let masked = job.replace("\nmapping", "-masked\nmapping");
    let masked = masked.replace("body]", "{column: body, name: body, mask: hmac}]");
    scene.home = scene.home.file("jobs/masked.yaml", &masked);
    (scene, proxies.0, proxies.1)
}

/// It is searched in [`Scene::run`]; that there was much to search is asserted here.
fn said_much(stderr: &str) {
    assert!(stderr.contains("TRACE"), "{stderr}");
    assert!(stderr.lines().count() > 100, "{stderr}");
}

async fn a_run_that_says_all_it_can(place: Place) {
    let (scene, _database, _engine) = told_much(place).await;
    let ran = scene.run().await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    said_much(&ran.stderr);
    for arguments in [&["reindex", "masked", "-vv"][..], &["check"], &["status"]] {
        let ran = scene.home.run_beside(arguments).await;
        assert_eq!(ran.code, Some(0), "{arguments:?}: {}", ran.stderr);
    }
}

async fn a_failure_that_says_all_it_can(place: Place) {
    let (scene, database, engine) = told_much(place).await;
    database.set_after(1_000_000, Traffic::Close);
    let ran = scene.run().await;
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    said_much(&ran.stderr);
    assert_eq!(scene.run().await.code, Some(2));
    database.set(Traffic::Pass);
    let wrong =
        r#"{"error": {"type": "security_exception", "reason": "engine-hunter2"}, "status": 401}"#;
    engine.then("GET /", [Fault::Answer(401, wrong)]);
    assert_eq!(scene.run().await.code, Some(2));
    engine.then("_bulk", [Fault::Pass, Fault::Answer(401, wrong)]);
    let ran = scene.run().await;
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    assert_eq!(scene.documents().await, expected(BEFORE));
}

/// The engine says why, with the value.
async fn a_refusal_that_says_all_it_can(place: Place) {
    let (mut scene, _database, _engine) = told_much(place).await;
    let mapping = super::MAPPING.replace("text", "date");
    scene.home = scene.home.file("mappings/things.json", &mapping);
    scene.place.run("DELETE FROM things WHERE id > 100").await;
    let ran = scene.run().await;
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    said_much(&ran.stderr);
    let status = scene.home.run_beside(&["status", "-vv"]).await;
    assert!(!status.stdout.contains(ROW_VALUE), "{}", status.stdout);
}

/// Warnings that code within the database raises may quote rows.
async fn what_the_database_has_to_say_is_not_passed_on(place: Place) {
    let (scene, _database, _engine) = told_much(place).await;
    let condition = if scene.place.is_postgres() {
        scene.place.run("CREATE FUNCTION warned(v text) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE WARNING ''%'', v; RETURN true; END'").await;
        "warned(body)"
    } else {
        "body > 0 OR true"
    };
    let path = scene.home.path().join("jobs/things.yaml");
    let job = std::fs::read_to_string(&path).unwrap();
    std::fs::write(path, job.replace("fields:", &format!("where: '{condition}', fields:")))
        .unwrap();
    let ran = scene.run().await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}
