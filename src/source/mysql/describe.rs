//! What MySQL's or MariaDB's information schema says of a table, and what the server makes of a query.

use anyhow::Result;
use sqlx::error::DatabaseError;
use sqlx::mysql::{MySqlConnection, MySqlDatabaseError, MySqlRow};
use sqlx::{Column as _, ColumnOrigin, Executor, Row, Statement, TypeInfo};

use crate::row::{Collation, Column, TableInfo, Type};
use crate::source::Denied;
use crate::source::connections::said;
use crate::source::sql::{self, Dialect};

const COLUMNS: &str = "\
SELECT COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, IS_NULLABLE = 'YES', COLLATION_NAME
FROM information_schema.COLUMNS
WHERE TABLE_SCHEMA = COALESCE(?, DATABASE()) AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION";

/// MariaDB keeps JSON as text with a check.
const CHECKS: &str = "\
SELECT CONVERT(CHECK_CLAUSE USING utf8mb4) FROM information_schema.CHECK_CONSTRAINTS
WHERE CONSTRAINT_SCHEMA = COALESCE(?, DATABASE()) AND TABLE_NAME = ? AND CHECK_CLAUSE LIKE 'json_valid(%'";

const KIND: &str = "\
SELECT TABLE_TYPE = 'VIEW' FROM information_schema.TABLES
WHERE TABLE_SCHEMA = COALESCE(?, DATABASE()) AND TABLE_NAME = ?";

const INDEXES: &str = "\
SELECT INDEX_NAME, NON_UNIQUE = 0, COLUMN_NAME FROM information_schema.STATISTICS
WHERE TABLE_SCHEMA = COALESCE(?, DATABASE()) AND TABLE_NAME = ? ORDER BY INDEX_NAME, SEQ_IN_INDEX";

pub(super) async fn table(
    connection: &mut MySqlConnection,
    table: &str,
) -> Result<Option<TableInfo>> {
    let name = sql::split(table);
    let columns = columns(connection, name).await?;
    // Tables and columns that the account may not read are not in the information schema.
    let grant = grant(connection, table).await?;
    if columns.is_empty() {
        let what = format!("table `{table}` is not there, or the account may not read it");
        return grant.map_or(Ok(None), |grant| Err(Denied { what, grant }.into()));
    }
    let kind = sqlx::query(KIND).bind(name.0).bind(name.1);
    let kind = kind.fetch_optional(&mut *connection).await.map_err(said)?;
    let derived = kind.map(|row| row.try_get(0)).transpose()?.unwrap_or_default();
    let mut info = TableInfo { columns, grant, derived, ..TableInfo::default() };
    let rows = sqlx::query(INDEXES).bind(name.0).bind(name.1);
    let rows = rows.fetch_all(&mut *connection).await.map_err(said)?;
    let mut indexes: Vec<(String, bool, Vec<Option<String>>)> = Vec::new();
    for row in &rows {
        let (index, unique, column): (String, bool, Option<String>) =
            (text(row, 0)?.unwrap_or_default(), row.try_get(1)?, text(row, 2)?);
        match indexes.last_mut() {
            Some((last, _, columns)) if *last == index => columns.push(column),
            _ => indexes.push((index, unique, vec![column])),
        }
    }
    for (index, unique, columns) in indexes {
        // An expression has no name: what comes before it is indexed, and nothing is unique.
        let unique = unique && columns.iter().all(Option::is_some);
        let columns: Vec<String> = columns.into_iter().map_while(|column| column).collect();
        if columns.is_empty() {
            continue;
        }
        if index == "PRIMARY" {
            info.primary_key.clone_from(&columns);
        }
        if unique {
            info.unique.push(columns.clone());
        }
        info.indexes.push(columns);
    }
    Ok(Some(info))
}

/// The statement that lets the account read the table, if that is what it lacks.
async fn grant(connection: &mut MySqlConnection, table: &str) -> Result<Option<String>> {
    let all = sql::sent(format!("SELECT * FROM {}", Dialect::Mysql.table(table)));
    let Err(error) = (&mut *connection).prepare(all).await else { return Ok(None) };
    // Neither the table nor the column; what else is wrong shows where it is read.
    if !matches!(error_number(&error), Some(1142 | 1143)) {
        return Ok(None);
    }
    granting(connection, sql::split(table)).await.map(Some)
}

async fn granting(
    connection: &mut MySqlConnection,
    (database, table): (Option<&str>, &str),
) -> Result<String> {
    let user = "SELECT CURRENT_USER(), DATABASE()";
    let row = sqlx::query(user).fetch_one(connection).await.map_err(said)?;
    let (user, current) = (text(&row, 0)?.unwrap_or_default(), text(&row, 1)?.unwrap_or_default());
    let database = Dialect::Mysql.name(database.unwrap_or(&current));
    let table = Dialect::Mysql.name(table);
    Ok(format!("GRANT SELECT ON {database}.{table} TO {}", account(&user)))
}

/// The server's own number of what went wrong.
pub(super) fn error_number(error: &sqlx::Error) -> Option<u16> {
    Some(error.as_database_error()?.try_downcast_ref::<MySqlDatabaseError>()?.number())
}

/// `user@host` as a statement names it.
pub(super) fn account(user: &str) -> String {
    let (name, host) = user.rsplit_once('@').unwrap_or((user, "%"));
    let quoted = |part: &str| format!("'{}'", part.replace('\'', "''"));
    format!("{}@{}", quoted(name), quoted(host))
}

