//! How answers travel: packed where the caller unpacks, and readable by the pages of other origins where they may.
//!
//! Promises: what is small is sent as it is; without a configured origin no page of another one reads anything. Never looks
//! into an answer.

use std::time::Duration;

use axum::extract::Request;
use axum::http::header::{
    AUTHORIZATION, CONTENT_DISPOSITION, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName,
    IF_NONE_MATCH, LINK, RANGE, RETRY_AFTER, WWW_AUTHENTICATE,
};
use axum::http::{HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{And, NotForContentType, Predicate, SizeAbove};
use tower_http::cors::CorsLayer;

use crate::query::export::Format;

/// Fewer bytes fit into one packet anyway.
const WORTH_PACKING: u16 = 1_024;
/// How long a browser remembers what a page may do.
const REMEMBERED: Duration = Duration::from_secs(3_600);

/// Packs answers by gzip, brotli or zstd.
pub(super) fn compression() -> CompressionLayer<And<SizeAbove, NotForContentType>> {
    // A caller waits while we pack: the last tenth of the size is not worth it.
    let fastest = CompressionLayer::new().quality(CompressionLevel::Fastest);
    // A workbook is packed already, and its length is told.
    let packed = NotForContentType::const_new(Format::Xlsx.media_type());
    fastest.compress_when(SizeAbove::new(WORTH_PACKING).and(packed))
}

/// The part of all rows that an answer shows, while it is packed: the packer takes what has it for a part of a file.
#[derive(Clone)]
struct Part(HeaderValue);

/// Takes `Content-Range` off, on the inner side of the packer.
pub(super) async fn without_part(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if let Some(part) = response.headers_mut().remove(CONTENT_RANGE) {
        response.extensions_mut().insert(Part(part));
    }
    response
}

/// Puts it back, on the outer side.
pub(super) async fn with_part(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if let Some(Part(part)) = response.extensions_mut().remove() {
        response.headers_mut().insert(CONTENT_RANGE, part);
    }
    response
}

/// Lets the pages of these origins ask, and read what they are told; with `dialects`, also what their packages send.
pub(super) fn origins(origins: &[String], dialects: bool) -> CorsLayer {
    let named = |name: &'static str| HeaderName::from_static(name);
    let origins: Vec<HeaderValue> =
        origins.iter().filter_map(|origin| HeaderValue::try_from(origin).ok()).collect();
    let mut methods = vec![Method::GET, Method::POST];
    let mut headers = vec![
        AUTHORIZATION,
        CONTENT_TYPE,
        IF_NONE_MATCH,
        named("prefer"),
        named("x-api-key"),
        named("x-request-id"),
    ];
    if dialects {
        // What they would write is refused in words, which a page reads only if it may ask.
        methods.extend([Method::PUT, Method::PATCH, Method::DELETE]);
        headers.push(RANGE);
    }
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods(methods)
        .allow_headers(headers)
        .expose_headers([
            CONTENT_DISPOSITION,
            CONTENT_RANGE,
            ETAG,
            LINK,
            RETRY_AFTER,
            WWW_AUTHENTICATE,
            named("ratelimit"),
            named("ratelimit-policy"),
            named("server-timing"),
            named("x-request-id"),
            named("x-total-count"),
        ])
        .max_age(REMEMBERED)
}
