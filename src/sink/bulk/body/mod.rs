//! A bulk request's body, built in place.
//!
//! Promises: documents are written straight into the buffer that is sent; a half-written one can be given up; every
//! operation carries an external version; whatever the engine would refuse a whole request for is refused here, in the place
//! of that one operation. What was answered can be filled again in the same memory. Never looks into a document.

use std::io::Write as _;
use std::ops::Range;

use bytes::Bytes;
use hashbrown::HashTable;
use memchr::memchr;
use xxhash_rust::xxh3::xxh3_64;

use super::answer::{Outcome, Rejection};

/// The engine's limit for `_id`, in bytes.
pub const MAX_ID_BYTES: usize = 512;

/// A body passes its size by the last document: one part of so many of the size is allowed for it.
pub(super) const HEADROOM: usize = 16;

/// Operations on documents, in the order in which they will be answered for.
#[derive(Debug, Default)]
pub struct BulkBody {
    buffer: Vec<u8>,
    slots: Vec<Slot>,
    // All ids, end to end.
    ids: String,
    // Slots by their ids: two operations on one document in one request have no order that could be relied on.
    seen: HashTable<usize>,
}

/// One operation: where its id and its lines end, and its version.
#[derive(Debug)]
struct Slot {
    id: Range<usize>,
    /// None of them when it is refused.
    lines: Range<usize>,
    version: u64,
    fate: Fate,
}

/// What is to become of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Sent,
    LeftOut,
    EmptyId,
    LongId,
    SameId,
}

impl Fate {
    /// What is answered in place of the engine; `None` for what it answers itself.
    fn outcome(self) -> Option<Outcome> {
        let error_type = match self {
            Self::Sent => return None,
            Self::LeftOut => return Some(Outcome::LeftOut),
            Self::EmptyId => "empty_id",
            Self::LongId => "id_too_long",
            Self::SameId => "duplicate_id",
        };
        let field = Some("_id".to_owned());
        Some(Outcome::Rejected(Rejection { error_type: error_type.to_owned(), field }))
    }
}

/// An operation that is being written: where its lines start, and its id's hash.
struct Opened {
    start: usize,
    hash: u64,
}

