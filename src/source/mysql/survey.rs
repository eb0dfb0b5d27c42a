//! What MySQL or MariaDB knows without reading a table.

use anyhow::Result;
use sqlx::Executor;
use sqlx::mysql::MySqlConnection;

use super::describe::{account, error_number, text};
use crate::source::connections::said;
use crate::source::horizon::Told;
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

/// Whatever the session's zone is.
const NOW: &str = "SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))";

/// Of one that was prepared and belongs to no connection any more, the beginning may be that of the server. In whole seconds, and in the zone of the server's machine
/// (<https://dev.mysql.com/doc/refman/8.4/en/information-schema-innodb-trx-table.html>).
const OLDEST: &str = "\
SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', CONVERT_TZ(MIN(TRX_STARTED), 'SYSTEM', '+00:00')),
    COALESCE(SUM(TRX_MYSQL_THREAD_ID = 0), 0) > 0
FROM information_schema.INNODB_TRX WHERE TRX_MYSQL_THREAD_ID <> CONNECTION_ID()";

/// A statement that waits for a table is in no transaction yet, and the time that its rows will bear is that of its beginning.
/// In whole seconds that have passed, cut.
const WAITING: &str = "\
SELECT CAST(MAX(TIME) AS SIGNED) FROM information_schema.PROCESSLIST WHERE STATE LIKE 'Waiting for%lock'";

/// The clock, then who waits, then the open transactions of `InnoDB`. One that has read no more than the clock is not among them, and without the
/// privilege `PROCESS` none is: these are left to the overlap, as [`unseen_transactions`] says.
pub(super) async fn moment(connection: &mut MySqlConnection) -> Result<Told> {
    let now: i64 = sqlx::query_scalar(NOW).fetch_one(&mut *connection).await.map_err(said)?;
    // First: one that has done waiting meanwhile is in a transaction by then.
    let waiting: Option<i64> =
        sqlx::query_scalar(WAITING).fetch_one(&mut *connection).await.map_err(said)?;
    let open = sqlx::query_as(OLDEST).fetch_one(connection).await;
    let (open, is_prepared): (Option<i64>, bool) = match open {
        Err(error) if error_number(&error) == Some(1227) => (None, false),
        open => open.map_err(said)?,
    };
    let begun = waiting.map(|seconds| now - (seconds + 1) * 1_000_000);
    let oldest = open.into_iter().chain(begun).min();
    Ok(Told { now, oldest, is_prepared })
}
