//! The query API on real engines, against what is right.

mod admission;
mod answers;
mod docs;
mod document;
mod documents;
mod evaluator;
mod facets;
mod failures;
mod generator;
mod get;
mod harness;
mod highlights;
mod isolation;
mod keys;
mod limits;
mod openapi;
mod paging;
mod problems;
mod random_input;
mod scenarios;
mod search;
mod serving;
mod snapshots;
mod tally;
mod tokens;
mod words;
