//! Values that must not be seen. Never implements `Display`; `Debug` prints stars.

use std::fmt;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::Deserialize;

/// A password, key or URL with credentials: given in place, or by the name of a variable or file that holds it.
#[derive(Clone, Deserialize)]
#[serde(from = "Given")]
pub struct Secret(Given);

#[derive(Clone, Deserialize)]
#[serde(untagged, expecting = "a string, {env: NAME} or {file: PATH}")]
enum Given {
    Plain(String),
    Env { env: String },
    File { file: PathBuf },
}

impl From<Given> for Secret {
    fn from(given: Given) -> Self {
        Self(given)
    }
}

impl Secret {
    /// A secret whose value is at hand.
    pub fn plain(value: impl Into<String>) -> Self {
        Self(Given::Plain(value.into()))
    }

    /// The value itself; a file's trailing line break is not part of it.
    ///
    /// # Errors
    /// When the variable is not set or the file cannot be read; the error names it and never its content.
    pub fn reveal(&self) -> Result<String> {
        match &self.0 {
            Given::Plain(value) => Ok(value.clone()),
            Given::Env { env } => {
                std::env::var(env).with_context(|| format!("environment variable `{env}`"))
            }
            Given::File { file } => std::fs::read_to_string(file)
                .map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
                .with_context(|| format!("secret's file {}", file.display())),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
