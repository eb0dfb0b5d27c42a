//! How `prejoin run` keeps time, as its user writes it.
//!
//! Promises: what is left out has a default, and what the scheduler cannot work with is refused before it begins.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::raw;

/// The scheduler's own settings.
#[derive(Debug, Clone)]
pub struct RunConfig {
    /// Whose clocks the schedules follow.
    pub time_zone: TimeZone,
    /// How much later than its schedule says a job may be run, each by a part of its own that stays.
    pub jitter: Duration,
    /// Most runs at a time.
    pub at_a_time: NonZeroUsize,
    /// Address at which it tells how it is.
    pub listen: SocketAddr,
}

impl Default for RunConfig {
    fn default() -> Self {
        Self {
            time_zone: TimeZone::UTC,
            jitter: Duration::ZERO,
            at_a_time: NonZeroUsize::MIN.saturating_add(3),
            listen: SocketAddr::from(([127, 0, 0, 1], 8081)),
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawRun {
    time_zone: Option<String>,
    jitter: Option<SignedDuration>,
    at_a_time: Option<usize>,
    listen: Option<SocketAddr>,
}

/// Longest jitter: beyond it, a schedule says something else than what is done.
const MOST_JITTER: Duration = Duration::from_secs(3_600);

impl RawRun {
    pub(super) fn validate(self) -> Result<RunConfig> {
        let without = RunConfig::default();
        let time_zone = self.time_zone.as_deref().map(raw::time_zone).transpose();
        let jitter = raw::duration("jitter", self.jitter, 0).context("run")?;
        if jitter > MOST_JITTER {
            bail!("run: `jitter` can be 1h at most");
        }
        Ok(RunConfig {
            time_zone: time_zone.context("run")?.unwrap_or(without.time_zone),
            jitter,
            at_a_time: match self.at_a_time.map(NonZeroUsize::new) {
                None => without.at_a_time,
                Some(given) => given.context("run: `at_a_time` must be at least 1")?,
            },
            listen: self.listen.unwrap_or(without.listen),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn validated(text: &str) -> Result<RunConfig> {
        serde_json::from_str::<RawRun>(text).unwrap().validate()
    }

    #[test]
    fn what_it_cannot_work_with_is_refused() {
        let refused = |text: &str| format!("{:#}", validated(text).unwrap_err());
        insta::assert_snapshot!(refused(r#"{"time_zone": "Asia/Soul"}"#), @"run: `time_zone: Asia/Soul` is not a known zone");
        insta::assert_snapshot!(refused(r#"{"jitter": "61m"}"#), @"run: `jitter` can be 1h at most");
        insta::assert_snapshot!(refused(r#"{"jitter": "-1s"}"#), @"run: `jitter` cannot be less than 0");
        insta::assert_snapshot!(refused(r#"{"at_a_time": 0}"#), @"run: `at_a_time` must be at least 1");
    }

    #[test]
    fn what_is_left_out_has_a_default() {
        let config = validated(r#"{"jitter": "0s"}"#).unwrap();
        assert_eq!((config.time_zone, config.jitter), (TimeZone::UTC, Duration::ZERO));
        assert!(config.listen.ip().is_loopback());
    }
}
