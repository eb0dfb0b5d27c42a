//! Random histories: whatever is done to the services, and whatever harm comes to runs, after one that ended well the index
//! holds what a naive join of the services' rows says.
//!
//! The same ones are tried every time, for half a minute by each test. `PREJOIN_TEST_SECONDS` has others happen for so long,
//! `PREJOIN_TEST_SEED` has one happen again. A history that goes wrong is made smaller and printed, and no test begins another.

mod dice;
mod edits;
mod harm;
mod history;
mod invent;
mod oracle;
mod render;
mod schema;
mod server;
mod shrink;
mod world;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::support::engines::TestEngine;
use history::History;
use server::Kind;
use world::Tally;

/// Seconds of each test, where nobody says otherwise.
const SECONDS: u64 = 30;

/// A history of any of the tests went wrong.
static WRONG: AtomicBool = AtomicBool::new(false);

/// Has histories happen until the time is over.
async fn histories(kinds: &[Kind], engine: TestEngine) {
    let variable = |name| std::env::var(name).ok().map(|text: String| text.parse::<u64>().unwrap());
    let (seconds, one) = (variable("PREJOIN_TEST_SECONDS"), variable("PREJOIN_TEST_SEED"));
    let time = Duration::from_secs(seconds.unwrap_or(SECONDS));
    // One after the other, so that all of them can be had again.
    let first = one.unwrap_or_else(|| if seconds.is_some() { rand::random() } else { 0 });
    let (began, mut count, mut all) = (Instant::now(), 0_u32, Tally::default());
    while count == 0 || (one.is_none() && began.elapsed() < time && !WRONG.load(Ordering::Relaxed))
    {
        let tally = history(first.wrapping_add(u64::from(count)), kinds, engine).await;
        all.runs += tally.runs;
        all.kills += tally.kills;
        all.freezes += tally.freezes;
        count += 1;
    }
    let Tally { runs, kills, freezes } = all;
    // Histories without harm would go right, too. A busy machine has time for a few, and freezes are rare.
    let is_harmed = (count < 5 || kills + freezes > 0) && (count < 30 || kills.min(freezes) > 0);
    assert!(is_harmed || one.is_some(), "{kills} kills and {freezes} freezes in {count} histories");
    let seconds = began.elapsed().as_secs();
    eprintln!(
        "{count} histories with {runs} runs, {kills} kills and {freezes} freezes on {kinds:?} from seed {first} on, in {seconds} s"
    );
}

async fn history(seed: u64, kinds: &[Kind], engine: TestEngine) -> Tally {
    let history = History::of(seed, kinds);
    let fault = match Box::pin(world::happen(&history, engine)).await {
        Ok(tally) => return tally,
        Err(fault) => fault,
    };
    WRONG.store(true, Ordering::Relaxed);
    eprintln!("seed {seed} goes wrong in round {}: {}", fault.round, fault.what);
    let until = Instant::now() + Duration::from_secs(120);
    let (least, fault) = Box::pin(shrink::shrink(history, fault, engine, until)).await;
    panic!(
        "{least}\nafter round {}:\n{}\nPREJOIN_TEST_SEED={seed} has it happen again",
        fault.round, fault.what
    );
}

#[tokio::test]
async fn of_sqlite() {
    histories(&[Kind::Sqlite], TestEngine::OpenSearch).await;
}

#[tokio::test]
async fn of_postgres() {
    histories(&[Kind::Postgres], TestEngine::Elasticsearch).await;
}

#[tokio::test]
async fn of_mariadb() {
    histories(&[Kind::Mariadb], TestEngine::OpenSearch).await;
}

#[tokio::test]
async fn of_services_on_different_servers() {
    let all = [Kind::Sqlite, Kind::Postgres, Kind::Mariadb];
    histories(&all, TestEngine::Elasticsearch).await;
}
