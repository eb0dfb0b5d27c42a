//! What tests stand on: real servers, and ways to hurt the connection to them.

pub(crate) mod account;
pub(crate) mod engines;
pub(crate) mod failpoint;
pub(crate) mod fault_proxy;
pub(crate) mod home;
pub(crate) mod own;
pub(crate) mod place;
pub(crate) mod secrets;
pub(crate) mod services;
pub(crate) mod serving;
pub(crate) mod tcp_proxy;
pub(crate) mod tls;
