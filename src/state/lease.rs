//! Leases: one run at a time may do a thing, and whoever dies holding one is not waited for.
//!
//! A lease is a document that its holder writes again and again. Whoever wants it watches the document: one that stands still
//! for the holder's time to live, by the watcher's own clock, is nobody's any more. No two machines' clocks are compared.
//!
//! Promises: a lease passes on by compare-and-set, so that of two who want it one gets it; a holder that was passed over
//! learns of it with its next write at the latest. Never proves that the holder before has stopped: what that one still
//! sends is kept out by other means (see `IndexLease`).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::State;
use super::stored::{NotStored, Standing};
use crate::sink::version::epoch_after;

/// Signs of life within one time to live.
pub(super) const BEATS: u32 = 3;
/// Who holds a lease, and since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenure {
    /// Grows with each holder.
    pub epoch: u64,
    /// Machine and process.
    pub holder: String,
    /// A name that no other holder has.
    pub run: String,
    /// What it is held for: `reindex`, `rollback`.
    pub task: String,
    /// When it was taken.
    pub since: Timestamp,
    /// How long the holder may be silent, in milliseconds.
    pub ttl_ms: u64,
    /// Whether it is held for moments only, again and again: its end is worth waiting for.
    #[serde(default)]
    pub brief: bool,
    /// Signs of life so far.
    pub beat: u64,
    /// Whether it is held, or how it ended.
    pub standing: Held,
}

/// Whether a lease is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Held {
    /// It is, or its holder has died.
    Held,
    /// It was given back, and every request of its holder had been answered.
    Clean,
    /// It was given back; a request of its holder may still be on its way.
    Unclean,
}

/// Who wants a lease, and for what.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Machine and process.
    pub holder: String,
    /// What for.
    pub task: String,
    /// How long it may be silent.
    pub ttl: Duration,
    /// Whether it will be held for moments only, so that others wait for its end instead of giving up.
    pub brief: bool,
}

/// Why a lease is not held.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// Another run holds it, and shows signs of life.
    #[error("{} has held it since {:.0} ({})", .0.holder, .0.since, .0.task)]
    Held(Box<Tenure>),
    /// Another run has taken it over.
    #[error("another run took the lease over")]
    Lost,
    /// The engine failed.
    #[error(transparent)]
    Failed(anyhow::Error),
}

impl From<anyhow::Error> for LeaseError {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

/// A lease's document.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Record<T> {
    pub(super) tenure: Tenure,
    pub(super) content: T,
}

/// A lease that is held, and what its document says beside. Given back by [`Lease::give_back`]; one that is dropped is as its
/// holder's death would leave it.
#[derive(Debug)]
pub struct Lease<T> {
    shared: Arc<Shared<T>>,
    /// Its time to live.
    ttl: Duration,
    heart: JoinHandle<()>,
}

struct Shared<T> {
    state: State,
    id: String,
    kept: Mutex<(Standing, Record<T>)>,
    // One for each try at writing: a try whose answer was lost is told from the next one by it.
    beats: AtomicU64,
    lost: CancellationToken,
}

impl<T> std::fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Claim {
    /// The claim of this process.
    pub fn of_this_process(task: &str, ttl: Duration) -> Self {
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let host = match host.trim() {
            "" => "this machine",
            host => host,
        };
        let holder = format!("{host}, process {}", std::process::id());
        Self { holder, task: task.to_owned(), ttl, brief: false }
    }

    /// The same, to be held for moments only: whoever holds it so lets others in between two of them.
    #[must_use]
    pub fn brief(self) -> Self {
        Self { brief: true, ..self }
    }

    /// The beginning of a tenure after that of epoch `last`.
    ///
    /// # Errors
    /// When the machine's clock is centuries ahead.
    pub(super) fn tenure(&self, last: Option<u64>) -> Result<Tenure> {
        let since = Timestamp::now();
        Ok(Tenure {
            epoch: epoch_after(last, since)?,
            holder: self.holder.clone(),
            run: Uuid::new_v4().simple().to_string(),
            task: self.task.clone(),
            since,
            ttl_ms: u64::try_from(self.ttl.as_millis()).unwrap_or(u64::MAX),
            brief: self.brief,
            beat: 0,
            standing: Held::Held,
        })
    }
}

