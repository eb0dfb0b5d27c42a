//! `prejoin` keeps one search index of pre-joined business documents in step with the databases of many services, and
//! answers searches from it.
//!
//! The modules, in the order in which data flows: [`config`], [`source`], [`row`], …

pub mod assemble;
pub mod config;
pub mod finding;
pub mod hydrate;
pub mod job;
pub mod mapping;
pub mod plan;
pub mod row;
pub mod sink;
pub mod source;
pub mod state;
pub mod yaml;
