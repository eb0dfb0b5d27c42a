//! An index that is built anew while everything changes.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::sleep;

use super::scene::Scene;
use crate::support::engines::TestEngine;
use crate::support::place::Place;

/// Orders, with two lines each.
const ORDERS: u64 = 2_000;
/// Between two edits of a writer.
const PAUSE: Duration = Duration::from_millis(20);
/// Writers side by side.
const WRITERS: u64 = 3;
/// Builds that there are at least.
const BUILDS: u64 = 3;
/// Edits beside the builds, at least: fewer are no storm. Where writers are slow there are more builds.
const EDITS: u64 = 100;

/// The edit of that number, somewhere in the shop.
fn edit(number: u64) -> String {
    // All over, and never the same for long.
    let order = 100 + number.wrapping_mul(7_919) % ORDERS;
    let line = 10_000 + number.wrapping_mul(104_729) % (2 * ORDERS);
    match number % 8 {
        0 => format!(
            "UPDATE orders SET title = 'edit {number}', updated_at = NOW WHERE id = {order}"
        ),
        1 => {
            format!("UPDATE order_lines SET order_id = {order}, updated_at = NOW WHERE id = {line}")
        }
        2 => format!("UPDATE order_lines SET price = {number}, updated_at = NOW WHERE id = {line}"),
        3 => format!("DELETE FROM order_lines WHERE id = {line}"),
        4 => format!(
            "INSERT INTO order_lines VALUES ({}, {order}, 1, 7, NULL, NOW)",
            100_000 + number
        ),
        5 => format!(
            "UPDATE buyers SET name = 'edit {number}', updated_at = NOW WHERE id = {}",
            number % 50
        ),
        6 if number % 80 == 6 => {
            format!("INSERT INTO orders VALUES ({}, 'new', 3, NOW)", 200_000 + number)
        }
        7 if number % 80 == 7 => format!("DELETE FROM orders WHERE id = {order}"),
        _ => format!(
            "UPDATE orders SET buyer_id = {}, updated_at = NOW WHERE id = {order}",
            number % 50
        ),
    }
}

async fn built_in_a_storm(shop: Place, engine: TestEngine) {
    let scene = Scene::new(engine, shop).await;
    scene.fill().await;
    let orders = (0..ORDERS).map(|at| format!("({}, 'order', {}, NOW)", 100 + at, at % 50));
    let orders: Vec<String> = orders.collect();
    let lines =
        (0..2 * ORDERS).map(|at| format!("({}, {}, 1, 1, NULL, NOW)", 10_000 + at, 100 + at / 2));
    let lines: Vec<String> = lines.collect();
    scene.run(&format!("INSERT INTO orders VALUES {}", orders.join(", "))).await;
    scene.run(&format!("INSERT INTO order_lines VALUES {}", lines.join(", "))).await;
    let (is_over, edits) = (AtomicBool::new(false), AtomicU64::new(0));
    let storm = async |writer: u64| {
        let mut number = writer;
        while !is_over.load(Ordering::Relaxed) {
            scene.run(&edit(number)).await;
            edits.fetch_add(1, Ordering::Relaxed);
            // With tests' few remembered keys a run builds some dozens a second: much faster edits, and each catch-up is longer.
            sleep(PAUSE).await;
            number += WRITERS;
        }
    };
    let builds = async {
        let mut builds = 0;
        while builds < BUILDS || edits.load(Ordering::Relaxed) < EDITS {
            let built = scene.home.run_beside(&["reindex", "shop", "--json"]).await;
            assert_eq!(built.code, Some(0), "{}", built.stderr);
            assert_eq!(built.json()["swapped"], true);
            builds += 1;
        }
        is_over.store(true, Ordering::Relaxed);
        builds
    };
    let (builds, ..) = tokio::join!(builds, storm(0), storm(1), storm(2));
    let edits = edits.into_inner();
    scene.sync().await;
    scene.assert_right(&format!("{edits} edits beside {builds} builds")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn built_in_a_storm_on_postgres() {
    Box::pin(built_in_a_storm(Place::postgres().await, TestEngine::OpenSearch)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn built_in_a_storm_on_mariadb() {
    Box::pin(built_in_a_storm(Place::mariadb().await, TestEngine::Elasticsearch)).await;
}
