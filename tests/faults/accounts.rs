//! An account that may not read what the job names.

use sqlx::{AssertSqlSafe, Connection};

use super::{Scene, reached_at, source, url};
use crate::support::own::{removed, unique};
use crate::support::place::Place;
use crate::support::services;

on_both_servers!(an_account_without_rights);

/// An account of a test's own, which may read nothing that the job names; gone with the value.
struct Account {
    name: String,
    on_postgres: bool,
}

const PASSWORD: &str = "of-somebody-else";

impl Account {
    async fn on(place: &Place) -> Self {
        let (name, on_postgres) = (unique("account").replace('-', "_"), place.is_postgres());
        let schema = place.schema();
        let statements = match on_postgres {
            true => [
                format!("CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'"),
                format!("GRANT USAGE ON SCHEMA {schema} TO {name}"),
                format!("CREATE TABLE {schema}.others (id INTEGER)"),
            ],
            // It sees the database: there is a table in it that it may read.
            false => [
                format!("CREATE USER {name} IDENTIFIED BY '{PASSWORD}'"),
                format!("CREATE TABLE {schema}.others (id INTEGER)"),
                format!("GRANT SELECT ON {schema}.others TO {name}"),
            ],
        };
        let account = Self { name, on_postgres };
        for statement in statements {
            place.run(&statement).await;
        }
        account
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        let name = &self.name;
        removed(name, async || {
            let statements = format!("DROP OWNED BY {name}; DROP ROLE {name}");
            if self.on_postgres {
                let mut admin = sqlx::PgConnection::connect(&services::postgres()).await?;
                sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut admin).await?;
            } else {
                let mut admin = sqlx::MySqlConnection::connect(&services::mariadb()).await?;
                let statement = AssertSqlSafe(format!("DROP USER {name}"));
                sqlx::raw_sql(statement).execute(&mut admin).await?;
            }
            Ok(())
        });
    }
}

async fn an_account_without_rights(place: Place) {
    let account = Account::on(&place).await;
    let mut without = url(&place);
    without.set_username(&account.name).unwrap();
    without.set_password(Some(PASSWORD)).unwrap();
    let schema = place.schema().to_owned();
    let (right, without) = (source(&place), reached_at(&place, &without));
    let scene = Scene::of(place, &right)
        .await
        .hiding(&account.name, "ACCOUNT")
        .hiding(&schema, "SCHEMA")
        .reading(&without);
    let told = scene.told(&scene.run().await);
    if scene.place.is_postgres() {
        insta::assert_snapshot!(told, @"
        exit 2
        error: HOME/jobs/things.yaml:3:29: the account may not read table `things` of source `shop`

        hint: GRANT SELECT ON SCHEMA.things TO ACCOUNT
        ");
    } else {
        insta::assert_snapshot!(told, @"
        exit 2
        error: HOME/jobs/things.yaml:3:29: source `shop`: table `things` is not there, or the account may not read it

        hint: GRANT SELECT ON `SCHEMA`.`things` TO 'ACCOUNT'@'%'
        ");
    }
    scene.reading(&right).is_unharmed().await;
}
