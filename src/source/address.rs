//! What the configuration says of a server's address, checked before anything connects.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::config::Secret;
use crate::finding::Finding;

/// The URL, when it is one of these schemes; no error shows it.
pub(super) fn url(secret: &Secret, schemes: &[&str]) -> Result<String> {
    let url = secret.reveal().context("`url`")?;
    let scheme = url.split_once("://").map(|(scheme, _)| scheme);
    match scheme {
        Some(scheme) if schemes.contains(&scheme) => Ok(url),
        _ => bail!("`url` must begin with {}://", schemes.join(":// or ")),
    }
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
