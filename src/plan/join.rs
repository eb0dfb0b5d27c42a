//! Joins: how a relation's rows find those above, directly or through a link table.

use std::sync::Arc;

use indexmap::IndexMap;

use super::columns::ColumnSet;
use super::level::Level;
use super::names::Target;
use super::relation::{Spot, finish};
use super::{Join, Node, Planner};
use crate::finding::Finding;
use crate::job::{At, ChangedAt, RelationFile, ThroughFile};
use crate::row::{Match, Type};
use crate::source::{From, Link};

impl<'a> Planner<'a> {
    pub(super) fn relation(
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
