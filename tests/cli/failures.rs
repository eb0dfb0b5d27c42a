//! What a mistake is answered with, to the letter.

use tokio::net::TcpSocket;

use crate::support::engines::TestEngine;
use crate::support::home::Home;
use crate::support::services;

const MAPPING: &str =
    r#"{"mappings": {"dynamic": "strict", "properties": {"id": {"type": "long"}}}}"#;
const JOB: &str =
    "index: things\nmapping: things.json\nroot:\n  source: shop\n  table: things\n  fields: [id]\n";

/// A home with one job over one SQLite table.
async fn home() -> Home {
    let home = Home::new().file("mappings/things.json", MAPPING).file("jobs/things.yaml", JOB);
    sqlite(&home, "CREATE TABLE things (id INTEGER PRIMARY KEY, label TEXT); INSERT INTO things VALUES (1, 'a')").await;
    home.file("config/default.yaml", "sources:\n  shop: {kind: sqlite, path: shop.db}\n")
        .engine(TestEngine::OpenSearch)
        .await
}

pub(crate) async fn sqlite(home: &Home, statements: &str) {
    use sqlx::Connection;
    let path = home.path().join("shop.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut connection = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(statements.to_owned()))
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
}

/// A port on which nothing listens; nobody else can either while the socket is held.
fn closed_port() -> (TcpSocket, u16) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let port = socket.local_addr().unwrap().port();
    (socket, port)
}

