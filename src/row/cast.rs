//! Conversions that a job asks for with `as`, for values that a service keeps in a poorer type than it means.
//!
//! Promises: exact or refused. Never fills in a default for a value that does not fit.

use bigdecimal::BigDecimal;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Cell, Kind};

/// What a value is turned into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Cast {
    /// A whole JSON number.
    Integer,
    /// An exact JSON number, from text too.
    Decimal,
    /// `true` or `false`, from 0 and 1, `t`/`f`, `y`/`n`, `yes`/`no`, `true`/`false`.
    Boolean,
    /// Text, from anything.
    Text,
    /// The JSON value that a text holds.
    Json,
    /// A calendar date, cut from a longer text.
    Date,
    /// An instant in UTC, from ISO 8601 text (without a zone: in the source's zone) or epoch seconds, milliseconds or microseconds.
    Timestamp,
}

/// A value that does not fit its `as`; holds the wanted form, never the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("value is not a valid {0}")]
pub struct BadValue(pub &'static str);

impl Cast {
    /// Converts `cell` and appends the new text to `out`; NULL stays NULL. `zone` is that of date-times without one.
    ///
    /// # Errors
    /// When the value does not fit.
    pub fn apply(
        self,
        cell: Cell<'_>,
        zone: Option<&TimeZone>,
        out: &mut String,
    ) -> Result<Kind, BadValue> {
        if cell.is_null() {
            return Ok(Kind::Null);
        }
        match self {
            Self::Text => {
                out.push_str(cell.text);
                Ok(Kind::Text)
            }
            Self::Boolean => boolean(cell.text, out),
            Self::Json => json(cell, out),
            Self::Integer => number(cell.text, true, out),
            Self::Decimal => number(cell.text, false, out),
            Self::Date => date(cell.text, out),
            Self::Timestamp => timestamp(cell, zone, out),
        }
    }
}

fn boolean(text: &str, out: &mut String) -> Result<Kind, BadValue> {
    let value = match text.trim().to_ascii_lowercase().as_str() {
        "1" | "t" | "true" | "y" | "yes" => "true",
        "0" | "f" | "false" | "n" | "no" => "false",
        _ => return Err(BadValue("boolean")),
    };
    out.push_str(value);
    Ok(Kind::Bool)
}

fn json(cell: Cell<'_>, out: &mut String) -> Result<Kind, BadValue> {
    serde_json::from_str::<serde::de::IgnoredAny>(cell.text).map_err(|_| BadValue("JSON"))?;
    // A line break would end the document's line in a bulk request.
    out.extend(cell.text.chars().map(|c| if matches!(c, '\n' | '\r') { ' ' } else { c }));
    Ok(Kind::Json)
}

/// Keeps the digits as they stand when they are a JSON number already.
fn number(text: &str, whole: bool, out: &mut String) -> Result<Kind, BadValue> {
    let wanted = BadValue(if whole { "integer" } else { "decimal" });
    let text = text.trim();
    let plain = text.strip_prefix('-').unwrap_or(text);
    let (head, tail) = plain.split_once('.').unwrap_or((plain, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let canonical = digits(head) && digits(tail) && (head == "0" || !head.starts_with('0'));
    if canonical && !(whole && plain.contains('.')) {
        out.push_str(text);
        return Ok(Kind::Number);
    }
    if text.len() > 1_000 || text.contains(['e', 'E']) && text.len() > 40 {
        return Err(wanted);
    }
    let value: BigDecimal = text.parse().map_err(|_| wanted)?;
    let scale = value.fractional_digit_count();
    if (whole && !value.is_integer()) || scale.abs() > 1_000 {
        return Err(wanted);
    }
    let value = if whole || scale < 0 { value.with_scale(0) } else { value };
    out.push_str(&value.to_plain_string());
    Ok(Kind::Number)
}

fn date(text: &str, out: &mut String) -> Result<Kind, BadValue> {
    let day = text.trim().get(..10).ok_or(BadValue("date"))?;
    let date: jiff::civil::Date = day.parse().map_err(|_| BadValue("date"))?;
    out.push_str(&date.to_string());
    Ok(Kind::Text)
}

fn timestamp(cell: Cell<'_>, zone: Option<&TimeZone>, out: &mut String) -> Result<Kind, BadValue> {
    let wanted = BadValue("timestamp");
    let text = cell.text.trim();
    let instant = if let Ok(epoch) = text.parse::<i64>() {
        // Year 5138 in seconds is 1973 in milliseconds: no service keeps both.
        let since = match epoch.unsigned_abs() {
            0..100_000_000_000 => SignedDuration::from_secs(epoch),
            100_000_000_000..100_000_000_000_000 => SignedDuration::from_millis(epoch),
            _ => SignedDuration::from_micros(epoch),
        };
        Timestamp::from_duration(since).map_err(|_| wanted)?
    } else if let Ok(instant) = text.parse::<Timestamp>() {
        instant
    } else {
        let naive: DateTime = text.parse().map_err(|_| wanted)?;
        let zone = zone.ok_or(BadValue(
            "timestamp (it has no zone, and its source declares no `time_zone`)",
        ))?;
        naive.to_zoned(zone.clone()).map_err(|_| wanted)?.timestamp()
    };
    out.push_str(&instant.to_string());
    Ok(Kind::Text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cast(cast: Cast, text: &str) -> Result<String, BadValue> {
        let seoul = TimeZone::fixed(jiff::tz::offset(9));
        let mut out = String::new();
        cast.apply(Cell { kind: Kind::Text, text }, Some(&seoul), &mut out).map(|_| out)
    }

    #[test]
    fn numbers_keep_their_digits() {
        for (given, wanted) in [
            ("901.00", "901.00"),
            ("-0.10", "-0.10"),
            (" 007.50", "7.50"),
            (
                "12345678901234567890123456789012345678.9",
                "12345678901234567890123456789012345678.9",
            ),
            ("1e3", "1000"),
        ] {
            assert_eq!(cast(Cast::Decimal, given).as_deref(), Ok(wanted), "{given}");
        }
        assert_eq!(cast(Cast::Integer, "7.00").as_deref(), Ok("7"));
        assert!(cast(Cast::Integer, "7.5").is_err());
        for bad in ["", "x", "1,000", "1e999999999", "NaN", "."] {
            assert!(cast(Cast::Decimal, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn instants_come_from_text_and_from_epochs() {
        for (given, wanted) in [
            ("2026-01-31 09:00:00", "2026-01-31T00:00:00Z"),
            ("2026-01-31T09:00:00.123+09:00", "2026-01-31T00:00:00.123Z"),
            ("1769817600", "2026-01-31T00:00:00Z"),
            ("1769817600123", "2026-01-31T00:00:00.123Z"),
        ] {
            assert_eq!(cast(Cast::Timestamp, given).as_deref(), Ok(wanted), "{given}");
        }
        assert!(cast(Cast::Timestamp, "yesterday").is_err());
    }

    #[test]
    fn booleans_dates_and_json() {
        assert_eq!(cast(Cast::Boolean, "Y").as_deref(), Ok("true"));
        assert!(cast(Cast::Boolean, "2").is_err());
        assert_eq!(cast(Cast::Date, "2026-01-31 09:00").as_deref(), Ok("2026-01-31"));
        assert!(cast(Cast::Date, "2026-02-31").is_err());
        assert_eq!(cast(Cast::Json, "{\"a\":\n1}").as_deref(), Ok("{\"a\": 1}"));
        assert!(cast(Cast::Json, "{").is_err());
    }
}
