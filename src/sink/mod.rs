//! The engine's side: a client for Elasticsearch and OpenSearch, and what is written with it.
//!
//! Promises: whole documents go in under external versions, every one is answered for, and readers see an index change in
//! one step. Never reads a service's database, never prints a document's values.

mod bulk;
mod client;
mod error;

pub use bulk::{BulkBody, BulkSettings, BulkWriter, MAX_ID_BYTES, Outcome, Rejection};
pub use client::{Answer, Body, Client, Engine, Flavor, Method};
pub use error::{EngineError, Trouble, Unreachable};
