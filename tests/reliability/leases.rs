//! Leases: one holder at a time, and the dead are not waited for.

use std::time::{Duration, Instant};

use futures::future::join_all;
use prejoin::sink::Client;
use prejoin::state::{AliasLease, AliasState, Claim, Held, LeaseError, State};

use crate::support::engines::{TestEngine, config, on_both_engines};
use crate::support::fault_proxy::{Fault, FaultProxy};
use crate::support::own::Indexes;

on_both_engines!(
    of_many_takers_one_gets_it,
    a_dead_holder_is_waited_for_no_longer_than_it_said,
    a_holder_that_shows_signs_of_life_keeps_it,
    a_lease_given_back_is_free_at_once,
    a_holder_that_was_passed_over_learns_of_it,
    an_answer_that_gets_lost_is_looked_for,
);

const TTL: Duration = Duration::from_millis(900);

fn claim(holder: &str) -> Claim {
    Claim { holder: holder.to_owned(), task: "test".to_owned(), ttl: TTL, brief: false }
}

async fn take(state: &State, holder: &str) -> Result<AliasLease, LeaseError> {
    let first = AliasState { job: "shop".to_owned(), last: 0 };
    state.lease_alias("shop", &claim(holder), first).await
}

async fn epoch(state: &State) -> u64 {
    state.alias("shop").await.unwrap().unwrap().0.epoch
}

async fn of_many_takers_one_gets_it(engine: TestEngine) {
    let prefix = Indexes::of(engine, "leases").await;
    let state = State::new(engine.client().await, &prefix);
    let takers = (0..8).map(|taker| {
        let state = state.clone();
        async move { take(&state, &format!("taker {taker}")).await }
    });
    let taken = join_all(takers).await;
    let holders: Vec<_> = taken.iter().filter(|taken| taken.is_ok()).collect();
    assert_eq!(holders.len(), 1, "{taken:?}");
    let others = taken.iter().filter_map(|taken| taken.as_ref().err());
    for other in others {
        assert!(matches!(other, LeaseError::Held(_)), "{other:?}");
    }
}

async fn a_dead_holder_is_waited_for_no_longer_than_it_said(engine: TestEngine) {
    let prefix = Indexes::of(engine, "leases").await;
    let state = State::new(engine.client().await, &prefix);
    drop(take(&state, "one that dies").await.unwrap());
    let (first, began) = (epoch(&state).await, Instant::now());
    let next = take(&state, "the next").await.unwrap();
    assert!(began.elapsed() >= TTL, "{:?}", began.elapsed());
    assert!(epoch(&state).await > first);
    next.confirm().await.unwrap();
}

async fn a_holder_that_shows_signs_of_life_keeps_it(engine: TestEngine) {
    let prefix = Indexes::of(engine, "leases").await;
    let state = State::new(engine.client().await, &prefix);
    let held = take(&state, "the holder").await.unwrap();
    for _ in 0..2 {
        match take(&state, "another").await {
            Err(LeaseError::Held(tenure)) => {
                assert_eq!((tenure.holder.as_str(), tenure.task.as_str()), ("the holder", "test"));
            }
            other => panic!("{other:?}"),
        }
    }
    held.update(|state| state.job = "changed".to_owned()).await.unwrap();
    held.release(true).await.unwrap();
    let (tenure, content) = state.alias("shop").await.unwrap().unwrap();
    assert_eq!((tenure.standing, content.job.as_str()), (Held::Clean, "changed"));
}

async fn a_lease_given_back_is_free_at_once(engine: TestEngine) {
    let prefix = Indexes::of(engine, "leases").await;
    let state = State::new(engine.client().await, &prefix);
    for clean in [true, false] {
        let held = take(&state, "the holder").await.unwrap();
        held.release(clean).await.unwrap();
        let (before, began) = (epoch(&state).await, Instant::now());
        take(&state, "the next").await.unwrap().release(true).await.unwrap();
        assert!(began.elapsed() < TTL, "{:?}", began.elapsed());
        assert_eq!(epoch(&state).await, before + 1);
    }
}

async fn a_holder_that_was_passed_over_learns_of_it(engine: TestEngine) {
    let prefix = Indexes::of(engine, "leases").await;
    let state = State::new(engine.client().await, &prefix);
    let mut proxy = FaultProxy::to(&engine.url().await).await;
    let far = State::new(Client::connect(&config(&proxy.url())).await.unwrap(), &prefix);
    let held = take(&far, "one that is cut off").await.unwrap();
    proxy.down().await;
    let next = take(&state, "the next").await.unwrap();
    proxy.up();
    tokio::time::timeout(TTL * 10, held.lost().cancelled()).await.expect("it learns by itself");
    assert!(matches!(held.confirm().await, Err(LeaseError::Lost)));
    // What it does then changes nothing.
    held.release(true).await.unwrap_err();
    next.confirm().await.unwrap();
}

async fn an_answer_that_gets_lost_is_looked_for(engine: TestEngine) {
    let prefix = Indexes::of(engine, "leases").await;
    let state = State::new(engine.client().await, &prefix);
    take(&state, "the first").await.unwrap().release(true).await.unwrap();
    let proxy = FaultProxy::to(&engine.url().await).await;
    let far = State::new(Client::connect(&config(&proxy.url())).await.unwrap(), &prefix);
    proxy.then("PUT /test", [Fault::CloseAfter]);
    let held = take(&far, "the holder").await.unwrap();
    assert!(proxy.is_spent());
    proxy.then("PUT /test", [Fault::CloseAfter]);
    held.update(|state| state.job = "changed".to_owned()).await.unwrap();
    assert_eq!(state.alias("shop").await.unwrap().unwrap().1.job, "changed");
    held.confirm().await.unwrap();
}
