//! From an instant to the stretches of a column that hold it and all that is later.
//!
//! Promises: whatever the column's form, no later instant is left out; earlier ones may be among them. Where texts tell their
//! own zones a stretch is so wide that it holds them all, and what its rows say sorts out the earlier ones. Pure.

use jiff::civil::{DateTime, Time};
use jiff::fmt::temporal::Pieces;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

use super::watch::{Encoding, Mark};
use crate::row::{Key, Kind, Page, RowRef, TooLarge};
use crate::source::KeyRange;

/// Hours that a text may show less than a clock of UTC: nowhere are clocks further behind.
const BEHIND: i64 = 14;

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
            Encoding::Text(zone) => self.texts(instant, zone),
            // What takes any value orders numbers before all texts.
            Encoding::Loose(zone) => {
                let numbers =
                    KeyRange { from: end(&since_epoch(instant, 1).to_string()), until: end("") };
                [vec![numbers], self.texts(instant, zone)].concat()
            }
        }
    }

    /// Texts of that instant and later ones, whichever zone they are written in.
    fn texts(&self, instant: Timestamp, zone: &TimeZone) -> Vec<KeyRange> {
        let behind = instant.checked_sub(BEHIND.hours()).unwrap_or(Timestamp::MIN);
        let local = zone.to_datetime(unfolded(instant, zone));
        let written = local.min(TimeZone::UTC.to_datetime(behind));
        let (day, clock) = (written.date(), clock(written));
        let end = |text: String| Some(Key::beginning(&text, self.rows.key.len()));
        vec![
            // The day alone.
            KeyRange { from: end(day.to_string()), until: end(format!("{day} 00")) },
            KeyRange { from: end(format!("{day} {clock}")), until: end(format!("{day}T")) },
            KeyRange { from: end(format!("{day}T{clock}")), until: None },
        ]
    }

    /// The rows of a page of [`Mark::since`] that may have changed at that instant or later.
    ///
    /// # Errors
    /// Never, as the page is no larger than the one given.
    pub fn changed(&self, page: Page, since: Option<Timestamp>) -> Result<Page, TooLarge> {
        let (Some(instant), Encoding::Text(zone) | Encoding::Loose(zone)) = (since, &self.encoding)
        else {
            return Ok(page);
        };
        let mut changed = Page::new(self.rows.columns.len());
        let at = self.rows.key.first().copied().unwrap_or_default();
        for row in (0..page.len()).filter(|&row| is_since(page.row(row), at, (instant, zone))) {
            changed.append(&page, row)?;
        }
        Ok(changed)
    }

    /// Stretches of a column of any values in which no seconds since 1970 are to be expected: days of the Julian calendar, and
    /// parts of seconds. `None` for others.
    pub fn misread(&self) -> Option<[KeyRange; 2]> {
        let Encoding::Loose(_) = self.encoding else { return None };
        let end = |text: &str| Some(Key::beginning(text, self.rows.key.len()));
        let between = |from: &str, until: &str| KeyRange { from: end(from), until: end(until) };
        Some([between("1000000", "10000000"), between("100000000000", "")])
    }

    /// Of a column of texts, the stretch whose first row shows whether they stand in the order of their instants: see
    /// [`Mark::is_in_order`]. `None` for others.
    pub fn written(&self) -> Option<KeyRange> {
        match self.encoding {
            Encoding::Text(_) => Some(KeyRange::default()),
            // All texts are behind the numbers.
            Encoding::Loose(_) => {
                let from = Some(Key::beginning("", self.rows.key.len()));
                Some(KeyRange { from, until: None })
            }
            _ => None,
        }
    }

    /// Whether what the first row of a page of [`Mark::written`] holds is a text that the stretches of [`Mark::since`] have in
    /// its place: ISO 8601, and its year first. There is none in an empty page, nor where no text is.
    pub fn is_in_order(&self, page: &Page) -> bool {
        let at = self.rows.key.first().copied().unwrap_or_default();
        let cell = (!page.is_empty()).then(|| page.cell(0, at));
        cell.is_none_or(|cell| cell.kind != Kind::Text || is_instant(cell.text))
    }
}

/// Whether what a row holds in that column may be that instant, or later: what cannot be understood may.
fn is_since(row: RowRef<'_>, at: usize, (instant, zone): (Timestamp, &TimeZone)) -> bool {
    let cell = row.cell(at);
    cell.kind != Kind::Text || latest(cell.text, zone).is_none_or(|latest| latest >= instant)
}

/// Whether a text is ISO 8601 from its first letter on.
fn is_instant(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit()) && Pieces::parse(text.trim_end()).is_ok()
}

/// The last instant that a text may stand for, which is of `zone` where it names none.
fn latest(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let pieces = Pieces::parse(text.trim()).ok()?;
    let local = pieces.date().to_datetime(pieces.time().unwrap_or_default());
    let instant = match pieces.to_numeric_offset() {
        Some(offset) => offset.to_timestamp(local),
        None if pieces.time_zone_annotation().is_some() => return None,
        // An hour that clocks go back is told twice.
        None => zone.to_ambiguous_timestamp(local).later(),
    };
    let left_out =
        if is_hour(text) { SignedDuration::from_hours(1) } else { left_out(pieces.time()) };
    let rest = left_out.checked_sub(SignedDuration::from_nanos(1))?;
    instant.ok()?.checked_add(rest).ok()
}

