//! Where everything is that the measurements need: servers, programs, folders, data.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::Value;

use super::engine::Engine;
use super::meter::Servers;

/// The scene of all measurements.
pub(crate) struct Stage {
    pub(crate) engine: Engine,
    pub(crate) servers: Servers,
    /// The URL of the PostgreSQL that holds everything.
    pub(crate) postgres: String,
    /// The URL of the MariaDB that holds the customers.
    pub(crate) mariadb: String,
    /// The program that is measured.
    pub(crate) prejoin: PathBuf,
    /// The folder with `config/`, `jobs/` and `mappings/`.
    pub(crate) home: PathBuf,
    /// The folder for ready-made documents, SQLite's files, logs, and what peers leave.
    pub(crate) data: PathBuf,
}

impl Stage {
    /// Deletes what the run before has left, and waits for the engine to be at rest.
    pub(crate) fn clear(&self) -> Result<()> {
        self.engine.clear()?;
        self.engine.rest()
    }

    /// Settings and mappings of the index, as the jobs have them.
    pub(crate) fn mapping(&self) -> Result<Value> {
        let path = self.home.join("mappings/tpch.json");
        let reading = || format!("reading `{}`", path.display());
        let text = fs::read_to_string(&path).with_context(reading)?;
        serde_json::from_str(&text).with_context(reading)
    }
}

/// How much of TPC-H; 1 is 1,500,000 orders. `dev/bench` names schemas and files by it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Scale(String);

impl Scale {
    /// Orders, which are the documents.
    pub(crate) fn documents(&self) -> u64 {
        let (whole, part) = self.0.split_once('.').unwrap_or((&self.0, ""));
        let digits = |text: &str| text.parse::<u64>().unwrap_or_default();
        let thousandths = digits(whole) * 1000 + digits(&format!("{part:0<3.3}"));
        thousandths * 1500
    }

    /// The PostgreSQL schema with all its tables.
    pub(crate) fn all_in_one(&self) -> String {
        format!("tpch_all_{}", self.0.replace('.', "_"))
    }

    /// The schema, database and file name of its tables by service.
    pub(crate) fn by_service(&self) -> String {
        format!("tpch_{}", self.0.replace('.', "_"))
    }

    /// The PostgreSQL schema with all its tables, whose rows tell when they changed.
    pub(crate) fn watched(&self) -> String {
        format!("tpch_watched_{}", self.0.replace('.', "_"))
    }

    /// The file of ready-made documents in the data folder.
    pub(crate) fn ready_made(&self) -> String {
        format!("tpch-{}.ndjson", self.0)
    }
}

impl std::fmt::Display for Scale {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(to)
    }
}

impl std::str::FromStr for Scale {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = text.parse().is_ok_and(|scale: f64| (0.001..=100.0).contains(&scale));
        let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let short = text.split_once('.').is_none_or(|(_, part)| part.len() <= 3);
        let right = known && plain && short;
        right
            .then(|| Self(text.to_owned()))
            .ok_or_else(|| "not a number from 0.001 to 100 with at most three decimals".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::Scale;

    #[test]
    fn a_scale_is_a_number_of_orders() {
        let documents = |text: &str| text.parse::<Scale>().unwrap().documents();
        assert_eq!(documents("0.1"), 150_000);
        assert_eq!(documents("0.02"), 30_000);
        assert_eq!(documents("0.001"), 1_500);
        assert_eq!(documents("1"), 1_500_000);
        assert_eq!("0.1".parse::<Scale>().unwrap().all_in_one(), "tpch_all_0_1");
        for wrong in ["", "0", "1e1", "0.0001", "-1", "101", "a"] {
            assert!(wrong.parse::<Scale>().is_err(), "{wrong}");
        }
    }
}
