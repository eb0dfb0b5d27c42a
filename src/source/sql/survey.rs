//! Statements that count. They bind nothing and show no value.

use super::{Dialect, Read, conditions, select, tables};

/// How many rows a read has, `most` at most.
pub(in crate::source) fn count(dialect: Dialect, read: &Read, most: u64) -> String {
    format!("SELECT COUNT(*) AS n FROM ({} LIMIT {most}) AS s", every_row(dialect, read))
}

/// Nothing of each row.
pub(in crate::source) fn every_row(dialect: Dialect, read: &Read) -> String {
    select(&tables(dialect, read), &["1 AS one".to_owned()], &conditions(dialect, read))
}

/// Most rows of one key among `rows` of them. Rows without a key join nothing.
pub(in crate::source) fn fan_out(dialect: Dialect, read: &Read, rows: usize) -> String {
    let by: Vec<String> = read
        .by
        .iter()
        .filter_map(|&at| read.columns.get(at))
        .map(|column| dialect.column(column))
        .collect();
    let named = by.iter().enumerate().map(|(at, column)| format!("{column} AS k{at}"));
    let mut conditions = conditions(dialect, read);
    conditions.extend(by.iter().map(|column| format!("{column} IS NOT NULL")));
    let keys = select(&tables(dialect, read), &named.collect::<Vec<_>>(), &conditions);
    let groups: Vec<String> = (0..by.len()).map(|at| format!("k{at}")).collect();
    format!(
        "SELECT MAX(n) AS n FROM (SELECT COUNT(*) AS n FROM ({keys} LIMIT {rows}) AS s GROUP BY {}) AS g",
        groups.join(", ")
    )
}
