//! `status`: generations, leases, runs and dead letters, and what deserves a look.

use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::failures::sqlite;
use crate::support::engines::{TestEngine, on_both_engines};
use crate::support::fault_proxy::{Fault, FaultProxy};
use crate::support::home::{Home, Ran};
use crate::support::own::Indexes;

on_both_engines!(
    nothing_was_ever_run,
    generations_runs_and_dead_letters_are_told,
    a_changed_job_or_mapping_is_told,
    a_run_under_way_and_what_it_leaves_are_told,
    what_is_complete_and_not_shown_is_told,
    another_jobs_index_is_told,
);

const MAPPING: &str = r#"{"settings": {"number_of_replicas": 0}, "mappings": {"dynamic": "strict", "properties": {
    "id": {"type": "long"}, "born": {"type": "date"}}}}"#;

const JOB: &str =
    "index: INDEX\nmapping: things.json\nroot: {source: shop, table: things, fields: [id, born]}\n";

struct Scene {
    home: Home,
    index: Indexes,
}

impl Scene {
    /// Ten things, nothing loaded.
    async fn new(engine: TestEngine) -> Self {
        let index = Indexes::of(engine, "status").await;
        let home = Home::new()
            .file("mappings/things.json", MAPPING)
            .file("jobs/things.yaml", &JOB.replace("INDEX", &index))
            .file(
                "config/default.yaml",
                "sources: {shop: {kind: sqlite, path: shop.db}}\nload: {range_rows: 1, readers: 1}\n\
                 engine: {lease_ttl: 3s}\n",
            )
            .engine(engine)
            .await;
        sqlite(
            &home,
            "CREATE TABLE things (id INTEGER PRIMARY KEY, born TEXT);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10)
             INSERT INTO things SELECT i, '2026-01-02' FROM n",
        )
        .await;
        Self { home, index }
    }

    fn reindex(&self, code: i32, options: &[&str]) {
        let ran = self.home.run(&[&["reindex", "things"], options].concat());
        assert_eq!(ran.code, Some(code), "{}", ran.stderr);
    }

    /// Exit code and report.
    fn status(&self) -> (Option<i32>, Value) {
        let ran = self.home.run(&["status", "--json"]);
        let report = ran.json();
        (ran.code, report[0].clone())
    }

    /// Exit code and text, without what differs from run to run.
    fn told(&self) -> String {
        let Ran { code, stdout, stderr } = self.home.run(&["status"]);
        assert_eq!(stderr, "");
        let text = stdout.replace(&*self.index, "INDEX");
        let lines: Vec<String> = text.lines().map(steady).collect();
        format!("exit {}\n{}", code.unwrap(), lines.join("\n"))
    }
}

/// A line without times, durations, rates and sizes, and with one blank between its cells.
fn steady(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    let measured = |at: usize| {
        let unit = words.get(at + 1);
        unit.is_some_and(|unit| ["KiB", "s", "seconds", "minutes", "rows/s):"].contains(unit))
    };
    let steady = words.iter().enumerate().map(|(at, word)| match word {
        word if word.starts_with("20") && word.contains('T') => "TIME",
        _ if measured(at) => "N",
        word => word,
    });
    let indent = line.len() - line.trim_start().len();
    format!("{}{}", " ".repeat(indent), steady.collect::<Vec<_>>().join(" "))
}

fn standings(report: &Value) -> Vec<&str> {
    let indexes = report["indexes"].as_array().unwrap().iter();
    indexes.map(|index| index["standing"].as_str().unwrap()).collect()
}

fn looks(report: &Value) -> Vec<&str> {
    report["look"].as_array().unwrap().iter().map(|look| look.as_str().unwrap()).collect()
}

