//! Rows that come and go, and move, while runs follow one another closely: no document keeps what is no longer there.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::join_all;
use tokio::time::{Instant, sleep, sleep_until};

use super::scene::Scene;
use crate::support::engines::TestEngine;
use crate::support::place::Place;

/// How often in a usual run of the tests; `PREJOIN_TEST_GHOSTS` asks for more.
const TIMES: usize = 24;
/// What comes and goes side by side.
const LANES: usize = 12;
/// How long a row is there.
const LIFE: Duration = Duration::from_millis(300);
/// From one run's beginning to the next one's.
const BEAT: Duration = Duration::from_millis(200);

async fn no_ghost_is_left(shop: Place, engine: TestEngine) {
    let times = std::env::var("PREJOIN_TEST_GHOSTS").ok().map(|times| times.parse().unwrap());
    let times: usize = times.unwrap_or(TIMES);
    let scene = Scene::new(engine, shop).await;
    scene.fill().await;
    // Roots that nothing else touches: what is wrong with one stays wrong. A row visits the first, one moves from the second
    // to the third.
    for time in 0..times {
        let [visited, left, entered] = roots(time);
        let moves = 100_000 + time;
        scene
            .run(&format!(
                "INSERT INTO orders VALUES ({visited}, 'visited', 1, NOW), ({left}, 'left', 1, NOW), ({entered}, 'entered', 2, NOW);
                 INSERT INTO order_lines VALUES ({moves}, {left}, 1, 1, NULL, NOW)"
            ))
            .await;
    }
    scene.sync().await;
    let (is_over, runs) = (AtomicBool::new(false), AtomicUsize::new(0));
    let edits = async {
        // Few at a time: a run must not come to have more to do than fits between two of them.
        for from in (0..times).step_by(TIMES) {
            let some = from..times.min(from + TIMES);
            join_all((0..LANES).map(|lane| come_and_go(&scene, lane, some.clone()))).await;
            let runs_before = runs.load(Ordering::Relaxed);
            while runs.load(Ordering::Relaxed) < runs_before + 2 {
                sleep(BEAT / 10).await;
            }
        }
        is_over.store(true, Ordering::Relaxed);
    };
    let follow = async {
        while !is_over.load(Ordering::Relaxed) {
            let next = Instant::now() + BEAT;
            scene.sync().await;
            runs.fetch_add(1, Ordering::Relaxed);
            sleep_until(next).await;
        }
    };
    tokio::join!(edits, follow);
    scene.sync().await;
    let runs = runs.load(Ordering::Relaxed);
    eprintln!("{times} times beside {runs} runs");
    scene.assert_right(&format!("{times} times beside {runs} runs")).await;
}

fn roots(time: usize) -> [usize; 3] {
    [0, 1, 2].map(|which| 1_000 + 3 * time + which)
}

/// The times of one lane, one after the other.
async fn come_and_go(scene: &Scene, lane: usize, times: Range<usize>) {
    for time in times.skip(lane).step_by(LANES) {
        let ([visited, _, entered], moves, visitor) = (roots(time), 100_000 + time, 200_000 + time);
        scene
            .run(&format!(
                "INSERT INTO order_lines VALUES ({visitor}, {visited}, 2, 1, NULL, NOW);
                 UPDATE order_lines SET order_id = {entered}, updated_at = NOW WHERE id = {moves}"
            ))
            .await;
        // As long as the row is there: nothing is waited for.
        sleep(LIFE).await;
        scene.run(&format!("DELETE FROM order_lines WHERE id = {visitor}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_ghost_of_postgres_is_left() {
    no_ghost_is_left(Place::postgres().await, TestEngine::OpenSearch).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_ghost_of_mariadb_is_left() {
    no_ghost_is_left(Place::mariadb().await, TestEngine::Elasticsearch).await;
}
