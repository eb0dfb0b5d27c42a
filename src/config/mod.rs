//! Configuration: where the services and the engine are, and how hard to work.
//!
//! Promises: `config/default.yaml`, then `config/<profile>.yaml`, then `PREJOIN__SECTION__KEY` variables, each checked on
//! its own, so that an unknown key is reported with the file and line (or the variable) that holds it. Secrets are never
//! printed, not even by `Debug`. Never connects to anything.

mod access;
mod admission;
mod api;
mod dialects;
mod edge;
mod exports;
mod limits;
mod load;
mod raw;
mod roles;
mod run;
mod secret;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use jiff::tz::TimeZone;

pub use access::{Algorithm, AuthConfig, JwtConfig, JwtKeys, KeyConfig};
pub use admission::{BreakerConfig, RateConfig};
pub use api::{ApiConfig, SnapshotConfig, ViewConfig, ViewPage, Views};
pub use dialects::Dialect;
pub use edge::{EdgeConfig, ForwardHeader, TlsConfig};
pub use exports::ExportConfig;
pub use limits::Limits;
pub use load::ByteSize;
pub use raw::Kind;
pub use roles::{EVERY_PATH, IndexConfig, Mask, Operation, RoleConfig};
pub use run::RunConfig;
pub use secret::Secret;

/// Everything that a run needs to know about its surroundings, validated.
#[derive(Debug)]
pub struct Config {
    /// The folder that holds `config/`, `jobs/` and `mappings/`.
    pub home: PathBuf,
    /// The search engine.
    pub engine: EngineConfig,
    /// The services' databases by name.
    pub sources: BTreeMap<String, SourceConfig>,
    /// Sizes of pages, bulks and caches.
    pub load: LoadConfig,
    /// The query API.
    pub api: ApiConfig,
    /// The scheduler.
    pub run: RunConfig,
    /// Key of `mask: hmac`, when one is configured.
    pub mask_key: Option<Secret>,
}

/// How to reach Elasticsearch or OpenSearch.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// Base URL; may hold a user and a password.
    pub url: Secret,
    /// `Authorization: ApiKey …`, already encoded as the engine hands it out.
    pub api_key: Option<Secret>,
    /// Basic authentication.
    pub username: Option<String>,
    /// Basic authentication.
    pub password: Option<Secret>,
    /// PEM file of the authority that signed the engine's certificate.
    pub ca_file: Option<PathBuf>,
    /// Longest wait for the first answer.
    pub connect_timeout: Duration,
    /// Longest wait for any one answer.
    pub request_timeout: Duration,
    /// How long a run goes on trying when the engine is out of reach.
    pub retry_for: Duration,
    /// What the names of prejoin's own indexes begin with: `prejoin-state`, `prejoin-dead-letters`. Installations that share
    /// a cluster tell themselves apart by it.
    pub state_prefix: String,
    /// How long a run that has gone silent keeps others out. A third of it passes between two signs of life.
    pub lease_ttl: Duration,
}

/// One service's database.
#[derive(Debug, Clone)]
pub struct SourceConfig {
    /// The name that jobs use.
    pub name: String,
    /// Which server, and where.
    pub server: Server,
    /// Most connections open at a time.
    pub max_connections: u32,
    /// Most rows that are read in a second, by all reads together; as fast as it can be where `None`.
    pub max_rows_per_second: Option<NonZeroU32>,
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest run of one statement; the server ends it where it can.
    pub statement_timeout: Duration,
    /// Zone of date-times that carry none.
    pub time_zone: Option<TimeZone>,
    /// How far a watermark stays behind the database's clock.
    pub overlap: Duration,
}

/// A database server, or a file.
#[derive(Debug, Clone)]
pub enum Server {
    /// PostgreSQL.
    Postgres(Address),
    /// MySQL or MariaDB.
    Mysql(Address),
    /// A SQLite file.
    Sqlite {
        /// The database's file.
        path: PathBuf,
    },
}

/// Where a database server listens.
#[derive(Debug, Clone)]
pub struct Address {
    /// `postgres://…` or `mysql://…`.
    pub url: Secret,
    /// Replaces the URL's password.
    pub password: Option<Secret>,
    /// Schema of tables that name none; the server's default otherwise.
    pub schema: Option<String>,
    /// PEM file of the authority that signed the server's certificate; makes TLS mandatory.
    pub ca_file: Option<PathBuf>,
}

/// Sizes that bound memory.
#[derive(Debug, Clone, Copy)]
pub struct LoadConfig {
    /// Most root rows in a page.
    pub page_rows: usize,
    /// Most bytes of a page and the rows joined to it.
    pub page_bytes: usize,
    /// Most bytes of a bulk request's body.
    pub bulk_bytes: usize,
    /// Bulk requests of that size under way at a time; of smaller ones there may be more, never more bytes.
    pub bulk_in_flight: usize,
    /// Whether size and number are adapted to what the engine takes best.
    pub bulk_tuning: bool,
    /// Most bytes of rows kept for reuse within one run.
    pub cache_bytes: usize,
    /// Key ranges of the root that are read side by side.
    pub readers: usize,
    /// Root rows in a key range.
    pub range_rows: usize,
}

impl Config {
    /// Reads the configuration of `home`, with `profile` laid over the default.
    ///
    /// # Errors
    /// Says which file and line, or which variable, is wrong. An absent `default.yaml` is an empty one; an absent profile
    /// is an error.
    pub fn load(home: &Path, profile: Option<&str>) -> Result<Self> {
        let mut layers = Vec::new();
        let default = home.join("config/default.yaml");
        if default.exists() {
            layers.push(raw::file_layer(&default)?);
        }
        if let Some(profile) = profile {
            let path = home.join("config").join(format!("{profile}.yaml"));
            if !path.exists() {
                bail!("profile `{profile}`: there is no {}", path.display());
            }
            layers.push(raw::file_layer(&path)?);
        }
        layers.extend(raw::variable_layers(std::env::vars_os())?);
        Self::validate(home, raw::merge(home, layers)?)
    }

