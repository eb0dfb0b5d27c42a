//! The command line as its user meets it: messages and exit codes.

mod check;
mod failures;
mod interruptions;
mod reindex;
