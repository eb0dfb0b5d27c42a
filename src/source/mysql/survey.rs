//! What MySQL or MariaDB knows without reading a table.

use anyhow::Result;
use sqlx::Executor;
use sqlx::mysql::MySqlConnection;

use super::describe::{account, error_number, text};
use crate::source::connections::said;
use crate::source::{From, Read, sql};

/// An integer whatever the server counts in, and a NULL for views.
const ROWS: &str = "\
SELECT CAST(TABLE_ROWS AS CHAR) FROM information_schema.TABLES
WHERE TABLE_SCHEMA = COALESCE(?, DATABASE()) AND TABLE_NAME = ?";

/// The storage engine's own figure, conditions left out.
pub(super) async fn guess(connection: &mut MySqlConnection, read: &Read) -> Result<Option<u64>> {
    let (From::Table(table), None) = (&read.from, &read.link) else { return Ok(None) };
    let (schema, name) = sql::split(table);
    let row = sqlx::query(ROWS).bind(schema).bind(name).fetch_optional(connection).await;
    let rows = row.map_err(said)?.map(|row| text(&row, 0)).transpose()?.flatten();
    Ok(rows.and_then(|rows| rows.parse().ok()))
}

/// Whether others' transactions are hidden.
pub(super) async fn unseen_transactions(
    connection: &mut MySqlConnection,
) -> Result<Option<String>> {
    let seen = connection.execute("SELECT COUNT(*) FROM information_schema.INNODB_TRX").await;
    match seen {
        // The account lacks the privilege PROCESS.
        Err(error) if error_number(&error) == Some(1227) => {
            let user = sqlx::query("SELECT CURRENT_USER()").fetch_one(connection).await;
            let user = text(&user.map_err(said)?, 0)?.unwrap_or_default();
            Ok(Some(format!("GRANT PROCESS ON *.* TO {}", account(&user))))
        }
        seen => seen.map(|_| None).map_err(said),
    }
}
