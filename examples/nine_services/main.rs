//! Invents nine services' databases, each with its own habits, for trying and testing joins.
//!
//! The same seed and number of contracts give the same rows on every machine and in every store.
//! Nothing of the library is used here: what the library builds can be checked against these rows.

mod calendar;
mod dice;
mod services;
mod store;
mod table;
mod words;
mod world;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Parser;

use crate::store::{Kind, MariaDb, Postgres, Store};
use crate::world::World;

/// Make the databases of nine services: contract, account, settlement, manager, product, company,
/// payment, document and support. Tables that are there already are replaced.
#[derive(Parser)]
#[command(name = "nine-services")]
struct Options {
    /// Folder for SQLite files, one <SERVICE>.db each
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Postgres server to fill, one schema per service
    #[arg(long, value_name = "URL", env = "NINE_SERVICES_POSTGRES", hide_env_values = true)]
    postgres: Option<String>,
    /// MariaDB server to fill, one database per service
    #[arg(long, value_name = "URL", env = "NINE_SERVICES_MARIADB", hide_env_values = true)]
    mariadb: Option<String>,
    /// Where a service lives, when there are several stores: sqlite, postgres or mariadb
    #[arg(long = "place", value_name = "SERVICE=STORE", value_delimiter = ',', value_parser = place)]
    places: Vec<(String, Kind)>,
    /// Put before the name of every schema, database or file
    #[arg(long, default_value = "")]
    prefix: String,
    /// How many contracts; everything else grows with them
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(i64).range(1..=100_000_000))]
    contracts: i64,
    /// Another seed, another world
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(&Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        // Nobody is left to hear that stderr is closed.
        Err(error) => writeln!(std::io::stderr(), "error: {error:#}").map_or(1, |()| 1).into(),
    }
}

async fn run(options: &Options) -> Result<()> {
    let places = assign(options)?;
    let mut stores = open(options).await?;
    let world = World::new(options.seed, options.contracts);
    for service in &services::ALL {
        let kind = places.get(service.name).context("every service has its place")?;
        let store = stores.get_mut(kind).context("every place has its store")?;
        let filled = store.fill(service, &options.prefix, &world).await?;
        report(service.name, *kind, &filled)?;
    }
    Ok(())
}

/// Opens the stores that were asked for.
async fn open(options: &Options) -> Result<BTreeMap<Kind, Store>> {
    let mut stores = BTreeMap::new();
    if let Some(dir) = &options.dir {
        stores.insert(Kind::Sqlite, Store::sqlite(dir.clone())?);
    }
    if let Some(url) = &options.postgres {
        stores.insert(Kind::Postgres, Store::Postgres(Postgres::connect(url).await?));
    }
    if let Some(url) = &options.mariadb {
        stores.insert(Kind::Mariadb, Store::MariaDb(MariaDb::connect(url).await?));
    }
    Ok(stores)
}

/// Which service lives where: as `--place` says, or all in the only store.
fn assign(options: &Options) -> Result<BTreeMap<&'static str, Kind>> {
    let stores: Vec<Kind> = [
        options.dir.as_ref().map(|_| Kind::Sqlite),
        options.postgres.as_ref().map(|_| Kind::Postgres),
        options.mariadb.as_ref().map(|_| Kind::Mariadb),
    ]
    .into_iter()
    .flatten()
    .collect();
    let only = match stores.as_slice() {
        [] => bail!("no store given\n\nhint: `--dir DIR`, `--postgres URL` or `--mariadb URL`"),
        [only] => Some(*only),
        _ => None,
    };
    for (name, kind) in &options.places {
        if !services::ALL.iter().any(|service| service.name == name) {
            let names = services::ALL.map(|service| service.name).join(", ");
            bail!("`--place {name}=…`: no such service\n\nhint: the services are {names}");
        }
        if !stores.contains(kind) {
            bail!("`--place {name}=…` names a store that was not given");
        }
    }
    let mut places = BTreeMap::new();
    for service in &services::ALL {
        let mut named = options.places.iter().filter(|(name, _)| name == service.name);
        let kind = match (named.next(), named.next()) {
            (Some(_), Some(_)) => bail!("`--place` puts `{}` in two places", service.name),
            (Some((_, kind)), None) => *kind,
            (None, _) => only.with_context(|| {
                format!("`{0}` has no place\n\nhint: `--place {0}=STORE`", service.name)
            })?,
        };
        places.insert(service.name, kind);
    }
    Ok(places)
}

fn place(text: &str) -> Result<(String, Kind), String> {
    let (service, store) = text.split_once('=').ok_or("write SERVICE=STORE")?;
    let kind = <Kind as clap::ValueEnum>::from_str(store, true)
        .map_err(|_| format!("`{store}` is no store: sqlite, postgres or mariadb"))?;
    Ok((service.to_owned(), kind))
}

/// One line per service: where it is, and its tables with their numbers of rows.
fn report(service: &str, kind: Kind, filled: &[store::Filled]) -> Result<()> {
    let tables: Vec<_> = filled.iter().map(|(name, rows)| format!("{name} {rows}")).collect();
    let store = format!("{kind:?}").to_lowercase();
    writeln!(std::io::stdout(), "{service:<11} {store:<9} {}", tables.join(", "))?;
    Ok(())
}
