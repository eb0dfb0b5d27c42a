//! Grouping fetched rows by the key they were asked for.

use std::sync::Arc;

use super::keys::Keys;
use super::picked::{RowAt, Span};
use crate::row::{Page, key_of};
use crate::source::{Answer, Read};

/// Rows that did not fall into place: worth a look, no reason to stop.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Odd {
    /// Rows that came back although none of the keys asked for is theirs (collations, padding).
    pub unclaimed: u64,
    /// Further rows for a key of a to-one relation; the first in key order was taken.
    pub ambiguous: u64,
}

/// Rows in groups, one group per key.
pub(super) struct Groups {
    pub(super) pages: Vec<Arc<Page>>,
    /// Group by group, each in the order in which its rows came.
    pub(super) at: Vec<RowAt>,
    /// For each key, where its group is.
    pub(super) spans: Vec<Span>,
}

/// Sorts the rows that came for the keys `asked` into their groups; `single` groups take one row. Where the server holds keys
/// equal that differ here, a row comes once for each of them: it counts where its own key was asked for, and nowhere else.
pub(super) fn group(
    answers: Vec<Answer>,
    asked: &Keys,
    read: &Read,
    single: bool,
) -> (Groups, Odd) {
    let mut groups = Groups {
        pages: Vec::with_capacity(answers.len()),
        at: Vec::new(),
        spans: vec![Span::default(); asked.len()],
    };
    let mut odd = Odd::default();
    // Rows with the place of their key, as they came.
    let mut claimed = Vec::with_capacity(answers.iter().map(|answer| answer.page.len()).sum());
    let (mut text, mut near) = (String::new(), 0);
    for Answer { page, keys } in answers {
        let number = u32::try_from(groups.pages.len()).unwrap_or(u32::MAX);
        for (row, at) in (0..page.len()).zip(0..) {
            let is_key = key_of(page.row(row), &read.by, read.matching, &mut text);
            let Some(place) = is_key.then(|| asked.find(&text, near)).flatten() else {
                odd.unclaimed += 1;
                continue;
            };
            near = place;
            if !keys.contains(&(place as usize)) {
                continue;
            }
            let Some(span) = groups.spans.get_mut(place as usize) else { continue };
            if single && span.len > 0 {
                odd.ambiguous += 1;
                continue;
            }
            span.len += 1;
            claimed.push((place, RowAt { page: number, row: at }));
        }
        groups.pages.push(Arc::new(page));
    }
    groups.settle(claimed);
    (groups, odd)
}

impl std::ops::AddAssign for Odd {
    fn add_assign(&mut self, other: Self) {
        self.unclaimed += other.unclaimed;
        self.ambiguous += other.ambiguous;
    }
}

impl Groups {
    /// Puts rows into the groups whose lengths are known, keeping their order (a counting sort).
    fn settle(&mut self, claimed: Vec<(u32, RowAt)>) {
        let mut start = 0;
        for span in &mut self.spans {
            span.start = start;
            start += span.len;
        }
        if claimed.is_sorted_by_key(|(place, _)| *place) {
            self.at = claimed.into_iter().map(|(_, at)| at).collect();
            return;
        }
        self.at = vec![RowAt { page: 0, row: 0 }; claimed.len()];
        let mut next: Vec<usize> = self.spans.iter().map(|span| span.start).collect();
        for (place, at) in claimed {
            let Some(next) = next.get_mut(place as usize) else { continue };
            if let Some(slot) = self.at.get_mut(*next) {
                *slot = at;
            }
            *next += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hydrate::picked::{Picked, Rows};
    use crate::row::{Key, Kind};
    use crate::source::From;

    fn read() -> Read {
        let from = From::Table("things".to_owned());
        Read { by: vec![0], ..Read::all("things", from, Vec::new(), vec![0]) }
    }

    fn answer(texts: &[&str], keys: std::ops::Range<usize>) -> Answer {
        let mut page = Page::new(1);
        for text in texts {
            page.push(Kind::Text, text).unwrap();
        }
        Answer { page, keys }
    }

    fn grouped(answers: Vec<Answer>, keys: &[&str], single: bool) -> (Vec<String>, Odd) {
        let keys = Keys::of(keys.iter().map(|key| Key::from(*key)).collect());
        let (groups, odd) = group(answers, &keys, &read(), single);
        let rows = Rows(Picked { pages: groups.pages, at: groups.at });
        let texts = |span: Span| {
            let rows = span.range().filter_map(|at| rows.get(at));
            rows.map(|row| row.cell(0).text.to_owned()).collect::<Vec<_>>().join(" ")
        };
        (groups.spans.into_iter().map(texts).collect(), odd)
    }

    /// A server that ignores case answers both keys with the rows of both.
    #[test]
    fn a_row_that_comes_for_two_keys_belongs_to_its_own() {
        let answers =
            vec![answer(&["ab", "AB", "ab", "Ab"], 0..2), answer(&["ab", "AB", "ab", "Ab"], 2..3)];
        let (groups, odd) = grouped(answers, &["ab", "x", "AB"], false);
        assert_eq!(odd, Odd { unclaimed: 2, ambiguous: 0 });
        assert_eq!(groups, ["ab ab", "", "AB"]);
    }

    #[test]
    fn a_single_group_takes_the_first() {
        let (groups, odd) = grouped(vec![answer(&["x", "a", "x"], 0..2)], &["a", "x"], true);
        assert_eq!(odd, Odd { unclaimed: 0, ambiguous: 1 });
        assert_eq!(groups, ["a", "x"]);
    }

    #[test]
    fn rows_of_a_key_stay_in_their_order_wherever_they_come() {
        let mut page = Page::new(2);
        for (key, number) in [("b", "1"), ("a", "2"), ("b", "3"), ("c", "4"), ("a", "5")] {
            page.push(Kind::Text, key).unwrap();
            page.push(Kind::Number, number).unwrap();
        }
        let keys = Keys::of(["a", "b", "c"].map(Key::from).to_vec());
        let (groups, _) = group(vec![Answer { page, keys: 0..3 }], &keys, &read(), false);
        let rows = Rows(Picked { pages: groups.pages, at: groups.at });
        let numbers: Vec<&str> = rows.iter().map(|row| row.cell(1).text).collect();
        assert_eq!(numbers, ["2", "5", "1", "3", "4"]);
    }
}
