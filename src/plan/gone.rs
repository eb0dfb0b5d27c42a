//! Tables of deleted rows: what is read of those that are there, and which are still to be made.
//!
//! Promises: keys that such a table tells in another type than their own are brought to the form of their own. Pure.

use indexmap::IndexMap;

use super::called::named_after;
use super::columns::ColumnSet;
use super::live::Trouble;
use super::pairs;
use super::watch::{Columns, Gone, Table};
use super::{Planner, Tomb};
use crate::config::{Server, SourceConfig};
use crate::finding::{Code, Finding, did_you_mean};
use crate::job::{At, ChangedColumn, Tombstones};
use crate::row::{Match, TableInfo, Type};
use crate::source::{From, Read};

/// When the rows were deleted, where a job does not say which column tells.
const GONE_AT: &str = "gone_at";
/// How to make one.
const MAKE: &str = "`prejoin check --tombstone-sql` prints how to make it";

impl Table<'_> {
    /// Columns by which a deleted row is told: its key; of a link, what led up from it.
    fn told_by(&self) -> &[String] {
        if self.linked { &self.up } else { &self.key }
    }
}

impl<'a> Planner<'a> {
    /// What is read of a table of deleted rows: their keys, in the order of their deletion.
    pub(super) fn gone(
        &mut self,
        table: &Table<'_>,
        gone: &At<Tombstones>,
        (rows, info, set): (&Read, &TableInfo, &ColumnSet<'a>),
    ) -> Option<Gone> {
        let place = gone.place();
        let told = self.tombstones(set.source, gone)?;
        let own = table.told_by();
        if let Some(odd) = gone.key.keys().find(|name| !own.contains(name)) {
            let what = format!("`key` names `{odd}`, which is no column of the key");
            let hint = did_you_mean(odd, own.iter().map(String::as_str));
            self.report(Finding::error(what).code(Code::TombstoneForm).hint(hint), place);
            return None;
        }
        let names: Vec<String> =
            own.iter().map(|name| gone.key.get(name).unwrap_or(name).clone()).collect();
        let at = at(gone);
        let wanted: Vec<&str> =
            names.iter().map(String::as_str).chain([at.column.as_str()]).collect();
        if !self.has_form((set.source, gone), told, &wanted) {
            return None;
        }
        self.advise_gone_index((set.source, told), (&gone.table, &at.column), place);
        let mut columns = Columns { info: told, zone: set.zone(), chosen: Vec::new() };
        let key = columns.all(&names)?;
        let by = columns.all(&told.primary_key)?;
        let (mut forms, mut uuids) = (Vec::new(), Vec::new());
        for (name, &at) in own.iter().zip(&key) {
            let (own, told) = (info.column(name)?, told.column(&columns.chosen.get(at)?.name)?);
            let place_of = rows.columns.iter().position(|column| column.name == *name);
            let is_uuid =
                own.ty == Type::Uuid || place_of.is_some_and(|at| rows.uuids.contains(&at));
            let form = form(own.ty, is_uuid, told.ty);
            if is_uuid && matches!(told.ty, Type::Binary | Type::Any) {
                uuids.push(at);
            }
            // Bytes that are read as UUIDs are no others than UUIDs.
            let matching = if is_uuid { Match::Uuid } else { form };
            let misfit = pairs::types(own, told, matching);
            if let Some(misfit) = misfit.and_then(|_| pairs::types(own, told, Match::Exact)) {
                let hint = "tell keys in a column of their own type, or as docs/types.md shows it";
                self.advise(misfit.hint(hint), place);
            }
            forms.push((at, form));
        }
        let from = From::Table(gone.table.clone());
        let read = Read::all(&format!("{} (deleted)", rows.path), from, columns.chosen, by);
        let read = Read { uuids, condition: gone.condition.clone(), ..read };
        let told = self.mark(&read, (&at, place), (told, set))?;
        Some(Gone { told, key: forms, keep: gone.keep })
    }

    /// Whether a table has what is read of a table of deleted rows; what it lacks is reported.
    fn has_form(
        &mut self,
        (source, gone): (&SourceConfig, &At<Tombstones>),
        told: &TableInfo,
        wanted: &[&str],
    ) -> bool {
        let lacks: Vec<String> = wanted
            .iter()
            .filter(|name| told.column(name).is_none())
            .map(|name| format!("`{name}`"))
            .collect();
        for column in wanted.iter().filter_map(|name| told.column(name)) {
            self.note((&source.name, &gone.table), column);
        }
        let table = format!("table `{}` of source `{}`", gone.table, source.name);
        let finding = match (lacks.as_slice(), &told.grant) {
            ([], _) if !told.primary_key.is_empty() => return true,
            ([], _) => {
                let finding = Finding::error(format!("{table} lacks a primary key"));
                finding.code(Code::TombstoneForm).hint("its rows are read page by page, in an order of their own")
            }
            // Some servers do not show what may not be read.
            (lacks, Some(grant)) => {
                let lacks = lacks.join(", ");
                let what = format!("{table} lacks {lacks}, or the account may not read it");
                Finding::error(what).code(Code::MissingGrant).hint(grant)
            }
            (lacks, None) => Finding::error(format!("{table} lacks {}", lacks.join(", ")))
                .code(Code::TombstoneForm)
                .hint("it holds the keys of deleted rows, when they went, and a key of its own: columns of other names are told by `at:` and `key:`"),
        };
        self.report(finding, gone.place());
        false
    }

    /// The table of deleted rows as it is; that it is missing is reported.
    pub(super) fn tombstones(
        &mut self,
        source: &SourceConfig,
        gone: &At<Tombstones>,
    ) -> Option<&'a TableInfo> {
        let (table, place) = (gone.table.as_str(), gone.place());
        if !self.is_missing(source, gone) {
            let info = self.info(&source.name, &From::Table(table.to_owned()), place)?;
            let named = format!("table `{table}` of source `{}`", source.name);
            self.uses((&source.name, table), (named, info), place);
            return Some(info);
        }
        let grant = match self.live.get(&source.name, &From::Table(table.to_owned())) {
            Some(Err(Trouble { grant: Some(grant), .. })) => Some(grant),
            _ => None,
        };
        let what = format!("source `{}` has no table `{table}` of deleted rows", source.name);
        let finding = match grant {
            Some(grant) => Finding::error(format!("{what}, or the account may not read it"))
                .hint(format!("{MAKE}; if it is there: {grant}")),
            None if is_outbox(gone) => {
                Finding::error(what).hint("the service makes and writes it itself")
            }
            None => Finding::error(what).hint(MAKE),
        };
        self.report(finding.code(Code::MissingTombstones), place);
        None
    }

