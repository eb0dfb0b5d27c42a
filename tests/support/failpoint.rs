//! Runs that are held at a failpoint of the program (`src/failpoint.rs`), or met anywhere: killed there, frozen, or let go.
//!
//! Promises: whoever builds the program without failpoints is told so, instead of a test that holds nothing and passes.

use std::path::PathBuf;
use std::time::Duration;

use super::home::{Home, Ran, Running};

/// How long a run may take to a failpoint.
const SOON: Duration = Duration::from_secs(60);

/// A run that stands still when it comes to its failpoint.
pub(crate) struct Held<'h> {
    running: Running<'h>,
    /// There for as long as it is held.
    file: PathBuf,
}

impl Home {
    /// Starts the program, to be held at `point`, as `after_bulk:3`; with variables for this run alone.
    pub(crate) fn start_held(
        &self,
        point: &str,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Held<'_> {
        if !cfg!(feature = "failpoints") {
            panic!(
                "this test holds the program: run it with `--features failpoints`, as dev/test does"
            );
        }
        let file = self.path().join(format!("held-{}", uuid::Uuid::new_v4().simple()));
        let mut variables = variables.to_vec();
        variables.push(("PREJOIN_FAILPOINT", point));
        variables.push(("PREJOIN_FAILPOINT_HELD", file.to_str().unwrap()));
        Held { running: self.start_with(arguments, &variables), file }
    }
}

impl Held<'_> {
    /// A run that no failpoint holds, for those who come upon it at any moment.
    pub(crate) fn nowhere(running: Running<'_>) -> Held<'_> {
        Held { running, file: PathBuf::new() }
    }

    /// Waits until it is held, or has come to its end without: then it is not.
    pub(crate) async fn is_held(&mut self) -> bool {
        let held = async {
            loop {
                let has_ended = self.running.has_ended();
                if self.file.exists() || has_ended {
                    return !has_ended;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let held = tokio::time::timeout(SOON, held).await;
        held.expect("a run that is held or comes to its end")
    }

    /// Waits until it is held.
    ///
    /// # Panics
    /// When it comes to its end instead.
    pub(crate) async fn until_held(mut self) -> Self {
        if self.is_held().await {
            return self;
        }
        panic!("it was not held: {:?}", self.running.ended().await);
    }

    /// Ends it here and now, as the machine's end would.
    pub(crate) async fn kill(self) -> Ran {
        self.running.signal("KILL");
        self.running.ended().await
    }

    /// Sends it a signal by its name, and leaves it held.
    pub(crate) fn signal(&self, name: &str) {
        self.running.signal(name);
    }

    /// Waits until it has said `text` on stderr.
    pub(crate) async fn says(&self, text: &str) {
        self.running.says(text).await;
    }

    /// Has all of it stand still, its signs of life too.
    pub(crate) fn freeze(&self) {
        self.running.signal("STOP");
    }

    /// Has it go on, frozen or not, to its end.
    pub(crate) async fn goes_on(self) -> Ran {
        if self.file.exists() {
            std::fs::remove_file(&self.file).unwrap();
        }
        self.running.signal("CONT");
        self.running.ended().await
    }

    /// Lets it go on until it is held at the next arrival that was named.
    pub(crate) async fn until_held_again(self) -> Self {
        std::fs::remove_file(&self.file).unwrap();
        self.until_held().await
    }

    /// Waits for the end of one that was not held.
    pub(crate) async fn ended(self) -> Ran {
        self.running.ended().await
    }
}
