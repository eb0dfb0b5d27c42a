//! How long searches take beside a command, and without it: `searches URL INDEX SECONDS COMMAND [ARGUMENT…]`.

#[path = "drive/searches.rs"]
mod searches;

use std::io::{Write, stdout};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Parser;

use searches::beside;

/// Searches an index of TPC-H orders with nothing beside, then while a command runs
#[derive(Parser)]
struct Cli {
    /// Base URL of the engine
    url: String,
    /// Index or alias to search
    index: String,
    /// For how long with nothing beside
    seconds: u64,
    /// What to run then
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
}

fn main() -> Result<()> {
    let Cli { url, index, seconds, command } = Cli::parse();
    let (program, arguments) = command.split_first().context("a command")?;
    let ((), alone) = beside(&url, &index, || sleep(Duration::from_secs(seconds)))?;
    writeln!(stdout(), "alone:  {alone}")?;
    let (status, busy) = beside(&url, &index, || Command::new(program).args(arguments).status())?;
    let status = status.with_context(|| format!("running `{program}`"))?;
    ensure!(status.success(), "`{program}`: {status}");
    writeln!(stdout(), "beside: {busy}")?;
    Ok(())
}
