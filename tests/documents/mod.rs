//! Whole documents, out of real servers, held against SQL.

mod contracts;
mod tpch;
mod types;
