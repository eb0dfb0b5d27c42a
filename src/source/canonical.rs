//! How values are written: the canonical text of numbers, dates, instants, UUIDs and bytes, whichever server they came from.
//!
//! Promises: exact, and no allocation beyond the buffer written to. Dates are counted, not parsed: `day` is days since
//! 1970-01-01 in the Gregorian calendar, `clock` microseconds since midnight. Years outside of 0000–9999 are written in ISO
//! 8601's expanded form, with a sign. Never reads a server's bytes.

use std::fmt::Write;
use std::str::from_utf8;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Microseconds of a day.
pub(super) const DAY: i64 = 86_400 * SECOND;
/// Microseconds of a second.
pub(super) const SECOND: i64 = 1_000_000;

/// What is done with a date-time that carries no zone.
#[derive(Debug, Clone)]
pub(super) enum Zone {
    /// It stays without one.
    Naive,
    /// It is that many microseconds ahead of UTC.
    Fixed(i64),
    /// It is local there. In a gap it is read as before the change, in a fold the first of the two is meant.
    Local(TimeZone),
}

impl Zone {
    pub(super) fn of(zone: Option<&TimeZone>) -> Self {
        let Some(zone) = zone else { return Self::Naive };
        match zone.to_fixed_offset() {
            Ok(offset) => Self::Fixed(i64::from(offset.seconds()) * SECOND),
            Err(_) => Self::Local(zone.clone()),
        }
    }
}

pub(super) fn integer(out: &mut String, value: impl itoa::Integer) {
    out.push_str(itoa::Buffer::new().format(value));
}

/// The shortest number that reads back the same: plain digits where they are few, an exponent elsewhere. The caller sees to
/// it that the value is finite.
pub(super) fn double(out: &mut String, value: f64) {
    let _fits = match value.abs() {
        0.0 | 1e-5..1e16 => write!(out, "{value}"),
        _ => write!(out, "{value:e}"),
    };
}

/// As [`double`], with no more digits than single precision has.
pub(super) fn single(out: &mut String, value: f32) {
    let _fits = match value.abs() {
        0.0 | 1e-5..1e16 => write!(out, "{value}"),
        _ => write!(out, "{value:e}"),
    };
}

/// A decimal as its server wrote it, without the zeros in front that JSON refuses.
pub(super) fn decimal(out: &mut String, text: &str) {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    out.push_str(sign);
    let bare = digits.trim_start_matches('0');
    if bare.is_empty() || bare.starts_with('.') {
        out.push('0');
    }
    out.push_str(bare);
}

/// JSON on one line: a raw line break can only stand between tokens.
pub(super) fn json(out: &mut String, text: &str) {
    if text.bytes().any(|byte| matches!(byte, b'\n' | b'\r')) {
        out.extend(text.chars().map(|c| if matches!(c, '\n' | '\r') { ' ' } else { c }));
    } else {
        out.push_str(text);
    }
}

pub(super) fn base64(out: &mut String, bytes: &[u8]) {
    STANDARD.encode_string(bytes, out);
}

/// `None` for what is not padded base64.
pub(super) fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

pub(super) fn uuid(out: &mut String, bytes: [u8; 16]) {
    let mut buffer = [0; uuid::fmt::Hyphenated::LENGTH];
    out.push_str(uuid::Uuid::from_bytes(bytes).hyphenated().encode_lower(&mut buffer));
}

pub(super) fn date(out: &mut String, day: i64) {
    let (year, month, day) = civil(day);
    match u32::try_from(year) {
        Ok(year @ 0..=9_999) => {
            let (century, rest) = (two(year / 100), two(year % 100));
            ascii(out, &[century[0], century[1], rest[0], rest[1]]);
        }
        Ok(year) => {
            let _fits = write!(out, "+{year}");
        }
        Err(_) => {
            let _fits = write!(out, "{year:05}");
        }
    }
    let (month, day) = (two(month), two(day));
    ascii(out, &[b'-', month[0], month[1], b'-', day[0], day[1]]);
}

