//! What is said of rows that cannot be read, or told apart, and of a server that says nothing.
//!
//! Promises: columns by name, rows by their key. Never a value that is none of a key.

use std::time::Duration;

use anyhow::{Result, anyhow};

use super::ReadColumn;
use crate::finding::Finding;
use crate::row::{Kind, Match, Page, key_of};

/// That the last row has a key: without one it can be neither named nor read on from.
///
/// # Errors
/// When a part of the key is undecodable.
pub(super) fn key_is_decoded(columns: &[ReadColumn], page: &Page, key: &[usize]) -> Result<()> {
    let Some(last) = page.len().checked_sub(1) else { return Ok(()) };
    if page.row(last).undecodable().is_none() {
        return Ok(());
    }
    let lost = key.iter().find(|&&column| page.cell(last, column).kind == Kind::Undecodable);
    let Some(column) = lost.and_then(|&column| columns.get(column)) else { return Ok(()) };
    let mut before = String::new();
    let place = match last.checked_sub(1) {
        Some(row) if key_of(page.row(row), key, Match::Exact, &mut before) => {
            format!("the row behind `{before}`")
        }
        _ => "a row".to_owned(),
    };
    Err(anyhow!(
        "{place}: column `{}`, a part of the key, is not UTF-8\n\nhint: correct it in the database, or leave the row out with `where`",
        column.name
    ))
}

/// The row that is being decoded, by as much of its key as was decoded already.
pub(super) fn row_name(page: &Page, key: &[usize]) -> String {
    let mut name = String::new();
    match key_of(page.row(page.len()), key, Match::Exact, &mut name) && !key.is_empty() {
        true => format!("row `{name}`"),
        false => "a row".to_owned(),
    }
}

/// Two rows of one key.
pub(super) fn shared_key(columns: &[ReadColumn], key: &[usize]) -> anyhow::Error {
    let names: Vec<&str> =
        key.iter().filter_map(|&at| Some(columns.get(at)?.name.as_str())).collect();
    anyhow!(
        "several rows have the same key ({}), or keys that the server holds equal\n\nhint: name columns in `key` that are unique together",
        names.join(", ")
    )
}

/// Neither an answer nor an end of the connection.
pub(super) fn silent(deadline: Duration) -> anyhow::Error {
    let silent = Finding::error(format!("no end within {deadline:?}"));
    silent.hint("is the server, or the network to it, stuck?").into()
}
