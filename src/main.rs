//! The `prejoin` program: parse, run, print the error once, exit code.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    prejoin::cli::main().await
}
