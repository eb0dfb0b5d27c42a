//! What the servers say of the tables that a job names, read before planning.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;

use crate::config::Config;
use crate::finding::{Finding, hint_of};
use crate::job::{Job, RelationFile, RootFile};
use crate::row::TableInfo;
use crate::source::{self, Denied, From, Sources};

/// What went wrong: in full, and the cause at its bottom, which several answers may share.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    pub(super) text: String,
    pub(super) cause: String,
    /// The statement that would help, where a right is missing.
    pub(super) grant: Option<String>,
    pub(super) hint: Option<String>,
}

impl Trouble {
    fn of(error: &anyhow::Error) -> Self {
        let grant = error.downcast_ref::<Denied>().map(|denied| denied.grant.clone());
        let (text, cause) = (format!("{error:#}"), error.root_cause().to_string());
        Self { text, cause, grant, hint: hint_of(error) }
    }

    /// As the source's own complaint.
    pub(super) fn finding(&self) -> Finding {
        let finding = Finding::error(self.text.clone());
        match &self.hint {
            Some(hint) => finding.hint(hint.clone()),
            None => finding,
        }
    }
}

/// Answers by source and table.
#[derive(Debug, Default)]
pub struct Live(BTreeMap<(String, From), Result<Option<TableInfo>, Trouble>>);

impl Live {
    /// Opens the sources that `job` names and asks each for its tables and queries. What cannot be opened is remembered as
    /// such; a source that the configuration does not know is left out.
    pub async fn open(job: &Job, config: &Config) -> (Self, Sources) {
        let named = named(&job.file.root);
        let mut sources = Sources::new();
        let mut broken = BTreeMap::new();
        for name in source_names(&job.file.root) {
            match config.sources.get(&name).map(source::open) {
                Some(Ok(source)) => drop(sources.insert(name, source)),
                Some(Err(error)) => drop(broken.insert(name, Trouble::of(&error))),
                None => {}
            }
        }
        let mut live = Self::read(job, &sources).await;
        live.0.extend(named.into_iter().filter_map(|(name, from)| {
            let error = broken.get(&name)?.clone();
            Some(((name, from), Err(error)))
        }));
        (live, sources)
    }

    /// Asks every source for the tables and queries that `job` names. Sources that are not in `sources` are left out.
    pub async fn read(job: &Job, sources: &Sources) -> Self {
        let asked = named(&job.file.root).into_iter().filter_map(|(name, from)| {
            let source = sources.get(&name)?;
            Some(async move {
                let answer = source.describe(&from).await.map_err(|error| Trouble::of(&error));
                ((name, from), answer)
            })
        });
        Self(join_all(asked).await.into_iter().collect())
    }

    /// The answer for one table or query; `None` when it was not asked.
    pub(super) fn get(
        &self,
        source: &str,
        from: &From,
    ) -> Option<&Result<Option<TableInfo>, Trouble>> {
        self.0.get(&(source.to_owned(), from.clone()))
    }

    #[cfg(test)]
    pub(super) fn of(
        tables: impl IntoIterator<Item = (&'static str, &'static str, TableInfo)>,
    ) -> Self {
        let entry = |(source, table, info): (&str, &str, TableInfo)| {
            ((source.to_owned(), From::Table(table.to_owned())), Ok(Some(info)))
        };
        let mut live = Self(tables.into_iter().map(entry).collect());
        live.0.insert(("s".to_owned(), From::Table("gone".to_owned())), Ok(None));
        live
    }
}

/// Names of the sources that a job uses.
fn source_names(root: &RootFile) -> BTreeSet<String> {
    named(root).into_iter().map(|(source, _)| source).collect()
}

/// Every table and query that a job names, with its source.
fn named(root: &RootFile) -> BTreeSet<(String, From)> {
    let mut all = BTreeSet::new();
    let source = root.source.as_str();
    let tables = [root.table.as_deref(), root.tombstones.as_deref().map(|gone| &gone.table)];
    add(&mut all, source, &tables, root.query.as_deref());
    for relation in root.one.values().chain(root.many.values()) {
        named_below(relation, &mut all);
    }
    all
}

fn named_below(relation: &RelationFile, all: &mut BTreeSet<(String, From)>) {
    let link = relation.through.as_ref();
    let tables = [
        relation.table.as_deref(),
        relation.tombstones.as_deref().map(|gone| &gone.table),
        link.map(|link| &*link.table),
        link.and_then(|link| link.tombstones.as_deref()).map(|gone| &gone.table),
    ];
    add(all, &relation.source, &tables, relation.query.as_deref());
    for below in relation.one.values().chain(relation.many.values()) {
        named_below(below, all);
    }
}

fn add(
    all: &mut BTreeSet<(String, From)>,
    source: &str,
    tables: &[Option<&String>],
    query: Option<&String>,
) {
    let tables = tables.iter().flatten().map(|table| From::Table((*table).clone()));
    let query = query.map(|query| From::query(query));
    all.extend(tables.chain(query).map(|from| (source.to_owned(), from)));
}