impl BulkBody {
    /// An empty body for `bytes`, with room for one document more, unless that is a large one: it is only the last one that
    /// shows the body to be full.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { buffer: Vec::with_capacity(with_headroom(bytes)), ..Self::default() }
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
        let Some(opened) = self.open("index", id, version) else { return Ok(()) };
        let body = self.buffer.len();
        if let Err(error) = document(&mut self.buffer) {
            self.buffer.truncate(opened.start);
            return Err(error);
        }
        // Between JSON's tokens a line break is as good as a space; here it would end the document.
        let mut written = self.buffer.get_mut(body..).unwrap_or_default();
        while let Some((_, from_it)) =
            memchr(b'\n', written).and_then(|at| written.split_at_mut_checked(at))
        {
            if let Some(byte) = from_it.first_mut() {
                *byte = b' ';
            }
            written = from_it;
        }
        self.buffer.push(b'\n');
        self.close(id, version, &opened);
        Ok(())
    }

    /// Adds the deletion of a document.
    pub fn delete(&mut self, id: &str, version: u64) {
        if let Some(opened) = self.open("delete", id, version) {
            self.close(id, version, &opened);
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

    /// Bytes by which the body is full: those of the request, or those of the ids when they are more. Whoever is refused for
    /// its id adds nothing to the request, and its whole id is kept for the outcome.
    pub fn held(&self) -> usize {
        let ids = self.ids.len().saturating_add(self.slots.len().saturating_mul(size_of::<Slot>()));
        self.buffer.len().max(ids)
    }

    /// Writes the action's line; `None` when the id is refused.
    fn open(&mut self, action: &str, id: &str, version: u64) -> Option<Opened> {
        let hash = xxh3_64(id.as_bytes());
        let fate = match id.len() {
            0 => Fate::EmptyId,
            1..=MAX_ID_BYTES if self.knows(id, hash) => Fate::SameId,
            1..=MAX_ID_BYTES => Fate::Sent,
            _ => Fate::LongId,
        };
        let start = self.buffer.len();
        if fate != Fate::Sent {
            self.add_slot(id, version, start..start, fate);
            return None;
        }
        // Writing to memory does not fail, nor does a text fail to become JSON.
        let written = write!(self.buffer, r#"{{"{action}":{{"_id":"#)
            .and_then(|()| serde_json::to_writer(&mut self.buffer, id).map_err(Into::into))
            .and_then(|()| {
                writeln!(self.buffer, r#","version":{version},"version_type":"external"}}}}"#)
            });
        debug_assert!(written.is_ok());
        Some(Opened { start, hash })
    }

    fn close(&mut self, id: &str, version: u64, opened: &Opened) {
        let position = self.slots.len();
        self.add_slot(id, version, opened.start..self.buffer.len(), Fate::Sent);
        let (slots, ids) = (&self.slots, &self.ids);
        let rehash = |&position: &usize| xxh3_64(id_at(slots, ids, position).as_bytes());
        self.seen.insert_unique(opened.hash, position, rehash);
    }

    /// Whether there is an operation on that document. Ids are compared: others may have the same hash.
    fn knows(&self, id: &str, hash: u64) -> bool {
        let same = |&position: &usize| id_at(&self.slots, &self.ids, position) == id;
        self.seen.find(hash, same).is_some()
    }

    fn add_slot(&mut self, id: &str, version: u64, lines: Range<usize>, fate: Fate) {
        let start = self.ids.len();
        self.ids.push_str(id);
        self.slots.push(Slot { id: start..self.ids.len(), lines, version, fate });
    }

    /// Positions and ids of the operations that are to be sent.
    pub fn ids(&self) -> impl Iterator<Item = (usize, &str)> {
        let slots = self.slots.iter().enumerate().filter(|(_, slot)| slot.fate == Fate::Sent);
        slots.map(|(at, slot)| (at, self.ids.get(slot.id.clone()).unwrap_or_default()))
    }

    /// Ids that the engine would not take, and why.
    pub fn refused(&self) -> impl Iterator<Item = (&str, Rejection)> {
        self.slots.iter().filter_map(|slot| match slot.fate.outcome()? {
            Outcome::Rejected(why) => {
                Some((self.ids.get(slot.id.clone()).unwrap_or_default(), why))
            }
            _ => None,
        })
    }

    /// Positions, ids and documents of what is to be sent; a deletion has an empty one.
    pub fn documents(&self) -> impl Iterator<Item = (usize, &str, &[u8])> {
        self.ids().map(|(at, id)| {
            let lines = self.slots.get(at).and_then(|slot| self.buffer.get(slot.lines.clone()));
            let lines = lines.unwrap_or_default();
            let document = memchr(b'\n', lines).and_then(|end| lines.get(end + 1..));
            (at, id, document.unwrap_or_default().trim_ascii_end())
        })
    }

    /// Does not send the operation in that position: it is answered for as [`Outcome::LeftOut`].
    pub fn leave_out(&mut self, position: usize) {
        if let Some(slot) = self.slots.get_mut(position).filter(|slot| slot.fate == Fate::Sent) {
            slot.fate = Fate::LeftOut;
        }
    }

    /// What is to be sent, and the outcomes that are known without sending.
    pub fn seal(self) -> (Sealed, Vec<Option<Outcome>>) {
        let outcomes = self.slots.iter().map(|slot| slot.fate.outcome()).collect();
        let Self { buffer, slots, ids, seen } = self;
        (Sealed { buffer: buffer.into(), slots, ids, seen }, outcomes)
    }
}

/// What a body of that size may take with its last document.
pub(super) fn with_headroom(bytes: usize) -> usize {
    bytes.saturating_add(bytes / HEADROOM)
}

fn id_at<'i>(slots: &[Slot], ids: &'i str, position: usize) -> &'i str {
    slots.get(position).and_then(|slot| ids.get(slot.id.clone())).unwrap_or_default()
}

/// A body that is complete, of which any part can be sent.
#[derive(Debug)]
pub struct Sealed {
    buffer: Bytes,
    slots: Vec<Slot>,
    ids: String,
    seen: HashTable<usize>,
}

impl Sealed {
    /// Positions of the operations that are to be sent.
    pub fn positions(&self) -> Vec<usize> {
        let sent = self.slots.iter().enumerate();
        sent.filter_map(|(position, slot)| (slot.fate == Fate::Sent).then_some(position)).collect()
    }

    /// The id of the operation in that position.
    pub(super) fn id(&self, position: usize) -> &str {
        id_at(&self.slots, &self.ids, position)
    }

    /// Versions of the operations in these positions.
    pub(super) fn versions(&self, positions: &[usize]) -> Vec<u64> {
        self.at(positions).map(|slot| slot.version).collect()
    }

    /// The request's body for the operations in these positions; copies only when they are not all.
    pub fn part(&self, positions: &[usize]) -> Bytes {
        let size = self.size(positions);
        if size == self.buffer.len() {
            return self.buffer.clone();
        }
        let mut part = Vec::with_capacity(size);
        for lines in self.at(positions).filter_map(|slot| self.buffer.get(slot.lines.clone())) {
            part.extend_from_slice(lines);
        }
        part.into()
    }

    /// Bytes of the whole body.
    pub(super) fn bytes(&self) -> usize {
        self.buffer.len()
    }

    /// Bytes of the operations in these positions.
    pub fn size(&self, positions: &[usize]) -> usize {
        self.at(positions).map(|slot| slot.lines.len()).sum()
    }

    fn at(&self, positions: &[usize]) -> impl Iterator<Item = &Slot> {
        positions.iter().filter_map(|&position| self.slots.get(position))
    }

    /// An empty body for `bytes` in the same memory; what it had taken beyond that is given back.
    pub fn emptied(self, bytes: usize) -> BulkBody {
        let Self { buffer, mut slots, mut ids, mut seen } = self;
        // Whoever sent it may still hold it, as when the answer came before all was sent: then it is not ours to write to.
        let mut buffer = buffer.try_into_mut().unwrap_or_default();
        buffer.clear();
        let mut buffer = Vec::from(buffer);
        let room = with_headroom(bytes);
        buffer.shrink_to(room);
        buffer.reserve_exact(room);
        slots.clear();
        slots.shrink_to(room / size_of::<Slot>());
        ids.clear();
        ids.shrink_to(room);
        seen.clear();
        BulkBody { buffer, slots, ids, seen }
    }
}

#[cfg(test)]
mod tests;