pub(super) fn clock(out: &mut String, clock: i64) {
    let seconds = u32::try_from(clock / SECOND).unwrap_or(0);
    let (hour, minute, second) = (two(seconds / 3_600), two(seconds / 60 % 60), two(seconds % 60));
    ascii(out, &[hour[0], hour[1], b':', minute[0], minute[1], b':', second[0], second[1]]);
    fraction(out, u32::try_from(clock % SECOND).unwrap_or(0));
}

/// `.5` of 500,000 microseconds, nothing of none.
pub(super) fn fraction(out: &mut String, micros: u32) {
    if micros == 0 {
        return;
    }
    let (a, b, c) = (two(micros / 10_000), two(micros / 100 % 100), two(micros % 100));
    ascii(out, &[b'.', a[0], a[1], b[0], b[1], c[0], c[1]]);
    out.truncate(out.trim_end_matches('0').len());
}

/// An instant, in UTC.
pub(super) fn instant(out: &mut String, day: i64, micros: i64) {
    date(out, day);
    out.push('T');
    clock(out, micros);
    out.push('Z');
}

/// A date-time without a zone: an instant when `zone` says where, naive otherwise.
pub(super) fn local(out: &mut String, day: i64, micros: i64, zone: &Zone) {
    let ahead = match zone {
        Zone::Naive => {
            date(out, day);
            out.push('T');
            return clock(out, micros);
        }
        Zone::Fixed(ahead) => *ahead,
        Zone::Local(zone) => offset(zone, day, micros),
    };
    let utc = micros - ahead;
    instant(out, day + utc.div_euclid(DAY), utc.rem_euclid(DAY));
}

/// Microseconds that the zone was ahead of UTC at that local time; zones are not known outside of the years 0–9999.
fn offset(zone: &TimeZone, day: i64, micros: i64) -> i64 {
    datetime(day, micros)
        .and_then(|local| zone.to_ambiguous_timestamp(local).compatible().ok())
        .map_or(0, |instant| i64::from(zone.to_offset(instant).seconds()) * SECOND)
}

fn datetime(day: i64, micros: i64) -> Option<DateTime> {
    let (year, month, day) = civil(day);
    let date = jiff::civil::Date::new(
        i16::try_from(year).ok()?,
        i8::try_from(month).ok()?,
        i8::try_from(day).ok()?,
    );
    let seconds = micros / SECOND;
    let time = jiff::civil::Time::new(
        i8::try_from(seconds / 3_600).ok()?,
        i8::try_from(seconds / 60 % 60).ok()?,
        i8::try_from(seconds % 60).ok()?,
        i32::try_from(micros % SECOND).ok()? * 1_000,
    );
    Some(date.ok()?.to_datetime(time.ok()?))
}

/// Days since 1970-01-01; `None` for a date that the calendar does not have.
pub(super) fn days(year: i64, month: u32, day: u32) -> Option<i64> {
    // Years begin in March here, so that the leap day is the last of its year.
    let shifted = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (shifted.div_euclid(400), shifted.rem_euclid(400));
    let of_year = (153 * i64::from((month + 9) % 12) + 2) / 5 + i64::from(day) - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    (day > 0 && civil(days) == (year, month, day)).then_some(days)
}

fn civil(day: i64) -> (i64, u32, u32) {
    let shifted = day + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march + 2) / 5 + 1;
    let month = if march < 10 { march + 3 } else { march - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    (year, u32::try_from(month).unwrap_or(0), u32::try_from(day).unwrap_or(0))
}

fn two(value: u32) -> [u8; 2] {
    let digit = |value: u32| b'0' + u8::try_from(value % 10).unwrap_or(0);
    [digit(value / 10), digit(value)]
}

