//! The tables of a job as they are: whether they and their columns exist, and whether the account may read them.
//!
//! Every column that passes here is one that the job uses.

use std::collections::BTreeMap;

use super::Planner;
use super::columns::ColumnSet;
use super::level::Level;
use super::live::Trouble;
use super::used::UsedColumns;
use crate::config::SourceConfig;
use crate::finding::{Code, Finding, Place, did_you_mean};
use crate::job::At;
use crate::row::{Column, TableInfo, Type};
use crate::source::From;

/// A table of which the job uses columns.
pub(super) struct Used<'a> {
    /// In words, for messages.
    table: String,
    info: &'a TableInfo,
    /// Where the job names it first.
    place: Option<Place>,
    columns: BTreeMap<String, Type>,
}

impl<'a> Planner<'a> {
    /// The table's columns, or findings about why they are not known.
    pub(super) fn columns(&mut self, level: Level<'a>, path: &str) -> Option<ColumnSet<'a>> {
        let from = self.from(level)?;
        let source = self.source(level.source)?;
        let info = self.info(&source.name, &from, level.table_place())?;
        let path = if path.is_empty() { self.job.file.index.as_str() } else { path };
        let set = ColumnSet::new((from, path), source, info);
        self.uses((&source.name, &set.title), (set.table.clone(), info), level.table_place());
        Some(set)
    }

    fn from(&mut self, level: Level<'_>) -> Option<From> {
        let (what, code, place) = match (level.table, level.query) {
            (Some(table), None) => return Some(From::Table(table.to_string())),
            (None, Some(query)) if level.key.is_some() => return Some(From::query(query)),
            (None, Some(query)) => ("a `query` needs a `key`", Code::MissingKey, query.place()),
            (Some(table), Some(_)) => {
                ("`table` and `query` exclude each other", Code::TableOrQuery, table.place())
            }
            (None, None) => {
                let place = level.source.place();
                ("neither `table` nor `query` is given", Code::TableOrQuery, place)
            }
        };
        let hint = match code {
            Code::MissingKey => "key: the columns that identify a row",
            _ => "table: a table or view, or query: a SELECT",
        };
        self.report(Finding::error(what).code(code).hint(hint), place);
        None
    }

    fn source(&mut self, name: &At<String>) -> Option<&'a SourceConfig> {
        let known = &self.config.sources;
        let source = known.get(name.as_str());
        if source.is_none() {
            let finding = Finding::error(format!("the configuration has no source `{}`", **name))
                .code(Code::MissingSource)
                .hint(did_you_mean(name, known.keys().map(String::as_str)));
            self.report(finding, name.place());
        }
        source
    }

