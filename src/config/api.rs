//! The query API's settings, as its user writes them.
//!
//! Promises: what is left out has a default.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::access::{AuthConfig, RawAuth};
use super::admission::{BreakerConfig, RateConfig, RawBreaker, RawRate};
use super::dialects::Dialect;
use super::edge::{EdgeConfig, ForwardHeader, RawCors, RawEdge, RawTls};
use super::exports::{ExportConfig, RawExports};
use super::limits::Limits;
use super::roles::{self, RoleConfig};
use super::{Secret, raw};

/// The query API's own settings.
#[derive(Debug, Clone)]
pub struct ApiConfig {
    /// Address to listen on; loopback only while callers are not told apart.
    pub listen: SocketAddr,
    /// Key that signs cursors; drawn anew at each start when absent.
    pub cursor_key: Option<Secret>,
    /// How callers are told apart.
    pub auth: AuthConfig,
    /// What each role may do and see.
    pub roles: BTreeMap<String, RoleConfig>,
    /// Presets of searches, by index.
    pub views: BTreeMap<String, Views>,
    /// Dialects of front-end packages in which it may be asked too.
    pub dialects: Vec<Dialect>,
    /// What a request may ask for.
    pub limits: Limits,
    /// What the engine is given for a search.
    pub timeout: Duration,
    /// Indexes that are held as they are while they are paged through.
    pub snapshots: SnapshotConfig,
    /// Answers that hold every row.
    pub exports: ExportConfig,
    /// What one caller may ask for in a while; without it, anything.
    pub rate: Option<RateConfig>,
    /// Most requests that are answered at a time.
    pub concurrency: usize,
    /// When an engine that fails is left alone.
    pub breaker: BreakerConfig,
    /// How it meets its callers.
    pub edge: EdgeConfig,
}

/// A named preset of searches, in the words of a search's body.
#[derive(Deserialize, Serialize, Debug, Clone, Default, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub struct ViewConfig {
    /// Which documents there are in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<Value>,
    /// Their order, unless the search has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort: Option<Value>,
    /// Fields that it has; a search may ask for some of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fields: Option<Vec<String>>,
    /// The page, unless the search says otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<ViewPage>,
}

/// The page of a view.
#[derive(Deserialize, Serialize, Debug, Clone, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct ViewPage {
    /// Most rows.
    pub size: usize,
}

/// Views by their names.
pub type Views = BTreeMap<String, ViewConfig>;

/// Indexes that are held as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotConfig {
    /// How long one is held after each of its pages.
    pub keep_alive: Duration,
    /// Most of them that this server holds open.
    pub open: usize,
}

impl Default for SnapshotConfig {
    fn default() -> Self {
        Self { keep_alive: Duration::from_secs(60), open: 50 }
    }
}

