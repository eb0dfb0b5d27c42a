//! Incremental runs: what changed in the services is in the index afterwards, and nothing else was touched.

mod edits;
mod guards;
mod horizons;
mod scene;
mod sweep;
mod unmarked;
