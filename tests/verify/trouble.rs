//! Sources that go away or answer nothing, and engines that fail, in the middle of a look: nothing is taken for gone.

use std::time::Duration;

use prejoin::config::Server;
use url::Url;

use super::{found, many, nothing_is_found, verified};
use crate::incremental::scene::Scene;
use crate::support::engines::{TestEngine, on_both_engines};
use crate::support::fault_proxy::{Fault, FaultProxy};
use crate::support::home::Ran;
use crate::support::place::Place;
use crate::support::tcp_proxy::{TcpProxy, Traffic};

on_both_engines!(an_engine_that_fails, documents_are_given_back_as_they_were_sent);

const REPAIR: [&str; 4] = ["verify", "shop", "--json", "--repair"];
const WELCOME: &str = "<html>welcome</html>";
const UNAVAILABLE: &str = r#"{"error": {"type": "unavailable_shards_exception"}, "status": 503}"#;
const HALF: &str = r#"{"timed_out": false, "_shards": {"failed": 1}, "hits": {"hits": []}}"#;

/// Small pages, so that much is left to read in the middle.
async fn in_small_pages(engine: TestEngine, shop: Place, orders: usize) -> Scene {
    let scene = Scene::new(engine, shop).await;
    let pages = "engine: {lease_ttl: 1s, request_timeout: 2s, retry_for: 2s}\nload: {page_rows: 20, readers: 1}";
    scene.rewrite("config/default.yaml", "engine: {lease_ttl: 1s}", pages);
    many(&scene, orders).await;
    scene
}

/// What happens to a table while a repair is held at `point`.
async fn meanwhile(scene: &Scene, point: &str, sql: &str) -> Ran {
    let held = scene.home.start_held(point, &REPAIR, &[]).until_held().await;
    scene.run(sql).await;
    held.goes_on().await
}

async fn tables_that_are_empty_all_at_once(engine: TestEngine, shop: Place) {
    let scene = in_small_pages(engine, shop, 300).await;
    let before = scene.documents().await;
    for (table, point, said) in [
        ("order_lines", "after_read:2", "more than 100 of 300 documents have lost rows of `lines`"),
        // When but the last of them is left to be read.
        ("order_lines", "after_read:14", "a table of `lines` in source `shop` has no row any more"),
        ("tags", "after_read:2", "more than 100 of 300 documents have lost rows of `tags`"),
        ("order_tags", "after_read:14", "a table of `tags` in source `shop` has no row any more"),
        ("buyers", "after_read:2", "more than 100 of 300 documents have lost rows of `buyer`"),
        ("orders", "after_ids:2", "more than 100 of 300 documents have lost their root"),
        ("orders", "after_ids:14", "the root's table in source `shop` has no row any more"),
    ] {
        scene.run(&format!("CREATE TABLE saved AS SELECT * FROM {table}")).await;
        let told = if table == "tags" { "" } else { &format!("; DELETE FROM {table}_gone") };
        let ran = meanwhile(&scene, point, &format!("DELETE FROM {table}{told}")).await;
        assert_eq!(ran.code, Some(4), "{table}: {}", ran.stderr);
        assert!(ran.stderr.contains(said), "{table}: {}", ran.stderr);
        assert!(ran.stderr.contains("--allow-mass-delete"), "{table}: {}", ran.stderr);
        assert_eq!(scene.documents().await, before, "{table}");
        scene.run(&format!("INSERT INTO {table} SELECT * FROM saved; DROP TABLE saved")).await;
        nothing_is_found(&scene, table).await;
    }
    // Half of it is there.
    let half = "DELETE FROM orders WHERE id % 2 = 0; DELETE FROM orders_gone";
    let ran = meanwhile(&scene, "after_ids:14", half).await;
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    let said = "more than 100 of 300 documents have lost their root";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
    assert_eq!(scene.documents().await, before);
}

#[tokio::test]
async fn tables_that_are_empty_all_at_once_on_postgres() {
    tables_that_are_empty_all_at_once(TestEngine::OpenSearch, Place::postgres().await).await;
}

#[tokio::test]
async fn tables_that_are_empty_all_at_once_on_mariadb() {
    tables_that_are_empty_all_at_once(TestEngine::Elasticsearch, Place::mariadb().await).await;
}

