//! A source that is no server: it makes its rows up, keeps the answer to each question, and gives a copy of it the next time.
//!
//! So what is measured above it is its caller's work, and the copy of a page. Answers only what a load asks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, bail};
use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};
use prejoin::row::{Column, Key, Kind, Page, TableInfo, Type};
use prejoin::source::{
    Answer, Budget, Counted, Fetched, From, KeyRange, Moment, PageSize, Read, Source, Survey,
};

use crate::orders::{ALL, Table};

/// The keys that a relation was asked for, and the rows that were given.
type Answered = (Vec<Key>, Page);

/// The tables of [`crate::orders`].
#[derive(Default)]
pub(crate) struct Held(Mutex<HashMap<String, Answered>>);

fn table(from: &From) -> Option<&'static Table> {
    let From::Table(name) = from else { return None };
    ALL.iter().find(|table| table.name == name)
}

/// The rows of these first columns of their keys, with the cells that `read` wants.
pub(crate) fn page<'k>(read: &Read, keys: impl IntoIterator<Item = &'k str>) -> Result<Page> {
    let Some(table) = table(&read.from) else { bail!("there is no such table") };
    let mut page = Page::new(read.columns.len());
    for key in keys {
        for row in (table.rows)(key.parse()?) {
            for column in &read.columns {
                let cells = table.columns.iter().zip(&row);
                let cell = cells.into_iter().find(|((name, _), _)| *name == column.name);
                match cell {
                    Some(((_, Type::Integer | Type::Decimal), text)) => {
                        page.push(Kind::Number, text)?;
                    }
                    Some((_, text)) => page.push(Kind::Text, text)?,
                    None => page.push_null(),
                }
            }
        }
    }
    Ok(page)
}

#[async_trait]
impl Source for Held {
    async fn describe(&self, from: &From) -> Result<Option<TableInfo>> {
        Ok(table(from).map(|table| {
            let columns = table
                .columns
                .iter()
                .map(|(name, ty)| Column::new((*name).to_owned(), *ty, ty.to_string(), false));
            let columns: Vec<_> = columns.collect();
            let primary_key: Vec<_> =
                columns.iter().take(table.key).map(|column| column.name.clone()).collect();
            let unique = vec![primary_key.clone()];
            TableInfo {
                columns,
                indexes: unique.clone(),
                unique,
                primary_key,
                ..TableInfo::default()
            }
        }))
    }

    async fn prepare(&self, _: &Read) -> Result<()> {
        Ok(())
    }

    fn scan(&self, _: Arc<Read>, _: KeyRange, _: PageSize) -> BoxStream<'static, Result<Page>> {
        stream::empty().boxed()
    }

    async fn step(&self, _: &Read, _: &KeyRange, _: usize) -> Result<Option<Key>> {
        Ok(None)
    }

    async fn moment(&self) -> Result<Moment> {
        bail!("a source that is no server has no clock")
    }

    async fn count_keyless(&self, _: &Read) -> Result<u64> {
        Ok(0)
    }

    async fn fetch_by_keys(&self, read: &Read, keys: &[Key], budget: &Budget) -> Result<Fetched> {
        let mut answered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let page = match answered.get(&read.path) {
            Some((asked, page)) if asked == keys => page.clone(),
            _ => {
                let page = page(read, keys.iter().map(Key::as_str))?;
                answered.insert(read.path.clone(), (keys.to_vec(), page.clone()));
                page
            }
        };
        let complete = budget.take(page.bytes());
        Ok(Fetched { answers: vec![Answer { page, keys: 0..keys.len() }], complete })
    }

    fn statement(&self, read: &Read) -> Result<String> {
        Ok(format!("the rows of {}", read.path))
    }
}

#[async_trait]
impl Survey for Held {
    async fn count(&self, _: &Read) -> Result<Counted> {
        bail!("not counted")
    }

    async fn fan_out(&self, _: &Read, _: usize) -> Result<u64> {
        bail!("not counted")
    }

    async fn unseen_transactions(&self) -> Result<Option<String>> {
        Ok(None)
    }
}