async fn nothing_was_ever_run(engine: TestEngine) {
    let scene = Scene::new(engine).await;
    insta::allow_duplicates! {
        insta::assert_snapshot!(scene.told(), @"
        exit 0
        things (alias INDEX)
          nothing is loaded yet: `prejoin reindex things`
          last run: none is known
        ");
    }
    let (_, report) = scene.status();
    assert_eq!((&report["lease"], &report["indexes"]), (&Value::Null, &json!([])));
}

async fn generations_runs_and_dead_letters_are_told(engine: TestEngine) {
    let scene = Scene::new(engine).await;
    scene.reindex(0, &[]);
    sqlite(&scene.home, "UPDATE things SET born = 'long ago' WHERE id = 7").await;
    scene.reindex(1, &[]);
    let told =
        scene.told().replace("document_parsing", "PARSING").replace("mapper_parsing", "PARSING");
    insta::allow_duplicates! {
        insta::assert_snapshot!(told, @"
        exit 1
        things (alias INDEX)
            index documents size created in step to dead letters job
            INDEX-000001 10 N KiB TIME TIME N seconds ago 0 as it is now way back, served from TIME
            INDEX-000002 9 N KiB TIME TIME N seconds ago 1 as it is now live, served since TIME
            lease of
            INDEX free
            INDEX-000001 free
            INDEX-000002 free
          last reindex of INDEX-000002, finished TIME after N s N rows/s): 10 read, 9 written, 1 dead letters
          dead letters: 1
            key error field
            7 PARSING_exception born
          to look at:
            - INDEX-000002 lacks 1 document(s) that are dead letters: correct the rows, then `prejoin dead-letters things retry`, or the mapping, then `prejoin reindex things`
        ");
    }
    let (_, report) = scene.status();
    assert_eq!(standings(&report), ["way_back", "live"]);
    let (old, live) = (&report["indexes"][0], &report["indexes"][1]);
    assert_eq!((&old["dead_letters"], &live["dead_letters"]), (&json!(0), &json!(1)));
    assert_eq!((&live["documents"], &live["loaded"]), (&json!(9), &json!(10)));
    assert_eq!((&live["built_by"], &live["same_job"]), (&json!("things"), &json!(true)));
    assert!(live["served_from"].as_str() > old["served_from"].as_str(), "{report:#}");
    assert!(live["horizon"].as_str() >= old["horizon"].as_str(), "{report:#}");
    // As far back as the source's `overlap` at least.
    assert!(
        live["lag_seconds"].as_u64().is_some_and(|lag| (30..3_600).contains(&lag)),
        "{report:#}"
    );
    assert_eq!(report["lease"]["standing"], "clean");
    assert_eq!(report["last_runs"].as_array().unwrap().len(), 1);
    assert_eq!(report["last_runs"][0]["report"]["outcome"], "finished");
}

async fn a_changed_job_or_mapping_is_told(engine: TestEngine) {
    let scene = Scene::new(engine).await;
    scene.reindex(0, &[]);
    assert_eq!(scene.status().0, Some(0));
    let changed = |file: &str, text: &str| {
        std::fs::write(scene.home.path().join(file), text).unwrap();
        let (code, report) = scene.status();
        (
            code,
            report["indexes"][0]["same_job"].clone(),
            looks(&report).join("; ").replace(&*scene.index, "INDEX"),
        )
    };
    let job = JOB.replace("INDEX", &scene.index);
    let what = "the job's file or its mapping has changed since INDEX-000001 was built: `prejoin reindex things`";
    let wanted = (Some(1), json!(false), what.to_owned());
    assert_eq!(changed("jobs/things.yaml", &format!("{job}# changed\n")), wanted);
    assert_eq!(changed("jobs/things.yaml", &job), (Some(0), json!(true), String::new()));
    assert_eq!(changed("mappings/things.json", &MAPPING.replace("long", "integer")), wanted);
    let (code, same, look) = changed("mappings/things.json", "{");
    assert_eq!((code, same), (Some(1), Value::Null));
    assert!(look.contains("mappings/things.json:1:") && look.contains("not valid JSON"), "{look}");
}

async fn a_run_under_way_and_what_it_leaves_are_told(engine: TestEngine) {
    let scene = Scene::new(engine).await;
    scene.reindex(0, &[]);
    let proxy = FaultProxy::to(&engine.url().await).await;
    // Of ten bulk requests the last one is not answered.
    proxy.then("_bulk", (0..9).map(|_| Fault::Pass).chain([Fault::HoldAfter]));
    let mut child = start(&scene, &proxy.url());
    let seen = async {
        loop {
            // The proxy lives in this process: nothing here may wait without yielding.
            let mut status = scene.home.command(&["status", "--json"]);
            let status = tokio::task::spawn_blocking(move || status.output());
            let status = status.await.unwrap().unwrap();
            let report: Value = serde_json::from_slice(&status.stdout).unwrap();
            if report[0]["indexes"][1]["loaded"] == 9 {
                return (status.status.code(), report[0].clone());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let seen = tokio::time::timeout(Duration::from_secs(60), seen).await;
    child.kill().unwrap();
    child.wait().unwrap();
    let (code, report) = seen.expect("a checkpoint");
    assert_eq!((code, standings(&report)), (Some(1), vec!["live", "unfinished"]));
    let (alias, index) = (&report["lease"], &report["indexes"][1]["lease"]);
    for lease in [alias, index] {
        assert_eq!((&lease["standing"], &lease["task"]), (&json!("held"), &json!("reindex")));
        let holder = format!("process {}", child.id());
        assert!(lease["holder"].as_str().unwrap().ends_with(&holder), "{lease}");
    }
    let look = looks(&report).join("; ");
    assert!(
        look.contains("is being loaded") && look.contains("prejoin reindex things --resume"),
        "{look}"
    );
    // Gone on with, all is well.
    scene.reindex(0, &["--resume"]);
    assert_eq!(scene.status().0, Some(0), "{:#}", scene.status().1);
}

fn start(scene: &Scene, engine: &str) -> Child {
    let mut command = scene.home.command(&["reindex", "things"]);
    command.env("PREJOIN__ENGINE__URL", engine).stderr(Stdio::null()).spawn().unwrap()
}

async fn what_is_complete_and_not_shown_is_told(engine: TestEngine) {
    let scene = Scene::new(engine).await;
    scene.reindex(0, &[]);
    scene.reindex(0, &["--no-swap"]);
    let (code, report) = scene.status();
    assert_eq!((code, standings(&report)), (Some(1), vec!["live", "complete"]));
    let look = looks(&report).join("; ").replace(&*scene.index, "INDEX");
    assert_eq!(
        look,
        "INDEX-000002 is complete and not shown to readers: `prejoin reindex things --resume` swaps it in"
    );
    // A relation that has lost its rows is not shown either, and the run says so.
    scene.reindex(0, &["--resume"]);
    sqlite(&scene.home, "DELETE FROM things WHERE id > 3").await;
    scene.reindex(4, &[]);
    let (code, report) = scene.status();
    assert_eq!((code, standings(&report)), (Some(1), vec!["way_back", "live", "complete"]));
    let look = looks(&report);
    assert!(
        look.iter().any(|look| look.contains("the last reindex was stopped: rows are missing")),
        "{look:?}"
    );
    assert!(report["last_runs"][0]["report"]["next"].as_str().unwrap().contains("--resume"));
}

async fn another_jobs_index_is_told(engine: TestEngine) {
    let scene = Scene::new(engine).await;
    scene.reindex(0, &[]);
    let home = &scene.home;
    let job = JOB.replace("INDEX", &scene.index);
    std::fs::write(home.path().join("jobs/others.yaml"), job).unwrap();
    let ran = home.run(&["status", "others", "--json"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let report = &ran.json()[0];
    assert!(looks(report)[0].contains("is built by another job, `things`"), "{report:#}");
    assert_eq!(report["indexes"][0]["built_by"], "things");
}
