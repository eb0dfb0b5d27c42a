//! The form of an answer that is a success.
//!
//! Promises: `meta` comes last, and the tag (`ETag`) is of all that comes before it, so that two answers of one tag say the
//! same. Never has a time or a request's id in the tag.

use std::time::{Duration, Instant};

use axum::http::HeaderValue;
use axum::http::header::{CONTENT_TYPE, ETAG};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;
use xxhash_rust::xxh3::xxh3_128_with_seed;

use super::problem::Problem;
use super::request::Rows;

/// Bytes of an answer that are not its rows, mostly.
const ROOM: usize = 1_024;

/// Bytes that are made room for before they are there.
const MOST_ROOM: usize = 1 << 20;

/// Where the time of an answer went, for its `Server-Timing`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spent {
    /// To understand the request.
    pub(super) plan: Duration,
    /// To wait for the engine.
    pub(super) engine: Duration,
}

/// What is told beside the answer.
#[derive(Serialize)]
pub(super) struct Meta<'a> {
    /// The real index behind the alias; left out when there is no row to tell it.
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<&'a str>,
    /// Up to when all changes in the services are in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    as_of: Option<Timestamp>,
    /// How long ago that is.
    #[serde(skip_serializing_if = "Option::is_none")]
    lag_ms: Option<u64>,
    took_ms: u128,
    request_id: &'a str,
}

impl<'a> Meta<'a> {
    /// Of an answer that began at `start`.
    pub(super) fn new(
        (index, as_of): (Option<&'a str>, Option<Timestamp>),
        request_id: &'a str,
        start: Instant,
    ) -> Self {
        let lag = |as_of: Timestamp| Timestamp::now().duration_since(as_of).as_millis();
        // A service's clock may be ahead of ours.
        let lag_ms = as_of.map(|as_of| u64::try_from(lag(as_of)).unwrap_or(0));
        Self { index, as_of, lag_ms, took_ms: start.elapsed().as_millis(), request_id }
    }
}

/// What is told beside data that stand alone.
#[derive(Serialize)]
pub(super) struct Alone {}

/// The beginning of an answer, to which its data is to be added; room for so many bytes of that, if they are not too many to be
/// held for data that may turn out to be few.
pub(super) fn begun(room: usize) -> String {
    let mut body = String::with_capacity(room.min(MOST_ROOM) + ROOM);
    body.push_str("{\"data\":");
    body
}

/// The same, with its data.
pub(super) fn begun_with(data: &impl Serialize) -> Result<String, Problem> {
    let mut body = begun(0);
    body.push_str(&serde_json::to_string(data).map_err(|_| Problem::internal())?);
    Ok(body)
}

/// The answer that was begun and has its data, and then the members of the object `beside`; of so many rows.
pub(super) fn reply(
    (body, beside): (String, &impl Serialize),
    meta: &Meta<'_>,
    spent: Spent,
    rows: usize,
) -> Result<Response, Problem> {
    // Rows are most of it, and are JSON already: read once more, they would take as long as all the rest.
    let mut body = body.into_bytes();
    add_members(beside, &mut body).map_err(|_| Problem::internal())?;
    let tag = tag(&body, 0);
    body.extend(b",\"meta\":");
    serde_json::to_writer(&mut body, meta).map_err(|_| Problem::internal())?;
    body.push(b'}');
    sent(body, tag, spent, rows)
}

/// The answer that is this JSON, in so many rows, without `meta`; a `total` that its headers tell is of its tag too.
pub(super) fn plain(
    body: Vec<u8>,
    total: Option<u64>,
    spent: Spent,
    rows: usize,
) -> Result<Response, Problem> {
    let tag = tag(&body, total.unwrap_or(0));
    sent(body, tag, spent, rows)
}

fn tag(body: &[u8], seed: u64) -> String {
    format!("W/\"{:032x}\"", xxh3_128_with_seed(body, seed))
}

fn sent(body: Vec<u8>, tag: String, spent: Spent, rows: usize) -> Result<Response, Problem> {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(ETAG, HeaderValue::try_from(tag).map_err(|_| Problem::internal())?);
    response.extensions_mut().insert(Rows(rows));
    response.extensions_mut().insert(spent);
    Ok(response)
}

/// Adds the members of `beside` to an object that has some and is not closed.
fn add_members(beside: &impl Serialize, body: &mut Vec<u8>) -> serde_json::Result<()> {
    let opened = body.len();
    serde_json::to_writer(&mut *body, beside)?;
    body.pop();
    match body.len() - opened {
        // It had none.
        1 => body.truncate(opened),
        _ => body.get_mut(opened).into_iter().for_each(|brace| *brace = b','),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_follow_one_another() {
        let added = |beside: &serde_json::Value| {
            let mut body = br#"{"data":[]"#.to_vec();
            add_members(beside, &mut body).unwrap();
            String::from_utf8(body).unwrap()
        };
        insta::assert_snapshot!(added(&json!({"a": 1, "b": {}})), @r#"{"data":[],"a":1,"b":{}"#);
        insta::assert_snapshot!(added(&json!({})), @r#"{"data":[]"#);
    }
}
