//! What the server writes to its log.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tracing::Dispatch;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;

/// What was written to the log.
#[derive(Clone, Default)]
pub(super) struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// For as long as it is held, the log is listened to.
pub(super) struct Listening {
    _second: Dispatch,
    _guard: DefaultGuard,
}

impl Log {
    /// What this thread logs from now on; a test of one thread runs on no other.
    pub(super) fn listen() -> (Self, Listening) {
        let log = Self::default();
        // With one alone, what another thread meets first would be taken for what nobody listens to.
        let second = Dispatch::new(tracing_subscriber::fmt().finish());
        let subscriber = tracing_subscriber::fmt().json().with_writer(log.clone()).finish();
        let guard = tracing::subscriber::set_default(subscriber);
        (log, Listening { _second: second, _guard: guard })
    }

    /// All of it.
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// The fields of the next line that says so; what was before it is forgotten.
    pub(super) async fn next(&self, message: &str) -> Value {
        let line = || {
            let log = self.text();
            let mut lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
            lines.find(|line| line["fields"]["message"] == message)
        };
        let told = async {
            loop {
                if let Some(line) = line() {
                    return line["fields"].clone();
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let told = tokio::time::timeout(Duration::from_secs(60), told).await.expect("no line");
        self.0.lock().unwrap().clear();
        told
    }
}
