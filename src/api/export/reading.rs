//! Reads an index that is held as it is to its end, page by page.
//!
//! Promises: each page goes on where the one before ended, and all of them together are as many documents as were counted, or
//! it is a problem. A page is as many documents as few megabytes hold. The index is let go when this is dropped.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::Shared;
use super::super::answer::Hit;
use super::super::ask::ask;
use super::super::problem::Problem;
use super::super::search::{Page, write};
use super::super::snapshot::Snapshot;
use crate::query::Selection;

/// Documents of the first page, when it is not known yet how large they are.
pub(super) const FIRST: usize = 16;
/// Most documents of a page.
const MOST: usize = 5_000;
/// Bytes of a page, about.
const BYTES: usize = 2 << 20;
/// How much more a page may have than the one before: the next documents may be larger.
const GROWTH: usize = 4;

/// Where the reading is.
pub(super) struct Reading {
    shared: Arc<Shared>,
    request_id: String,
    selection: Selection,
    snapshot: Snapshot,
    /// What the engine was asked last.
    search: Value,
    /// A page that has been read already.
    waiting: Vec<Hit>,
    /// Documents that are to come.
    left: u64,
    /// Documents of the next page.
    size: usize,
}

impl Reading {
    /// Goes on after the first `page` of so many documents.
    pub(super) fn begin(
        shared: Arc<Shared>,
        request_id: String,
        page: Page,
        documents: u64,
    ) -> Result<Self, Problem> {
        let Page { selection, answer, snapshot, sent, .. } = page;
        let snapshot = snapshot.ok_or_else(Problem::internal)?;
        let size = next_size(FIRST, answer.hits.hits.len(), answer.bytes);
        let waiting = answer.hits.hits;
        Ok(Self {
            shared,
            request_id,
            selection,
            snapshot,
            search: sent,
            waiting,
            left: documents,
            size,
        })
    }

    /// Documents that are to come.
    pub(super) fn left(&self) -> u64 {
        self.left
    }

    /// What is shown of a document.
    pub(super) fn selection(&self) -> &Selection {
        &self.selection
    }

    /// Writes the row of a document.
    pub(super) fn row(&self, hit: &Hit, out: &mut String) -> Result<(), Problem> {
        write(&self.selection, hit, out)
    }

    /// The next documents; none when there are no more.
    ///
    /// # Errors
    /// When the engine does not answer, or has fewer than it has counted.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Hit>>, Problem> {
        if self.left == 0 {
            return Ok(None);
        }
        let mut hits = std::mem::take(&mut self.waiting);
        if hits.is_empty() {
            hits = self.page().await?;
        }
        hits.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
        let Some(last) = hits.last() else { return Err(Problem::partial_result()) };
        let after = serde_json::from_str(last.sort.get()).map_err(|_| Problem::internal())?;
        self.asks("search_after", after);
        self.left -= hits.len() as u64;
        Ok(Some(hits))
    }

    async fn page(&mut self) -> Result<Vec<Hit>, Problem> {
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        self.asks("size", json!(self.size.min(left)));
        self.asks("track_total_hits", json!(false));
        let search = std::mem::take(&mut self.search);
        let (search, answered) = self.ask(search).await;
        self.search = search;
        let (hits, bytes) = answered?;
        self.size = next_size(self.size, hits.len(), bytes);
        Ok(hits)
    }

    async fn ask(&mut self, mut search: Value) -> (Value, Result<(Vec<Hit>, usize), Problem>) {
        self.snapshot.add_to(&mut search);
        self.snapshot.stays(self.shared.wait());
        let answered = ask(&self.shared, &self.request_id, &["_search"], &search).await;
        let answered = answered.map_err(Problem::of_an_export).map(|mut answer| {
            self.snapshot.renamed(answer.pit_id.take());
            (answer.hits.hits, answer.bytes)
        });
        (search, answered)
    }

    /// How long the index is surely held without being asked.
    pub(super) fn good_for(&self) -> Duration {
        self.shared.config.snapshots.keep_alive / 3
    }

    /// Has the index held for as long again. Whether that went well is seen with the next page.
    pub(super) async fn renew(&mut self) {
        let nothing = json!({"query": {"match_all": {}}, "size": 0, "track_total_hits": false});
        let (_, renewed) = self.ask(nothing).await;
        if let Err(problem) = renewed {
            tracing::debug!(code = problem.code(), "a snapshot was not held on");
        }
    }

    fn asks(&mut self, name: &str, value: Value) {
        if let Value::Object(members) = &mut self.search {
            members.insert(name.to_owned(), value);
        }
    }
}

/// Documents of the page after one of `hits` documents in so many bytes, for which `size` were asked.
fn next_size(size: usize, hits: usize, bytes: usize) -> usize {
    let each = (bytes / hits.max(1)).max(1);
    (BYTES / each).clamp(1, MOST.min(size.saturating_mul(GROWTH)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_as_many_documents_as_fit() {
        let sizes = |each: usize| {
            let mut size = FIRST;
            let mut sizes = Vec::new();
            for _ in 0..6 {
                size = next_size(size, size, size * each);
                sizes.push(size);
            }
            sizes
        };
        assert_eq!(sizes(100), [64, 256, 1_024, 4_096, 5_000, 5_000]);
        assert_eq!(sizes(2_048), [64, 256, 1_024, 1_024, 1_024, 1_024]);
        assert_eq!(sizes(1 << 20), [2; 6]);
        assert_eq!(sizes(16 << 20), [1; 6]);
        // Small ones behind large ones.
        assert_eq!(next_size(1, 1, 1_000), 4);
        assert_eq!(next_size(16, 0, 0), 64);
    }
}
