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
        let mut last = self.0.lock().await;
        let known = last.as_mut().filter(|known| known.index == index);
        if let Some(known) = known.filter(|known| known.read_at.elapsed() < TOLD) {
            if known.read_at.elapsed() >= KEPT && !known.is_being_read {
                known.is_being_read = true;
                self.read_again((client.clone(), state.clone()), index.to_owned());
            }
            return known.as_of;
        }
        let now = Known::read((client, state), index).await;
        last.insert(now).as_of
    }

    /// Lets it be read while those who ask are answered.
    fn read_again(&self, (client, state): (Client, State), index: String) {
        let last = Arc::clone(&self.0);
        tokio::spawn(async move {
            let now = Known::read((&client, &state), &index).await;
            *last.lock().await = Some(now);
        });
    }
}

impl Known {
    async fn read((client, state): (&Client, &State), index: &str) -> Self {
        let as_of = match tokio::time::timeout(WAIT, read(client, state, index)).await {
            Ok(Ok(as_of)) => as_of,
            Ok(Err(error)) => {
                tracing::debug!(index, error = format!("{error:#}"), "its state cannot be read");
                None
            }
            Err(_) => None,
        };
        Self { index: index.to_owned(), read_at: Instant::now(), is_being_read: false, as_of }
    }
}

/// The oldest horizon of what is remembered of that very index.
async fn read(client: &Client, state: &State, index: &str) -> Result<Option<Timestamp>> {
    let Some((_, remembered)) = state.index(index).await? else { return Ok(None) };
    // Another index may have had the name before.
    let same = index::uuid(client, index).await?.as_ref() == Some(&remembered.uuid);
    Ok(remembered.horizons.into_values().min().filter(|_| same))
}
