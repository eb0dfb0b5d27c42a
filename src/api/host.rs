//! Who a request says it talks to.
//!
//! Promises: a page of another origin whose name was made to lead here (DNS rebinding) is not answered. Never asks a name
//! server.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::header::HOST;
use axum::http::uri::Authority;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::AppState;
use super::problem::Problem;

/// Answers only requests whose every `Host` is this machine. Browsers always send one, so that none is no danger.
pub(crate) async fn only_local(request: Request, next: Next) -> Response {
    if names_only(&request, is_local) {
        next.run(request).await
    } else {
        Problem::wrong_host().into_response()
    }
}

/// As [`only_local`], and requests to one of the names of `api.hosts`.
pub(super) async fn only_known(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Response {
    let hosts = &state.shared.config.edge.hosts;
    let is_ours = |host: &str| {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        hosts.iter().any(|ours| {
            ours.trim_start_matches('[').trim_end_matches(']').eq_ignore_ascii_case(host)
        })
    };
    if names_only(&request, |host| is_local(host) || is_ours(host)) {
        next.run(request).await
    } else if hosts.is_empty() {
        Problem::wrong_host().into_response()
    } else {
        Problem::foreign_host().into_response()
    }
}

/// Whether every name that the request gives its server is one of these.
fn names_only(request: &Request, known: impl Fn(&str) -> bool) -> bool {
    let headers = request.headers().get_all(HOST).iter();
    let mut named = headers.map(|host| host.to_str().ok().and_then(|host| host.parse().ok()));
    let target = request.uri().authority().is_none_or(|host| known(host.host()));
    target && named.all(|host: Option<Authority>| host.is_some_and(|host| known(host.host())))
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