fn ascii(out: &mut String, bytes: &[u8]) {
    out.push_str(from_utf8(bytes).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut String)) -> String {
        let mut out = String::new();
        write(&mut out);
        out
    }

    #[test]
    fn days_are_counted_both_ways() {
        for (year, month, day, count) in [
            (1970, 1, 1, 0),
            (2000, 2, 29, 11_016),
            (1969, 12, 31, -1),
            (0, 1, 1, -719_528),
            (-43, 3, 15, -735_160),
            (10_000, 1, 1, 2_932_897),
        ] {
            assert_eq!(days(year, month, day), Some(count));
            assert_eq!(civil(count), (year, month, day));
        }
        for (year, month, day) in [(2026, 2, 29), (2026, 0, 1), (2026, 1, 0), (0, 0, 0)] {
            assert_eq!(days(year, month, day), None);
        }
    }

    #[test]
    fn dates_have_four_digits_or_a_sign() {
        let date = |year, month, day| written(|out| date(out, days(year, month, day).unwrap()));
        assert_eq!(date(2026, 1, 31), "2026-01-31");
        assert_eq!(date(7, 1, 31), "0007-01-31");
        assert_eq!(date(10_000, 1, 1), "+10000-01-01");
        assert_eq!(date(-43, 3, 15), "-0043-03-15");
    }

    #[test]
    fn fractions_have_no_trailing_zeros() {
        for (micros, wanted) in [
            (0, "00:00:00"),
            (DAY - 1, "23:59:59.999999"),
            (120_000, "00:00:00.12"),
            (1, "00:00:00.000001"),
            (DAY, "24:00:00"),
        ] {
            assert_eq!(written(|out| clock(out, micros)), wanted);
        }
    }

    #[test]
    fn local_times_become_instants() {
        let at = |zone: Option<&str>, day, clock| {
            let zone = zone.map(|name| TimeZone::get(name).unwrap());
            written(|out| local(out, day, clock, &Zone::of(zone.as_ref())))
        };
        let night = days(2026, 1, 31).unwrap();
        assert_eq!(at(None, night, 3_600 * SECOND), "2026-01-31T01:00:00");
        assert_eq!(at(Some("UTC"), night, 3_600 * SECOND), "2026-01-31T01:00:00Z");
        assert_eq!(at(Some("Asia/Seoul"), night, 3_600 * SECOND), "2026-01-30T16:00:00Z");
        assert_eq!(at(Some("Europe/Berlin"), night, 0), "2026-01-30T23:00:00Z");
        // Seoul kept summer time in 1988.
        assert_eq!(at(Some("Asia/Seoul"), days(1988, 7, 1).unwrap(), 0), "1988-06-30T14:00:00Z");
        // 02:30 was skipped, and came twice.
        let half_past_two = 9_000 * SECOND;
        let berlin =
            |month, day| at(Some("Europe/Berlin"), days(2026, month, day).unwrap(), half_past_two);
        assert_eq!(berlin(3, 29), "2026-03-29T00:30:00Z");
        assert_eq!(berlin(10, 25), "2026-10-25T00:30:00Z");
    }

    #[test]
    fn floats_read_back_the_same_and_are_json() {
        for value in [0.0, -0.0, 5.0, 0.1, 1e21, 1e-7, f64::MAX, f64::MIN_POSITIVE, 123_456.789] {
            let text = written(|out| double(out, value));
            assert_eq!(text.parse::<f64>().unwrap().to_bits(), value.to_bits(), "{text}");
            assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
        }
        assert_eq!(written(|out| single(out, 0.1)), "0.1");
        assert_eq!(written(|out| single(out, 3.4e38)), "3.4e38");
    }

    #[test]
    fn decimals_keep_their_digits_and_json_its_line() {
        for (given, wanted) in
            [("901.00", "901.00"), ("000901.00", "901.00"), ("-0.50", "-0.50"), ("0", "0")]
        {
            assert_eq!(written(|out| decimal(out, given)), wanted);
        }
        assert_eq!(written(|out| json(out, "{\n\"a\\n\": 1\r\n}")), "{ \"a\\n\": 1  }");
    }
}
