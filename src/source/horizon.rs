//! The present, as a server tells it: what a run may take for read once it has read it.
//!
//! Promises: the clock is asked before the open transactions are, so that one that commits between the two is either seen as
//! open or bears a time that lies behind. What cannot be seen is said to be unknown, never taken for absent. Reads no row.

use anyhow::{Context, Result};
use jiff::{SignedDuration, Timestamp};

use super::database::{Reader, Server};

/// What a server says of its present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Its clock, before anything else was asked.
    pub now: Timestamp,
    /// When the oldest of the open transactions began; `None` when none is open, or none can be seen.
    pub oldest: Option<Timestamp>,
    /// A prepared transaction waits to be committed, which may have begun at any time.
    pub is_prepared: bool,
}

impl Moment {
    /// Before what every row is seen that bears a truthful time, where transactions that cannot be seen, and whatever else lies
    /// between a time and its being seen, take no longer than `overlap`; `None` when there is no telling.
    pub fn horizon(&self, overlap: SignedDuration) -> Option<Timestamp> {
        let begun = self.oldest.map_or(self.now, |oldest| oldest.min(self.now));
        let horizon = begun.checked_sub(overlap).unwrap_or(Timestamp::MIN);
        (!self.is_prepared).then_some(horizon)
    }
}

/// A moment as servers answer it: microseconds since 1970, for the clock and for the oldest transaction.
pub(super) struct Told {
    pub(super) now: i64,
    pub(super) oldest: Option<i64>,
    pub(super) is_prepared: bool,
}

impl Told {
    fn moment(&self) -> Result<Moment> {
        let timestamp = |micros| Timestamp::from_microsecond(micros).context("the server's clock");
        let (now, oldest) = (timestamp(self.now)?, self.oldest.map(timestamp).transpose()?);
        Ok(Moment { now, oldest, is_prepared: self.is_prepared })
    }
}

impl<S: Server> Reader<S> {
    /// As [`super::Source::moment`].
    pub(super) async fn moment(&self) -> Result<Moment> {
        let mut connection = self.server.connections().take().await?;
        let told = self.in_time(S::moment(&mut connection)).await?;
        connection.give_back();
        told.moment()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_open_may_still_bring_rows_of_its_beginning() {
        let (now, before) = (at("2026-11-21T10:00:00Z"), at("2026-11-21T09:00:00Z"));
        let moment = Moment { now, oldest: None, is_prepared: false };
        let overlap = SignedDuration::from_secs(30);
        assert_eq!(moment.horizon(overlap), Some(at("2026-11-21T09:59:30Z")));
        let open = Moment { oldest: Some(before), ..moment };
        assert_eq!(open.horizon(overlap), Some(at("2026-11-21T08:59:30Z")));
        // It began after the clock was asked.
        let later = Moment { oldest: Some(at("2026-11-21T10:00:01Z")), ..moment };
        assert_eq!(later.horizon(overlap), moment.horizon(overlap));
        assert_eq!(Moment { is_prepared: true, ..moment }.horizon(overlap), None);
        let ever = Moment { now: Timestamp::MIN, ..moment };
        assert_eq!(ever.horizon(overlap), Some(Timestamp::MIN));
    }
}
