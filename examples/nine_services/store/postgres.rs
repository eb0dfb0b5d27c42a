//! One schema per service on a Postgres server.
//!
//! A service is replaced in one transaction: a reader sees the old data or the new, whole. Rows go
//! in by COPY, so that the server itself reads every value by its column's type.

use anyhow::{Context, Result};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection};

use crate::store::{BATCH_ROWS, Filled, Kind};
use crate::table::{Service, Table, Value};
use crate::world::World;

/// A connection to a Postgres server.
pub(crate) struct Postgres(PgConnection);

impl Postgres {
    /// Connects. An error never shows the URL: it may hold a password.
    pub(crate) async fn connect(url: &str) -> Result<Self> {
        let options: PgConnectOptions = url.parse().ok().context("the Postgres URL is no URL")?;
        // "Nothing to drop" is no news.
        let options = options.options([("client_min_messages", "warning")]);
        let connection = options.connect().await.context("cannot connect to Postgres")?;
        Ok(Self(connection))
    }

    pub(super) async fn fill(
        &mut self,
        service: &Service,
        place: &str,
        world: &World,
    ) -> Result<Vec<Filled>> {
        let schema = Kind::Postgres.quote(place);
        self.run("BEGIN").await?;
        self.run(&format!("CREATE SCHEMA IF NOT EXISTS {schema}")).await?;
        let mut filled = Vec::new();
        for table in service.tables {
            let rows = self.table(place, table, world).await;
            filled.push((table.name, rows.with_context(|| format!("table `{}`", table.name))?));
        }
        self.run("COMMIT").await?;
        Ok(filled)
    }

    async fn table(&mut self, place: &str, table: &Table, world: &World) -> Result<u64> {
        let name = Kind::Postgres.table(place, table.name);
        self.run(&format!("DROP TABLE IF EXISTS {name}")).await?;
        for statement in Kind::Postgres.create(place, table) {
            self.run(&statement).await?;
        }
        let columns = Kind::Postgres.list(table.columns.iter().map(|column| column.name));
        let mut copy = self.0.copy_in_raw(&format!("COPY {name} ({columns}) FROM STDIN")).await?;
        for batch in table.batches(world, BATCH_ROWS) {
            copy.send(lines(batch).into_bytes()).await?;
        }
        let rows = copy.finish().await?;
        for statement in Kind::Postgres.indexes(place, table) {
            self.run(&statement).await?;
        }
        self.run(&format!("ANALYZE {name}")).await?;
        Ok(rows)
    }

    async fn run(&mut self, sql: &str) -> Result<()> {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut self.0).await?;
        Ok(())
    }
}

/// The rows in COPY's text format: tabs between values, `\N` for NULL.
fn lines(rows: Vec<Vec<Value>>) -> String {
    let mut lines = String::new();
    for row in rows {
        for (n, value) in row.into_iter().enumerate() {
            if n > 0 {
                lines.push('\t');
            }
            lines.push_str(&text(value));
        }
        lines.push('\n');
    }
    lines
}

fn text(value: Value) -> String {
    match value {
        Value::Null => r"\N".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::Bool(yes) => yes.to_string(),
        Value::Text(text) => escape(&text),
        Value::Instant(moment) => moment.zulu(),
        Value::Uuid(uuid) => uuid.to_string(),
        Value::Bytes(bytes) => {
            bytes.iter().fold(r"\\x".to_owned(), |hex, byte| format!("{hex}{byte:02x}"))
        }
    }
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\\' => escaped.push_str(r"\\"),
            '\t' => escaped.push_str(r"\t"),
            '\n' => escaped.push_str(r"\n"),
            '\r' => escaped.push_str(r"\r"),
            other => escaped.push(other),
        }
    }
    escaped
}
