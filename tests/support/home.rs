//! A home folder of a test's own, and the program run in it.
//!
//! Promises: after every run, what the program said is searched for the secrets that it was told, and for [`ROW_VALUE`].

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Child;
use tokio::task::JoinHandle;

use super::engines::TestEngine;
use super::own::Indexes;
use super::secrets::{ROW_VALUE, Secrets};

/// The program that is tested.
const PROGRAM: &str = env!("CARGO_BIN_EXE_prejoin");

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
        let mut command = self.surrounded(Command::new(PROGRAM));
        command.args(arguments).arg("--home").arg(self.path());
        command
    }

    /// The command that has a shell run this script here, stopped by the first line that fails, where the program is installed.
    pub(crate) fn shell(&self, script: &str) -> Command {
        let mut command = self.surrounded(Command::new("sh"));
        let installed = Path::new(PROGRAM).parent().unwrap().display();
        command.env("PATH", format!("{installed}:{}", std::env::var("PATH").unwrap()));
        command.args(["-e", "-c", script]).current_dir(self.path());
        command
    }

    fn surrounded(&self, mut command: Command) -> Command {
        let foreign =
            std::env::vars().map(|(name, _)| name).filter(|name| name.starts_with("PREJOIN"));
        for name in foreign {
            command.env_remove(name);
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.ran(&self.command(arguments).output().unwrap())
    }

    /// As [`Home::run`], while tasks of the test go on: proxies, above all.
    pub(crate) async fn run_beside(&self, arguments: &[&str]) -> Ran {
        self.start(arguments).ended().await
    }

    /// Starts the program.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running<'_> {
        self.start_with(arguments, &[])
    }

    /// Starts the program with variables for this run alone.
    pub(crate) fn start_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Running<'_> {
        let mut command = self.command(arguments);
        command.envs(variables.iter().copied());
        self.start_command(command)
    }

    /// Starts a command that was made here.
    pub(crate) fn start_command(&self, command: Command) -> Running<'_> {
        let mut command = tokio::process::Command::from(command);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().unwrap();
        let said = Arc::<Mutex<String>>::default();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let listening = tokio::spawn({
            let said = Arc::clone(&said);
            async move {
                while let Ok(Some(line)) = lines.next_line().await {
                    said.lock().unwrap().extend([&line, "\n"]);
                }
            }
        });
        Running { home: self, process, said, listening }
    }

    /// How a run in this home ended.
    ///
    /// # Panics
    /// When it said what nobody may be told.
    pub(crate) fn ran(&self, output: &Output) -> Ran {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        let secrets = self.secrets();
        secrets.are_not_in(&stdout);
        secrets.are_not_in(&stderr);
        assert!(!stderr.contains(ROW_VALUE), "a row's value was printed: {stderr}");
        let home = self.path().display().to_string();
        Ran {
            code: output.status.code(),
            stdout: stdout.replace(&home, "HOME"),
            stderr: stderr.replace(&home, "HOME"),
        }
    }

    /// What the program is told in confidence here.
    pub(crate) fn secrets(&self) -> Secrets {
        Secrets::of(self.path(), &self.variables)
    }
}

/// A run under way; killed when dropped.
pub(crate) struct Running<'h> {
    home: &'h Home,
    process: Child,
    said: Arc<Mutex<String>>,
    listening: JoinHandle<()>,
}

impl Running<'_> {
    /// Waits until it has said `text` on stderr.
    pub(crate) async fn says(&self, text: &str) {
        self.says_times(text, 1).await;
    }

    /// Waits until it has said `text` so many times.
    pub(crate) async fn says_times(&self, text: &str, times: usize) {
        let heard = async {
            while self.said.lock().unwrap().matches(text).count() < times {
                assert!(!self.listening.is_finished(), "never said: {text}\n{:?}", self.said);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let heard = tokio::time::timeout(Duration::from_secs(60), heard).await;
        heard.unwrap_or_else(|_| panic!("did not say: {text}\n{:?}", self.said));
    }

    /// What it has said on stderr so far.
    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Whether it has come to its end.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.process.try_wait().unwrap().is_some()
    }

    /// Sends it a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.process.id().expect("a process that was not waited for").to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &id]).status().unwrap();
        assert!(sent.success(), "{name} was not sent");
    }

    /// Waits for its end.
    pub(crate) async fn ended(mut self) -> Ran {
        let mut stdout = Vec::new();
        self.process.stdout.take().unwrap().read_to_end(&mut stdout).await.unwrap();
        self.listening.await.unwrap();
        let status = self.process.wait().await.unwrap();
        let stderr = std::mem::take(&mut *self.said.lock().unwrap()).into_bytes();
        self.home.ran(&Output { status, stdout, stderr })
    }
}

impl Ran {
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
