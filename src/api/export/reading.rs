//! Reads an index that is held as it is to its end, page by page.
//!
//! Promises: each page goes on where the one before ended, and all of them together are as many documents as were counted, or
//! it is a problem. A page is as many documents as few megabytes hold, as far as can be known before; one that does not come, or
//! is too much at once, is asked for again. The index is let go when this is dropped.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::Shared;
use super::super::answer::{Hit, write};
use super::super::ask::ask_up_to;
use super::super::problem::Problem;
use super::super::search::Page;
use super::super::snapshot::Snapshot;
use crate::query::Selection;

/// Documents of the first page, when it is not known yet how large they are.
pub(super) const FIRST: usize = 16;
/// Most documents of a page: the next ones may be larger than any before.
const MOST: usize = 1_000;
/// Bytes of a page, about.
const BYTES: usize = 2 << 20;
/// Most bytes of a page that is not of one document. An engine that does not tell the length of its answer before, as
/// Elasticsearch does not, has it read before it is dropped.
const MOST_BYTES: u64 = 8 * BYTES as u64;
/// How many times fewer documents are asked for when they were too much at once.
const FEWER: usize = 8;
/// How long a page is waited for that did not come, each time. So many failures in a row, of one export alone, do not make
/// anybody leave the engine alone.
const AGAIN: [Duration; 3] =
    [Duration::from_millis(250), Duration::from_secs(1), Duration::from_secs(3)];
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

    /// What comes behind one place of what is held is always the same, however often it is asked for.
    async fn page(&mut self) -> Result<Vec<Hit>, Problem> {
        self.asks("track_total_hits", json!(false));
        let mut waits = AGAIN.iter();
        loop {
            self.size = self.size.min(usize::try_from(self.left).unwrap_or(usize::MAX));
            self.asks("size", json!(self.size));
            let most = (self.size > 1).then_some(MOST_BYTES);
            let search = std::mem::take(&mut self.search);
            let (search, answered) = self.ask(search, most).await;
            self.search = search;
            let problem = match answered {
                Ok((hits, bytes)) => {
                    self.size = next_size(self.size, hits.len(), bytes);
                    return Ok(hits);
                }
                Err(problem) => problem,
            };
            if problem.is_of_too_much() {
                self.size = (self.size / FEWER).max(1);
            }
            if problem.code() == Problem::answer_too_long().code() {
                continue;
            }
            match waits.next().filter(|_| problem.may_pass()) {
                Some(wait) => {
                    tracing::debug!(code = problem.code(), "a page is asked for again");
                    tokio::time::sleep(problem.retry_after().unwrap_or_default().max(*wait)).await;
                }
                None => return Err(problem),
            }
        }
    }

    async fn ask(
        &mut self,
        mut search: Value,
        most: Option<u64>,
    ) -> (Value, Result<(Vec<Hit>, usize), Problem>) {
        self.snapshot.add_to(&mut search);
        self.snapshot.stays(self.shared.wait());
        let asked = (&["_search"][..], &search);
        let answered = ask_up_to(&self.shared, &self.request_id, asked, most).await;
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
        let (_, renewed) = self.ask(nothing, None).await;
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
        assert_eq!(sizes(100), [64, 256, 1_000, 1_000, 1_000, 1_000]);
        assert_eq!(sizes(4_096), [64, 256, 512, 512, 512, 512]);
        assert_eq!(sizes(1 << 20), [2; 6]);
        assert_eq!(sizes(16 << 20), [1; 6]);
        // Small ones behind large ones.
        assert_eq!(next_size(1, 1, 1_000), 4);
        assert_eq!(next_size(16, 0, 0), 64);
    }
}
