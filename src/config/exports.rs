//! How much of exports the query API takes on, as its user writes it.
//!
//! Promises: what is left out has a default; a client that takes nothing does not keep its place for longer than said, nor any
//! client for ever.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use jiff::SignedDuration;
use serde::Deserialize;

use super::raw;

/// Exports, and what they may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportConfig {
    /// Most of them at a time.
    pub at_a_time: usize,
    /// How long a client may take nothing of one before it is broken off.
    pub stall: Duration,
    /// How long one may take in all, as its client takes it.
    pub longest: Duration,
    /// Where files are made; the system's folder of temporary files when absent.
    pub folder: Option<PathBuf>,
}

impl Default for ExportConfig {
    fn default() -> Self {
        let (stall, longest) = (Duration::from_secs(120), Duration::from_secs(7_200));
        Self { at_a_time: 4, stall, longest, folder: None }
    }
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawExports {
    at_a_time: Option<usize>,
    stall: Option<SignedDuration>,
    longest: Option<SignedDuration>,
    folder: Option<PathBuf>,
}

/// Longer, and a few clients that are asleep would keep out all others.
const LONGEST: Duration = Duration::from_secs(3_600);

impl RawExports {
    /// `at` places a path below the home; so many `snapshots` may be open.
    pub(super) fn validate(
        self,
        at: &impl Fn(PathBuf) -> PathBuf,
        snapshots: usize,
    ) -> Result<ExportConfig> {
        let without = ExportConfig::default();
        // Each holds one, and pages hold some too.
        let most = snapshots.saturating_sub(1).max(1);
        let at_a_time = self.at_a_time.unwrap_or(without.at_a_time.min(most));
        if !(1..=most).contains(&at_a_time) {
            bail!("`at_a_time` must be between 1 and {most}, fewer than `snapshots.open`");
        }
        let longest = raw::duration("longest", self.longest, 7_200)?;
        if !(Duration::from_secs(60)..=Duration::from_secs(86_400)).contains(&longest) {
            bail!("`longest` must be between 1m and 24h");
        }
        let stall = raw::duration("stall", self.stall, 120)?;
        if !(Duration::from_secs(1)..=LONGEST).contains(&stall) {
            bail!("`stall` must be between 1s and 1h");
        }
        Ok(ExportConfig { at_a_time, stall, longest, folder: self.folder.map(at) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exports_have_defaults_and_ends() {
        let exports = |text: &str| {
            let raw: RawExports = serde_json::from_str(text).unwrap();
            raw.validate(&|path| PathBuf::from("/home").join(path), 50)
        };
        let refused = |text: &str| exports(text).unwrap_err().to_string();
        assert_eq!(exports("{}").unwrap(), ExportConfig::default());
        assert_eq!(exports(r#"{"folder": "tmp"}"#).unwrap().folder, Some("/home/tmp".into()));
        insta::assert_snapshot!(refused(r#"{"at_a_time": 0}"#), @"`at_a_time` must be between 1 and 49, fewer than `snapshots.open`");
        insta::assert_snapshot!(refused(r#"{"at_a_time": 50}"#), @"`at_a_time` must be between 1 and 49, fewer than `snapshots.open`");
        insta::assert_snapshot!(refused(r#"{"longest": "10s"}"#), @"`longest` must be between 1m and 24h");
        let few = RawExports::default().validate(&|path| path, 3).unwrap();
        assert_eq!(few.at_a_time, 2);
        insta::assert_snapshot!(refused(r#"{"stall": "2h"}"#), @"`stall` must be between 1s and 1h");
    }
}
