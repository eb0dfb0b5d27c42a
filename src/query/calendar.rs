//! Calendar intervals by the clocks of a zone: where a bucket begins and ends, and how many there are between two days.
//!
//! Promises: pure; no more than are told are ever counted out. Buckets that the engine names are found by their
//! first instant, so that both sides need only agree on when days begin.

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan};

/// Parts of the world that engines know zones of.
const AREAS: [&str; 11] = [
    "Africa",
    "America",
    "Antarctica",
    "Arctic",
    "Asia",
    "Atlantic",
    "Australia",
    "Etc",
    "Europe",
    "Indian",
    "Pacific",
];

/// Intervals of a zone, from a first to a last bucket if these are known.
#[derive(Debug, Clone, PartialEq)]
pub struct Calendar {
    /// How long a bucket is.
    pub interval: Interval,
    /// By which clocks days begin.
    pub zone: Zone,
    /// Days in the first bucket and in the last one.
    pub bounds: Option<(Date, Date)>,
    /// Most buckets that are told.
    pub most: usize,
}

/// How long a bucket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interval {
    /// A day.
    Day,
    /// From Monday on.
    Week,
    /// A month.
    Month,
    /// From January, April, July or October on.
    Quarter,
    /// A year.
    Year,
}

/// A zone by its name, as engines know it too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    /// `Asia/Seoul`.
    pub name: String,
    clocks: TimeZone,
}

/// One bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// Its first day, by the zone's clocks.
    pub day: Date,
    /// Its first instant.
    pub from: Timestamp,
    /// The first instant after it; absent at the end of time.
    pub to: Option<Timestamp>,
}

impl Zone {
    /// UTC.
    pub fn utc() -> Self {
        Self { name: "UTC".to_owned(), clocks: TimeZone::UTC }
    }

    /// The zone of that name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        if name == "UTC" {
            return Some(Self::utc());
        }
        // What else the system's files hold (`posixrules`, `right/…`) engines do not know.
        let (area, _) = name.split_once('/')?;
        let clocks = AREAS.contains(&area).then(|| TimeZone::get(name).ok()).flatten()?;
        // Names are found in any case; engines take only the right one.
        (clocks.iana_name() == Some(name)).then(|| Self { name: name.to_owned(), clocks })
    }

    fn begin(&self, day: Date) -> Option<Timestamp> {
        day.to_zoned(self.clocks.clone()).ok().map(|time| time.timestamp())
    }
}

impl Interval {
    /// Every interval by its name.
    pub const NAMED: [(&str, Self); 5] = [
        ("day", Self::Day),
        ("week", Self::Week),
        ("month", Self::Month),
        ("quarter", Self::Quarter),
        ("year", Self::Year),
    ];

    /// The engine's name for it.
    pub fn engine(self) -> &'static str {
        match self {
            Self::Day => "1d",
            Self::Week => "1w",
            Self::Month => "1M",
            Self::Quarter => "1q",
            Self::Year => "1y",
        }
    }

    fn span(self) -> Span {
        match self {
            Self::Day => 1.day(),
            Self::Week => 1.week(),
            Self::Month => 1.month(),
            Self::Quarter => 3.months(),
            Self::Year => 1.year(),
        }
    }

    /// The first day of the bucket with `day` in it.
    fn first(self, day: Date) -> Option<Date> {
        match self {
            Self::Day => Some(day),
            Self::Week => {
                let since = day.weekday().since(Weekday::Monday);
                day.checked_sub(i64::from(since).days()).ok()
            }
            Self::Month => Some(day.first_of_month()),
            Self::Quarter => Date::new(day.year(), (day.month() - 1) / 3 * 3 + 1, 1).ok(),
            Self::Year => Some(day.first_of_year()),
        }
    }
}

