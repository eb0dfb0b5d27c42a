//! What the configuration says of a server's address, checked before anything connects.

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::config::Secret;

/// The URL, when it is one of these schemes; no error shows it.
pub(super) fn url(secret: &Secret, schemes: &[&str]) -> Result<String> {
    let url = secret.reveal().context("`url`")?;
    let scheme = url.split_once("://").map(|(scheme, _)| scheme);
    match scheme {
        Some(scheme) if schemes.contains(&scheme) => Ok(url),
        _ => bail!("`url` must begin with {}://", schemes.join(":// or ")),
    }
}

/// The file can be read: a driver would say so much later, and not which file it was.
pub(super) fn readable(ca_file: &Path) -> Result<()> {
    std::fs::File::open(ca_file).with_context(|| format!("`ca_file` {}", ca_file.display()))?;
    Ok(())
}
