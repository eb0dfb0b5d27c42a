//! The columns that a read will ask for, collected as they turn out to be needed.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;

use crate::config::{Server, SourceConfig};
use crate::row::{Column, TableInfo, Type};
use crate::source::{From, ReadColumn};

/// Columns of one table, and of the link table before it, without repetitions.
pub(super) struct ColumnSet<'a> {
    pub(super) info: &'a TableInfo,
    pub(super) link: Option<&'a TableInfo>,
    pub(super) from: From,
    /// The table in words, for messages.
    pub(super) table: String,
    /// Whether the table is in a SQLite file.
    pub(super) in_sqlite: bool,
    zone: Option<TimeZone>,
    chosen: Vec<ReadColumn>,
    uuids: BTreeSet<usize>,
}

impl<'a> ColumnSet<'a> {
    pub(super) fn new(from: From, source: &SourceConfig, info: &'a TableInfo) -> Self {
        let table = match &from {
            From::Table(table) => format!("table `{table}` of source `{}`", source.name),
            From::Query(_) => format!("the query on source `{}`", source.name),
        };
        let zone = source.time_zone.clone();
        let in_sqlite = matches!(source.server, Server::Sqlite { .. });
        Self {
            info,
            link: None,
            from,
            table,
            in_sqlite,
            zone,
            chosen: Vec::new(),
            uuids: BTreeSet::new(),
        }
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

    /// Says that a column's values meet UUIDs of another service.
    pub(super) fn meets_uuids(&mut self, index: usize) {
        if self.get(index).is_some_and(|column| column.ty == Type::Binary) {
            self.uuids.insert(index);
        }
    }

    /// The columns chosen, and those among them whose bytes are UUIDs.
    pub(super) fn into_columns(self) -> (Vec<ReadColumn>, Vec<usize>) {
        (self.chosen, self.uuids.into_iter().collect())
    }
}