    /// Has every source read no more rows a second than this, or than its own limit where that is lower.
    pub fn slow_down_to(&mut self, rows_per_second: Option<NonZeroU32>) {
        for source in self.sources.values_mut() {
            let limits = source.max_rows_per_second.into_iter().chain(rows_per_second);
            source.max_rows_per_second = limits.min();
        }
    }

    fn validate(home: &Path, raw: raw::RawConfig) -> Result<Self> {
        let at = |path: PathBuf| if path.is_absolute() { path } else { home.join(path) };
        let engine = raw.engine;
        let sources = raw
            .sources
            .into_iter()
            .map(|(name, source)| {
                let valid = source.validate(&name, &at).with_context(|| format!("source `{name}`"));
                valid.map(|valid| (name, valid))
            })
            .collect::<Result<_>>()?;
        let engine = EngineConfig {
            url: engine.url.unwrap_or_else(|| Secret::plain("http://127.0.0.1:9200")),
            api_key: engine.api_key,
            username: engine.username,
            password: engine.password,
            ca_file: engine.ca_file.map(at),
            connect_timeout: raw::duration("connect_timeout", engine.connect_timeout, 5)?,
            request_timeout: raw::duration("request_timeout", engine.request_timeout, 60)?,
            retry_for: raw::duration("retry_for", engine.retry_for, 60)?,
            state_prefix: engine.state_prefix.unwrap_or_else(|| "prejoin".to_owned()),
            lease_ttl: raw::duration("lease_ttl", engine.lease_ttl, 30)?,
        };
        if !(Duration::from_millis(100)..=Duration::from_secs(3_600)).contains(&engine.lease_ttl) {
            bail!("engine: `lease_ttl` must be between 100ms and 1h");
        }
        if engine.username.is_some() != engine.password.is_some() {
            bail!("engine: `username` and `password` go together");
        }
        if engine.api_key.is_some() && engine.username.is_some() {
            bail!("engine: give `api_key` or `username`, not both");
        }
        Ok(Self {
            home: home.to_owned(),
            engine,
            sources,
            load: raw.load.validate()?,
            api: raw.api.validate(&at)?,
            run: raw.run.validate()?,
            mask_key: raw.mask.key,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home(files: &[(&str, &str)]) -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("config")).unwrap();
        for (name, text) in files {
            std::fs::write(home.path().join("config").join(name), text).unwrap();
        }
        home
    }

    fn error(files: &[(&str, &str)], profile: Option<&str>) -> String {
        let home = home(files);
        let error = Config::load(home.path(), profile).unwrap_err();
        format!("{error:#}").replace(&home.path().display().to_string(), "HOME")
    }

    #[test]
    fn a_profile_changes_only_what_it_names() {
        let home = home(&[
            ("default.yaml", "sources:\n  a: {kind: sqlite, path: a.db, max_connections: 2}\n"),
            ("big.yaml", "sources:\n  a: {path: /big/a.db}\nload: {bulk_bytes: 10MiB}\n"),
        ]);
        let config = Config::load(home.path(), Some("big")).unwrap();
        let source = &config.sources["a"];
        assert_eq!(source.max_connections, 2);
        assert!(
            matches!(&source.server, Server::Sqlite { path } if path == Path::new("/big/a.db"))
        );
        assert_eq!(config.load.bulk_bytes, 10 << 20);
    }

    #[test]
    fn the_lower_limit_of_rows_holds() {
        let sources = "sources:\n  a: {kind: sqlite, path: a.db, max_rows_per_second: 20}\n  b: {kind: sqlite, path: b.db}\n";
        let home = home(&[("default.yaml", sources)]);
        let limits = |given| {
            let mut config = Config::load(home.path(), None).unwrap();
            config.slow_down_to(NonZeroU32::new(given));
            let limit = |name| config.sources[name].max_rows_per_second.map(NonZeroU32::get);
            [limit("a"), limit("b")]
        };
        assert_eq!(limits(0), [Some(20), None]);
        assert_eq!(limits(10), [Some(10), Some(10)]);
        assert_eq!(limits(30), [Some(20), Some(30)]);
        let none = "sources: {a: {kind: sqlite, path: a.db, max_rows_per_second: 0}}\n";
        insta::assert_snapshot!(error(&[("default.yaml", none)], None), @"
        source `a`: `max_rows_per_second` must be at least 1

        hint: leave it out to read as fast as it can be
        ");
    }

    #[test]
    fn an_unknown_key_is_reported_with_its_line() {
        let text = "engine:\n  urll: http://secret@host\n";
        let said = error(&[("default.yaml", text)], None);
        assert!(said.contains("HOME/config/default.yaml:2:3"), "{said}");
        assert!(said.contains("urll"), "{said}");
        assert!(!said.contains("secret"), "{said}");
    }

    #[test]
    fn a_missing_profile_and_a_half_source_are_errors() {
        insta::assert_snapshot!(error(&[], Some("stage")), @"profile `stage`: there is no HOME/config/stage.yaml");
        insta::assert_snapshot!(
            error(&[("default.yaml", "sources: {a: {kind: postgres}}\n")], None),
            @"source `a`: `url` is missing"
        );
    }

    #[test]
    fn secrets_do_not_show() {
        let home =
            home(&[("default.yaml", "engine: {url: 'http://u:hunter2@h', api_key: hunter2}\n")]);
        let config = Config::load(home.path(), None).unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
        assert_eq!(config.engine.api_key.unwrap().reveal().unwrap(), "hunter2");
    }
}
