//! How hard a run works, as its user writes it: sizes of pages, bulks and caches, and numbers of what goes side by side.
//!
//! Promises: what is left out has a default, and what a run cannot work with is refused before it begins. Never judges what
//! a machine can bear.

use anyhow::{Result, bail};
use serde::Deserialize;
use serde_json::Value;

use super::LoadConfig;
use crate::finding::Finding;

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawLoad {
    page_rows: Option<usize>,
    page_bytes: Option<ByteSize>,
    bulk_bytes: Option<ByteSize>,
    bulk_in_flight: Option<usize>,
    bulk_tuning: Option<bool>,
    cache_bytes: Option<ByteSize>,
    readers: Option<usize>,
    range_rows: Option<usize>,
}

/// A number of bytes, written as `5MiB`, `64KiB`, `1GiB` or a plain number.
#[derive(Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(try_from = "Value")]
pub struct ByteSize(pub usize);

impl TryFrom<Value> for ByteSize {
    type Error = String;

    fn try_from(value: Value) -> Result<Self, String> {
        let text = match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let unit: usize = match text.get(digits.len()..).map(str::trim) {
            Some("" | "B") => 1,
            Some("KiB") => 1 << 10,
            Some("MiB") => 1 << 20,
            Some("GiB") => 1 << 30,
            _ => return Err(format!("`{text}` is not a size; write it like 512KiB, 5MiB or 1GiB")),
        };
        let count = digits.parse::<usize>().ok().and_then(|count| count.checked_mul(unit));
        count.map(Self).ok_or_else(|| format!("`{text}` is not a size; write it like 5MiB"))
    }
}

/// Most bytes of a page or a bulk request: a page's places are 32 bits wide, and engines take far less.
const LARGEST: usize = 1 << 30;

/// Least bytes of a reader's share of a page: with less, hardly a root would fit.
const LEAST_SHARE: usize = 1 << 10;

/// Most bulk requests at a time: engines turn others away long before.
const MOST_BULKS: usize = 1_000;

impl RawLoad {
    pub(super) fn validate(self) -> Result<LoadConfig> {
        let size = |given: Option<ByteSize>, default: usize| given.map_or(default, |size| size.0);
        let load = LoadConfig {
            page_rows: self.page_rows.unwrap_or(2_000),
            page_bytes: size(self.page_bytes, 16 << 20),
            bulk_bytes: size(self.bulk_bytes, 5 << 20),
            bulk_in_flight: self.bulk_in_flight.unwrap_or(4),
            bulk_tuning: self.bulk_tuning.unwrap_or(true),
            cache_bytes: size(self.cache_bytes, 8 << 20),
            readers: self.readers.unwrap_or(1),
            range_rows: self.range_rows.unwrap_or(20_000),
        };
        if load.page_rows == 0 || load.page_bytes == 0 || load.bulk_bytes == 0 {
            bail!("load: `page_rows`, `page_bytes` and `bulk_bytes` must be more than 0");
        }
        if load.page_bytes > LARGEST || load.bulk_bytes > LARGEST {
            bail!("load: `page_bytes` and `bulk_bytes` can be 1GiB at most");
        }
        if load.bulk_in_flight == 0 || load.readers == 0 || load.range_rows == 0 {
            bail!("load: `bulk_in_flight`, `readers` and `range_rows` must be at least 1");
        }
        if load.bulk_in_flight > MOST_BULKS {
            let what = format!("load: `bulk_in_flight` can be {MOST_BULKS} at most");
            let hint = "an engine's queue takes a few for each of its processors; leave it out to begin with 4";
            return Err(Finding::error(what).hint(hint).into());
        }
        if load.page_bytes / load.readers < LEAST_SHARE {
            let what = format!(
                "load: `page_bytes` leaves each of {} `readers` less than 1KiB",
                load.readers
            );
            return Err(Finding::error(what).hint("raise `page_bytes`, or lower `readers`").into());
        }
        Ok(load)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn validated(text: &str) -> Result<LoadConfig> {
        serde_json::from_str::<RawLoad>(text).unwrap().validate()
    }

    #[test]
    fn what_a_run_cannot_work_with_is_refused() {
        let refused = |text: &str| {
            let error = validated(text).unwrap_err();
            let hint = error.downcast_ref::<Finding>().and_then(|finding| finding.hint.as_deref());
            format!("{error} | {}", hint.unwrap_or_default())
        };
        for zero in
            ["page_rows", "page_bytes", "bulk_bytes", "bulk_in_flight", "readers", "range_rows"]
        {
            assert!(refused(&format!("{{\"{zero}\": 0}}")).contains(zero));
        }
        assert!(refused(r#"{"bulk_bytes": "2GiB"}"#).contains("1GiB at most"));
        insta::assert_snapshot!(refused(r#"{"bulk_in_flight": 1001}"#), @"load: `bulk_in_flight` can be 1000 at most | an engine's queue takes a few for each of its processors; leave it out to begin with 4");
        insta::assert_snapshot!(refused(r#"{"readers": 20, "page_bytes": "20000"}"#), @"load: `page_bytes` leaves each of 20 `readers` less than 1KiB | raise `page_bytes`, or lower `readers`");
    }

    #[test]
    fn what_it_can_work_with_is_not() {
        assert_eq!(validated(r#"{"bulk_in_flight": 1000}"#).unwrap().bulk_in_flight, 1_000);
        assert_eq!(validated(r#"{"readers": 16, "page_bytes": "16KiB"}"#).unwrap().readers, 16);
    }

    #[test]
    fn sizes_are_read_with_their_unit() {
        let size = |text: &str| ByteSize::try_from(Value::String(text.to_owned()));
        assert_eq!(size("5MiB"), Ok(ByteSize(5 << 20)));
        assert_eq!(size("12"), Ok(ByteSize(12)));
        assert!(size("5MB").is_err());
        assert!(size("99999999999999GiB").is_err());
    }
}
