//! The command line: arguments, exit codes, and one file per command.
//!
//! Promises: data goes to stdout, everything else to stderr; an error is printed once, with its causes and a hint; the
//! exit code says what happened. Never prints a secret or a row's value.

mod api_key;
mod check;
mod dead_letters;
mod explain;
mod failure;
mod kept;
mod logging;
mod marks;
mod prepare;
mod progress;
mod reindex;
mod render;
mod rollback;
mod run;
mod schema;
mod serve;
mod signals;
mod status;
mod sync;
mod tombstones;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use failure::Failure;

/// Keeps one search index of pre-joined documents in step with the databases of many services.
#[derive(Debug, Parser)]
#[command(name = "prejoin", version, about, disable_help_subcommand = true)]
pub struct Cli {
    #[command(flatten)]
    shared: Shared,
    #[command(subcommand)]
    command: Command,
}

/// Options that every command takes.
#[derive(Debug, Args)]
struct Shared {
    /// Folder that holds config/, jobs/ and mappings/
    #[arg(long, global = true, env = "PREJOIN_HOME", default_value = ".")]
    home: PathBuf,
    /// Lay config/<PROFILE>.yaml over config/default.yaml
    #[arg(long, global = true, env = "PREJOIN_PROFILE")]
    profile: Option<String>,
    /// Print the report as JSON on stdout
    #[arg(long, global = true)]
    json: bool,
    /// Say more (twice: still more)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Hold jobs, mappings and configuration against the live databases
    Check(check::Arguments),
    /// Bring indexes in step with what has changed in the services since the last run
    Sync(sync::Arguments),
    /// Build the index of a job anew beside the live one, then swap
    Reindex(reindex::Arguments),
    /// Have readers see the index that served before
    Rollback(rollback::Arguments),
    /// Hold an index against the services: what is missing, extra or different, and repair it
    Verify(verify::Arguments),
    /// Take one document apart: where each part comes from, what the index holds, the difference
    Explain(explain::Arguments),
    /// Show who is at it, indexes, last runs, dead letters, and what deserves a look
    Status(status::Arguments),
    /// Show the documents that the engine refused, try them again, or forget them
    DeadLetters(dead_letters::Arguments),
    /// Run every job at the times that its file names, until told to stop
    Run(run::Arguments),
    /// Answer searches
    Serve(serve::Arguments),
    /// Make a key for the query API, and print its hash for the configuration
    ApiKey(api_key::Arguments),
    /// Print the JSON Schema of a file format, for editors
    Schema(schema::Arguments),
}

/// Parses the arguments, runs the command and says how it ended.
pub async fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) => {
            // Help and version are no mistakes; nothing is left to do when stdout is closed.
            let _closed = usage.print();
            return ExitCode::from(if usage.use_stderr() { failure::NOT_STARTED } else { 0 });
        }
    };
    logging::start(cli.shared.verbose);
    let shared = cli.shared;
    let ended = match cli.command {
        Command::Check(arguments) => check::run(&shared, &arguments).await,
        Command::Sync(arguments) => sync::run(&shared, &arguments).await,
        Command::Reindex(arguments) => reindex::run(&shared, &arguments).await,
        Command::Rollback(arguments) => rollback::run(&shared, &arguments).await,
        Command::Verify(arguments) => verify::run(&shared, &arguments).await,
        Command::Explain(arguments) => explain::run(&shared, &arguments).await,
        Command::Status(arguments) => status::run(&shared, &arguments).await,
        Command::DeadLetters(arguments) => dead_letters::run(&shared, &arguments).await,
        Command::Run(arguments) => run::run(&shared, &arguments).await,
        Command::Serve(arguments) => serve::run(&shared, &arguments).await,
        Command::ApiKey(arguments) => api_key::run(&shared, &arguments),
        Command::Schema(arguments) => schema::run(&arguments),
    };
    ended.unwrap_or_else(|failure: Failure| failure.print())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_arguments_hold_together() {
        super::Cli::command().debug_assert();
    }
}
