//! The search engine as the benchmark needs it: indexes made and deleted, documents counted, rest awaited.
//!
//! It speaks through curl, as the ceiling's clients do. All indexes whose names begin with [`PREFIX`] are the
//! benchmark's; it never touches others.

use std::io::Write;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::processes;

/// What the names of the benchmark's indexes begin with.
pub(crate) const PREFIX: &str = "bench-";

const LOOK: Duration = Duration::from_millis(500);
const LONGEST_UNREST: Duration = Duration::from_secs(180);
/// An engine at rest uses less than this part of one processor.
const IDLE: f64 = 0.1;

/// One engine, by its URL.
pub(crate) struct Engine {
    url: String,
    pid: u32,
}

impl Engine {
    pub(crate) fn new(url: &str, pid: u32) -> Self {
        Self { url: url.trim_end_matches('/').to_owned(), pid }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Creates an index with these settings and mappings, set up for loading: no refresh, no replicas.
    pub(crate) fn create(&self, index: &str, mut body: Value) -> Result<()> {
        let object = body.as_object_mut().context("the mapping is no JSON object")?;
        let settings = object.entry("settings").or_insert_with(|| serde_json::json!({}));
        let settings = settings.as_object_mut().context("the `settings` are no JSON object")?;
        settings.insert("refresh_interval".to_owned(), "-1".into());
        settings.insert("number_of_replicas".to_owned(), 0.into());
        self.call("PUT", index, Some(&body))?;
        Ok(())
    }

    /// Deletes every index of the benchmark.
    pub(crate) fn clear(&self) -> Result<()> {
        let indexes =
            self.call("GET", "_cat/indices?format=json&h=index&expand_wildcards=all", None)?;
        let names = indexes
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|found| found.get("index")?.as_str());
        for name in names.filter(|name| name.starts_with(PREFIX)) {
            self.call("DELETE", name, None)?;
        }
        Ok(())
    }

    /// Makes all documents visible.
    pub(crate) fn refresh(&self, index: &str) -> Result<()> {
        self.call("POST", &format!("{index}/_refresh"), None)?;
        Ok(())
    }

    /// Fails unless the index has so many documents.
    pub(crate) fn expect(&self, index: &str, documents: u64) -> Result<()> {
        let answer = self.call("GET", &format!("{index}/_count"), None)?;
        let count = answer.get("count").and_then(Value::as_u64);
        ensure!(
            count == Some(documents),
            "`{index}` has {} documents where {documents} were expected",
            count.map_or_else(|| "unknown".to_owned(), |count| count.to_string())
        );
        Ok(())
    }

    /// Waits until no merge runs and its process is idle, so that a run does not pay for the one before.
    pub(crate) fn rest(&self) -> Result<()> {
        let begun = Instant::now();
        loop {
            let (before, since) = (processes::cpu_seconds(self.pid)?, Instant::now());
            sleep(LOOK);
            let used = (processes::cpu_seconds(self.pid)? - before) / since.elapsed().as_secs_f64();
            let stats =
                self.call("GET", "_nodes/stats/indices/merge?filter_path=**.current", None)?;
            if used < IDLE && merges(&stats) == 0 {
                return Ok(());
            }
            if begun.elapsed() > LONGEST_UNREST {
                bail!(
                    "the engine did not come to rest within {} s\n\nhint: does someone else use it?",
                    LONGEST_UNREST.as_secs()
                );
            }
        }
    }

    /// Its name and version, and those of its Java, for people.
    pub(crate) fn describe(&self) -> Result<String> {
        let root = self.call("GET", "", None)?;
        let text = |path: &str| root.pointer(path).and_then(Value::as_str).unwrap_or_default();
        let name = if text("/version/distribution") == "opensearch" {
            "OpenSearch"
        } else {
            "Elasticsearch"
        };
        let nodes = self.call("GET", "_nodes/jvm?filter_path=nodes.*.jvm", None)?;
        let jvm =
            nodes.get("nodes").and_then(Value::as_object).and_then(|nodes| nodes.values().next());
        let jvm =
            jvm.and_then(|node| node.get("jvm")).context("the engine tells nothing of its JVM")?;
        let version = jvm.get("version").and_then(Value::as_str).unwrap_or("?");
        let heap =
            jvm.pointer("/mem/heap_max_in_bytes").and_then(Value::as_u64).unwrap_or_default();
        Ok(format!(
            "{name} {} (Java {version}, heap of {} MiB)",
            text("/version/number"),
            heap >> 20
        ))
    }

    /// One request; an error tells the engine's error type, never its reason, which may quote a document.
    pub(crate) fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value> {
        let what = || format!("asking the engine: {method} /{path}");
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--max-time", "120", "-w", "\n%{http_code}", "-X", method]);
        if body.is_some() {
            curl.args(["-H", "Content-Type: application/json", "--data-binary", "@-"]);
        }
        curl.arg(format!("{}/{path}", self.url)).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = curl.spawn().context("starting `curl`")?;
        if let (Some(mut stdin), Some(body)) = (child.stdin.take(), body) {
            stdin.write_all(body.to_string().as_bytes()).with_context(what)?;
        }
        let output = child.wait_with_output().with_context(what)?;
        ensure!(output.status.success(), "{}: curl failed ({})", what(), output.status);
        let text = String::from_utf8(output.stdout).with_context(what)?;
        let (answer, status) = text.rsplit_once('\n').with_context(what)?;
        let answer: Value = serde_json::from_str(answer).with_context(what)?;
        if !status.starts_with('2') {
            let kind = answer.pointer("/error/type").and_then(Value::as_str).unwrap_or("no type");
            bail!("{}: {status}, {kind}", what());
        }
        Ok(answer)
    }
}

/// Merges under way on all nodes.
fn merges(stats: &Value) -> u64 {
    let nodes = stats.get("nodes").and_then(Value::as_object);
    let running = |node: &Value| node.pointer("/indices/merges/current").and_then(Value::as_u64);
    nodes.into_iter().flatten().filter_map(|(_, node)| running(node)).sum()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn merges_of_all_nodes_count() {
        let node = |current: u64| json!({"indices": {"merges": {"current": current}}});
        assert_eq!(super::merges(&json!({"nodes": {"a": node(2), "b": node(1)}})), 3);
        assert_eq!(super::merges(&json!({})), 0);
    }
}
