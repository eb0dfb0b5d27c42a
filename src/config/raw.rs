//! Configuration as its user writes it: every value optional, unknown keys refused, layers merged key by key.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::api::RawApi;
use super::load::RawLoad;
use super::run::RawRun;
use super::{Address, Secret, Server, SourceConfig};
use crate::yaml;

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawConfig {
    pub(super) engine: RawEngine,
    pub(super) sources: BTreeMap<String, RawSource>,
    pub(super) load: RawLoad,
    pub(super) api: RawApi,
    pub(super) run: RawRun,
    pub(super) mask: RawMask,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawEngine {
    pub(super) url: Option<Secret>,
    pub(super) api_key: Option<Secret>,
    pub(super) username: Option<String>,
    pub(super) password: Option<Secret>,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) connect_timeout: Option<SignedDuration>,
    pub(super) request_timeout: Option<SignedDuration>,
    pub(super) retry_for: Option<SignedDuration>,
    pub(super) state_prefix: Option<String>,
    pub(super) lease_ttl: Option<SignedDuration>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawSource {
    kind: Option<Kind>,
    url: Option<Secret>,
    path: Option<PathBuf>,
    password: Option<Secret>,
    schema: Option<String>,
    ca_file: Option<PathBuf>,
    max_connections: Option<u32>,
    max_rows_per_second: Option<u32>,
    connect_timeout: Option<SignedDuration>,
    statement_timeout: Option<SignedDuration>,
    time_zone: Option<String>,
    overlap: Option<SignedDuration>,
}

/// The kinds of sources.
#[derive(Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// PostgreSQL.
    Postgres,
    /// MySQL or MariaDB.
    #[serde(alias = "mariadb")]
    Mysql,
    /// A SQLite file.
    Sqlite,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawMask {
    pub(super) key: Option<Secret>,
}

/// One file, checked on its own.
pub(super) fn file_layer(path: &Path) -> Result<Value> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{}", path.display()))?;
    let _typed: RawConfig = yaml::parse(path, &text)?;
    let value: Option<Value> = yaml::parse(path, &text)?;
    Ok(value.unwrap_or(Value::Object(Map::new())))
}

