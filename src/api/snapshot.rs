//! Snapshots: an index that is held as it is while one pages through it.
//!
//! Promises: no more of them are open than configured, as far as this server has to do with them; one that is read to its end,
//! or whose caller goes away before there is a cursor, is closed. What nobody closes ends by itself after `keep_alive`, and is
//! counted until then: so is one of which the engine has not said that there is none. Never shows a cursor's snapshot to
//! anyone but its search: the cursor is signed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::Shared;
use super::breaker::Breaker;
use super::problem::Problem;
use crate::config::SnapshotConfig;
use crate::query::Held;
use crate::sink::{Answer, Body, Client, EngineError, Flavor, Method};

/// All that this server has to do with.
pub(super) struct Snapshots {
    client: Client,
    config: SnapshotConfig,
    slots: Mutex<Slots>,
    /// How many are not closed yet that are to be.
    to_close: watch::Sender<usize>,
}

/// One of them; closed when it is dropped without having been kept.
pub(super) struct Snapshot {
    all: Arc<Snapshots>,
    ticket: u64,
    /// The engine's name for it; empty until it has one.
    pit: String,
    kept: bool,
    /// Whether its pages before are known to be of the same index and search.
    pub(super) goes_on: bool,
    counted: Arc<Counted>,
}

/// Counts what is to be closed.
struct Counted(Arc<Snapshots>);

impl Counted {
    fn new(all: &Arc<Snapshots>) -> Arc<Self> {
        all.to_close.send_modify(|count| *count += 1);
        Arc::new(Self(Arc::clone(all)))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.to_close.send_modify(|count| *count -= 1);
    }
}

impl Snapshots {
    pub(super) fn new(client: Client, config: SnapshotConfig) -> Arc<Self> {
        let slots = Mutex::new(Slots { most: config.open, open: HashMap::new() });
        Arc::new(Self { client, config, slots, to_close: watch::Sender::new(0) })
    }

    /// Holds the index behind `alias`.
    ///
    /// # Errors
    /// When enough of them are open, or the engine has no more or does not answer.
    pub(super) async fn open(
        self: &Arc<Self>,
        shared: &Shared,
        alias: &str,
    ) -> Result<Snapshot, Problem> {
        let ticket = rand::random();
        let wait = shared.wait();
        let now = Instant::now();
        // Held by the engine from its answer on, which may be as late as that.
        let until = now + wait + self.config.keep_alive;
        self.slots().take(ticket, now, until).map_err(Problem::too_many_snapshots)?;
        let all = Arc::clone(self);
        let counted = Counted::new(&all);
        let (pit, kept, goes_on) = (String::new(), false, false);
        let snapshot = Snapshot { all, ticket, pit, kept, goes_on, counted };
        let (breaker, alias) = (Arc::clone(&shared.breaker), alias.to_owned());
        // It does not end with its caller: somebody has to know what to close.
        let opened = tokio::spawn(async move { snapshot.opened(&breaker, wait, &alias).await });
        opened.await.map_err(|_| Problem::internal())?
    }

    /// Returns when all are closed that were not kept, or after so long.
    pub(super) async fn closed(&self, within: Duration) {
        let mut to_close = self.to_close.subscribe();
        let all = to_close.wait_for(|count| *count == 0);
        if tokio::time::timeout(within, all).await.is_err() {
            tracing::warn!("snapshots are left to their ends");
        }
    }