    /// Whether it is not there, as far as the server tells that from not being allowed to read it.
    fn is_missing(&self, source: &SourceConfig, gone: &Tombstones) -> bool {
        match self.live.get(&source.name, &From::Table(gone.table.clone())) {
            Some(Ok(None)) => true,
            Some(Err(trouble)) => {
                trouble.grant.is_some() && matches!(source.server, Server::Mysql(_))
            }
            _ => false,
        }
    }

    /// Notes which table of deleted rows would have to be made for `table`, if one would.
    pub(super) fn entomb(
        &mut self,
        table: &Table<'_>,
        (info, from): (&TableInfo, &From),
        source: &SourceConfig,
    ) {
        let From::Table(name) = from else { return };
        let is_wanted = match table.tombstones {
            Some(gone) => self.is_missing(source, gone) && !is_outbox(gone),
            None => !table.is_told,
        };
        if !is_wanted || info.derived || table.key.is_empty() {
            return;
        }
        let own = |name: &String| Some((name.clone(), info.column(name)?.clone()));
        let told = |name: &String| {
            let told = table.tombstones.and_then(|gone| gone.key.get(name)).unwrap_or(name);
            Some((told.clone(), info.column(name)?.clone()))
        };
        let by = table.told_by();
        let gone = table.tombstones;
        self.tombs.push(Tomb {
            source: source.name.clone(),
            table: name.clone(),
            gone: gone.map_or_else(|| named_after(name), |gone| gone.table.clone()),
            at: gone.map_or_else(|| GONE_AT.to_owned(), |gone| at(gone).column),
            key: by.iter().filter_map(told).collect(),
            // What a link leads to may change while nothing else tells of it.
            watched: by.iter().chain(&table.down).filter_map(own).collect::<IndexMap<_, _>>(),
            levels: vec![(self.job.name.clone(), table.name())],
            is_declared: gone.is_some(),
        });
    }
}

/// Its column that tells when a row was deleted.
fn at(gone: &Tombstones) -> ChangedColumn {
    let usual = || ChangedColumn { column: GONE_AT.to_owned(), cast: None };
    gone.at.clone().unwrap_or_else(usual)
}

/// Whether it is written by other means than triggers of prejoin's making.
fn is_outbox(gone: &Tombstones) -> bool {
    gone.condition.is_some() || gone.at.as_ref().is_some_and(|at| at.cast.is_some())
}

/// The form in which what is told is a key of that type: an outbox may have texts for keys of all kinds.
fn form(own: Type, is_uuid: bool, told: Type) -> Match {
    match (own, told) {
        (_, Type::Uuid) if is_uuid => Match::Exact,
        _ if is_uuid => Match::Uuid,
        (Type::Integer | Type::Bool, Type::Integer | Type::Bool) => Match::Exact,
        (Type::Integer | Type::Bool, _) => Match::Integer,
        _ => Match::Exact,
    }
}
