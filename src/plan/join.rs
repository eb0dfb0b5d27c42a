//! Joins: how a relation's rows find those above, directly or through a link table.

use std::sync::Arc;

use indexmap::IndexMap;

use super::columns::ColumnSet;
use super::level::Level;
use super::names::Target;
use super::relation::{Spot, finish, key_names};
use super::watch::{Table, Watch};
use super::{Join, Node, Planner, pairs};
use crate::finding::{Code, Finding};
use crate::job::{At, ChangedAt, ChangedColumn, RelationFile, ThroughFile};
use crate::row::{Match, TableInfo};
use crate::source::{From, Link, Read};

/// Whether a row can leave a document while no key tells which one it was: as an element that moves, as the one that no longer
/// has the value it was found by, or by vanishing together with the columns that named it (`ON DELETE SET NULL`). A row that is
/// found by its key, or by a part of it, cannot, unless it is the one of a row above and its vanishing is announced: whoever
/// knows its key knows what is above it.
fn is_parted_unsaid(level: Level<'_>, many: bool, read: &Read) -> bool {
    let announced = level.tombstones.is_some() || level.is_told();
    let by_key = read.by.iter().all(|by| read.key.contains(by));
    !by_key || read.matching != Match::Exact || (announced && !many)
}

impl<'a> Planner<'a> {
    pub(super) fn relation(
        &mut self,
        relation: &'a At<RelationFile>,
        spot: &Spot<'_>,
        above: &mut ColumnSet<'_>,
        target: Target<'_>,
    ) -> Option<Node> {
        let level = Level::of_relation(relation);
        let mut columns = self.columns(level, &spot.path)?;
        let mut node = self.node(level, spot, &mut columns, target);
        let matching = relation.matching.unwrap_or_default();
        let (on, link) = match (&relation.on, &relation.through) {
            (Some(on), None) => (on, None),
            (None, Some(through)) if spot.many => (&through.on, Some(through)),
            (None, Some(through)) => {
                let finding =
                    Finding::error(format!("`{}`: only `many` goes through a table", spot.path));
                self.report(finding.code(Code::JoinForm), through.place());
                return None;
            }
            _ => {
                let finding =
                    Finding::error(format!("`{}` needs either `on` or `through`", spot.path))
                        .code(Code::JoinForm)
                        .hint("on: {column above: column here}");
                self.report(finding, spot.place);
                return None;
            }
        };
        let mut read = Arc::unwrap_or_clone(node.read);
        if let Some(through) = link {
            columns.link = self.link_table(through, level.source);
            read.link = Some(self.link(through, &columns));
            self.advise_link(through, &spot.path, &columns);
        }
        let linked = link.is_some();
        let sides = self.join_sides(on, (above, &mut columns), linked, matching);
        let here: Vec<String> = on.values().cloned().collect();
        self.advise_join_index((&columns, linked), &here, matching, on.place());
        read.by = sides.1;
        read.matching = matching;
        node.referenced = linked || is_parted_unsaid(level, spot.many, &read);
        node.read = Arc::new(read);
        node.watches = self.watches((relation, level), spot, &columns, (&here, link));
        node.join = Some(Join { many: spot.many, parent: sides.0, matching });
        finish(&mut node, columns);
        Some(node)
    }

