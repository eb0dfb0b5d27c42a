//! From a level of the job to a node of the plan: its table, its columns, its keys, its joins.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::columns::ColumnSet;
use super::level::Level;
use super::names::{Form, Target};
use super::{Field, Node, Planner, label};
use crate::finding::{Finding, Place, did_you_mean};
use crate::job::{At, ChangedAt, FieldFile};
use crate::mapping::Mapping;
use crate::row::{Cast, Match, TableInfo, Type};
use crate::source::{From, OrderBy, Read};

/// Where a relation stands in the tree.
pub(super) struct Spot<'s> {
    pub(super) path: String,
    pub(super) name: &'s str,
    pub(super) many: bool,
    pub(super) place: Option<Place>,
}

impl<'a> Planner<'a> {
    pub(super) fn root(&mut self, mapping: Option<&Mapping>) -> Option<Node> {
        let level = Level::of_root(&self.job.file.root);
        let mut columns = self.columns(level)?;
        let spot = Spot { path: String::new(), name: "", many: true, place: level.table_place() };
        let mut node = self.node(level, &spot, &mut columns, Target::of(mapping));
        finish(&mut node, columns);
        Some(node)
    }

    /// The table's columns, or findings about why they are not known.
    pub(super) fn columns(&mut self, level: Level<'a>) -> Option<ColumnSet<'a>> {
        let from = self.from(level)?;
        let source = self.source(level.source)?;
        let info = self.info(&source.name, &from, level.table_place())?;
        Some(ColumnSet::new(from, source, info))
    }

    fn from(&mut self, level: Level<'_>) -> Option<From> {
        match (level.table, level.query) {
            (Some(table), None) => return Some(From::Table(table.to_string())),
            (None, Some(query)) if level.key.is_some() => {
                return Some(From::query(query));
            }
            (None, Some(query)) => self.report(
                Finding::error("a `query` needs a `key`")
                    .hint("key: the columns that identify a row"),
                query.place(),
            ),
            (Some(table), Some(_)) => {
                self.report(
                    Finding::error("`table` and `query` exclude each other"),
                    table.place(),
                );
            }
            (None, None) => self.report(
                Finding::error("neither `table` nor `query` is given"),
                level.source.place(),
            ),
        }
        None
    }

    fn source(&mut self, name: &At<String>) -> Option<&'a crate::config::SourceConfig> {
        let known = &self.config.sources;
        let source = known.get(name.as_str());
        if source.is_none() {
            let finding = Finding::error(format!("the configuration has no source `{}`", **name))
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
                self.report(
                    Finding::error(what).hint("compare the name with the live database"),
                    place,
                );
            }
            // The source's own complaint belongs to no line of the job, and is said once.
            Some(Err(trouble)) => {
                if self.told.insert((source.to_owned(), trouble.cause.clone())) {
                    self.findings.push(Finding::error(trouble.text.clone()));
                }
            }
            None => self.findings.push(Finding::error(format!("source `{source}` was not asked"))),
        }
        None
    }

    /// A node without its columns, which its children's joins may still add to.
    pub(super) fn node(
        &mut self,
        level: Level<'a>,
        spot: &Spot<'_>,
        columns: &mut ColumnSet<'_>,
        target: Target<'_>,
    ) -> Node {
        let mut siblings = BTreeSet::new();
        let fields = level
            .fields
            .iter()
            .filter_map(|field| self.field(field, spot, (columns, target), &mut siblings))
            .collect();
        let mut children = Vec::new();
        let one = level.one.iter().map(|entry| (entry, false));
        let many = level.many.iter().map(|entry| (entry, true));
        for ((name, relation), many) in one.chain(many) {
            let form = if many { Form::List } else { Form::Object };
            let at = (target, relation.place());
            let below = self.check_name((&spot.path, name), form, at, &mut siblings);
            let path =
                if spot.path.is_empty() { name.clone() } else { format!("{}.{name}", spot.path) };
            let spot = Spot { path, name, many, place: relation.place() };
            children.extend(self.relation(relation, &spot, columns, below));
        }
        self.check_changes(level, columns);
        let read = self.read(level, spot, columns);
        Node {
            path: spot.path.clone(),
            label: label(spot.name),
            name: spot.name.to_owned(),
            source: level.source.to_string(),
            place: level.condition.map_or(level.table_place(), At::place),
            read: Arc::new(read),
            join: None,
            fields,
            children,
        }
    }

    fn read(&mut self, level: Level<'a>, spot: &Spot<'_>, columns: &mut ColumnSet<'_>) -> Read {
        let names = level.key.map_or(&*columns.info.primary_key, |key| key.names()).to_vec();
        let place = level.key.map_or(level.table_place(), At::place);
        if names.is_empty() {
            let finding = Finding::error(format!("{} has no primary key", columns.table))
                .hint("key: the columns that identify a row");
            self.report(finding, place);
        }
        let key = names.iter().filter_map(|name| self.need(columns, name, place)).collect();
        for field in level.fields.iter().filter(|field| field.mask.is_some()) {
            if names.contains(&field.column) {
                let what = format!(
                    "`{}` is masked, but it is part of the key, which documents show",
                    field.column
                );
                let hint =
                    "a document's id and its references hold keys as they are: use another key";
                self.report(Finding::error(what).hint(hint), field.place());
            }
        }
        let known = level
            .order_by
            .iter()
            .filter(|order| self.exists(columns, &order.column, order.place()));
        let order = known
            .map(|order| OrderBy { column: order.column.clone(), descending: order.descending })
            .collect();
        Read {
            path: if spot.path.is_empty() {
                self.job.file.index.to_string()
            } else {
                spot.path.clone()
            },
            from: columns.from.clone(),
            columns: Vec::new(),
            key,
            by: Vec::new(),
            uuids: Vec::new(),
            matching: Match::Exact,
            condition: level.condition.map(|condition| condition.to_string()),
            absent: level.deleted_at.map(|column| column.to_string()),
            order,
            link: None,
        }
    }

    fn field(
        &mut self,
        field: &At<FieldFile>,
        spot: &Spot<'_>,
        (columns, target): (&mut ColumnSet<'_>, Target<'_>),
        siblings: &mut BTreeSet<String>,
    ) -> Option<Field> {
        let place = field.place();
        let ty = columns.info.column(&field.column).map(|column| column.ty);
        let json =
            field.cast == Some(Cast::Json) || (field.cast.is_none() && ty == Some(Type::Json));
        let form = if json { Form::Json } else { Form::Value };
        self.check_name((&spot.path, field.name()), form, (target, place), siblings);
        let column = self.need(columns, &field.column, place)?;
        let keeps_naive = !matches!(field.cast, Some(Cast::Text | Cast::Date));
        if ty == Some(Type::Timestamp) && keeps_naive && columns.zone().is_none() {
            let finding =
                Finding::error(format!("`{}` holds date-times without a zone", field.column))
                    .hint(format!("declare the zone of {}: time_zone: Asia/Seoul", columns.table));
            self.report(finding, place);
        }
        if field.mask.is_some() && self.config.mask_key.is_none() {
            let finding = Finding::error(format!(
                "`{}` is masked, but there is no key to do it with",
                field.name()
            ))
            .hint("set mask.key in the configuration");
            self.report(finding, place);
        }
        self.check_digits(field, columns, ty);
        Some(Field {
            name: field.name().to_owned(),
            label: label(field.name()),
            column,
            cast: field.cast,
            zone: columns.zone().cloned(),
            compose: false,
            mask: field.mask.is_some(),
        })
    }

    /// SQLite turns decimals into floating-point numbers before anybody can read them.
    fn check_digits(&mut self, field: &At<FieldFile>, columns: &ColumnSet<'_>, ty: Option<Type>) {
        let native = columns.info.column(&field.column).map(|column| column.native.to_uppercase());
        let decimal =
            native.is_some_and(|native| native.contains("DEC") || native.contains("NUMERIC"));
        if columns.in_sqlite && (decimal || ty == Some(Type::Decimal)) {
            let what = format!(
                "`{}` is a decimal in SQLite, which keeps it as a floating-point number",
                field.column
            );
            let hint = "long amounts have lost digits there; keep money as an integer, or as text with `as: decimal`";
            self.report(Finding::warning(what).hint(hint), field.place());
        }
    }

    /// The incremental keys: nothing is planned with them yet, but what they name must exist.
    fn check_changes(&mut self, level: Level<'_>, columns: &ColumnSet<'_>) {
        if let Some(changed_at) = level.changed_at
            && let ChangedAt::Columns(names) = &**changed_at
        {
            for name in names {
                self.exists(columns, name, changed_at.place());
            }
        }
        if let Some(column) = level.deleted_at {
            self.exists(columns, column, column.place());
        }
        if let Some(table) = level.tombstones {
            self.table_exists(level.source, table);
        }
    }

    pub(super) fn table_exists(&mut self, source: &str, table: &At<String>) {
        self.info(source, &From::Table(table.to_string()), table.place());
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
        let known = columns.info.column(name).is_some();
        if !known {
            self.lacks(&columns.table, columns.info, name, place);
        }
        known
    }

    pub(super) fn exists_linked(
        &mut self,
        columns: &ColumnSet<'_>,
        name: &str,
        place: Option<Place>,
    ) -> bool {
        // A link table that is not known at all was reported as such.
        let Some(link) = columns.link else { return false };
        let known = link.column(name).is_some();
        if !known {
            self.lacks("the link table", link, name, place);
        }
        known
    }

    pub(super) fn lacks(
        &mut self,
        table: &str,
        info: &TableInfo,
        name: &str,
        place: Option<Place>,
    ) {
        let finding = Finding::error(format!("{table} has no column `{name}`"))
            .hint(did_you_mean(name, info.columns.iter().map(|column| column.name.as_str())));
        self.report(finding, place);
    }
}

/// Settles a node's columns, now that everything which needs one has asked.
pub(super) fn finish(node: &mut Node, columns: ColumnSet<'_>) {
    let mut read = (*node.read).clone();
    let joins = node.children.iter().filter_map(|child| child.join.as_ref());
    let keys: BTreeSet<usize> =
        joins.flat_map(|join| &join.parent).chain(&read.key).chain(&read.by).copied().collect();
    for field in &mut node.fields {
        field.compose = !keys.contains(&field.column);
    }
    (read.columns, read.uuids) = columns.into_columns();
    node.read = Arc::new(read);
}
