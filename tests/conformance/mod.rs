//! What every kind of source must do, tried on each: the same cases on PostgreSQL, MariaDB and SQLite, and each server's own
//! types beside them.

/// One test for each case and server.
macro_rules! on_every_server {
    ($($case:ident),+ $(,)?) => {
        mod postgres { $(#[tokio::test] async fn $case() { Box::pin(super::$case(crate::support::place::Place::postgres().await)).await; })+ }
        mod mariadb { $(#[tokio::test] async fn $case() { Box::pin(super::$case(crate::support::place::Place::mariadb().await)).await; })+ }
        mod sqlite { $(#[tokio::test] async fn $case() { Box::pin(super::$case(crate::support::place::Place::sqlite().await)).await; })+ }
    };
}

mod bounds;
mod describe;
mod failures;
mod lookups;
mod matching;
mod pace;
mod range_types;
mod ranges;
mod reading;
mod scans;
mod survey;
mod types_mariadb;
mod types_postgres;
mod types_sqlite;
