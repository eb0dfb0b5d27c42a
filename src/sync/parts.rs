//! The parts of a document: which service and table each comes from, and how they are joined. Values are no part of it.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Serialize;

use super::difference::Identities;
use crate::hydrate::Level;
use crate::plan::{Node, Plan};
use crate::row::Match;
use crate::source::{From, Read, Sources};

/// One relation's part of the document.
#[derive(Debug, Clone, Serialize)]
pub struct Part {
    /// The relation's path; empty for the root.
    pub path: String,
    /// The service that it comes from.
    pub source: String,
    /// The table; `None` for a query of the job's own.
    pub table: Option<String>,
    /// What is equal between the level above (or the link table) and this one; the key for the root.
    pub joined_by: Vec<String>,
    /// How both sides are made comparable, when not as they are.
    #[serde(rename = "match")]
    pub matching: Option<String>,
    /// The SQL that reads it, as [`crate::source::Source::statement`] tells it.
    pub statement: String,
    /// Rows that came; `None` when they were not asked for, or were too many.
    pub rows: Option<u64>,
}

/// The parts of a document whose reads brought so many `rows`, by the relation's path.
///
/// # Errors
/// When a read cannot be put into SQL.
pub(super) fn parts(
    plan: &Plan,
    sources: &Sources,
    rows: &BTreeMap<String, u64>,
) -> Result<Vec<Part>> {
    let mut parts = Vec::new();
    let mut waiting: Vec<(&Node, Option<&Node>)> = vec![(&plan.root, None)];
    while let Some((node, above)) = waiting.pop() {
        let mut part = part(node, above, sources)?;
        part.rows = rows.get(&node.path).copied();
        parts.push(part);
        waiting.extend(node.children.iter().rev().map(|child| (child, Some(node))));
    }
    Ok(parts)
}

fn part(node: &Node, above: Option<&Node>, sources: &Sources) -> Result<Part> {
    let source = sources.get(&node.source);
    let source = source.with_context(|| format!("source `{}` is not open", node.source))?;
    let statement = match above {
        None => source.statement(&node.read.by_key()),
        Some(_) => source.statement(&node.read),
    };
    let matching = node.join.as_ref().map(|join| join.matching);
    Ok(Part {
        path: node.path.clone(),
        source: node.source.clone(),
        table: table(&node.read).map(str::to_owned),
        joined_by: joined_by(node, above),
        matching: matching
            .filter(|matching| *matching != Match::Exact)
            .map(|matching| format!("{matching:?}").to_lowercase()),
        statement: statement?,
        rows: None,
    })
}

fn table(read: &Read) -> Option<&str> {
    match &read.from {
        From::Table(table) => Some(table),
        From::Query(_) => None,
    }
}

pub(super) fn column_names<'r>(read: &'r Read, columns: &[usize]) -> Vec<&'r str> {
    columns.iter().filter_map(|&at| Some(read.columns.get(at)?.name.as_str())).collect()
}

/// `accounts.id = contracts.account_id`, pair by pair; the key's columns for the root.
fn joined_by(node: &Node, above: Option<&Node>) -> Vec<String> {
    let (Some(above), Some(join)) = (above, &node.join) else {
        return column_names(&node.read, &node.read.key).into_iter().map(str::to_owned).collect();
    };
    let named = |read: &Read, path: &str, column: &str| match table(read) {
        Some(table) => format!("{table}.{column}"),
        None => format!("{path}.{column}"),
    };
    let link = node.read.link.as_ref();
    let upper = column_names(&above.read, &join.parent).into_iter();
    let pairs = upper.zip(column_names(&node.read, &node.read.by)).map(|(upper, lower)| {
        let upper = named(&above.read, &above.read.path, upper);
        let lower = match link {
            Some(link) => format!("{}.{lower}", link.table),
            None => named(&node.read, &node.path, lower),
        };
        format!("{lower} = {upper}")
    });
    let linked = link.into_iter().flat_map(|link| {
        link.to.iter().map(|(column, target)| {
            format!("{} = {}.{column}", named(&node.read, &node.path, target), link.table)
        })
    });
    linked.chain(pairs).collect()
}

/// Rows of each relation, each once, however many above it share it. All levels have to have their rows.
pub(super) fn count(node: &Node, level: &Level, rows: &mut BTreeMap<String, u64>) {
    rows.insert(node.path.clone(), level.rows.len() as u64);
    for (child, joined) in node.children.iter().zip(&level.joined) {
        if let Some(level) = joined.level() {
            count(child, level, rows);
        }
    }
}

/// Of each list the fields that hold its rows' key, where there are such.
pub(super) fn identities(plan: &Plan) -> Identities {
    let lists = plan.root.walk().into_iter().filter_map(|node| {
        let field = |column| {
            let plain = node.fields.iter().find(|field| field.column == column && !field.mask);
            plain.map(|field| field.name.clone())
        };
        let names = node.read.key.iter().map(|&column| field(column)).collect::<Option<Vec<_>>>();
        Some((node.path.clone(), names?))
    });
    lists.collect()
}
