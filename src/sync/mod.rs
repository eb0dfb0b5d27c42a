//! Runs: the one-way flow from root keys to answered-for documents.
//!
//! Promises: every root read is accounted for, as written or as a dead letter with its reason; readers see the old index
//! until the new one is complete and counted. Memory is bounded by the configured sizes, whatever the services hold.

mod full;
mod pipeline;
mod progress;
mod report;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use crate::config::LoadConfig;
use crate::plan::Plan;
use crate::sink::Client;
use crate::source::Sources;
use crate::state::State;

pub use full::{Options, reindex};
pub use progress::Progress;
pub use report::Report;

/// What a run works with.
pub struct Engine {
    /// What to read and what to make of it.
    pub plan: Arc<Plan>,
    /// The services.
    pub sources: Sources,
    /// The search engine.
    pub client: Client,
    /// Runs and dead letters.
    pub state: State,
    /// Sizes.
    pub load: LoadConfig,
    /// How long the search engine may be out of reach.
    pub retry_for: Duration,
    /// Key of masked fields.
    pub masking: Option<crate::assemble::Masking>,
}

/// Why a run ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// Nothing was changed.
    #[error("{0:#}")]
    NotStarted(anyhow::Error),
    /// Something was under way; nothing is lost.
    #[error("{0:#}")]
    Midway(anyhow::Error),
    /// Somebody asked for it.
    #[error("stopped on request: the index that serves is unchanged")]
    Cancelled,
}
