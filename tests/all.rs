//! The one test binary: a module for each behaviour.

mod engine;
mod support;
