//! From an instant to the stretches of a column that hold it and all that is later.
//!
//! Promises: whatever the column's form, no later instant is left out; earlier ones may be among them. Pure.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

use super::watch::{Encoding, Mark};
use crate::row::Key;
use crate::source::KeyRange;

impl Mark {
    /// Where the rows are that changed at that instant or later; all rows where none is given.
    pub fn since(&self, instant: Option<Timestamp>) -> Vec<KeyRange> {
        let Some(instant) = instant else { return vec![KeyRange::default()] };
        let end = |text: &str| Some(Key::beginning(text, self.rows.key.len()));
        let from = |text: &str| vec![KeyRange { from: end(text), until: None }];
        match &self.encoding {
            Encoding::Instant => from(&instant.to_string()),
            Encoding::Naive(zone) => from(&unfolded(instant, zone).to_string()),
            Encoding::Day(zone) => {
                from(&zone.to_datetime(unfolded(instant, zone)).date().to_string())
            }
            Encoding::Epoch(parts) => from(&since_epoch(instant, *parts).to_string()),
            Encoding::Text(zone) => {
                let local = zone.to_datetime(unfolded(instant, zone));
                // Those that name their zone have it at their end, mostly as UTC's.
                let written = local.min(TimeZone::UTC.to_datetime(instant));
                let (day, clock) = (written.date(), clock(written));
                vec![
                    KeyRange {
                        from: end(&format!("{day} {clock}")),
                        until: end(&format!("{day}T")),
                    },
                    KeyRange { from: end(&format!("{day}T{clock}")), until: None },
                ]
            }
        }
    }
}

fn clock(at: DateTime) -> String {
    format!("{:02}:{:02}:{:02}", at.hour(), at.minute(), at.second())
}

/// Whole parts of a second since 1970, rounded down.
fn since_epoch(instant: Timestamp, parts: i64) -> i128 {
    (instant.as_nanosecond() * i128::from(parts)).div_euclid(1_000_000_000)
}

/// An instant so much earlier that no later one has an earlier local time: an hour that clocks go back is told twice.
fn unfolded(instant: Timestamp, zone: &TimeZone) -> Timestamp {
    let day = instant.checked_add(26.hours()).unwrap_or(Timestamp::MAX);
    let mut back = SignedDuration::ZERO;
    let mut offset = zone.to_offset(instant);
    for transition in zone.following(instant).take_while(|transition| transition.timestamp() <= day)
    {
        let turned = offset.duration_since(transition.offset());
        back = back.max(turned);
        offset = transition.offset();
    }
    instant.checked_sub(back).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::row::Type;
    use crate::source::{From, Read, ReadColumn};

    fn since(encoding: Encoding, instant: &str) -> String {
        let columns = ["at", "id"].map(|name| ReadColumn::new(name, Type::Text, "text")).to_vec();
        let rows = Arc::new(Read::all("a", From::Table("a".to_owned()), columns, vec![0, 1]));
        let ranges = Mark { rows, encoding }.since(Some(instant.parse().unwrap()));
        let end = |end: &Option<Key>| match end {
            Some(key) => key.parts(2).concat(),
            None => "…".to_owned(),
        };
        let told =
            ranges.iter().map(|range| format!("{} to {}", end(&range.from), end(&range.until)));
        told.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn an_instant_becomes_what_the_column_holds() {
        let seoul = || TimeZone::get("Asia/Seoul").unwrap();
        let at = "2026-11-21T16:00:00.123456Z";
        assert_eq!(since(Encoding::Instant, at), "2026-11-21T16:00:00.123456Z to …");
        assert_eq!(since(Encoding::Naive(seoul()), at), "2026-11-21T16:00:00.123456Z to …");
        assert_eq!(since(Encoding::Day(seoul()), at), "2026-11-22 to …");
        assert_eq!(since(Encoding::Epoch(1), at), "1795276800 to …");
        assert_eq!(since(Encoding::Epoch(1_000), at), "1795276800123 to …");
        assert_eq!(since(Encoding::Epoch(1_000_000), "1969-12-31T23:59:59.9999999Z"), "-1 to …");
        assert_eq!(
            since(Encoding::Text(seoul()), at),
            "2026-11-21 16:00:00 to 2026-11-21T, 2026-11-21T16:00:00 to …"
        );
        let lima = TimeZone::get("America/Lima").unwrap();
        assert_eq!(
            since(Encoding::Text(lima), at),
            "2026-11-21 11:00:00 to 2026-11-21T, 2026-11-21T11:00:00 to …"
        );
    }

    /// On 2026-10-25 at 01:00Z the clocks of Berlin go from 03:00 back to 02:00.
    #[test]
    fn an_hour_that_is_told_twice_is_read_from_its_beginning() {
        let berlin = || TimeZone::get("Europe/Berlin").unwrap();
        let naive = |at: &str| since(Encoding::Naive(berlin()), at);
        // 02:50, and what changes half an hour later has 02:20.
        assert_eq!(naive("2026-10-25T00:50:00Z"), "2026-10-24T23:50:00Z to …");
        assert_eq!(naive("2026-10-24T22:00:00Z"), "2026-10-24T21:00:00Z to …");
        assert_eq!(naive("2026-10-25T01:00:00Z"), "2026-10-25T01:00:00Z to …");
        assert_eq!(naive("2026-03-29T00:50:00Z"), "2026-03-29T00:50:00Z to …");
        // The second 02:50 stands for the first one, too: Naive is converted by the zone alone.
        assert_eq!(naive("2026-10-25T01:50:00Z"), "2026-10-25T01:50:00Z to …");
    }
}
