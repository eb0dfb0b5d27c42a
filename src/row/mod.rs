//! Rows as they travel: pages of cells in canonical text, and the keys made of them.
//!
//! Promises: a value is decoded once, where it is read, into one canonical text that serves as JSON, as join key and for
//! comparison alike, so nothing behind the sources knows which server a row came from. A page owns its rows in two
//! allocations. Never rounds, never guesses a type.

pub(crate) mod calendar;
mod cast;
mod key;
mod types;

pub use cast::{BadValue, Cast};
pub use key::{Key, Match, key_of, push_key_part};
pub use types::{Collation, Column, Columns, TableInfo, Type};

/// What a cell's text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// SQL NULL; the text is empty.
    Null,
    /// `true` or `false`.
    Bool,
    /// A JSON number with all its digits.
    Number,
    /// Text as it is; dates and times in ISO 8601, bytes in base64.
    Text,
    /// A JSON value.
    Json,
    /// What its server sent is not what it should be (text that is not UTF-8); the text is empty.
    Undecodable,
}

/// One value of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell<'a> {
    /// What the text is.
    pub kind: Kind,
    /// Canonical text.
    pub text: &'a str,
}

impl Cell<'_> {
    /// The absent value.
    pub const NULL: Self = Cell { kind: Kind::Null, text: "" };

    /// Whether it is SQL NULL.
    pub fn is_null(self) -> bool {
        self.kind == Kind::Null
    }
}

/// Rows of one read, each with the same number of cells.
#[derive(Debug, Default, Clone)]
pub struct Page {
    width: usize,
    text: String,
    slots: Vec<Slot>,
    /// Whether a cell is undecodable: only then are they looked for.
    flawed: bool,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    start: u32,
    // The length in the lower 29 bits, the kind above.
    tagged: u32,
}

/// Values whose length is not known before are mostly shorter.
const SHORT: usize = 64;
/// Bytes by which a page grows at the most.
const STEP: usize = 256 << 10;

const LENGTH_BITS: u32 = 29;
const LENGTH_MASK: u32 = (1 << LENGTH_BITS) - 1;

impl Page {
    /// An empty page of rows with `width` cells each.
    pub fn new(width: usize) -> Self {
        Self { width, ..Self::default() }
    }

    /// Number of complete rows.
    pub fn len(&self) -> usize {
        self.slots.len().checked_div(self.width).unwrap_or(0)
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that the page holds on to.
    pub fn bytes(&self) -> usize {
        self.text.len() + self.slots.len() * size_of::<Slot>()
    }

    /// The cell in that row and column; NULL outside of the page.
    pub fn cell(&self, row: usize, column: usize) -> Cell<'_> {
        self.row(row).cell(column)
    }

    /// A view of one row; all its cells are NULL outside of the page.
    pub fn row(&self, row: usize) -> RowRef<'_> {
        let start = row.saturating_mul(self.width);
        let slots = self.slots.get(start..start.saturating_add(self.width)).unwrap_or_default();
        RowRef { text: &self.text, slots, flawed: self.flawed }
    }

    /// Appends a cell whose text is `text`.
    ///
    /// # Errors
    /// When the page would pass 4 GiB or the value 512 MiB.
    pub fn push(&mut self, kind: Kind, text: &str) -> Result<(), TooLarge> {
        self.make_room(text.len());
        self.push_with(kind, |out| out.push_str(text))
    }

    /// Appends a cell whose text `write` appends to the buffer it is given.
    ///
    /// # Errors
    /// As [`Page::push`].
    pub fn push_with(
        &mut self,
        kind: Kind,
        write: impl FnOnce(&mut String),
    ) -> Result<(), TooLarge> {
        self.make_room(SHORT);
        let start = self.text.len();
        write(&mut self.text);
        let length = u32::try_from(self.text.len() - start).map_err(|_| TooLarge)?;
        let start = u32::try_from(start).map_err(|_| TooLarge)?;
        if length > LENGTH_MASK {
            return Err(TooLarge);
        }
        let tag = match kind {
            Kind::Null => 0,
            Kind::Bool => 1,
            Kind::Number => 2,
            Kind::Text => 3,
            Kind::Json => 4,
            Kind::Undecodable => 5,
        };
        self.slots.push(Slot { start, tagged: (tag << LENGTH_BITS) | length });
        Ok(())
    }

    /// Makes room for a cell of so many bytes, in small steps: a page that doubles is half empty, and leaves holes of its former
    /// sizes behind.
    fn make_room(&mut self, bytes: usize) {
        if self.text.capacity() - self.text.len() < bytes {
            self.text.reserve_exact((self.text.len() / 2).min(STEP).max(bytes));
        }
        if self.slots.capacity() == self.slots.len() {
            let slots = (self.slots.len() / 2).clamp(self.width, STEP / size_of::<Slot>());
            self.slots.reserve_exact(slots);
        }
    }

    /// Appends a cell of what `write` makes of the text in `bytes`; an undecodable one when they hold none.
    ///
    /// # Errors
    /// As [`Page::push`].
    pub fn push_text(
        &mut self,
        kind: Kind,
        bytes: &[u8],
        write: impl FnOnce(&mut String, &str),
    ) -> Result<(), TooLarge> {
        match std::str::from_utf8(bytes) {
            Ok(text) => {
                self.make_room(text.len());
                self.push_with(kind, |out| write(out, text))
            }
            Err(_) => {
                self.flawed = true;
                self.push(Kind::Undecodable, "")
            }
        }
    }

    /// Appends a NULL.
    pub fn push_null(&mut self) {
        self.make_room(0);
        self.slots.push(Slot { start: 0, tagged: 0 });
    }

    /// Appends a copy of a row of another page of the same columns.
    ///
    /// # Errors
    /// As [`Page::push`].
    pub fn append(&mut self, other: &Self, row: usize) -> Result<(), TooLarge> {
        for column in 0..self.width {
            let cell = other.cell(row, column);
            match cell.kind {
                Kind::Null => self.push_null(),
                kind => self.push(kind, cell.text)?,
            }
        }
        self.flawed |= other.flawed;
        Ok(())
    }

    /// A copy of the rows from `from` up to, and without, `to`.
    #[must_use]
    pub fn part(&self, from: usize, to: usize) -> Self {
        let mut part = Self { flawed: self.flawed, ..Self::new(self.width) };
        let slots = self.slots.get(from * self.width..to * self.width).unwrap_or_default();
        for slot in slots {
            let start = slot.start as usize;
            let end = start + (slot.tagged & LENGTH_MASK) as usize;
            // A part of a page cannot be longer than the page, whose places fit.
            let moved = u32::try_from(part.text.len()).unwrap_or(u32::MAX);
            part.text.push_str(self.text.get(start..end).unwrap_or_default());
            part.slots.push(Slot { start: moved, ..*slot });
        }
        part
    }

    /// Drops the rows from `rows` on, and any half row.
    #[cfg(test)]
    pub(crate) fn truncate(&mut self, rows: usize) {
        self.slots.truncate(rows * self.width);
        let end = self.slots.iter().map(|slot| slot.start + (slot.tagged & LENGTH_MASK)).max();
        self.text.truncate(end.unwrap_or(0) as usize);
    }
}

