//! The lines of the Jenkinsfile, by a shell, with the parameters that Jenkins would hand them.

use std::collections::BTreeMap;
use std::process::Command;

use super::scene::{Scene, read, report};

/// What the stages run.
const STAGES: [&str; 5] = ["sync", "sweep", "verify", "reindex", "rollback"];

/// The script of each stage.
fn scripts(file: &str) -> BTreeMap<String, String> {
    let stages = file.split("stage('").skip(1).map(|stage| {
        let name = stage.split('\'').next().unwrap().to_owned();
        let script = stage.split("script: '''").nth(1).and_then(|rest| rest.split("'''").next());
        (name, script.expect("a stage with a script").to_owned())
    });
    stages.collect()
}

/// The parameters that have a value of their own, as the shell sees them.
fn defaults(file: &str) -> BTreeMap<String, String> {
    let parameters = file.lines().filter(|line| line.contains("(name: '"));
    let told = parameters.filter_map(|line| {
        let name = line.split("name: '").nth(1)?.split('\'').next()?;
        let value = line.split("defaultValue: ").nth(1)?.split(',').next()?;
        Some((name.to_owned(), value.trim_matches('\'').to_owned()))
    });
    let mut all: BTreeMap<String, String> = told.collect();
    // The Jenkins job's name has it.
    assert_eq!(all.insert("JOB".to_owned(), "contracts".to_owned()).as_deref(), Some("job"));
    all
}

/// A stage's script, as a build runs it.
fn build(scene: &Scene, stage: &str, parameters: &[(&str, &str)]) -> Command {
    let file = read("Jenkinsfile");
    let mut command = scene.home.shell(&scripts(&file)[stage]);
    let defaults = defaults(&file);
    for (name, _) in parameters {
        assert!(defaults.contains_key(*name), "there is no parameter {name}");
    }
    command.envs(defaults).envs(parameters.iter().copied());
    command.env("PREJOIN_PROFILE", "production");
    command
}

#[test]
fn every_shell_line_is_run_by_a_test() {
    let file = read("Jenkinsfile");
    let scripts = scripts(&file);
    assert_eq!(
        scripts.keys().cloned().collect::<std::collections::BTreeSet<_>>(),
        STAGES.map(str::to_owned).into()
    );
    // What is no stage's script is not found by the tests.
    for form in ["sh(", "sh '", "sh \"", "bat(", "script: '"] {
        let expected = if matches!(form, "sh(" | "script: '") { STAGES.len() } else { 0 };
        assert_eq!(file.matches(form).count(), expected, "{form}");
    }
    // What somebody typed is put in by the shell alone.
    assert!(scripts.values().all(|script| !script.contains("${")), "{scripts:#?}");
    assert!(file.contains("disableConcurrentBuilds()"));
    assert!(file.contains("archiveArtifacts artifacts: 'report.json'"));
}

#[test]
fn each_exit_code_is_something_to_the_build() {
    let file = read("Jenkinsfile");
    let ends = file.split("def ends(code)").nth(1).unwrap();
    let is = |code: &str| {
        let case = ends.split(&format!("case {code}:")).nth(1).unwrap();
        case.split("break").next().unwrap().trim()
    };
    assert_eq!(is("0"), "");
    assert!(is("1").starts_with("unstable("));
    assert!(is("3").starts_with("echo("));
    assert!(is("4").starts_with("error("));
    assert!(is("130").contains("'ABORTED'") && is("143").contains("'ABORTED'"));
    assert!(ends.split("default:").nth(1).unwrap().trim().starts_with("error("));
}

#[tokio::test]
async fn each_stage_does_what_it_is_called() {
    let scene = Scene::new().await;
    let did = async |stage: &str, parameters: &[(&str, &str)]| {
        let ran = scene.run(build(&scene, stage, parameters)).await;
        assert_eq!(ran.code, Some(0), "{stage}: {}", ran.stderr);
        report(&scene.home)
    };
    let loaded = did("sync", &[]).await;
    assert_eq!((&loaded["index"], &loaded["written"]), (&scene.index(1).into(), &300.into()));
    assert_eq!(did("sync", &[]).await["swept"], false);
    scene.sql("DELETE FROM contracts WHERE id > 290").await;
    let swept = did("sweep", &[]).await;
    assert_eq!((&swept["swept"], &swept["deleted"]), (&true.into(), &10.into()));
    scene.repairs_silent_edits(|| build(&scene, "verify", &[])).await;
    assert_eq!(report(&scene.home)["mode"], "verify");
    assert_eq!(did("verify", &[("ALLOW_MASS_DELETE", "true")]).await["mode"], "verify");
    scene.sql("DELETE FROM contracts WHERE id > 150").await;
    assert_eq!(did("sweep", &[("ALLOW_MASS_DELETE", "true")]).await["deleted"], 140);
    assert_eq!(did("sync", &[("ALLOW_MASS_DELETE", "true")]).await["deleted"], 0);
    let built =
        did("reindex", &[("NO_SWAP", "true"), ("KEEP", "2"), ("ALLOW_SHRINK", "true")]).await;
    assert_eq!((&built["index"], &built["swapped"]), (&scene.index(2).into(), &false.into()));
    let all = [
        ("RESUME", "true"),
        ("ALLOW_SHRINK", "true"),
        ("ALLOW_SCHEMA_CHANGE", "true"),
        ("MAX_ROWS_PER_SECOND", "100000"),
    ];
    let shown = did("reindex", &all).await;
    assert_eq!((&shown["index"], &shown["swapped"]), (&scene.index(2).into(), &true.into()));
    assert_eq!(did("rollback", &[]).await["index"], scene.index(1));
    assert_eq!(did("rollback", &[("TO", &scene.index(2))]).await["index"], scene.index(2));
}

#[tokio::test]
async fn a_build_ends_by_the_exit_code_of_its_run() {
    let scene = Scene::new().await;
    assert_eq!(scene.run(build(&scene, "sync", &[])).await.code, Some(0));
    scene
        .fails_in_each_way(
            |job| build(&scene, "sync", &[("JOB", job)]),
            || build(&scene, "sweep", &[]),
        )
        .await;
}

#[tokio::test]
async fn what_somebody_types_is_no_part_of_a_line() {
    let scene = Scene::new().await;
    for stage in STAGES {
        for odd in ["$(touch typed)", "contracts; touch typed", "--help", "`touch typed`", ""] {
            let ran = scene.run(build(&scene, stage, &[("JOB", odd)])).await;
            assert_eq!(ran.code, Some(2), "{stage} of {odd}: {}", ran.stderr);
        }
    }
    let odd = [("KEEP", "1; touch typed"), ("MAX_ROWS_PER_SECOND", "$(touch typed)")];
    assert_eq!(scene.run(build(&scene, "reindex", &odd)).await.code, Some(2));
    assert!(!scene.home.path().join("typed").exists());
}
