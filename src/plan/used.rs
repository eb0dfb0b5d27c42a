//! The columns that a job uses: what a change of a service's tables can break.

use std::collections::BTreeMap;

use super::Plan;
use crate::finding::Finding;
use crate::row::Type;
use crate::source::From;

/// Types by source, by table (or the relation's path, where it reads a query) and by column.
pub type UsedColumns = BTreeMap<String, BTreeMap<String, BTreeMap<String, Type>>>;

/// What vanished or changed its type between two looks at the columns of one job.
pub fn changed(before: &UsedColumns, after: &UsedColumns) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (source, tables) in before {
        for (table, columns) in tables {
            let now = after.get(source).and_then(|tables| tables.get(table));
            for (column, was) in columns {
                let place = format!("column `{column}` of `{table}` in source `{source}`");
                match now.and_then(|columns| columns.get(column)) {
                    Some(is) if is == was => {}
                    Some(is) => findings
                        .push(Finding::error(format!("{place} was {was:?}, and is {is:?} now"))),
                    None => {}
                }
            }
        }
    }
    findings
}

impl Plan {
    /// The columns that the job uses.
    pub fn columns(&self) -> UsedColumns {
        let mut used = UsedColumns::new();
        for node in self.root.walk() {
            let table = match &node.read.from {
                From::Table(table) => table.clone(),
                From::Query(_) => node.path.clone(),
            };
            let columns = used.entry(node.source.clone()).or_default().entry(table).or_default();
            columns.extend(node.read.columns.iter().map(|column| (column.name.clone(), column.ty)));
        }
        used
    }
}
