//! Tables in memory, for unit tests of what stands behind the sources. Keys are in the order of their text.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result};
use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};
use jiff::Timestamp;

use super::{
    Answer, Budget, Counted, Counting, Fetched, From, KeyRange, Moment, PageSize, Read, Source,
    Survey,
};
use crate::row::{Column, Key, Kind, Match, Page, TableInfo, Type, key_of};

/// Named tables whose values are given as text.
#[derive(Default)]
pub(crate) struct Memory {
    tables: BTreeMap<String, Table>,
    /// Keys asked for, call by call, as `path: keys`.
    pub(crate) asked: Mutex<Vec<String>>,
}

struct Table {
    info: TableInfo,
    rows: Vec<Vec<Option<String>>>,
}

impl Memory {
    /// Adds a table: `columns` as `id int, name text`, the first one its primary key; `rows` one a line, cells split by
    /// `|`, `-` for NULL.
    pub(crate) fn table(mut self, name: &str, columns: &str, rows: &str) -> Self {
        let info = table_info(columns);
        let cell = |text: &str| (text.trim() != "-").then(|| text.trim().to_owned());
        let lines = rows.lines().filter(|line| !line.trim().is_empty());
        let rows = lines.map(|line| line.split('|').map(cell).collect()).collect();
        self.tables.insert(name.to_owned(), Table { info, rows });
        self
    }

    fn rows(&self, read: &Read, wanted: impl Fn(&Page, usize) -> bool) -> Result<Page> {
        let From::Table(name) = &read.from else { anyhow::bail!("tables only") };
        let table = self.tables.get(name).context("no such table")?;
        let place = |name: &str| table.info.columns.iter().position(|column| column.name == name);
        let places: Vec<_> = read.columns.iter().map(|column| place(&column.name)).collect();
        let mut page = Page::new(places.len());
        for row in &table.rows {
            for (place, column) in places.iter().zip(&read.columns) {
                match place.and_then(|place| row.get(place)?.as_deref()) {
                    None => page.push_null(),
                    Some(text) if column.ty == Type::Integer => page.push(Kind::Number, text)?,
                    Some(text) => page.push(Kind::Text, text)?,
                }
            }
            if !wanted(&page, page.len() - 1) {
                page.truncate(page.len() - 1);
            }
        }
        Ok(page)
    }

    /// The keys of a range, in their order, each with its row.
    fn within(&self, read: &Read, range: &KeyRange) -> Result<(Page, Vec<(Key, usize)>)> {
        let page = self.rows(read, |_, _| true)?;
        let keys = (0..page.len()).filter_map(|row| Some((key(read, &page, row)?, row)));
        let mut keys: Vec<_> = keys
            .filter(|(key, _)| range.from.as_ref().is_none_or(|from| key >= from))
            .filter(|(key, _)| range.until.as_ref().is_none_or(|until| key < until))
            .collect();
        keys.sort_unstable();
        if read.backward {
            keys.reverse();
        }
        Ok((page, keys))
    }

    fn sorted(&self, read: &Read, range: &KeyRange) -> Result<Page> {
        let (page, keys) = self.within(read, range)?;
        let mut sorted = Page::new(read.columns.len());
        for (_, row) in keys {
            for column in 0..read.columns.len() {
                match page.cell(row, column) {
                    cell if cell.is_null() => sorted.push_null(),
                    cell => sorted.push(cell.kind, cell.text)?,
                }
            }
        }
        Ok(sorted)
    }
}

fn key(read: &Read, page: &Page, row: usize) -> Option<Key> {
    let mut text = String::new();
    key_of(page.row(row), &read.key, Match::Exact, &mut text).then(|| Key::from(text.as_str()))
}

/// A table of columns `name type, …`; the first one is its primary key.
pub(crate) fn table_info(columns: &str) -> TableInfo {
    let columns: Vec<Column> = columns
        .split(',')
        .filter_map(|column| {
            let (name, native) = column.trim().split_once(' ')?;
            let ty = match native {
                "int" => Type::Integer,
                "decimal" => Type::Decimal,
                "uuid" => Type::Uuid,
                "datetime" => Type::Timestamp,
                _ => Type::Text,
            };
            Some(Column::new(name.to_owned(), ty, native.to_owned(), true))
        })
        .collect();
    let primary_key = columns.first().map(|column| column.name.clone()).into_iter().collect();
    TableInfo { columns, primary_key, ..TableInfo::default() }
}

