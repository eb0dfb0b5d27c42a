//! What tables of deleted rows are called, and where a server finds them and those that they tell of. Pure.

use percent_encoding::percent_decode_str;
use sha2::{Digest, Sha256};
use url::Url;

use super::advice::quote;
use crate::config::Server;

/// Bytes that a name may have on every server, less a few.
const LONGEST: usize = 60;

/// The schema of tables that name none, as far as it is known. What a trigger of MySQL does not qualify is in the database of
/// its own table, whatever the client's is.
pub(super) fn home(server: &Server) -> Option<String> {
    match server {
        Server::Postgres(at) => at.schema.clone(),
        Server::Mysql(at) => at.schema.clone().or_else(|| {
            let url = Url::parse(&at.url.reveal().ok()?).ok()?;
            let name = percent_decode_str(url.path().trim_start_matches('/'));
            let name = name.decode_utf8().ok()?.into_owned();
            (!name.is_empty()).then_some(name)
        }),
        Server::Sqlite { .. } => None,
    }
}

/// Schema and name. In SQLite triggers name none but their own file's tables.
pub(super) fn parts<'n>(
    table: &'n str,
    home: Option<&'n str>,
    server: &Server,
) -> (Option<&'n str>, &'n str) {
    let (schema, name) = match table.split_once('.') {
        Some((schema, name)) => (Some(schema), name),
        None => (None, table),
    };
    match server {
        Server::Postgres(_) | Server::Mysql(_) => (schema.or(home), name),
        Server::Sqlite { .. } => (None, name),
    }
}

/// In its server's quotes.
pub(super) fn qualified(parts: (Option<&str>, &str), server: &Server) -> String {
    match parts {
        (Some(schema), name) => format!("{}.{}", quote(server, schema), quote(server, name)),
        (None, name) => quote(server, name),
    }
}

/// What the table of deleted rows is called where nobody has named it.
pub(super) fn named_after(table: &str) -> String {
    match table.split_once('.') {
        Some((schema, name)) => format!("{schema}.{}", fitting(name, "_gone")),
        None => fitting(table, "_gone"),
    }
}

/// A name with something behind it: cut where it would be too long, and told from others by what it was.
pub(super) fn fitting(name: &str, what: &str) -> String {
    if name.len() + what.len() <= LONGEST {
        return format!("{name}{what}");
    }
    let hash = Sha256::digest(name.as_bytes());
    let hash: String = hash.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let room = LONGEST.saturating_sub(what.len() + hash.len() + 1);
    let end = (0..=room).rev().find(|&end| name.is_char_boundary(end)).unwrap_or(0);
    format!("{}_{hash}{what}", name.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_cut_and_stay_apart() {
        let (one, two) = ("a".repeat(70), format!("{}b", "a".repeat(69)));
        let names = [&one, &two].map(|name| named_after(name));
        assert!(
            names[0] != names[1] && names.iter().all(|name| name.len() <= LONGEST),
            "{names:?}"
        );
        assert!(
            names[0].ends_with("_gone") && fitting(&"가".repeat(40), "_update").len() <= LONGEST
        );
        assert_eq!(named_after("audit.orders"), "audit.orders_gone");
    }
}
