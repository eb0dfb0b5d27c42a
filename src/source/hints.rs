//! What to do when a server cannot be reached, refuses or goes away.
//!
//! Promises: a hint only where the server's answer has one meaning. Never holds anything that the server said.

use std::io;

use sqlx::error::DatabaseError;
use sqlx::mysql::MySqlDatabaseError;

const UNREACHED: &str = "is the server running, and does `url` name its host and port?";
const GONE: &str =
    "was the server stopped or restarted? its log may tell; run it again when it is back";
const CERTIFICATE: &str = "`ca_file` has to hold the authority that signed the server's certificate, and that has to be for the host in `url`";
const NO_TLS: &str = "`ca_file` asks for TLS: turn it on at the server, or leave `ca_file` out where the network can be trusted";
const CREDENTIALS: &str = "check the user in `url`, and its password there or in `password`";
const DATABASE: &str = "does `url` name the right database?";
const RIGHTS: &str = "grant the account SELECT on all that the job names";
const SLOW: &str = "raise `statement_timeout`, or index the columns that are read by";
const CROWDED: &str = "lower `max_connections`, or have the server take more";
const NO_SQLITE: &str = "does `path` name the right file?";
const DAMAGED: &str = "the file is damaged: `PRAGMA integrity_check` tells more; restore it";

/// What to do about an error, where that is known.
pub(super) fn hint(error: &sqlx::Error) -> Option<&'static str> {
    match error {
        sqlx::Error::Io(error) if hung_up(error) => Some(GONE),
        sqlx::Error::Io(error) if error.to_string().contains("certificate") => Some(CERTIFICATE),
        sqlx::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => None,
        sqlx::Error::Io(_) => Some(UNREACHED),
        sqlx::Error::Tls(_) => Some(NO_TLS),
        sqlx::Error::PoolTimedOut => Some("raise `connect_timeout`"),
        sqlx::Error::Database(error) => refused(&**error),
        _ => None,
    }
}

/// Whether the other side ended a connection that was there.
pub(super) fn hung_up(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}

fn refused(error: &dyn DatabaseError) -> Option<&'static str> {
    if let Some(error) = error.try_downcast_ref::<MySqlDatabaseError>() {
        return Some(match error.number() {
            1044 | 1049 => DATABASE,
            1045 => CREDENTIALS,
            1142 | 1143 => RIGHTS,
            1040 | 1203 | 1226 => CROWDED,
            1053 | 1927 => GONE,
            1969 | 3024 => SLOW,
            _ => return None,
        });
    }
    Some(match &*error.code()? {
        "28P01" | "28000" => CREDENTIALS,
        "3D000" => DATABASE,
        "42501" => RIGHTS,
        "53300" => CROWDED,
        "57014" => SLOW,
        "57P01" | "57P02" | "57P03" => GONE,
        // SQLite's own numbers.
        "11" => DAMAGED,
        "14" | "26" => NO_SQLITE,
        _ => return None,
    })
}