#[async_trait]
impl Survey for Memory {
    async fn count(&self, read: &Read) -> Result<Counted> {
        let rows = self.rows(read, |_, _| true)?.len() as u64;
        Ok(Counted { rows, by: Counting::Counted })
    }

    async fn fan_out(&self, _: &Read, _: usize) -> Result<u64> {
        Ok(0)
    }

    async fn unseen_transactions(&self) -> Result<Option<String>> {
        Ok(None)
    }
}

#[async_trait]
impl Source for Memory {
    async fn describe(&self, from: &From) -> Result<Option<TableInfo>> {
        let From::Table(name) = from else { return Ok(None) };
        Ok(self.tables.get(name).map(|table| table.info.clone()))
    }

    async fn prepare(&self, _: &Read) -> Result<()> {
        Ok(())
    }

    fn scan(
        &self,
        read: Arc<Read>,
        range: KeyRange,
        _: PageSize,
    ) -> BoxStream<'static, Result<Page>> {
        stream::iter([self.sorted(&read, &range)]).boxed()
    }

    async fn step(&self, read: &Read, range: &KeyRange, rows: usize) -> Result<Option<Key>> {
        Ok(self.within(read, range)?.1.into_iter().nth(rows).map(|(key, _)| key))
    }

    async fn moment(&self) -> Result<Moment> {
        Ok(Moment { now: Timestamp::now(), oldest: None, is_prepared: false })
    }

    async fn count_keyless(&self, _: &Read) -> Result<u64> {
        Ok(0)
    }

    async fn fetch_by_keys(&self, read: &Read, keys: &[Key], budget: &Budget) -> Result<Fetched> {
        let mut texts: Vec<&str> = keys.iter().map(Key::as_str).collect();
        texts.sort_unstable();
        let asked = format!("{}: {}", read.path, texts.join(" "));
        self.asked.lock().expect("not poisoned").push(asked);
        let wanted: HashSet<&str> = texts.into_iter().collect();
        let page = self.rows(read, |page, row| {
            let mut key = String::new();
            // As a case-insensitive server would: more comes back than was asked for.
            let matching =
                if read.matching == Match::Exact { Match::Nocase } else { read.matching };
            key_of(page.row(row), &read.by, matching, &mut key)
                && wanted.iter().any(|wanted| wanted.to_lowercase() == key)
        })?;
        let complete = budget.take(page.bytes());
        Ok(Fetched { answers: vec![Answer { page, keys: 0..keys.len() }], complete })
    }

    fn statement(&self, read: &Read) -> Result<String> {
        Ok(format!("the rows of {}", read.path))
    }
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt;

    use super::*;
    use crate::source::ReadColumn;

    #[tokio::test]
    async fn ranges_hold_every_row_once() {
        let rows: String = (0..10).rev().map(|row| format!("k{row} | v{row}\n")).collect();
        let memory = Memory::default().table("things", "id text, name text", &rows);
        let columns = ["name", "id"].map(|name| ReadColumn::new(name, Type::Text, "text"));
        let from = From::Table("things".to_owned());
        let read = Arc::new(Read::all("things", from, columns.to_vec(), vec![1]));
        let (mut left, mut seen) = (KeyRange::default(), Vec::new());
        loop {
            let next = memory.step(&read, &left, 4).await.unwrap();
            let range = KeyRange { until: next.clone(), ..left };
            let size = PageSize { rows: 1, bytes: 1 };
            let pages: Vec<Page> =
                memory.scan(Arc::clone(&read), range, size).try_collect().await.unwrap();
            let cells = |page: &Page| -> Vec<String> {
                (0..page.len()).map(|row| page.cell(row, 0).text.to_owned()).collect()
            };
            seen.push(pages.iter().flat_map(cells).collect::<Vec<_>>().join(" "));
            let Some(key) = next else { break };
            left = KeyRange { from: Some(key), until: None };
        }
        assert_eq!(seen, ["v0 v1 v2 v3", "v4 v5 v6 v7", "v8 v9"]);
    }
}
