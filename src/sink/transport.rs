//! The way to the engine: URL, credentials and certificate as its client library wants them.
//!
//! Promises: whatever is wrong with them is told before anything is sent, and without them. Never follows `HTTP_PROXY`.

use anyhow::{Context, Result};
use elasticsearch::auth::Credentials;
use elasticsearch::cert::{Certificate, CertificateValidation};
use elasticsearch::http::Url;
use elasticsearch::http::headers::{AUTHORIZATION, HeaderValue};
use elasticsearch::http::transport::{SingleNodeConnectionPool, Transport, TransportBuilder};
use percent_encoding::percent_decode_str;

use crate::config::EngineConfig;
use crate::finding::Finding;

/// The library's transport, and the address to show.
pub(super) fn transport(config: &EngineConfig) -> Result<(Transport, String)> {
    let text = config.url.reveal().context("engine.url")?;
    // The parser's error may not quote the URL, which may hold a password.
    let parsed = Url::parse(&text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let mut url = parsed.ok_or_else(|| {
        finding("`engine.url` is not a URL", Some("write it like http://127.0.0.1:9200"))
    })?;
    if config.ca_file.is_some() && url.scheme() != "https" {
        return Err(finding(
            "`engine.ca_file` is given, but `engine.url` is not https",
            Some("write https://"),
        )
        .into());
    }
    let credentials = basic(config, &url)?;
    // Without them in the URL, or each request would carry two headers; neither fails on http URLs.
    let stripped = url.set_username("").and_then(|()| url.set_password(None));
    stripped.map_err(|()| finding("`engine.url` is not a URL", None))?;
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    url.set_query(None);
    let address = url.as_str().trim_end_matches('/').to_owned();

    let mut builder = TransportBuilder::new(SingleNodeConnectionPool::new(url)).disable_proxy();
    if let Some(credentials) = credentials {
        builder = builder.auth(credentials);
    }
    if let Some(key) = &config.api_key {
        let key = key.reveal().context("engine.api_key")?;
        let mut header = HeaderValue::try_from(format!("ApiKey {key}"))
            .map_err(|_| finding("`engine.api_key` holds characters that no key has", None))?;
        header.set_sensitive(true);
        builder = builder.header(AUTHORIZATION, header);
    }
    if let Some(file) = &config.ca_file {
        let pem =
            std::fs::read(file).with_context(|| format!("engine.ca_file {}", file.display()))?;
        let authority = Certificate::from_pem(&pem)
            .with_context(|| format!("engine.ca_file {}: no PEM certificate", file.display()))?;
        builder = builder.cert_validation(CertificateValidation::Full(authority));
    }
    Ok((builder.build().context("engine")?, address))
}

/// User and password of the configuration, else those of the URL.
fn basic(config: &EngineConfig, url: &Url) -> Result<Option<Credentials>> {
    if let (Some(user), Some(password)) = (&config.username, &config.password) {
        let password = password.reveal().context("engine.password")?;
        return Ok(Some(Credentials::Basic(user.clone(), password)));
    }
    let decode = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
    let given = !url.username().is_empty() && config.api_key.is_none();
    Ok(given.then(|| {
        Credentials::Basic(decode(url.username()), decode(url.password().unwrap_or_default()))
    }))
}

/// A complaint, with what to do where that is known.
pub(super) fn finding(what: impl Into<String>, hint: Option<&str>) -> Finding {
    let finding = Finding::error(what);
    match hint {
        Some(hint) => finding.hint(hint),
        None => finding,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::Secret;

    /// The way to the engine at that URL.
    pub(in crate::sink) fn config(url: &str) -> EngineConfig {
        EngineConfig {
            url: Secret::plain(url),
            api_key: None,
            username: None,
            password: None,
            ca_file: None,
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(5),
            retry_for: Duration::from_secs(5),
            state_prefix: "prejoin".to_owned(),
            lease_ttl: Duration::from_secs(30),
        }
    }

    #[test]
    fn addresses_hold_no_credentials() {
        let (_, address) = transport(&config("http://u:hunter2@host:9200/es?x=1")).unwrap();
        assert_eq!(address, "http://host:9200/es");
        let said = transport(&config("hunter2")).unwrap_err().to_string();
        assert_eq!(said, "`engine.url` is not a URL");
    }

    #[test]
    fn credentials_in_the_url_are_decoded() {
        let url = Url::parse("http://user:p%40ss@host").unwrap();
        let found = basic(&config("http://ignored"), &url).unwrap();
        assert!(
            matches!(found, Some(Credentials::Basic(user, word)) if user == "user" && word == "p@ss")
        );
    }
}