impl Calendar {
    /// The bucket that begins at that instant, in milliseconds of the epoch; none outside of the years that are known.
    pub fn bucket_at(&self, millis: i64) -> Option<Bucket> {
        let from = Timestamp::from_millisecond(millis).ok()?;
        let day = from.to_zoned(self.zone.clocks.clone()).date();
        let next = day.checked_add(self.interval.span()).ok();
        Some(Bucket { day, from, to: next.and_then(|day| self.zone.begin(day)) })
    }

    /// Every bucket within the bounds; `None` when there are too many.
    pub fn all(&self) -> Option<Vec<Bucket>> {
        let Some((first, last)) = self.bounds else { return Some(Vec::new()) };
        let mut buckets = Vec::new();
        let mut day = self.interval.first(first);
        while let Some(begins) = day.filter(|day| *day <= last) {
            if buckets.len() == self.most {
                return None;
            }
            let next = begins.checked_add(self.interval.span()).ok();
            if let Some(from) = self.zone.begin(begins) {
                let to = next.and_then(|day| self.zone.begin(day));
                buckets.push(Bucket { day: begins, from, to });
            }
            day = next;
        }
        Some(buckets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(interval: Interval, zone: &str, bounds: (&str, &str)) -> String {
        let bounds = Some((bounds.0.parse().unwrap(), bounds.1.parse().unwrap()));
        let calendar = Calendar { interval, zone: Zone::named(zone).unwrap(), bounds, most: 1_000 };
        let buckets = calendar.all().unwrap();
        for bucket in &buckets {
            assert_eq!(calendar.bucket_at(bucket.from.as_millisecond()), Some(*bucket));
        }
        let shown = buckets.iter().map(|bucket| format!("{} {}", bucket.day, bucket.from));
        shown.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn buckets_begin_by_the_clocks_of_their_zone() {
        insta::assert_snapshot!(shown(Interval::Month, "Asia/Seoul", ("2026-01-31", "2026-02-01")), @"
        2026-01-01 2025-12-31T15:00:00Z
        2026-02-01 2026-01-31T15:00:00Z
        ");
        insta::assert_snapshot!(shown(Interval::Day, "America/Sao_Paulo", ("2018-11-03", "2018-11-05")), @"
        2018-11-03 2018-11-03T03:00:00Z
        2018-11-04 2018-11-04T03:00:00Z
        2018-11-05 2018-11-05T02:00:00Z
        ");
        insta::assert_snapshot!(shown(Interval::Week, "UTC", ("2026-01-01", "2026-01-05")), @"
        2025-12-29 2025-12-29T00:00:00Z
        2026-01-05 2026-01-05T00:00:00Z
        ");
        insta::assert_snapshot!(shown(Interval::Quarter, "UTC", ("2026-06-30", "2026-07-01")), @"
        2026-04-01 2026-04-01T00:00:00Z
        2026-07-01 2026-07-01T00:00:00Z
        ");
    }

    #[test]
    fn too_many_are_not_counted_out() {
        let bounds = |last: &str| Some(("2020-01-01".parse().unwrap(), last.parse().unwrap()));
        let days = |bounds| {
            Calendar { interval: Interval::Day, zone: Zone::utc(), bounds, most: 1_000 }.all()
        };
        assert_eq!(days(bounds("2022-09-26")).unwrap().len(), 1_000);
        assert_eq!(days(bounds("2022-09-27")), None);
        assert_eq!(days(bounds("9999-12-31")), None);
        assert!(days(bounds("2019-12-31")).unwrap().is_empty());
    }

    #[test]
    fn only_zones_that_engines_know_have_a_name() {
        for name in ["Asia/Seoul", "UTC", "Europe/Berlin", "Etc/GMT+3"] {
            assert!(Zone::named(name).is_some(), "{name}");
        }
        for name in [
            "asia/seoul",
            "Asia/Soul",
            "KST",
            "posixrules",
            "right/Asia/Seoul",
            "+09:00",
            "Asia/../x",
        ] {
            assert!(Zone::named(name).is_none(), "{name}");
        }
    }
}
