//! How the query API meets the world, as its user writes it: names, certificate, proxies, origins.
//!
//! Promises: what is left out is closed: no name but the machine's own, no proxy believed, no page of another origin. Never
//! opens a file.

use std::net::IpAddr;
use std::path::PathBuf;

use anyhow::{Result, bail};
use ipnet::IpNet;
use serde::Deserialize;
use url::{Host, Url};

use crate::finding::Finding;

/// How the API meets its callers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EdgeConfig {
    /// Names that it answers to, beside those of the machine itself; without port, in lower case.
    pub hosts: Vec<String>,
    /// Its certificate; without one, it speaks without TLS.
    pub tls: Option<TlsConfig>,
    /// Who is believed when it says whom it asks for.
    pub trusted_proxies: Vec<IpNet>,
    /// How these say it.
    pub trusted_header: ForwardHeader,
    /// Pages of these origins may read the answers.
    pub origins: Vec<String>,
}

impl EdgeConfig {
    /// Whether what callers bring is kept from others on its way: by TLS, or by a proxy that is trusted with it.
    pub fn is_protected(&self) -> bool {
        self.tls.is_some() || !self.trusted_proxies.is_empty()
    }

    /// Whether it is a proxy that is believed.
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.trusted_proxies.iter().any(|net| net.contains(&address))
    }
}

/// Certificate and key, as PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsConfig {
    /// The certificate, and those between it and its authority.
    pub cert_file: PathBuf,
    /// Its private key.
    pub key_file: PathBuf,
}

/// The header in which a proxy names whom it asks for. The others are not looked at: whatever a proxy does not write itself
/// may have been written by anybody.
#[derive(Deserialize, Debug, Clone, Copy, Default, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum ForwardHeader {
    /// `X-Forwarded-For: 10.1.2.3`.
    #[default]
    XForwardedFor,
    /// `Forwarded: for=10.1.2.3` (RFC 7239).
    Forwarded,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTls {
    cert_file: PathBuf,
    key_file: PathBuf,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawCors {
    origins: Vec<String>,
}

/// All of it, before it is looked at.
pub(super) struct RawEdge {
    pub(super) hosts: Vec<String>,
    pub(super) tls: Option<RawTls>,
    pub(super) trusted_proxies: Vec<String>,
    pub(super) trusted_header: ForwardHeader,
    pub(super) cors: RawCors,
}

impl RawEdge {
    /// `at` places a path below the home.
    pub(super) fn validate(self, at: &impl Fn(PathBuf) -> PathBuf) -> Result<EdgeConfig> {
        let tls = self
            .tls
            .map(|tls| TlsConfig { cert_file: at(tls.cert_file), key_file: at(tls.key_file) });
        Ok(EdgeConfig {
            hosts: self.hosts.iter().map(|host| self::host(host)).collect::<Result<_>>()?,
            tls,
            trusted_proxies: self
                .trusted_proxies
                .iter()
                .map(|net| network(net))
                .collect::<Result<_>>()?,
            trusted_header: self.trusted_header,
            origins: self.cors.origins.into_iter().map(origin).collect::<Result<_>>()?,
        })
    }
}

fn host(text: &str) -> Result<String> {
    match Host::parse(text) {
        Ok(host) => Ok(host.to_string()),
        Err(_) => {
            let what = format!("`hosts`: `{text}` is no host name");
            Err(Finding::error(what)
                .hint("write it without scheme and port, like search.example.org")
                .into())
        }
    }
}

fn network(text: &str) -> Result<IpNet> {
    let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    let Ok(network) = network else {
        let what = format!("`trusted_proxies`: `{text}` is no network");
        return Err(Finding::error(what).hint("write it like 10.0.0.0/8 or 10.1.2.3").into());
    };
    if network.prefix_len() == 0 {
        bail!("`trusted_proxies`: `{text}` is everybody");
    }
    Ok(network)
}

fn origin(text: String) -> Result<String> {
    let parsed = Url::parse(&text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    if parsed.is_some_and(|url| url.origin().ascii_serialization() == text) {
        return Ok(text);
    }
    let what = format!("`cors.origins`: `{text}` is no origin");
    Err(Finding::error(what).hint("write scheme, host and port, like https://admin.example.org; any origin cannot be allowed").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge() -> RawEdge {
        RawEdge {
            hosts: vec!["Search.Example.org".to_owned(), "10.1.2.3".to_owned()],
            tls: None,
            trusted_proxies: vec!["10.0.0.0/8".to_owned(), "::1".to_owned()],
            trusted_header: ForwardHeader::Forwarded,
            cors: RawCors { origins: vec!["https://admin.example.org:8443".to_owned()] },
        }
    }

    fn told(edge: RawEdge) -> String {
        edge.validate(&|path| path)
            .map_or_else(|error| error.to_string(), |edge| format!("{edge:?}"))
    }

    #[test]
    fn names_networks_and_origins_are_read() {
        insta::assert_snapshot!(told(edge()), @r#"EdgeConfig { hosts: ["search.example.org", "10.1.2.3"], tls: None, trusted_proxies: [10.0.0.0/8, ::1/128], trusted_header: Forwarded, origins: ["https://admin.example.org:8443"] }"#);
    }

    #[test]
    fn what_opens_more_than_it_says_is_refused() {
        let hosts = |host: &str| told(RawEdge { hosts: vec![host.to_owned()], ..edge() });
        insta::assert_snapshot!(hosts("search.example.org:443"), @"`hosts`: `search.example.org:443` is no host name");
        let proxies = |net: &str| told(RawEdge { trusted_proxies: vec![net.to_owned()], ..edge() });
        insta::assert_snapshot!(proxies("0.0.0.0/0"), @"`trusted_proxies`: `0.0.0.0/0` is everybody");
        insta::assert_snapshot!(proxies("proxy"), @"`trusted_proxies`: `proxy` is no network");
        for other in [
            "*",
            "null",
            "admin.example.org",
            "https://admin.example.org/",
            "https://*.example.org/a",
        ] {
            let cors = RawCors { origins: vec![other.to_owned()] };
            let said = told(RawEdge { cors, ..edge() });
            assert_eq!(said, format!("`cors.origins`: `{other}` is no origin"));
        }
    }
}
