//! The calendar: dates, times of day and instants as canonical text, and back.
//!
//! Promises: exact. Dates are counted, not parsed: `day` is days since 1970-01-01 in the Gregorian calendar, `clock`
//! microseconds since midnight. Years outside of 0000–9999 are written in ISO 8601's expanded form, with a sign. Never
//! bounded by what a library holds to be the last year.

use std::fmt::Write;
use std::str::from_utf8;

use jiff::civil::DateTime;
use jiff::fmt::temporal::Pieces;
use jiff::tz::{AmbiguousOffset, TimeZone};

/// Microseconds of a day.
pub(crate) const DAY: i64 = 86_400 * SECOND;
/// Microseconds of a second.
pub(crate) const SECOND: i64 = 1_000_000;

const NANOS: i64 = 1_000_000_000;
const NANOS_OF_DAY: i64 = 86_400 * NANOS;

/// Days of 400 years.
const CYCLE: i64 = 146_097;
/// 0001-01-01 and 9998-01-01, as days.
const FIRST: i64 = -719_162;
const LAST: i64 = 2_932_167;

/// What is done with a date-time that carries no zone.
#[derive(Debug, Clone)]
pub(crate) enum Zone {
    /// It stays without one.
    Naive,
    /// It is that many microseconds ahead of UTC.
    Fixed(i64),
    /// It is local there. In a gap it is read as before the change, in a fold the first of the two is meant.
    Local(TimeZone),
}

impl Zone {
    pub(crate) fn of(zone: Option<&TimeZone>) -> Self {
        let Some(zone) = zone else { return Self::Naive };
        match zone.to_fixed_offset() {
            Ok(offset) => Self::Fixed(i64::from(offset.seconds()) * SECOND),
            Err(_) => Self::Local(zone.clone()),
        }
    }
}

