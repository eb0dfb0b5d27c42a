//! A step: the key at which a range can be parted, found by walking its index.
//!
//! Promises: the server itself has confirmed that the key, given back as text, begins at the row that it was read from. No
//! statistics and no count: ranges are equal by construction. Holds one row at a time.

use anyhow::Result;

use super::database::{Bounds, Part, Reader, Server, Values, meeting};
use super::range::{KeyRange, Slice};
use super::sql::{self, Statement};
use super::{Budget, Read};
use crate::row::{Key, Match, key_of};

/// How often another row is looked for when one vanished while it was confirmed.
const ATTEMPTS: usize = 5;

/// A row's key, in both of its forms.
struct Found<P> {
    /// `None` when a part has no canonical text.
    key: Option<Key>,
    sent: Vec<P>,
}

impl<S: Server> Reader<S> {
    /// As [`super::Source::step`].
    pub(super) async fn step(
        &self,
        read: &Read,
        range: &KeyRange,
        rows: usize,
    ) -> Result<Option<Key>> {
        read.ensure_key()?;
        let read = key_alone(read);
        let slice = Slice::of(S::DIALECT, &read.key_columns(), range)?;
        let mut refused: Option<Vec<Part<S>>> = None;
        for _ in 0..ATTEMPTS {
            let statement = sql::nth(S::DIALECT, &read, slice.ends(), rows)?;
            let Some(Found { key, sent }) = self.first(&read, statement, &slice).await? else {
                return Ok(None);
            };
            let Some(key) = key else { return Ok(None) };
            let from = KeyRange { from: Some(key.clone()), until: None };
            let Ok(back) = Slice::of(S::DIALECT, &read.key_columns(), &from) else {
                return Ok(None);
            };
            let statement = sql::page(S::DIALECT, &read, back.ends(), 1)?;
            let met = self.first(&read, statement, &back).await?;
            if met.is_some_and(|met| met.sent == sent) {
                return Ok(Some(key));
            }
            // It may have been deleted meanwhile. Still there, it is not what its text says.
            if refused.as_ref() == Some(&sent) {
                return Ok(None);
            }
            refused = Some(sent);
        }
        Ok(None)
    }

    async fn first(
        &self,
        read: &Read,
        statement: Statement,
        slice: &Slice<Part<S>>,
    ) -> Result<Option<Found<Part<S>>>> {
        let places = statement.places.clone();
        let (values, plenty) = (Values::Slice(slice, &places), Budget::new(usize::MAX));
        let bounds = Bounds { rows: 1, budget: &plenty };
        let taken = self.run(statement, &read.columns, &read.key, values, bounds).await?;
        let mut text = String::new();
        Ok(taken.last.map(|sent| {
            let has_text = key_of(taken.page.row(0), &read.key, Match::Exact, &mut text);
            Found { key: has_text.then(|| Key::from(text.as_str())), sent }
        }))
    }
}

/// The read of the key's columns and no others.
fn key_alone(read: &Read) -> Read {
    let columns = meeting(read);
    let key = read.key.iter().filter_map(|&at| columns.get(at).cloned());
    let columns: Vec<_> = key.collect();
    let key = (0..columns.len()).collect();
    Read { columns, key, uuids: Vec::new(), backward: false, ..read.clone() }
}
