//! Which stretches of the root's keys are looked at: all of them, or some that lie as far apart as can be.
//!
//! Promises: stretches are cut at keys that the source names, never at guessed ones; a sample begins at another place in each
//! run and reaches the last key, however many rows were guessed, so that many samples see everything.

use std::collections::VecDeque;

use anyhow::Result;
use rand::RngExt;
use tokio::sync::Mutex;

use crate::row::Key;
use crate::source::{KeyRange, Read, Source};
use crate::state::LoadState;
use crate::sync::ledger::{Ended, Ledger};

/// Places at which a sample is taken, at most.
const PLACES: u64 = 256;

/// Stretches that are given away one by one.
pub(super) enum Ranges {
    /// All keys, cut as they are given away.
    All(Mutex<Ledger>),
    /// Those of a sample.
    Few(Mutex<VecDeque<KeyRange>>),
}

impl Ranges {
    /// All keys.
    pub(super) fn all() -> Self {
        Self::All(Mutex::new(Ledger::new(LoadState::default())))
    }

    /// So many roots, spread over all keys; all of them where there are no more.
    ///
    /// # Errors
    /// When the source fails.
    pub(super) async fn sample(source: &dyn Source, read: &Read, wanted: u64) -> Result<Self> {
        let rows = source.count(read).await?.rows;
        if rows <= wanted {
            return Ok(Self::all());
        }
        let places = wanted.clamp(1, PLACES);
        let (each, more) = (wanted / places, wanted % places);
        // In each of as many stretches a few rows, anywhere in it. The number of rows may be a guess: stretches follow one
        // another until the keys end, and are longer from then on when they become too many.
        let (mut ranges, mut left) = (Vec::new(), KeyRange::default());
        let (mut place, mut longer, mut behind) = (0, 1, 0);
        loop {
            let take = each + u64::from(place % places < more);
            let stretch = ((place + 1) * rows / places - place * rows / places) * longer;
            let skip = rand::rng().random_range(0..=stretch.saturating_sub(take));
            let from = match behind + skip {
                0 => left.from.take(),
                rows => match step(source, read, &left, rows).await? {
                    // There is no more than that.
                    None => break,
                    from => from,
                },
            };
            let taken = KeyRange { from, until: None };
            let until = step(source, read, &taken, take).await?;
            ranges.push(KeyRange { until: until.clone(), ..taken });
            if until.is_none() {
                break;
            }
            left = KeyRange { from: until, until: None };
            behind = stretch.saturating_sub(skip + take);
            place += 1;
            if ranges.len() as u64 >= 2 * places {
                ranges = some_of(ranges, places);
                longer = longer.saturating_mul(2);
            }
        }
        Ok(Self::Few(Mutex::new(some_of(ranges, places).into())))
    }

    /// The next one, of so many rows where all are looked at; `None` when all are given away.
    ///
    /// # Errors
    /// When the source fails.
    pub(super) async fn next(
        &self,
        (source, read): (&dyn Source, &Read),
        rows: usize,
    ) -> Result<Option<KeyRange>> {
        match self {
            Self::Few(ranges) => Ok(ranges.lock().await.pop_front()),
            Self::All(ledger) => {
                let mut ledger = ledger.lock().await;
                let Some(left) = ledger.left().cloned() else { return Ok(None) };
                let cut = source.step(read, &left, rows).await?;
                let given = ledger.give(cut);
                Ok(given.map(|given| {
                    let range = given.range.clone();
                    // Only where they touch is remembered, whatever becomes of them.
                    ledger.end(&given, Ended::default());
                    range
                }))
            }
        }
    }
}

/// So many of them, which chance picks.
fn some_of(mut ranges: Vec<KeyRange>, wanted: u64) -> Vec<KeyRange> {
    while ranges.len() as u64 > wanted {
        ranges.swap_remove(rand::rng().random_range(0..ranges.len()));
    }
    ranges
}

async fn step(
    source: &dyn Source,
    read: &Read,
    range: &KeyRange,
    rows: u64,
) -> Result<Option<Key>> {
    source.step(read, range, usize::try_from(rows).unwrap_or(usize::MAX)).await
}