async fn columns(
    connection: &mut MySqlConnection,
    (schema, table): (Option<&str>, &str),
) -> Result<Vec<Column>> {
    let rows = sqlx::query(COLUMNS).bind(schema).bind(table);
    let rows = rows.fetch_all(&mut *connection).await.map_err(said)?;
    let long = rows.iter().any(|row| matches!(text(row, 1), Ok(Some(ty)) if ty == "longtext"));
    // MySQL's own table of checks has no table's name, and no need of one.
    let checks = match long && is_mariadb(connection).await? {
        true => sqlx::query(CHECKS)
            .bind(schema)
            .bind(table)
            .fetch_all(connection)
            .await
            .map_err(said)?,
        false => Vec::new(),
    };
    let checks: Vec<String> =
        checks.iter().filter_map(|row| text(row, 0).transpose()).collect::<Result<_>>()?;
    rows.iter()
        .map(|row| {
            let name = text(row, 0)?.unwrap_or_default();
            let kind = text(row, 1)?.unwrap_or_default().to_ascii_lowercase();
            let native = text(row, 2)?.unwrap_or_default();
            let nullable: bool = row.try_get(3)?;
            let is_json = checks.contains(&format!("json_valid({})", Dialect::Mysql.name(&name)));
            let ty = if is_json { Type::Json } else { ty(&kind, &native) };
            let collation = text(row, 4)?
                .filter(|_| matches!(ty, Type::Text | Type::Char | Type::Enum))
                .map(|name| Collation { folds: name.ends_with("_ci"), name });
            let native = match &collation {
                Some(collation) => format!("{native} collate {}", collation.name),
                None => native,
            };
            Ok(Column { collation, ..Column::new(name, ty, native, nullable) })
        })
        .collect()
}

async fn is_mariadb(connection: &mut MySqlConnection) -> Result<bool> {
    let version = sqlx::query_as("SELECT VERSION()").fetch_one(connection).await;
    let (version,): (String,) = version.map_err(said)?;
    Ok(version.contains("MariaDB"))
}

/// A column of the information schema, whose types differ from server to server.
pub(super) fn text(row: &MySqlRow, at: usize) -> Result<Option<String>> {
    let bytes: Option<&[u8]> = row.try_get_unchecked(at)?;
    Ok(bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned()))
}

pub(super) async fn query(connection: &mut MySqlConnection, query: &str) -> Result<TableInfo> {
    // Bare, not in parentheses, behind which the tables would be out of sight.
    let text = sql::sent(sql::bare(query).to_owned());
    let prepared = match (&mut *connection).prepare(text).await {
        Err(error) if matches!(error_number(&error), Some(1142 | 1143)) => {
            return Err(denied(connection, &error).await?.into());
        }
        prepared => prepared.map_err(said)?,
    };
    let mut described = Vec::new();
    for column in prepared.columns() {
        let name = column.name().to_owned();
        // The table that a column comes from knows more than the protocol tells.
        if let ColumnOrigin::Table(origin) = column.origin() {
            let known = columns(connection, sql::split(&origin.table)).await?;
            if let Some(known) = known.into_iter().find(|known| *known.name == *origin.name) {
                described.push(Column { name, nullable: true, ..known });
                continue;
            }
        }
        let sent = column.type_info();
        let native = native(sent.name());
        let ty = match ty(&sent.name().to_ascii_lowercase(), &native) {
            // Text that is compared byte by byte goes by the name of bytes, but not by their collation.
            Type::Binary if <str as sqlx::Type<sqlx::MySql>>::compatible(sent) => Type::Text,
            ty => ty,
        };
        described.push(Column::new(name, ty, native, true));
    }
    Ok(TableInfo { columns: described, derived: true, ..TableInfo::default() })
}

/// What a query may not read. The message names the table last: `db`.`t`, or 't' alone.
async fn denied(connection: &mut MySqlConnection, error: &sqlx::Error) -> Result<Denied> {
    let message = error.as_database_error().map(DatabaseError::message).unwrap_or_default();
    let named = message.rsplit(' ').next().unwrap_or_default().replace(['`', '\''], "");
    let grant = granting(connection, sql::split(&named)).await?;
    Ok(Denied { what: format!("the account may not run the query: {message}"), grant })
}

/// The protocol's name of a type as the information schema would write it.
fn native(sent: &str) -> String {
    match sent {
        "BOOLEAN" => "tinyint(1)".to_owned(),
        "BIT" => "bit(64)".to_owned(),
        other => other.to_ascii_lowercase(),
    }
}

/// The table of types, as `docs/types.md` shows it.
fn ty(kind: &str, native: &str) -> Type {
    match kind.trim_end_matches(" unsigned") {
        "boolean" => Type::Bool,
        "tinyint" if native.starts_with("tinyint(1)") => Type::Bool,
        "bit" if native == "bit(1)" => Type::Bool,
        "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "year" | "bit" => Type::Integer,
        "decimal" => Type::Decimal,
        "float" | "double" => Type::Float,
        "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" => Type::Text,
        "char" => Type::Char,
        "enum" | "set" => Type::Enum,
        "uuid" => Type::Uuid,
        "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => Type::Binary,
        "date" => Type::Date,
        "time" => Type::Time,
        "datetime" => Type::Timestamp,
        "timestamp" => Type::Timestamptz,
        "json" => Type::Json,
        _ => Type::Other,
    }
}
