//! Real input for prejoin: loads TPC-H into three database servers, and holds an index against the
//! documents that one SQL query makes of the same rows.
//!
//! It shares no code with prejoin, so that no mistake can be in both.

mod compare;
mod diff;
mod documents;
mod engine;
mod load;
mod oracle;
mod tables;
mod watch;

use std::io::{Write, stderr, stdout};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::{Args, Parser, Subcommand};
use tokio::task::JoinSet;

use crate::engine::Engine;

/// Loads TPC-H into database servers and compares an index with what SQL makes of it
#[derive(Parser)]
#[command(name = "tpch")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Fill servers with rows; tables of the same names in the schema are replaced
    Load(Load),
    /// Compare every document of an index with the oracle's; exit code 1 if any differs
    Compare(Compare),
    /// Write the oracle's documents to a file in `_bulk` format
    Docs(Docs),
    /// Copy the tables into another schema, where each row tells when it changed
    Watch(Watch),
}

#[derive(Args)]
struct Load {
    /// 1 is 1,500,000 orders with 6,001,215 line items
    #[arg(long, default_value = "0.01", value_parser = scale)]
    scale: f64,
    /// PostgreSQL server for orders and line items
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    /// MariaDB server for customers, nations and regions
    #[arg(long, value_name = "URL")]
    mariadb: Option<String>,
    /// SQLite file for parts, suppliers and nations once more
    #[arg(long, value_name = "FILE")]
    sqlite: Option<PathBuf>,
    /// PostgreSQL server for all tables together
    #[arg(long, value_name = "URL", conflicts_with = "postgres")]
    all_in: Option<String>,
    /// Schema in PostgreSQL and database in MariaDB, created when absent
    #[arg(long, default_value = "tpch")]
    schema: String,
}

#[derive(Args)]
struct Oracle {
    /// PostgreSQL server that has all tables together
    #[arg(long, value_name = "URL")]
    oracle_postgres: String,
    /// Schema of the tables
    #[arg(long, default_value = "tpch")]
    schema: String,
}

#[derive(Args)]
struct Compare {
    #[command(flatten)]
    oracle: Oracle,
    /// Elasticsearch or OpenSearch
    #[arg(long, value_name = "URL")]
    engine: String,
    /// Index or alias
    #[arg(long, default_value = "tpch")]
    index: String,
    /// Print the values that differ, not only where
    #[arg(long)]
    values: bool,
}

#[derive(Args)]
struct Docs {
    #[command(flatten)]
    oracle: Oracle,
    /// File to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Args)]
struct Watch {
    #[command(flatten)]
    of: Oracle,
    /// Schema to copy into, created when absent
    #[arg(long, value_name = "SCHEMA")]
    into: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Load(options) => load(options).await,
        Command::Compare(options) => compare(options).await,
        Command::Docs(options) => docs(options).await,
        Command::Watch(Watch { of, into }) => {
            let watched = watch::watch(&of.oracle_postgres, &of.schema, &into).await;
            watched.map(|()| ExitCode::SUCCESS)
        }
    };
    outcome.unwrap_or_else(|error| {
        // With standard error gone there is nobody left to tell.
        drop(writeln!(stderr(), "error: {error:#}"));
        ExitCode::from(2)
    })
}

async fn load(options: Load) -> Result<ExitCode> {
    let Load { scale, postgres, mariadb, sqlite, all_in, schema } = options;
    let start = Instant::now();
    let mut loads = JoinSet::new();
    let (in_orders, in_customers, in_all) = (schema.clone(), schema.clone(), schema);
    if let Some(url) = postgres {
        loads.spawn(async move { load::postgres(&url, &in_orders, tables::ORDERS, scale).await });
    }
    if let Some(url) = mariadb {
        let tables = tables::CUSTOMERS;
        loads.spawn(async move { load::mariadb(&url, &in_customers, tables, scale).await });
    }
    if let Some(path) = sqlite {
        loads.spawn(async move { load::sqlite(&path, tables::PARTS, scale).await });
    }
    if let Some(url) = all_in {
        loads.spawn(async move { load::postgres(&url, &in_all, tables::ALL, scale).await });
    }
    if loads.is_empty() {
        bail!("nothing to load\n\nhint: name a server, such as `--postgres URL` or `--all-in URL`");
    }
    let mut rows = 0;
    while let Some(loaded) = loads.join_next().await {
        rows += loaded.context("loading")??;
    }
    writeln!(stdout(), "{rows} rows loaded in {:.1} s", start.elapsed().as_secs_f64())?;
    Ok(ExitCode::SUCCESS)
}

async fn compare(options: Compare) -> Result<ExitCode> {
    let start = Instant::now();
    let engine = Engine::new(&options.engine, &options.index)?;
    let Oracle { oracle_postgres, schema } = &options.oracle;
    let mut oracle = oracle::connect(oracle_postgres, schema).await?;
    let report = compare::compare(&mut oracle, &engine).await?;
    let mut out = stdout();
    if options.values { writeln!(out, "{report:#}") } else { writeln!(out, "{report}") }?;
    writeln!(out, "in {:.1} s", start.elapsed().as_secs_f64())?;
    Ok(if report.differences() == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

async fn docs(options: Docs) -> Result<ExitCode> {
    let start = Instant::now();
    let Oracle { oracle_postgres, schema } = &options.oracle;
    let mut oracle = oracle::connect(oracle_postgres, schema).await?;
    let written = documents::write(&mut oracle, &options.out).await?;
    writeln!(stdout(), "{written} documents written in {:.1} s", start.elapsed().as_secs_f64())?;
    Ok(ExitCode::SUCCESS)
}

fn scale(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|scale| (0.001..=100.0).contains(scale))
        .ok_or_else(|| "not a number from 0.001 to 100".to_owned())
}
