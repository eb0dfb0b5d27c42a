//! Objects of a to-one relation, written once and put into every document that has them.
//!
//! Promises: an object's bytes are those that would be written in its place in any document. One that cannot be written refuses
//! every document that would have it, and no other.

use super::Below;
use super::Joined;
use crate::plan::Node;
use crate::render::{Json, Refused, Values};
use crate::row::{Match, RowRef, key_of};

/// Written objects, one after the other.
#[derive(Debug, Default)]
pub struct Fragments {
    json: Vec<u8>,
    refs: Vec<Ref>,
    keys: String,
    ends: Vec<Ends>,
    refused: Vec<(usize, Refused)>,
}

/// A row that is part of an object.
#[derive(Debug, Clone, Copy)]
struct Ref {
    rank: u32,
    /// Where its key ends, and that of the next begins.
    end: u32,
}

/// Where the parts of an object end, and those of the next begin.
#[derive(Debug, Clone, Copy, Default)]
struct Ends {
    json: u32,
    refs: u32,
    present: u64,
}

/// One written object.
#[derive(Debug, Clone, Copy)]
pub struct Fragment<'f> {
    of: &'f Fragments,
    index: usize,
}

impl<'f> Fragment<'f> {
    /// The object, braces included.
    ///
    /// # Errors
    /// Why it cannot be written.
    pub fn json(self) -> Result<&'f [u8], &'f Refused> {
        let (before, ends) = self.ends();
        if let Ok(at) = self.of.refused.binary_search_by_key(&self.index, |(index, _)| *index)
            && let Some((_, refused)) = self.of.refused.get(at)
        {
            return Err(refused);
        }
        Ok(self.of.json.get(before.json as usize..ends.json as usize).unwrap_or_default())
    }

    /// The rows that the object is made of: each node's [`Node::rank`], and the row's key.
    pub fn refs(self) -> impl Iterator<Item = (usize, &'f str)> {
        let (before, ends) = self.ends();
        let (first, end) = (before.refs as usize, ends.refs as usize);
        let refs = self.of.refs.get(first..end).unwrap_or_default();
        let mut start =
            first.checked_sub(1).and_then(|last| self.of.refs.get(last)).map_or(0, |of| of.end);
        refs.iter().map(move |of| {
            let key = self.of.keys.get(start as usize..of.end as usize).unwrap_or_default();
            start = of.end;
            (of.rank as usize, key)
        })
    }

    /// Which relations have a row in it: a bit for each node of [`Node::walk`], the lowest for the first.
    pub fn present(self) -> u64 {
        self.ends().1.present
    }

    fn ends(self) -> (Ends, Ends) {
        let before = self.index.checked_sub(1).and_then(|before| self.of.ends.get(before));
        let ends = self.of.ends.get(self.index);
        (before.copied().unwrap_or_default(), ends.copied().unwrap_or_default())
    }
}

impl Fragments {
    /// Writes the object of each row, whose relations are in `joined`; `None` once they take more than `room` bytes. What many
    /// rows share is in each of their objects: they may take any number of times what the rows did.
    pub(super) fn write<'r>(
        node: &Node,
        rows: impl Iterator<Item = RowRef<'r>>,
        joined: &[Joined],
        (values, room): (&mut Values, usize),
    ) -> Option<Self> {
        let mut all = Self::default();
        let widths: Vec<usize> = node.children.iter().map(|child| child.walk().len()).collect();
        for (index, row) in rows.enumerate() {
            let start = all.json.len();
            if let Err(refused) = all.object(node, (row, index), joined, values) {
                all.json.truncate(start);
                all.refused.push((index, refused));
            }
            let present = all.relations(node, (row, index), (joined, &widths));
            all.end(node, index, present);
            if all.json.len() > room {
                return None;
            }
        }
        all.json.shrink_to_fit();
        Some(all)
    }

    /// Whether there is no object.
    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// One of them.
    pub(super) fn get(&self, index: usize) -> Fragment<'_> {
        Fragment { of: self, index }
    }

    /// Bytes that they hold on to.
    pub(super) fn bytes(&self) -> usize {
        self.json.len()
            + self.keys.len()
            + self.refs.len() * size_of::<Ref>()
            + self.ends.len() * size_of::<Ends>()
            + self.refused.iter().map(|(_, why)| size_of_val(why) + why.field.len()).sum::<usize>()
    }

    fn object(
        &mut self,
        node: &Node,
        (row, index): (RowRef<'_>, usize),
        joined: &[Joined],
        values: &mut Values,
    ) -> Result<(), Refused> {
        let mut json = Json::new(&mut self.json, usize::MAX);
        json.open(b'{');
        values.fields(node, row, &mut json)?;
        for (child, joined) in node.children.iter().zip(joined) {
            json.label(&child.label);
            match joined.fragment(index) {
                Some(below) => json.raw(below.json().map_err(Refused::clone)?),
                None => json.raw(b"null"),
            }
        }
        json.close(b'}');
        Ok(())
    }

    /// Notes which rows of which relations one object is made of; tells of which relations.
    fn relations(
        &mut self,
        node: &Node,
        (row, index): (RowRef<'_>, usize),
        (joined, widths): (&[Joined], &[usize]),
    ) -> u64 {
        if node.referenced {
            let mut key = String::new();
            if key_of(row, &node.read.key, Match::Exact, &mut key) {
                self.refer(node.rank, &key);
            }
        }
        let (mut present, mut bit) = (1, 1);
        for (joined, width) in joined.iter().zip(widths) {
            if let Some(below) = joined.fragment(index) {
                below.refs().for_each(|(rank, key)| self.refer(rank, key));
                present |= below.present() << bit;
            }
            bit += width;
        }
        present
    }

    /// Notes where an object ends. What is beyond 4 GiB is refused: such a page would not fit into memory either.
    fn end(&mut self, node: &Node, index: usize, present: u64) {
        let last = self.ends.last().copied().unwrap_or_default();
        let lengths = (u32::try_from(self.json.len()), u32::try_from(self.refs.len()));
        let ends = match lengths {
            (Ok(json), Ok(refs)) if u32::try_from(self.keys.len()).is_ok() => {
                Ends { json, refs, present }
            }
            _ => {
                self.refused.push((index, Refused::at(node, "", "too_large")));
                Ends { present, ..last }
            }
        };
        self.ends.push(ends);
    }

    fn refer(&mut self, rank: usize, key: &str) {
        self.keys.push_str(key);
        let end = u32::try_from(self.keys.len()).unwrap_or(u32::MAX);
        self.refs.push(Ref { rank: u32::try_from(rank).unwrap_or(u32::MAX), end });
    }
}

impl Joined {
    /// The written object of that row above; `None` when it has none, or they are not written yet.
    pub fn fragment(&self, index: usize) -> Option<Fragment<'_>> {
        let Below::Written(written) = &self.below else { return None };
        let span = self.spans.get(index).filter(|span| span.len > 0)?;
        let (page, row) = written.get(span.start)?;
        Some(page.get(row))
    }
}
