//! How long a load takes at the least, by the rows a second that its sources allow.
//!
//! Promises: what was read for the roots of a sample is expected for all others; of a relation whose rows are kept once they
//! are read, no more than it has. Reads no rows; counts some, of sources that have a limit.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;

use super::parts;
use crate::hydrate::Level;
use crate::plan::{Node, Plan};
use crate::source::{Counting, Paced, Source, Sources};

/// Roots of a sample, and the rows that were read for them.
#[derive(Debug, Default)]
pub(super) struct Sampled {
    /// Number of roots, those included that became no document.
    pub(super) roots: u64,
    /// By the relation's path.
    rows: BTreeMap<String, u64>,
}

impl Sampled {
    /// Adds the rows below these roots.
    pub(super) fn add_rows(&mut self, plan: &Plan, roots: &Level) {
        let mut rows = BTreeMap::new();
        roots.count_rows(&plan.root, &mut rows);
        // Rows that are shared are read once a page; of objects that are written already it cannot be told.
        parts::count(&plan.root, roots, &mut rows);
        rows.into_iter().for_each(|(path, rows)| *self.rows.entry(path).or_default() += rows);
    }

    /// What the sample's `figure` comes to with so many `documents`.
    pub(super) fn in_all(&self, figure: u64, documents: u64) -> u64 {
        let in_all = u128::from(figure) * u128::from(documents);
        let in_all = in_all.checked_div(u128::from(self.roots)).unwrap_or_default();
        u64::try_from(in_all).unwrap_or(u64::MAX)
    }

    /// How many rows of this relation are read for so many `documents`.
    async fn rows(
        &self,
        node: &Node,
        source: &dyn Source,
        documents: u64,
        kept: bool,
    ) -> Result<u64> {
        let Some(join) = &node.join else { return Ok(documents) };
        let seen = self.rows.get(&node.path).copied().unwrap_or_default();
        let rows = self.in_all(seen, documents);
        if join.many || !kept {
            return Ok(rows);
        }
        let there = source.count(&node.read).await?;
        Ok(if there.by == Counting::AtLeast { rows } else { rows.min(there.rows) })
    }
}

/// The source that is the last to have given its rows for so many `documents`, and the seconds that it takes; `None` where
/// none has a limit. `kept` says that a row of a to-one relation is read once.
///
/// # Errors
/// When a source fails.
pub(super) async fn slowest<'p>(
    plan: &'p Plan,
    sources: &Sources,
    sampled: &Sampled,
    documents: u64,
    kept: bool,
) -> Result<Option<(&'p str, u64)>> {
    let mut shares: BTreeMap<&str, Share> = BTreeMap::new();
    for node in plan.root.walk() {
        let Some(source) = sources.get(&node.source) else { continue };
        let Some(paced) = source.paced() else { continue };
        let rows = sampled.rows(node, &**source, documents, kept).await?;
        let share = Share { rows: 0, per_second: u64::from(paced.rows_per_second.get()) };
        let share = shares.entry(&node.source).or_insert(share);
        share.rows = share.rows.saturating_add(rows);
    }
    Ok(last(&shares))
}

/// What is read of one source, all its relations together.
struct Share {
    rows: u64,
    per_second: u64,
}

fn last<'p>(shares: &BTreeMap<&'p str, Share>) -> Option<(&'p str, u64)> {
    let seconds = |share: &Share| share.rows.div_ceil(share.per_second.max(1));
    shares.iter().map(|(source, share)| (*source, seconds(share))).max_by_key(|(_, time)| *time)
}

/// How long each of the sources has let its readers wait so far.
pub(super) fn waits(sources: &Sources) -> Vec<Duration> {
    let waited = |paced: Paced| paced.waited;
    sources.values().map(|source| source.paced().map(waited).unwrap_or_default()).collect()
}

/// The longest time that one of them has let them wait since.
pub(super) fn longest_wait(before: &[Duration], now: &[Duration]) -> Duration {
    let waited = before.iter().zip(now).map(|(before, now)| now.saturating_sub(*before));
    waited.max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_speaks_for_all() {
        let sampled = Sampled { roots: 300, rows: BTreeMap::new() };
        assert_eq!(sampled.in_all(450, 1_000_000), 1_500_000);
        assert_eq!(sampled.in_all(u64::MAX, u64::MAX), u64::MAX);
        assert_eq!(Sampled::default().in_all(1, 10), 0);
    }

    #[test]
    fn all_wait_for_the_slowest() {
        let share = |rows, per_second| Share { rows, per_second };
        let shares = [("a", share(1_000, 100)), ("b", share(101, 10)), ("c", share(9_999, 1_000))];
        assert_eq!(last(&shares.into()), Some(("b", 11)));
        assert_eq!(last(&BTreeMap::new()), None);
    }

    #[test]
    fn waits_for_several_go_by_together() {
        let seconds = |all: [u64; 3]| all.map(Duration::from_secs);
        let longest = longest_wait(&seconds([5, 0, 9]), &seconds([6, 3, 9]));
        assert_eq!(longest, Duration::from_secs(3));
        assert_eq!(longest_wait(&[], &[]), Duration::ZERO);
    }
}
