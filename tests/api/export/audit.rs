//! The line that an export leaves in the log.

use futures::StreamExt as _;
use serde_json::json;

use super::super::documents;
use super::super::harness::Api;
use super::super::log::Log;
use super::export;
use crate::support::engines::TestEngine;

#[tokio::test]
async fn each_export_says_how_it_ended() {
    let (log, _listening) = Log::listen();
    let mut documents = documents::all();
    documents[7]["memo"] = "긴".repeat(32_768).into();
    let api = Api::with(TestEngine::OpenSearch.client().await, &documents).await;

    let (parts, bytes) = export(&api, &json!({"filter": {"paid": {"eq": true}}})).await;
    let line = log.next("export").await;
    let rows = String::from_utf8(bytes.clone()).unwrap().matches("\r\n").count() - 1;
    assert_eq!(line["ended"], "complete", "{line}");
    assert_eq!((&line["rows"], &line["bytes"]), (&json!(rows), &json!(bytes.len())));
    assert_eq!((&line["index"], &line["format"]), (&json!(api.alias), &json!("csv")));
    assert_eq!((&line["operation"], &line["known_by"]), (&json!("export"), &json!("anyone")));
    assert_eq!(line["request_id"], parts.headers["x-request-id"].to_str().unwrap());

    drop(api.answer(&json!({"format": "ndjson"})).await);
    assert_eq!(log.next("export").await["ended"], "client_gone");
    export(&api, &json!({"format": "xlsx"})).await;
    assert_eq!(log.next("export").await["ended"], "limit_exceeded");

    // Who has as many bytes as were said does not look for an end behind them.
    let sheet = api.answer(&json!({"format": "xlsx", "columns": ["no"]})).await;
    let length: usize = sheet.headers()["content-length"].to_str().unwrap().parse().unwrap();
    let (mut body, mut taken) = (sheet.into_body().into_data_stream(), 0);
    while taken < length {
        taken += body.next().await.unwrap().unwrap().len();
    }
    drop(body);
    let line = log.next("export").await;
    assert_eq!((&line["ended"], &line["bytes"]), (&json!("complete"), &json!(length)));
    drop(api.answer(&json!({"format": "xlsx", "columns": ["no"]})).await);
    assert_eq!(log.next("export").await["ended"], "client_gone");
    api.remove().await;
}
