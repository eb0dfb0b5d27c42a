//! Writes the oracle's documents as a `_bulk` body, to learn how fast an engine takes them when
//! nobody has to build them.
//!
//! Each document is two lines: the action, with an external version, and the document without any
//! white space, its numbers digit by digit as the oracle has them.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::pin::pin;

use anyhow::{Context, Result};
use futures::TryStreamExt;
use serde_json::{Value, json};
use sqlx::postgres::PgConnection;

use super::oracle;

/// Writes every document to `path` and returns their number.
pub(crate) async fn write(oracle: &mut PgConnection, path: &Path) -> Result<u64> {
    let writing = || format!("writing `{}`", path.display());
    let mut file = BufWriter::new(File::create(path).with_context(writing)?);
    let mut rows = pin!(oracle::rows(oracle));
    let mut written = 0;
    while let Some((key, document)) = rows.try_next().await? {
        let action = json!({"index": {"_id": key, "version": 1, "version_type": "external"}});
        let document: Value = serde_json::from_str(&document)
            .with_context(|| format!("reading the oracle's document `{key}`"))?;
        writeln!(file, "{action}\n{document}").with_context(writing)?;
        written += 1;
    }
    file.flush().with_context(writing)?;
    Ok(written)
}
