//! How much the query API takes on, as its user writes it: of one caller, of all, and of an engine in trouble.
//!
//! Promises: what is left out has a default, and what would let nobody in is refused before it begins.

use std::time::Duration;

use anyhow::{Result, bail};
use jiff::SignedDuration;
use serde::Deserialize;

use super::raw;

/// What one caller may ask for in a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateConfig {
    /// Units of cost in each window; a small search is one.
    pub quota: u32,
    /// How long it takes until a quota that was spent is there again.
    pub window: Duration,
    /// Most callers that are told apart at a time.
    pub callers: usize,
}

/// When an engine that fails is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerConfig {
    /// After how many failures in a row.
    pub failures: u32,
    /// For how long, until it is tried again.
    pub pause: Duration,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self { failures: 5, pause: Duration::from_secs(5) }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRate {
    quota: u32,
    window: Option<SignedDuration>,
    callers: Option<usize>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawBreaker {
    failures: Option<u32>,
    pause: Option<SignedDuration>,
}

/// Longest window and pause: beyond it, a mistake would shut callers out for a day.
const LONGEST: Duration = Duration::from_secs(3_600);

/// Callers of which a few dozen megabytes remember what they have spent.
const MOST_CALLERS: usize = 1_000_000;

impl RawRate {
    pub(super) fn validate(self) -> Result<RateConfig> {
        let window = within("window", raw::duration("window", self.window, 60)?)?;
        let callers = self.callers.unwrap_or(10_000);
        if self.quota == 0 {
            bail!("`quota` must be at least 1; leave `rate` out for no limit");
        }
        if !(1..=MOST_CALLERS).contains(&callers) {
            bail!("`callers` must be between 1 and {MOST_CALLERS}");
        }
        Ok(RateConfig { quota: self.quota, window, callers })
    }
}

impl RawBreaker {
    pub(super) fn validate(self) -> Result<BreakerConfig> {
        let without = BreakerConfig::default();
        let failures = self.failures.unwrap_or(without.failures);
        if failures == 0 {
            bail!("`failures` must be at least 1");
        }
        let pause = within("pause", raw::duration("pause", self.pause, 5)?)?;
        Ok(BreakerConfig { failures, pause })
    }
}

fn within(name: &str, given: Duration) -> Result<Duration> {
    if given > LONGEST {
        bail!("`{name}` can be 1h at most");
    }
    Ok(given)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lets_nobody_in_is_refused() {
        let rate = |text: &str| serde_json::from_str::<RawRate>(text).unwrap().validate();
        let refused = |text: &str| rate(text).unwrap_err().to_string();
        insta::assert_snapshot!(refused(r#"{"quota": 0}"#), @"`quota` must be at least 1; leave `rate` out for no limit");
        insta::assert_snapshot!(refused(r#"{"quota": 1, "callers": 0}"#), @"`callers` must be between 1 and 1000000");
        insta::assert_snapshot!(refused(r#"{"quota": 1, "window": "2h"}"#), @"`window` can be 1h at most");
        let breaker = serde_json::from_str::<RawBreaker>(r#"{"failures": 0}"#).unwrap();
        insta::assert_snapshot!(breaker.validate().unwrap_err(), @"`failures` must be at least 1");
        let config = rate(r#"{"quota": 600}"#).unwrap();
        assert_eq!((config.window, config.callers), (Duration::from_secs(60), 10_000));
    }
}
