//! What a job's root and its relations have in common, seen alike.

use indexmap::IndexMap;

use crate::finding::Place;
use crate::job::{At, ChangedAt, FieldFile, Names, Order, RelationFile, RootFile, Tombstones};

/// One level of the tree as its user wrote it.
#[derive(Clone, Copy)]
pub(super) struct Level<'a> {
    pub(super) source: &'a At<String>,
    pub(super) table: Option<&'a At<String>>,
    pub(super) query: Option<&'a At<String>>,
    pub(super) key: Option<&'a At<Names>>,
    pub(super) changed_at: Option<&'a At<ChangedAt>>,
    pub(super) condition: Option<&'a At<String>>,
    pub(super) deleted_at: Option<&'a At<String>>,
    pub(super) tombstones: Option<&'a At<Tombstones>>,
    pub(super) order_by: &'a [At<Order>],
    pub(super) fields: &'a [At<FieldFile>],
    pub(super) one: &'a IndexMap<String, At<RelationFile>>,
    pub(super) many: &'a IndexMap<String, At<RelationFile>>,
}

impl<'a> Level<'a> {
    pub(super) fn of_root(root: &'a RootFile) -> Self {
        Self {
            source: &root.source,
            table: root.table.as_ref(),
            query: root.query.as_ref(),
            key: root.key.as_ref(),
            changed_at: root.changed_at.as_ref(),
            condition: root.condition.as_ref(),
            deleted_at: root.deleted_at.as_ref(),
            tombstones: root.tombstones.as_ref(),
            order_by: &[],
            fields: &root.fields,
            one: &root.one,
            many: &root.many,
        }
    }

    pub(super) fn of_relation(relation: &'a RelationFile) -> Self {
        Self {
            source: &relation.source,
            table: relation.table.as_ref(),
            query: relation.query.as_ref(),
            key: relation.key.as_ref(),
            changed_at: relation.changed_at.as_ref(),
            condition: relation.condition.as_ref(),
            deleted_at: relation.deleted_at.as_ref(),
            tombstones: relation.tombstones.as_ref(),
            order_by: &relation.order_by,
            fields: &relation.fields,
            one: &relation.one,
            many: &relation.many,
        }
    }

    /// Whether the rows themselves tell that they are gone.
    pub(super) fn is_told(&self) -> bool {
        self.deleted_at.is_some() || self.condition.is_some()
    }

    /// Where a complaint about the table belongs.
    pub(super) fn table_place(&self) -> Option<Place> {
        self.table.or(self.query).unwrap_or(self.source).place()
    }
}
