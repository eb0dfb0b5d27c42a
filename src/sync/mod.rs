//! Runs: the one-way flow from root keys to answered-for documents.
//!
//! Promises: every root read is accounted for, as written or as a dead letter with its reason; readers see the old index
//! until the new one is complete and counted; of two runs that want the same, one goes ahead. Memory is bounded by the
//! configured sizes, whatever the services hold.

mod build;
mod compare;
mod deletions;
mod difference;
mod drift;
mod dry_run;
mod estimate;
mod explain;
mod filler;
mod full;
mod generations;
mod horizons;
mod incremental;
mod lead;
mod ledger;
mod leftovers;
mod letters;
mod limits;
mod live;
mod load;
mod parts;
mod pipeline;
mod progress;
mod report;
mod rollback;
mod rounds;
mod status;
mod swap;
mod sweep;
mod update;
mod verify;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use crate::config::LoadConfig;
use crate::finding::Finding;
use crate::plan::Plan;
use crate::sink::bulk::Bounds;
use crate::sink::{Client, EngineError, PatienceSettings};
use crate::source::Sources;
use crate::state::{AliasLease, LeaseError, NotTaken, State};

pub use difference::{Difference, Kind};
pub use dry_run::{DryRun, dry_run};
pub use estimate::{Estimate, estimate};
pub use explain::{Explain, Explanation, Held, Refusal, Verdict, explain, root_key};
pub use full::{Options, reindex};
pub use generations::{Known, known};
pub use incremental::{Kept, check_ids, sync};
pub use letters::{Dropped, Dropping, Letters, Retried, drop_letters, letters, retry_letters};
pub use live::{never_loaded, serving};
pub use parts::Part;
pub use progress::Progress;
pub use report::Report;
pub use rollback::{Rollback, RolledBack, rollback};
pub use status::{IndexStatus, Standing, Status, status};
pub use update::SyncOptions;
pub use verify::{DifferentDocument, Scope, Told, Verification, VerifyOptions, verify};

/// What a run works with.
pub struct Engine {
    /// What to read and what to make of it.
    pub plan: Arc<Plan>,
    /// The services.
    pub sources: Sources,
    /// The search engine.
    pub client: Client,
    /// Leases, runs and dead letters.
    pub state: State,
    /// Sizes.
    pub load: LoadConfig,
    /// How long the search engine may be out of reach.
    pub retry_for: Duration,
    /// How long a run that has gone silent keeps others out.
    pub lease_ttl: Duration,
    /// Batches that one lease has versions for.
    pub batches: u64,
    /// Key of masked fields.
    pub masking: Option<crate::assemble::Masking>,
}

impl Engine {
    fn patience(&self) -> PatienceSettings {
        PatienceSettings { unreachable_for: self.retry_for, ..PatienceSettings::default() }
    }

    fn bounds(&self) -> Bounds {
        let LoadConfig { bulk_bytes, bulk_in_flight, bulk_tuning, .. } = self.load;
        Bounds { bytes: bulk_bytes, in_flight: bulk_in_flight, tuning: bulk_tuning }
    }
}

/// Why a run ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// Nothing was changed.
    #[error("{0:#}")]
    NotStarted(anyhow::Error),
    /// Another run is at it, or took over.
    #[error("{0}")]
    Held(Finding),
    /// Something was under way; nothing is lost.
    #[error("{0:#}")]
    Midway(anyhow::Error),
    /// Somebody asked for it.
    #[error("stopped on request: nothing is lost")]
    Cancelled,
}

/// How a run has ended that holds the lease of `alias`: whatever has failed, another run that has taken it over, and removed what
/// this one was at, is the reason.
async fn unless_shut_out<T>(
    lease: &AliasLease,
    alias: &str,
    ended: Result<T, Stopped>,
) -> Result<T, Stopped> {
    let has_failed = matches!(ended, Err(Stopped::NotStarted(_) | Stopped::Midway(_)));
    match has_failed && matches!(lease.confirm().await, Err(LeaseError::Lost)) {
        true => Err(Stopped::held(&format!("alias `{alias}`"), &LeaseError::Lost)),
        false => ended,
    }
}

/// The engine keeps this run out: another one has taken over.
#[derive(Debug, thiserror::Error)]
#[error("another run took over: nothing that this one sends is taken any more")]
pub(crate) struct ShutOut;

impl Stopped {
    /// What a lease's failure means before anything was changed.
    fn before(what: &str, error: LeaseError) -> Self {
        match error {
            LeaseError::Failed(error) => Self::NotStarted(error),
            held => Self::held(what, &held),
        }
    }

    fn not_taken(index: &str, error: NotTaken) -> Self {
        match error {
            NotTaken::Lease(error) => Self::before(&format!("index `{index}`"), error),
            unknown @ NotTaken::Unknown(_) => {
                let finding = Finding::error(unknown.to_string());
                let hint = "`prejoin reindex` with its job builds one of which all is known";
                Self::NotStarted(finding.hint(hint).into())
            }
        }
    }

    fn held(what: &str, error: &LeaseError) -> Self {
        let finding = match error {
            LeaseError::Held(tenure) => Finding::error(format!(
                "{what} is held by another run: {} ({}), since {:.0}",
                tenure.holder, tenure.task, tenure.since
            ))
            .hint("wait for its end; a run that has died is taken over by itself"),
            _ => Finding::error(format!("{what}: another run took over"))
                .hint("was this process stopped for a while, or are two started at a time?"),
        };
        Self::Held(finding)
    }

    /// What an error means once something has been changed.
    fn midway(what: &str, error: anyhow::Error) -> Self {
        let fenced = |cause: &EngineError| cause.error_type() == "invalid_index_name_exception";
        let shut_out = error.chain().any(|cause| {
            cause.is::<ShutOut>()
                || cause.downcast_ref::<EngineError>().is_some_and(fenced)
                || matches!(cause.downcast_ref(), Some(LeaseError::Lost | LeaseError::Held(_)))
                || matches!(
                    cause.downcast_ref(),
                    Some(NotTaken::Lease(LeaseError::Lost | LeaseError::Held(_)))
                )
        });
        if shut_out { Self::held(what, &LeaseError::Lost) } else { Self::Midway(error) }
    }
}
