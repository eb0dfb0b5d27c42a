//! How many rows each relation has contributed.
//!
//! Promises: a row counts as often as it is joined, so that the numbers depend on what the services hold, never on how it was
//! cut into pages.

use std::collections::BTreeMap;

use super::Level;
use crate::plan::Node;

impl Level {
    /// Adds the number of rows joined to these roots to `rows`, by the relation's path.
    pub fn count_rows(&self, root: &Node, rows: &mut BTreeMap<String, u64>) {
        self.count(root, &vec![1; self.rows.len()], rows);
    }

    /// `times` says how often each row of this level occurs.
    fn count(&self, node: &Node, times: &[u64], rows: &mut BTreeMap<String, u64>) {
        for (child, joined) in node.children.iter().zip(&self.joined) {
            let mut below = vec![0; joined.level.rows.len()];
            for (span, times) in joined.spans.iter().zip(times) {
                let of_one = below.iter_mut().skip(span.start).take(span.len);
                of_one.for_each(|count| *count += times);
            }
            let all: u64 = below.iter().sum();
            match rows.get_mut(&child.path) {
                Some(known) => *known += all,
                None => drop(rows.insert(child.path.clone(), all)),
            }
            joined.level.count(child, &below, rows);
        }
    }
}
