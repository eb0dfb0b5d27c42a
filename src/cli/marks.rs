//! Whether the columns that tell of changes hold what they are taken to hold.
//!
//! Promises: looks for one row of each kind that does not fit, for a few seconds at most; what a look does not find in that
//! time is not complained of. Never tells a value.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::join_all;

use crate::finding::{Code, Finding};
use crate::plan::{Mark, Plan, Seen};
use crate::row::Page;
use crate::source::{KeyRange, PageSize, Read, Source, Sources};

/// How long one look may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Findings about the columns that tell of a plan's changed and deleted rows.
pub(super) async fn unfit(plan: &Plan, sources: &Sources) -> Vec<Finding> {
    let mut marks = Vec::new();
    for node in plan.root.walk() {
        let Some(source) = sources.get(&node.source) else { continue };
        for watch in &node.watches {
            if let Seen::Marked(all) = &watch.seen {
                let is_alone = all.len() == 1;
                marks.extend(all.iter().map(|mark| (node, source, mark, is_alone)));
            }
            marks.extend(watch.gone.iter().map(|gone| (node, source, &gone.told, true)));
        }
    }
    let looked = marks.into_iter().map(|(node, source, mark, is_alone)| async move {
        let finding = look(source, mark, is_alone).await?;
        Some(finding.at(&plan.file, node.place))
    });
    join_all(looked).await.into_iter().flatten().collect()
}

/// What does not fit; NULLs do where other columns tell as well.
async fn look(source: &Arc<dyn Source>, mark: &Mark, is_alone: bool) -> Option<Finding> {
    let column = mark.rows.columns.get(*mark.rows.key.first()?)?;
    let (name, path) = (&column.name, &mark.rows.path);
    for range in mark.misread().into_iter().flatten() {
        if first(source, (*mark.rows).clone(), range).await.is_some() {
            let what = format!("`{name}` of `{path}` holds numbers that are no seconds since 1970");
            let hint = "{column: …, as: epoch_millis} or epoch_micros; others, as Julian days, have to be converted in a `query`";
            return Some(Finding::error(what).code(Code::ChangedAtType).hint(hint));
        }
    }
    if let Some(range) = mark.written() {
        let page = first(source, (*mark.rows).clone(), range).await;
        if page.is_some_and(|page| !mark.is_in_order(&page)) {
            let what = format!(
                "`{name}` of `{path}` holds texts that are not ISO 8601, of whose rows' changes nothing tells"
            );
            let hint = "2026-01-31T13:05:00Z and 2026-01-31 stand in the order of time; others, empty ones too, have to be \
                        converted in a `query`, or `changed_at: none` reads all rows";
            return Some(Finding::error(what).code(Code::ChangedAtType).hint(hint));
        }
    }
    // A key of its own is in whatever is watched.
    let key: Vec<usize> = mark.rows.key.iter().skip(1).copied().collect();
    if !is_alone || !column.nullable || key.is_empty() {
        return None;
    }
    let rows = Read { absent: Some(name.clone()), key, ..(*mark.rows).clone() };
    first(source, rows, KeyRange::default()).await?;
    let what = format!("`{name}` of `{path}` is NULL in some rows, of whose changes nothing tells");
    let hint =
        "fill it and make it NOT NULL, or name other columns beside it: [updated_at, created_at]";
    Some(Finding::warning(what).code(Code::ChangedAtNull).hint(hint))
}

/// The first row, if there is one.
async fn first(source: &Arc<dyn Source>, rows: Read, range: KeyRange) -> Option<Page> {
    let rows = Read { backward: false, ..rows };
    let mut pages = source.scan(Arc::new(rows), range, PageSize { rows: 1, bytes: 1 });
    let page = tokio::time::timeout(PATIENCE, pages.next()).await;
    page.ok()??.ok().filter(|page| !page.is_empty())
}
