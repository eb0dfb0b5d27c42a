//! By which way a request may come.
//!
//! Promises: where there is no TLS, nobody beyond this machine is answered but proxies that are trusted with what callers bring; where
//! callers are not told apart, nobody is answered for whom a proxy asks. Never looks at who asks.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request, State};
use axum::http::HeaderMap;
use axum::http::header::FORWARDED;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::AppState;
use super::peer::X_FORWARDED_FOR;
use super::problem::Problem;
use crate::config::EdgeConfig;

/// Lets a request on that came by a way by which it may.
pub(super) async fn only_safe(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Response {
    let shared = &*state.shared;
    let connected = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let connected = connected.map(|ConnectInfo(address)| address.ip());
    if let Some(from) = connected.filter(|from| !is_unheard(&shared.config.edge, *from)) {
        tracing::warn!(%from, "refused in the clear: it is neither this machine nor one of `api.trusted_proxies`, and there is no `api.tls`");
        return Problem::in_the_clear().into_response();
    }
    if !shared.access.is_watched() && is_forwarded(request.headers()) {
        tracing::warn!(
            "refused for whom a proxy asks: without `api.auth`, all the proxy's callers could read everything"
        );
        return Problem::forwarded().into_response();
    }
    next.run(request).await
}

/// Whether nobody listens to what comes from there.
fn is_unheard(edge: &EdgeConfig, connected: IpAddr) -> bool {
    let connected = connected.to_canonical();
    edge.tls.is_some() || connected.is_loopback() || edge.trusts(connected)
}

/// Whether it is asked for somebody else.
fn is_forwarded(headers: &HeaderMap) -> bool {
    [FORWARDED, X_FORWARDED_FOR].iter().any(|name| headers.contains_key(name))
}

#[cfg(test)]
mod tests {
    use crate::config::TlsConfig;

    use super::*;

    #[test]
    fn in_the_clear_are_this_machine_and_trusted_proxies_only() {
        let trusted_proxies = vec!["10.1.0.0/16".parse().unwrap()];
        let mut edge = EdgeConfig { trusted_proxies, ..EdgeConfig::default() };
        let unheard = |edge: &EdgeConfig, from: &str| is_unheard(edge, from.parse().unwrap());
        for near in ["127.0.0.1", "::1", "::ffff:127.0.0.1", "10.1.2.3", "::ffff:10.1.2.3"] {
            assert!(unheard(&edge, near), "{near}");
        }
        for far in ["10.2.0.1", "192.0.2.1", "::ffff:192.0.2.1", "2001:db8::1"] {
            assert!(!unheard(&edge, far), "{far}");
        }
        edge.tls = Some(TlsConfig { cert_file: "cert.pem".into(), key_file: "key.pem".into() });
        assert!(unheard(&edge, "192.0.2.1"));
    }
}
