//! The keys that a level asks of a relation.
//!
//! Promises: each key once, in the order of its first row.

use hashbrown::{DefaultHashBuilder, HashTable};
use std::hash::BuildHasher;

use super::picked::Rows;
use crate::plan::Join;
use crate::row::{Key, RowRef, key_of};

/// Different keys, each with its place.
#[derive(Debug, Default)]
pub(super) struct Keys {
    keys: Vec<Key>,
    places: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Keys {
    /// Keys that differ from one another.
    pub(super) fn of(keys: Vec<Key>) -> Self {
        let mut all = Self::default();
        keys.into_iter().for_each(|key| {
            all.place(key.as_str());
        });
        all
    }

    pub(super) fn as_slice(&self) -> &[Key] {
        &self.keys
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Where this key is, once it is among them.
    pub(super) fn place(&mut self, text: &str) -> Option<u32> {
        let hash = self.hasher.hash_one(text);
        if let Some(known) = self.find_hashed(hash, text) {
            return Some(known);
        }
        let next = u32::try_from(self.keys.len()).ok()?;
        self.keys.push(Key::from(text));
        let (keys, hasher) = (&self.keys, &self.hasher);
        let hash_of = |place: &u32| {
            hasher.hash_one(keys.get(*place as usize).map(Key::as_str).unwrap_or_default())
        };
        self.places.insert_unique(hash, next, hash_of);
        Some(next)
    }

    /// Where this key is, if it is among them. `near` is where the last one was: rows come in the keys' order, or nearly.
    pub(super) fn find(&self, text: &str, near: u32) -> Option<u32> {
        let is = |place: u32| self.keys.get(place as usize).is_some_and(|key| key.as_str() == text);
        match (is(near), is(near.saturating_add(1))) {
            (true, _) => Some(near),
            (_, true) => Some(near + 1),
            _ => self.find_hashed(self.hasher.hash_one(text), text),
        }
    }

    fn find_hashed(&self, hash: u64, text: &str) -> Option<u32> {
        let same =
            |place: &u32| self.keys.get(*place as usize).is_some_and(|key| key.as_str() == text);
        self.places.find(hash, same).copied()
    }
}

/// What the rows of a level ask for.
pub(super) struct Wanted {
    pub(super) keys: Keys,
    /// For each row above, the place of its key; `None` when it joins nothing.
    pub(super) of_row: Vec<Option<u32>>,
}

impl Wanted {
    pub(super) fn collect(join: &Join, above: &Rows) -> Self {
        let (mut keys, mut text) = (Keys::default(), String::new());
        let mut of = |row: RowRef<'_>| {
            let joins = key_of(row, &join.parent, join.matching, &mut text);
            joins.then(|| keys.place(&text)).flatten()
        };
        let of_row = above.iter().map(&mut of).collect();
        Self { keys, of_row }
    }
}
