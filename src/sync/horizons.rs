//! Horizons: for each watched table, since when changes are left for the next run.
//!
//! Promises: all of them are asked for before the first row is read; one that cannot be told stays where it was.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use anyhow::{Context, Result};
use futures::future::try_join_all;
use jiff::{SignedDuration, Timestamp};

use super::Engine;
use crate::plan::Watch;
use crate::source::Moment;

/// Instants by the name of what is watched; ever since, where there is none.
pub(super) type Horizons = BTreeMap<String, Timestamp>;

/// What a run knows before it reads anything.
pub(super) struct Present {
    /// The horizons of what is read from now on.
    pub(super) horizons: Horizons,
    /// When the sources were asked.
    asked: Instant,
    /// How long from then on all deletions since the horizons before are told.
    told_for: SignedDuration,
}

impl Present {
    /// Whether rows that tell of deletions may be gone by now: nothing but a look at everything shows those deletions.
    pub(super) fn has_forgotten(&self) -> bool {
        SignedDuration::try_from(self.asked.elapsed()).is_ok_and(|gone| gone >= self.told_for)
    }
}

/// Asks all sources for their present; `before` are the horizons up to which all was read.
///
/// # Errors
/// When a source does not answer or refuses.
pub(super) async fn present(engine: &Engine, before: &Horizons) -> Result<Present> {
    let nodes = engine.plan.root.walk();
    let names: BTreeSet<&str> = nodes.iter().map(|node| node.source.as_str()).collect();
    let asked = names.into_iter().map(|name| async move {
        let source = engine.sources.get(name);
        let source = source.with_context(|| format!("source `{name}` is not open"))?;
        anyhow::Ok((name, source.moment().await?))
    });
    let moments: BTreeMap<&str, Moment> = try_join_all(asked).await?.into_iter().collect();
    let (mut horizons, mut told_for) = (Horizons::new(), SignedDuration::MAX);
    for node in nodes {
        let Some(moment) = moments.get(node.source.as_str()) else { continue };
        for watch in &node.watches {
            let kept = before.get(&watch.name).copied();
            told_for = told_for.min(tells_for(watch, kept, moment.now));
            if let Some(horizon) = moment.horizon(watch.overlap).or(kept) {
                horizons.insert(watch.name.clone(), horizon);
            }
        }
    }
    Ok(Present { horizons, asked: Instant::now(), told_for })
}

/// How long all is told that was deleted behind that horizon; no time where the horizon is not known.
fn tells_for(watch: &Watch, horizon: Option<Timestamp>, now: Timestamp) -> SignedDuration {
    match (watch.gone.as_ref().and_then(|gone| gone.keep), horizon) {
        (None, _) => SignedDuration::MAX,
        (Some(_), None) => SignedDuration::ZERO,
        (Some(keep), Some(horizon)) => keep.saturating_sub(now.duration_since(horizon)),
    }
}