    pub(super) fn info(
        &mut self,
        source: &str,
        from: &From,
        place: Option<Place>,
    ) -> Option<&'a TableInfo> {
        match self.live.get(source, from) {
            Some(Ok(Some(info))) => return Some(info),
            Some(Ok(None)) => {
                let what = match from {
                    From::Table(table) => format!("source `{source}` has no table `{table}`"),
                    From::Query(_) => format!("source `{source}` does not know this query"),
                };
                let finding = Finding::error(what).code(Code::MissingTable);
                self.report(finding.hint("compare the name with the live database"), place);
            }
            Some(Err(Trouble { grant: Some(grant), cause, .. })) => {
                let finding = Finding::error(format!("source `{source}`: {cause}"));
                self.report(finding.code(Code::MissingGrant).hint(grant), place);
            }
            // The source's own complaint belongs to no line of the job, and is said once.
            Some(Err(trouble)) => {
                if self.told.insert((source.to_owned(), trouble.cause.clone())) {
                    self.findings.push(trouble.finding().code(Code::UnusableSource));
                }
            }
            None => {
                let finding = Finding::error(format!("source `{source}` was not asked"));
                self.findings.push(finding.code(Code::UnusableSource));
            }
        }
        None
    }

    /// Notes that the job uses a table.
    pub(super) fn uses(
        &mut self,
        (source, title): (&str, &str),
        (table, info): (String, &'a TableInfo),
        place: Option<Place>,
    ) {
        let unused = || Used { table, info, place, columns: BTreeMap::new() };
        self.used.entry((source.to_owned(), title.to_owned())).or_insert_with(unused);
    }

    pub(super) fn need(
        &mut self,
        columns: &mut ColumnSet<'_>,
        name: &str,
        place: Option<Place>,
    ) -> Option<usize> {
        self.exists(columns, name, place).then(|| columns.need(name)).flatten()
    }

    pub(super) fn exists(
        &mut self,
        columns: &ColumnSet<'_>,
        name: &str,
        place: Option<Place>,
    ) -> bool {
        self.known((columns.info, &columns.title), columns, name, place)
    }

    pub(super) fn exists_linked(
        &mut self,
        columns: &ColumnSet<'_>,
        name: &str,
        place: Option<Place>,
    ) -> bool {
        // A link table that is not known at all was reported as such.
        let Some((title, info)) = columns.link else { return false };
        self.known((info, title), columns, name, place)
    }

    fn known(
        &mut self,
        (info, title): (&TableInfo, &str),
        set: &ColumnSet<'_>,
        name: &str,
        place: Option<Place>,
    ) -> bool {
        let Some(column) = info.column(name) else {
            let linked = !std::ptr::eq(info, set.info);
            let table = if linked { "the link table" } else { set.table.as_str() };
            self.lacks(table, info, name, place);
            return false;
        };
        self.note((&set.source.name, title), column);
        true
    }

    /// Notes that the job uses a column of a table that it uses.
    pub(super) fn note(&mut self, (source, title): (&str, &str), column: &Column) {
        if let Some(used) = self.used.get_mut(&(source.to_owned(), title.to_owned())) {
            used.columns.insert(column.name.clone(), column.ty);
        }
    }

    fn lacks(&mut self, table: &str, info: &TableInfo, name: &str, place: Option<Place>) {
        let finding = match &info.grant {
            // Some servers do not show what may not be read.
            Some(grant) if info.columns.iter().all(|column| column.readable) => {
                let what =
                    format!("{table} has no column `{name}`, or the account may not read it");
                Finding::error(what).code(Code::MissingGrant).hint(grant)
            }
            _ => Finding::error(format!("{table} has no column `{name}`"))
                .code(Code::MissingColumn)
                .hint(did_you_mean(name, info.columns.iter().map(|column| column.name.as_str()))),
        };
        self.report(finding, place);
    }

    /// What the account may not read of all that the job uses.
    pub(super) fn check_rights(&mut self) {
        let mut findings = Vec::new();
        for used in self.used.values() {
            let (table, info) = (&used.table, used.info);
            let denied: Vec<String> = info
                .columns
                .iter()
                .filter(|column| !column.readable && used.columns.contains_key(&column.name))
                .map(|column| format!("`{}`", column.name))
                .collect();
            let nothing =
                !info.columns.is_empty() && info.columns.iter().all(|column| !column.readable);
            let what = match denied.as_slice() {
                _ if nothing => Some(format!("the account may not read {table}")),
                [] => None,
                some => Some(format!("the account may not read {} of {table}", some.join(", "))),
            };
            if let (Some(what), Some(grant)) = (what, &info.grant) {
                let finding = Finding::error(what).code(Code::MissingGrant).hint(grant);
                findings.push((finding, used.place));
            }
            if let Some(unhide) = &info.unhide {
                let what = format!("row level security hides rows of {table} from the account");
                let finding = Finding::error(what).code(Code::HiddenRows);
                findings
                    .push((finding.hint(format!("a load needs all rows: {unhide}")), used.place));
            }
        }
        for (finding, place) in findings {
            self.report(finding, place);
        }
    }

    /// The columns that the job uses.
    pub(super) fn used_columns(&self) -> UsedColumns {
        let mut all = UsedColumns::new();
        for ((source, title), used) in &self.used {
            all.entry(source.clone()).or_default().insert(title.clone(), used.columns.clone());
        }
        all
    }
}
