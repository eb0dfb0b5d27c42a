//! From a level of the job to a node of the plan: its table, its columns, its keys, its joins.

use std::collections::BTreeSet;
use std::sync::Arc;

use indexmap::IndexMap;

use super::columns::ColumnSet;
use super::level::Level;
use super::names::{Form, Target};
use super::{Field, Join, Node, Planner, label};
use crate::finding::{Finding, Place, did_you_mean};
use crate::job::{At, ChangedAt, FieldFile, RelationFile, ThroughFile};
use crate::mapping::Mapping;
use crate::row::{Cast, Match, TableInfo, Type};
use crate::source::{From, Link, OrderBy, Read};

/// Where a relation stands in the tree.
struct Spot<'s> {
    path: String,
    name: &'s str,
    many: bool,
    place: Option<Place>,
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
    fn columns(&mut self, level: Level<'a>) -> Option<ColumnSet<'a>> {
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

    fn info(&mut self, source: &str, from: &From, place: Option<Place>) -> Option<&'a TableInfo> {
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
    fn node(
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

    fn relation(
        &mut self,
        relation: &'a At<RelationFile>,
        spot: &Spot<'_>,
        above: &mut ColumnSet<'_>,
        target: Target<'_>,
    ) -> Option<Node> {
        let level = Level::of_relation(relation);
        let mut columns = self.columns(level)?;
        let mut node = self.node(level, spot, &mut columns, target);
        let matching = relation.matching.unwrap_or_default();
        let (pairs, link) = match (&relation.on, &relation.through) {
            (Some(on), None) => (on, None),
            (None, Some(through)) if spot.many => (&through.on, Some(through)),
            (None, Some(through)) => {
                let finding =
                    Finding::error(format!("`{}`: only `many` goes through a table", spot.path));
                self.report(finding, through.place());
                return None;
            }
            _ => {
                let finding =
                    Finding::error(format!("`{}` needs either `on` or `through`", spot.path))
                        .hint("on: {column above: column here}");
                self.report(finding, spot.place);
                return None;
            }
        };
        let mut read = Arc::unwrap_or_clone(node.read);
        if let Some(through) = link {
            columns.link = self.info(
                level.source,
                &From::Table(through.table.to_string()),
                through.table.place(),
            );
            read.link = Some(self.link(through, &columns, level.source));
        }
        let sides = self.join_sides(pairs, (above, &mut columns), link.is_some(), matching);
        read.by = sides.1;
        read.matching = matching;
        node.read = Arc::new(read);
        node.join = Some(Join { many: spot.many, parent: sides.0, matching });
        finish(&mut node, columns);
        Some(node)
    }

    fn link(&mut self, through: &At<ThroughFile>, columns: &ColumnSet<'_>, source: &str) -> Link {
        if through.to.is_empty() {
            self.report(Finding::error("`to` names no columns"), through.to.place());
        }
        for (linked, here) in through.to.iter() {
            self.exists(columns, here, through.to.place());
            self.exists_linked(columns, linked, through.to.place());
        }
        if let Some(ChangedAt::Columns(names)) = through.changed_at.as_deref() {
            for name in names {
                self.exists_linked(columns, name, through.changed_at.as_ref().and_then(At::place));
            }
        }
        if let Some(gone) = &through.tombstones {
            self.table_exists(source, gone);
        }
        let to = through.to.iter().map(|(linked, here)| (linked.clone(), here.clone())).collect();
        Link { table: through.table.to_string(), to }
    }

    /// Columns above and here, pair by pair.
    fn join_sides(
        &mut self,
        pairs: &At<IndexMap<String, String>>,
        (above, here): (&mut ColumnSet<'_>, &mut ColumnSet<'_>),
        linked: bool,
        matching: Match,
    ) -> (Vec<usize>, Vec<usize>) {
        let place = pairs.place();
        if pairs.is_empty() {
            self.report(Finding::error("`on` names no columns"), place);
        }
        let mut sides = (Vec::new(), Vec::new());
        for (upper, lower) in pairs.iter() {
            let left = self.need(above, upper, place);
            let right = if !linked {
                self.need(here, lower, place)
            } else if self.exists_linked(here, lower, place) {
                here.need_linked(lower)
            } else {
                None
            };
            let (Some(left), Some(right)) = (left, right) else { continue };
            let types = (above.get(left).map(|c| c.ty), here.get(right).map(|c| c.ty));
            if let (Some(left), Some(right)) = types
                && matching == Match::Exact
                && let Some(wanted) = matching_for(left, right)
            {
                let finding = Finding::warning(
                    format!(
                        "`{upper}` is {left:?}, `{lower}` is {right:?}: they may never be equal"
                    )
                    .to_lowercase(),
                )
                .hint(format!("match: {wanted}"));
                self.report(finding, place);
            }
            if matching == Match::Uuid {
                above.meets_uuids(left);
                here.meets_uuids(right);
            }
            sides.0.push(left);
            sides.1.push(right);
        }
        sides
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

    fn table_exists(&mut self, source: &str, table: &At<String>) {
        self.info(source, &From::Table(table.to_string()), table.place());
    }

    fn need(
        &mut self,
        columns: &mut ColumnSet<'_>,
        name: &str,
        place: Option<Place>,
    ) -> Option<usize> {
        self.exists(columns, name, place).then(|| columns.need(name)).flatten()
    }

    fn exists(&mut self, columns: &ColumnSet<'_>, name: &str, place: Option<Place>) -> bool {
        let known = columns.info.column(name).is_some();
        if !known {
            self.lacks(&columns.table, columns.info, name, place);
        }
        known
    }

    fn exists_linked(&mut self, columns: &ColumnSet<'_>, name: &str, place: Option<Place>) -> bool {
        // A link table that is not known at all was reported as such.
        let Some(link) = columns.link else { return false };
        let known = link.column(name).is_some();
        if !known {
            self.lacks("the link table", link, name, place);
        }
        known
    }

    fn lacks(&mut self, table: &str, info: &TableInfo, name: &str, place: Option<Place>) {
        let finding = Finding::error(format!("{table} has no column `{name}`"))
            .hint(did_you_mean(name, info.columns.iter().map(|column| column.name.as_str())));
        self.report(finding, place);
    }
}

/// Settles a node's columns, now that everything which needs one has asked.
fn finish(node: &mut Node, columns: ColumnSet<'_>) {
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

/// The `match` that two types need to meet; `None` when they meet as they are, or nothing is known.
fn matching_for(left: Type, right: Type) -> Option<&'static str> {
    let family = |ty| match ty {
        Type::Integer => Some("integer"),
        Type::Text | Type::Char | Type::Enum => Some("text"),
        Type::Uuid => Some("uuid"),
        Type::Decimal | Type::Float => Some("decimal"),
        Type::Binary => Some("binary"),
        _ => None,
    };
    let (left, right) = (family(left)?, family(right)?);
    match (left, right) {
        _ if left == right => None,
        ("uuid", _) | (_, "uuid") => Some("uuid"),
        ("binary", _) | (_, "binary") => Some("uuid"),
        _ => Some("integer"),
    }
}
