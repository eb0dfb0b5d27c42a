//! `--tombstone-sql`: what it prints is run as it is, and fills the tables that it makes.

use super::{found, home, home_on, lines, report};
use crate::support::account::Account;
use crate::support::home::Home;
use crate::support::place::Place;
use prejoin::config::{Secret, Server};

/// One test for each server.
macro_rules! on_each {
    ($($case:ident),+ $(,)?) => {
        mod postgres { $(#[tokio::test] async fn $case() { super::$case(crate::support::place::Place::postgres().await).await; })+ }
        mod mariadb { $(#[tokio::test] async fn $case() { super::$case(crate::support::place::Place::mariadb().await).await; })+ }
        mod sqlite { $(#[tokio::test] async fn $case() { super::$case(crate::support::place::Place::sqlite().await).await; })+ }
    };
}

on_each!(
    keys_that_go_are_written_down,
    links_are_written_down_whichever_end_changes,
    a_table_that_is_missing_is_told_until_it_is_made,
);

/// The SQL for a home's jobs.
fn printed(home: &Home) -> String {
    let ran = home.run(&["check", "--tombstone-sql"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.is_empty(), "{}", ran.stderr);
    ran.stdout
}

/// A column as text.
fn text(place: &Place, column: &str) -> String {
    let ty = if place.is_mariadb() { "CHAR" } else { "TEXT" };
    format!("CAST({} AS {ty})", place.quoted(column))
}

/// What a table of deleted rows tells, in order.
async fn told(place: &Place, table: &str, columns: &[&str]) -> Vec<String> {
    let columns: Vec<String> = columns.iter().map(|column| text(place, column)).collect();
    let (columns, table, seq) = (columns.join(", "), place.quoted(table), place.quoted("gone_seq"));
    let rows = place.texts(&format!("SELECT {columns} FROM {table} ORDER BY {seq}")).await;
    let cell = |cell: Option<String>| cell.unwrap_or_else(|| "NULL".to_owned());
    rows.into_iter().map(|row| row.into_iter().map(cell).collect::<Vec<_>>().join(" ")).collect()
}

/// Names that have to be quoted, and a key that a collation folds.
async fn keys_that_go_are_written_down(place: Place) {
    let folding = match (place.is_postgres(), place.is_mariadb()) {
        (true, _) => "VARCHAR(20)",
        (_, true) => "VARCHAR(20) COLLATE utf8mb4_general_ci",
        _ => "VARCHAR(20) COLLATE NOCASE",
    };
    let (table, group, no) =
        (place.quoted("Order's"), place.quoted("group"), place.quoted("no \"1\""));
    place
        .run(&format!(
            "CREATE TABLE {table} ({group} {folding} NOT NULL, {no} DECIMAL(9,2) NOT NULL, name VARCHAR(9), PRIMARY KEY ({group}, {no}));
             INSERT INTO {table} VALUES ('a', 1.5, 'x'), ('b', 2, 'x'), ('c', 3, 'x'), ('d', 4, 'x')"
        ))
        .await;
    let home = home_on(&place, "source: db\ntable: Order's\nfields: [name]");
    place.run(&printed(&home)).await;
    place.run(&format!("UPDATE {table} SET name = 'y'")).await;
    place.run(&format!("UPDATE {table} SET {group} = 'A' WHERE {group} = 'a'")).await;
    place.run(&format!("UPDATE {table} SET {no} = 7 WHERE {group} = 'b'")).await;
    place.run(&format!("DELETE FROM {table} WHERE {group} IN ('c', 'd')")).await;
    let mut gone = told(&place, "Order's_gone", &["group", "no \"1\""]).await;
    gone[2..].sort();
    let exact =
        if place.is_sqlite() { ["1.5", "2", "3", "4"] } else { ["1.50", "2.00", "3.00", "4.00"] };
    let wanted: Vec<String> =
        ["a", "b", "c", "d"].iter().zip(exact).map(|(group, no)| format!("{group} {no}")).collect();
    assert_eq!(gone, wanted);
    // The clock is the server's, whatever the session's zone.
    let age = match (place.is_postgres(), place.is_mariadb()) {
        (true, _) => "extract(epoch FROM now() - gone_at)::int8::text",
        (_, true) => "CAST(TIMESTAMPDIFF(SECOND, gone_at, now(6)) AS CHAR)",
        _ => "CAST(strftime('%s', 'now') - strftime('%s', gone_at) AS TEXT)",
    };
    let gone = place.quoted("Order's_gone");
    let ages = place.texts(&format!("SELECT {age} FROM {gone}")).await;
    let is_now =
        |row: &Vec<Option<String>>| row[0].as_ref().unwrap().parse::<i64>().unwrap().abs() < 60;
    assert!(ages.len() == 4 && ages.iter().all(is_now), "{ages:?}");
}

async fn links_are_written_down_whichever_end_changes(place: Place) {
    place
        .run(
            "CREATE TABLE things (id INTEGER PRIMARY KEY);
             CREATE TABLE tags (id INTEGER PRIMARY KEY);
             CREATE TABLE links (no INTEGER PRIMARY KEY, thing INTEGER, tag INTEGER, note VARCHAR(9));
             INSERT INTO links VALUES (1, 1, 1, ''), (2, 2, 2, ''), (3, NULL, 3, ''), (4, 4, NULL, '')",
        )
        .await;
    let home = home_on(
        &place,
        "source: db\ntable: things\ndeleted_at: id\nfields: [id]\nmany:\n  many:\n    source: db\n    table: tags\n    \
         where: id > 0\n    through: {table: links, on: {id: thing}, to: {tag: id}}\n    fields: [id]",
    );
    let sql = printed(&home);
    assert!(!sql.contains("things_gone") && !sql.contains("tags_gone"), "{sql}");
    place.run(&sql).await;
    let again = printed(&home);
    assert!(again.starts_with("-- Source db: links_gone is there."), "{again}");
    assert!(again.lines().all(|line| line.starts_with("--")), "{again}");
    for edit in [
        "UPDATE links SET note = 'x'",
        "UPDATE links SET thing = 9, tag = 9 WHERE no = 1",
        "UPDATE links SET tag = 8 WHERE no = 2",
        "UPDATE links SET thing = 3 WHERE no = 3",
        "UPDATE links SET tag = 4 WHERE no = 4",
        "DELETE FROM links WHERE no = 1",
    ] {
        place.run(edit).await;
    }
    assert_eq!(told(&place, "links_gone", &["thing"]).await, ["1", "2", "NULL", "4", "9"]);
}

async fn a_table_that_is_missing_is_told_until_it_is_made(place: Place) {
    place.run("CREATE TABLE things (id INTEGER PRIMARY KEY)").await;
    let root = "source: db\ntable: things\ntombstones: {table: burials, at: buried_at, key: {id: thing}}\nfields: [id]";
    let home = home_on(&place, root);
    let missing = || found(&report(&home), &["missing_tombstones"]);
    assert_eq!(
        lines(&missing()),
        "error 6: source `db` has no table `burials` of deleted rows | `prejoin check --tombstone-sql` prints how to make it"
    );
    place.run(&printed(&home)).await;
    assert_eq!(missing().len(), 0);
    place.run("INSERT INTO things VALUES (7); DELETE FROM things").await;
    assert_eq!(told(&place, "burials", &["thing"]).await, ["7"]);
    let ran = home.run(&["check", "--tombstone-sql"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), ""));
    assert_eq!(ran.stderr, "nothing to be made: deletes are told wherever they can be\n");
}

#[tokio::test]
async fn each_source_has_statements_of_its_own() {
    let (one, two) = (Place::postgres().await, Place::sqlite().await);
    one.run("CREATE TABLE things (id INTEGER PRIMARY KEY)").await;
    two.run("CREATE TABLE parts (id INTEGER PRIMARY KEY, thing INTEGER)").await;
    let (first, second) = (one.config(), two.config());
    let home = home(
        &[("one", &first), ("two", &second)],
        "source: one\ntable: things\nfields: [id]\nmany:\n  many: {source: two, table: parts, on: {id: thing}, fields: [id]}",
    );
    let of = |source: &str| {
        let ran = home.run(&["check", "things", &format!("--tombstone-sql={source}")]);
        (ran.code, ran.stdout.replace(one.schema(), "SCHEMA"), ran.stderr)
    };
    insta::assert_snapshot!(of("one").1, @r#"
    -- Source one: rows that are deleted from things, for things (root).
    -- To be named in the job: tombstones: things_gone
    -- The account that prejoin reads with needs SELECT on things_gone.
    -- Old rows may go, once the job says how long they stay (tombstones: {table: things_gone, keep: 30d}):
    -- DELETE FROM "SCHEMA"."things_gone" WHERE "gone_at" < now() - interval '31 days';
    CREATE TABLE "SCHEMA"."things_gone" ("gone_seq" bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "id" integer NULL, "gone_at" timestamptz NOT NULL DEFAULT clock_timestamp());
    CREATE INDEX "things_gone_at" ON "SCHEMA"."things_gone" ("gone_at");
    CREATE FUNCTION "SCHEMA"."things_gone_note"() RETURNS trigger LANGUAGE plpgsql
        SECURITY DEFINER SET search_path = pg_catalog, pg_temp
        AS 'BEGIN INSERT INTO "SCHEMA"."things_gone" ("id") VALUES (OLD."id"); RETURN NULL; END';
    CREATE TRIGGER "things_gone_delete" AFTER DELETE ON "SCHEMA"."things"
        FOR EACH ROW EXECUTE FUNCTION "SCHEMA"."things_gone_note"();
    CREATE TRIGGER "things_gone_update" AFTER UPDATE ON "SCHEMA"."things"
        FOR EACH ROW WHEN (OLD."id" IS DISTINCT FROM NEW."id")
        EXECUTE FUNCTION "SCHEMA"."things_gone_note"();
    "#);
    assert!(of("two").1.contains("parts_gone") && !of("two").1.contains("SCHEMA"));
    one.run(&of("one").1.replace("SCHEMA", one.schema())).await;
    two.run(&of("two").1).await;
    let (code, stdout, stderr) = of("three");
    assert_eq!((code, stdout.as_str()), (Some(2), ""));
    assert!(stderr.contains("the configuration has no source `three`"), "{stderr}");
}

/// Who deletes needs no right on the table that tells of it.
#[tokio::test]
async fn whoever_may_delete_is_written_down() {
    let (account, place) = (Account::postgres().await, Place::postgres().await);
    may_delete(&account, &place).await;
    let (account, place) = (Account::mariadb().await, Place::mariadb().await);
    may_delete(&account, &place).await;
}

async fn may_delete(account: &Account, place: &Place) {
    place
        .run("CREATE TABLE things (id INTEGER PRIMARY KEY); INSERT INTO things VALUES (1), (2)")
        .await;
    let home = home_on(place, "source: db\ntable: things\ntombstones: things_gone\nfields: [id]");
    place.run(&printed(&home)).await;
    let (schema, name) = (place.schema(), &account.name);
    let grants = match place.is_postgres() {
        true => format!(
            "GRANT USAGE ON SCHEMA {schema} TO {name}; GRANT SELECT, DELETE ON {schema}.things TO {name}"
        ),
        false => format!("GRANT SELECT, DELETE ON {schema}.things TO '{name}'@'%'"),
    };
    account.admin(&grants).await;
    account.run_at(place, &format!("DELETE FROM {schema}.things WHERE id = 1")).await;
    assert_eq!(told(place, "things_gone", &["id"]).await, ["1"]);
    // Nor has the account that reads, until it is given.
    let home = super::home(
        &[("db", &account.at(place))],
        &format!(
            "source: db\ntable: {schema}.things\ntombstones: {schema}.things_gone\nfields: [id]"
        ),
    );
    let told = found(&report(&home), &["missing_grant", "missing_tombstones"]);
    assert_eq!(told.len(), 1, "{told:#?}");
    let hint = told[0]["hint"].as_str().unwrap();
    account.admin(hint.rsplit("if it is there: ").next().unwrap()).await;
    assert_eq!(lines(&found(&report(&home), &["missing_grant", "missing_tombstones"])), "");
}

/// Where no schema is configured, the tables are where they are found when the statements are run: not where whoever deletes
/// rows puts one of that name.
#[tokio::test]
async fn a_table_of_another_session_is_not_written_to() {
    let place = Place::postgres().await;
    place
        .run("CREATE TABLE things (id INTEGER PRIMARY KEY); INSERT INTO things VALUES (1), (2)")
        .await;
    let mut config = place.config();
    let Server::Postgres(address) = &mut config.server else { panic!("it is another server") };
    address.schema = None;
    address.url = Secret::plain(place.address());
    let root = "source: db\ntable: things\ntombstones: thing's\nfields: [id]";
    let sql = printed(&home(&[("db", &config)], root));
    assert!(!sql.contains(place.schema()), "{sql}");
    place.run(&sql).await;
    place
        .run("CREATE TEMPORARY TABLE \"thing's\" (id INTEGER); DELETE FROM things WHERE id = 1")
        .await;
    assert_eq!(told(&place, "thing's", &["id"]).await, ["1"]);
}

#[tokio::test]
async fn deletions_of_another_database_are_written_down_in_that_of_the_url() {
    let (own, other) = (Place::mariadb().await, Place::mariadb().await);
    other
        .run("CREATE TABLE things (id INTEGER PRIMARY KEY); INSERT INTO things VALUES (1), (2)")
        .await;
    let mut config = own.config();
    let Server::Mysql(address) = &mut config.server else { panic!("it is another server") };
    address.schema = None;
    let root = format!(
        "source: db\ntable: {}.things\ntombstones: things_gone\nfields: [id]",
        other.schema()
    );
    own.run(&printed(&home(&[("db", &config)], &root))).await;
    other.run("DELETE FROM things WHERE id = 1").await;
    assert_eq!(told(&own, "things_gone", &["id"]).await, ["1"]);
}

#[tokio::test]
async fn an_outbox_is_prepared_before_anything_is_read() {
    const CODES: [&str; 5] = [
        "tombstone_form",
        "refused_read",
        "missing_tombstones",
        "missing_changed_at_index",
        "join_types",
    ];
    let place = Place::sqlite().await;
    place
        .run(
            "CREATE TABLE things (id INTEGER PRIMARY KEY);
             CREATE TABLE outbox (no INTEGER PRIMARY KEY, thing TEXT, made_at TEXT, kind TEXT, bytes BLOB)",
        )
        .await;
    let told = |outbox: &str| {
        let root = format!(
            "source: db\ntable: things\ntombstones: {{table: outbox, {outbox}}}\nfields: [id]"
        );
        lines(&found(&report(&home_on(&place, &root)), &CODES))
    };
    let unindexed = told("at: made_at, key: {id: thing}, where: kind = 'gone'");
    assert!(
        unindexed.ends_with("| CREATE INDEX outbox_made_at ON outbox (made_at)"),
        "{unindexed}"
    );
    place.run("CREATE INDEX outbox_made_at ON outbox (made_at)").await;
    assert_eq!(told("at: made_at, key: {id: thing}, where: kind = 'gone'"), "");
    let cases = [
        told("at: made_at, key: {id: bytes}"),
        told("at: made_at, key: {id: thing}, where: knd = 'gone'"),
        told("at: made_at, key: {di: thing}"),
        told("key: {id: thng}"),
    ];
    insta::assert_snapshot!(cases.join("\n"), @"
    warning 6: `id` is integer, `bytes` is binary: they are never equal | tell keys in a column of their own type, or as docs/types.md shows it
    error 5: source `db`: `things (deleted)`: no such column: knd | the server was asked to prepare this read: look at `where`, `query` and the joined columns
    error 6: `key` names `di`, which is no column of the key | did you mean `id`?
    error 6: table `outbox` of source `db` lacks `thng`, `gone_at` | it holds the keys of deleted rows, when they went, and a key of its own: columns of other names are told by `at:` and `key:`
    ");
}
