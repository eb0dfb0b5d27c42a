//! A bulk request's body, built in place.
//!
//! Promises: documents are written straight into the buffer that is sent; a half-written one can be given up; every
//! operation carries an external version; whatever the engine would refuse a whole request for is refused here, in the place
//! of that one operation. Never looks into a document.

use std::collections::HashSet;
use std::io::Write as _;
use std::ops::Range;

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64;

use super::answer::{Outcome, Rejection};

/// The engine's limit for `_id`, in bytes.
pub const MAX_ID_BYTES: usize = 512;

/// Operations on documents, in the order in which they will be answered for.
#[derive(Debug, Default)]
pub struct BulkBody {
    buffer: Vec<u8>,
    slots: Vec<Slot>,
    // Hashes of ids: two operations on one document in one request have no order that could be relied on.
    ids: HashSet<u64>,
}

#[derive(Debug)]
enum Slot {
    Send(Operation),
    Refused(Rejection),
}

/// Where an operation's lines stand in the buffer, and its version.
#[derive(Debug, Clone)]
pub(super) struct Operation {
    pub(super) lines: Range<usize>,
    pub(super) version: u64,
}

impl BulkBody {
    /// An empty body with room for `bytes`.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { buffer: Vec::with_capacity(bytes), ..Self::default() }
    }

    /// Adds a document, whose JSON `document` appends to the buffer it is given. What stands there before is not its own.
    ///
    /// An id that the engine would not take is answered for as [`Outcome::Rejected`], and `document` is not called.
    ///
    /// # Errors
    /// Those of `document`; the body is then as it was before.
    pub fn put<E>(
        &mut self,
        id: &str,
        version: u64,
        document: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(start) = self.open("index", id, version) else { return Ok(()) };
        let body = self.buffer.len();
        if let Err(error) = document(&mut self.buffer) {
            self.buffer.truncate(start);
            self.ids.remove(&xxh3_64(id.as_bytes()));
            return Err(error);
        }
        // Between JSON's tokens a line break is as good as a space; here it would end the document.
        let written = self.buffer.get_mut(body..).unwrap_or_default();
        written.iter_mut().filter(|byte| **byte == b'\n').for_each(|byte| *byte = b' ');
        self.buffer.push(b'\n');
        self.close(start, version);
        Ok(())
    }

    /// Adds the deletion of a document.
    pub fn delete(&mut self, id: &str, version: u64) {
        if let Some(start) = self.open("delete", id, version) {
            self.close(start, version);
        }
    }

    /// Number of operations, those that will not be sent included.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is no operation.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Bytes of the request so far.
    pub fn bytes(&self) -> usize {
        self.buffer.len()
    }

    /// Writes the action's line and tells where it starts; `None` when the id is refused.
    fn open(&mut self, action: &str, id: &str, version: u64) -> Option<usize> {
        let fault = match id.len() {
            0 => Some("empty_id"),
            1..=MAX_ID_BYTES if self.ids.insert(xxh3_64(id.as_bytes())) => None,
            1..=MAX_ID_BYTES => Some("duplicate_id"),
            _ => Some("id_too_long"),
        };
        if let Some(fault) = fault {
            let rejection =
                Rejection { error_type: fault.to_owned(), field: Some("_id".to_owned()) };
            self.slots.push(Slot::Refused(rejection));
            return None;
        }
        let start = self.buffer.len();
        // Writing to memory does not fail, nor does a text fail to become JSON.
        let written = write!(self.buffer, r#"{{"{action}":{{"_id":"#)
            .and_then(|()| serde_json::to_writer(&mut self.buffer, id).map_err(Into::into))
            .and_then(|()| {
                writeln!(self.buffer, r#","version":{version},"version_type":"external"}}}}"#)
            });
        debug_assert!(written.is_ok());
        Some(start)
    }

    fn close(&mut self, start: usize, version: u64) {
        let lines = start..self.buffer.len();
        self.slots.push(Slot::Send(Operation { lines, version }));
    }

    /// What is to be sent, and the outcomes that are known without sending.
    pub(super) fn seal(self) -> (Sealed, Vec<Option<Outcome>>) {
        let mut operations = Vec::with_capacity(self.slots.len());
        let mut outcomes = Vec::with_capacity(self.slots.len());
        for slot in self.slots {
            let (operation, outcome) = match slot {
                Slot::Send(operation) => (Some(operation), None),
                Slot::Refused(rejection) => (None, Some(Outcome::Rejected(rejection))),
            };
            operations.push(operation);
            outcomes.push(outcome);
        }
        (Sealed { buffer: self.buffer.into(), operations }, outcomes)
    }
}

/// A body that is complete, of which any part can be sent.
#[derive(Debug)]
pub(super) struct Sealed {
    buffer: Bytes,
    operations: Vec<Option<Operation>>,
}

impl Sealed {
    /// Positions of the operations that are to be sent.
    pub(super) fn positions(&self) -> Vec<usize> {
        let sent = self.operations.iter().enumerate();
        sent.filter_map(|(position, operation)| operation.as_ref().map(|_| position)).collect()
    }

    /// The operation in that position.
    pub(super) fn operation(&self, position: usize) -> Option<&Operation> {
        self.operations.get(position)?.as_ref()
    }

    /// The request's body for the operations in these positions; copies only when they are not all.
    pub(super) fn part(&self, positions: &[usize]) -> Bytes {
        let size = self.size(positions);
        if size == self.buffer.len() {
            return self.buffer.clone();
        }
        let mut part = Vec::with_capacity(size);
        let operations = positions.iter().filter_map(|&position| self.operation(position));
        for lines in operations.filter_map(|found| self.buffer.get(found.lines.clone())) {
            part.extend_from_slice(lines);
        }
        part.into()
    }

    /// Bytes of the operations in these positions.
    pub(super) fn size(&self, positions: &[usize]) -> usize {
        let operations = positions.iter().filter_map(|&position| self.operation(position));
        operations.map(|operation| operation.lines.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn text(out: &mut Vec<u8>, text: &str) -> Result<(), Infallible> {
        out.extend_from_slice(text.as_bytes());
        Ok(())
    }

    #[test]
    fn operations_are_lines_that_can_be_sent_apart() {
        let mut body = BulkBody::default();
        body.put("a\"김", 7, |out| text(out, "{\"n\":\n1}")).unwrap();
        body.delete("b", 8);
        body.put("c", 9, |out| text(out, "{}")).unwrap();
        assert_eq!(body.len(), 3);
        let (sealed, outcomes) = body.seal();
        assert_eq!(outcomes, [None, None, None]);
        let whole = sealed.part(&sealed.positions());
        insta::assert_snapshot!(str::from_utf8(&whole).unwrap(), @r#"
        {"index":{"_id":"a\"김","version":7,"version_type":"external"}}
        {"n": 1}
        {"delete":{"_id":"b","version":8,"version_type":"external"}}
        {"index":{"_id":"c","version":9,"version_type":"external"}}
        {}
        "#);
        let part = sealed.part(&[1, 2]);
        assert_eq!(part.len(), sealed.size(&[1, 2]));
        assert!(part.starts_with(br#"{"delete""#) && part.ends_with(b"{}\n"));
    }

    #[test]
    fn a_document_given_up_leaves_no_trace() {
        let mut body = BulkBody::default();
        body.put("a", 1, |out| text(out, "{}")).unwrap();
        let before = body.bytes();
        let given_up = body.put("b", 1, |out| {
            out.extend_from_slice(b"{\"half\":");
            Err("no")
        });
        assert_eq!((given_up, body.len(), body.bytes()), (Err("no"), 1, before));
        body.put("b", 1, |out| text(out, "{}")).unwrap();
        assert_eq!(body.seal().1, [None, None]);
    }

    #[test]
    fn ids_that_would_fail_the_whole_request_are_refused_alone() {
        let mut body = BulkBody::default();
        for id in ["", &"x".repeat(513), "a", "a"] {
            body.put(id, 1, |out| text(out, "{}")).unwrap();
        }
        body.delete(&"é".repeat(256), 1);
        let (sealed, outcomes) = body.seal();
        let refused = |outcome: &Option<Outcome>| match outcome {
            Some(Outcome::Rejected(rejection)) => rejection.error_type.clone(),
            _ => String::new(),
        };
        let refused: Vec<_> = outcomes.iter().map(refused).collect();
        assert_eq!(refused, ["empty_id", "id_too_long", "", "duplicate_id", ""]);
        assert_eq!(sealed.positions(), [2, 4]);
    }
}
