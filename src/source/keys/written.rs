//! Which texts a value of some type can have: only these are bound, for a server would fail the whole batch for another.
//!
//! Promises: what passes here is a value to the server too, or equal to none of its own.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use uuid::Uuid;

use super::Value;
use crate::source::sql::Dialect;

/// `None` unless it is written as the column's own value would be.
pub(super) fn integer(part: &str, dialect: Dialect) -> Option<Value> {
    let digits = part.strip_prefix('-').unwrap_or(part);
    if digits.starts_with(['0', '+']) && part != "0" {
        return None;
    }
    let signed = part.parse().ok().map(Value::Integer);
    signed.or_else(|| match dialect {
        Dialect::Mysql => part.parse().ok().map(Value::Unsigned),
        Dialect::Postgres | Dialect::Sqlite => None,
    })
}

/// Plain digits with a sign, a point or an exponent.
pub(super) fn is_number(part: &str) -> bool {
    let known = |byte| matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e');
    part.bytes().all(known) && part.len() < 500 && part.parse::<f64>().is_ok()
}

/// Neither too great nor, in `single` precision, too small.
pub(super) fn is_finite(real: f64, single: bool) -> bool {
    let size = real.abs();
    let fits = size == 0.0 || (f64::from(f32::MIN_POSITIVE)..=f64::from(f32::MAX)).contains(&size);
    if single { fits } else { real.is_finite() }
}

pub(super) fn uuid(part: &str) -> Option<Uuid> {
    Uuid::try_parse(part).ok().filter(|uuid| uuid.to_string() == part)
}

/// A date of the years 1 to 9999: not every server knows others, or writes them in the same way.
pub(super) fn date(part: &str) -> bool {
    let date: Option<Date> = part.parse().ok();
    date.is_some_and(|date| date.to_string() == part) && in_known_years(part)
}

/// Hours, minutes and seconds; more than a day of them, or less than none, in MySQL only.
pub(super) fn time(part: &str, dialect: Dialect) -> bool {
    let (part, most_hours) = match dialect {
        Dialect::Mysql => (part.strip_prefix('-').unwrap_or(part), 838),
        Dialect::Postgres | Dialect::Sqlite => (part, 23),
    };
    let (clock, fraction) = part.split_once('.').unwrap_or((part, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let upto = |text: &str, most: u16| {
        text.len() >= 2 && digits(text) && text.parse().is_ok_and(|value: u16| value <= most)
    };
    let clock: Vec<&str> = clock.split(':').collect();
    let [hours, minutes, seconds] = clock[..] else { return false };
    let in_a_day = upto(hours, most_hours) && upto(minutes, 59) && upto(seconds, 59);
    (in_a_day || part == "24:00:00") && digits(fraction) && fraction.len() <= 6
}

/// The column's own local time of an instant.
pub(super) fn naive(part: &str, zone: Option<&TimeZone>) -> Option<String> {
    let local: DateTime = match zone {
        Some(zone) => part.parse::<Timestamp>().ok()?.to_zoned(zone.clone()).datetime(),
        None => part.parse().ok()?,
    };
    Some(local.to_string()).filter(|local| in_known_years(local))
}

pub(super) fn utc(part: &str, dialect: Dialect) -> Option<String> {
    let instant: Timestamp = part.parse().ok()?;
    let text = Some(instant.to_string()).filter(|text| in_known_years(text))?;
    match dialect {
        // The session's zone is UTC; MySQL before 8.0.19 knows no offsets.
        Dialect::Mysql => text.strip_suffix('Z').map(str::to_owned),
        Dialect::Postgres | Dialect::Sqlite => Some(text),
    }
}

fn in_known_years(text: &str) -> bool {
    !text.starts_with(['-', '+']) && !text.starts_with("0000")
}
