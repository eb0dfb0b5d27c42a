//! When something is due: cron expressions, by the clock of a time zone.
//!
//! Promises: pure. What is found wrong is said field by field. A time that clocks skip comes at the moment they do; one that comes
//! twice counts twice for a schedule of every hour, so that nothing waits an hour longer, and once for one that names its hours.
//! Never takes a weekday by number: crontab's Sunday is 0 or 7, others' is 1.

use std::str::FromStr;

use chrono::DateTime;
use cron::TimeUnitSpec;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::finding::{Code, Finding};

/// What a schedule has done. Each is a key of a job's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// As `prejoin sync` does.
    Sync,
    /// As `prejoin sync --sweep` does.
    Sweep,
    /// As `prejoin verify --repair` does.
    Verify,
}

impl Kind {
    /// All of them, in the order in which they go when they are due at one time.
    pub const ALL: [Self; 3] = [Self::Sync, Self::Sweep, Self::Verify];

    /// The key of a job's file that holds its schedule.
    pub fn key(self) -> &'static str {
        match self {
            Self::Sync => "schedule",
            Self::Sweep => "sweep",
            Self::Verify => "verify",
        }
    }

    /// What it does, in a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Sweep => "sweep",
            Self::Verify => "verify",
        }
    }
}

/// The fields of an expression, and what each may hold.
const FIELDS: [(&str, &str); 7] = [
    ("second", "0 to 59"),
    ("minute", "0 to 59"),
    ("hour", "0 to 23"),
    ("day of the month", "1 to 31"),
    ("month", "1 to 12, or JAN to DEC"),
    ("weekday", "SUN, MON, TUE, WED, THU, FRI, SAT, the earlier one first in a range"),
    ("year", "1970 to 2100"),
];
const DAY: usize = 3;
const WEEKDAY: usize = 5;

/// A cron expression of six or seven fields, seconds first.
#[derive(Debug, Clone)]
pub struct Times {
    text: String,
    schedule: cron::Schedule,
}

impl Times {
    /// Reads an expression.
    ///
    /// # Errors
    /// The first thing that does not fit, without a place.
    pub fn parse(text: &str) -> Result<Self, Finding> {
        let wrong = |what: String, hint: &str| Finding::error(what).code(Code::Schedule).hint(hint);
        let fields: Vec<&str> = text.split_whitespace().collect();
        if fields.len() != 6 && fields.len() != 7 {
            let what = format!("a schedule has six fields, this one {}", fields.len());
            let hint = "seconds come first: \"0 */5 * * * *\" is every five minutes";
            return Err(wrong(what, hint));
        }
        for (at, (field, (name, range))) in fields.iter().zip(FIELDS).enumerate() {
            if at == WEEKDAY && field.contains(|c: char| c.is_ascii_digit()) {
                let what = format!("`{field}` counts weekdays in a schedule");
                let hint = "name them, SUN to SAT: crontab's Sunday is 0 or 7, that of others is 1";
                return Err(wrong(what, hint));
            }
            if alone(at, field).is_none() {
                let what = format!("`{field}` is no {name} of a schedule");
                let hint =
                    format!("{range}; * for all, 1,5 for several, 1-5 for a range, */5 for steps");
                return Err(wrong(what, &hint));
            }
        }
        let text = fields.join(" ");
        let schedule = cron::Schedule::from_str(&text)
            .map_err(|_| wrong(format!("`{text}` is no schedule"), "seconds come first"))?;
        let times = Self { text, schedule };
        if times.tick(0).is_none() {
            return Err(wrong("this schedule never comes".to_owned(), "no year has such a day"));
        }
        Ok(times)
    }

    /// As it was written, with single blanks.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it names both days of the month and weekdays: it comes on days that are both, where crontab's comes on either.
    pub fn is_on_days_that_are_both(&self) -> bool {
        let fields: Vec<&str> = self.text.split(' ').collect();
        let names = |at: usize| fields.get(at).is_some_and(|field| !matches!(*field, "*" | "?"));
        names(DAY) && names(WEEKDAY)
    }

    /// The first time behind `after`, to the second, by the clocks of `zone`; `None` when there is none before the year 2101.
    pub fn next(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        // No expression names an earlier year.
        let mut at = after.max(Timestamp::UNIX_EPOCH);
        // The last second of local clocks that is over.
        let mut over = at.as_second() + seconds(zone, at);
        loop {
            // From here on, clocks are as far from UTC as they are now until they change.
            let offset = seconds(zone, at);
            let tick = self.tick(over.max(self.counted_before(at, zone)))?;
            let Some(change) = zone.following(at).next() else { return instant(tick - offset) };
            let (turn, later) = (change.timestamp(), i64::from(change.offset().seconds()));
            if tick - offset < turn.as_second() {
                return instant(tick - offset);
            }
            if tick < turn.as_second() + later {
                return Some(turn);
            }
            (at, over) = (turn, turn.as_second() + later - 1);
        }
    }

    /// The last second that clocks, since they were turned back, show for a second time, where that is not to count.
    fn counted_before(&self, at: Timestamp, zone: &TimeZone) -> i64 {
        if self.schedule.hours().count() == 24 {
            return i64::MIN;
        }
        let moment = SignedDuration::from_nanos(1);
        let turned = at.checked_add(moment).ok().and_then(|at| zone.preceding(at).next());
        let Some(turn) = turned.map(|change| change.timestamp()) else { return i64::MIN };
        let before = turn.checked_sub(moment).map_or(0, |before| seconds(zone, before));
        turn.as_second() + before - 1
    }

    /// The first local second behind `after` that the expression names, zones left aside.
    fn tick(&self, after: i64) -> Option<i64> {
        let after = DateTime::from_timestamp(after, 0)?;
        self.schedule.after(&after).next().map(|tick| tick.timestamp())
    }
}

/// What one field says, whatever the others do.
fn alone(at: usize, field: &str) -> Option<cron::Schedule> {
    let mut all = ["*"; 7];
    *all.get_mut(at)? = field;
    // What begins or ends in the middle would go on in the next field.
    let cut = |c: char| matches!(c, ',' | '-' | '/');
    let whole = !field.starts_with(cut) && !field.ends_with(cut);
    whole.then(|| cron::Schedule::from_str(&all.join(" ")).ok()).flatten()
}

/// How far the clocks of `zone` are from UTC.
fn seconds(zone: &TimeZone, at: Timestamp) -> i64 {
    i64::from(zone.to_offset(at).seconds())
}

fn instant(seconds: i64) -> Option<Timestamp> {
    Timestamp::from_second(seconds).ok()
}

#[cfg(test)]
mod tests;
