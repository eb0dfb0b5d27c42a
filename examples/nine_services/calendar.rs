//! Days and moments, and the ways in which nine services write them down.
//!
//! Nothing here looks at a clock: "today" is a fixed day, so that the same seed tells the same story
//! for ever. The services sit in Seoul, nine hours ahead of UTC all year.

use jiff::SignedDuration;
use jiff::civil::{Date, DateTime, date};
use jiff::fmt::strtime;

const EPOCH: DateTime = date(1970, 1, 1).at(0, 0, 0, 0);
const SEOUL_MS: i64 = 9 * 3_600_000;
const DAY_MS: i64 = 86_400_000;

/// A calendar day, counted from 1970-01-01.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Day(pub(crate) i64);

/// A moment, in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(pub(crate) i64);

/// The day on which the nine services were photographed: 2026-11-01.
pub(crate) const TODAY: Day = Day(20_758);

/// The first day on which a contract could begin: 2023-01-01.
pub(crate) const FIRST: Day = Day(19_358);

impl Day {
    /// The day `days` later, or earlier when negative.
    pub(crate) fn plus(self, days: i64) -> Self {
        Self(self.0 + days)
    }

    /// The moment `seconds` after this day's midnight in Seoul.
    pub(crate) fn at(self, seconds: i64) -> Moment {
        Moment(self.0 * DAY_MS - SEOUL_MS + seconds * 1000)
    }

    /// `2026-11-01`.
    pub(crate) fn text(self) -> String {
        self.date().to_string()
    }

    /// The year: 2026.
    pub(crate) fn year(self) -> i16 {
        self.date().year()
    }

    fn date(self) -> Date {
        EPOCH.saturating_add(SignedDuration::from_hours(self.0 * 24)).date()
    }
}

impl Moment {
    /// The moment `milliseconds` later.
    pub(crate) fn plus(self, milliseconds: i64) -> Self {
        Self(self.0 + milliseconds)
    }

    /// Seconds since 1970, for the service that counts them.
    pub(crate) fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// `2026-11-01T00:30:00.125Z`: always three digits, so that texts sort as the moments do.
    pub(crate) fn zulu(self) -> String {
        write("%Y-%m-%dT%H:%M:%S%.3fZ", self.0)
    }

    /// `2026-11-01 00:30:00.125`, in UTC.
    pub(crate) fn utc_millis(self) -> String {
        write("%Y-%m-%d %H:%M:%S%.3f", self.0)
    }

    /// `2026-11-01 00:30:00`, in UTC: a clock that does not say its zone.
    pub(crate) fn utc_clock(self) -> String {
        write("%Y-%m-%d %H:%M:%S", self.0)
    }

    /// `2026-11-01 09:30:00`, in Seoul: a clock that does not say its zone.
    pub(crate) fn seoul_clock(self) -> String {
        write("%Y-%m-%d %H:%M:%S", self.0 + SEOUL_MS)
    }

    /// `2026-11-01T09:30:00+09:00`.
    pub(crate) fn seoul_offset(self) -> String {
        write("%Y-%m-%dT%H:%M:%S+09:00", self.0 + SEOUL_MS)
    }
}

fn write(format: &str, milliseconds: i64) -> String {
    let clock = EPOCH.saturating_add(SignedDuration::from_millis(milliseconds));
    strtime::format(format, clock).unwrap_or_default()
}