#[tokio::test]
async fn a_typo_in_a_job_names_file_line_and_key() {
    let home = home().await.file("jobs/things.yaml", &JOB.replace("table:", "tabel:"));
    insta::assert_snapshot!(home.run(&["reindex", "things"]).told(), @"
    exit 2
    error: HOME/jobs/things.yaml:5:3: unknown key `tabel`

    hint: did you mean `table`?
    ");
}

#[tokio::test]
async fn a_missing_column_names_its_table() {
    let home = home().await.file("jobs/things.yaml", &JOB.replace("[id]", "[id, lable]"));
    insta::assert_snapshot!(home.run(&["reindex", "things"]).told(), @"
    exit 2
    error: HOME/jobs/things.yaml:6:16: table `things` of source `shop` has no column `lable`
      hint: did you mean `label`?
    error: HOME/jobs/things.yaml:6:16: the mapping has no field `lable`
      hint: add it to things.json
    error: job `things` cannot run: 2 error(s), see above
    ");
}

#[tokio::test]
async fn an_unknown_job_is_answered_with_the_known_ones() {
    insta::assert_snapshot!(home().await.run(&["reindex", "thing"]).told(), @"
    exit 2
    error: HOME/jobs/thing.yaml: there is no job `thing`

    hint: did you mean `things`?
    ");
}

#[tokio::test]
async fn an_unreachable_engine_is_said_before_anything_else() {
    let (_held, port) = closed_port();
    let home = home().await.variable("PREJOIN__ENGINE__URL", &format!("http://127.0.0.1:{port}"));
    let told = home.run(&["reindex", "things"]).told().replace(&port.to_string(), "PORT");
    insta::assert_snapshot!(told, @"
    exit 2
    error: the engine at http://127.0.0.1:PORT cannot be reached: Connection refused (os error 111)

    hint: is the engine running, and is `engine.url` right?
    ");
}

#[tokio::test]
async fn an_unreachable_database_is_said_without_its_password() {
    let (_held, port) = closed_port();
    let url = format!("postgres://me:hunter2@127.0.0.1:{port}/shop");
    let text = format!("sources:\n  shop: {{kind: postgres, url: '{url}', connect_timeout: 3s}}\n");
    let ran = home().await.file("config/default.yaml", &text).run(&["reindex", "things"]);
    assert!(!ran.stderr.contains("hunter2") && !ran.stdout.contains("hunter2"));
    insta::assert_snapshot!(ran.told().replace(&port.to_string(), "PORT"), @"
    exit 2
    error: source `shop`: describing table `things`: cannot connect to postgres at 127.0.0.1:PORT: Connection refused (os error 111)

    hint: is the server running, and does `url` name its host and port?
    ");
}

/// It had begun to read, as a run would have.
#[tokio::test]
async fn a_dry_run_whose_reading_breaks_off_is_exit_four() {
    let config =
        "sources:\n  shop: {kind: sqlite, path: shop.db}\nload: {readers: 1, range_rows: 100}\n";
    let home = Home::new()
        .file("mappings/things.json", MAPPING)
        .file("jobs/things.yaml", JOB)
        .file("config/default.yaml", config);
    sqlite(
        &home,
        "CREATE TABLE things (id INTEGER PRIMARY KEY, label TEXT);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
         INSERT INTO things SELECT i, printf('%.*c', 1000, 'x') FROM n",
    )
    .await;
    let path = home.path().join("shop.db");
    let mut broken = std::fs::read(&path).unwrap();
    let half = broken.len() / 2;
    broken[half..].fill(0xff);
    std::fs::write(&path, broken).unwrap();
    let ran = home.run(&["reindex", "things", "--dry-run", "--json"]);
    insta::assert_snapshot!(ran.told(), @"
    exit 4
    error: source `shop`: `things`: looking for the end of a range: database disk image is malformed

    hint: the file is damaged: `PRAGMA integrity_check` tells more; restore it
    ");
    let report = ran.json();
    assert_eq!(report["outcome"], "stopped");
    assert!(report["read"].as_u64().unwrap() > 0, "{report}");
}

#[tokio::test]
async fn a_wrong_password_is_said_without_it() {
    let mut url = url::Url::parse(&services::postgres()).unwrap();
    url.set_password(Some("hunter2")).unwrap();
    let port = url.port().unwrap().to_string();
    let text = format!("sources:\n  shop: {{kind: postgres, url: '{url}'}}\n");
    let ran = home().await.file("config/default.yaml", &text).run(&["reindex", "things"]);
    assert!(!ran.stderr.contains("hunter2") && !ran.stdout.contains("hunter2"));
    insta::assert_snapshot!(ran.told().replace(&port, "PORT"), @r#"
    exit 2
    error: source `shop`: describing table `things`: cannot connect to postgres at 127.0.0.1:PORT: password authentication failed for user "postgres"

    hint: check the user in `url`, and its password there or in `password`
    "#);
}

#[tokio::test]
async fn wrong_usage_is_exit_two() {
    let ran = Home::new().run(&["reindx"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("unrecognized subcommand"), "{}", ran.stderr);
}

#[tokio::test]
async fn a_variable_that_is_no_text_is_no_concern_unless_it_is_ours() {
    use std::os::unix::ffi::OsStrExt;
    let (home, odd) = (home().await, std::ffi::OsStr::from_bytes(b"\xff"));
    let foreign = home.command(&["check"]).env("FOREIGN", odd).output().unwrap();
    let foreign = home.ran(&foreign);
    assert_eq!(foreign.code, Some(0), "{}", foreign.stderr);
    let own = home.command(&["check"]).env("PREJOIN__LOAD__PAGE_ROWS", odd).output().unwrap();
    let own = home.ran(&own);
    assert_eq!(own.code, Some(2));
    assert!(own.stderr.contains("`PREJOIN__LOAD__PAGE_ROWS` is not UTF-8"), "{}", own.stderr);
}

#[tokio::test]
async fn a_mistake_in_a_condition_is_found_before_anything_runs() {
    let job = JOB.replace("  fields:", "  where: lable IS NULL\n  fields:");
    let home = home().await.file("jobs/things.yaml", &job);
    insta::assert_snapshot!(home.run(&["check"]).told(), @"
    exit 1
    error: HOME/jobs/things.yaml:6:10: source `shop`: `things`: no such column: lable
      hint: the server was asked to prepare this read: look at `where`, `query` and the joined columns
    warning: HOME/jobs/things.yaml:5:10: changes in the root cannot be seen
      hint: changed_at: the column that tells when a row last changed, or none, to have all of them compared
    things: 1 error(s), 1 warning(s)
    ");
    assert_eq!(home.run(&["reindex", "things"]).code, Some(2));
}

#[tokio::test]
async fn a_mapping_that_the_engine_refuses_is_named() {
    let mapping = MAPPING.replace("long", "lonng");
    let ran = home().await.file("mappings/things.json", &mapping).run(&["reindex", "things"]);
    insta::assert_snapshot!(ran.told(), @"
    exit 2
    error: HOME/mappings/things.json: index `things-000001`: the engine refused PUT /things-000001: 400 mapper_parsing_exception

    hint: does the mapping name an analyzer, a type or a plugin that this engine lacks?
    ");
}
