//! Horizons: for each watched table, since when changes are left for the next run.
//!
//! Promises: all of them are asked for before the first row is read; one that cannot be told stays where it was.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use futures::future::try_join_all;
use jiff::Timestamp;

use super::Engine;
use crate::source::Moment;

/// Instants by the name of what is watched; ever since, where there is none.
pub(super) type Horizons = BTreeMap<String, Timestamp>;

/// The horizons of what is read from now on; `before` are those up to which all was read.
///
/// # Errors
/// When a source does not answer or refuses.
pub(super) async fn horizons(engine: &Engine, before: &Horizons) -> Result<Horizons> {
    let nodes = engine.plan.root.walk();
    let names: BTreeSet<&str> = nodes.iter().map(|node| node.source.as_str()).collect();
    let asked = names.into_iter().map(|name| async move {
        let source = engine.sources.get(name);
        let source = source.with_context(|| format!("source `{name}` is not open"))?;
        anyhow::Ok((name, source.moment().await?))
    });
    let moments: BTreeMap<&str, Moment> = try_join_all(asked).await?.into_iter().collect();
    let mut horizons = Horizons::new();
    for node in nodes {
        let moment = moments.get(node.source.as_str());
        for watch in &node.watches {
            let told = moment.and_then(|moment| moment.horizon(watch.overlap));
            let kept = || before.get(&watch.name).copied();
            if let Some(horizon) = told.or_else(kept) {
                horizons.insert(watch.name.clone(), horizon);
            }
        }
    }
    Ok(horizons)
}
