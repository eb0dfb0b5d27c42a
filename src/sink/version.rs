//! Versions of documents: later knowledge gets the higher one.
//!
//! Promises: each is drawn once, grows within a lease and from one lease to the next, and stays below 2^53, so that no reader
//! of JSON rounds it. Never goes back, even when all that was remembered is lost: the minutes go on.

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Result, bail};
use jiff::Timestamp;

const BATCH_BITS: u32 = 24;
const EPOCH_BITS: u32 = 53 - BATCH_BITS;

/// Batches that one epoch has versions for.
pub const BATCHES: u64 = 1 << BATCH_BITS;

/// 2025-01-01T00:00:00Z, in seconds since 1970.
const FIRST_MINUTE: i64 = 1_735_689_600;

/// The versions of one lease, one for each batch of documents.
#[derive(Debug)]
pub struct Versions {
    epoch: u64,
    next: AtomicU64,
    batches: u64,
}

/// All versions of an epoch were drawn: a new lease has more.
#[derive(Debug, thiserror::Error)]
#[error("all {BATCHES} versions of one lease were drawn")]
pub struct Spent;

/// The epoch of a lease that is taken at `now`, after one of epoch `last`: minutes since 2025-01-01, and more than before.
///
/// # Errors
/// When it is too large for its share of the 53 bits: the machine's clock is centuries ahead, now or when `last` was drawn.
pub fn epoch_after(last: Option<u64>, now: Timestamp) -> Result<u64> {
    let minutes = u64::try_from((now.as_second() - FIRST_MINUTE) / 60).unwrap_or(0);
    let epoch = last.map_or(minutes, |last| minutes.max(last.saturating_add(1)));
    if epoch >> EPOCH_BITS != 0 {
        bail!("epoch {epoch} is too large: is the clock of this machine right?");
    }
    Ok(epoch)
}

/// The epoch that a version was drawn in.
pub fn epoch_of(version: u64) -> u64 {
    version >> BATCH_BITS
}

/// The batch within its epoch that a version was drawn for.
pub fn batch_of(version: u64) -> u64 {
    version & (BATCHES - 1)
}

impl Versions {
    /// The versions of `epoch`, none drawn, for at most `batches` batches.
    pub fn new(epoch: u64, batches: u64) -> Self {
        Self { epoch, next: AtomicU64::new(0), batches: batches.min(BATCHES) }
    }

    /// The next version. A batch draws its own before it reads its first row.
    ///
    /// # Errors
    /// When all were drawn.
    pub fn draw(&self) -> Result<u64, Spent> {
        let draw = |next: u64| (next < self.batches).then_some(next + 1);
        let drawn = self.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, draw);
        drawn.map(|batch| (self.epoch << BATCH_BITS) | batch).map_err(|_| Spent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_is_higher_and_below_two_to_the_fifty_third() {
        let now: Timestamp = "2026-11-21T08:30:59Z".parse().unwrap();
        assert_eq!(epoch_after(None, now).unwrap(), 992_670);
        assert_eq!(epoch_after(Some(5), now).unwrap(), 992_670);
        assert_eq!(epoch_after(Some(992_670), now).unwrap(), 992_671);
        let early = "1999-01-01T00:00:00Z".parse().unwrap();
        assert_eq!(epoch_after(None, early).unwrap(), 0);
        assert_eq!(epoch_after(Some(7), early).unwrap(), 8);
        assert!(epoch_after(Some((1 << 29) - 1), now).is_err());
        assert!(epoch_after(Some(u64::MAX), now).is_err());

        let last = Versions { next: AtomicU64::new(BATCHES - 1), ..Versions::new(5, BATCHES) };
        let last = last.draw().unwrap();
        assert!(last < Versions::new(6, BATCHES).draw().unwrap());
        assert_eq!((epoch_of(last), batch_of(last)), (5, BATCHES - 1));
        let highest =
            Versions { next: AtomicU64::new(BATCHES - 1), ..Versions::new((1 << 29) - 1, BATCHES) };
        assert_eq!(highest.draw().unwrap(), (1 << 53) - 1);
        assert!(highest.draw().is_err());
    }

    #[test]
    fn each_is_drawn_once_and_then_they_are_spent() {
        let versions = Versions::new(1, 2);
        let drawn = [versions.draw().ok(), versions.draw().ok(), versions.draw().ok()];
        assert_eq!(drawn, [Some(1 << 24), Some((1 << 24) + 1), None]);
    }
}