/// Few documents are no reason to delete them all.
#[tokio::test]
async fn a_small_table_that_is_empty_all_at_once() {
    let scene = in_small_pages(TestEngine::OpenSearch, Place::sqlite().await, 30).await;
    let gone = "DELETE FROM orders; DELETE FROM orders_gone";
    let ran = meanwhile(&scene, "after_ids", gone).await;
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    let said = "the root's table in source `shop` has no row any more: nothing is taken away";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
    let ran = verified(&scene, &["--repair"]).await;
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    let said = "all of 30 documents have lost their root: none of them is deleted";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
    assert_eq!(scene.documents().await.len(), 30);
    // It is remembered what was seen.
    let status = scene.home.run(&["status", "shop", "--json"]).json();
    let drift = &status[0]["indexes"][0]["drift"];
    assert_eq!([&drift["extra"], &drift["repaired"]], [30, 0], "{status:#}");
    // Whoever looks is told which they are.
    let ran = verified(&scene, &[]).await;
    let report = ran.json();
    assert_eq!((ran.code, found(&report)), (Some(1), [0, 30, 0]), "{report:#}");
    let warning = report["warnings"][0].as_str().unwrap();
    assert!(warning.contains("a repair would not believe it: all of 30 documents"), "{warning}");
    let ran = scene.home.run_beside(&["verify", "shop", "--repair"]).await;
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    assert!(ran.stderr.contains("0 missing, 30 extra, 0 different"), "{}", ran.stderr);
    let ran = verified(&scene, &["--repair", "--allow-mass-delete"]).await;
    assert_eq!((ran.code, &ran.json()["deleted"]), (Some(1), &30.into()), "{}", ran.stderr);
    assert_eq!(scene.documents().await.len(), 0);
}

/// Less than a mistake would excuse is believed, child rows included.
#[tokio::test]
async fn a_few_that_are_gone_are_taken_away() {
    let scene = in_small_pages(TestEngine::Elasticsearch, Place::sqlite().await, 300).await;
    let gone = "DELETE FROM orders WHERE id <= 60; DELETE FROM orders_gone;
                DELETE FROM order_lines WHERE order_id BETWEEN 101 AND 190; DELETE FROM order_lines_gone";
    scene.run(gone).await;
    let ran = verified(&scene, &["--repair"]).await;
    let report = ran.json();
    assert_eq!((ran.code, found(&report)), (Some(1), [0, 60, 90]), "{report:#}");
    assert_eq!([&report["deleted"], &report["written"]], [60, 90]);
    scene.assert_right("the repair").await;
}

/// What was said to be right is not held until all was looked at: keys of a whole index would be.
#[tokio::test]
async fn what_is_right_is_taken_away_as_it_is_found() {
    let scene = in_small_pages(TestEngine::OpenSearch, Place::sqlite().await, 300).await;
    let gone = "DELETE FROM orders WHERE id > 20; DELETE FROM orders_gone;
                DELETE FROM order_lines WHERE order_id = 3; DELETE FROM order_lines_gone";
    scene.run(gone).await;
    let repair = [&REPAIR[..], &["--allow-mass-delete"]].concat();
    // Amid the first pages of its ids.
    let held = scene.home.start_held("before_advance:2", &repair, &[]).until_held().await;
    assert!(scene.documents().await.len() < 300);
    let ran = held.goes_on().await;
    let report = ran.json();
    assert_eq!((ran.code, found(&report)), (Some(1), [0, 280, 1]), "{report:#}");
    assert_eq!([&report["deleted"], &report["written"]], [280, 1]);
    scene.assert_right("the repair").await;
}

/// All ids are looked at once more then, which takes long where an index is large.
#[tokio::test]
async fn a_last_look_that_is_stopped() {
    let scene = in_small_pages(TestEngine::Elasticsearch, Place::sqlite().await, 300).await;
    scene.run("DELETE FROM orders WHERE id <= 60; DELETE FROM orders_gone").await;
    // Behind the fifteen pages of the first look.
    let held = scene.home.start_held("after_ids:17", &REPAIR, &[]).until_held().await;
    held.signal("INT");
    let ran = tokio::time::timeout(Duration::from_secs(20), held.ended()).await.unwrap();
    let report = ran.json();
    assert_eq!((ran.code, found(&report)), (Some(130), [0, 60, 0]), "{}", ran.stderr);
    assert_eq!(report["deleted"], 0, "{report:#}");
    assert_eq!(scene.documents().await.len(), 300);
}