    /// What the engine answers to who asks for one; nothing when it has no more of them.
    async fn ask_for(&self, alias: &str) -> Result<Option<Opened>, EngineError> {
        let keep_alive = self.keep_alive();
        let (segments, option) = match self.client.engine().flavor {
            Flavor::Elasticsearch => (vec![alias, "_pit"], None),
            Flavor::OpenSearch => {
                let whole = ("allow_partial_pit_creation", "false");
                (vec![alias, "_search", "point_in_time"], Some(whole))
            }
        };
        let options: Vec<_> =
            [("keep_alive", keep_alive.as_str())].into_iter().chain(option).collect();
        let answer = self.client.send(Method::Post, &segments, &options, Body::Empty).await?;
        match answer.success() {
            Ok(answer) => answer.json().map(Some),
            Err(error) if error.status() == Some(429) => {
                tracing::warn!(%error, "the engine opens no more snapshots");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Goes on with the snapshot of a cursor.
    ///
    /// # Errors
    /// When its time is over.
    pub(super) fn resume(self: &Arc<Self>, held: Held) -> Result<Snapshot, Problem> {
        if Timestamp::now().as_second() > held.until {
            self.slots().free(held.ticket);
            return Err(Problem::cursor_expired());
        }
        let now = Instant::now();
        self.slots().keep(held.ticket, now, now + self.config.keep_alive);
        let all = Arc::clone(self);
        let counted = Counted::new(&all);
        let (ticket, pit) = (held.ticket, held.pit);
        Ok(Snapshot { all, ticket, pit, kept: true, goes_on: true, counted })
    }

    fn keep_alive(&self) -> String {
        format!("{}s", self.config.keep_alive.as_secs())
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn close(&self, pit: &str) {
        let (segments, body): (&[_], _) = match self.client.engine().flavor {
            Flavor::Elasticsearch => (&["_pit"], json!({"id": pit})),
            Flavor::OpenSearch => (&["_search", "point_in_time"], json!({"pit_id": [pit]})),
        };
        let closed = self.client.send(Method::Delete, segments, &[], &body).await;
        // It ends by itself, only later.
        if let Err(error) = closed.map_err(EngineError::from).and_then(Answer::success) {
            tracing::debug!(%error, "a snapshot is left to its end");
        }
    }
}

impl Snapshot {
    /// Has the engine hold it.
    async fn opened(
        mut self,
        breaker: &Breaker,
        wait: Duration,
        alias: &str,
    ) -> Result<Self, Problem> {
        let all = Arc::clone(&self.all);
        match breaker.ask(wait, all.ask_for(alias)).await {
            Ok(Some(opened)) => {
                self.pit = opened.id;
                match opened.shards.failed {
                    0 => Ok(self),
                    _ => Err(Problem::partial_result()),
                }
            }
            Ok(None) => Err(Problem::too_many_snapshots(all.config.keep_alive)),
            Err(unanswered) => {
                // The engine may hold it all the same.
                self.kept = !unanswered.is_certain();
                Err(unanswered.into())
            }
        }
    }

    /// Has a search ask it. The search names no index then.
    pub(super) fn add_to(&self, search: &mut Value) {
        let pit = json!({"id": self.pit, "keep_alive": self.all.keep_alive()});
        if let Value::Object(members) = search {
            members.insert("pit".to_owned(), pit);
        }
    }

    /// It goes on being held, as it is being asked: an answer may take so long.
    pub(super) fn stays(&self, wait: Duration) {
        let now = Instant::now();
        self.all.slots().keep(self.ticket, now, now + wait + self.all.config.keep_alive);
    }

    /// The engine may name it anew with each answer.
    pub(super) fn renamed(&mut self, pit: Option<String>) {
        self.pit = pit.unwrap_or_else(|| std::mem::take(&mut self.pit));
    }

    /// Leaves it open for the next page, as that page's cursor has to know it.
    pub(super) fn keep(mut self, index: &str) -> Held {
        self.kept = true;
        let keep_alive = i64::try_from(self.all.config.keep_alive.as_secs()).unwrap_or(0);
        let until = Timestamp::now().as_second() + keep_alive;
        Held { index: index.to_owned(), pit: self.pit.clone(), ticket: self.ticket, until }
    }

    /// Closes it: it has been read to its end.
    pub(super) fn close(mut self) {
        self.kept = false;
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        self.all.slots().free(self.ticket);
        let (all, pit) = (Arc::clone(&self.all), std::mem::take(&mut self.pit));
        if let (false, Ok(runtime)) = (pit.is_empty(), tokio::runtime::Handle::try_current()) {
            // Nobody waits for that but a server that ends.
            let counted = Arc::clone(&self.counted);
            drop(runtime.spawn(async move {
                all.close(&pit).await;
                drop(counted);
            }));
        }
    }
}

/// What the engine answers; the two name it differently.
#[derive(Deserialize)]
struct Opened {
    #[serde(alias = "pit_id")]
    id: String,
    #[serde(rename = "_shards")]
    shards: OpenedShards,
}

#[derive(Deserialize)]
struct OpenedShards {
    failed: u32,
}

/// Which snapshots are open, and until when at the latest.
struct Slots {
    most: usize,
    open: HashMap<u64, Instant>,
}

impl Slots {
    /// Takes a slot; else says when the next one is free.
    fn take(&mut self, ticket: u64, now: Instant, until: Instant) -> Result<(), Duration> {
        self.open.retain(|_, until| *until > now);
        if self.open.len() < self.most {
            self.open.insert(ticket, until);
            return Ok(());
        }
        let next = self.open.values().min().copied();
        Err(next.unwrap_or(until).duration_since(now))
    }

    /// One that is open already, be it by another server.
    fn keep(&mut self, ticket: u64, now: Instant, until: Instant) {
        self.open.retain(|_, until| *until > now);
        self.open.insert(ticket, until);
    }

    fn free(&mut self, ticket: u64) {
        self.open.remove(&ticket);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_come_free_by_themselves_and_when_they_are_given_back() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut slots = Slots { most: 2, open: HashMap::new() };
        assert_eq!(slots.take(1, at(0), at(60)), Ok(()));
        assert_eq!(slots.take(2, at(10), at(70)), Ok(()));
        assert_eq!(slots.take(3, at(20), at(80)), Err(Duration::from_secs(40)));
        slots.keep(1, at(30), at(90));
        assert_eq!(slots.take(3, at(50), at(110)), Err(Duration::from_secs(20)));
        assert_eq!(slots.take(3, at(70), at(130)), Ok(()));
        slots.free(1);
        assert_eq!(slots.take(4, at(71), at(131)), Ok(()));
        // What another server opened is open all the same.
        slots.keep(5, at(72), at(132));
        assert_eq!(slots.open.len(), 3);
        assert!(slots.take(6, at(73), at(133)).is_err());
    }
}
