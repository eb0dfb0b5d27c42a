//! One database per service on a MariaDB server.
//!
//! The server commits whenever a table is made: a reader may meet a service half filled.

use anyhow::{Context, Result};
use sqlx::mysql::MySqlConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, MySqlConnection};

use crate::store::{BATCH_ROWS, Filled, Kind};
use crate::table::{Row, Service, Table, Value};
use crate::world::World;

/// A connection to a MariaDB server.
pub(crate) struct MariaDb(MySqlConnection);

impl MariaDb {
    /// Connects. An error never shows the URL: it may hold a password.
    pub(crate) async fn connect(url: &str) -> Result<Self> {
        let options: MySqlConnectOptions = url.parse().ok().context("the MariaDB URL is no URL")?;
        let connection = options.connect().await.context("cannot connect to MariaDB")?;
        Ok(Self(connection))
    }

    pub(super) async fn fill(
        &mut self,
        service: &Service,
        place: &str,
        world: &World,
    ) -> Result<Vec<Filled>> {
        let database = Kind::Mariadb.quote(place);
        self.run(&format!("CREATE DATABASE IF NOT EXISTS {database} CHARACTER SET utf8mb4"))
            .await?;
        let mut filled = Vec::new();
        for table in service.tables {
            let rows = self.table(place, table, world).await;
            filled.push((table.name, rows.with_context(|| format!("table `{}`", table.name))?));
        }
        Ok(filled)
    }

    async fn table(&mut self, place: &str, table: &Table, world: &World) -> Result<u64> {
        let name = Kind::Mariadb.table(place, table.name);
        self.run(&format!("DROP TABLE IF EXISTS {name}")).await?;
        for statement in Kind::Mariadb.create(place, table) {
            self.run(&statement).await?;
        }
        self.run("START TRANSACTION").await?;
        let mut rows = 0;
        for batch in table.batches(world, BATCH_ROWS) {
            rows += self.insert(place, table, batch).await?;
        }
        self.run("COMMIT").await?;
        for statement in Kind::Mariadb.indexes(place, table) {
            self.run(&statement).await?;
        }
        Ok(rows)
    }

    async fn insert(&mut self, place: &str, table: &Table, rows: Vec<Row>) -> Result<u64> {
        let mut query = sqlx::query(AssertSqlSafe(Kind::Mariadb.insert(place, table, rows.len())));
        for value in rows.into_iter().flatten() {
            query = match value {
                Value::Null => query.bind(None::<i64>),
                Value::Int(number) => query.bind(number),
                Value::Bool(yes) => query.bind(yes),
                Value::Text(text) => query.bind(text),
                // The session's zone is UTC: sqlx sees to that.
                Value::Instant(moment) => query.bind(moment.utc_millis()),
                Value::Uuid(uuid) => query.bind(uuid.hyphenated().to_string()),
                Value::Bytes(bytes) => query.bind(bytes),
            };
        }
        Ok(query.execute(&mut self.0).await?.rows_affected())
    }

    async fn run(&mut self, sql: &str) -> Result<()> {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut self.0).await?;
        Ok(())
    }
}
