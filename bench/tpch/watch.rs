//! Tables whose rows tell when they changed, made of those that are there.
//!
//! One transaction; tables of the same names in the schema are replaced and nothing else is touched.

use std::str::FromStr;

use anyhow::{Context, Result};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};

use super::tables::{ALL, Table};

/// Copies all tables of `from` into `schema`, each with `updated_at` and an index of it, for all rows long ago.
pub(crate) async fn watch(url: &str, from: &str, schema: &str) -> Result<()> {
    let options = PgConnectOptions::from_str(url).context("reading the PostgreSQL URL")?;
    let mut connection = options.connect().await.context("connecting to PostgreSQL")?;
    let mut transaction = connection.begin().await?;
    run(&mut transaction, format!("create schema if not exists {}", quoted(schema))).await?;
    for table in ALL {
        for statement in copied(table, &quoted(from), &quoted(schema)) {
            run(&mut transaction, statement).await?;
        }
    }
    transaction.commit().await.context("committing to PostgreSQL")?;
    run(&mut connection, "analyze".to_owned()).await?;
    connection.close().await?;
    Ok(())
}

fn copied(table: &Table, from: &str, schema: &str) -> Vec<String> {
    let name = table.name;
    let index = |column: &str| format!("create index on {schema}.{name} ({column})");
    let mut statements = vec![
        format!("drop table if exists {schema}.{name} cascade"),
        format!(
            "create table {schema}.{name} as select *, timestamptz '2001-01-01 00:00:00Z' as updated_at from {from}.{name}"
        ),
        format!("alter table {schema}.{name} add primary key ({})", table.key.join(", ")),
        index("updated_at"),
    ];
    statements.extend(table.indexed().map(index));
    statements
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

async fn run(connection: &mut PgConnection, sql: String) -> Result<()> {
    connection.execute(AssertSqlSafe(sql)).await.context("making the watched tables")?;
    Ok(())
}
