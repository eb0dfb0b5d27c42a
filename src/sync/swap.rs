//! Pointing readers to another generation.
//!
//! Promises: readers change over in one step, while nobody writes to the index that they leave, and only if this run has been
//! shut out of neither index and the alias still points where it looked. What served before stays a way back.

use std::time::Duration;

use anyhow::Result;
use jiff::Timestamp;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::Stopped;
use crate::failpoint::{self, Point};
use crate::sink::Client;
use crate::sink::index::{self, SwapError};
use crate::state::{AliasLease, Claim, IndexLease, LeaseError, NotTaken, State};

/// Pause between two looks at a lease that a short run holds.
const PAUSE: Duration = Duration::from_secs(1);

/// What is swapped, and by whom.
pub(super) struct Swap<'s> {
    pub(super) client: &'s Client,
    pub(super) state: &'s State,
    pub(super) claim: &'s Claim,
    pub(super) alias: (&'s str, &'s AliasLease),
    /// The index that readers see.
    pub(super) live: Option<&'s str>,
}

impl Swap<'_> {
    /// Points the alias to the index behind `lease`. Returns the index that served.
    ///
    /// # Errors
    /// When it was cancelled before, another run has taken over, or the engine fails: then it may not be known whether readers
    /// have changed over.
    pub(super) async fn to(
        &self,
        lease: &IndexLease,
        cancel: &CancellationToken,
    ) -> Result<Option<String>, Stopped> {
        let old = self.hold_old(lease.index(), cancel).await?;
        self.under(lease, old).await
    }

    /// The lease of the index that serves, so that nobody else writes to it until [`Swap::under`]; `None` when there is none, or
    /// nothing is remembered of it.
    ///
    /// # Errors
    /// When it was cancelled before, or the engine fails.
    pub(super) async fn hold_old(
        &self,
        new: &str,
        cancel: &CancellationToken,
    ) -> Result<Option<IndexLease>, Stopped> {
        match self.live {
            Some(live) if live != new => tokio::select! {
                biased;
                () = cancel.cancelled() => Err(Stopped::Cancelled),
                old = self.writer_of(live) => old,
            },
            _ => Ok(None),
        }
    }

    /// As [`Swap::to`], with the lease of the index that serves, which is given back.
    ///
    /// # Errors
    /// As [`Swap::to`].
    pub(super) async fn under(
        &self,
        lease: &IndexLease,
        old: Option<IndexLease>,
    ) -> Result<Option<String>, Stopped> {
        let swapped = self.swap(lease, old.as_ref()).await;
        if let Some(old) = old {
            // Nothing was written through it.
            old.give_back(true).await;
        }
        swapped
    }

    async fn swap(
        &self,
        lease: &IndexLease,
        old: Option<&IndexLease>,
    ) -> Result<Option<String>, Stopped> {
        let what = format!("index `{}`", lease.index());
        let now = Timestamp::now();
        let (alias, alias_lease) = self.alias;
        let ready = async {
            if let Some(old) = old {
                // One whose swap was the last thing that its run did.
                old.update(|state| state.served_from = state.served_from.or(Some(now))).await?;
            }
            lease.confirm().await?;
            alias_lease.confirm().await
        };
        ready.await.map_err(|error| Stopped::midway(&what, error.into()))?;
        // From here on nothing is undone: an answer that was lost may belong to a swap that took place.
        let old = old.map(|old| (old.index(), old.write_alias()));
        let to = (lease.index(), lease.write_alias());
        failpoint::reach(Point::BeforeSwap).await;
        let swapped = index::swap(self.client, alias, to, old).await;
        failpoint::reach(Point::AfterSwap).await;
        match swapped {
            Ok(before) => {
                let noted = lease.update(|state| state.served_from = Some(now)).await;
                if let Err(error) = noted {
                    tracing::warn!(error = %error, "since when readers see it is not noted");
                }
                Ok(before.into_iter().find(|before| before != lease.index()))
            }
            Err(SwapError::Fenced(_)) => Err(Stopped::held(&what, &LeaseError::Lost)),
            Err(SwapError::NotSent(error)) => Err(Stopped::midway(&what, error)),
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
    async fn writer_of(&self, live: &str) -> Result<Option<IndexLease>, Stopped> {
        loop {
            match IndexLease::take(self.state, live, self.claim).await {
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
}
