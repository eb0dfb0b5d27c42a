//! What keeps `prejoin run` from being started, to the letter.

use crate::cli::failures::sqlite;
use crate::support::engines::TestEngine;
use crate::support::home::Home;

const MAPPING: &str =
    r#"{"mappings": {"dynamic": "strict", "properties": {"id": {"type": "long"}}}}"#;

/// A home whose jobs have these lines.
fn home(jobs: &[(&str, &str)]) -> Home {
    let home = Home::new()
        .file("mappings/things.json", MAPPING)
        .file("config/default.yaml", "sources: {shop: {kind: sqlite, path: shop.db}}\n")
        .variable("PREJOIN__RUN__LISTEN", "127.0.0.1:0");
    jobs.iter().fold(home, |home, (name, schedules)| {
        let job = format!(
            "index: {name}\nmapping: things.json\n{schedules}root: {{source: shop, table: things, changed_at: none, fields: [id]}}\n"
        );
        home.file(&format!("jobs/{name}.yaml"), &job)
    })
}

#[test]
fn every_broken_job_is_named_and_none_is_run() {
    let home = home(&[
        ("fine", "schedule: \"0 */5 * * * *\"\n"),
        ("hours", "schedule: \"0 0 25 * * *\"\nsweep: \"0 0 3 * * 0\"\n"),
        ("key", "shedule: \"0 0 3 * * *\"\n"),
        ("past", "schedule: \"0 0 3 * * * 2020\"\n"),
    ]);
    insta::assert_snapshot!(home.run(&["run"]).told(), @"
    exit 2
    error: HOME/jobs/hours.yaml:3:11: `25` is no hour of a schedule
      hint: 0 to 23; * for all, 1,5 for several, 1-5 for a range, */5 for steps
    error: HOME/jobs/hours.yaml:4:8: `0` counts weekdays in a schedule
      hint: name them, SUN to SAT: crontab's Sunday is 0 or 7, that of others is 1
    error: HOME/jobs/key.yaml:3:1: unknown key `shedule`
      hint: did you mean `schedule`?
    error: HOME/jobs/past.yaml:3:11: this schedule does not come any more
      hint: its year is over
    error: 3 job(s) cannot be run: hours, key, past

    hint: nothing is run until all can be: see above
    ");
}

#[test]
fn a_broken_schedule_is_told_in_its_line() {
    let home = home(&[("things", "schedule: \"*/5 * * * *\"\n")]);
    insta::assert_snapshot!(home.run(&["run"]).told(), @r#"
    exit 2
    error: HOME/jobs/things.yaml:3:11: a schedule has six fields, this one 5

    hint: seconds come first: "0 */5 * * * *" is every five minutes
    "#);
}

#[test]
fn jobs_without_a_schedule_are_left_out_and_none_is_an_error() {
    let home = home(&[("things", ""), ("others", "")]);
    let ran = home.run(&["run"]);
    insta::assert_snapshot!(ran.told(), @r#"
    exit 2
    error: no job in HOME/jobs has a schedule

    hint: give one the line `schedule: "0 */5 * * * *"`, which is every five minutes
    "#);
    assert!(
        ran.stderr.contains("has no schedule, and is left out job=\"things\""),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr.contains("has no schedule, and is left out job=\"others\""),
        "{}",
        ran.stderr
    );
}

#[test]
fn an_address_that_is_taken_is_told() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let home = home(&[("things", "schedule: \"0 */5 * * * *\"\n")]);
    let home = home.variable("PREJOIN__RUN__LISTEN", &listen);
    let told = home.run(&["run"]).told().replace(&listen, "ADDRESS");
    insta::assert_snapshot!(told, @"
    exit 2
    error: `run.listen`: cannot listen on ADDRESS: Address already in use (os error 98)

    hint: is another `prejoin run` running? port 0 takes a free one
    ");
}

#[tokio::test]
async fn check_finds_what_run_would_refuse() {
    let schedules = "schedule: \"0 0 3 1 * MON\"\nsweep: \"0 0 3 * * 7\"\n";
    let home = home(&[("things", schedules)]).engine(TestEngine::OpenSearch).await;
    sqlite(&home, "CREATE TABLE things (id INTEGER PRIMARY KEY)").await;
    let findings = home.run(&["check", "--json"]).json()[0]["findings"].clone();
    let of_schedules =
        findings.as_array().unwrap().iter().filter(|finding| finding["code"] == "schedule");
    let told: Vec<String> = of_schedules
        .map(|finding| {
            format!(
                "{} {}:{} {}",
                finding["level"], finding["line"], finding["column"], finding["what"]
            )
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    "error" 4:8 "`7` counts weekdays in a schedule"
    "warning" 3:11 "a schedule that names days of the month and weekdays comes on days that are both"
    "#);
}
