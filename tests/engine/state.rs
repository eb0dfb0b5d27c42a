//! What is remembered in the engine.

use jiff::Timestamp;
use prejoin::state::{DeadLetter, State};
use serde_json::{Value, json};

use crate::support::engines::{TestEngine, on_both_engines};
use crate::support::own::Indexes;

on_both_engines!(
    nothing_is_remembered_at_first,
    the_latest_run_is_told,
    old_runs_are_forgotten,
    dead_letters_are_kept_by_key_and_dropped_by_index,
    several_may_make_the_indexes_at_once,
);

fn report(job: &str, minute: u32, index: &str) -> Value {
    json!({
        "job": job, "mode": "reindex", "index": index,
        "started_at": format!("2026-11-21T{:02}:{:02}:00.123456789Z", minute / 60, minute % 60),
        "ended_at": "2026-11-21T23:00:00Z",
        "read": 10, "nested": {"anything": ["at", 1, "all"]},
    })
}

fn letter(index: &str, key: &str, second: i64) -> DeadLetter {
    DeadLetter {
        job: "things".to_owned(),
        index: index.to_owned(),
        key: key.to_owned(),
        error_type: "mapper_parsing_exception".to_owned(),
        field: Some("amount".to_owned()),
        at: Timestamp::from_second(1_795_000_000 + second).unwrap(),
        checkpoint: 1,
    }
}

async fn nothing_is_remembered_at_first(engine: TestEngine) {
    let prefix = Indexes::of(engine, "state").await;
    let state = State::new(engine.client().await, &prefix);
    assert_eq!(state.last_run("things").await.unwrap(), None);
    assert_eq!(state.count_dead_letters("things-000001").await.unwrap(), 0);
    assert_eq!(state.list_dead_letters("things-000001", 10).await.unwrap(), []);
    state.drop_dead_letters("things-000001", 0).await.unwrap();
}

async fn the_latest_run_is_told(engine: TestEngine) {
    let client = engine.client().await;
    let prefix = Indexes::of(engine, "state").await;
    let state = State::new(client.clone(), &prefix);
    let latest = report("things", 9, "things-000002");
    for report in [&latest, &report("things", 8, "things-000001"), &report("others", 10, "o")] {
        state.record_run(report).await.unwrap();
    }
    let run = state.last_run("things").await.unwrap().unwrap();
    assert_eq!((run.index.as_str(), &run.report), ("things-000002", &latest));
}

async fn old_runs_are_forgotten(engine: TestEngine) {
    let client = engine.client().await;
    let prefix = Indexes::of(engine, "state").await;
    let state = State::new(client.clone(), &prefix);
    for minute in 0..103 {
        state.record_run(&report("things", minute, "things-000001")).await.unwrap();
    }
    let run = state.last_run("things").await.unwrap().unwrap();
    assert!(run.started_at.starts_with("2026-11-21T01:42"), "{}", run.started_at);
    // All of them can be found now; the next one is not among those that are counted.
    state.record_run(&report("things", 103, "things-000001")).await.unwrap();
    assert_eq!(super::count(&client, &format!("{prefix}-state")).await, 101);
}

async fn dead_letters_are_kept_by_key_and_dropped_by_index(engine: TestEngine) {
    let client = engine.client().await;
    let prefix = Indexes::of(engine, "state").await;
    let state = State::new(client.clone(), &prefix);
    let long = "x".repeat(40_000);
    let mut letters: Vec<_> = (0..1_500).map(|n| letter("a-000001", &n.to_string(), n)).collect();
    letters.push(letter("a-000001", &long, 2_000));
    letters.push(letter("a-000001", "한글 key", 3_000));
    letters.push(letter("a-000002", "7", 0));
    state.put_dead_letters(&letters).await.unwrap();
    // Again, later: one letter for each key.
    let again = letter("a-000001", "7", 4_000);
    state.put_dead_letters(std::slice::from_ref(&again)).await.unwrap();

    assert_eq!(state.count_dead_letters("a-000001").await.unwrap(), 1_502);
    let first = state.list_dead_letters("a-000001", 3).await.unwrap();
    assert_eq!(
        first,
        [again, letter("a-000001", "한글 key", 3_000), letter("a-000001", &long, 2_000)]
    );

    state.drop_dead_letters("a-000001", 0).await.unwrap();
    assert_eq!(state.count_dead_letters("a-000001").await.unwrap(), 0);
    assert_eq!(state.count_dead_letters("a-000002").await.unwrap(), 1);
}

async fn several_may_make_the_indexes_at_once(engine: TestEngine) {
    let client = engine.client().await;
    let prefix = Indexes::of(engine, "state").await;
    let runs = (0..8).map(|minute| {
        let state = State::new(client.clone(), &prefix);
        async move { state.record_run(&report("things", minute, "things-000001")).await }
    });
    for recorded in futures::future::join_all(runs).await {
        recorded.unwrap();
    }
    let index = format!("{prefix}-state");
    assert_eq!(super::count(&client, &index).await, 8);
    // The first writer's guess of types would have made a text of it.
    let mapping =
        client.call(prejoin::sink::Method::Get, &[&index, "_mapping"], &[], None).await.unwrap();
    assert_eq!(mapping[&index]["mappings"]["dynamic"], "strict");
}
