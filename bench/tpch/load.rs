//! Fills PostgreSQL, MariaDB and SQLite with TPC-H tables, each server in the way it likes best.
//!
//! A load is one transaction wherever the server's DDL allows it; tables of the same names in the
//! schema are replaced and nothing else is touched. Rows stream from the generator to the server in
//! small pieces, so memory does not grow with the scale.

use std::path::Path;
use std::str::FromStr;

use anyhow::{Context, Result};
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Database, Encode, Executor, MySql, QueryBuilder,
    Sqlite, Type,
};

use super::tables::{Kind, Lines, Table};

const COPY_BYTES: usize = 1 << 20;
const INSERT_ROWS: usize = 500;

/// Loads `tables` into the schema of a PostgreSQL database, which is created when absent, and
/// returns the number of rows.
///
/// Foreign keys are declared between the tables that are there: tools that infer joins need them.
pub(crate) async fn postgres(url: &str, schema: &str, tables: &[Table], scale: f64) -> Result<u64> {
    let options = PgConnectOptions::from_str(url).context("reading the PostgreSQL URL")?;
    let mut connection = options.connect().await.context("connecting to PostgreSQL")?;
    let name = quoted(schema, '"');
    run(&mut connection, format!("create schema if not exists {name}")).await?;
    run(&mut connection, format!("set search_path to {name}")).await?;
    let mut transaction = connection.begin().await?;
    for table in tables {
        let drop = format!("drop table if exists {name}.{} cascade", table.name);
        run(&mut transaction, drop).await?;
    }
    let mut rows = 0;
    for table in tables {
        run(&mut transaction, create(table, Dialect::Postgres)).await?;
        rows += copy(&mut transaction, table.name, (table.rows)(scale))
            .await
            .with_context(|| format!("copying into `{}` in PostgreSQL", table.name))?;
        for statement in constraints(table, tables) {
            run(&mut transaction, statement).await?;
        }
    }
    transaction.commit().await.context("committing to PostgreSQL")?;
    run(&mut connection, "analyze".to_owned()).await?;
    connection.close().await?;
    Ok(rows)
}

/// Loads `tables` into a database of a MariaDB or MySQL server, which is created when absent, and
/// returns the number of rows.
pub(crate) async fn mariadb(
    url: &str,
    database: &str,
    tables: &[Table],
    scale: f64,
) -> Result<u64> {
    let options = MySqlConnectOptions::from_str(url).context("reading the MariaDB URL")?;
    let mut connection = options.connect().await.context("connecting to MariaDB")?;
    let name = quoted(database, '`');
    let create_database = format!("create database if not exists {name} character set utf8mb4");
    run_mariadb(&mut connection, create_database).await?;
    run_mariadb(&mut connection, format!("use {name}")).await?;
    let mut rows = 0;
    for table in tables {
        run_mariadb(&mut connection, format!("drop table if exists {}", table.name)).await?;
        run_mariadb(&mut connection, create(table, Dialect::MariaDb)).await?;
        let mut transaction = connection.begin().await?;
        for chunk in Chunks((table.rows)(scale)) {
            rows += insert::<MySql>(table, &chunk)
                .build()
                .execute(&mut *transaction)
                .await
                .with_context(|| format!("inserting into `{}` in MariaDB", table.name))?
                .rows_affected();
        }
        transaction.commit().await.context("committing to MariaDB")?;
        for statement in indexes(table) {
            run_mariadb(&mut connection, statement).await?;
        }
    }
    connection.close().await?;
    Ok(rows)
}

/// Loads `tables` into a SQLite file, which is created when absent, and returns the number of rows.
///
/// Amounts and dates are text there: SQLite has no exact decimals, and would round.
pub(crate) async fn sqlite(path: &Path, tables: &[Table], scale: f64) -> Result<u64> {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let opening = || format!("opening the SQLite file `{}`", path.display());
    let mut connection = options.connect().await.with_context(opening)?;
    let mut transaction = connection.begin().await?;
    let mut rows = 0;
    for table in tables {
        let drop = format!("drop table if exists {}", table.name);
        transaction.execute(AssertSqlSafe(drop)).await?;
        transaction.execute(AssertSqlSafe(create(table, Dialect::Sqlite))).await?;
        for chunk in Chunks((table.rows)(scale)) {
            rows += insert::<Sqlite>(table, &chunk)
                .build()
                .execute(&mut *transaction)
                .await
                .with_context(|| format!("inserting into `{}` in SQLite", table.name))?
                .rows_affected();
        }
        for statement in indexes(table) {
            transaction.execute(AssertSqlSafe(statement)).await?;
        }
    }
    transaction.commit().await.context("committing to SQLite")?;
    connection.close().await?;
    Ok(rows)
}

