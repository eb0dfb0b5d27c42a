//! Rows of a to-one relation that were read before in this run, or the objects that were made of them, and how they are put
//! together with those that are read now.
//!
//! Promises: bounded by bytes; keeps what came first, so that a relation too large to be kept does not churn. Lives for one
//! run: the next one sees the services as they are then.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashbrown::HashMap;

use super::keys::Keys;
use super::picked::{Picked, RowAt, Span};
use crate::row::Key;
use crate::source::Budget;

/// What is known of keys; `None` is known to have no row.
pub(super) struct Cache<P> {
    room: Arc<Budget>,
    held: Mutex<Held<P>>,
}

struct Held<P> {
    rows: HashMap<Key, Option<RowAt>>,
    pages: Vec<Arc<P>>,
}

/// What is known of some keys.
pub(super) struct Recalled<P> {
    /// Those of which nothing is known, in their order.
    pub(super) missing: Keys,
    known: Vec<Known>,
    picked: Picked<P>,
}

/// What there is of some keys: at most one row each, or what was made of it.
pub(super) struct Found<P> {
    pub(super) pages: Vec<Arc<P>>,
    pub(super) of_key: Vec<Option<RowAt>>,
    /// What the pages take.
    pub(super) bytes: usize,
}

/// What is known of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    /// Nothing.
    Unknown,
    /// That it has no row.
    Nothing,
    /// Where its row is.
    Row(RowAt),
}

/// What a map's entry costs beside the key's text: a map is half empty after it has grown.
const ENTRY_BYTES: usize = 2 * size_of::<(Key, Option<RowAt>)>() + 16;

impl<P> Cache<P> {
    /// An empty one. All that share `room` have it together: a small relation leaves its part to a large one.
    pub(super) fn new(room: &Arc<Budget>) -> Self {
        let held = Held { rows: HashMap::new(), pages: Vec::new() };
        Self { room: Arc::clone(room), held: Mutex::new(held) }
    }

    fn held(&self) -> MutexGuard<'_, Held<P>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of these keys.
    pub(super) fn recall(&self, keys: &Keys) -> Recalled<P> {
        let mut picked = Picked::default();
        let known = self.find(keys.as_slice(), &mut picked);
        let unknown = keys.as_slice().iter().zip(&known);
        let unknown = unknown.filter(|(_, known)| **known == Known::Unknown);
        let missing = Keys::of(unknown.map(|(key, _)| key.clone()).collect());
        Recalled { missing, known, picked }
    }

    /// Remembers what was `found` of the missing keys, and puts together what there is of all: each key's row, if it has one.
    /// Tells also whether there was room to remember it.
    pub(super) fn complete(
        &self,
        recalled: Recalled<P>,
        found: Found<P>,
    ) -> (Picked<P>, Vec<Span>, bool) {
        let Recalled { missing, known, mut picked } = recalled;
        let Found { pages, of_key, bytes } = found;
        let kept = self.keep(missing.as_slice().iter().zip(of_key.iter().copied()), &pages, bytes);
        let spans = picked.take(&known, &of_key, pages);
        (picked, spans, kept)
    }

    /// What is known of each of these keys. Pages that hold their rows are added to `picked`.
    fn find(&self, keys: &[Key], picked: &mut Picked<P>) -> Vec<Known> {
        let held = self.held();
        // For each page here that has a row of theirs, its number there.
        let mut numbers = HashMap::new();
        let mut known = |key: &Key| match held.rows.get(key) {
            None => Known::Unknown,
            Some(None) => Known::Nothing,
            Some(Some(at)) => {
                let Some(page) = held.pages.get(at.page as usize) else { return Known::Unknown };
                let page = *numbers.entry(at.page).or_insert_with(|| picked.add(page));
                Known::Row(RowAt { page, row: at.row })
            }
        };
        keys.iter().map(&mut known).collect()
    }

    /// Remembers what was found for `keys`, if there is room. `pages` take `bytes`, and the rows are in them.
    fn keep<'k>(
        &self,
        found: impl Iterator<Item = (&'k Key, Option<RowAt>)> + Clone,
        pages: &[Arc<P>],
        bytes: usize,
    ) -> bool {
        let keys: usize = found.clone().map(|(key, _)| key.as_str().len() + ENTRY_BYTES).sum();
        if keys == 0 {
            return false;
        }
        let mut held = self.held();
        let first = u32::try_from(held.pages.len());
        let (Ok(first), true) = (first, self.room.take_whole(keys + bytes)) else {
            return false;
        };
        held.pages.extend(pages.iter().map(Arc::clone));
        let moved = |at: RowAt| RowAt { page: at.page + first, row: at.row };
        for (key, at) in found {
            // Another reader may have asked for it at the same time.
            held.rows.entry_ref(key).or_insert_with(|| at.map(moved));
        }
        true
    }
}

impl<P> Picked<P> {
    /// Adds a page, and tells its number.
    fn add(&mut self, page: &Arc<P>) -> u32 {
        self.pages.push(Arc::clone(page));
        u32::try_from(self.pages.len() - 1).unwrap_or(u32::MAX)
    }

    /// Puts together, key by key, what was known and, of the others in their order, what was found in `pages`.
    fn take(&mut self, known: &[Known], found: &[Option<RowAt>], pages: Vec<Arc<P>>) -> Vec<Span> {
        let first = u32::try_from(self.pages.len()).unwrap_or(u32::MAX);
        self.pages.extend(pages);
        let mut found = found.iter();
        let mut span = |known: &Known| {
            let at = match known {
                Known::Row(at) => Some(*at),
                Known::Nothing => None,
                Known::Unknown => found
                    .next()
                    .copied()
                    .flatten()
                    .map(|at| RowAt { page: at.page.saturating_add(first), row: at.row }),
            };
            let start = self.at.len();
            self.at.extend(at);
            Span { start, len: self.at.len() - start }
        };
        known.iter().map(&mut span).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_not_kept() {
        let cache = Cache::new(&Arc::new(Budget::new(1_000)));
        let (a, none, b) = (Key::from("a"), Key::from("none"), Key::from("b"));
        let first = Some(RowAt { page: 0, row: 3 });
        cache.keep([(&a, first), (&none, None)].into_iter(), &[Arc::new("page")], 600);
        cache.keep([(&b, first)].into_iter(), &[Arc::new("another")], 600);
        let mut picked = Picked { pages: vec![Arc::new("mine")], at: Vec::new() };
        let known = cache.find(&[b, none, a], &mut picked);
        let found = Known::Row(RowAt { page: 1, row: 3 });
        assert_eq!(known, [Known::Unknown, Known::Nothing, found]);
        assert_eq!(picked.pages, [Arc::new("mine"), Arc::new("page")]);
    }
}
