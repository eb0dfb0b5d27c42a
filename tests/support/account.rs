//! Accounts of a test's own on the database servers.

use prejoin::config::{Secret, Server, SourceConfig};
use sqlx::Connection;
use url::Url;

use super::own::{removed, unique};
use super::place::Place;
use super::services;

/// An account that may nothing; gone with the value. Made before the place, it goes after it.
pub(crate) struct Account {
    pub(crate) name: String,
    url: Url,
}

impl Account {
    pub(crate) async fn postgres() -> Self {
        let account = Self::on(&services::postgres());
        account
            .admin(&format!("CREATE ROLE {} LOGIN PASSWORD 'not-to-be-seen'", account.name))
            .await;
        account
    }

    pub(crate) async fn mariadb() -> Self {
        let account = Self::on(&services::mariadb());
        account
            .admin(&format!("CREATE USER '{}'@'%' IDENTIFIED BY 'not-to-be-seen'", account.name))
            .await;
        account
    }

    fn on(server: &str) -> Self {
        // MariaDB's names are short.
        let name = unique("account").replace('-', "_")[..28].to_owned();
        Self { name, url: Url::parse(server).unwrap() }
    }

    /// The place, seen by this account.
    pub(crate) fn at(&self, place: &Place) -> SourceConfig {
        let mut config = place.config();
        if let Server::Postgres(address) | Server::Mysql(address) = &mut config.server {
            let mut url = Url::parse(&address.url.reveal().unwrap()).unwrap();
            url.set_username(&self.name).unwrap();
            url.set_password(Some("not-to-be-seen")).unwrap();
            address.url = Secret::plain(url.as_str());
        }
        config
    }

    /// Lets it read all tables of the place.
    pub(crate) async fn may_read(&self, place: &Place) {
        let (name, schema) = (&self.name, place.schema());
        let grant = match place.is_postgres() {
            true => format!(
                "GRANT USAGE ON SCHEMA {schema} TO {name}; GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {name}"
            ),
            false => format!("GRANT SELECT ON {schema}.* TO '{name}'@'%'"),
        };
        self.admin(&grant).await;
    }

    /// Runs a statement as this account.
    pub(crate) async fn run_at(&self, place: &Place, sql: &str) {
        let mut url = Url::parse(&place.address()).unwrap();
        url.set_username(&self.name).unwrap();
        url.set_password(Some("not-to-be-seen")).unwrap();
        run(url.as_str(), sql).await.unwrap_or_else(|error| panic!("{error}: {sql}"));
    }

    /// Runs a statement as someone who may do anything.
    pub(crate) async fn admin(&self, sql: &str) {
        run(self.url.as_str(), sql).await.unwrap_or_else(|error| panic!("{error}: {sql}"));
    }
}

/// Connections of the account, as its server counts them.
pub(crate) struct Connections(Counted);

enum Counted {
    Postgres(sqlx::PgConnection, String),
    Mariadb(sqlx::MySqlConnection, String),
}

impl Connections {
    pub(crate) async fn of(account: &Account) -> Self {
        let (name, url) = (account.name.clone(), account.url.as_str());
        Self(match url.starts_with("postgres") {
            true => Counted::Postgres(sqlx::PgConnection::connect(url).await.unwrap(), name),
            false => Counted::Mariadb(sqlx::MySqlConnection::connect(url).await.unwrap(), name),
        })
    }

    /// How many there are now.
    pub(crate) async fn count(&mut self) -> i64 {
        let counted = match &mut self.0 {
            Counted::Postgres(admin, name) => {
                let count = "SELECT count(*) FROM pg_stat_activity WHERE usename = $1";
                sqlx::query_scalar(count).bind(&*name).fetch_one(admin).await
            }
            Counted::Mariadb(admin, name) => {
                let count = "SELECT count(*) FROM information_schema.processlist WHERE user = ?";
                sqlx::query_scalar(count).bind(&*name).fetch_one(admin).await
            }
        };
        counted.unwrap()
    }
}

async fn run(url: &str, sql: &str) -> anyhow::Result<()> {
    let sql = sqlx::AssertSqlSafe(sql.to_owned());
    if url.starts_with("postgres") {
        let mut admin = sqlx::PgConnection::connect(url).await?;
        sqlx::raw_sql(sql).execute(&mut admin).await?;
    } else {
        let mut admin = sqlx::MySqlConnection::connect(url).await?;
        sqlx::raw_sql(sql).execute(&mut admin).await?;
    }
    Ok(())
}

impl Drop for Account {
    fn drop(&mut self) {
        let (name, url) = (&self.name, self.url.as_str());
        removed(name, async || match url.starts_with("postgres") {
            true => run(url, &format!("DROP OWNED BY {name}; DROP ROLE {name}")).await,
            false => run(url, &format!("DROP USER '{name}'@'%'")).await,
        });
    }
}
