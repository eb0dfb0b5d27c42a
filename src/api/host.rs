//! Who a request says it talks to.
//!
//! Promises: a page of another origin whose name was made to lead here (DNS rebinding) is not answered. Never asks a name
//! server.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::header::HOST;
use axum::http::uri::Authority;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::problem::Problem;

/// Answers only requests whose every `Host` is this machine. Browsers always send one, so that none is no danger.
pub(crate) async fn only_local(request: Request, next: Next) -> Response {
    let headers = request.headers().get_all(HOST).iter();
    let mut named = headers.map(|host| host.to_str().ok().and_then(|host| host.parse().ok()));
    let known = |host: Option<Authority>| host.is_some_and(|host| is_local(host.host()));
    let target = request.uri().authority().is_none_or(|host| is_local(host.host()));
    if target && named.all(known) {
        next.run(request).await
    } else {
        Problem::wrong_host().into_response()
    }
}

fn is_local(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = |address: IpAddr| address.is_loopback();
    host.eq_ignore_ascii_case("localhost") || address.parse().is_ok_and(is_loopback)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_known_by_its_loopback_names() {
        for local in ["localhost", "LocalHost", "127.0.0.1", "127.8.0.1", "[::1]"] {
            assert!(is_local(local), "{local}");
        }
        for other in ["", "localhost.example", "127.0.0.1.example", "10.0.0.1", "[::2]", "0.0.0.0"]
        {
            assert!(!is_local(other), "{other}");
        }
    }
}
