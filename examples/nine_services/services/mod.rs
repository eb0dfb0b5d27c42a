//! The nine services, each a file: its tables, its habits of writing things down, and its rows.

mod account;
mod company;
mod contract;
mod document;
mod manager;
mod payment;
mod product;
mod settlement;
mod support;

use crate::table::Service;

/// All nine, the service that owns the contracts first.
pub(crate) const ALL: [Service; 9] = [
    contract::SERVICE,
    account::SERVICE,
    settlement::SERVICE,
    manager::SERVICE,
    product::SERVICE,
    company::SERVICE,
    payment::SERVICE,
    document::SERVICE,
    support::SERVICE,
];
