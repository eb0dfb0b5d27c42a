//! Where a request comes from.
//!
//! Promises: a header is believed only from a proxy that the configuration names, and only as far back as such proxies reach:
//! the first address that is none of theirs is the caller's. Never believes what a caller says of itself.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, header::FORWARDED};
use axum::middleware::Next;
use axum::response::Response;

use super::AppState;
use crate::config::{EdgeConfig, ForwardHeader};

pub(super) const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address of who asks; known for every request that came over a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Peer(pub(super) IpAddr);

/// Tells those who answer a request where it comes from.
pub(super) async fn tell(
    State(state): State<AppState>,
    mut request: Request,
    next: Next,
) -> Response {
    if let Some(ConnectInfo(address)) = request.extensions().get::<ConnectInfo<SocketAddr>>() {
        let peer = caller(&state.shared.config.edge, address.ip(), request.headers());
        request.extensions_mut().insert(Peer(peer));
    }
    next.run(request).await
}

/// The address that the last proxy which is believed was asked from.
fn caller(edge: &EdgeConfig, connected: IpAddr, headers: &HeaderMap) -> IpAddr {
    let mut at = connected.to_canonical();
    for named in forwarded(edge.trusted_header, headers).into_iter().rev() {
        if !edge.trusts(at) {
            break;
        }
        // A proxy that does not tell an address is the nearest that is known.
        let Some(address) = named else { break };
        at = address.to_canonical();
    }
    at
}

/// Addresses in the order in which proxies have added them; `None` for what is no address.
fn forwarded(header: ForwardHeader, headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let name = match header {
        ForwardHeader::XForwardedFor => X_FORWARDED_FOR,
        ForwardHeader::Forwarded => FORWARDED,
    };
    let lines = headers.get_all(name).iter().map(|line| line.to_str().unwrap_or_default());
    let hops = lines.flat_map(|line| line.split(','));
    hops.map(|hop| match header {
        ForwardHeader::XForwardedFor => address(hop),
        ForwardHeader::Forwarded => hop
            .split(';')
            .find_map(|pair| {
                let (name, value) = pair.trim().split_once('=')?;
                name.trim().eq_ignore_ascii_case("for").then_some(value)
            })
            .and_then(address),
    })
    .collect()
}

/// `10.1.2.3`, `10.1.2.3:99`, `2001:db8::1`, `[2001:db8::1]:99`, with or without quotes.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"');
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    bare.parse().ok().or_else(with_port)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn asked(header: ForwardHeader, connected: &str, lines: &[&'static str]) -> String {
        let trusted_proxies = vec!["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
        let edge = EdgeConfig { trusted_proxies, trusted_header: header, ..EdgeConfig::default() };
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(X_FORWARDED_FOR, HeaderValue::from_static(line));
            headers.append(FORWARDED, HeaderValue::from_static(line));
        }
        caller(&edge, connected.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn only_proxies_are_believed_and_only_what_they_added() {
        let told = |connected: &str, lines: &[&'static str]| {
            asked(ForwardHeader::XForwardedFor, connected, lines)
        };
        assert_eq!(told("203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
        assert_eq!(told("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(told("10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        // The caller wrote the first of them itself.
        assert_eq!(told("10.0.0.1", &["1.1.1.1, 198.51.100.1, 10.0.0.2"]), "198.51.100.1");
        assert_eq!(told("10.0.0.1", &["1.1.1.1", "198.51.100.1:8080"]), "198.51.100.1");
        assert_eq!(told("::1", &["[2001:db8::1]:443"]), "2001:db8::1");
        assert_eq!(told("::ffff:10.0.0.1", &["2001:db8::1"]), "2001:db8::1");
        assert_eq!(told("10.0.0.1", &["198.51.100.1, unknown"]), "10.0.0.1");
        assert_eq!(told("10.0.0.1", &["10.0.0.3, 10.0.0.2"]), "10.0.0.3");
    }

    #[test]
    fn the_standard_header_is_read() {
        let told = |lines: &[&'static str]| asked(ForwardHeader::Forwarded, "10.0.0.1", lines);
        assert_eq!(told(&["for=1.1.1.1, For=\"[2001:db8::1]:99\";proto=https"]), "2001:db8::1");
        assert_eq!(told(&["proto=https;for=198.51.100.1;by=10.0.0.1"]), "198.51.100.1");
        assert_eq!(told(&["for=_hidden"]), "10.0.0.1");
        assert_eq!(told(&["198.51.100.1"]), "10.0.0.1");
    }
}
