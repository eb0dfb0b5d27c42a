//! The examples of the API's pages are searches that the engine answers.

use std::path::Path;

use axum::body::Body;
use axum::http::Request;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use prejoin::config::{ApiConfig, Dialect};
use prejoin::mapping::Mapping;

use super::harness::Api;
use crate::support::engines::TestEngine;

/// What a client must encode in a query string that is written out; `&`, `=` and `+` mean something there.
pub(super) const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'&')
    .remove(b'=')
    .remove(b'+')
    .remove(b'%')
    .remove(b'-')
    .remove(b'.')
    .remove(b'_');

fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    page.split(&fence).skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

fn is_an_export(body: &str) -> bool {
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    ["format", "columns", "explode"].iter().any(|member| !body[member].is_null())
}

fn mapping() -> Mapping {
    let text = r#"{"mappings": {"properties": {
        "contract_no": {"type": "keyword"}, "status": {"type": "keyword"}, "amount": {"type": "long"},
        "signed_at": {"type": "date"}, "title": {"type": "text"}, "memo": {"type": "text"},
        "account": {"properties": {"name": {"type": "text", "fields": {"raw": {"type": "keyword"}}}, "grade": {"type": "keyword"}}},
        "manager": {"properties": {"name": {"type": "keyword"}, "team": {"properties": {"name": {"type": "keyword"}}}}},
        "settlements": {"type": "nested", "properties": {"status": {"type": "keyword"}, "amount": {"type": "long"}, "due_date": {"type": "date"}}}}}}"#;
    Mapping::parse(Path::new("m.json"), text).unwrap()
}

#[tokio::test]
async fn every_example_is_a_search() {
    let api = Api::over(TestEngine::OpenSearch.client().await, &mapping());
    api.create(1, &mapping().body()).await;
    let page =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/api.md")).unwrap();
    let (bodies, queries) = (blocks(&page, "json"), blocks(&page, "query"));
    let facets = blocks(&page, "facet");
    assert!(bodies.len() >= 9, "only {} bodies were found", bodies.len());
    assert!(queries.len() >= 6, "only {} query strings were found", queries.len());
    for body in bodies {
        let reply = match is_an_export(body) {
            true => api.export_text(body).await,
            false => api.search_text(body).await,
        };
        assert_eq!(reply.status, 200, "{body}\n{}", reply.text);
    }
    assert!(facets.len() >= 2, "only {} query strings of facets were found", facets.len());
    let asked = queries.into_iter().map(|query| ("", query));
    for (action, query) in asked.chain(facets.into_iter().map(|query| (":facet", query))) {
        let encoded = utf8_percent_encode(query.trim_end(), ENCODED).to_string();
        let path = format!("/v1/{}{action}?{encoded}", api.alias);
        let reply = api.send(Request::get(path).body(Body::empty()).unwrap()).await;
        assert_eq!(reply.status, 200, "{query}\n{}", reply.text);
    }
    api.remove().await;
}

#[tokio::test]
async fn every_example_of_a_dialect_is_answered() {
    let api = Api::over(TestEngine::OpenSearch.client().await, &mapping());
    api.create(1, &mapping().body()).await;
    let api =
        api.configured(&ApiConfig { dialects: Dialect::ALL.to_vec(), ..ApiConfig::default() });
    let page = include_str!("../../docs/dialects.md");
    for dialect in Dialect::ALL {
        let examples = blocks(page, dialect.word());
        assert!(!examples.is_empty(), "{} has no example", dialect.word());
        for example in examples {
            let path = format!("/dialects/{}/{}", dialect.word(), api.alias);
            let request = match dialect {
                Dialect::AgGrid => Request::post(path)
                    .header("content-type", "application/json")
                    .body(Body::from(example.to_owned())),
                _ => {
                    let query = utf8_percent_encode(example.trim_end(), ENCODED);
                    Request::get(format!("{path}?{query}")).body(Body::empty())
                }
            };
            let reply = api.send(request.unwrap()).await;
            assert_eq!(reply.status, 200, "{example}\n{}", reply.text);
        }
    }
    api.remove().await;
}
