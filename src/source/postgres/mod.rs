//! PostgreSQL.
//!
//! Promises: read-only sessions in UTC with a statement timeout, in which rows hidden by a policy are an error; keys bound as
//! arrays; a page's cursor is the last row's key, byte for byte as the server sent it. Never asks for text where the binary
//! form is known.

mod decode;
mod describe;
mod numeric;
mod survey;

use anyhow::{Context, Result, anyhow};
use async_trait::async_trait;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::{
    PgArgumentBuffer, PgArguments, PgConnectOptions, PgConnection, PgRow, PgSslMode, PgTypeInfo,
};
use sqlx::{Arguments, Encode, Executor, SqlStr};
use url::Url;

use super::connections::{Connections, nothing_more};
use super::database::{Database, Server, Values};
use super::horizon::Told;
use super::keys::{Form, KeyTable, Lookup, Value};
use super::sql::Dialect;
use super::{From, Read, address};
use crate::config::{Address, SourceConfig};
use crate::row::TableInfo;

pub(super) struct Postgres {
    connections: Connections<sqlx::Postgres>,
}

/// One part of a row's key.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Raw {
    ty: PgTypeInfo,
    bytes: Option<Vec<u8>>,
}

/// What the driver takes from a URL.
const PARAMETERS: [&str; 18] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
    "statement-cache-capacity",
];

pub(super) fn open(config: &SourceConfig, address: &Address) -> Result<Database<Postgres>> {
    let url = address::url(&address.url, &["postgres", "postgresql"], &PARAMETERS)?;
    let mut options: PgConnectOptions =
        url.parse().map_err(|_| anyhow!("`url` is not one of PostgreSQL"))?;
    if !names_ssl_mode(&url) {
        // Or `PGSSLMODE` of the surroundings would decide.
        options = options.ssl_mode(PgSslMode::Prefer);
    }
    if let Some(password) = &address.password {
        options = options.password(&password.reveal().context("`password`")?);
    }
    if let Some(ca) = &address.ca_file {
        address::authority(ca)?;
        options = options.ssl_mode(PgSslMode::VerifyFull).ssl_root_cert(ca);
    }
    let timeout = config.statement_timeout.as_millis().to_string();
    let options = options.application_name("prejoin").options([
        ("default_transaction_read_only", "on"),
        ("statement_timeout", timeout.as_str()),
        ("row_security", "off"),
        // What code within the database has to say would be logged, and may quote rows.
        ("client_min_messages", "error"),
    ]);
    let options = match &address.schema {
        Some(schema) => options.options([("search_path", Dialect::Postgres.name(schema))]),
        None => options,
    };
    let place = format!("postgres at {}:{}", options.get_host(), options.get_port());
    let connections = Connections::new(config, options, place, nothing_more);
    Ok(Database::new(Postgres { connections }, config))
}

/// Whether the URL itself says how to use TLS.
fn names_ssl_mode(url: &str) -> bool {
    let named =
        |url: Url| url.query_pairs().any(|(key, _)| matches!(&*key, "sslmode" | "ssl-mode"));
    Url::parse(url).is_ok_and(named)
}

#[async_trait]
impl Server for Postgres {
    type Db = sqlx::Postgres;
    type Decoder = decode::Decoder;
    const DIALECT: Dialect = Dialect::Postgres;

    fn connections(&self) -> &Connections<sqlx::Postgres> {
        &self.connections
    }

    async fn describe(connection: &mut PgConnection, from: &From) -> Result<Option<TableInfo>> {
        match from {
            From::Table(table) => describe::table(connection, table).await,
            From::Query(query) => describe::query(connection, query).await.map(Some),
        }
    }

    async fn guess(connection: &mut PgConnection, read: &Read) -> Result<Option<u64>> {
        survey::guess(connection, read).await
    }

    async fn unseen_transactions(connection: &mut PgConnection) -> Result<Option<String>> {
        survey::unseen_transactions(connection).await
    }

    async fn moment(connection: &mut PgConnection) -> Result<Told> {
        survey::moment(connection).await
    }

    fn arguments(&self, values: Values<'_, Raw>) -> Result<PgArguments> {
        let mut arguments = PgArguments::default();
        match values {
            Values::None => {}
            Values::Slice(slice, places) => {
                for raw in slice.values(places) {
                    bound(arguments.add(raw))?;
                }
            }
            Values::Keys(keys, lookups) => {
                for (at, lookup) in lookups.iter().enumerate() {
                    array(&mut arguments, keys, at, lookup)?;
                }
            }
        }
        Ok(arguments)
    }

    fn prepare<'c>(
        connection: &'c mut PgConnection,
        text: SqlStr,
    ) -> BoxFuture<'c, sqlx::Result<()>> {
        Box::pin(async move { connection.prepare(text).await.map(drop) })
    }

    fn send<'c>(
        connection: &'c mut PgConnection,
        text: SqlStr,
        arguments: PgArguments,
    ) -> BoxStream<'c, sqlx::Result<PgRow>> {
        sqlx::query_with(text, arguments).fetch(connection)
    }
}

/// Binds one column of the keys.
fn array(arguments: &mut PgArguments, keys: &KeyTable, at: usize, lookup: &Lookup) -> Result<()> {
    let column = keys.values.iter().skip(at).step_by(keys.width.max(1));
    match lookup.form {
        Form::Integer => {
            let values = column.filter_map(|value| match value {
                Value::Integer(value) => Some(*value),
                _ => None,
            });
            bound(arguments.add(values.collect::<Vec<i64>>()))
        }
        Form::Real | Form::Single => {
            let values = column.filter_map(|value| match value {
                Value::Real(value) => Some(*value),
                _ => None,
            });
            bound(arguments.add(values.collect::<Vec<f64>>()))
        }
        Form::Bytes | Form::UuidBytes => {
            let values = column.filter_map(|value| match value {
                Value::Bytes(value) => Some(value.as_slice()),
                _ => None,
            });
            bound(arguments.add(values.collect::<Vec<&[u8]>>()))
        }
        _ => {
            let values = column.filter_map(|value| match value {
                Value::Text(value) => Some(value.as_str()),
                _ => None,
            });
            bound(arguments.add(values.collect::<Vec<&str>>()))
        }
    }
}

fn bound(added: Result<(), BoxDynError>) -> Result<()> {
    added.map_err(|error| anyhow!("binding a value: {error}"))
}

/// As text, which the statement casts to the column's own type; bytes as they are.
impl std::convert::From<Value> for Raw {
    fn from(value: Value) -> Self {
        let text = match value {
            Value::Bytes(bytes) => {
                let ty = <Vec<u8> as sqlx::Type<sqlx::Postgres>>::type_info();
                return Self { ty, bytes: Some(bytes) };
            }
            Value::Integer(value) => value.to_string(),
            Value::Unsigned(value) => value.to_string(),
            Value::Real(value) => value.to_string(),
            Value::Text(text) => text,
        };
        let ty = <str as sqlx::Type<sqlx::Postgres>>::type_info();
        Self { ty, bytes: Some(text.into_bytes()) }
    }
}

impl sqlx::Type<sqlx::Postgres> for Raw {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_name("text")
    }
}

impl Encode<'_, sqlx::Postgres> for Raw {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        match &self.bytes {
            Some(bytes) => {
                buffer.extend_from_slice(bytes);
                Ok(IsNull::No)
            }
            None => Ok(IsNull::Yes),
        }
    }

    fn produces(&self) -> Option<PgTypeInfo> {
        Some(self.ty.clone())
    }
}
