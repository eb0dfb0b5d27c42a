//! Up to when an index is in step with its services, as a caller is told.
//!
//! Promises: never later than what the answer holds, since it is known before the engine is asked for that. Read every few
//! seconds at most, however many ask, and left out where it cannot be read. Never keeps an answer from being given, and keeps
//! nobody waiting where others have asked just before.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use jiff::Timestamp;
use tokio::sync::Mutex;

use crate::sink::{Client, index};
use crate::state::State;

/// How long it is good for.
const KEPT: Duration = Duration::from_secs(3);
/// How long it is still told while it is read again: an older time is no less true.
const TOLD: Duration = Duration::from_secs(10);
/// How long the engine may take to tell.
const WAIT: Duration = Duration::from_secs(1);

/// What was read last of one alias's index.
#[derive(Debug, Default)]
pub(super) struct Freshness(Arc<Mutex<Option<Known>>>);

#[derive(Debug)]
struct Known {
    index: String,
    read_at: Instant,
    /// Somebody is reading it again.
    is_being_read: bool,
    as_of: Option<Timestamp>,
}

impl Freshness {
    /// Up to when all changes are in `index`; `None` when nothing is remembered of it.
    pub(super) async fn as_of(
        &self,
        (client, state): (&Client, &State),
        index: &str,
    ) -> Option<Timestamp> {
        let reading = || {
            let (client, state, index) = (client.clone(), state.clone(), index.to_owned());
            async move { in_time(&client, &state, &index).await }
        };
        self.told(index, reading).await
    }

    /// What was read last of `index`; where that is too old, what `reading` gives.
    async fn told<R>(&self, index: &str, reading: impl FnOnce() -> R) -> Option<Timestamp>
    where
        R: Future<Output = Option<Timestamp>> + Send + 'static,
    {
        let mut last = self.0.lock().await;
        let known = last.as_mut().filter(|known| known.index == index);
        if let Some(known) = known.filter(|known| known.read_at.elapsed() < TOLD) {
            if known.read_at.elapsed() >= KEPT && !known.is_being_read {
                known.is_being_read = true;
                self.read_again(index.to_owned(), reading());
            }
            return known.as_of;
        }
        let as_of = reading().await;
        last.insert(Known::of(index.to_owned(), as_of)).as_of
    }

    /// Lets it be read while those who ask are answered.
    fn read_again(
        &self,
        index: String,
        reading: impl Future<Output = Option<Timestamp>> + Send + 'static,
    ) {
        let last = Arc::clone(&self.0);
        tokio::spawn(async move {
            let as_of = reading.await;
            let mut last = last.lock().await;
            // Another index may have been met meanwhile.
            if last.as_ref().is_some_and(|known| known.index == index) {
                *last = Some(Known::of(index, as_of));
            }
        });
    }
}

impl Known {
    fn of(index: String, as_of: Option<Timestamp>) -> Self {
        Self { index, read_at: Instant::now(), is_being_read: false, as_of }
    }
}

/// What is told of it within the time there is; nothing else.
async fn in_time(client: &Client, state: &State, index: &str) -> Option<Timestamp> {
    match tokio::time::timeout(WAIT, read(client, state, index)).await {
        Ok(Ok(as_of)) => as_of,
        Ok(Err(error)) => {
            tracing::debug!(index, error = format!("{error:#}"), "its state cannot be read");
            None
        }
        Err(_) => None,
    }
}

/// The oldest horizon of what is remembered of that very index.
async fn read(client: &Client, state: &State, index: &str) -> Result<Option<Timestamp>> {
    let Some((_, remembered)) = state.index(index).await? else { return Ok(None) };
    // Another index may have had the name before.
    let same = index::uuid(client, index).await?.as_ref() == Some(&remembered.uuid);
    Ok(remembered.horizons.into_values().min().filter(|_| same))
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use tokio::sync::oneshot;

    use super::*;

    fn time(second: i64) -> Option<Timestamp> {
        Some(Timestamp::from_second(second).unwrap())
    }

    impl Freshness {
        /// As if it had been read so long ago.
        async fn aged(&self, by: Duration) {
            let mut last = self.0.lock().await;
            let known = last.as_mut().unwrap();
            known.read_at = known.read_at.checked_sub(by).unwrap();
        }
    }

    #[tokio::test]
    async fn what_was_just_read_is_not_read_again() {
        let freshness = Freshness::default();
        assert_eq!(freshness.told("a-1", || ready(time(1))).await, time(1));
        assert_eq!(freshness.told("a-1", || ready(time(9))).await, time(1));
        // Of another index nothing is known.
        assert_eq!(freshness.told("a-2", || ready(None)).await, None);
        assert_eq!(freshness.told("a-1", || ready(time(2))).await, time(2));
    }

    #[tokio::test]
    async fn nobody_waits_while_it_is_read_again_and_one_reads() {
        let freshness = Freshness::default();
        freshness.told("a-1", || ready(time(1))).await;
        freshness.aged(KEPT).await;
        let (tell, read) = oneshot::channel();
        assert_eq!(freshness.told("a-1", || async { read.await.unwrap() }).await, time(1));
        let never = || -> std::future::Ready<Option<Timestamp>> { panic!("it is read twice") };
        assert_eq!(freshness.told("a-1", never).await, time(1));
        tell.send(time(2)).unwrap();
        while freshness.told("a-1", never).await != time(2) {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn what_is_too_old_is_not_told() {
        let freshness = Freshness::default();
        freshness.told("a-1", || ready(time(1))).await;
        freshness.aged(KEPT).await;
        // This one never comes to an end.
        assert_eq!(freshness.told("a-1", pending).await, time(1));
        freshness.aged(TOLD).await;
        assert_eq!(freshness.told("a-1", || ready(None)).await, None);
    }

    #[tokio::test]
    async fn what_comes_late_is_of_its_own_index() {
        let freshness = Freshness::default();
        freshness.told("a-1", || ready(time(1))).await;
        freshness.aged(KEPT).await;
        let (tell, read) = oneshot::channel();
        freshness.told("a-1", || async { read.await.unwrap() }).await;
        freshness.told("a-2", || ready(time(5))).await;
        tell.send(time(2)).unwrap();
        // It has ended when nobody but this holds what it would write to.
        while Arc::strong_count(&freshness.0) > 1 {
            tokio::task::yield_now().await;
        }
        assert_eq!(freshness.told("a-2", || ready(time(9))).await, time(5));
    }
}
