//! How many rows each relation has contributed.
//!
//! Promises: a row counts as often as it is joined, so that the numbers depend on what the services hold, never on how it was
//! cut into pages.

use std::collections::BTreeMap;

use super::{Joined, Level};
use crate::plan::Node;

impl Level {
    /// Adds the number of rows joined to these roots to `rows`, by the relation's path.
    pub fn count_rows(&self, root: &Node, rows: &mut BTreeMap<String, u64>) {
        self.count(root, &vec![1; self.rows.len()], rows);
    }

    /// `times` says how often each row of this level occurs.
    fn count(&self, node: &Node, times: &[u64], rows: &mut BTreeMap<String, u64>) {
        for (child, joined) in node.children.iter().zip(&self.joined) {
            match joined.level() {
                Some(level) => level.count_joined(child, joined, times, rows),
                None => joined.count_written(child, times, rows),
            }
        }
    }

    fn count_joined(
        &self,
        node: &Node,
        joined: &Joined,
        times: &[u64],
        rows: &mut BTreeMap<String, u64>,
    ) {
        let mut below = vec![0; self.rows.len()];
        for (span, times) in joined.spans.iter().zip(times) {
            let of_one = below.get_mut(span.range()).unwrap_or_default();
            of_one.iter_mut().for_each(|count| *count += times);
        }
        add(rows, &node.path, below.iter().sum());
        self.count(node, &below, rows);
    }
}

impl Joined {
    /// Of objects that are written it is known which relations have a row in them.
    fn count_written(&self, node: &Node, times: &[u64], rows: &mut BTreeMap<String, u64>) {
        let nodes = node.walk();
        let mut counts = vec![0; nodes.len()];
        // Most objects are made of the same relations.
        let (mut present, mut alike) = (0, 0);
        let mut settle = |present: u64, alike: u64| {
            let bits = counts.iter_mut().enumerate();
            bits.filter(|(bit, _)| present >> bit & 1 == 1).for_each(|(_, count)| *count += alike);
        };
        for (index, times) in times.iter().enumerate() {
            let Some(fragment) = self.fragment(index) else { continue };
            if fragment.present() != present {
                settle(present, alike);
                (present, alike) = (fragment.present(), 0);
            }
            alike += times;
        }
        settle(present, alike);
        nodes.iter().zip(counts).for_each(|(node, count)| add(rows, &node.path, count));
    }
}

fn add(rows: &mut BTreeMap<String, u64>, path: &str, count: u64) {
    match rows.get_mut(path) {
        Some(known) => *known += count,
        None => drop(rows.insert(path.to_owned(), count)),
    }
}
