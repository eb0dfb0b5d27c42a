//! Versions of documents: later knowledge gets the higher one.
//!
//! Promises: each is drawn once, grows within a run and from one run to the next, and stays below 2^53, so that no reader of
//! JSON rounds it. Never goes back, even when all that was remembered is lost: the minutes go on.

use anyhow::{Result, bail};
use jiff::Timestamp;

const BATCH_BITS: u32 = 24;
const EPOCH_BITS: u32 = 53 - BATCH_BITS;

/// 2025-01-01T00:00:00Z, in seconds since 1970.
const FIRST_MINUTE: i64 = 1_735_689_600;

/// The versions that one run gives out, one for each batch of documents.
#[derive(Debug)]
pub struct Versions {
    epoch: u64,
    next: u64,
}

/// The epoch of a run that starts at `now`: minutes since 2025-01-01.
pub fn epoch(now: Timestamp) -> u64 {
    u64::try_from((now.as_second() - FIRST_MINUTE) / 60).unwrap_or(0)
}

/// The version of a batch's documents.
///
/// # Errors
/// When epoch or batch is too large for its share of the 53 bits.
pub fn version(epoch: u64, batch: u64) -> Result<u64> {
    if epoch >> EPOCH_BITS != 0 {
        bail!("epoch {epoch} is too large: is the clock of this machine right?");
    }
    if batch >> BATCH_BITS != 0 {
        bail!("a run has at most {} batches: larger pages make fewer of them", 1_u64 << BATCH_BITS);
    }
    Ok((epoch << BATCH_BITS) | batch)
}

impl Versions {
    /// The versions of `epoch`, none given out.
    pub fn new(epoch: u64) -> Self {
        Self { epoch, next: 0 }
    }

    /// The versions of a run that starts now.
    ///
    /// # Errors
    /// When the machine's clock is centuries ahead.
    pub fn of_now() -> Result<Self> {
        let epoch = epoch(Timestamp::now());
        version(epoch, 0)?;
        Ok(Self::new(epoch))
    }

    /// The run's epoch.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The next version. A batch draws its own before it reads its first row.
    ///
    /// # Errors
    /// When the run has drawn all that there are.
    pub fn draw(&mut self) -> Result<u64> {
        let drawn = version(self.epoch, self.next)?;
        self.next += 1;
        Ok(drawn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_is_higher_and_below_two_to_the_fifty_third() {
        let now: Timestamp = "2026-11-21T08:30:59Z".parse().unwrap();
        assert_eq!(epoch(now), 992_670);
        assert_eq!(epoch("1999-01-01T00:00:00Z".parse().unwrap()), 0);
        let last_of_run = version(5, (1 << 24) - 1).unwrap();
        assert!(last_of_run < version(6, 0).unwrap());
        assert_eq!(version((1 << 29) - 1, (1 << 24) - 1).unwrap(), (1 << 53) - 1);
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        assert!(version(1, 1 << 24).is_err());
        assert!(version(1 << 29, 0).is_err());
        let mut versions = Versions { epoch: 1, next: (1 << 24) - 1 };
        assert_eq!(versions.draw().unwrap(), (2 << 24) - 1);
        assert!(versions.draw().is_err());
        assert!(Versions::of_now().is_ok());
    }
}