    /// How the rows of a relation and its links are seen.
    fn watches(
        &mut self,
        (relation, level): (&RelationFile, Level<'a>),
        spot: &Spot<'_>,
        columns: &ColumnSet<'a>,
        (here, link): (&[String], Option<&'a At<ThroughFile>>),
    ) -> Vec<Watch> {
        let path = spot.path.as_str();
        let matching = relation.matching.unwrap_or_default();
        let (up, exact) = match link {
            Some(through) => (through.to.values().cloned().collect(), Match::Exact),
            None => (here.to_vec(), matching),
        };
        let own = Table {
            path,
            linked: false,
            key: key_names(level, columns),
            up,
            down: Vec::new(),
            matching: exact,
            changed_at: level.changed_at,
            tombstones: level.tombstones,
            is_told: level.is_told(),
        };
        let links = link.zip(columns.link).map(|(through, (_, info))| {
            let down: Vec<String> = through.to.keys().cloned().collect();
            let pair = here.iter().chain(&down).cloned().collect();
            let key = if info.primary_key.is_empty() { pair } else { info.primary_key.clone() };
            let (changed_at, tombstones) =
                (through.changed_at.as_ref(), through.tombstones.as_ref());
            Table {
                path,
                linked: true,
                key,
                up: here.to_vec(),
                down,
                matching,
                changed_at,
                tombstones,
                is_told: false,
            }
        });
        let tables = std::iter::once(own).chain(links);
        tables.filter_map(|table| self.watch(&table, columns)).collect()
    }

    /// References show keys: a key that is found by a masked value would show what is masked.
    pub(super) fn check_masked_joins(&mut self, node: &Node) {
        for child in &node.children {
            let sides = child.join.iter().flat_map(|join| join.parent.iter().zip(&child.read.by));
            let shown = sides.filter(|(_, here)| child.referenced && child.read.key.contains(here));
            let masked = |column: usize| node.fields.iter().find(|f| f.mask && f.column == column);
            for field in shown.filter_map(|(above, _)| masked(*above)) {
                let what = format!(
                    "`{}` is masked, but it is the key of `{}`, which documents refer to",
                    field.name, child.path
                );
                let hint =
                    "a document's references hold keys as they are: give the relation another key";
                self.report(Finding::error(what).code(Code::MaskedKey).hint(hint), child.place);
            }
            self.check_masked_joins(child);
        }
    }

    fn link_table(
        &mut self,
        through: &'a At<ThroughFile>,
        source: &str,
    ) -> Option<(&'a str, &'a TableInfo)> {
        let (table, place) = (&through.table, through.table.place());
        let info = self.info(source, &From::Table(table.to_string()), place)?;
        let named = format!("link table `{}` of source `{source}`", **table);
        self.uses((source, table), (named, info), place);
        Some((table, info))
    }

    fn link(&mut self, through: &At<ThroughFile>, columns: &ColumnSet<'_>) -> Link {
        if through.to.is_empty() {
            let finding = Finding::error("`to` names no columns").code(Code::JoinForm);
            self.report(finding, through.to.place());
        }
        for (linked, here) in through.to.iter() {
            self.exists(columns, here, through.to.place());
            self.exists_linked(columns, linked, through.to.place());
        }
        if let Some(ChangedAt::Columns(names)) = through.changed_at.as_deref() {
            for ChangedColumn { column, .. } in names {
                self.exists_linked(
                    columns,
                    column,
                    through.changed_at.as_ref().and_then(At::place),
                );
            }
        }
        if let Some(gone) = &through.tombstones {
            self.tombstones(columns.source, gone);
        }
        let to = through.to.iter().map(|(linked, here)| (linked.clone(), here.clone())).collect();
        Link { table: through.table.to_string(), to }
    }

    /// Columns above and here, pair by pair.
    fn join_sides(
        &mut self,
        on: &At<IndexMap<String, String>>,
        (above, here): (&mut ColumnSet<'_>, &mut ColumnSet<'_>),
        linked: bool,
        matching: Match,
    ) -> (Vec<usize>, Vec<usize>) {
        let place = on.place();
        if on.is_empty() {
            self.report(Finding::error("`on` names no columns").code(Code::JoinForm), place);
        }
        let mut sides = (Vec::new(), Vec::new());
        for (upper, lower) in on.iter() {
            let left = self.need(above, upper, place);
            let right = if !linked {
                self.need(here, lower, place)
            } else if self.exists_linked(here, lower, place) {
                here.need_linked(lower)
            } else {
                None
            };
            let (Some(left), Some(right)) = (left, right) else { continue };
            let other = match here.link.filter(|_| linked) {
                Some((_, info)) => info.column(lower),
                None => here.info.column(lower),
            };
            if let (Some(upper), Some(lower)) = (above.info.column(upper), other) {
                if let Some(finding) = pairs::types(upper, lower, matching) {
                    self.report(finding, place);
                }
                if let Some(finding) = pairs::collations(upper, lower, matching) {
                    self.advise(finding, place);
                }
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
}
