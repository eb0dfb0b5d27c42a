//! Grouping fetched rows by the key they were asked for.

use std::collections::HashMap;
use std::sync::Arc;

use super::cache::{Cache, Kept};
use crate::row::{Key, Page, RowRef, key_of};
use crate::source::{Answer, Read};

/// Rows in some order, wherever their pages are.
#[derive(Debug, Default)]
pub struct Rows {
    pages: Vec<Arc<Page>>,
    at: Vec<RowAt>,
}

#[derive(Debug, Clone, Copy)]
struct RowAt {
    page: u32,
    row: u32,
}

/// Neighbouring rows: the first, and how many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    /// Index of the first row.
    pub start: usize,
    /// Number of rows.
    pub len: usize,
}

impl Rows {
    /// All rows of a page, in its order.
    pub(super) fn of_page(page: Arc<Page>) -> Self {
        let count = u32::try_from(page.len()).unwrap_or(u32::MAX);
        let at = (0..count).map(|row| RowAt { page: 0, row }).collect();
        Self { pages: vec![page], at }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.at.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.at.is_empty()
    }

    /// One row; `None` past the end.
    pub fn get(&self, index: usize) -> Option<RowRef<'_>> {
        let at = self.at.get(index)?;
        self.pages.get(at.page as usize).map(|page| page.row(at.row as usize))
    }

    /// All rows in order.
    pub fn iter(&self) -> impl Iterator<Item = RowRef<'_>> {
        (0..self.len()).filter_map(|index| self.get(index))
    }
}

/// Rows that did not fall into place: worth a look, no reason to stop.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Odd {
    /// Rows that came back although none of the keys asked for is theirs (collations, padding).
    pub unclaimed: u64,
    /// Further rows for a key of a to-one relation; the first in key order was taken.
    pub ambiguous: u64,
}

/// Rows on their way into groups, one group per key.
pub(super) struct Grouping<'k> {
    keys: &'k [Key],
    pages: Vec<Arc<Page>>,
    groups: Vec<Vec<RowAt>>,
}

impl<'k> Grouping<'k> {
    pub(super) fn new(keys: &'k [Key]) -> Self {
        Self { keys, pages: Vec::new(), groups: vec![Vec::new(); keys.len()] }
    }

    /// Sorts the rows that came for the keys `asked`, a part of all keys in the same order, into their groups; `single`
    /// groups take one row. Where the server holds keys equal that differ here, a row comes once for each of them: it
    /// counts where its own key was asked for, and nowhere else.
    pub(super) fn add(
        &mut self,
        answers: Vec<Answer>,
        asked: &[Key],
        (read, single): (&Read, bool),
    ) -> Odd {
        let index = self.index(asked);
        let mut odd = Odd::default();
        let mut key = String::new();
        for Answer { page, keys } in answers {
            let number = u32::try_from(self.pages.len()).unwrap_or(u32::MAX);
            for row in 0..page.len() {
                let claimed = key_of(page.row(row), &read.by, read.matching, &mut key)
                    .then(|| index.get(key.as_str()))
                    .flatten();
                let Some(&(group, place)) = claimed else {
                    odd.unclaimed += 1;
                    continue;
                };
                if !place.is_some_and(|place| keys.contains(&place)) {
                    continue;
                }
                let Some(group) = self.groups.get_mut(group) else { continue };
                if single && !group.is_empty() {
                    odd.ambiguous += 1;
                    continue;
                }
                group.push(RowAt { page: number, row: u32::try_from(row).unwrap_or(u32::MAX) });
            }
            self.pages.push(Arc::new(page));
        }
        odd
    }

    /// For each key its group, and its place among those asked for.
    fn index(&self, asked: &[Key]) -> HashMap<&'k str, (usize, Option<usize>)> {
        let mut asked = asked.iter().enumerate().peekable();
        let keys = self.keys.iter().enumerate();
        keys.map(|(group, key)| {
            let place = asked.next_if(|(_, next)| *next == key).map(|(place, _)| place);
            (key.as_str(), (group, place))
        })
        .collect()
    }

    /// Takes from the cache what was not asked for, and gives it what was.
    pub(super) fn exchange(&mut self, cache: &Cache, asked: &[Key]) {
        let asked: std::collections::HashSet<&Key> = asked.iter().collect();
        let mut page_numbers: HashMap<*const Page, u32> = HashMap::new();
        for (key, group) in self.keys.iter().zip(&mut self.groups) {
            if asked.contains(key) {
                let row = group.first().and_then(|at| {
                    let page = self.pages.get(at.page as usize)?;
                    Some(Kept { page: Arc::clone(page), row: at.row })
                });
                cache.keep(key, row);
                continue;
            }
            let Some(Some(kept)) = cache.get(key) else { continue };
            let pages = &mut self.pages;
            let number = *page_numbers.entry(Arc::as_ptr(&kept.page)).or_insert_with(|| {
                pages.push(Arc::clone(&kept.page));
                u32::try_from(pages.len() - 1).unwrap_or(u32::MAX)
            });
            group.push(RowAt { page: number, row: kept.row });
        }
    }

    /// The rows, group by group, and where each group lies.
    pub(super) fn finish(self) -> (Rows, Vec<Span>) {
        let mut rows = Rows { pages: self.pages, at: Vec::new() };
        let spans = self.groups.into_iter().map(|group| {
            let span = Span { start: rows.at.len(), len: group.len() };
            rows.at.extend(group);
            span
        });
        let spans = spans.collect();
        (rows, spans)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::{Kind, Match};
    use crate::source::From;

    fn read() -> Read {
        Read {
            path: "things".to_owned(),
            from: From::Table("things".to_owned()),
            columns: Vec::new(),
            key: vec![0],
            by: vec![0],
            uuids: Vec::new(),
            matching: Match::Exact,
            condition: None,
            absent: None,
            order: Vec::new(),
            link: None,
        }
    }

    fn answer(texts: &[&str], keys: std::ops::Range<usize>) -> Answer {
        let mut page = Page::new(1);
        for text in texts {
            page.push(Kind::Text, text).unwrap();
        }
        Answer { page, keys }
    }

    fn grouped(grouping: Grouping<'_>) -> Vec<String> {
        let (rows, spans) = grouping.finish();
        let texts = |span: Span| {
            let rows = (span.start..span.start + span.len).filter_map(|at| rows.get(at));
            rows.map(|row| row.cell(0).text.to_owned()).collect::<Vec<_>>().join(" ")
        };
        spans.into_iter().map(texts).collect()
    }

    /// A server that ignores case answers both keys with the rows of both.
    #[test]
    fn a_row_that_comes_for_two_keys_belongs_to_its_own() {
        let keys = ["ab", "x", "AB"].map(Key::from);
        let mut grouping = Grouping::new(&keys);
        let answers =
            vec![answer(&["ab", "AB", "ab", "Ab"], 0..2), answer(&["ab", "AB", "ab", "Ab"], 2..3)];
        let odd = grouping.add(answers, &keys, (&read(), false));
        assert_eq!(odd, Odd { unclaimed: 2, ambiguous: 0 });
        assert_eq!(grouped(grouping), ["ab ab", "", "AB"]);
    }

    #[test]
    fn keys_that_were_not_asked_for_take_nothing() {
        let keys = ["ab", "AB", "x"].map(Key::from);
        let mut grouping = Grouping::new(&keys);
        let answers = vec![answer(&["ab", "AB"], 0..2)];
        let odd = grouping.add(answers, &keys[1..], (&read(), true));
        assert_eq!(odd, Odd::default());
        assert_eq!(grouped(grouping), ["", "AB", ""]);
    }
}
