//! The columns that a read will ask for, collected as they turn out to be needed.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;

use super::advice::Indexed;
use crate::config::{Server, SourceConfig};
use crate::row::{Column, TableInfo, Type};
use crate::source::{From, ReadColumn};

/// Columns of one table, and of the link table before it, without repetitions.
pub(super) struct ColumnSet<'a> {
    pub(super) info: &'a TableInfo,
    /// The link table, by its name, when it is known.
    pub(super) link: Option<(&'a str, &'a TableInfo)>,
    pub(super) from: From,
    /// The table in words, for messages.
    pub(super) table: String,
    /// The table's name, or the path of a relation that reads a query.
    pub(super) title: String,
    pub(super) source: &'a SourceConfig,
    zone: Option<TimeZone>,
    chosen: Vec<ReadColumn>,
    uuids: BTreeSet<usize>,
}

impl<'a> ColumnSet<'a> {
    pub(super) fn new(
        (from, path): (From, &str),
        source: &'a SourceConfig,
        info: &'a TableInfo,
    ) -> Self {
        let (table, title) = match &from {
            From::Table(table) => {
                (format!("table `{table}` of source `{}`", source.name), table.clone())
            }
            From::Query(_) => (format!("the query on source `{}`", source.name), path.to_owned()),
        };
        let zone = source.time_zone.clone();
        Self {
            info,
            link: None,
            from,
            table,
            title,
            source,
            zone,
            chosen: Vec::new(),
            uuids: BTreeSet::new(),
        }
    }

    /// Whether the table is in a SQLite file, where a declared type binds nobody.
    pub(super) fn in_sqlite(&self) -> bool {
        matches!(self.source.server, Server::Sqlite { .. })
    }

    /// The table, or the link table, in words.
    pub(super) fn named(&self, linked: bool) -> String {
        match self.link.filter(|_| linked) {
            Some((name, _)) => format!("link table `{name}` of source `{}`", self.source.name),
            None => self.table.clone(),
        }
    }

    /// The table, or the link table, as something to look in.
    pub(super) fn indexed(&self, linked: bool) -> Indexed<'_> {
        let server = &self.source.server;
        match (self.link.filter(|_| linked), &self.from) {
            (Some((table, info)), _) => Indexed { info, table: Some(table), server },
            (None, From::Table(table)) => Indexed { info: self.info, table: Some(table), server },
            (None, From::Query(_)) => Indexed { info: self.info, table: None, server },
        }
    }

    /// The index of a column of the table; `None` when there is none of that name.
    pub(super) fn need(&mut self, name: &str) -> Option<usize> {
        let column = self.info.column(name)?.clone();
        Some(self.choose(column, false))
    }

    /// The index of a column of the link table; `None` when there is none of that name.
    pub(super) fn need_linked(&mut self, name: &str) -> Option<usize> {
        let column = self.link?.1.column(name)?.clone();
        Some(self.choose(column, true))
    }

    fn choose(&mut self, column: Column, linked: bool) -> usize {
        let known = self
            .chosen
            .iter()
            .position(|chosen| chosen.name == column.name && chosen.linked == linked);
        known.unwrap_or_else(|| {
            let Column { name, ty, native, nullable, .. } = column;
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
        if self.get(index).is_some_and(|column| matches!(column.ty, Type::Binary | Type::Any)) {
            self.uuids.insert(index);
        }
    }

    /// The columns chosen, and those among them whose bytes are UUIDs.
    pub(super) fn into_columns(self) -> (Vec<ReadColumn>, Vec<usize>) {
        (self.chosen, self.uuids.into_iter().collect())
    }
}