impl<T> Lease<T>
where
    T: Serialize + DeserializeOwned + Clone + Send + Sync + 'static,
{
    /// Takes the lease that stands as `before` says; `None` when somebody was faster.
    pub(super) async fn take(
        state: &State,
        id: &str,
        before: Option<Standing>,
        record: Record<T>,
    ) -> Result<Option<Self>> {
        let Some(standing) = put(state, id, &record, before).await? else { return Ok(None) };
        let ttl = Duration::from_millis(record.tenure.ttl_ms);
        let shared = Arc::new(Shared {
            state: state.clone(),
            id: id.to_owned(),
            kept: Mutex::new((standing, record)),
            beats: AtomicU64::new(0),
            lost: CancellationToken::new(),
        });
        let heart = tokio::spawn(Arc::clone(&shared).beat(ttl));
        Ok(Some(Self { shared, ttl, heart }))
    }

    /// Ends when another run has taken the lease over.
    pub fn lost(&self) -> CancellationToken {
        self.shared.lost.clone()
    }

    /// What the document says, as this holder last wrote it.
    pub async fn content(&self) -> T {
        self.shared.kept.lock().await.1.content.clone()
    }

    /// Changes what the document says.
    ///
    /// # Errors
    /// [`LeaseError::Lost`], or when the engine does not answer or refuses.
    pub async fn update(&self, change: impl FnOnce(&mut T)) -> Result<(), LeaseError> {
        self.shared.write(|record| change(&mut record.content)).await
    }

    /// Makes sure that nobody has taken the lease over.
    ///
    /// # Errors
    /// As [`Lease::update`].
    pub async fn confirm(&self) -> Result<(), LeaseError> {
        self.shared.write(|_| {}).await
    }

    /// Gives it back. `clean` says that none of the holder's requests can be on its way any more.
    ///
    /// # Errors
    /// As [`Lease::update`]; the lease then ends with its time to live.
    pub async fn release(self, clean: bool) -> Result<(), LeaseError> {
        self.heart.abort();
        let standing = if clean { Held::Clean } else { Held::Unclean };
        self.shared.write(|record| record.tenure.standing = standing).await
    }

    /// As [`Lease::release`]. That it fails, or takes longer than its time to live, is only worth a line: it ends with that.
    pub async fn give_back(self, clean: bool) {
        let (id, ttl) = (self.shared.id.clone(), self.ttl);
        let released = timeout(ttl, self.release(clean)).await;
        match released.unwrap_or_else(|late| Err(anyhow::Error::from(late).into())) {
            Ok(()) | Err(LeaseError::Lost) => {}
            Err(error) => {
                tracing::warn!(
                    lease = id,
                    error = format!("{error:#}"),
                    "the lease is not given back: it runs out by itself"
                );
            }
        }
    }
}

impl<T> Drop for Lease<T> {
    fn drop(&mut self) {
        self.heart.abort();
    }
}

impl<T: Serialize + DeserializeOwned + Clone> Shared<T> {
    async fn write(&self, change: impl FnOnce(&mut Record<T>)) -> Result<(), LeaseError> {
        let mut kept = self.kept.lock().await;
        if self.lost.is_cancelled() {
            return Err(LeaseError::Lost);
        }
        let mut next = kept.1.clone();
        next.tenure.beat = self.beats.fetch_add(1, Ordering::Relaxed) + 1;
        change(&mut next);
        match put(&self.state, &self.id, &next, Some(kept.0)).await? {
            Some(standing) => *kept = (standing, next),
            None => {
                self.lost.cancel();
                return Err(LeaseError::Lost);
            }
        }
        Ok(())
    }

    /// Shows signs of life until the lease is lost.
    async fn beat(self: Arc<Self>, ttl: Duration) {
        loop {
            sleep(ttl / BEATS).await;
            // One request that hangs must not cost the lease: the next one tells which of them arrived.
            match timeout(ttl / BEATS, self.write(|_| {})).await {
                Ok(Ok(())) => {}
                Ok(Err(LeaseError::Lost | LeaseError::Held(_))) => return,
                Err(_) => tracing::warn!(lease = self.id, "no answer to a sign of life"),
                Ok(Err(LeaseError::Failed(error))) => {
                    tracing::warn!(
                        lease = self.id,
                        error = format!("{error:#}"),
                        "no sign of life sent"
                    );
                }
            }
        }
    }
}

/// Writes the record as the next after `before`; `None` when another run's stands there. An answer that got lost is looked
/// for in the document itself.
async fn put<T: Serialize + DeserializeOwned>(
    state: &State,
    id: &str,
    record: &Record<T>,
    before: Option<Standing>,
) -> Result<Option<Standing>> {
    let mut after = before;
    for _ in 0..3 {
        let failed = match state.store(id, ("lease", record), after).await {
            Ok(standing) => return Ok(Some(standing)),
            Err(NotStored::Failed(error)) => Some(error),
            Err(NotStored::Conflict) => None,
        };
        let found = match (state.fetch::<Record<T>>(id).await, failed) {
            (Ok(found), None) => found,
            (Ok(found), Some(error)) => match found {
                Some((standing, found)) if same(&found, record) => return Ok(Some(standing)),
                _ => return Err(error),
            },
            (Err(error), None) => return Err(error),
            (Err(_), Some(error)) => return Err(error),
        };
        match found {
            // An earlier try of ours that arrived late: this one goes on top of it.
            Some((standing, found)) if found.tenure.run == record.tenure.run => {
                after = Some(standing);
            }
            _ => return Ok(None),
        }
    }
    Err(anyhow::anyhow!("the engine's answers contradict one another")).context(id.to_owned())
}

/// Whether it is this very writing of the record.
fn same<T>(found: &Record<T>, record: &Record<T>) -> bool {
    (&found.tenure.run, found.tenure.beat) == (&record.tenure.run, record.tenure.beat)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_it_failed_is_told_whole() {
        let error = LeaseError::from(anyhow::anyhow!("no answer").context("index `x`"));
        assert_eq!(format!("{error:#}"), "index `x`: no answer");
    }
}
