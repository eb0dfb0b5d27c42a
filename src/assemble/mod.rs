//! Assembly: hydrated rows become one document, written straight into the buffer that will be sent.
//!
//! Promises: pure; the same rows give the same bytes, the digest included. A value that does not fit its declared type
//! refuses the document and names the field, never the value. No intermediate JSON tree is built.

mod computed;
mod json;
mod value;

use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use xxhash_rust::xxh3::xxh3_128;

use crate::hydrate::{Level, Span};
use crate::plan::{Node, Plan};
use crate::row::{Match, RowRef, key_of};

use json::Json;
pub use value::Masking;
use value::Values;

/// Why a row did not become a document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("field `{field}`: {what}")]
pub struct Refused {
    /// Dotted path of the field.
    pub field: String,
    /// What does not fit, without the value.
    pub what: String,
}

/// The error type of a value that its server sent and that is not what it should be.
const UNDECODABLE: &str = "undecodable";

/// Writes documents of one plan; keeps its scratch space from one to the next.
pub struct Assembler<'p> {
    plan: &'p Plan,
    built_at: String,
    limit: usize,
    values: Values,
    refs: Refs,
}

/// The `path:key` of every row that was joined into a document.
#[derive(Default)]
struct Refs {
    text: String,
    ends: Vec<(usize, usize)>,
    key: String,
}

impl<'p> Assembler<'p> {
    /// An assembler for `plan`. `masking` is needed when the plan masks a field; `built_at` is an ISO 8601 instant;
    /// documents of more than `limit` bytes are refused: one row may be part of any number of elements.
    pub fn new(plan: &'p Plan, masking: Option<Masking>, built_at: &str, limit: usize) -> Self {
        let values = Values::new(masking);
        Self { plan, built_at: built_at.to_owned(), limit, values, refs: Refs::default() }
    }

    /// The id of the document of that root row; `None` when a part of its key is NULL.
    pub fn id(&self, roots: &Level, row: usize, out: &mut String) -> bool {
        let key = &self.plan.root.read.key;
        roots.rows.get(row).is_some_and(|row| key_of(row, key, Match::Exact, out))
    }

    /// Appends the document of root `row` to `out`, on one line, without the line's end.
    ///
    /// # Errors
    /// When a value does not fit; what was appended until then is the caller's to drop.
    pub fn document(
        &mut self,
        roots: &Level,
        row: usize,
        id: &str,
        out: &mut Vec<u8>,
    ) -> Result<(), Refused> {
        let start = out.len();
        self.refs.clear();
        let root = &self.plan.root;
        let mut json = Json::new(out, self.limit);
        json.open(b'{');
        self.members(root, roots, row, &mut json)?;
        for computed in &self.plan.computed {
            json.label(&computed.label);
            self.values.compute(computed, root, (roots, row), &mut json)?;
        }
        self.refs.settle();
        let mut digested = xxh3_128(json.written_since(start));
        digested ^= xxh3_128(self.refs.settled().as_bytes()).rotate_left(1);
        self.own(id, digested, &mut json);
        json.close(b'}');
        Ok(())
    }

    /// The members of one object, without its braces.
    fn members(
        &mut self,
        node: &Node,
        level: &Level,
        index: usize,
        json: &mut Json<'_>,
    ) -> Result<(), Refused> {
        let Some(row) = level.rows.get(index) else { return Ok(()) };
        if let Some(column) = row.undecodable() {
            return Err(undecodable(node, column));
        }
        if node.join.is_some() {
            self.refs.add(node, row);
        }
        for field in &node.fields {
            json.label(&field.label);
            self.values
                .write(field, row, json)
                .map_err(|what| refused(node, &field.name, &what))?;
        }
        for (child, joined) in node.children.iter().zip(&level.joined) {
            let span = joined.spans.get(index).copied().unwrap_or_default();
            json.label(&child.label);
            self.relation(child, &joined.level, span, json)?;
        }
        Ok(())
    }

    fn relation(
        &mut self,
        node: &Node,
        level: &Level,
        span: Span,
        json: &mut Json<'_>,
    ) -> Result<(), Refused> {
        if node.join.as_ref().is_some_and(|join| join.many) {
            json.open(b'[');
            for index in span.start..span.start + span.len {
                json.element();
                json.open(b'{');
                self.members(node, level, index, json)?;
                json.close(b'}');
                if json.is_too_long() {
                    return Err(Refused { field: node.path.clone(), what: "too_large".to_owned() });
                }
            }
            json.close(b']');
        } else if span.len == 0 {
            json.raw("null");
        } else {
            json.open(b'{');
            self.members(node, level, span.start, json)?;
            json.close(b'}');
        }
        Ok(())
    }

    fn own(&self, id: &str, digest: u128, json: &mut Json<'_>) {
        json.label("\"_prejoin\":");
        json.open(b'{');
        json.label("\"id\":");
        json.text(id);
        json.label("\"digest\":");
        json.text(&BASE64_URL_SAFE_NO_PAD.encode(digest.to_be_bytes()));
        json.label("\"refs\":");
        json.open(b'[');
        for reference in self.refs.iter() {
            json.element();
            json.text(reference);
        }
        json.close(b']');
        json.label("\"built_at\":");
        json.text(&self.built_at);
        json.close(b'}');
    }
}

fn refused(node: &Node, field: &str, what: &str) -> Refused {
    let field = match node.path.as_str() {
        "" => field.to_owned(),
        path => format!("{path}.{field}"),
    };
    Refused { field, what: what.to_owned() }
}

/// Columns that only join or order count as well: without their values rows would be missing, or be in the wrong place.
fn undecodable(node: &Node, column: usize) -> Refused {
    let field = node.fields.iter().find(|field| field.column == column);
    let name = match (field, node.read.columns.get(column)) {
        (Some(field), _) => &field.name,
        (None, Some(column)) => &column.name,
        (None, None) => "",
    };
    refused(node, name, UNDECODABLE)
}

impl Refs {
    fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    fn add(&mut self, node: &Node, row: RowRef<'_>) {
        if !key_of(row, &node.read.key, Match::Exact, &mut self.key) {
            return;
        }
        let start = self.text.len();
        // Writing to a string cannot fail.
        let _ok = write!(self.text, "{}:{}", node.path, self.key);
        self.ends.push((start, self.text.len()));
    }

    /// Sorted and without repetitions, so that equal documents have equal bytes.
    fn settle(&mut self) {
        let text = &self.text;
        let slice = |(start, end): &(usize, usize)| text.get(*start..*end).unwrap_or_default();
        self.ends.sort_unstable_by(|a, b| slice(a).cmp(slice(b)));
        self.ends.dedup_by(|a, b| slice(a) == slice(b));
    }

    fn iter(&self) -> impl Iterator<Item = &str> {
        self.ends.iter().map(|(start, end)| self.text.get(*start..*end).unwrap_or_default())
    }

    /// The settled references in one text, for the digest.
    fn settled(&self) -> String {
        let mut all = String::with_capacity(self.text.len() + self.ends.len());
        for reference in self.iter() {
            all.push_str(reference);
            all.push('\n');
        }
        all
    }
}

#[cfg(test)]
mod tests;
