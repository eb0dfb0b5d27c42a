//! Stretches of a relation's rows, in the order of its key: how they are named, and how their ends are bound.
//!
//! Promises: an end is a key in its canonical text, which outlives the process that found it; it is bound as the value it
//! stands for or refused, never as another one. Never compares keys: what lies between two of them only the server knows.

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use super::ReadColumn;
use super::keys::{Lookup, Value};
use super::sql::{Dialect, End, Ends, Place, Side};
use crate::row::{Key, Match};

/// Keys from one on (inclusive) up to another (exclusive), in the server's own order; open where `None`.
///
/// Ranges that meet at one key have every row in exactly one of them, whether or not a row of that key is still there. An end
/// may be the first columns of a key alone: as `from`, it is before all keys that begin with it; as `until`, too.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyRange {
    /// The first key.
    pub from: Option<Key>,
    /// The key behind the last.
    pub until: Option<Key>,
}

/// What is left of a range, as values to be bound.
pub(super) struct Slice<P> {
    /// Whether it is read from its end to its beginning.
    backward: bool,
    from: Option<Vec<P>>,
    /// The key of the last row that was read.
    pub(super) after: Option<Vec<P>>,
    until: Option<Vec<P>>,
}

impl<P: From<Value>> Slice<P> {
    /// A whole range of the key made of these columns.
    ///
    /// # Errors
    /// When an end has no value that the column could hold.
    pub(super) fn of(dialect: Dialect, key: &[&ReadColumn], range: &KeyRange) -> Result<Self> {
        let bound = |end: &Option<Key>| {
            end.as_ref().map(|end| values(dialect, key, end)).transpose().context("a range's end")
        };
        let (from, until) = (bound(&range.from)?, bound(&range.until)?);
        Ok(Self { backward: false, from, after: None, until })
    }
}

impl<P> Slice<P> {
    /// The same, to be read from its end to its beginning, or not.
    pub(super) fn backward(self, backward: bool) -> Self {
        Self { backward, ..self }
    }

    /// Which ends it has.
    pub(super) fn ends(&self) -> Ends {
        let end = |values: &Option<Vec<P>>, side| {
            values.as_ref().map(|values| End { side, parts: values.len() })
        };
        let after = end(&self.after, Side::After);
        let (lower, upper) = if self.backward { (None, after) } else { (after, None) };
        Ends {
            lower: lower.or_else(|| end(&self.from, Side::From)),
            upper: upper.or_else(|| end(&self.until, Side::Until)),
        }
    }

    /// The values for these places of a statement.
    pub(super) fn values(&self, places: &[Place]) -> impl Iterator<Item = &P> {
        places.iter().filter_map(|place| {
            let side = match place.side {
                Side::From => &self.from,
                Side::After => &self.after,
                Side::Until => &self.until,
            };
            side.as_ref()?.get(place.part)
        })
    }
}

fn values<P: From<Value>>(dialect: Dialect, key: &[&ReadColumn], end: &Key) -> Result<Vec<P>> {
    let parts = end.parts(key.len());
    let (has, wanted) = (parts.len(), key.len());
    ensure!(has <= wanted, "it has {has} parts, and the key has {wanted} columns");
    let values = key.iter().zip(&parts).map(|(column, part)| {
        let value = Lookup::of(dialect, column, Match::Exact)?.given(part);
        value.map(P::from).with_context(|| {
            format!("column `{}` ({}) holds no such value", column.name, column.native)
        })
    });
    values.collect()
}