impl Default for ApiConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            cursor_key: None,
            auth: AuthConfig::None,
            roles: BTreeMap::new(),
            views: BTreeMap::new(),
            dialects: Vec::new(),
            limits: Limits::default(),
            timeout: Duration::from_secs(5),
            snapshots: SnapshotConfig::default(),
            exports: ExportConfig::default(),
            rate: None,
            concurrency: 256,
            breaker: BreakerConfig::default(),
            edge: EdgeConfig::default(),
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawApi {
    listen: Option<SocketAddr>,
    cursor_key: Option<Secret>,
    auth: Option<RawAuth>,
    roles: BTreeMap<String, RoleConfig>,
    views: BTreeMap<String, Views>,
    dialects: Vec<Dialect>,
    limits: Limits,
    timeout: Option<SignedDuration>,
    snapshots: RawSnapshots,
    exports: RawExports,
    rate: Option<RawRate>,
    concurrency: Option<usize>,
    breaker: RawBreaker,
    hosts: Vec<String>,
    tls: Option<RawTls>,
    trusted_proxies: Vec<String>,
    trusted_header: ForwardHeader,
    cors: RawCors,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct RawSnapshots {
    keep_alive: Option<SignedDuration>,
    open: Option<usize>,
}

impl RawApi {
    /// `at` places a path below the home.
    pub(super) fn validate(self, at: &impl Fn(PathBuf) -> PathBuf) -> Result<ApiConfig> {
        let without = ApiConfig::default();
        let timeout = raw::duration("timeout", self.timeout, 5).context("api")?;
        if !(Duration::from_millis(100)..=Duration::from_secs(60)).contains(&timeout) {
            bail!("api: `timeout` must be between 100ms and 1m");
        }
        let concurrency = self.concurrency.unwrap_or(without.concurrency);
        if !(1..=MOST_AT_A_TIME).contains(&concurrency) {
            bail!("api: `concurrency` must be between 1 and {MOST_AT_A_TIME}");
        }
        roles::validated(&self.roles)?;
        let auth = self.auth.map(|auth| auth.validate(&self.roles, at)).transpose()?;
        let edge = RawEdge {
            hosts: self.hosts,
            tls: self.tls,
            trusted_proxies: self.trusted_proxies,
            trusted_header: self.trusted_header,
            cors: self.cors,
        };
        let snapshots = self.snapshots.validate().context("api: snapshots")?;
        let exports = self.exports.validate(at, snapshots.open).context("api: exports")?;
        Ok(ApiConfig {
            listen: self.listen.unwrap_or(without.listen),
            cursor_key: self.cursor_key,
            auth: auth.unwrap_or(without.auth),
            roles: self.roles,
            views: self.views,
            dialects: self.dialects,
            limits: self.limits.validate().context("api: limits")?,
            timeout,
            snapshots,
            exports,
            rate: self.rate.map(RawRate::validate).transpose().context("api: rate")?,
            concurrency,
            breaker: self.breaker.validate().context("api: breaker")?,
            edge: edge.validate(at).context("api")?,
        })
    }
}

impl RawSnapshots {
    fn validate(self) -> Result<SnapshotConfig> {
        let without = SnapshotConfig::default();
        let keep_alive = raw::duration("keep_alive", self.keep_alive, 60)?;
        // A person reads a page in less, and what is held takes up the engine's disk.
        if !(Duration::from_secs(60)..=Duration::from_secs(300)).contains(&keep_alive) {
            bail!("`keep_alive` must be between 1m and 5m");
        }
        let open = self.open.unwrap_or(without.open);
        if open > MOST_OPEN {
            bail!("`open` can be {MOST_OPEN} at most: engines hold no more on one node");
        }
        Ok(SnapshotConfig { keep_alive, open })
    }
}

/// More would wait in the engine's queue, and their answers in memory.
const MOST_AT_A_TIME: usize = 10_000;

/// OpenSearch's own limit for each node.
const MOST_OPEN: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;

    fn validated(text: &str) -> Result<ApiConfig> {
        serde_json::from_str::<RawApi>(text).unwrap().validate(&|path| path)
    }

    #[test]
    fn limits_have_defaults_and_ends() {
        let config = validated(r#"{"limits": {"page_size": 1000, "body": "1MiB"}}"#).unwrap();
        assert_eq!((config.limits.page_size, config.limits.body.0), (1_000, 1 << 20));
        assert_eq!(config.limits.comparisons, Limits::default().comparisons);
        let refused = |text: &str| format!("{:#}", validated(text).unwrap_err());
        insta::assert_snapshot!(refused(r#"{"limits": {"page_size": 1001}}"#), @"api: limits: `page_size` must be between 1 and 1000");
        insta::assert_snapshot!(refused(r#"{"limits": {"depth": 0}}"#), @"api: limits: `depth` must be between 1 and 20");
        insta::assert_snapshot!(refused(r#"{"limits": {"body": "2MiB"}}"#), @"api: limits: `body` must be between 1 and 1048576");
        insta::assert_snapshot!(refused(r#"{"timeout": "2m"}"#), @"api: `timeout` must be between 100ms and 1m");
        insta::assert_snapshot!(refused(r#"{"snapshots": {"keep_alive": "10m"}}"#), @"api: snapshots: `keep_alive` must be between 1m and 5m");
        insta::assert_snapshot!(refused(r#"{"concurrency": 0}"#), @"api: `concurrency` must be between 1 and 10000");
        insta::assert_snapshot!(refused(r#"{"rate": {"quota": 0}}"#), @"api: rate: `quota` must be at least 1; leave `rate` out for no limit");
        insta::assert_snapshot!(refused(r#"{"snapshots": {"open": 301}}"#), @"api: snapshots: `open` can be 300 at most: engines hold no more on one node");
    }

    #[test]
    fn unknown_limits_are_refused() {
        assert!(serde_json::from_str::<RawApi>(r#"{"limits": {"rows": 1}}"#).is_err());
        assert!(serde_json::from_str::<RawApi>(r#"{"snapshots": {"ttl": "1m"}}"#).is_err());
    }
}
