//! Random histories: whatever is done to the services, after a run the index holds what a naive join of their rows says.
//!
//! The same ones are tried every time, for 60 s by all tests together. `PREJOIN_TEST_SECONDS` has others happen for so long,
//! `PREJOIN_TEST_SEED` has one happen again. A history that goes wrong is made smaller and printed.

mod dice;
mod edits;
mod history;
mod invent;
mod oracle;
mod render;
mod schema;
mod server;
mod shrink;
mod world;

use std::time::{Duration, Instant};

use crate::support::engines::TestEngine;
use history::History;
use server::Kind;

/// Tests that share the time.
const TESTS: u32 = 4;

/// Has histories happen until the time is over.
async fn histories(kinds: &[Kind], engine: TestEngine) {
    let variable = |name| std::env::var(name).ok().map(|text: String| text.parse::<u64>().unwrap());
    let (seconds, one) = (variable("PREJOIN_TEST_SECONDS"), variable("PREJOIN_TEST_SEED"));
    let time = Duration::from_secs(seconds.unwrap_or(60)) / TESTS;
    let began = Instant::now();
    let mut count: u32 = 0;
    while count == 0 || (one.is_none() && began.elapsed() < time) {
        let next = if seconds.is_some() { rand::random() } else { u64::from(count) };
        let seed = one.unwrap_or(next);
        history(seed, kinds, engine).await;
        count += 1;
    }
    eprintln!("{count} histories on {kinds:?} in {} s", began.elapsed().as_secs());
}

async fn history(seed: u64, kinds: &[Kind], engine: TestEngine) {
    let history = History::of(seed, kinds);
    let Err(fault) = Box::pin(world::happen(&history, engine)).await else { return };
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
