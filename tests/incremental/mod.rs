//! Incremental runs: what changed in the services is in the index afterwards, and nothing else was touched.

mod edits;
mod faults;
mod ghosts;
mod guards;
mod horizons;
mod jobs;
mod kills;
mod outbox;
mod refusals;
pub(crate) mod scene;
mod scheduled;
mod schedules;
mod storm;
mod sweep;
mod unmarked;
mod values;
