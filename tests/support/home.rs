//! A home folder of a test's own, and the program run in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use super::engines::TestEngine;
use super::own::Indexes;

/// A folder with config/, jobs/ and mappings/.
pub(crate) struct Home {
    folder: TempDir,
    variables: Vec<(String, String)>,
    state: Option<Indexes>,
}

/// How a run of the program ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Home {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["config", "jobs", "mappings"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        Self { folder, variables: Vec::new(), state: None }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file below the folder.
    pub(crate) fn file(self, name: &str, text: &str) -> Self {
        std::fs::write(self.path().join(name), text).unwrap();
        self
    }

    /// Sets a variable for every run in this home.
    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Runs use this engine, and remember in indexes of their own, which go with the home.
    pub(crate) async fn engine(mut self, engine: TestEngine) -> Self {
        let state = Indexes::of(engine, "state").await;
        self = self
            .variable("PREJOIN__ENGINE__URL", &engine.url().await)
            .variable("PREJOIN__ENGINE__STATE_PREFIX", &state);
        self.state = Some(state);
        self
    }

    /// What the names of prejoin's own indexes begin with.
    pub(crate) fn state_prefix(&self) -> &str {
        self.state.as_deref().expect("a home with an engine")
    }

    /// The command that runs the program here; of the surroundings it sees only what this home sets.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_prejoin"));
        let foreign =
            std::env::vars().map(|(name, _)| name).filter(|name| name.starts_with("PREJOIN"));
        for name in foreign {
            command.env_remove(name);
        }
        command.args(arguments).arg("--home").arg(self.path());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(&self.command(arguments).output().unwrap(), self.path())
    }
}

impl Ran {
    fn of(output: &Output, home: &Path) -> Self {
        let text = |bytes: &[u8]| {
            String::from_utf8_lossy(bytes).replace(&home.display().to_string(), "HOME")
        };
        Self {
            code: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    /// Exit code and stderr as one text, log lines and times left out, for snapshots.
    pub(crate) fn told(&self) -> String {
        let kept = self.stderr.lines().filter(|line| !is_log(line)).collect::<Vec<_>>().join("\n");
        format!(
            "exit {}\n{kept}",
            self.code.map_or("by signal".to_owned(), |code| code.to_string())
        )
    }

    /// The report on stdout.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Log lines begin with their time.
fn is_log(line: &str) -> bool {
    line.get(..4).is_some_and(|year| year.bytes().all(|byte| byte.is_ascii_digit()))
        && line.get(4..5) == Some("-")
}

/// A program of `examples/`, built beside the tests.
pub(crate) fn example(name: &str) -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_prejoin"));
    let path = program.parent().unwrap().join("examples").join(name);
    assert!(path.exists(), "{} is not built: run `cargo build --examples`", path.display());
    path
}
