//! Whether what would be taken away, documents or rows out of them, is believed to be gone.
//!
//! Promises: a source that answers nothing, or much less than before, is taken for an outage: also one that began to do so in the
//! middle, when little is left to be looked at. Never decides on a part of what would be taken away: on all of it, at the end.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result};
use futures::StreamExt;

use crate::finding::Finding;
use crate::plan::Node;
use crate::row::Key;
use crate::sink::index;
use crate::source::{KeyRange, PageSize};
use crate::sync::Engine;
use crate::sync::deletions::most_of;
use crate::sync::sweep::rootless;

/// What to do about it.
const HINT: &str = "is a service's table as it should be? if it is: --allow-mass-delete";

/// What would be taken away.
#[derive(Default)]
pub(super) struct Taken {
    /// Documents without a root.
    pub(super) extra: Vec<Key>,
    /// Documents of whose rows the services have less.
    pub(super) losing: Vec<Key>,
    /// How many documents lose rows of each relation.
    pub(super) of_relation: BTreeMap<String, u64>,
}

/// How much is believed to be gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Excuse {
    /// Whatever it is.
    All,
    /// As much as a mistake would excuse.
    Few,
    /// The same, of the whole index as it is in the end.
    AsAWhole,
}

impl Excuse {
    /// The complaint that more would be taken away than a mistake would excuse; `extra` documents have no root.
    pub(super) async fn too_much(
        self,
        (engine, live): (&Engine, &str),
        extra: u64,
        taken: &Taken,
    ) -> Result<Option<Finding>> {
        let worst = taken.of_relation.iter().max_by_key(|(_, count)| **count);
        if self == Self::All || (extra == 0 && worst.is_none()) {
            return Ok(None);
        }
        let documents = index::documents(&engine.client, live).await?;
        let most = most_of(documents);
        let of = format!("more than {most} of {documents} documents");
        Ok(match worst {
            _ if extra > most => {
                Some(not_believed(&format!("{of} have lost their root: none of them is deleted")))
            }
            _ if extra > 0 && extra >= documents => Some(not_believed(&format!(
                "all of {documents} documents have lost their root: none of them is deleted"
            ))),
            Some((path, count)) if *count > most => Some(not_believed(&format!(
                "{of} have lost rows of `{path}`: these are left in them"
            ))),
            _ => None,
        })
    }

    /// The complaint that tables have lost their rows since most of the index was looked at.
    pub(super) async fn gone_meanwhile(
        self,
        (engine, live): (&Engine, &str),
        taken: &Taken,
    ) -> Result<Option<Finding>> {
        if self == Self::All || (taken.extra.is_empty() && taken.losing.is_empty()) {
            return Ok(None);
        }
        let nodes = engine.plan.root.walk();
        let loses = |node: &&&Node| match node.join {
            None => !taken.extra.is_empty(),
            Some(_) => taken.of_relation.contains_key(&node.path),
        };
        for node in nodes.iter().filter(loses) {
            if let Some(table) = empty(engine, node).await? {
                let what = format!("{table} has no row any more: nothing is taken away");
                return Ok(Some(not_believed(&what)));
            }
        }
        if taken.extra.is_empty() || self != Self::AsAWhole {
            return Ok(None);
        }
        let mut extra = 0;
        rootless((engine, live), None, async |keys| {
            extra += keys.len() as u64;
            Ok(())
        })
        .await?;
        self.too_much((engine, live), extra, &Taken::default()).await
    }
}

fn not_believed(what: &str) -> Finding {
    Finding::error(what).hint(HINT)
}

/// The table of a relation, or its link table, that has no row at all.
async fn empty(engine: &Engine, node: &Node) -> Result<Option<String>> {
    let source = engine.sources.get(&node.source);
    let source = source.with_context(|| format!("source `{}` is not open", node.source))?;
    for watch in &node.watches {
        let one = PageSize { rows: 1, bytes: 1 };
        let first = source.scan(Arc::clone(&watch.rows), KeyRange::default(), one).next().await;
        if first.transpose()?.is_none_or(|page| page.is_empty()) {
            let what = match node.join {
                None => "the root's table".to_owned(),
                Some(_) => format!("a table of `{}`", node.path),
            };
            return Ok(Some(format!("{what} in source `{}`", node.source)));
        }
    }
    Ok(None)
}
