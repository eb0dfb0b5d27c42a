//! What PostgreSQL knows without reading a table.

use anyhow::{Context, Result};
use sqlx::postgres::PgConnection;

use crate::source::Read;
use crate::source::connections::said;
use crate::source::horizon::Told;
use crate::source::sql::{self, Dialect};

/// The planner's own estimate, which knows sizes, conditions and joins.
pub(super) async fn guess(connection: &mut PgConnection, read: &Read) -> Result<Option<u64>> {
    let text = format!("EXPLAIN {}", sql::survey::every_row(Dialect::Postgres, read));
    let line: String =
        sqlx::query_scalar(sql::sent(text)).fetch_one(connection).await.map_err(said)?;
    let rows = line.split("rows=").nth(1).and_then(|rest| rest.split(' ').next());
    let rows = rows.context("the plan does not tell its rows")?;
    Ok(Some(rows.parse().context("the plan's rows")?))
}

/// Whether others' transactions are hidden: without `pg_monitor` their start is NULL.
pub(super) async fn unseen_transactions(connection: &mut PgConnection) -> Result<Option<String>> {
    let grant = "SELECT CASE WHEN NOT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') \
                 THEN format('GRANT pg_monitor TO %I', current_user) END";
    sqlx::query_scalar(grant).fetch_one(connection).await.map_err(said)
}

/// `now()` is when the statement began, before it looked at the others. Of transactions of other roles the beginning is NULL
/// without `pg_monitor`: they are left to the overlap, as [`unseen_transactions`] says.
const MOMENT: &str = "\
SELECT (extract(epoch FROM now()) * 1000000)::int8,
    (SELECT (extract(epoch FROM min(xact_start)) * 1000000)::int8 FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()
        AND backend_type IS DISTINCT FROM 'autovacuum worker'),
    EXISTS (SELECT FROM pg_prepared_xacts WHERE database = current_database())";

/// The clock and the open transactions, of any kind but the server's own cleaning: what only reads now may write yet.
pub(super) async fn moment(connection: &mut PgConnection) -> Result<Told> {
    let told = sqlx::query_as(MOMENT).fetch_one(connection).await.map_err(said)?;
    let (now, oldest, is_prepared) = told;
    Ok(Told { now, oldest, is_prepared })
}
