//! How answers travel: packed where the caller unpacks, and readable by the pages of other origins where they may.
//!
//! Promises: what is small is sent as it is; without a configured origin no page of another one reads anything. Never looks
//! into an answer.

use std::time::Duration;

use axum::http::header::{
    AUTHORIZATION, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName, IF_NONE_MATCH, LINK, RETRY_AFTER,
    WWW_AUTHENTICATE,
};
use axum::http::{HeaderValue, Method};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::SizeAbove;
use tower_http::cors::CorsLayer;

/// Fewer bytes fit into one packet anyway.
const WORTH_PACKING: u16 = 1_024;
/// How long a browser remembers what a page may do.
const REMEMBERED: Duration = Duration::from_secs(3_600);

/// Packs answers by gzip or brotli.
pub(super) fn compression() -> CompressionLayer<SizeAbove> {
    // A caller waits while we pack: the last tenth of the size is not worth it.
    let fastest = CompressionLayer::new().quality(CompressionLevel::Fastest);
    fastest.compress_when(SizeAbove::new(WORTH_PACKING))
}

/// Lets the pages of these origins ask, and read what they are told.
pub(super) fn origins(origins: &[String]) -> CorsLayer {
    let named = |name: &'static str| HeaderName::from_static(name);
    let origins: Vec<HeaderValue> =
        origins.iter().filter_map(|origin| HeaderValue::try_from(origin).ok()).collect();
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([
            AUTHORIZATION,
            CONTENT_TYPE,
            IF_NONE_MATCH,
            named("prefer"),
            named("x-api-key"),
            named("x-request-id"),
        ])
        .expose_headers([
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
