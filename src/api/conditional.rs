//! Answers that the caller has already.
//!
//! Promises: whoever asks with the tag of what would be answered gets 304 and no body; every answer says that it is for its
//! caller alone, and is to be asked for again. Never spares the engine: what is answered depends on what is there now.

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderMap, IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

/// Wraps the answering of one request.
pub(super) async fn conditional(request: Request, next: Next) -> Response {
    let looks = matches!(*request.method(), Method::GET | Method::HEAD);
    let known = looks.then(|| tags(request.headers()));
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.append(VARY, HeaderValue::from_static("authorization, x-api-key, accept, prefer"));
    let tag = headers.get(ETAG).and_then(|tag| opaque(tag.to_str().ok()?));
    let same = known
        .zip(tag)
        .is_some_and(|(known, tag)| known.iter().any(|known| known == "*" || known == tag));
    if same && response.status() == StatusCode::OK {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = Body::empty();
        response.headers_mut().remove(CONTENT_TYPE);
        response.headers_mut().remove(CONTENT_LENGTH);
    }
    response
}

/// What the caller has, without the mark of weakness, which does not count here.
fn tags(headers: &HeaderMap) -> Vec<String> {
    let lists = headers.get_all(IF_NONE_MATCH).iter().filter_map(|list| list.to_str().ok());
    // None of our tags has a comma in it.
    let tags = lists.flat_map(|list| list.split(',')).map(str::trim);
    tags.filter_map(|tag| if tag == "*" { Some(tag) } else { opaque(tag) })
        .map(str::to_owned)
        .collect()
}

fn opaque(tag: &str) -> Option<&str> {
    tag.strip_prefix("W/").unwrap_or(tag).strip_prefix('"')?.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_however_they_are_listed() {
        let mut headers = HeaderMap::new();
        headers.append(IF_NONE_MATCH, HeaderValue::from_static("W/\"a\" , \"b\", c, \""));
        headers.append(IF_NONE_MATCH, HeaderValue::from_static("*"));
        assert_eq!(tags(&headers), ["a", "b", "*"]);
        assert!(tags(&HeaderMap::new()).is_empty());
    }
}
