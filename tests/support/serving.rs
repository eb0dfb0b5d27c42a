//! `prejoin serve` as a process of its own.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

use serde_json::Value;

use super::home::Home;

/// A running server; ends with the value.
pub(crate) struct Serving {
    process: Child,
    address: String,
    /// Reads what it says, and fails when a secret is in it.
    listening: Option<JoinHandle<()>>,
}

impl Serving {
    /// Starts it on a free port and waits until it says where it listens.
    pub(crate) async fn start(home: &Home) -> Self {
        let mut command: Command = home.command(&["serve"]);
        command.env("PREJOIN__API__LISTEN", "127.0.0.1:0").stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let secrets = home.secrets();
        let listening = tokio::task::spawn_blocking(move || {
            let mut lines =
                lines.map_while(Result::ok).inspect(move |line| secrets.are_not_in(line));
            let address =
                lines.find_map(|line| Some(line.split_once("http://")?.1.trim().to_owned()));
            // The rest is read too, or the server would stop at a full pipe.
            (address, std::thread::spawn(move || lines.for_each(drop)))
        });
        let (address, listening) = listening.await.unwrap();
        let address = address.expect("the server ended before it listened");
        let address = address.split_whitespace().next().unwrap().trim_end_matches('/').to_owned();
        Self { process, address, listening: Some(listening) }
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Of its process.
    pub(crate) fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// Asks with `curl`, a client that is not ours.
    pub(crate) async fn search(&self, index: &str, request: &Value) -> Value {
        let url = format!("{}/v1/{index}/search", self.url());
        let output = tokio::process::Command::new("curl")
            .args(["-sS", "-H", "Content-Type: application/json", "-d", &request.to_string(), &url])
            .output()
            .await
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text} {output:?}"))
    }

    /// The `id` of every row, page by page.
    pub(crate) async fn all_ids(&self, index: &str, mut request: Value, size: u64) -> Vec<i64> {
        let mut ids = Vec::new();
        request["page"] = serde_json::json!({"size": size});
        loop {
            let answer = self.search(index, &request).await;
            let rows = answer["data"].as_array().unwrap_or_else(|| panic!("{answer:#}"));
            ids.extend(rows.iter().map(|row| row["id"].as_i64().unwrap()));
            if answer["page"]["has_next"] != true {
                return ids;
            }
            request["page"]["after"] = answer["page"]["next"].clone();
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended already, and then there is nothing to end.
        let _ended = self.process.kill();
        let _status = self.process.wait();
        let listened = self.listening.take().map(JoinHandle::join);
        if let (Some(Err(printed)), false) = (listened, std::thread::panicking()) {
            std::panic::resume_unwind(printed);
        }
    }
}
