//! What PostgreSQL's catalog says of a table, and what it makes of a query.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{Column as _, Executor, Row, Statement};

use crate::row::{Collation, Column, TableInfo, Type};
use crate::source::connections::said;
use crate::source::sql::{self, Dialect};
use crate::source::{Denied, From};

/// A domain stands for the type below it.
const TYPES: &str = "\
WITH RECURSIVE chain AS (
  SELECT oid AS declared, oid, typtype, typbasetype, typtypmod FROM pg_type WHERE oid = ANY($1::int8[]::oid[])
  UNION ALL
  SELECT c.declared, t.oid, t.typtype, t.typbasetype, CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE c.typtypmod END
  FROM chain c JOIN pg_type t ON t.oid = c.typbasetype WHERE c.typtype = 'd')
SELECT c.declared::int8, t.typname::text, t.typtype::text, t.typcategory::text,
  format_type(c.oid, c.typtypmod), c.declared = c.oid
FROM chain c JOIN pg_type t ON t.oid = c.oid WHERE c.typtype <> 'd'";

/// Whether a collation is deterministic is known since version 12: before, all are.
const COLUMNS: &str = "\
SELECT attname::text, NOT attnotnull, atttypid::int8, format_type(atttypid, atttypmod),
  has_column_privilege(attrelid, attnum, 'SELECT'), c.collname::text,
  COALESCE((to_jsonb(c) ->> 'collisdeterministic')::bool, true)
FROM pg_attribute a LEFT JOIN pg_collation c ON c.oid = a.attcollation
WHERE attrelid = $1::int8::oid AND attnum > 0 AND NOT attisdropped ORDER BY attnum";

/// What the account lacks, as the statements that would give it.
const RIGHTS: &str = "\
SELECT c.relkind IN ('v', 'f'),
  CASE WHEN NOT has_table_privilege(c.oid, 'SELECT')
    THEN format('GRANT SELECT ON %I.%I TO %I', n.nspname, c.relname, current_user) END,
  CASE WHEN row_security_active(c.oid) THEN format('ALTER ROLE %I BYPASSRLS', current_user) END
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1::int8::oid";

/// Expressions have no name and end what an index is good for; a partial index does not make its columns unique.
const INDEXES: &str = "\
SELECT i.indisprimary, i.indisunique AND i.indpred IS NULL AND bool_and(a.attname IS NOT NULL),
  array_agg(a.attname::text ORDER BY k.at),
  (array_agg(pg_get_indexdef(i.indexrelid, k.at::int, true) ORDER BY k.at) FILTER (WHERE a.attname IS NULL))[1]
FROM pg_index i
CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, at)
LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND k.attnum > 0
WHERE i.indrelid = $1::int8::oid AND i.indisvalid AND i.indpred IS NULL AND k.at <= i.indnkeyatts
GROUP BY i.indexrelid, i.indisprimary, i.indisunique, i.indpred ORDER BY i.indexrelid";

pub(super) async fn table(connection: &mut PgConnection, table: &str) -> Result<Option<TableInfo>> {
    let found =
        sqlx::query("SELECT to_regclass($1)::oid::int8").bind(Dialect::Postgres.table(table));
    let found = match found.fetch_one(&mut *connection).await {
        Err(error) if is_denied(&error) => return Err(shut_out(connection, table).await?.into()),
        found => found.map_err(said)?,
    };
    let found: Option<i64> = found.try_get(0)?;
    let Some(oid) = found else { return Ok(None) };
    let rights = sqlx::query(RIGHTS).bind(oid).fetch_one(&mut *connection).await.map_err(said)?;
    let (derived, grant, unhide) = (rights.try_get(0)?, rights.try_get(1)?, rights.try_get(2)?);
    let columns = columns(connection, oid).await?;
    let mut info = TableInfo { columns, derived, grant, unhide, ..TableInfo::default() };
    let rows = sqlx::query(INDEXES).bind(oid).fetch_all(&mut *connection).await.map_err(said)?;
    for row in &rows {
        index(row, &mut info)?;
    }
    Ok(Some(info))
}

/// The columns, each with what is known of it beyond its type.
async fn columns(connection: &mut PgConnection, table: i64) -> Result<Vec<Column>> {
    let rows = sqlx::query(COLUMNS).bind(table).fetch_all(&mut *connection).await.map_err(said)?;
    let mut named = Vec::new();
    for row in &rows {
        let (name, nullable, oid, native) =
            (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?);
        named.push(Named { name, nullable, oid, native });
    }
    let mut columns = typed(connection, named).await?;
    for (row, column) in rows.iter().zip(&mut columns) {
        column.readable = row.try_get(4)?;
        let (collation, exact): (Option<String>, bool) = (row.try_get(5)?, row.try_get(6)?);
        let citext = (column.native == "citext").then(|| "citext".to_owned());
        let folds = !exact || citext.is_some();
        column.collation = citext.or(collation).map(|name| Collation { name, folds });
    }
    Ok(columns)
}