/// A value or a page too large to be held.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("a value over 512 MiB, or a page over 4 GiB")]
pub struct TooLarge;

/// A row in its page.
#[derive(Debug, Clone, Copy)]
pub struct RowRef<'a> {
    text: &'a str,
    slots: &'a [Slot],
    flawed: bool,
}

impl<'a> RowRef<'a> {
    /// The cell in that column.
    #[inline]
    pub fn cell(self, column: usize) -> Cell<'a> {
        let Some(slot) = self.slots.get(column) else { return Cell::NULL };
        let start = slot.start as usize;
        let end = start + (slot.tagged & LENGTH_MASK) as usize;
        let kind = match slot.tagged >> LENGTH_BITS {
            1 => Kind::Bool,
            2 => Kind::Number,
            3 => Kind::Text,
            4 => Kind::Json,
            5 => Kind::Undecodable,
            _ => return Cell::NULL,
        };
        Cell { kind, text: self.text.get(start..end).unwrap_or_default() }
    }

    /// The first column whose value could not be decoded.
    pub fn undecodable(self) -> Option<usize> {
        let columns = if self.flawed { self.slots.len() } else { 0 };
        (0..columns).find(|&column| self.cell(column).kind == Kind::Undecodable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_come_back_as_they_went_in() {
        let mut page = Page::new(3);
        page.push(Kind::Number, "12.50").unwrap();
        page.push_null();
        page.push(Kind::Text, "김철수").unwrap();
        page.push(Kind::Bool, "true").unwrap();
        page.push(Kind::Json, "[1]").unwrap();
        page.push(Kind::Text, "").unwrap();
        assert_eq!(page.len(), 2);
        assert_eq!(page.cell(0, 0), Cell { kind: Kind::Number, text: "12.50" });
        assert_eq!(page.cell(0, 1), Cell::NULL);
        assert_eq!(page.cell(0, 2).text, "김철수");
        assert_eq!(page.cell(1, 2), Cell { kind: Kind::Text, text: "" });
        assert_eq!(page.cell(1, 3), Cell::NULL);
        assert_eq!(page.cell(9, 0), Cell::NULL);
    }

    #[test]
    fn a_page_of_longer_values_does_not_double_either() {
        let (mut page, text) = (Page::new(1), "x".repeat(1_000));
        while page.text.len() < 16 * STEP {
            page.push(Kind::Text, &text).unwrap();
            page.push_text(Kind::Text, text.as_bytes(), String::push_str).unwrap();
            assert!(page.text.capacity() <= page.text.len() + STEP.max(text.len()));
        }
    }

    #[test]
    fn truncation_drops_half_rows_and_their_bytes() {
        let mut page = Page::new(2);
        for text in ["a", "bb", "ccc"] {
            page.push(Kind::Text, text).unwrap();
        }
        page.truncate(1);
        assert_eq!((page.len(), page.text.as_str()), (1, "abb"));
    }

    #[test]
    fn parts_hold_their_own_bytes() {
        let mut page = Page::new(1);
        for text in ["a", "bb", "ccc"] {
            page.push(Kind::Text, text).unwrap();
        }
        let part = page.part(1, 3);
        assert_eq!((part.len(), part.text.as_str()), (2, "bbccc"));
        assert_eq!(part.cell(1, 0).text, "ccc");
        assert!(page.part(2, 9).is_empty());
    }

    #[test]
    fn what_is_no_text_is_marked_in_its_row() {
        let mut page = Page::new(2);
        for bytes in [&b"a"[..], b"b", b"c", b"caf\xe9"] {
            page.push_text(Kind::Text, bytes, String::push_str).unwrap();
        }
        assert_eq!(page.row(0).undecodable(), None);
        assert_eq!(page.row(1).undecodable(), Some(1));
        assert_eq!(page.cell(1, 1), Cell { kind: Kind::Undecodable, text: "" });
        assert_eq!(page.part(1, 2).row(0).undecodable(), Some(1));
    }
}
