//! What tests stand on: real servers, and ways to hurt the connection to them.

pub(crate) mod engines;
