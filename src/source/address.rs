//! What the configuration says of a server's address, checked before anything connects.

use std::path::Path;

use anyhow::{Context, Result, bail};

use url::Url;

use crate::config::Secret;
use crate::finding::Finding;

/// The URL, when it is one of these schemes and has no parameters but these; no error shows it.
pub(super) fn url(secret: &Secret, schemes: &[&str], parameters: &[&str]) -> Result<String> {
    let url = secret.reveal().context("`url`")?;
    let scheme = url.split_once("://").map(|(scheme, _)| scheme);
    if !scheme.is_some_and(|scheme| schemes.contains(&scheme)) {
        bail!("`url` must begin with {}://", schemes.join(":// or "));
    }
    // The driver would pass over it, and log what it was set to.
    let unknown = |name: &str| !parameters.contains(&name.split('[').next().unwrap_or_default());
    let parsed = Url::parse(&url).ok();
    let mut names = parsed.iter().flat_map(Url::query_pairs).map(|(name, _)| name);
    if let Some(name) = names.find(|name| unknown(name)) {
        let finding = Finding::error(format!("`url` has an unknown parameter `{name}`"));
        bail!(finding.hint(format!("known here are {}", parameters.join(", "))));
    }
    Ok(url)
}

/// The file holds a certificate: a driver would say much later that there is none, or trust nobody, and not say which file
/// it was.
pub(super) fn authority(ca_file: &Path) -> Result<()> {
    let named = || format!("`ca_file` {}", ca_file.display());
    let text = std::fs::read(ca_file).with_context(named)?;
    let begins = b"-----BEGIN CERTIFICATE-----";
    if !text.windows(begins.len()).any(|part| part == begins) {
        let finding = Finding::error(format!("{}: no PEM certificate", named()));
        bail!(finding.hint("it has to hold the certificate of the authority, as text (PEM)"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_driver_would_pass_over_is_refused_and_its_value_not_shown() {
        let asked = |text: &str| url(&Secret::plain(text), &["postgres"], &["sslmode", "options"]);
        assert!(asked("postgres://u@h/d?sslmode=require&options[a]=b").is_ok());
        assert!(asked("postgres://u@h/d").is_ok());
        let said = format!("{:#}", asked("postgres://u@h/d?passwrd=S3cret").unwrap_err());
        assert_eq!(said, "`url` has an unknown parameter `passwrd`");
    }
}
