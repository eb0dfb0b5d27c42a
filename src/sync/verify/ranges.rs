//! Which stretches of the root's keys are looked at: all of them, or some that lie as far apart as can be.
//!
//! Promises: stretches are cut at keys that the source names, never at guessed ones; a sample begins at another place in each
//! run, so that many samples see everything.

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
        // In each of as many stretches a few rows, anywhere in it.
        let (stretch, mut left) = (rows / places, KeyRange::default());
        let (mut ranges, mut behind) = (VecDeque::new(), 0);
        for place in 0..places {
            let take = each + u64::from(place < more);
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
            ranges.push_back(KeyRange { until: until.clone(), ..taken });
            if until.is_none() {
                break;
            }
            left = KeyRange { from: until, until: None };
            behind = stretch.saturating_sub(skip + take);
        }
        Ok(Self::Few(Mutex::new(ranges)))
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

async fn step(
    source: &dyn Source,
    read: &Read,
    range: &KeyRange,
    rows: u64,
) -> Result<Option<Key>> {
    source.step(read, range, usize::try_from(rows).unwrap_or(usize::MAX)).await
}