async fn copy(connection: &mut PgConnection, table: &str, lines: Lines) -> Result<u64> {
    let statement = format!("copy {table} from stdin with (delimiter '|')");
    let mut sink = connection.copy_in_raw(&statement).await?;
    let mut buffer = String::with_capacity(COPY_BYTES);
    for line in lines {
        buffer.push_str(&line);
        buffer.push('\n');
        if buffer.len() >= COPY_BYTES {
            sink.send(buffer.as_bytes()).await?;
            buffer.clear();
        }
    }
    sink.send(buffer.as_bytes()).await?;
    Ok(sink.finish().await?)
}

/// One insert of all the lines, every value bound as text: the server converts it to the column's
/// type without loss.
fn insert<DB: Database>(table: &Table, lines: &[String]) -> QueryBuilder<DB>
where
    for<'t> &'t str: Encode<'t, DB> + Type<DB>,
{
    let mut builder = QueryBuilder::new(format!("insert into {} ", table.name));
    builder.push_values(lines, |mut row, line| {
        for value in line.split('|') {
            row.push_bind(value);
        }
    });
    builder
}

/// The lines, some hundred at a time.
struct Chunks(Lines);

impl Iterator for Chunks {
    type Item = Vec<String>;

    fn next(&mut self) -> Option<Self::Item> {
        let chunk: Vec<String> = self.0.by_ref().take(INSERT_ROWS).collect();
        (!chunk.is_empty()).then_some(chunk)
    }
}

#[derive(Clone, Copy)]
enum Dialect {
    Postgres,
    MariaDb,
    Sqlite,
}

/// PostgreSQL gets its keys after the rows, where that is faster; the others want them first.
fn create(table: &Table, dialect: Dialect) -> String {
    let mut parts: Vec<String> = table
        .columns
        .iter()
        .map(|(name, kind)| format!("{name} {} not null", sql_type(*kind, dialect)))
        .collect();
    if !matches!(dialect, Dialect::Postgres) {
        parts.push(format!("primary key ({})", table.key.join(", ")));
    }
    format!("create table {} ({})", table.name, parts.join(", "))
}

fn sql_type(kind: Kind, dialect: Dialect) -> &'static str {
    match (kind, dialect) {
        (Kind::Integer, _) => "integer",
        (Kind::BigInteger, _) => "bigint",
        (Kind::Decimal, Dialect::Postgres) => "numeric(15,2)",
        (Kind::Decimal, Dialect::MariaDb) => "decimal(15,2)",
        (Kind::Date, Dialect::Postgres | Dialect::MariaDb) => "date",
        (Kind::Text, Dialect::MariaDb) => "varchar(200)",
        (Kind::Decimal | Kind::Date | Kind::Text, Dialect::Sqlite)
        | (Kind::Text, Dialect::Postgres) => "text",
    }
}

fn indexes(table: &Table) -> impl Iterator<Item = String> {
    let name = table.name;
    table.indexed().map(move |column| format!("create index {name}_{column} on {name} ({column})"))
}

fn constraints(table: &Table, loaded: &[Table]) -> Vec<String> {
    let name = table.name;
    let key = format!("alter table {name} add primary key ({})", table.key.join(", "));
    let here = |target: &str| loaded.iter().any(|other| other.name == target);
    let foreign =
        table.references.iter().filter(|(_, target)| here(target)).map(|(column, target)| {
            format!("alter table {name} add foreign key ({column}) references {target}")
        });
    std::iter::once(key).chain(indexes(table)).chain(foreign).collect()
}

fn quoted(name: &str, quote: char) -> String {
    format!("{quote}{}{quote}", name.replace(quote, &format!("{quote}{quote}")))
}

async fn run(connection: &mut PgConnection, sql: String) -> Result<()> {
    connection.execute(AssertSqlSafe(sql)).await.context("preparing the PostgreSQL tables")?;
    Ok(())
}

async fn run_mariadb(connection: &mut MySqlConnection, sql: String) -> Result<()> {
    connection.execute(AssertSqlSafe(sql)).await.context("preparing the MariaDB tables")?;
    Ok(())
}
