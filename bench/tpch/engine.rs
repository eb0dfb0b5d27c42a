//! The little that is asked of the search engine: documents by key, and how many there are.
//!
//! It only reads. An error names the request, the status and the engine's error type, never its
//! reason text, which may quote a document's values.

use anyhow::{Context, Result, anyhow, bail, ensure};
use elasticsearch::http::headers::{CONTENT_TYPE, HeaderMap, HeaderValue};
use elasticsearch::http::transport::Transport;
use elasticsearch::http::{Method, Url};
use serde::Deserialize;
use serde_json::{Value, json};

/// One index of an Elasticsearch or OpenSearch.
#[derive(Clone)]
pub(crate) struct Engine {
    transport: Transport,
    index: String,
}

#[derive(Deserialize)]
struct Documents {
    docs: Vec<Document>,
}

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "_id")]
    id: String,
    #[serde(rename = "_source")]
    source: Option<Value>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Count {
    count: u64,
}

impl Engine {
    /// Addresses `index`, a name or an alias of one index, behind `url`; nothing is sent yet.
    pub(crate) fn new(url: &str, index: &str) -> Result<Self> {
        let base = format!("{}/", url.trim_end_matches('/'));
        Url::parse(&base).context("reading the engine's URL")?;
        let transport = Transport::single_node(&base).context("reading the engine's URL")?;
        Ok(Self { transport, index: index.to_owned() })
    }

    /// Makes everything written so far visible and returns the number of documents.
    pub(crate) async fn count(&self) -> Result<u64> {
        self.call(Method::Post, "_refresh", None).await?;
        let answer = self.call(Method::Get, "_count", None).await?;
        let count: Count = serde_json::from_slice(&answer).context("reading the engine's count")?;
        Ok(count.count)
    }

    /// The stored sources of these documents, in the order of `ids`; `None` where there is none.
    pub(crate) async fn sources(&self, ids: &[&str]) -> Result<Vec<Option<Value>>> {
        let body = json!({ "ids": ids }).to_string();
        let answer = self.call(Method::Post, "_mget", Some(body)).await?;
        let answer: Documents =
            serde_json::from_slice(&answer).context("reading the engine's documents")?;
        ensure!(answer.docs.len() == ids.len(), "the engine answered for another number of keys");
        let mut sources = Vec::with_capacity(ids.len());
        for (document, id) in answer.docs.into_iter().zip(ids) {
            ensure!(document.id == *id, "the engine answered for another key than was asked");
            if let Some(error) = document.error {
                bail!("the engine could not read a document: {}", error_type(&error));
            }
            sources.push(document.source);
        }
        Ok(sources)
    }

    async fn call(&self, method: Method, what: &str, body: Option<String>) -> Result<Vec<u8>> {
        let path = format!("{}/{what}", self.index);
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let answer = self
            .transport
            .send(method, &path, headers, None::<&()>, body, None)
            .await
            .with_context(|| format!("asking the engine for `{path}`"))?;
        let status = answer.status_code();
        let bytes = answer.bytes().await.with_context(|| format!("reading `{path}`"))?;
        if !status.is_success() {
            let error: Value = serde_json::from_slice(&bytes).unwrap_or_default();
            let kind = error.get("error").map_or_else(|| "no reason".to_owned(), error_type);
            return Err(anyhow!("the engine answered {status} to `{path}`: {kind}"));
        }
        Ok(bytes.to_vec())
    }
}

fn error_type(error: &Value) -> String {
    error.get("type").and_then(Value::as_str).unwrap_or("an error without a type").to_owned()
}
