//! The columns that a read will ask for, collected as they turn out to be needed.

use jiff::tz::TimeZone;

use crate::row::{Column, TableInfo};
use crate::source::ReadColumn;

/// Columns of one table, and of the link table before it, without repetitions.
pub(super) struct ColumnSet<'a> {
    pub(super) info: &'a TableInfo,
    pub(super) link: Option<&'a TableInfo>,
    pub(super) table: String,
    zone: Option<TimeZone>,
    chosen: Vec<ReadColumn>,
}

impl<'a> ColumnSet<'a> {
    pub(super) fn new(table: &str, info: &'a TableInfo, zone: Option<TimeZone>) -> Self {
        Self { info, link: None, table: table.to_owned(), zone, chosen: Vec::new() }
    }

    /// The index of a column of the table; `None` when there is none of that name.
    pub(super) fn need(&mut self, name: &str) -> Option<usize> {
        let column = self.info.column(name)?.clone();
        Some(self.choose(column, false))
    }

    /// The index of a column of the link table; `None` when there is none of that name.
    pub(super) fn need_linked(&mut self, name: &str) -> Option<usize> {
        let column = self.link?.column(name)?.clone();
        Some(self.choose(column, true))
    }

    fn choose(&mut self, column: Column, linked: bool) -> usize {
        let known = self
            .chosen
            .iter()
            .position(|chosen| chosen.name == column.name && chosen.linked == linked);
        known.unwrap_or_else(|| {
            let Column { name, ty, native, nullable } = column;
            let zone = self.zone.clone();
            self.chosen.push(ReadColumn { name, ty, native, zone, linked, nullable });
            self.chosen.len() - 1
        })
    }

    pub(super) fn get(&self, index: usize) -> Option<&ReadColumn> {
        self.chosen.get(index)
    }

    pub(super) fn zone(&self) -> Option<&TimeZone> {
        self.zone.as_ref()
    }

    pub(super) fn into_columns(self) -> Vec<ReadColumn> {
        self.chosen
    }
}
