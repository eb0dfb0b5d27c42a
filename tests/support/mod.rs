//! What tests share.

pub(crate) mod place;
pub(crate) mod services;
