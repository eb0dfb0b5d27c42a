//! A job that files under `deploy/` can run.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::cli::failures::sqlite;
use crate::support::engines::TestEngine;
use crate::support::failpoint::Held;
use crate::support::home::{Home, Ran};
use crate::support::own::Indexes;

const MAPPING: &str = r#"{"settings": {"number_of_replicas": 0}, "mappings": {"dynamic": "strict",
    "properties": {"id": {"type": "long"}, "amount": {"type": "long"}}}}"#;

/// A home with three hundred contracts, as production has it; nothing was loaded yet.
pub(super) struct Scene {
    pub(super) home: Home,
    index: Indexes,
}

impl Scene {
    pub(super) async fn new() -> Self {
        let engine = TestEngine::OpenSearch;
        let index = Indexes::of(engine, "deployed").await;
        let job = format!(
            "index: {index}\nmapping: contracts.json\nschedule: \"* * * * * *\"\n\
             root: {{source: contract, table: contracts, changed_at: updated_at, fields: [id, amount]}}\n"
        );
        let home = Home::new()
            .file("mappings/contracts.json", MAPPING)
            .file("jobs/contracts.yaml", &job)
            .file("config/production.yaml", "engine: {lease_ttl: 1s}\n")
            .file(
                "config/default.yaml",
                "sources: {contract: {kind: sqlite, path: shop.db, overlap: 0s}}\n",
            )
            .engine(engine)
            .await;
        sqlite(
            &home,
            "CREATE TABLE contracts (id INTEGER PRIMARY KEY, amount, updated_at TEXT);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300)
             INSERT INTO contracts SELECT i, i, '2001-01-01 00:00:00' FROM n",
        )
        .await;
        Self { home, index }
    }

    /// The real index of that number.
    pub(super) fn index(&self, number: u32) -> String {
        format!("{}-{number:06}", &*self.index)
    }

    pub(super) async fn sql(&self, statements: &str) {
        sqlite(&self.home, statements).await;
    }

    /// Runs a command that was made here.
    pub(super) async fn run(&self, command: Command) -> Ran {
        self.home.start_command(command).ended().await
    }

    /// The program by these arguments, found where it is installed, in this home and by the profile of production.
    pub(super) fn installed(&self, arguments: &[String]) -> Command {
        let mut command = self.home.shell("exec prejoin \"$@\"");
        command.arg("sh").args(arguments);
        command.env("PREJOIN_HOME", self.home.path()).env("PREJOIN_PROFILE", "production");
        command
    }

    /// A run that holds the lease of the index and stands still.
    pub(super) async fn held(&self) -> Held<'_> {
        self.sql(
            "UPDATE contracts SET amount = amount + 1, updated_at = datetime('now') WHERE id = 1",
        )
        .await;
        let variables = [("PREJOIN_PROFILE", "production")];
        let sync = ["sync", "contracts"];
        self.home.start_held("before_advance", &sync, &variables).until_held().await
    }

    /// Has a run find and repair what nothing tells of, and find nothing then.
    pub(super) async fn repairs_silent_edits(&self, verify: impl Fn() -> Command) {
        self.sql("UPDATE contracts SET amount = -1 WHERE id = 7").await;
        for (code, what) in [(1, "there is drift"), (0, "it was repaired")] {
            let ran = self.run(verify()).await;
            assert_eq!(ran.code, Some(code), "{what}: {}", ran.stderr);
        }
    }

    /// Has a run end with each of the exit codes that are not 0.
    pub(super) async fn fails_in_each_way(
        &self,
        sync: impl Fn(&str) -> Command,
        sweep: impl Fn() -> Command,
    ) {
        let code = async |command: Command| self.run(command).await.code;
        assert_eq!(code(sync("nobody")).await, Some(2), "a job that is not there");
        let held = self.held().await;
        assert_eq!(code(sync("contracts")).await, Some(3), "another run is at it");
        assert_eq!(held.goes_on().await.code, Some(0));
        self.sql("UPDATE contracts SET amount = 'much', updated_at = datetime('now') WHERE id = 2")
            .await;
        assert_eq!(code(sync("contracts")).await, Some(1), "a dead letter");
        self.sql("DELETE FROM contracts WHERE id > 100").await;
        assert_eq!(code(sweep()).await, Some(4), "two thirds would be deleted");
    }
}

/// A file below `deploy/`.
pub(super) fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The report that a run printed, or wrote into a file of its folder.
pub(super) fn report(home: &Home) -> Value {
    let text = std::fs::read_to_string(home.path().join("report.json")).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}
