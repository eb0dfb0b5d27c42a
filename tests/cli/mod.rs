//! The command line as its user meets it: messages and exit codes.

mod check;
mod dead_letters;
mod explain;
pub(crate) mod failures;
mod interruptions;
mod reindex;
mod run;
mod status;
