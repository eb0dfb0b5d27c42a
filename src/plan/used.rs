//! The columns that a job uses: what a change of a service's tables can break.
//!
//! Promises: everything that the plan names is among them, conditions in SQL excepted. Pure.

use std::collections::BTreeMap;

use crate::finding::{Code, Finding};
use crate::row::Type;

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
                let finding = match now.and_then(|columns| columns.get(column)) {
                    Some(is) if is == was => continue,
                    Some(is) => Finding::error(format!("{place} was {was}, and is {is} now"))
                        .code(Code::ColumnChanged)
                        .hint("look at the job and its mapping, then run `prejoin reindex`"),
                    None => Finding::error(format!("{place} is gone")).code(Code::ColumnGone).hint(
                        "take it out of the job, or bring it back, then run `prejoin reindex`",
                    ),
                };
                findings.push(finding);
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(columns: &[(&str, Type)]) -> UsedColumns {
        let columns = columns.iter().map(|(name, ty)| ((*name).to_owned(), *ty)).collect();
        let tables = BTreeMap::from([("orders".to_owned(), columns)]);
        BTreeMap::from([("shop".to_owned(), tables)])
    }

    #[test]
    fn what_vanished_and_what_changed_is_named_and_what_is_new_is_not() {
        let before = used(&[("id", Type::Integer), ("no", Type::Text), ("at", Type::Date)]);
        let after = used(&[("id", Type::Integer), ("at", Type::Timestamptz), ("new", Type::Text)]);
        let told = |before, after| {
            let lines: Vec<String> = changed(before, after)
                .iter()
                .map(|finding| format!("{:?}: {finding}", finding.code))
                .collect();
            lines.join("\n")
        };
        insta::assert_snapshot!(told(&before, &after), @"
        ColumnChanged: column `at` of `orders` in source `shop` was date, and is timestamptz now
        ColumnGone: column `no` of `orders` in source `shop` is gone
        ");
        assert_eq!(told(&before, &before), "");
        assert_eq!(changed(&before, &UsedColumns::new()).len(), 3);
        // It outlives a run as JSON.
        let kept = serde_json::to_string(&before).unwrap();
        assert_eq!(serde_json::from_str::<UsedColumns>(&kept).unwrap(), before);
    }
}
