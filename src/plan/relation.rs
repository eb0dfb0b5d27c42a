//! From a level of the job to a node of the plan: its table, its columns, its keys, its joins.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::columns::ColumnSet;
use super::fit::{Values, misfit};
use super::level::Level;
use super::names::{Form, Target};
use super::watch::Table;
use super::{Field, Node, Planner, label};
use crate::finding::{Code, Finding, Place};
use crate::job::{At, ChangedAt, ChangedColumn, FieldFile};
use crate::mapping::Mapping;
use crate::row::{Cast, Match, Type};
use crate::source::{OrderBy, Read};

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
        let mut columns = self.columns(level, "")?;
        let spot = Spot { path: String::new(), name: "", many: true, place: level.table_place() };
        let mut node = self.node(level, &spot, &mut columns, Target::of(mapping));
        self.advise_key_order(level, &columns);
        let key = key_names(level, &columns);
        node.watches.extend(self.watch(
            &Table {
                path: "",
                linked: false,
                key: key.clone(),
                up: key,
                down: Vec::new(),
                matching: Match::Exact,
                changed_at: level.changed_at,
                tombstones: level.tombstones,
                is_told: level.is_told(),
            },
            &columns,
        ));
        finish(&mut node, columns);
        Some(node)
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
        self.advise_changes(level, spot, columns);
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
            watches: Vec::new(),
            children,
            referenced: false,
            rank: 0,
            reusable: false,
        }
    }

    fn read(&mut self, level: Level<'a>, spot: &Spot<'_>, columns: &mut ColumnSet<'_>) -> Read {
        let names = key_names(level, columns);
        let place = level.key.map_or(level.table_place(), At::place);
        if names.is_empty() {
            let hint = match spot.path.is_empty() {
                true => "key: the columns that identify a row",
                false => {
                    "key: the columns that identify a row; without them neither the order of elements nor `refs` would be stable"
                }
            };
            let finding = Finding::error(format!("{} has no primary key", columns.table))
                .code(Code::MissingKey)
                .hint(hint);
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
                self.report(Finding::error(what).code(Code::MaskedKey).hint(hint), field.place());
            }
        }
        let known = level
            .order_by
            .iter()
            .filter(|order| self.exists(columns, &order.column, order.place()));
        let order = known
            .map(|order| OrderBy { column: order.column.clone(), descending: order.descending })
            .collect();
        let path = match spot.path.as_str() {
            "" => self.job.file.index.as_str(),
            path => path,
        };
        Read {
            condition: level.condition.map(|condition| condition.to_string()),
            absent: level.deleted_at.map(|column| column.to_string()),
            order,
            ..Read::all(path, columns.from.clone(), Vec::new(), key)
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
                    .code(Code::MissingTimeZone)
                    .hint(format!("declare the zone of {}: time_zone: Asia/Seoul", columns.table));
            self.report(finding, place);
        }
        if field.mask.is_some() && self.config.mask_key.is_none() {
            let finding = Finding::error(format!(
                "`{}` is masked, but there is no key to do it with",
                field.name()
            ))
            .code(Code::MissingMaskKey)
            .hint("set mask.key in the configuration");
            self.report(finding, place);
        }
        self.check_digits(field, columns, ty);
        self.check_fit(field, spot, (columns, target));
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
        if columns.in_sqlite() && (decimal || ty == Some(Type::Decimal)) {
            let what = format!(
                "`{}` is a decimal in SQLite, which keeps it as a floating-point number",
                field.column
            );
            let hint = "long amounts have lost digits there; keep money as an integer, or as text with `as: decimal`";
            let finding = Finding::warning(what).code(Code::SqliteDecimal).hint(hint);
            self.report(finding, field.place());
        }
    }

    /// What the engine makes of a column's values under the field's mapping.
    fn check_fit(
        &mut self,
        field: &At<FieldFile>,
        spot: &Spot<'_>,
        (columns, target): (&ColumnSet<'_>, Target<'_>),
    ) {
        let Some(column) = columns.info.column(&field.column) else { return };
        let converted = match field.mask {
            Some(_) => Some(Type::Text),
            None => field.cast.map(Cast::gives),
        };
        let values = Values {
            ty: converted.unwrap_or(column.ty),
            native: if converted.is_none_or(|ty| ty == column.ty) { &column.native } else { "" },
            certain: converted.is_some() || !columns.in_sqlite(),
        };
        self.check_values((&spot.path, field.name()), values, (target, field.place()));
    }

    /// As [`Planner::check_fit`], of any member of the document.
    pub(super) fn check_values(
        &mut self,
        (path, name): (&str, &str),
        values: Values<'_>,
        (target, place): (Target<'_>, Option<Place>),
    ) {
        let mapped = target.field(name).filter(|field| field.properties.is_empty());
        let Some(misfit) = mapped.and_then(|mapped| misfit(values, mapped)) else { return };
        let full = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        let what = format!("`{full}` {}", misfit.what);
        if misfit.refused {
            self.report(Finding::error(what).code(misfit.code).hint(misfit.hint), place);
        } else {
            self.advise(Finding::warning(what).code(misfit.code).hint(misfit.hint), place);
        }
    }

    /// What the incremental keys name must exist.
    fn check_changes(&mut self, level: Level<'_>, columns: &ColumnSet<'_>) {
        if let Some(changed_at) = level.changed_at
            && let ChangedAt::Columns(names) = &**changed_at
        {
            for ChangedColumn { column, .. } in names {
                self.exists(columns, column, changed_at.place());
            }
        }
        if let Some(column) = level.deleted_at {
            self.exists(columns, column, column.place());
        }
        if let Some(gone) = level.tombstones {
            self.tombstones(columns.source, gone);
        }
    }
}

/// The columns that identify a level's rows; none where nothing says which.
pub(super) fn key_names(level: Level<'_>, columns: &ColumnSet<'_>) -> Vec<String> {
    level.key.map_or(&*columns.info.primary_key, |key| key.names()).to_vec()
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
