//! What PostgreSQL knows without reading a table.

use anyhow::{Context, Result};
use sqlx::postgres::PgConnection;

use crate::source::Read;
use crate::source::connections::said;
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
