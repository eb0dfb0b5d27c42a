//! What SQLite's schema says of a table, and what it makes of a query.

use anyhow::Result;
use sqlx::sqlite::SqliteConnection;
use sqlx::{Executor, Row};

use crate::row::{Collation, Column, TableInfo, Type};
use crate::source::connections::said;
use crate::source::sql::{self, Dialect};

/// Generated columns included, the hidden ones of virtual tables not.
const COLUMNS: &str = "\
SELECT name, type, \"notnull\", pk FROM pragma_table_xinfo(?1, ?2) WHERE hidden <> 1 ORDER BY cid";

const INDEXES: &str = "\
SELECT i.name, i.\"unique\" AND NOT i.partial, c.name
FROM pragma_index_list(?1, ?2) AS i JOIN pragma_index_info(i.name, ?2) AS c
WHERE NOT i.partial ORDER BY i.seq, c.seqno";

/// What is indexed beside columns stands only in the statement that made the index.
const EXPRESSIONS: &str = "\
SELECT s.sql FROM pragma_index_list(?1, ?2) AS i JOIN pragma_index_info(i.name, ?2) AS c ON c.seqno = 0 AND c.name IS NULL
JOIN sqlite_schema AS s ON s.type = 'index' AND s.name = i.name WHERE NOT i.partial";

const IS_VIEW: &str = "\
SELECT EXISTS (SELECT 1 FROM pragma_table_list WHERE name = ?1 AND schema = ?2 AND type <> 'table')";

/// A view of the connection's own, which shows a query's declared types and is gone with it.
const VIEW: &str = "prejoin_described_query";

pub(super) async fn table(
    connection: &mut SqliteConnection,
    table: &str,
) -> Result<Option<TableInfo>> {
    let (schema, name) = sql::split(table);
    let schema = schema.unwrap_or("main");
    let rows = sqlx::query(COLUMNS).bind(name).bind(schema);
    let rows = rows.fetch_all(&mut *connection).await.map_err(said)?;
    if rows.is_empty() {
        return Ok(None);
    }
    let mut info = TableInfo::default();
    let mut primary: Vec<(i64, String)> = Vec::new();
    for row in &rows {
        let (name, native): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        let (required, part): (bool, i64) = (row.try_get(2)?, row.try_get(3)?);
        if part > 0 {
            primary.push((part, name.clone()));
        }
        let ty = ty(&native);
        info.columns.push(Column::new(name, ty, native, !required));
    }
    primary.sort_unstable();
    info.primary_key = primary.into_iter().map(|(_, name)| name).collect();
    indexes(connection, (schema, name), &mut info).await?;
    row_number(&mut info);
    info.derived = sqlx::query_scalar(IS_VIEW)
        .bind(name)
        .bind(schema)
        .fetch_one(&mut *connection)
        .await
        .map_err(said)?;
    collations(connection, table, &mut info).await?;
    Ok(Some(info))
}

/// No pragma tells a column's collation, but a comparison follows it: in a union of none of the column's values with a
/// letter, the letter is compared as the column would be.
async fn collations(
    connection: &mut SqliteConnection,
    table: &str,
    info: &mut TableInfo,
) -> Result<()> {
    let table = Dialect::Sqlite.table(table);
    for column in info.columns.iter_mut().filter(|column| column.ty == Type::Text) {
        let name = Dialect::Sqlite.name(&column.name);
        let probe = format!(
            "SELECT EXISTS (SELECT 1 FROM (SELECT {name} AS c FROM {table} WHERE 0 UNION ALL SELECT 'A') AS s WHERE s.c = 'a')"
        );
        let folds = sqlx::query_scalar(sql::sent(probe)).fetch_one(&mut *connection).await;
        if folds.map_err(said)? {
            column.collation = Some(Collation { name: "NOCASE".to_owned(), folds: true });
        }
    }
    Ok(())
}

async fn indexes(
    connection: &mut SqliteConnection,
    (schema, table): (&str, &str),
    info: &mut TableInfo,
) -> Result<()> {
    let expressions = sqlx::query_scalar(EXPRESSIONS).bind(table).bind(schema);
    info.expressions = expressions.fetch_all(&mut *connection).await.map_err(said)?;
    let rows = sqlx::query(INDEXES).bind(table).bind(schema);
    let rows = rows.fetch_all(connection).await.map_err(said)?;
    let mut indexes: Vec<(String, bool, Vec<Option<String>>)> = Vec::new();
    for row in &rows {
        let (index, unique, column): (String, bool, Option<String>) =
            (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        match indexes.last_mut() {
            Some((last, _, columns)) if *last == index => columns.push(column),
            _ => indexes.push((index, unique, vec![column])),
        }
    }
    for (_, unique, columns) in indexes {
        // An expression has no name: what comes before it is indexed, and nothing is unique.
        let unique = unique && columns.iter().all(Option::is_some);
        let columns: Vec<String> = columns.into_iter().map_while(|column| column).collect();
        if unique {
            info.unique.push(columns.clone());
        }
        if !columns.is_empty() {
            info.indexes.push(columns);
        }
    }
    Ok(())
}

/// `INTEGER PRIMARY KEY` is the row's number: it has no index of its own and is never NULL.
fn row_number(info: &mut TableInfo) {
    let key = info.primary_key.clone();
    if key.is_empty() || info.unique.contains(&key) {
        return;
    }
    for column in info.columns.iter_mut().filter(|column| key.contains(&column.name)) {
        column.nullable = false;
    }
    info.indexes.push(key.clone());
    info.unique.push(key);
}

pub(super) async fn query(connection: &mut SqliteConnection, query: &str) -> Result<TableInfo> {
    let view = Dialect::Sqlite.name(VIEW);
    let drop = format!("DROP VIEW IF EXISTS temp.{view}");
    connection.execute(sql::sent(drop.clone())).await.map_err(said)?;
    let create = format!("CREATE TEMP VIEW {view} AS SELECT * FROM ({}\n)", sql::bare(query));
    connection.execute(sql::sent(create)).await.map_err(said)?;
    let rows = sqlx::query(COLUMNS).bind(VIEW).bind("temp").fetch_all(&mut *connection).await;
    connection.execute(sql::sent(drop)).await.map_err(said)?;
    let mut info = TableInfo { derived: true, ..TableInfo::default() };
    for row in &rows.map_err(said)? {
        let (name, native): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        info.columns.push(Column::new(name, ty(&native), native, true));
    }
    Ok(info)
}

/// The table of types, as `docs/types.md` shows it. By the name first, then by SQLite's own rules of affinity.
fn ty(native: &str) -> Type {
    let native = native.to_ascii_uppercase();
    let name = native.split('(').next().unwrap_or_default().trim();
    let has = |parts: &[&str]| parts.iter().any(|part| native.contains(part));
    match name {
        "BOOLEAN" | "BOOL" => Type::Bool,
        "JSON" => Type::Json,
        "DECIMAL" | "NUMERIC" => Type::Decimal,
        _ if has(&["INT"]) => Type::Integer,
        _ if has(&["CHAR", "CLOB", "TEXT"]) => Type::Text,
        _ if has(&["BLOB"]) => Type::Binary,
        _ if has(&["REAL", "FLOA", "DOUB"]) => Type::Float,
        _ => Type::Any,
    }
}
