//! Rolling back: readers see a generation that served before.
//!
//! Promises: the way back is one step for readers, as the way there was; both generations stay. Never makes readers see what
//! was never complete.

use anyhow::Result;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::full::built_by_another;
use super::generations::{Known, known};
use super::swap::Swap;
use super::{Stopped, unless_shut_out};
use crate::finding::Finding;
use crate::mapping::Mapping;
use crate::sink::{Client, index};
use crate::state::{AliasLease, AliasState, Claim, IndexLease, State};

/// What to roll back, and how far.
pub struct Rollback<'r> {
    /// The search engine.
    pub client: &'r Client,
    /// Leases.
    pub state: &'r State,
    /// The job's name.
    pub job: &'r str,
    /// The alias that readers use.
    pub alias: &'r str,
    /// Settings of its indexes.
    pub mapping: &'r Mapping,
    /// The real index to go back to; the youngest one that served before when left out.
    pub to: Option<&'r str>,
    /// Who wants it.
    pub claim: Claim,
}

/// What a rollback did.
#[derive(Debug, Clone, Serialize)]
pub struct RolledBack {
    /// The job's name.
    pub job: String,
    /// The alias that readers use.
    pub alias: String,
    /// What readers see now.
    pub index: String,
    /// What they saw before.
    pub previous: Option<String>,
    /// Documents that readers see.
    pub documents: u64,
}

/// Points readers to a generation that served before.
///
/// # Errors
/// See [`Stopped`]; readers then have what they had, unless it says otherwise.
pub async fn rollback(
    asked: &Rollback<'_>,
    cancel: &CancellationToken,
) -> Result<RolledBack, Stopped> {
    let Rollback { state, alias, job, claim, .. } = asked;
    let first = AliasState { job: (*job).to_owned(), last: 0 };
    let lease = tokio::select! {
        biased;
        () = cancel.cancelled() => return Err(Stopped::Cancelled),
        lease = state.lease_alias(alias, claim, first) => lease,
    };
    let lease = lease.map_err(|error| Stopped::before(&format!("alias `{alias}`"), error));
    let lease = lease?;
    let owner = lease.content().await.job;
    let ended = match owner == *job {
        true => asked.under_lease(&lease, cancel).await,
        false => Err(Stopped::NotStarted(built_by_another(alias, job, &owner).into())),
    };
    let ended = unless_shut_out(&lease, alias, ended).await;
    lease.give_back(true).await;
    ended
}

impl Rollback<'_> {
    async fn under_lease(
        &self,
        alias: &AliasLease,
        cancel: &CancellationToken,
    ) -> Result<RolledBack, Stopped> {
        let known =
            known(self.client, self.state, self.alias).await.map_err(Stopped::NotStarted)?;
        let target = self.target(&known).map_err(|finding| Stopped::NotStarted(finding.into()))?;
        let live = known.generations.live().map(|live| live.name.clone());
        let taken = IndexLease::take(self.state, &target, &self.claim).await;
        let lease = taken.map_err(|error| Stopped::not_taken(&target, error))?;
        let swapped = async {
            let settled = index::settle(self.client, &target, self.mapping).await;
            let documents = settled.map_err(Stopped::NotStarted)?;
            let swap = Swap {
                client: self.client,
                state: self.state,
                claim: &self.claim,
                alias: (self.alias, alias),
                live: live.as_deref(),
            };
            Ok((documents, swap.to(&lease, cancel).await?))
        };
        let swapped = swapped.await;
        lease.give_back(true).await;
        let (documents, previous) = swapped?;
        Ok(RolledBack {
            job: self.job.to_owned(),
            alias: self.alias.to_owned(),
            index: target,
            previous,
            documents,
        })
    }

    /// The generation to go back to.
    fn target(&self, known: &Known) -> Result<String, Finding> {
        let all = &known.generations.all;
        let served: Vec<&str> = all
            .iter()
            .filter(|generation| known.is_way_back(generation))
            .map(|generation| generation.name.as_str())
            .collect();
        let hint = match served.as_slice() {
            [] => "no other generation is kept: see `--keep` of `prejoin reindex`".to_owned(),
            some => format!("there are {}", some.join(", ")),
        };
        match self.to {
            Some(to) if served.contains(&to) => Ok(to.to_owned()),
            Some(to) => Err(Finding::error(format!(
                "{to} is no generation of `{}` that readers could go back to",
                self.alias
            ))
            .hint(hint)),
            None => known.ways_back().first().map(|back| back.name.clone()).ok_or_else(|| {
                let what = format!(
                    "there is no generation before the one that `{}` points to",
                    self.alias
                );
                Finding::error(what).hint(hint)
            }),
        }
    }
}
