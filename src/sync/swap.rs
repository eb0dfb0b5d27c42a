//! Pointing readers to another generation.
//!
//! Promises: readers change over in one step, while nobody writes to the index that they leave, and only if this run still
//! holds its lease. What was complete before stays a way back.

use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;
use tokio::time::sleep;

use super::Stopped;
use crate::sink::Client;
use crate::sink::index::{self, SwapError};
use crate::state::{Claim, IndexLease, LeaseError, NotTaken, State};

/// Pause between two looks at a lease that a short run holds.
const PAUSE: Duration = Duration::from_secs(1);

/// Points `alias` from `live` to the index behind `lease`. The index that served is returned.
///
/// # Errors
/// When another run has taken over, or the engine fails: it is not known then whether readers have changed over.
pub(super) async fn swap(
    (client, state): (&Client, &State),
    alias: &str,
    live: Option<&str>,
    lease: &IndexLease,
    claim: &Claim,
) -> Result<Option<String>, Stopped> {
    let what = format!("index `{}`", lease.index());
    let old = match live {
        Some(live) if live != lease.index() => writer_of(state, live, claim).await?,
        _ => None,
    };
    // Before readers see it: a run that dies in between has left a way back too many, not one too few.
    let noted = lease.update(|state| state.served_from = Some(Timestamp::now())).await;
    let swapped = match noted {
        Ok(()) => index::swap(client, alias, lease.index(), lease.write_alias()).await,
        Err(error) => Err(SwapError::Failed(error.into())),
    };
    if let Some(old) = old {
        // Nothing was written through it.
        old.give_back(true).await;
    }
    match swapped {
        Ok(before) => Ok(before.into_iter().find(|before| before != lease.index())),
        Err(SwapError::Fenced(_)) => Err(Stopped::held(&what, &LeaseError::Lost)),
        Err(SwapError::Failed(error)) => {
            let unknown = format!(
                "`{alias}` may or may not point to {} now: see `prejoin status`",
                lease.index()
            );
            Err(Stopped::midway(&what, error.context(unknown)))
        }
    }
}

/// The lease of the index that serves, as soon as the run that writes to it has ended; `None` for one that nothing is
/// remembered of.
async fn writer_of(
    state: &State,
    live: &str,
    claim: &Claim,
) -> Result<Option<IndexLease>, Stopped> {
    loop {
        match IndexLease::take(state, live, claim, None).await {
            Ok(lease) => return Ok(Some(lease)),
            Err(NotTaken::Unknown(_)) => return Ok(None),
            Err(NotTaken::Lease(LeaseError::Held(tenure))) => {
                tracing::info!(
                    index = live,
                    holder = tenure.holder,
                    "waiting for the run that writes to it"
                );
                sleep(PAUSE).await;
            }
            Err(NotTaken::Lease(error)) => {
                return Err(Stopped::midway(&format!("index `{live}`"), error.into()));
            }
        }
    }
}