/// One layer per `PREJOIN__…` variable, so that an error names the variable at fault.
pub(super) fn variable_layers(
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> Result<Vec<Value>> {
    let mut named = Vec::new();
    for (name, value) in variables {
        let Some(name) = name.to_str().filter(|name| name.starts_with("PREJOIN__")) else {
            continue;
        };
        let value = value
            .into_string()
            .map_err(|_| anyhow!("environment variable `{name}` is not UTF-8"))?;
        named.push((name.to_owned(), value));
    }
    named.sort();
    named.into_iter().map(|(name, value)| variable_layer(&name, value)).collect()
}

fn variable_layer(name: &str, text: String) -> Result<Value> {
    let path: Vec<String> = name.split("__").skip(1).map(str::to_lowercase).collect();
    let nest = |leaf: Value| {
        path.iter()
            .rev()
            .fold(leaf, |inner, key| Value::Object(Map::from_iter([(key.clone(), inner)])))
    };
    // A variable is text; a number, true or false is tried where the key does not take text.
    let scalar = serde_json::from_str::<Value>(&text).ok();
    let scalar = scalar.filter(|value| value.is_number() || value.is_boolean());
    let tries = [Some(Value::String(text)), scalar];
    let mut refused = None;
    for layer in tries.into_iter().flatten().map(nest) {
        match serde_json::from_value::<RawConfig>(layer.clone()) {
            Ok(_) => return Ok(layer),
            Err(error) => refused = Some(refused.unwrap_or(error)),
        }
    }
    // serde's text quotes the value it met, which may be a secret: only unknown keys are passed on.
    let why = refused.map(|error| error.to_string()).unwrap_or_default();
    match why.starts_with("unknown field") {
        true => Err(anyhow!("environment variable `{name}`: {why}")),
        false => Err(anyhow!("environment variable `{name}`: its value does not fit this key")),
    }
}

/// Later layers win, key by key.
pub(super) fn merge(home: &Path, layers: Vec<Value>) -> Result<RawConfig> {
    let mut merged = Value::Object(Map::new());
    for layer in layers {
        overlay(&mut merged, layer);
    }
    place_secrets(home, &mut merged);
    serde_json::from_value(merged)
        .map_err(|error| anyhow!("configuration does not hold together (line {})", error.line()))
}

fn overlay(base: &mut Value, layer: Value) {
    match (base, layer) {
        (Value::Object(base), Value::Object(layer)) => {
            // A secret is one value: `{env: …}` replaces `{file: …}`, it does not join it.
            if is_secret(&layer) {
                base.clear();
            }
            for (key, value) in layer {
                overlay(base.entry(key).or_insert(Value::Null), value);
            }
        }
        (base, layer) => *base = layer,
    }
}

/// `{env: NAME}` or `{file: PATH}`.
fn is_secret(value: &Map<String, Value>) -> bool {
    value.len() == 1
        && ["env", "file"].iter().any(|key| value.get(*key).is_some_and(Value::is_string))
}

/// Makes the files of secrets relative to `home`, as all other paths are.
fn place_secrets(home: &Path, value: &mut Value) {
    let Value::Object(map) = value else { return };
    if is_secret(map) {
        if let Some(Value::String(file)) = map.get_mut("file") {
            *file = home.join(&*file).display().to_string();
        }
        return;
    }
    map.values_mut().for_each(|below| place_secrets(home, below));
}

/// The duration given, or that many seconds.
pub(super) fn duration(
    name: &str,
    given: Option<SignedDuration>,
    seconds: u64,
) -> Result<Duration> {
    let may_be_none = matches!(name, "overlap" | "jitter");
    match given.map(Duration::try_from) {
        None => Ok(Duration::from_secs(seconds)),
        Some(Ok(duration)) if !duration.is_zero() || may_be_none => Ok(duration),
        Some(_) if may_be_none => bail!("`{name}` cannot be less than 0"),
        Some(_) => bail!("`{name}` must be more than 0"),
    }
}

/// The zone of that name.
pub(super) fn time_zone(name: &str) -> Result<TimeZone> {
    TimeZone::get(name).map_err(|_| anyhow!("`time_zone: {name}` is not a known zone"))
}

impl RawSource {
    pub(super) fn validate(
        self,
        name: &str,
        at: &impl Fn(PathBuf) -> PathBuf,
    ) -> Result<SourceConfig> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if !name.chars().all(plain) {
            bail!("a source's name has lower-case letters, digits and _ only");
        }
        let kind = self.kind.context("`kind` is missing (postgres, mysql or sqlite)")?;
        let time_zone = self.time_zone.as_deref().map(time_zone);
        let max_connections = self.max_connections.unwrap_or(4);
        if max_connections == 0 {
            bail!("`max_connections` must be at least 1");
        }
        let max_rows_per_second = self.max_rows_per_second.map(|rows| {
            NonZeroU32::new(rows).context("`max_rows_per_second` must be at least 1\n\nhint: leave it out to read as fast as it can be")
        });
        let server = match (kind, self.url, self.path) {
            (Kind::Sqlite, None, Some(path)) => Server::Sqlite { path: at(path) },
            (Kind::Sqlite, None, None) => bail!("`path` is missing"),
            (Kind::Sqlite, Some(_), _) => bail!("a sqlite source has a `path`, not a `url`"),
            (_, None, _) => bail!("`url` is missing"),
            (_, Some(_), Some(_)) => bail!("only a sqlite source has a `path`"),
            (_, Some(url), None) => {
                let ca_file = self.ca_file.map(at);
                let address =
                    Address { url, password: self.password, schema: self.schema, ca_file };
                if kind == Kind::Postgres {
                    Server::Postgres(address)
                } else {
                    Server::Mysql(address)
                }
            }
        };
        Ok(SourceConfig {
            name: name.to_owned(),
            server,
            max_connections,
            max_rows_per_second: max_rows_per_second.transpose()?,
            connect_timeout: duration("connect_timeout", self.connect_timeout, 10)?,
            statement_timeout: duration("statement_timeout", self.statement_timeout, 60)?,
            time_zone: time_zone.transpose()?,
            overlap: duration("overlap", self.overlap, 30)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> Result<RawConfig> {
        let pairs = pairs.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
        merge(Path::new("/home"), variable_layers(pairs)?)
    }

    #[test]
    fn variables_reach_any_value() {
        let raw = variables(&[
            ("PREJOIN__SOURCES__CONTRACT__MAX_CONNECTIONS", "7"),
            ("PREJOIN__ENGINE__PASSWORD", "12345"),
            ("PREJOIN__LOAD__BULK_TUNING", "false"),
            ("HOME", "ignored"),
        ])
        .unwrap();
        assert_eq!(raw.sources["contract"].max_connections, Some(7));
        assert!(!raw.load.validate().unwrap().bulk_tuning);
        assert_eq!(raw.engine.password.unwrap().reveal().unwrap(), "12345");
    }

    #[test]
    fn a_wrong_variable_is_named_and_its_value_is_not() {
        let said = |name, value| variables(&[(name, value)]).err().unwrap().to_string();
        insta::assert_snapshot!(
            said("PREJOIN__LOAD__PAGE_ROWS", "hunter2"),
            @"environment variable `PREJOIN__LOAD__PAGE_ROWS`: its value does not fit this key"
        );
        assert!(said("PREJOIN__LOAD__PAGES", "1").contains("unknown field `pages`"));
    }

    #[test]
    fn a_secret_is_replaced_as_a_whole_and_a_source_may_be_called_file() {
        let layers = [
            r#"{"mask": {"key": {"env": "A"}}, "sources": {"a": {"kind": "sqlite"}}}"#,
            r#"{"mask": {"key": {"file": "key"}}, "sources": {"file": {"kind": "sqlite"}}}"#,
        ];
        let layers = layers.iter().map(|layer| serde_json::from_str(layer).unwrap()).collect();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("key"), "k\n").unwrap();
        let raw = merge(folder.path(), layers).unwrap();
        assert_eq!(raw.sources.keys().collect::<Vec<_>>(), ["a", "file"]);
        assert_eq!(raw.mask.key.unwrap().reveal().unwrap(), "k");
    }

    #[test]
    fn durations_are_positive() {
        let duration = |text: &str| duration("x", Some(text.parse().unwrap()), 1);
        assert_eq!(duration("1m 30s").unwrap(), Duration::from_secs(90));
        assert!(duration("-5s").is_err() && duration("0s").is_err());
    }
}
