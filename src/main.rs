//! The `prejoin` program: parse, run, print the error once, exit code.

use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;

// The C library's own keeps large blocks in the heaps of the threads that happened to free them: a fifth more memory. How this
// one is set stands in `.cargo/config.toml`.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

#[tokio::main]
async fn main() -> ExitCode {
    prejoin::cli::main().await
}