/// Whether the account may not do that.
fn is_denied(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| code == "42501")
}

/// The account may not even look into the table's schema.
async fn shut_out(connection: &mut PgConnection, table: &str) -> Result<Denied> {
    let schema = sql::split(table).0.unwrap_or("public");
    let grant = "SELECT format('GRANT USAGE ON SCHEMA %I TO %I', $1::text, current_user)";
    let grant = sqlx::query_scalar(grant).bind(schema).fetch_one(connection).await;
    let what = format!("the account may not use schema `{schema}`");
    Ok(Denied { what, grant: grant.map_err(said)? })
}

fn index(row: &PgRow, info: &mut TableInfo) -> Result<()> {
    let (primary, unique): (bool, bool) = (row.try_get(0)?, row.try_get(1)?);
    let columns: Vec<Option<String>> = row.try_get(2)?;
    info.expressions.extend(row.try_get::<Option<String>, _>(3)?);
    let columns: Vec<String> = columns.into_iter().map_while(|column| column).collect();
    if columns.is_empty() {
        return Ok(());
    }
    if primary {
        info.primary_key.clone_from(&columns);
    }
    if unique {
        info.unique.push(columns.clone());
    }
    info.indexes.push(columns);
    Ok(())
}

pub(super) async fn query(connection: &mut PgConnection, query: &str) -> Result<TableInfo> {
    let from = sql::source(Dialect::Postgres, &From::Query(query.to_owned()));
    let text = format!("SELECT * FROM {from} AS t");
    let prepared = (&mut *connection).prepare(sql::sent(text.clone())).await.map_err(said)?;
    let columns = prepared.columns().iter().map(|column| {
        let oid = column.type_info().oid().map_or(0, |oid| i64::from(oid.0));
        let (name, native) = (column.name().to_owned(), String::new());
        // Whether it may hold NULL is known to nobody.
        Named { name, nullable: true, oid, native }
    });
    let columns = typed(connection, columns.collect()).await?;
    // Preparing asks for no rights; planning does.
    if let Err(error) =
        sqlx::query(sql::sent(format!("EXPLAIN {text}"))).execute(&mut *connection).await
        && is_denied(&error)
    {
        let message = said(error).to_string();
        let what = format!("the account may not run the query: {message}");
        // "permission denied for table secrets"
        let table = message.rsplit(' ').next().unwrap_or_default();
        let grant = "SELECT format('GRANT SELECT ON %I TO %I', $1::text, current_user)";
        let grant = sqlx::query_scalar(grant).bind(table).fetch_one(connection).await;
        return Err(Denied { what, grant: grant.map_err(said)? }.into());
    }
    Ok(TableInfo { columns, derived: true, ..TableInfo::default() })
}

struct Named {
    name: String,
    nullable: bool,
    /// Of its type.
    oid: i64,
    /// Empty when only the type is known.
    native: String,
}

async fn typed(connection: &mut PgConnection, columns: Vec<Named>) -> Result<Vec<Column>> {
    let oids: Vec<i64> = columns.iter().map(|column| column.oid).collect();
    let rows = sqlx::query(TYPES).bind(oids).fetch_all(connection).await.map_err(said)?;
    let mut types = BTreeMap::new();
    for row in &rows {
        let declared: i64 = row.try_get(0)?;
        let (name, kind, category): (String, String, String) =
            (row.try_get(1)?, row.try_get(2)?, row.try_get(3)?);
        let (native, plain): (String, bool) = (row.try_get(4)?, row.try_get(5)?);
        types.insert(declared, (ty(&name, &kind, &category), native, plain));
    }
    columns
        .into_iter()
        .map(|column| {
            let Named { name, nullable, oid, native } = column;
            let (ty, base, plain) =
                types.get(&oid).with_context(|| format!("column `{name}` has an unknown type"))?;
            let native = if *plain && !native.is_empty() { native } else { base.clone() };
            Ok(Column::new(name, *ty, native, nullable))
        })
        .collect()
}

/// The table of types, as `docs/types.md` shows it.
fn ty(name: &str, kind: &str, category: &str) -> Type {
    match (name, kind, category) {
        (_, "e", _) => Type::Enum,
        (_, _, "A") => Type::Array,
        ("bool", ..) => Type::Bool,
        ("int2" | "int4" | "int8" | "oid", ..) => Type::Integer,
        ("numeric", ..) => Type::Decimal,
        ("float4" | "float8", ..) => Type::Float,
        ("text" | "varchar" | "name" | "citext", ..) => Type::Text,
        ("bpchar", ..) => Type::Char,
        ("uuid", ..) => Type::Uuid,
        ("bytea", ..) => Type::Binary,
        ("date", ..) => Type::Date,
        ("time", ..) => Type::Time,
        ("timestamp", ..) => Type::Timestamp,
        ("timestamptz", ..) => Type::Timestamptz,
        ("json" | "jsonb", ..) => Type::Json,
        _ => Type::Other,
    }
}
