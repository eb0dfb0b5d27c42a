//! From what has changed to the roots that it leads to: those that the services tell of, and those that only the index knows.
//!
//! Promises: pages of changes, and nothing is held of them. One root may come several times, by as many ways as lead to it. Never
//! writes.

use std::collections::BTreeMap;

use anyhow::Result;
use jiff::Timestamp;
use tokio::sync::mpsc;

use super::Engine;
use crate::row::Key;
use crate::sink::{index, patiently};
use crate::trace::{Looks, Tracer};

/// From when on changes count.
pub(super) enum Since<'s> {
    /// From the horizon of each watched table on; for ever, where it has none. Tables whose rows do not tell of changes count by
    /// what they looked like then and look like now, where that is given.
    Horizons(&'s BTreeMap<String, Timestamp>, Option<(&'s Looks, &'s Looks)>),
    /// From that instant on.
    Instant(Timestamp),
}

/// Hands the keys of all roots to `each` that changes lead to. Former roots of what has moved or vanished are looked for in the
/// index `live`, as of its last refresh.
///
/// # Errors
/// When a source or the engine fails.
pub(super) async fn roots(
    (engine, live): (&Engine, &str),
    tracer: &Tracer,
    since: Since<'_>,
    mut each: impl AsyncFnMut(Vec<Key>),
) -> Result<()> {
    let (send, mut found) = mpsc::channel(1);
    let tracing = async {
        let (horizons, looks, instant) = match since {
            Since::Horizons(horizons, looks) => (Some(horizons), looks, None),
            Since::Instant(instant) => (None, None, Some(instant)),
        };
        let since = |name: &str| instant.or_else(|| horizons?.get(name).copied());
        let traced = tracer.changes(since, looks, &send).await;
        drop(send);
        traced
    };
    let taking = async {
        while let Some(found) = found.recv().await {
            each(found.roots).await;
            if found.refs.is_empty() {
                continue;
            }
            // What is found again after a failure comes twice.
            let held = async || {
                index::holders(&engine.client, live, &found.refs, async |ids| {
                    each(ids.iter().map(|id| Key::from(id.as_str())).collect()).await;
                    Ok(())
                })
                .await
            };
            patiently(engine.patience(), held).await?;
        }
        Ok(())
    };
    tokio::try_join!(tracing, taking).map(|_| ())
}
