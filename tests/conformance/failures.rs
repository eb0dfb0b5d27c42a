//! Failures: said with source, relation and reason, in time, and without a secret.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use prejoin::config::{Secret, Server, SourceConfig};
use prejoin::row::Match;
use prejoin::source::{self, Budget, From, KeyRange, Source};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use url::Url;

use super::reading::{SMALL, by, fetch, insert, read, read_from, rows, said, scan};
use crate::support::place::Place;

/// The place, by another URL.
fn changed(place: &Place, change: impl FnOnce(&mut Url)) -> SourceConfig {
    let mut config = place.config();
    config.connect_timeout = Duration::from_secs(3);
    if let Server::Postgres(address) | Server::Mysql(address) = &mut config.server {
        let mut url = Url::parse(&address.url.reveal().unwrap()).unwrap();
        change(&mut url);
        address.url = Secret::plain(url.as_str());
    }
    config
}

async fn describing(config: &SourceConfig) -> String {
    let begun = Instant::now();
    let source = source::open(config).unwrap();
    let error = said(source.describe(&From::Table("things".to_owned())).await);
    assert!(
        begun.elapsed() < config.connect_timeout + Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
    error
}

async fn nobody_listens(place: Place) {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut config = changed(&place, |url| url.set_port(Some(port)).unwrap());
    if let Server::Sqlite { path } = &mut config.server {
        path.set_file_name("absent.db");
    }
    let error = describing(&config).await;
    let wanted = match () {
        () if place.is_sqlite() => "absent.db: unable to open database file".to_owned(),
        () => format!("127.0.0.1:{port}: Connection refused (os error 111)"),
    };
    assert!(
        error.starts_with("source `test`: describing table `things`: cannot connect to "),
        "{error}"
    );
    assert!(error.ends_with(&wanted), "{error}");
}

/// A port that accepts and then says nothing.
async fn nobody_answers(place: Place) {
    if place.is_sqlite() {
        return;
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let config = changed(&place, |url| url.set_port(Some(port)).unwrap());
    let error = describing(&config).await;
    assert!(error.contains(&format!("127.0.0.1:{port}: no answer within 3s")), "{error}");
}

async fn a_wrong_password(place: Place) {
    if place.is_sqlite() {
        return;
    }
    let mut config = changed(&place, |url| url.set_password(Some("hunter2")).unwrap());
    let error = describing(&config).await;
    assert!(!error.contains("hunter2"), "{error}");
    assert!(
        error.contains("password authentication failed") || error.contains("Access denied"),
        "{error}"
    );
    // The one given beside the URL wins.
    if let Server::Postgres(address) | Server::Mysql(address) = &mut config.server {
        let mut url = Url::parse(&address.url.reveal().unwrap()).unwrap();
        url.set_password(Some("right or wrong")).unwrap();
        address.url = Secret::plain(url.as_str());
        address.password = Some(Secret::plain("hunter3"));
    }
    let error = describing(&config).await;
    assert!(!error.contains("hunter3") && !error.contains("right"), "{error}");
}

async fn a_url_of_another_kind(place: Place) {
    let mut config = changed(&place, |_| {});
    if let Server::Postgres(address) | Server::Mysql(address) = &mut config.server {
        address.url = Secret::plain("http://user:hunter2@host/");
        let error = source::open(&config).err().unwrap();
        let error = format!("{error:#}");
        assert!(error.starts_with("source `test`: `url` must begin with "), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

async fn a_statement_that_takes_too_long(place: Place) {
    let mut config = place.config();
    config.statement_timeout = Duration::from_millis(300);
    let source = source::open(&config).unwrap();
    let forever = match () {
        () if place.is_postgres() => "SELECT 1 AS id, pg_sleep(30)::text AS slept",
        () if place.is_mariadb() => "SELECT 1 AS id, SLEEP(30) AS slept",
        () => {
            "WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n) \
             SELECT MAX(id) AS id, 1 AS slept FROM n WHERE id < 0"
        }
    };
    let read =
        read_from(&*source, From::Query(forever.to_owned()), &["id", "slept"], &["id"]).await;
    let begun = Instant::now();
    let error = said(scan(&*source, &read, SMALL).await);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let reason = ["statement timeout", "max_statement_time exceeded", "interrupted"];
    assert!(reason.iter().any(|reason| error.contains(reason)), "{error}");
    place.run("CREATE TABLE things (id INTEGER PRIMARY KEY)").await;
    place.run("INSERT INTO things VALUES (1)").await;
    // Whoever comes next has all the time again.
    assert_eq!(
        rows(&*source, &super::reading::read(&*source, "things", &["id"], &["id"]).await).await,
        ["#1"]
    );
}

/// Whatever a job's author writes, the session may only read.
async fn nothing_can_be_written(place: Place) {
    place.run("CREATE TABLE things (id INTEGER PRIMARY KEY)").await;
    place.run("INSERT INTO things VALUES (1)").await;
    let source = place.source();
    let mut read = read(&*source, "things", &["id"], &["id"]).await;
    let mut writes =
        vec!["SELECT 1 AS id) AS t; DELETE FROM things; SELECT 1 AS id FROM (SELECT 1 AS id"];
    if place.is_postgres() {
        place.run("CREATE FUNCTION written() RETURNS integer LANGUAGE sql VOLATILE AS 'INSERT INTO things VALUES (2) RETURNING id'").await;
        writes.extend([
            "SELECT written() AS id",
            "WITH w AS (DELETE FROM things RETURNING id) SELECT id FROM w",
        ]);
    }
    if place.is_mariadb() {
        place.run("CREATE FUNCTION written() RETURNS integer NOT DETERMINISTIC MODIFIES SQL DATA BEGIN INSERT INTO things VALUES (2); RETURN 2; END").await;
        writes.push("SELECT written() AS id");
    }
    let mut refused = Vec::new();
    for write in writes {
        read.from = From::Query(write.to_owned());
        refused.push(said(scan(&*source, &read, SMALL).await));
    }
    read.from = From::Table("things".to_owned());
    assert_eq!(rows(&*source, &read).await, ["#1"]);
    let reasons = refused.join("\n");
    let wanted = match () {
        () if place.is_postgres() => "cannot execute INSERT in a read-only transaction",
        () if place.is_mariadb() => "Cannot execute statement in a READ ONLY transaction",
        () => "attempt to write a readonly database",
    };
    assert!(reasons.contains(wanted), "{reasons}");
}

/// A server's text about data quotes them: up to there it is passed on, and no further.
async fn errors_do_not_quote_rows(place: Place) {
    place.run("CREATE TABLE things (id INTEGER PRIMARY KEY, name VARCHAR(20))").await;
    place.run("INSERT INTO things VALUES (1, 'hunter2')").await;
    let source = place.source();
    let mut read = read(&*source, "things", &["id", "name"], &["id"]).await;
    read.condition = Some("CAST(name AS INTEGER) > 0".to_owned());
    if place.is_postgres() {
        let error = said(scan(&*source, &read, SMALL).await);
        assert!(
            error.ends_with("invalid input syntax for type integer (SQLSTATE 22P02)"),
            "{error}"
        );
        assert!(!error.contains("hunter2"), "{error}");
    }
    if let Some(raising) = raising(&place).await {
        read.condition = Some(raising.to_owned());
        let error = said(scan(&*source, &read, SMALL).await);
        assert!(error.contains("an error raised by the database's own code"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    read.condition = Some("no_such_column = 1".to_owned());
    let error = said(scan(&*source, &read, SMALL).await);
    assert!(error.starts_with("source `test`: `things`: reading a page of rows: "), "{error}");
    assert!(error.contains("no_such_column"), "{error}");
    let looking = by(read, &["id"], Match::Exact);
    let error = said(source.fetch_by_keys(&looking, &["1".into()], &Budget::new(1_000)).await);
    assert!(error.starts_with("source `test`: `things`: looking up 1 keys by id: "), "{error}");
}

/// A condition that fails with a row's value in the text.
async fn raising(place: &Place) -> Option<&'static str> {
    if place.is_postgres() {
        place.run("CREATE FUNCTION raised(v text) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE ''bad: %'', v; END'").await;
    } else if place.is_mariadb() {
        place.run("CREATE FUNCTION raised(v TEXT) RETURNS INTEGER DETERMINISTIC BEGIN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = v; RETURN 1; END").await;
    }
    match () {
        () if place.is_postgres() => Some("raised(name)"),
        () if place.is_mariadb() => Some("raised(name) = 1"),
        () => None,
    }
}

/// The column is not what it was when it was described: said by name, never decoded as something else.
async fn a_column_that_changed_its_type(place: Place) {
    if place.is_sqlite() {
        return;
    }
    place.run("CREATE TABLE things (id INTEGER PRIMARY KEY, amount INTEGER)").await;
    place.run("INSERT INTO things VALUES (1, 5)").await;
    let source = place.source();
    let read = read(&*source, "things", &["id", "amount"], &["id"]).await;
    place.run("DROP TABLE things").await;
    place.run("CREATE TABLE things (id INTEGER PRIMARY KEY, amount VARCHAR(9))").await;
    place.run("INSERT INTO things VALUES (1, '5')").await;
    let error = said(scan(&*source, &read, SMALL).await);
    assert!(error.contains("column `amount` was int"), "{error}");
    assert!(error.ends_with("and is VARCHAR now"), "{error}");
}

/// Many reads at once share few connections; one that is given up half-way takes none with it.
async fn connections_are_few_and_come_back(place: Place) {
    place.run("CREATE TABLE things (id INTEGER PRIMARY KEY)").await;
    place.run(&insert("things", (0..500).map(|id| id.to_string()))).await;
    let source: Arc<dyn Source> = place.source();
    let read = read(&*source, "things", &["id"], &["id"]).await;
    for _ in 0..10 {
        let mut given_up = source.scan(Arc::new(read.clone()), KeyRange::default(), SMALL);
        assert_eq!(given_up.next().await.unwrap().unwrap().len(), 7);
    }
    let read = by(read, &["id"], Match::Exact);
    let reads = (0..20).map(|_| fetch(&*source, &read, &["1", "2", "499", "500"]));
    assert!(futures::future::join_all(reads).await.iter().all(|rows| rows.len() == 3));
}

/// Waiting for one's turn is no failure, however short the time to connect is.
async fn reads_wait_for_their_turn(place: Place) {
    let mut config = place.config();
    (config.max_connections, config.connect_timeout) = (1, Duration::from_secs(1));
    let slow = match () {
        () if place.is_postgres() => "SELECT 1 AS id, pg_sleep(0.5)::text AS slept",
        () if place.is_mariadb() => "SELECT 1 AS id, SLEEP(0.5) AS slept",
        () => return,
    };
    let source = source::open(&config).unwrap();
    let columns = ["id", "slept"];
    let read = read_from(&*source, From::Query(slow.to_owned()), &columns, &["id"]).await;
    let begun = Instant::now();
    let reads = futures::future::join_all((0..4).map(|_| scan(&*source, &read, SMALL))).await;
    assert!(reads.iter().all(Result::is_ok), "{reads:?}");
    assert!(begun.elapsed() > config.connect_timeout, "nobody had to wait");
}

/// A server that falls silent over a question is given up.
async fn a_server_that_falls_silent(place: Place) {
    let mut config = place.config();
    config.statement_timeout = Duration::from_millis(100);
    let (Server::Postgres(address) | Server::Mysql(address)) = &mut config.server else { return };
    let mut url = Url::parse(&address.url.reveal().unwrap()).unwrap();
    let server = (url.host_str().unwrap().to_owned(), url.port().unwrap());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(listener.local_addr().unwrap().port())).unwrap();
    address.url = Secret::plain(url.as_str());
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = tokio::net::TcpStream::connect(server.clone()).await.unwrap();
            tokio::spawn(until_asked_for_things(client, server));
        }
    });
    let source = source::open(&config).unwrap();
    let error = said(source.describe(&From::Table("things".to_owned())).await);
    assert!(error.ends_with("describing table `things`: no end within 5.1s"), "{error}");
}

/// Passes on what both sides say, until the client names the table: then nothing more, and nobody hangs up.
async fn until_asked_for_things(client: tokio::net::TcpStream, server: tokio::net::TcpStream) {
    let ((mut asks, mut hears), (mut answers, mut told)) =
        (client.into_split(), server.into_split());
    let answering = tokio::spawn(async move { tokio::io::copy(&mut answers, &mut hears).await });
    let mut bytes = vec![0; 1 << 16];
    while let Ok(count @ 1..) = asks.read(&mut bytes).await {
        if bytes[..count].windows(6).any(|word| word == b"things") {
            return std::future::pending().await;
        }
        told.write_all(&bytes[..count]).await.unwrap();
    }
    answering.abort();
}

on_every_server!(
    reads_wait_for_their_turn,
    a_server_that_falls_silent,
    nobody_listens,
    nobody_answers,
    a_wrong_password,
    a_url_of_another_kind,
    a_statement_that_takes_too_long,
    nothing_can_be_written,
    errors_do_not_quote_rows,
    a_column_that_changed_its_type,
    connections_are_few_and_come_back,
);
