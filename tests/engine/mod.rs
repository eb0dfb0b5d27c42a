//! The engine's side on real engines.

mod connect;