async fn a_database_that_goes_away(engine: TestEngine, shop: Place) {
    let scene = in_small_pages(engine, shop, 100).await;
    let (Server::Postgres(at) | Server::Mysql(at)) = scene.shop.config().server else {
        panic!("a file has no URL")
    };
    let url = at.url.reveal().unwrap();
    let parsed = Url::parse(&url).unwrap();
    let proxy = TcpProxy::to(&parsed).await;
    scene.rewrite("config/default.yaml", &url, proxy.instead(&parsed).as_str());
    let patience = r#""connect_timeout":"2s","statement_timeout":"2s","overlap":"#;
    scene.rewrite("config/default.yaml", r#""overlap":"#, patience);
    // Deletions and differences on their way.
    scene
        .run("DELETE FROM orders WHERE id > 90; DELETE FROM orders_gone; UPDATE orders SET title = 'silent' WHERE id < 20")
        .await;
    let before = scene.documents().await;
    for then in [Traffic::Close, Traffic::Hang] {
        let held = scene.home.start_held("after_read:2", &REPAIR, &[]).until_held().await;
        proxy.set(then);
        let ran = tokio::time::timeout(Duration::from_secs(40), held.goes_on()).await.unwrap();
        proxy.set(Traffic::Pass);
        assert_eq!(ran.code, Some(4), "{then:?}: {}", ran.stderr);
        assert!(ran.stderr.contains("source `shop`"), "{then:?}: {}", ran.stderr);
        assert_eq!(scene.documents().await, before, "{then:?}");
    }
    let ran = verified(&scene, &["--repair"]).await;
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    scene.assert_right("it is back").await;
}

#[tokio::test]
async fn a_postgres_that_goes_away() {
    a_database_that_goes_away(TestEngine::Elasticsearch, Place::postgres().await).await;
}

#[tokio::test]
async fn a_mariadb_that_goes_away() {
    a_database_that_goes_away(TestEngine::OpenSearch, Place::mariadb().await).await;
}

async fn an_engine_that_fails(engine: TestEngine) {
    let scene = in_small_pages(engine, Place::sqlite().await, 60).await;
    let proxy = FaultProxy::to(&engine.url().await).await;
    let url = proxy.url();
    scene.run("UPDATE orders SET title = 'silent' WHERE id = 7").await;
    for (request, fault, once, for_ever) in [
        ("_search", Fault::Close, 1, 4),
        ("_search", Fault::Half, 1, 4),
        ("_search", Fault::Answer(503, UNAVAILABLE), 1, 4),
        ("_search", Fault::AnswerAfter(WELCOME), 4, 4),
        ("_search", Fault::AnswerAfter(HALF), 4, 4),
        ("_search/scroll", Fault::AnswerAfter(HALF), 4, 4),
        ("_refresh", Fault::AnswerAfter(WELCOME), 4, 4),
    ] {
        for (times, code) in [(1, once), (1_000, for_ever)] {
            let what = format!("{times} {fault:?} at {request}");
            proxy.then(request, std::iter::repeat_n(fault.clone(), times));
            let variables = [("PREJOIN__ENGINE__URL", url.as_str())];
            let running = scene.home.start_with(&["verify", "shop", "--json"], &variables);
            // A pass that breaks off is begun anew by the next run.
            let ran = tokio::time::timeout(Duration::from_secs(40), running.ended()).await;
            let ran = ran.unwrap_or_else(|_| panic!("{what}: it has no end"));
            proxy.forget();
            assert!(
                ran.code == Some(code) || ran.code == Some(4),
                "{what}: {:?} {}",
                ran.code,
                ran.stderr
            );
            if ran.code == Some(1) {
                assert_eq!(found(&ran.json()), [0, 0, 1], "{what}");
            }
        }
    }
}

/// Bytes that are equal need no reading: so it is in each document that a run has written.
async fn documents_are_given_back_as_they_were_sent(engine: TestEngine) {
    let scene = Scene::new(engine, Place::postgres().await).await;
    many(&scene, 30).await;
    let told = r#"quotes " \ / and 김, a tab	, 😀, <html>"#;
    scene.run(&format!("UPDATE orders SET title = '{told}', updated_at = NOW WHERE id = 1")).await;
    scene
        .run("UPDATE order_lines SET price = 9007199254740993, updated_at = NOW WHERE id = 4")
        .await;
    scene.sync().await;
    let report = verified(&scene, &[]).await.json();
    assert_eq!((found(&report), &report["alike"]), ([0, 0, 0], &0.into()), "{report:#}");
    // Written by something else, in other bytes: the same values.
    let document = super::held(&scene, "1").await;
    let spaced = serde_json::to_string_pretty(&document).unwrap();
    super::put(&scene, "1", &serde_json::from_str(&spaced).unwrap()).await;
    let mut turned = super::held(&scene, "2").await;
    let title = turned.as_object_mut().unwrap().shift_remove("title").unwrap();
    turned["title"] = title;
    super::put(&scene, "2", &turned).await;
    let ran = verified(&scene, &[]).await;
    let report = ran.json();
    assert_eq!((ran.code, found(&report), &report["alike"]), (Some(0), [0, 0, 0], &1.into()));
    // One off, which as floating-point numbers they are not.
    let mut document = super::held(&scene, "2").await;
    document["lines"][0]["price"] = 9_007_199_254_740_992_u64.into();
    super::put(&scene, "2", &document).await;
    let report = verified(&scene, &[]).await.json();
    assert_eq!(found(&report), [0, 0, 1], "{report:#}");
    assert_eq!(report["different"]["first"][0]["fields"][0], "lines.price");
}
