//! A set of versions, kept as stretches. Pure.
//!
//! Promises: stretches that touch are one, so that a load of any length is remembered in a few lines.

use serde::{Deserialize, Serialize};

/// Versions that were drawn for what has come to its end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Drawn(Vec<(u64, u64)>);

impl Drawn {
    /// Adds versions, in any order.
    pub fn add(&mut self, versions: impl IntoIterator<Item = u64>) {
        self.0.extend(versions.into_iter().map(|version| (version, version)));
        self.0.sort_unstable();
        let mut joined: Vec<(u64, u64)> = Vec::with_capacity(self.0.len());
        for (first, last) in self.0.drain(..) {
            match joined.last_mut() {
                Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
                _ => joined.push((first, last)),
            }
        }
        self.0 = joined;
    }

    /// Whether a version is among them.
    pub fn holds(&self, version: u64) -> bool {
        let behind = self.0.partition_point(|(first, _)| *first <= version);
        let stretch = behind.checked_sub(1).and_then(|at| self.0.get(at));
        stretch.is_some_and(|(_, last)| version <= *last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_that_touch_are_one() {
        let mut drawn = Drawn::default();
        drawn.add([7, 3, 4]);
        drawn.add([9, 5]);
        assert_eq!(drawn, Drawn(vec![(3, 5), (7, 7), (9, 9)]));
        let held: Vec<u64> = (0..12).filter(|version| drawn.holds(*version)).collect();
        assert_eq!(held, [3, 4, 5, 7, 9]);
        drawn.add([6, 8]);
        assert_eq!(drawn, Drawn(vec![(3, 9)]));
        assert!(!Drawn::default().holds(0));
    }
}
