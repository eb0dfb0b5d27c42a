//! `check`: each finding on a real server, and gone once its own hint was followed.

mod advice;
mod estimates;
mod faults;
mod mappings;
mod marks;
mod rights;
mod tombstones;

use prejoin::config::{Server, SourceConfig};
use serde_json::Value;

use crate::support::home::Home;
use crate::support::place::Place;

/// A mapping that takes whatever the jobs of these tests make.
const LOOSE: &str = r#"{"mappings": {"dynamic": "strict", "properties": {
    "id": {"type": "keyword"}, "name": {"type": "keyword"},
    "one": {"properties": {"id": {"type": "keyword"}, "name": {"type": "keyword"}}},
    "many": {"type": "nested", "properties": {"id": {"type": "keyword"}, "name": {"type": "keyword"}}}}}}"#;

/// A home whose sources are these places, with one job `things`; no engine is there.
fn home(sources: &[(&str, &SourceConfig)], root: &str) -> Home {
    let sources: Vec<String> =
        sources.iter().map(|(name, config)| format!("  {name}: {}\n", source(config))).collect();
    let config = format!(
        "sources:\n{}engine: {{url: 'http://127.0.0.1:1', connect_timeout: 2s}}\n",
        sources.concat()
    );
    let indented: String = root.lines().map(|line| format!("  {line}\n")).collect();
    Home::new().file("config/default.yaml", &config).file("mappings/things.json", LOOSE).file(
        "jobs/things.yaml",
        &format!("index: things\nmapping: things.json\nroot:\n{indented}"),
    )
}

/// A home over one place, called `db`.
fn home_on(place: &Place, root: &str) -> Home {
    home(&[("db", &place.config())], root)
}

/// A source as the configuration has it.
fn source(config: &SourceConfig) -> String {
    let (kind, address) = match &config.server {
        Server::Postgres(address) => ("postgres", address),
        Server::Mysql(address) => ("mysql", address),
        Server::Sqlite { path } => return format!("{{kind: sqlite, path: '{}'}}", path.display()),
    };
    let schema = address.schema.as_ref().map(|schema| format!(", schema: {schema}"));
    let url = address.url.reveal().unwrap();
    format!("{{kind: {kind}, url: '{url}'{}}}", schema.unwrap_or_default())
}

/// What `check --json` says of the job.
fn report(home: &Home) -> Value {
    let report = home.run(&["check", "--json"]).json()[0].take();
    let findings = report["findings"].as_array().unwrap();
    let coded = |finding: &Value| finding["code"].as_str().is_some_and(|code| code != "invalid");
    assert!(findings.iter().all(coded), "{report:#}");
    report
}

/// The findings of these kinds.
fn found(report: &Value, codes: &[&str]) -> Vec<Value> {
    let findings = report["findings"].as_array().unwrap().iter();
    findings.filter(|finding| codes.contains(&finding["code"].as_str().unwrap())).cloned().collect()
}

/// One line of each, for snapshots.
fn lines(findings: &[Value]) -> String {
    let line = |finding: &Value| {
        let text = |key: &str| finding[key].as_str().unwrap_or("-").to_owned();
        let (level, line) = (text("level"), finding["line"].as_u64().unwrap_or(0));
        format!("{level} {line}: {} | {}", text("what"), text("hint"))
    };
    findings.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The hint of the only finding.
fn hint(findings: &[Value]) -> String {
    assert_eq!(findings.len(), 1, "{findings:#?}");
    findings[0]["hint"].as_str().unwrap().to_owned()
}