pub(crate) fn date(out: &mut String, day: i64) {
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

pub(crate) fn clock(out: &mut String, clock: i64) {
    let seconds = u32::try_from(clock / SECOND).unwrap_or(0);
    let (hour, minute, second) = (two(seconds / 3_600), two(seconds / 60 % 60), two(seconds % 60));
    ascii(out, &[hour[0], hour[1], b':', minute[0], minute[1], b':', second[0], second[1]]);
    fraction(out, u32::try_from(clock % SECOND).unwrap_or(0));
}

/// `.5` of 500,000 microseconds, nothing of none.
pub(crate) fn fraction(out: &mut String, micros: u32) {
    if micros == 0 {
        return;
    }
    let (a, b, c) = (two(micros / 10_000), two(micros / 100 % 100), two(micros % 100));
    ascii(out, &[b'.', a[0], a[1], b[0], b[1], c[0], c[1]]);
    out.truncate(out.trim_end_matches('0').len());
}

/// An instant, in UTC.
pub(crate) fn instant(out: &mut String, day: i64, micros: i64) {
    date(out, day);
    out.push('T');
    clock(out, micros);
    out.push('Z');
}

/// A date-time without a zone: an instant when `zone` says where, naive otherwise.
pub(crate) fn local(out: &mut String, day: i64, micros: i64, zone: &Zone) {
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

/// Microseconds that the zone was ahead of UTC at that local time.
fn offset(zone: &TimeZone, day: i64, micros: i64) -> i64 {
    let Some(local) = datetime(known(day), micros) else { return 0 };
    let offset = match zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset,
        AmbiguousOffset::Gap { before, .. } | AmbiguousOffset::Fold { before, .. } => before,
    };
    i64::from(offset.seconds()) * SECOND
}

/// Microseconds that the zone is ahead of UTC at that instant.
fn offset_at(zone: &TimeZone, day: i64, micros: i64) -> i64 {
    datetime(known(day), micros)
        .and_then(|utc| TimeZone::UTC.to_timestamp(utc).ok())
        .map_or(0, |instant| i64::from(zone.to_offset(instant).seconds()) * SECOND)
}

/// Zones are known for four-digit years. The calendar repeats itself every 400 years, and so do the rules out there.
fn known(day: i64) -> i64 {
    let cycles = match day {
        ..FIRST => (day - FIRST).div_euclid(CYCLE),
        LAST.. => (day - LAST) / CYCLE + 1,
        _ => 0,
    };
    day - cycles * CYCLE
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
pub(crate) fn days(year: i64, month: u32, day: u32) -> Option<i64> {
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

/// A date-time as a text tells it (ISO 8601; a blank may stand for the `T`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Told {
    day: i64,
    nanos: i64,
    /// Seconds ahead of UTC, where the text says so.
    ahead: Option<i32>,
}

impl Told {
    /// `None` for what is no date-time, and for one whose zone is named and not counted.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let Some(digits) = text.strip_prefix(['+', '-']) else { return Self::near(text) };
        // A year beyond what a library holds to be one has a twin of the same calendar.
        let (year, rest) = digits.split_once('-')?;
        let year: i64 = year.parse::<u32>().ok()?.into();
        let year = if text.starts_with('-') { -year } else { year };
        let twin = year.rem_euclid(400) + 2_000;
        let told = Self::near(&format!("{twin}-{rest}"))?;
        Some(Self { day: told.day + (year - twin) / 400 * CYCLE, ..told })
    }

    fn near(text: &str) -> Option<Self> {
        let pieces = Pieces::parse(text).ok()?;
        let ahead = pieces.to_numeric_offset().map(jiff::tz::Offset::seconds);
        if ahead.is_none() && pieces.time_zone_annotation().is_some() {
            return None;
        }
        let date = pieces.date();
        let (month, day) = (u32::try_from(date.month()).ok()?, u32::try_from(date.day()).ok()?);
        let time = pieces.time().unwrap_or_default();
        let seconds = (i64::from(time.hour()) * 60 + i64::from(time.minute())) * 60
            + i64::from(time.second());
        let nanos = seconds * NANOS + i64::from(time.subsec_nanosecond());
        Some(Self { day: days(date.year().into(), month, day)?, nanos, ahead })
    }

    /// So many units since 1970, each of `nanos` nanoseconds; `None` for years of more than four digits.
    pub(crate) fn since_epoch(count: i64, nanos: i64) -> Option<Self> {
        let (seconds, rest) = (count.div_euclid(NANOS / nanos), count.rem_euclid(NANOS / nanos));
        let (day, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let near = (-4_371_587..2_932_897).contains(&day);
        near.then_some(Self { day, nanos: second * NANOS + rest * nanos, ahead: Some(0) })
    }

    /// Whether the text tells how far it is from UTC.
    pub(crate) fn is_instant(self) -> bool {
        self.ahead.is_some()
    }

    /// As an instant; one that is none is local in `zone`.
    pub(crate) fn write_instant(self, out: &mut String, zone: &Zone) -> bool {
        let micros = self.nanos / 1_000;
        let ahead = match (self.ahead, zone) {
            (Some(seconds), _) => i64::from(seconds) * SECOND,
            (None, Zone::Fixed(ahead)) => *ahead,
            (None, Zone::Local(zone)) => offset(zone, self.day, micros),
            (None, Zone::Naive) => return false,
        };
        let nanos = self.nanos - ahead * 1_000;
        let (day, nanos) =
            (self.day + nanos.div_euclid(NANOS_OF_DAY), nanos.rem_euclid(NANOS_OF_DAY));
        if nanos % 1_000 == 0 {
            instant(out, day, nanos / 1_000);
            return true;
        }
        date(out, day);
        out.push('T');
        clock(out, nanos / NANOS * SECOND);
        let _fits = write!(out, ".{:09}", nanos % NANOS);
        out.truncate(out.trim_end_matches('0').len());
        out.push('Z');
        true
    }

    /// The day: of an instant the one in `zone`, where one is given.
    pub(crate) fn write_date(self, out: &mut String, zone: &Zone) {
        let day = self.ahead.map_or(self.day, |seconds| {
            let micros = self.nanos / 1_000;
            let utc = micros - i64::from(seconds) * SECOND;
            let (day, clock) = (self.day + utc.div_euclid(DAY), utc.rem_euclid(DAY));
            let local = match zone {
                // As the text shows it.
                Zone::Naive => return self.day,
                Zone::Fixed(ahead) => clock + ahead,
                Zone::Local(zone) => clock + offset_at(zone, day, clock),
            };
            day + local.div_euclid(DAY)
        });
        date(out, day);
    }
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
        assert_eq!(berlin(3, 29), "2026-03-29T01:30:00Z");
        assert_eq!(berlin(10, 25), "2026-10-25T00:30:00Z");
    }

    #[test]
    fn zones_hold_beyond_four_digits() {
        let zone = Zone::of(Some(&TimeZone::get("Europe/Berlin").unwrap()));
        for (year, month, wanted) in [
            (9_999, 12, "9999-12-30T23:00:00Z"),
            (9_998, 7, "9998-07-30T22:00:00Z"),
            (12_026, 7, "+12026-07-30T22:00:00Z"),
            (-43, 7, "-0043-07-30T23:06:32Z"),
        ] {
            let day = days(year, month, 31).unwrap();
            assert_eq!(written(|out| local(out, day, 0, &zone)), wanted);
        }
        assert_eq!(days(1, 1, 1), Some(FIRST));
        assert_eq!(days(9_998, 1, 1), Some(LAST));
    }
}
