//! `prejoin` keeps one search index of pre-joined business documents in step with the databases of many services, and
//! answers searches from it.
//!
//! Data flows one way. A [`job`] is held against [`config`], [`mapping`] and the live tables of its [`source`]s and becomes a
//! [`plan`]; pages of [`row`]s are joined by [`hydrate`], written as documents by [`assemble`] and sent by [`sink`]; [`sync`]
//! drives that and [`state`] remembers it. [`query`] and [`api`] answer searches, and [`access`] says of whom; [`run`] keeps
//! the [`times`] of jobs; [`cli`] is what a person meets.

pub mod access;
pub mod api;
pub mod assemble;
pub mod cli;
pub mod config;
mod failpoint;
pub mod finding;
pub mod hydrate;
pub mod job;
pub mod mapping;
pub mod plan;
pub mod query;
pub mod render;
pub mod row;
pub mod run;
pub mod sink;
pub mod source;
pub mod state;
pub mod sync;
pub mod times;
pub mod trace;
pub mod yaml;
