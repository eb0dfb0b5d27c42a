//! What an index holds under given ids: whether there is a document, and its digest.
//!
//! Promises: as of now, what was written but is not yet searchable included (a multi-get is real-time). Never fetches more of
//! a document than its digest.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::json;

use crate::mapping::OWN_FIELD;
use crate::sink::client::{Client, Method};

/// Ids that are asked for in one request.
const AT_ONCE: usize = 5_000;

#[derive(Deserialize)]
struct Answer {
    docs: Vec<Document>,
}

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "_id")]
    id: String,
    #[serde(default)]
    found: bool,
    #[serde(rename = "_source", default)]
    source: Source,
}

#[derive(Deserialize, Default)]
struct Source {
    #[serde(rename = "_prejoin", default)]
    own: Own,
}

#[derive(Deserialize, Default)]
struct Own {
    #[serde(default)]
    digest: String,
}

/// For each id its document's digest, empty where the document has none; `None` where there is no document.
///
/// # Errors
/// When the engine does not answer, refuses, or leaves one out.
pub async fn digests(client: &Client, index: &str, ids: &[&str]) -> Result<Vec<Option<String>>> {
    let context = || format!("index `{index}`: looking at its documents");
    let only = format!("{OWN_FIELD}.digest");
    let query = [
        ("_source_includes", only.as_str()),
        ("filter_path", "docs._id,docs.found,docs.error,docs._source"),
    ];
    let mut all = Vec::with_capacity(ids.len());
    for ids in ids.chunks(AT_ONCE) {
        let path = [index, "_mget"];
        let answer = client.call(Method::Post, &path, &query, Some(&json!({"ids": ids}))).await;
        let answer = Answer::deserialize(answer.with_context(context)?).with_context(context)?;
        let same = answer.docs.iter().map(|found| found.id.as_str()).eq(ids.iter().copied());
        ensure!(same, "{}: its answer is about others", context());
        all.extend(answer.docs.into_iter().map(|doc| doc.found.then_some(doc.source.own.digest)));
    }
    Ok(all)
}
