//! `prejoin api-key`: a new API key, and what the configuration knows of it.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::failure::Failure;
use super::{Shared, render};
use crate::access::keys;

#[derive(Debug, Args)]
pub(super) struct Arguments {}

#[expect(clippy::unnecessary_wraps, reason = "as the other commands")]
pub(super) fn run(shared: &Shared, _: &Arguments) -> Result<ExitCode, Failure> {
    let key = keys::draw();
    let sha256 = keys::hash(&key);
    if shared.json {
        render::json(&json!({"key": key, "sha256": sha256}));
    } else {
        render::data(&format!("{key}\n{sha256}"));
        render::line(
            "the key is for its holder, and is shown this once; its hash is for `api.auth.keys`",
        );
    }
    Ok(ExitCode::SUCCESS)
}
