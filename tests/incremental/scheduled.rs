//! `prejoin run`: indexes are in step with the services for as long as it runs, and it ends clean.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::scene::Scene;
use crate::support::engines::{TestEngine, on_both_engines};
use crate::support::home::Running;
use crate::support::place::Place;

on_both_engines!(an_index_is_kept_in_step_under_edits_until_the_end);

const LISTEN: [(&str, &str); 1] = [("PREJOIN__RUN__LISTEN", "127.0.0.1:0")];

/// A shop of which nothing was loaded yet, with this in its job's file.
async fn shop(engine: TestEngine, place: Place, schedules: &str) -> Scene {
    let root = format!("{schedules}root:\n  source");
    let scene = Scene::with(engine, place, &[("root:\n  source", &root)]).await;
    scene.fill_long_ago().await;
    scene
}

/// Waits until the index holds what the services say.
async fn until_right(scene: &Scene) {
    let began = Instant::now();
    loop {
        let (held, right) = (scene.documents().await, scene.expected().await);
        if held == right {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{held:#?} is not {right:#?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until readers have an index.
async fn until_loaded(scene: &Scene) {
    let is_live = async || scene.home.run_beside(&["status"]).await.stdout.contains("live");
    until("the first load", is_live).await;
}

/// Waits until something is so.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !is_so().await {
        assert!(began.elapsed() < Duration::from_secs(60), "{what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Where it says that it listens.
async fn url(running: &Running<'_>) -> String {
    running.says("listening on http://").await;
    let said = running.said();
    let address = said.split("listening on ").nth(1).unwrap();
    address.split_whitespace().next().unwrap().to_owned()
}

/// The HTTP status and what was answered, by a client that is not ours.
async fn asked(url: &str, path: &str) -> (String, Value) {
    let output = tokio::process::Command::new("curl")
        .args(["-sS", "-w", "\n%{http_code}", &format!("{url}{path}")])
        .output()
        .await
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (body, code) = text.rsplit_once('\n').unwrap();
    (code.to_owned(), serde_json::from_str(body).unwrap_or(Value::Null))
}

/// Key by key, whatever the jobs and values are.
fn assert_answers_as_the_page_says(status: &Value) {
    let page = include_str!("../../docs/scheduling.md");
    let block = page.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    let told: Value = serde_json::from_str(block).unwrap();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let first = |value: &Value| value.as_object().unwrap().values().next().unwrap().clone();
    let (mut real, mut shown) = (status.clone(), told);
    for below in ["jobs", "runs"] {
        assert_eq!(keys(&real), keys(&shown));
        (real, shown) = (first(&real[below]), first(&shown[below]));
    }
    assert_eq!(keys(&real), keys(&shown));
    assert_eq!(keys(&real["last"]), keys(&shown["last"]));
}

async fn an_index_is_kept_in_step_under_edits_until_the_end(engine: TestEngine) {
    let place = match engine {
        TestEngine::OpenSearch => Place::postgres().await,
        TestEngine::Elasticsearch => Place::mariadb().await,
    };
    let scene = shop(engine, place, "schedule: \"* * * * * *\"\n").await;
    let running = scene.home.start_with(&["run"], &LISTEN);
    let url = url(&running).await;
    until_loaded(&scene).await;
    until_right(&scene).await;
    for round in 0..6 {
        let edits = format!(
            "UPDATE orders SET title = 'round {round}', updated_at = NOW WHERE id = 1;
             UPDATE items SET name = 'item {round}', updated_at = NOW WHERE id = 2;
             UPDATE order_lines SET order_id = 5 - order_id, updated_at = NOW WHERE id = 3;
             INSERT INTO orders VALUES ({number}, 'more', 1, NOW);
             DELETE FROM orders WHERE id = {number} - 2",
            number = 100 + round,
        );
        scene.run(&edits).await;
        until_right(&scene).await;
    }
    let (code, body) = asked(&url, "/healthz").await;
    assert_eq!((code.as_str(), body["status"].as_str()), ("200", Some("ok")));
    let (_, status) = asked(&url, "/status").await;
    assert_eq!(
        (&status["healthy"], &status["unhealthy"]),
        (&true.into(), &Value::Array(Vec::new()))
    );
    let shop = &status["jobs"]["shop"];
    assert!(shop["last_success"].is_string(), "{status}");
    let sync = &shop["runs"]["sync"];
    assert_eq!((&sync["schedule"], &sync["last"]["code"]), (&"* * * * * *".into(), &0.into()));
    assert_eq!(asked(&url, "/").await.0, "404");
    assert_answers_as_the_page_says(&status);
    running.signal("TERM");
    let ran = running.ended().await;
    assert_eq!(ran.code, Some(143), "{}", ran.stderr);
    assert!(!ran.stderr.contains("ERROR"), "{}", ran.stderr);
    // Nobody has to be waited for.
    let ran = scene.try_sync(&[]).await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    scene.assert_right("it was stopped").await;
}

#[tokio::test]
async fn a_run_under_way_is_stopped_clean() {
    let scene =
        shop(TestEngine::OpenSearch, Place::postgres().await, "schedule: \"* * * * * *\"\n").await;
    scene.sync().await;
    scene.run("UPDATE orders SET title = 'uno', updated_at = NOW WHERE id = 1").await;
    let held = scene.home.start_held("after_read", &["run"], &LISTEN).until_held().await;
    held.signal("INT");
    held.says("stopping").await;
    let ran = held.goes_on().await;
    assert_eq!(ran.code, Some(130), "{}", ran.stderr);
    assert!(ran.stderr.contains("stopped on request"), "{}", ran.stderr);
    let ran = scene.try_sync(&[]).await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    scene.assert_right("it was stopped").await;
}

#[tokio::test]
async fn a_second_signal_waits_for_nothing() {
    let every_second = "schedule: \"* * * * * *\"\n";
    let scene = shop(TestEngine::OpenSearch, Place::postgres().await, every_second).await;
    scene.sync().await;
    scene.run("UPDATE orders SET title = 'uno', updated_at = NOW WHERE id = 1").await;
    let held = scene.home.start_held("after_read", &["run"], &LISTEN).until_held().await;
    held.signal("TERM");
    held.says("stopping").await;
    held.signal("TERM");
    assert_eq!(held.ended().await.code, Some(143));
    scene.sync_after().await;
    scene.assert_right("it was left at once").await;
}

#[tokio::test]
async fn a_sweep_has_its_own_times() {
    let scene =
        shop(TestEngine::Elasticsearch, Place::sqlite().await, "sweep: \"*/2 * * * * *\"\n").await;
    scene.sync().await;
    scene.run("UPDATE orders SET title = 'silent' WHERE id = 1; DELETE FROM orders_gone").await;
    let running = scene.home.start_with(&["run"], &LISTEN);
    until_right(&scene).await;
    running.says("every root and every document was looked at").await;
    running.signal("TERM");
    assert_eq!(running.ended().await.code, Some(143));
}

#[tokio::test]
async fn a_verification_has_its_own_times() {
    let scene =
        shop(TestEngine::OpenSearch, Place::sqlite().await, "verify: \"*/2 * * * * *\"\n").await;
    scene.sync().await;
    scene.run("UPDATE orders SET title = 'silent' WHERE id = 1").await;
    let running = scene.home.start_with(&["run"], &LISTEN);
    until_right(&scene).await;
    running.says("1 of them were repaired").await;
    running.signal("TERM");
    assert_eq!(running.ended().await.code, Some(143));
}

#[tokio::test]
async fn a_job_that_fails_is_told_and_the_others_go_on() {
    let scene =
        shop(TestEngine::OpenSearch, Place::sqlite().await, "schedule: \"* * * * * *\"\n").await;
    let text = std::fs::read_to_string(scene.home.path().join("jobs/shop.yaml")).unwrap();
    let lost =
        text.replace("table: orders\n", "table: odrers\n").replacen("index: ", "index: lost-", 1);
    std::fs::write(scene.home.path().join("jobs/lost.yaml"), lost).unwrap();
    let running = scene.home.start_with(&["run"], &LISTEN);
    let url = url(&running).await;
    let failed =
        async || asked(&url, "/status").await.1["unhealthy"] == serde_json::json!(["lost"]);
    until("the job that fails is told", failed).await;
    assert_eq!(asked(&url, "/healthz").await.0, "200");
    until_loaded(&scene).await;
    until_right(&scene).await;
    scene.run("UPDATE orders SET title = 'uno', updated_at = NOW WHERE id = 1").await;
    until_right(&scene).await;
    let (_, status) = asked(&url, "/status").await;
    let (lost, shop) = (&status["jobs"]["lost"], &status["jobs"]["shop"]);
    assert_eq!((&lost["healthy"], &shop["healthy"]), (&false.into(), &true.into()));
    assert_eq!(
        (&lost["runs"]["sync"]["last"]["code"], &lost["last_success"]),
        (&2.into(), &Value::Null)
    );
    running.signal("TERM");
    let ran = running.ended().await;
    assert_eq!(ran.code, Some(143));
    let told = ran.stderr.lines().find(|line| line.contains("ERROR")).unwrap();
    assert!(
        told.contains("job=\"lost\"") && told.contains("code=2") && told.contains("not started"),
        "{told}"
    );
    assert!(ran.stderr.contains("no table `odrers`"), "{}", ran.stderr);
}

#[tokio::test]
async fn another_run_that_is_at_it_is_no_failure() {
    let scene =
        shop(TestEngine::OpenSearch, Place::postgres().await, "schedule: \"* * * * * *\"\n").await;
    scene.sync().await;
    scene.run("UPDATE orders SET title = 'uno', updated_at = NOW WHERE id = 1").await;
    let held = scene.home.start_held("before_advance", &["sync", "shop"], &[]).until_held().await;
    let running = scene.home.start_with(&["run"], &LISTEN);
    let url = url(&running).await;
    running.says("another run is at it").await;
    let (_, status) = asked(&url, "/status").await;
    assert_eq!(status["healthy"], true, "{status}");
    assert_eq!(held.goes_on().await.code, Some(0));
    until("it has its turn", async || {
        asked(&url, "/status").await.1["jobs"]["shop"]["last_success"].is_string()
    })
    .await;
    running.signal("TERM");
    let ran = running.ended().await;
    assert_eq!(ran.code, Some(143));
    assert!(!ran.stderr.contains("ERROR"), "{}", ran.stderr);
}

/// What a run does is read anew each time; when it is due is not. Neither makes the index one of another job.
#[tokio::test]
async fn an_edited_schedule_counts_from_the_next_start() {
    let scene =
        shop(TestEngine::Elasticsearch, Place::sqlite().await, "schedule: \"* * * * * *\"\n").await;
    let running = scene.home.start_with(&["run"], &LISTEN);
    until_loaded(&scene).await;
    scene.rewrite(
        "jobs/shop.yaml",
        "schedule: \"* * * * * *\"",
        "schedule: \"0 0 0 1 1 *\" # rarely",
    );
    running.says("`schedule` was edited, and counts when `prejoin run` is started anew").await;
    scene.run("UPDATE orders SET title = 'uno', updated_at = NOW WHERE id = 1").await;
    until_right(&scene).await;
    running.signal("TERM");
    let ran = running.ended().await;
    assert!(!ran.stderr.contains("is kept in step as it was built"), "{}", ran.stderr);
    let again = scene.home.start_with(&["run"], &LISTEN);
    again.says("-01-01T00:00:00Z").await;
    again.signal("TERM");
    assert_eq!(again.ended().await.code, Some(143));
    assert_eq!(scene.sync().await["warnings"], serde_json::json!([]));
}
