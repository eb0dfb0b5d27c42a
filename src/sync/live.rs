//! The index that readers see, and the right to write to it.
//!
//! Promises: a job that was never loaded is told apart from one whose index nothing is remembered of, and from one whose index
//! is another job's; what is leased is what readers see, however often they change over meanwhile.

use anyhow::Result;
use tokio_util::sync::CancellationToken;

use super::Stopped;
use super::full::built_by_another;
use super::generations::{Known, known};
use crate::finding::Finding;
use crate::sink::Client;
use crate::sink::index::Generation;
use crate::state::{Claim, IndexLease, IndexState, State};

/// The index that readers see of this job, with what is remembered of it; `None` when the job was never loaded.
///
/// # Errors
/// When nothing is remembered of what readers see, or it is another job's.
pub fn serving<'k>(
    known: &'k Known,
    job: &str,
) -> Result<Option<(&'k Generation, &'k IndexState)>, Finding> {
    let alias = &known.generations.alias;
    let Some(seen) = known.generations.serving.first() else { return Ok(None) };
    let Some((live, state)) = known.generations.live().zip(known.live_state()) else {
        let what = format!(
            "nothing is remembered of {seen}, which `{alias}` points to: what its documents lack cannot be told"
        );
        return Err(Finding::error(what).hint(format!(
            "`prejoin reindex {job}` builds an index of which all is known; readers keep {seen} until then"
        )));
    };
    if state.job.name != job {
        return Err(built_by_another(alias, job, &state.job.name));
    }
    Ok(Some((live, state)))
}

/// The complaint that there is no index to do something to.
pub fn never_loaded(job: &str) -> Finding {
    Finding::error(format!("job `{job}` was never loaded"))
        .hint(format!("load it first: `prejoin reindex {job}`"))
}

/// Takes the lease of the index that readers of `alias` see.
///
/// # Errors
/// As [`serving`]; when the job was never loaded, it was cancelled, another run is at it, or the engine fails.
pub(super) async fn lease_live(
    (client, state): (&Client, &State),
    (alias, job): (&str, &str),
    claim: &Claim,
    cancel: &CancellationToken,
) -> Result<IndexLease, Stopped> {
    let seen = async || -> Result<String> {
        let known = known(client, state, alias).await?;
        match serving(&known, job)? {
            Some((live, _)) => Ok(live.name.clone()),
            None => Err(never_loaded(job).into()),
        }
    };
    loop {
        let live = unless(cancel, seen()).await?.map_err(Stopped::NotStarted)?;
        let lease = unless(cancel, IndexLease::take(state, &live, claim)).await?;
        let lease = lease.map_err(|error| Stopped::not_taken(&live, error))?;
        // Readers may have changed over before it was had.
        match unless(cancel, seen()).await {
            Ok(Ok(still)) if still == live => return Ok(lease),
            Ok(Ok(_)) => lease.give_back(true).await,
            Ok(Err(error)) => {
                lease.give_back(true).await;
                return Err(Stopped::NotStarted(error));
            }
            Err(cancelled) => {
                lease.give_back(true).await;
                return Err(cancelled);
            }
        }
    }
}

/// What comes of it, unless it is cancelled before.
async fn unless<T>(
    cancel: &CancellationToken,
    work: impl Future<Output = T>,
) -> Result<T, Stopped> {
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(Stopped::Cancelled),
        done = work => Ok(done),
    }
}
