//! Up to when an index is in step with its services, as a caller is told.
//!
//! Promises: never later than what the answer holds, since it is known before the engine is asked for that. Read every few
//! seconds at most, however many ask, and left out where it cannot be read. Never keeps an answer from being given.

use std::time::{Duration, Instant};

use anyhow::Result;
use jiff::Timestamp;
use tokio::sync::Mutex;

use crate::sink::{Client, index};
use crate::state::State;

/// How long it is good for.
const KEPT: Duration = Duration::from_secs(3);
/// How long the engine may take to tell.
const WAIT: Duration = Duration::from_secs(1);

/// What was read last of one alias's index.
#[derive(Debug, Default)]
pub(super) struct Freshness(Mutex<Option<Known>>);

#[derive(Debug)]
struct Known {
    index: String,
    read_at: Instant,
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
        if let Some(known) = last.as_ref()
            && known.index == index
            && known.read_at.elapsed() < KEPT
        {
            return known.as_of;
        }
        let as_of = match tokio::time::timeout(WAIT, read(client, state, index)).await {
            Ok(Ok(as_of)) => as_of,
            Ok(Err(error)) => {
                tracing::debug!(index, error = format!("{error:#}"), "its state cannot be read");
                None
            }
            Err(_) => None,
        };
        *last = Some(Known { index: index.to_owned(), read_at: Instant::now(), as_of });
        as_of
    }
}

/// The oldest horizon of what is remembered of that very index.
async fn read(client: &Client, state: &State, index: &str) -> Result<Option<Timestamp>> {
    let Some((_, remembered)) = state.index(index).await? else { return Ok(None) };
    // Another index may have had the name before.
    let same = index::uuid(client, index).await?.as_ref() == Some(&remembered.uuid);
    Ok(remembered.horizons.into_values().min().filter(|_| same))
}
