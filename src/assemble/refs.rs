//! The references of a document: `path:key` of the rows that it holds of relations that are referenced ([`Node::referenced`]).
//!
//! Promises: sorted and without repetitions, so that equal documents have equal bytes.

use crate::plan::Node;
use crate::render::Json;
use crate::row::{Match, RowRef, key_of};

/// References of one document after the other; keeps its space.
pub(super) struct Refs {
    /// One for each node of the plan, by its rank: since no path is another's beginning with its colon, references stand in
    /// the order of their nodes first, and of their keys then.
    nodes: Vec<Of>,
    keys: String,
    key: String,
    written: Vec<u8>,
}

/// Rows of one relation.
#[derive(Default)]
struct Of {
    /// `path:`, as it stands in JSON, without the quotation mark behind it.
    prefix: Vec<u8>,
    /// Where their keys are.
    rows: Vec<(usize, usize)>,
}

impl Refs {
    pub(super) fn new(root: &Node) -> Self {
        let nodes = root.walk();
        let mut all = Self {
            nodes: nodes.iter().map(|_| Of::default()).collect(),
            keys: String::new(),
            key: String::new(),
            written: Vec::new(),
        };
        for node in nodes {
            if let Some(of) = all.nodes.get_mut(node.rank) {
                Json::new(&mut of.prefix, usize::MAX).text(&format!("{}:", node.path));
                of.prefix.pop();
            }
        }
        all
    }

    pub(super) fn clear(&mut self) {
        self.nodes.iter_mut().for_each(|of| of.rows.clear());
        self.keys.clear();
    }

    pub(super) fn add_row(&mut self, node: &Node, row: RowRef<'_>) {
        let mut key = std::mem::take(&mut self.key);
        if key_of(row, &node.read.key, Match::Exact, &mut key) {
            self.add(node.rank, &key);
        }
        self.key = key;
    }

    pub(super) fn add(&mut self, rank: usize, key: &str) {
        let start = self.keys.len();
        self.keys.push_str(key);
        if let Some(of) = self.nodes.get_mut(rank) {
            of.rows.push((start, self.keys.len()));
        }
    }

    /// All references as the elements of a JSON array.
    pub(super) fn settled(&mut self) -> &[u8] {
        self.written.clear();
        let text = &self.keys;
        let key = |&(start, end): &(usize, usize)| text.get(start..end).unwrap_or_default();
        let mut json = Json::new(&mut self.written, usize::MAX);
        for of in &mut self.nodes {
            of.rows.sort_unstable_by(|a, b| key(a).cmp(key(b)));
            of.rows.dedup_by(|a, b| key(a) == key(b));
            for row in &of.rows {
                json.element();
                json.text_behind(&of.prefix, key(row));
            }
        }
        &self.written
    }

    /// What [`Refs::settled`] has returned last.
    pub(super) fn written(&self) -> &[u8] {
        &self.written
    }
}
