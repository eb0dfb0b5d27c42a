//! The line that an export leaves in the log.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt as _;
use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter;

use super::super::documents;
use super::super::harness::Api;
use super::export;
use crate::support::engines::TestEngine;

/// What was written to the log.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

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

impl Log {
    /// The fields of the next line of an export.
    async fn next(&self) -> Value {
        let line = || {
            let log = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
            let mut lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
            lines.find(|line| line["fields"]["message"] == "export")
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

#[tokio::test]
async fn each_export_says_how_it_ended() {
    let log = Log::default();
    // With one alone, what another thread meets first would be taken for what nobody listens to.
    let _second = tracing::Dispatch::new(tracing_subscriber::fmt().finish());
    let subscriber = tracing_subscriber::fmt().json().with_writer(log.clone()).finish();
    // All of it runs on this thread.
    let _guard = tracing::subscriber::set_default(subscriber);
    let mut documents = documents::all();
    documents[7]["memo"] = "긴".repeat(32_768).into();
    let api = Api::with(TestEngine::OpenSearch.client().await, &documents).await;

    let (parts, bytes) = export(&api, &json!({"filter": {"paid": {"eq": true}}})).await;
    let line = log.next().await;
    let rows = String::from_utf8(bytes.clone()).unwrap().matches("\r\n").count() - 1;
    assert_eq!(line["ended"], "complete", "{line}");
    assert_eq!((&line["rows"], &line["bytes"]), (&json!(rows), &json!(bytes.len())));
    assert_eq!((&line["index"], &line["format"]), (&json!(api.alias), &json!("csv")));
    assert_eq!((&line["operation"], &line["known_by"]), (&json!("export"), &json!("anyone")));
    assert_eq!(line["request_id"], parts.headers["x-request-id"].to_str().unwrap());

    drop(api.answer(&json!({"format": "ndjson"})).await);
    assert_eq!(log.next().await["ended"], "client_gone");
    export(&api, &json!({"format": "xlsx"})).await;
    assert_eq!(log.next().await["ended"], "limit_exceeded");

    // Who has as many bytes as were said does not look for an end behind them.
    let sheet = api.answer(&json!({"format": "xlsx", "columns": ["no"]})).await;
    let length: usize = sheet.headers()["content-length"].to_str().unwrap().parse().unwrap();
    let (mut body, mut taken) = (sheet.into_body().into_data_stream(), 0);
    while taken < length {
        taken += body.next().await.unwrap().unwrap().len();
    }
    drop(body);
    let line = log.next().await;
    assert_eq!((&line["ended"], &line["bytes"]), (&json!("complete"), &json!(length)));
    drop(api.answer(&json!({"format": "xlsx", "columns": ["no"]})).await);
    assert_eq!(log.next().await["ended"], "client_gone");
    api.remove().await;
}
