//! Assembly: hydrated rows become one document, written straight into the buffer that will be sent.
//!
//! Promises: pure; the same rows give the same bytes, the digest included. A value that does not fit its declared type
//! refuses the document and names the field, never the value. No intermediate JSON tree is built.

mod computed;
mod refs;

use xxhash_rust::xxh3::xxh3_64;

use crate::hydrate::{Joined, Level};
use crate::plan::{Node, Plan};
use crate::render::{Json, Values};
pub use crate::render::{Masking, Refused};
use crate::row::{Match, key_of};

use refs::Refs;

const TOO_LARGE: &str = "too_large";

/// Refuses what has grown past its limit by now.
fn fits(json: &Json<'_>, refused: impl FnOnce() -> Refused) -> Result<(), Refused> {
    if json.is_too_long() { Err(refused()) } else { Ok(()) }
}

/// Writes documents of one plan; keeps its scratch space from one to the next.
pub struct Assembler<'p> {
    plan: &'p Plan,
    built_at: String,
    limit: usize,
    values: Values,
    refs: Refs,
    digest: i64,
}

impl<'p> Assembler<'p> {
    /// An assembler for `plan`. `masking` is needed when the plan masks a field; `built_at` is an ISO 8601 instant;
    /// documents of more than `limit` bytes are refused: one row may be part of any number of elements.
    pub fn new(plan: &'p Plan, masking: Option<Masking>, built_at: &str, limit: usize) -> Self {
        let (values, refs) = (Values::new(masking), Refs::new(&plan.root));
        let built_at = built_at.to_owned();
        Self { plan, built_at, limit, values, refs, digest: 0 }
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
            fits(&json, || Refused::at(root, &computed.name, TOO_LARGE))?;
        }
        let refs = self.refs.settled();
        let digest = xxh3_64(json.written_since(start)) ^ xxh3_64(refs).rotate_left(1);
        self.digest = digest.cast_signed();
        self.own(id, &mut json);
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
        if node.referenced {
            self.refs.add_row(node, row);
        }
        self.values.fields(node, row, json)?;
        if let (None, Some(last)) = (&node.join, node.fields.last()) {
            fits(json, || Refused::at(node, &last.name, TOO_LARGE))?;
        }
        for (child, joined) in node.children.iter().zip(&level.joined) {
            json.label(&child.label);
            match joined.level() {
                Some(level) => self.relation(child, (joined, level), index, json)?,
                None => self.written(joined, index, json)?,
            }
            fits(json, || Refused::at(child, "", TOO_LARGE))?;
        }
        Ok(())
    }

    fn relation(
        &mut self,
        node: &Node,
        (joined, level): (&Joined, &Level),
        index: usize,
        json: &mut Json<'_>,
    ) -> Result<(), Refused> {
        let span = joined.spans.get(index).copied().unwrap_or_default();
        if node.join.as_ref().is_some_and(|join| join.many) {
            json.open(b'[');
            for index in span.range() {
                json.element();
                json.open(b'{');
                self.members(node, level, index, json)?;
                json.close(b'}');
                fits(json, || Refused::at(node, "", TOO_LARGE))?;
            }
            json.close(b']');
        } else if span.len == 0 {
            json.raw(b"null");
        } else {
            json.open(b'{');
            self.members(node, level, span.start, json)?;
            json.close(b'}');
        }
        Ok(())
    }

    /// An object that is written already.
    fn written(
        &mut self,
        joined: &Joined,
        index: usize,
        json: &mut Json<'_>,
    ) -> Result<(), Refused> {
        let Some(fragment) = joined.fragment(index) else {
            json.raw(b"null");
            return Ok(());
        };
        json.raw(fragment.json().map_err(Refused::clone)?);
        fragment.refs().for_each(|(rank, key)| self.refs.add(rank, key));
        Ok(())
    }

    /// The digest of the document that was written last.
    pub fn digest(&self) -> i64 {
        self.digest
    }

    fn own(&self, id: &str, json: &mut Json<'_>) {
        json.label("\"_prejoin\":");
        json.open(b'{');
        json.label("\"id\":");
        json.text(id);
        json.label("\"digest\":");
        json.raw(itoa::Buffer::new().format(self.digest).as_bytes());
        json.label("\"refs\":");
        json.open(b'[');
        json.raw(self.refs.written());
        json.close(b']');
        json.label("\"built_at\":");
        json.text(&self.built_at);
        json.close(b'}');
    }
}

#[cfg(test)]
mod tests;
