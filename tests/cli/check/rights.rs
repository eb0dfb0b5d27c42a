//! What the account may not read, and the statement that lets it.

use super::{found, hint, home, lines, report};
use crate::support::account::Account;
use crate::support::place::Place;

const GRANTS: &[&str] = &["missing_grant", "hidden_rows"];

const ROOT: &str = "source: db\ntable: things\nchanged_at: changed\nfields: [id, name]";

#[tokio::test]
async fn postgres_is_read_once_every_grant_was_run() {
    let (account, place) = (Account::postgres().await, Place::postgres().await);
    place
        .run(
            "CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT, changed TIMESTAMPTZ, secret TEXT);
             ALTER TABLE things ENABLE ROW LEVEL SECURITY",
        )
        .await;
    let qualified = ROOT.replace("things", &format!("{}.things", place.schema()));
    let home = home(&[("db", &account.at(&place))], &qualified);
    let told = |report: &serde_json::Value| {
        lines(&found(report, GRANTS))
            .replace(place.schema(), "SCHEMA")
            .replace(&account.name, "ACCOUNT")
    };
    let mut all = Vec::new();
    for _ in 0..4 {
        let report = report(&home);
        let findings = found(&report, GRANTS);
        let Some(finding) = findings.first() else { break };
        all.push(told(&report));
        let statement = finding["hint"].as_str().unwrap();
        let statement = statement.rsplit("a load needs all rows: ").next().unwrap();
        account.admin(statement).await;
    }
    insta::assert_snapshot!(all.join("\n\n"), @"
    error 5: source `db`: the account may not use schema `SCHEMA` | GRANT USAGE ON SCHEMA SCHEMA TO ACCOUNT

    error 5: row level security hides rows of table `SCHEMA.things` of source `db` from the account | a load needs all rows: ALTER ROLE ACCOUNT BYPASSRLS
    error 5: the account may not read table `SCHEMA.things` of source `db` | GRANT SELECT ON SCHEMA.things TO ACCOUNT

    error 5: the account may not read table `SCHEMA.things` of source `db` | GRANT SELECT ON SCHEMA.things TO ACCOUNT
    ");
    assert_eq!(told(&report(&home)), "");
}

#[tokio::test]
async fn columns_that_may_not_be_read_are_named_and_others_do_not_matter() {
    let (account, place) = (Account::postgres().await, Place::postgres().await);
    place.run("CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT, changed TIMESTAMPTZ, secret TEXT)").await;
    let (schema, name) = (place.schema(), &account.name);
    place
        .run(&format!(
            "GRANT USAGE ON SCHEMA {schema} TO {name}; GRANT SELECT (id, name) ON things TO {name}"
        ))
        .await;
    let home = home(&[("db", &account.at(&place))], ROOT);
    let told =
        lines(&found(&report(&home), GRANTS)).replace(schema, "SCHEMA").replace(name, "ACCOUNT");
    insta::assert_snapshot!(told, @"error 5: the account may not read `changed` of table `things` of source `db` | GRANT SELECT ON SCHEMA.things TO ACCOUNT");
    place.run(&format!("GRANT SELECT (changed) ON things TO {name}")).await;
    assert_eq!(lines(&found(&report(&home), GRANTS)), "");
}

#[tokio::test]
async fn a_query_that_may_not_be_run_is_told_with_its_grant() {
    let query = "source: db\nquery: SELECT id, name FROM things\nkey: id\nfields: [id]";
    let (account, place) = (Account::postgres().await, Place::postgres().await);
    place.run("CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT)").await;
    place.run(&format!("GRANT USAGE ON SCHEMA {} TO {}", place.schema(), account.name)).await;
    let on_postgres = home(&[("db", &account.at(&place))], query);
    let told = hint(&found(&report(&on_postgres), GRANTS));
    assert_eq!(told, format!("GRANT SELECT ON things TO {}", account.name));
    place.run(&told).await;
    assert_eq!(lines(&found(&report(&on_postgres), GRANTS)), "");

    let (account, place) = (Account::mariadb().await, Place::mariadb().await);
    place.run("CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE others (id INTEGER)").await;
    account
        .admin(&format!("GRANT SELECT ON {}.others TO '{}'@'%'", place.schema(), account.name))
        .await;
    let on_mariadb = home(&[("db", &account.at(&place))], query);
    account.admin(&hint(&found(&report(&on_mariadb), GRANTS))).await;
    assert_eq!(lines(&found(&report(&on_mariadb), GRANTS)), "");
}

#[tokio::test]
async fn mariadb_is_read_once_every_grant_was_run() {
    let (account, place) = (Account::mariadb().await, Place::mariadb().await);
    place
        .run(
            "CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT, changed TIMESTAMP);
             CREATE TABLE others (id INTEGER)",
        )
        .await;
    let (schema, name) = (place.schema(), &account.name);
    account.admin(&format!("GRANT SELECT ON {schema}.others TO '{name}'@'%'")).await;
    let home = home(&[("db", &account.at(&place))], ROOT);
    let told =
        || lines(&found(&report(&home), GRANTS)).replace(schema, "SCHEMA").replace(name, "ACCOUNT");
    let nothing = told();
    account.admin(&format!("GRANT SELECT (id, name) ON {schema}.things TO '{name}'@'%'")).await;
    insta::assert_snapshot!([nothing, told()].join("\n"), @"
    error 5: source `db`: table `things` is not there, or the account may not read it | GRANT SELECT ON `SCHEMA`.`things` TO 'ACCOUNT'@'%'
    error 6: table `things` of source `db` has no column `changed`, or the account may not read it | GRANT SELECT ON `SCHEMA`.`things` TO 'ACCOUNT'@'%'
    ");
    account.admin(&hint(&found(&report(&home), GRANTS))).await;
    assert_eq!(told(), "");
}

#[tokio::test]
async fn transactions_that_the_account_does_not_see_are_warned_of() {
    for mariadb in [false, true] {
        let (account, place) = match mariadb {
            true => (Account::mariadb().await, Place::mariadb().await),
            false => (Account::postgres().await, Place::postgres().await),
        };
        let instant = if mariadb { "TIMESTAMP" } else { "TIMESTAMPTZ" };
        place
            .run(&format!(
                "CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT, changed {instant})"
            ))
            .await;
        let (schema, name) = (place.schema(), &account.name);
        match mariadb {
            true => account.admin(&format!("GRANT SELECT ON {schema}.* TO '{name}'@'%'")).await,
            false => {
                place
                    .run(&format!(
                        "GRANT USAGE ON SCHEMA {schema} TO {name}; GRANT SELECT ON things TO {name}"
                    ))
                    .await;
            }
        }
        let home = home(&[("db", &account.at(&place))], ROOT);
        let unseen = found(&report(&home), &["unseen_transactions"]);
        assert_eq!(unseen[0]["level"], "warning");
        let statement = hint(&unseen);
        account.admin(statement.split(';').next().unwrap()).await;
        assert_eq!(lines(&found(&report(&home), &["unseen_transactions"])), "");
    }
}