/// Whether a text tells the hour and nothing of its minutes.
fn is_hour(text: &str) -> bool {
    let clock = text.trim().split_once(['T', 't', ' ']).map(|(_, clock)| clock);
    let third = clock.map(|clock| clock.chars().nth(2));
    third.is_some_and(|third| third.is_none_or(|c| c != ':' && !c.is_ascii_digit()))
}

/// How much a time leaves out behind its last digit that is no zero.
fn left_out(time: Option<Time>) -> SignedDuration {
    let Some(time) = time else { return SignedDuration::from_hours(25) };
    match (time.second(), i64::from(time.subsec_nanosecond())) {
        (0, 0) => SignedDuration::from_mins(1),
        (_, 0) => SignedDuration::from_secs(1),
        (_, nanos) => {
            let units = std::iter::successors(Some(1), |unit| Some(unit * 10));
            let unit = units.take_while(|unit| nanos % unit == 0).last();
            SignedDuration::from_nanos(unit.unwrap_or(1))
        }
    }
}

fn clock(at: DateTime) -> String {
    format!("{:02}:{:02}", at.hour(), at.minute())
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
        let texts =
            "2026-11-21 to 2026-11-21 00, 2026-11-21 02:00 to 2026-11-21T, 2026-11-21T02:00 to …";
        assert_eq!(since(Encoding::Text(seoul()), at), texts);
        assert_eq!(since(Encoding::Text(TimeZone::UTC), "2026-11-21T16:00:59.9Z"), texts);
        assert_eq!(since(Encoding::Loose(seoul()), at), format!("1795276800 to , {texts}"));
    }

    /// Whether each of these texts, in a source whose zone is Seoul's, may be 10:00:30.5 in UTC or later.
    #[test]
    fn texts_tell_their_instant_whatever_their_zone() {
        let horizon: Timestamp = "2026-11-21T10:00:30.5Z".parse().unwrap();
        let seoul = TimeZone::get("Asia/Seoul").unwrap();
        let told = |text: &str| latest(text, &seoul).is_none_or(|latest| latest >= horizon);
        for later in [
            "2026-11-21T10:00:30.5Z",
            "2026-11-21 10:00:30Z",
            "2026-11-21T10:00Z",
            "2026-11-21T10Z",
            "2026-11-21T19",
            "20261121T1000Z",
            "2026-11-21T05:00:31-05:00",
            "2026-11-20T22:00:31-12:00",
            "2026-11-22T00:00:31+14:00",
            "2026-11-21 19:00:31",
            "2026-11-21 19:00:30",
            "2026-11-21",
            // Nobody knows.
            "yesterday",
            "",
            "2026-11-21T09:00[Asia/Seoul]",
        ] {
            assert!(told(later), "{later}");
        }
        for earlier in [
            "2026-11-21T10:00:30.4Z",
            "2026-11-21T10:00:29Z",
            "2026-11-21T05:00:29-05:00",
            "2026-11-21T23:59:59+14:00",
            "2026-11-21 19:00:29.999",
            "2026-11-20",
            "2026-11-21T09Z",
            "2001-01-01T00:00:00",
        ] {
            assert!(!told(earlier), "{earlier}");
        }
    }

    #[test]
    fn an_hour_that_texts_tell_twice_may_be_the_second_one() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let told = latest("2026-10-25 02:30:00.001", &berlin).unwrap();
        assert_eq!(told.to_string(), "2026-10-25T01:30:00.001999999Z");
    }

    #[test]
    fn texts_stand_in_order_when_their_year_is_first() {
        let texts = [
            "2026-11-21",
            "2026-11-21T10Z",
            "2026-11-21 10:00:30.5+09:00",
            "20261121T10",
            "2026-11-21  ",
        ];
        assert_eq!(texts.map(is_instant), [true; 5]);
        let texts = ["", "-", " 2026-11-21", "+002026-11-21", "11/21/2026 10:00", "1795276800"];
        assert_eq!(texts.map(is_instant), [false; 6]);
    }

    #[test]
    fn only_rows_that_may_have_changed_are_kept() {
        let columns = ["id", "at"].map(|name| ReadColumn::new(name, Type::Text, "text")).to_vec();
        let rows = Arc::new(Read::all("a", From::Table("a".to_owned()), columns, vec![1, 0]));
        let mark = |encoding| Mark { rows: Arc::clone(&rows), encoding };
        let page = || {
            let mut page = Page::new(2);
            for (id, kind, at) in [
                ("1", Kind::Text, "2026-11-21T09:00:00Z"),
                ("2", Kind::Text, "2026-11-21T06:00:00-05:00"),
                ("3", Kind::Number, "1795276800"),
            ] {
                page.push(Kind::Number, id).unwrap();
                page.push(kind, at).unwrap();
            }
            page
        };
        let kept = |encoding, since: Option<&str>| {
            let since = since.map(|since| since.parse().unwrap());
            let page = mark(encoding).changed(page(), since).unwrap();
            (0..page.len()).map(|row| page.cell(row, 0).text.to_owned()).collect::<String>()
        };
        let since = Some("2026-11-21T10:00:00Z");
        assert_eq!(kept(Encoding::Loose(TimeZone::UTC), since), "23");
        assert_eq!(kept(Encoding::Loose(TimeZone::UTC), None), "123");
        // The server has compared these.
        assert_eq!(kept(Encoding::Instant, since), "123");
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
