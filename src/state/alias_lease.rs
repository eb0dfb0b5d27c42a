//! The right to build, swap and roll back the generations of one alias.
//!
//! Promises: one run at a time has it, of whatever job. Never needed for writing to a real index, nor enough for it.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::State;
use super::lease::{Claim, Lease, LeaseError, Record, Tenure};
use super::watch::Before;

/// What is remembered of an alias.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AliasState {
    /// The job that builds its generations.
    pub job: String,
    /// The highest number that a generation was given: none is given twice, so that what a late process does to an index by its
    /// name meets no other.
    #[serde(default)]
    pub last: u64,
}

/// The right to build and swap.
pub type AliasLease = Lease<AliasState>;

fn id(alias: &str) -> String {
    format!("alias:{alias}")
}

impl State {
    /// What is remembered of an alias, and who holds its lease; `None` when nothing is.
    ///
    /// # Errors
    /// When the engine does not answer or refuses.
    pub async fn alias(&self, alias: &str) -> Result<Option<(Tenure, AliasState)>> {
        let found = self.fetch::<Record<AliasState>>(&id(alias)).await?;
        Ok(found.map(|(_, record)| (record.tenure, record.content)))
    }

    /// Takes the lease of `alias`, as soon as it is known that nobody has it. What was remembered is kept, `first` is
    /// remembered when nothing was.
    ///
    /// # Errors
    /// See [`LeaseError`].
    pub async fn lease_alias(
        &self,
        alias: &str,
        claim: &Claim,
        first: AliasState,
    ) -> Result<AliasLease, LeaseError> {
        loop {
            let before: Before<AliasState> = self.watch(&id(alias)).await?;
            let (standing, last, content) = match before {
                Some((standing, record)) => {
                    (Some(standing), Some(record.tenure.epoch), record.content)
                }
                None => (None, None, first.clone()),
            };
            let record = Record { tenure: claim.tenure(last)?, content };
            if let Some(lease) = Lease::take(self, &id(alias), standing, record).await? {
                return Ok(lease);
            }
        }
    }
}
