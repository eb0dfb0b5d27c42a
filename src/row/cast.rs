//! Conversions that a job asks for with `as`, for values that a service keeps in a poorer type than it means.
//!
//! Promises: exact or refused. Never fills in a default for a value that does not fit.

use bigdecimal::BigDecimal;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::calendar::{Told, Zone};
use super::{Cell, Kind, Type};

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
    /// A calendar date: of an instant in the source's zone where one is declared, otherwise as the text begins.
    Date,
    /// An instant in UTC, from ISO 8601 text (without a zone: in the source's zone) or seconds since 1970.
    Timestamp,
    /// An instant in UTC, from milliseconds since 1970.
    #[serde(rename = "epoch_millis")]
    EpochMillis,
    /// An instant in UTC, from microseconds since 1970.
    #[serde(rename = "epoch_micros")]
    EpochMicros,
}

/// A value that does not fit its `as`; holds the wanted form, never the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("value is not a valid {0}")]
pub struct BadValue(pub &'static str);

impl Cast {
    /// The type of what comes out.
    pub fn gives(self) -> Type {
        match self {
            Self::Integer => Type::Integer,
            Self::Decimal => Type::Decimal,
            Self::Boolean => Type::Bool,
            Self::Text => Type::Text,
            Self::Json => Type::Json,
            Self::Date => Type::Date,
            Self::Timestamp | Self::EpochMillis | Self::EpochMicros => Type::Timestamptz,
        }
    }

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
            Self::Integer => number(cell, true, out),
            Self::Decimal => number(cell, false, out),
            Self::Date => date(cell.text, zone, out),
            Self::Timestamp => timestamp(cell, zone, out),
            Self::EpochMillis => epoch(cell.text, 1_000_000, out),
            Self::EpochMicros => epoch(cell.text, 1_000, out),
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
fn number(cell: Cell<'_>, whole: bool, out: &mut String) -> Result<Kind, BadValue> {
    let wanted = BadValue(if whole { "integer" } else { "decimal" });
    let text = match (cell.kind, cell.text) {
        // Of a column that holds small numbers the server says that it is boolean.
        (Kind::Bool, "true") => "1",
        (Kind::Bool, _) => "0",
        (_, text) => text.trim(),
    };
    let plain = text.strip_prefix('-').unwrap_or(text);
    let (head, tail) = plain.split_once('.').unwrap_or((plain, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let canonical = digits(head) && digits(tail) && (head == "0" || !head.starts_with('0'));
    if canonical && !(whole && plain.contains('.')) {
        out.push_str(text);
        return Ok(Kind::Number);
    }
    if text.contains('_') || text.len() > 1_000 || text.contains(['e', 'E']) && text.len() > 40 {
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

fn date(text: &str, zone: Option<&TimeZone>, out: &mut String) -> Result<Kind, BadValue> {
    let text = text.trim();
    let wanted = BadValue("date");
    let told =
        match Told::parse(text).filter(|told| told.is_instant() || text.starts_with(['+', '-'])) {
            Some(told) => told,
            None => {
                let (day, rest) = text.split_at_checked(10).ok_or(wanted)?;
                if !rest.is_empty() && !rest.starts_with(['T', 't', ' ']) {
                    return Err(wanted);
                }
                Told::parse(day).ok_or(wanted)?
            }
        };
    told.write_date(out, &Zone::of(zone));
    Ok(Kind::Text)
}

/// In the year 2286: later seconds are milliseconds that were not declared as such.
const LATEST_SECOND: u64 = 10_000_000_000;

fn epoch(text: &str, nanos: i64, out: &mut String) -> Result<Kind, BadValue> {
    let wanted = BadValue("epoch");
    let count = text.trim().parse().map_err(|_| wanted)?;
    let told = Told::since_epoch(count, nanos).ok_or(wanted)?;
    told.write_instant(out, &Zone::Naive);
    Ok(Kind::Text)
}

fn timestamp(cell: Cell<'_>, zone: Option<&TimeZone>, out: &mut String) -> Result<Kind, BadValue> {
    let wanted = BadValue("timestamp");
    let text = cell.text.trim();
    // As text, eight digits are a date without hyphens more often than an epoch.
    let compact = cell.kind == Kind::Text && text.len() == 8;
    let told = if let Ok(seconds) = text.parse::<i64>() {
        if compact || seconds.unsigned_abs() >= LATEST_SECOND {
            return Err(BadValue(
                "timestamp in seconds (`as: epoch_millis` and `as: epoch_micros` are the finer ones)",
            ));
        }
        Told::since_epoch(seconds, 1_000_000_000)
    } else {
        Told::parse(text)
    };
    match told.ok_or(wanted)?.write_instant(out, &Zone::of(zone)) {
        true => Ok(Kind::Text),
        false => {
            Err(BadValue("timestamp (it has no zone, and its source declares no `time_zone`)"))
        }
    }
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
        for bad in ["", "x", "1_000", "1,000", "1e999999999", "NaN", "."] {
            assert!(cast(Cast::Decimal, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn instants_come_from_text_and_from_epochs() {
        for (given, wanted) in [
            ("2026-01-31 09:00:00", "2026-01-31T00:00:00Z"),
            ("2026-01-31T09:00:00.123+09:00", "2026-01-31T00:00:00.123Z"),
            ("1769817600", "2026-01-31T00:00:00Z"),
        ] {
            assert_eq!(cast(Cast::Timestamp, given).as_deref(), Ok(wanted), "{given}");
        }
        assert!(cast(Cast::Timestamp, "yesterday").is_err());
        assert!(cast(Cast::Timestamp, "20260131").is_err());
        assert!(cast(Cast::Timestamp, "1769817600123").is_err());
        for (given, wanted) in
            [("1769817600123", "2026-01-31T00:00:00.123Z"), ("31536000000", "1971-01-01T00:00:00Z")]
        {
            assert_eq!(cast(Cast::EpochMillis, given).as_deref(), Ok(wanted), "{given}");
        }
        assert_eq!(cast(Cast::EpochMicros, "-1").as_deref(), Ok("1969-12-31T23:59:59.999999Z"));
    }

    /// The last day that a service can write stands for "without end" in many of them.
    #[test]
    fn the_ends_of_time_are_no_errors() {
        for (given, wanted) in [
            ("9999-12-31 23:59:59", "9999-12-31T14:59:59Z"),
            ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
            ("9999-12-31T05:00:00+00:00", "9999-12-31T05:00:00Z"),
            ("9999-12-31T23:59:59.123456789-01:00", "+10000-01-01T00:59:59.123456789Z"),
            ("2026-01-31T09:00:00.1234567", "2026-01-31T00:00:00.1234567Z"),
            ("+10000-01-01T00:00:00Z", "+10000-01-01T00:00:00Z"),
            ("0001-01-01", "0000-12-31T15:00:00Z"),
            ("-0043-03-15 12:00", "-0043-03-15T03:00:00Z"),
        ] {
            assert_eq!(cast(Cast::Timestamp, given).as_deref(), Ok(wanted), "{given}");
        }
        for (given, wanted) in [
            ("9999-12-31T14:59:59.999Z", "9999-12-31"),
            ("+10000-01-01T00:00:00Z", "+10000-01-01"),
            ("9999-12-31T15:00:00Z", "+10000-01-01"),
            ("9999-12-31", "9999-12-31"),
            ("0000-12-31T15:00:00Z", "0001-01-01"),
            ("-0043-03-15", "-0043-03-15"),
        ] {
            assert_eq!(cast(Cast::Date, given).as_deref(), Ok(wanted), "{given}");
        }
        let end = cast(Cast::EpochMillis, "253402300799999");
        assert_eq!(end.as_deref(), Ok("9999-12-31T23:59:59.999Z"));
        for bad in ["253402300800000", "-377705116800001", "9223372036854775807"] {
            assert!(cast(Cast::EpochMillis, bad).is_err(), "{bad}");
        }
        for bad in [
            "2026-01-31T09:00[Asia/Seoul]",
            "2026-02-29T09:00Z",
            "+-2026-01-01",
            "+99999999999-01-01",
        ] {
            assert!(cast(Cast::Timestamp, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn small_numbers_that_the_server_calls_boolean_are_numbers_again() {
        for (text, wanted) in [("true", "1"), ("false", "0")] {
            let mut out = String::new();
            let cell = Cell { kind: Kind::Bool, text };
            assert_eq!(Cast::Integer.apply(cell, None, &mut out), Ok(Kind::Number));
            assert_eq!(out, wanted);
        }
    }

    #[test]
    fn booleans_dates_and_json() {
        assert_eq!(cast(Cast::Boolean, "Y").as_deref(), Ok("true"));
        assert!(cast(Cast::Boolean, "2").is_err());
        assert_eq!(cast(Cast::Date, "2026-01-31 09:00").as_deref(), Ok("2026-01-31"));
        assert_eq!(cast(Cast::Date, "2026-01-30T20:00:00Z").as_deref(), Ok("2026-01-31"));
        assert!(cast(Cast::Date, "2026-02-31").is_err());
        assert!(cast(Cast::Date, "2026-01-31garbage").is_err());
        assert_eq!(cast(Cast::Json, "{\"a\":\n1}").as_deref(), Ok("{\"a\": 1}"));
        assert!(cast(Cast::Json, "{").is_err());
    }
}
