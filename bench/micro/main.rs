//! Microbenchmarks of the hot path: decode, hydrate, assemble, bulk bodies and their answers.
//!
//! `cargo bench --bench micro` measures, `cargo bench --bench micro -- hydrate` a part of it; run without cargo's `--bench`,
//! each is done once. Inputs are made by counting, so they are the same everywhere, and before anything is measured. What is
//! measured, and nothing else, calls functions whose names begin with `measured_`: `dev/instructions` counts within them.
//! PostgreSQL's and MySQL's rows cannot be had without their servers: `dev/instructions` counts them in a whole load.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot be set up has nothing to say")]

mod assemble;
mod bulk;
mod decode;
mod held;
mod hydrate;
mod orders;
mod scene;

use criterion::{criterion_group, criterion_main};
use tikv_jemallocator::Jemalloc;

// The program's: what allocating costs is part of what is measured.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

criterion_group!(micro, decode::all, hydrate::all, assemble::all, bulk::all);
criterion_main!(micro);
