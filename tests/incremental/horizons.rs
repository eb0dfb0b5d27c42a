//! Transactions that are open while runs come and go.

use std::time::Duration;

use prejoin::config::{Secret, Server};
use sqlx::{Connection, Executor, MySqlConnection, PgConnection};
use tokio::time::{sleep, timeout};
use url::Url;

use super::scene::Scene;
use crate::support::engines::TestEngine;
use crate::support::place::Place;
use crate::support::tcp_proxy::{TcpProxy, Traffic};

/// The time that its rows bear is that of its beginning: long before the runs that did not see it.
#[tokio::test]
async fn what_an_open_transaction_of_postgres_writes_is_not_lost() {
    let scene = Scene::new(TestEngine::OpenSearch, Place::postgres().await).await;
    scene.fill().await;
    scene.sync().await;
    let mut open = PgConnection::connect(&scene.shop.address()).await.unwrap();
    open.execute("BEGIN").await.unwrap();
    open.execute("UPDATE orders SET title = 'late', updated_at = now() WHERE id = 2")
        .await
        .unwrap();
    for round in 0..3 {
        scene.run("UPDATE buyers SET name = name || '!', updated_at = NOW WHERE id = 1").await;
        scene.sync().await;
        scene.assert_right(&format!("round {round} beside it")).await;
    }
    open.execute("COMMIT").await.unwrap();
    scene.sync().await;
    scene.assert_right("its end").await;
}

/// It is open for longer than the overlap: the server tells of it.
#[tokio::test]
async fn what_an_open_transaction_of_innodb_writes_is_not_lost() {
    let scene = Scene::filled(TestEngine::Elasticsearch, Place::mariadb().await).await;
    let mut open = MySqlConnection::connect(&scene.shop.address()).await.unwrap();
    for sql in [
        "START TRANSACTION",
        "SET @began = now(6)",
        "UPDATE orders SET title = 'late', updated_at = @began WHERE id = 2",
    ] {
        open.execute(sql).await.unwrap();
    }
    let later = async {
        let later = "SELECT now(6) > @began + INTERVAL 3 SECOND";
        while !sqlx::query_scalar::<_, bool>(later).fetch_one(&mut open).await.unwrap() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(60), later).await.expect("the server's clock goes on");
    scene.run("UPDATE orders SET title = 'uno', updated_at = NOW WHERE id = 1").await;
    scene.sync().await;
    scene.assert_right("a run beside it").await;
    open.execute("COMMIT").await.unwrap();
    scene.sync().await;
    scene.assert_right("its end").await;
}

/// What waits for a table is in no transaction, and writes the time of its beginning when it is let in.
#[tokio::test]
async fn what_a_statement_that_waits_for_a_table_writes_is_not_lost() {
    let scene = Scene::filled(TestEngine::OpenSearch, Place::mariadb().await).await;
    let address = scene.shop.address();
    let mut locking = MySqlConnection::connect(&address).await.unwrap();
    locking.execute("LOCK TABLES order_lines READ").await.unwrap();
    let mut writing = MySqlConnection::connect(&address).await.unwrap();
    let mut asking = MySqlConnection::connect(&address).await.unwrap();
    let write = async {
        writing.execute("DELETE FROM order_lines WHERE id = 1").await.unwrap();
    };
    let meanwhile = async {
        let waits = "SELECT COALESCE(MAX(TIME), 0) >= 3 FROM information_schema.PROCESSLIST
            WHERE DB = DATABASE() AND STATE LIKE 'Waiting for%lock'";
        let long = async {
            while !sqlx::query_scalar::<_, bool>(waits).fetch_one(&mut asking).await.unwrap() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(Duration::from_secs(60), long).await.expect("a statement that waits");
        // Another order than the line's, which would be built again for that.
        scene.run("UPDATE orders SET title = 'zwei', updated_at = NOW WHERE id = 2").await;
        scene.sync().await;
        locking.execute("UNLOCK TABLES").await.unwrap();
    };
    tokio::join!(write, meanwhile);
    scene.sync().await;
    scene.assert_right("it was let in").await;
}

/// A transaction that begins between the two questions is not seen by the second one: its time has to lie behind the first
/// one's answer.
#[tokio::test]
async fn the_clock_is_asked_before_the_open_transactions() {
    let shop = Place::mariadb().await;
    shop.run("CREATE TABLE marks (id BIGINT PRIMARY KEY)").await;
    let mut config = shop.config();
    let Server::Mysql(address) = &mut config.server else { panic!("no server") };
    let url = Url::parse(&address.url.reveal().unwrap()).unwrap();
    let proxy = TcpProxy::to(&url).await;
    address.url = Secret::plain(proxy.instead(&url).as_str());
    let source = prejoin::source::open(&config).unwrap();
    // Connects, and has both questions prepared.
    source.moment().await.unwrap();
    source.moment().await.unwrap();
    // Signs of life take 11 bytes each. The answer to the first question passes, and the second one waits.
    proxy.set_after(40, Traffic::Hang);
    let asking = tokio::spawn(async move { source.moment().await });
    let hangs = async {
        while proxy.now() != Traffic::Hang {
            sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(Duration::from_secs(60), hangs).await.expect("an answer");
    let mut open = MySqlConnection::connect(&shop.address()).await.unwrap();
    open.execute("START TRANSACTION").await.unwrap();
    let clock = "SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))";
    let began: i64 = sqlx::query_scalar(clock).fetch_one(&mut open).await.unwrap();
    open.execute("INSERT INTO marks VALUES (1)").await.unwrap();
    proxy.set(Traffic::Pass);
    let moment = asking.await.unwrap().unwrap();
    assert!(moment.now.as_microsecond() < began, "{moment:?}, and a transaction of {began}");
}
