//! How fast a full load is, against what the engine can take in at all, and against a peer.
//!
//! `dev/bench` starts the servers, loads the rows and calls this; `docs/performance.md` tells how to read what comes
//! out. It shares no code with prejoin, which it runs as a user would.

mod ceiling;
mod chart;
mod engine;
mod goals;
mod in_step;
mod machine;
mod measure;
mod meter;
mod peer;
mod plan;
mod processes;
mod searches;
mod sent;
mod served;
mod stage;
mod subject;
mod table;

use std::fs;
use std::io::{Write, stderr, stdout};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Parser;

use crate::engine::Engine;
use crate::meter::Servers;
use crate::plan::Extent;
use crate::stage::{Scale, Stage};
use crate::table::Page;

/// Measures full loads; `dev/bench` calls it
#[derive(Parser)]
#[command(name = "bench")]
struct Cli {
    /// One round, a small part for pgsync, no growth
    #[arg(long)]
    quick: bool,
    /// How much of TPC-H is loaded
    #[arg(long, default_value = "0.1")]
    scale: Scale,
    /// How much of it pgsync loads
    #[arg(long, default_value = "0.1")]
    peer_scale: Scale,
    /// How much of it growth is measured with; without it, growth is not measured
    #[arg(long)]
    large_scale: Option<Scale>,
    #[arg(long, env = "TEST_OPENSEARCH_URL", hide_env_values = true)]
    engine: String,
    #[arg(long, env = "TEST_POSTGRES_URL", hide_env_values = true)]
    postgres: String,
    #[arg(long, env = "TEST_MARIADB_URL", hide_env_values = true)]
    mariadb: String,
    /// The engine's process
    #[arg(long, value_name = "PID")]
    engine_pid: u32,
    /// A database server's process
    #[arg(long = "database-pid", value_name = "PID")]
    database_pids: Vec<u32>,
    /// The program that is measured
    #[arg(long, value_name = "FILE")]
    prejoin: PathBuf,
    /// The folder of pgsync's programs; without it, pgsync is not measured
    #[arg(long, value_name = "DIR")]
    pgsync: Option<PathBuf>,
    /// The folder with config/, jobs/ and mappings/
    #[arg(long, value_name = "DIR")]
    home: PathBuf,
    /// The folder with ready-made documents and SQLite files
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Something else's version, to be shown with the results
    #[arg(long = "version-of", value_name = "NAME=VERSION")]
    versions: Vec<String>,
    /// Write the results to FILE.md and FILE.svg too
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    let extent = Extent {
        scale: cli.scale,
        peer: cli.peer_scale,
        large: cli.large_scale,
        rounds: if cli.quick { 1 } else { 3 },
        settings: if cli.quick { plan::USUAL_SETTING } else { plan::ALL_SETTINGS },
    };
    let stage = Stage {
        engine: Engine::new(&cli.engine, cli.engine_pid),
        servers: Servers { engine: cli.engine_pid, databases: cli.database_pids },
        postgres: cli.postgres,
        mariadb: cli.mariadb,
        prejoin: cli.prejoin,
        home: absolute(&cli.home)?,
        data: absolute(&cli.data)?,
    };
    let machine = machine::describe(&stage, &cli.versions)?;
    let (results, measured) = plan::measure(&stage, &extent, cli.pgsync.as_deref());
    let cleared = stage.engine.clear();
    // A failure after half an hour does not take the half hour with it.
    if !results.rows.0.is_empty() {
        let page = Page {
            date: &jiff::Zoned::now().date().to_string(),
            quick: cli.quick,
            whole: measured.is_ok(),
            extent: &extent,
            results: &results,
            goals: &goals::all(&results),
            machine: &machine,
        };
        let page = page.to_string();
        if let Some(out) = &cli.out {
            write(&with_suffix(out, ".md"), &page)?;
            write(&with_suffix(out, ".svg"), &chart::draw(&results.rows))?;
        }
        stdout().write_all(page.as_bytes()).context("writing to stdout")?;
    }
    measured.and(cleared)
}

/// Programs that are run take relative paths for something else.
fn absolute(folder: &Path) -> Result<PathBuf> {
    folder.canonicalize().with_context(|| format!("looking for the folder `{}`", folder.display()))
}

/// What stands behind a dot in the file's name stays.
fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("writing `{}`", path.display()))
}

/// A line for whoever waits; where nobody reads it, nothing is lost.
fn say(line: &str) {
    drop(writeln!(stderr(), "{line}"));
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn results_have_the_name_that_was_given() {
        let named = |out: &str| super::with_suffix(Path::new(out), ".md");
        assert_eq!(named("results/run-1.2"), Path::new("results/run-1.2.md"));
        assert_eq!(named("today"), Path::new("today.md"));
    }
}
