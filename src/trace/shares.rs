//! What a relation whose rows do not tell when they changed looked like: digests of its rows, each share of the keys on its own.
//!
//! Promises: a row that came, went or changed changes the digest of its share, whatever the order in which rows are read. Of a
//! small relation nearly each row has a share of its own; of a large one, a change leads to all rows of its share. Never
//! holds a row.

use std::hash::Hasher as _;

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use crate::plan::{Node, Watch};
use crate::row::{Kind, Match, Page, RowRef, key_of};
use crate::source::Read;

/// Shares of a relation's keys.
const SHARES: u64 = 256;
/// Digits of one digest, as it is written down.
const DIGITS: usize = 16;

/// The digests of a relation's shares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Shares(Vec<u64>);

impl Shares {
    /// Of a relation without rows.
    pub(super) fn none() -> Self {
        Self((0..SHARES).map(|_| 0).collect())
    }

    /// Adds rows, whose key is made of these columns.
    pub(super) fn add(&mut self, page: &Page, key: &[usize], width: usize) {
        let mut text = String::new();
        for row in (0..page.len()).map(|row| page.row(row)) {
            let (share, digest) = (share(row, key, &mut text), digest(row, width));
            if let Some(sum) = share.and_then(|share| self.0.get_mut(share)) {
                // In whatever order they come.
                *sum = sum.wrapping_add(digest);
            }
        }
    }

    /// The same, but for the shares that are others `now`, of which nothing is known any more: what is written meanwhile may be of
    /// rows that are soon as they were.
    #[must_use]
    pub fn doubted(&self, now: &Self) -> Self {
        let doubt = |(before, now): (&u64, &u64)| match before == now {
            true => *before,
            // No rows have this digest.
            false => xxh3_64(&[before.to_be_bytes(), now.to_be_bytes()].concat()),
        };
        Self(self.0.iter().zip(&now.0).map(doubt).collect())
    }

    /// Whether rows of this one's share are others than `before`; all are where nothing is known.
    pub(super) fn differ(&self, before: Option<&Self>, row: RowRef<'_>, key: &[usize]) -> bool {
        let mut text = String::new();
        let Some(share) = share(row, key, &mut text) else { return false };
        before.is_none_or(|before| before.0.get(share) != self.0.get(share))
    }
}

/// The share of a row; `None` for one whose key has no text.
fn share(row: RowRef<'_>, key: &[usize], text: &mut String) -> Option<usize> {
    let share = key_of(row, key, Match::Exact, text).then(|| xxh3_64(text.as_bytes()) % SHARES)?;
    usize::try_from(share).ok()
}

fn digest(row: RowRef<'_>, width: usize) -> u64 {
    let mut digest = Xxh3::new();
    for cell in (0..width).map(|column| row.cell(column)) {
        let length = if cell.kind == Kind::Null { u64::MAX } else { cell.text.len() as u64 };
        digest.write_u64(length);
        digest.write(cell.text.as_bytes());
    }
    digest.finish()
}

/// What of a relation is digested: all cells that documents need, of the rows that belong to them. Keys read as `watch` has them.
pub(super) fn digested(node: &Node, watch: &Watch) -> Read {
    let read = &node.read;
    let own = |at: &usize| read.columns.get(*at).is_some_and(|column| !column.linked);
    let kept: Vec<usize> = (0..read.columns.len()).filter(own).collect();
    let columns: Vec<_> = kept.iter().filter_map(|&at| read.columns.get(at)).cloned().collect();
    let place = |at: &usize| kept.iter().position(|kept| kept == at);
    let is_uuid = |name: &str| {
        let mut uuids = watch.rows.uuids.iter().filter_map(|&at| watch.rows.columns.get(at));
        uuids.any(|uuid| uuid.name == name)
    };
    let uuids = columns.iter().enumerate().filter(|(_, column)| is_uuid(&column.name));
    Read {
        key: read.key.iter().filter_map(place).collect(),
        by: Vec::new(),
        uuids: uuids.map(|(at, _)| at).collect(),
        matching: Match::Exact,
        order: Vec::new(),
        link: None,
        columns,
        ..(**read).clone()
    }
}

impl From<Shares> for String {
    fn from(shares: Shares) -> Self {
        shares.0.iter().map(|digest| format!("{digest:0DIGITS$x}")).collect()
    }
}

impl TryFrom<String> for Shares {
    type Error = anyhow::Error;

    fn try_from(text: String) -> Result<Self> {
        let right = text.is_ascii() && text.len() as u64 == SHARES * DIGITS as u64;
        ensure!(right, "digests of a relation are not of this form");
        let digests = (0..text.len()).step_by(DIGITS).filter_map(|at| text.get(at..at + DIGITS));
        let digests = digests.map(|digits| u64::from_str_radix(digits, 16));
        Ok(Self(digests.collect::<Result<_, _>>()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(rows: &[[Option<&str>; 3]]) -> Page {
        let mut page = Page::new(3);
        for cell in rows.iter().flatten() {
            match cell {
                Some(text) => page.push(Kind::Text, text).unwrap(),
                None => page.push_null(),
            }
        }
        page
    }

    fn shares(rows: &[[Option<&str>; 3]]) -> Shares {
        let mut shares = Shares::none();
        rows.iter().for_each(|row| shares.add(&page(&[*row]), &[0], 3));
        shares
    }

    const ROWS: [[Option<&str>; 3]; 3] =
        [[Some("1"), Some("a"), None], [Some("2"), Some(""), Some("b")], [Some("3"), None, None]];

    #[test]
    fn every_change_is_in_its_share() {
        let before = shares(&ROWS);
        let [one, two, three] = ROWS;
        assert_eq!(shares(&[three, one, two]), before);
        assert_eq!(Shares::try_from(String::from(before.clone())).unwrap(), before);
        for changed in [
            vec![one, two],
            vec![one, two, [Some("3"), Some(""), None]],
            vec![one, two, [Some("3"), None, Some("")]],
            vec![one, two, three, [Some("4"), None, None]],
            vec![[Some("1"), Some(""), Some("a")], two, three],
        ] {
            let after = shares(&changed);
            let all = page(&ROWS);
            let differ = (0..3).filter(|row| after.differ(Some(&before), all.row(*row), &[0]));
            assert!(after != before && differ.count() <= 1, "{changed:?}");
            let doubted = before.doubted(&after);
            let same =
                |other: &Shares| doubted.0.iter().zip(&other.0).filter(|(a, b)| a == b).count();
            assert!(doubted != before && doubted != after && same(&before) == same(&after));
            assert_eq!(before.doubted(&before), before);
        }
        let all = page(&ROWS);
        assert!((0..3).all(|row| before.differ(None, all.row(row), &[0])));
        assert!(!(0..3).any(|row| before.differ(Some(&before), all.row(row), &[0])));
    }

    #[test]
    fn what_was_written_otherwise_is_refused() {
        for text in [String::new(), "x".repeat(4_096), "é".repeat(2_048), "0".repeat(4_095)] {
            assert!(Shares::try_from(text).is_err());
        }
    }
}
