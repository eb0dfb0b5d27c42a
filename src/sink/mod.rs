//! The engine's side: a client for Elasticsearch and OpenSearch, and what is written with it.
//!
//! Promises: whole documents go in under external versions, every one is answered for, and readers see an index change in
//! one step. Never reads a service's database, never prints a document's values.

pub mod bulk;
mod client;
mod engine;
mod error;
pub mod index;
mod patience;
mod transport;
pub mod version;

pub use client::{Answer, Body, Client, Method};
pub use engine::{Engine, Flavor};
pub use error::{EngineError, Trouble, Unreachable};
pub use patience::{PatienceSettings, patiently};
