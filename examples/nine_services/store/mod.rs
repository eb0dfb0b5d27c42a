//! Where a service's data can live: SQLite files, a Postgres server, a MariaDB server.
//!
//! Filling a service replaces its tables and touches nothing else.

mod ddl;
mod mariadb;
mod postgres;
mod sqlite;

use std::path::PathBuf;

use anyhow::{Context, Result};

pub(crate) use mariadb::MariaDb;
pub(crate) use postgres::Postgres;
pub(crate) use sqlite::Sqlite;

use crate::table::Service;
use crate::world::World;

/// Rows sent together. At most 17 columns wide, they stay far below every server's limit of values.
const BATCH_ROWS: usize = 500;

/// A kind of store, as named on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
    Mariadb,
}

/// A store that is ready to be filled.
pub(crate) enum Store {
    Sqlite(Sqlite),
    Postgres(Postgres),
    MariaDb(MariaDb),
}

/// A table's name and the number of its rows.
pub(crate) type Filled = (&'static str, u64);

impl Store {
    /// SQLite files in this folder, which is made if it is missing.
    pub(crate) fn sqlite(dir: PathBuf) -> Result<Self> {
        std::fs::create_dir_all(&dir)
            .with_context(|| format!("cannot make `{}`", dir.display()))?;
        Ok(Self::Sqlite(Sqlite { dir }))
    }

    /// Replaces one service's tables and fills them; its schema, database or file is `prefix` and its name.
    pub(crate) async fn fill(
        &mut self,
        service: &Service,
        prefix: &str,
        world: &World,
    ) -> Result<Vec<Filled>> {
        let place = format!("{prefix}{}", service.name);
        match self {
            Self::Sqlite(store) => store.fill(service, &place, world).await,
            Self::Postgres(store) => store.fill(service, &place, world).await,
            Self::MariaDb(store) => store.fill(service, &place, world).await,
        }
        .with_context(|| format!("cannot fill the service `{}`", service.name))
    }
}
