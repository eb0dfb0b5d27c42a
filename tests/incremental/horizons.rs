//! Transactions that are open while runs come and go.

use sqlx::{Connection, Executor, PgConnection};

use super::scene::Scene;
use crate::support::engines::TestEngine;
use crate::support::place::Place;

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
