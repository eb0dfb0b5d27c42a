//! Documents whose roots are gone, on their way out of the index.
//!
//! Promises: more of them than a mistake would excuse are not sent, none of them, unless it was said that they are right; what a
//! look at all documents has found is sent when it is found a second time, a while later; each
//! that is sent is answered for, a refused one as a dead letter, so that the next run tries again. Holds keys of documents that
//! are there, a tenth of the index's at most.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use super::Engine;
use super::sweep::{rootless, still_rootless};
use super::writer::{Target, Writer};
use crate::finding::Finding;
use crate::hydrate::Level;
use crate::row::{Key, Match, key_of};
use crate::sink::index;
use crate::source::Read;
use crate::state::DeadLetter;

/// Deletions that a run sends whatever the index's size, and the share of its documents beyond that: one in so many.
const ANYWAY: u64 = 100;
const ONE_IN: u64 = 10;
/// Between two looks at what is sent page by page.
const MOMENT: Duration = Duration::from_secs(1);

/// How many of so many documents a mistake would excuse.
pub(super) fn most_of(documents: u64) -> u64 {
    ANYWAY.max(documents / ONE_IN)
}

/// Documents to be deleted.
pub(super) struct Deletions<'e> {
    engine: &'e Engine,
    target: &'e Target,
    /// Whether any number of them is right.
    are_right: bool,
    /// How many documents there are, once it was asked.
    documents: Option<u64>,
    /// Keys of documents, and the version to delete each with.
    held: HashMap<Key, u64>,
    /// Those that are gone.
    count: u64,
    letters: Vec<DeadLetter>,
}

/// What became of them.
pub(super) struct Deleted {
    /// Documents that are gone.
    pub(super) count: u64,
    /// Those that the engine refused to delete.
    pub(super) letters: Vec<DeadLetter>,
}

impl<'e> Deletions<'e> {
    /// None so far; `are_right` says that however many come are.
    pub(super) fn new(engine: &'e Engine, target: &'e Target, are_right: bool) -> Self {
        Self {
            engine,
            target,
            are_right,
            documents: None,
            held: HashMap::new(),
            count: 0,
            letters: Vec::new(),
        }
    }

    /// Notes keys without a root; what has no document needs no deletion.
    pub(super) async fn add(&mut self, keys: Vec<Key>, version: u64) -> Result<()> {
        if keys.is_empty() {
            return Ok(());
        }
        let (engine, live) = (self.engine, self.target.index.as_str());
        let ids: Vec<&str> = keys.iter().map(Key::as_str).collect();
        let there = index::digests(&engine.client, engine.patience(), live, &ids).await?;
        let most = self.most().await?;
        for key in keys {
            if !there.contains_key(key.as_str()) {
                continue;
            }
            // One more than may be is enough to know.
            if self.held.len() as u64 <= most || self.held.contains_key(&key) {
                self.held.insert(key, version);
            }
        }
        if self.are_right && self.held.len() >= engine.load.page_rows {
            self.send().await?;
        }
        Ok(())
    }

    /// Notes keys that a look at all documents has found without a root. Where they are not held until [`Deletions::look_again`],
    /// they are looked for once more now.
    pub(super) async fn add_found(&mut self, keys: Vec<Key>, version: u64) -> Result<()> {
        if !self.are_right {
            return self.add(keys, version).await;
        }
        sleep(MOMENT).await;
        let keys = still_rootless(self.engine, keys).await?;
        self.add(keys, version).await
    }

    /// Looks at all documents once more, and forgets keys whose roots were away for a moment.
    ///
    /// # Errors
    /// When more have lost their root by now than a mistake would excuse, or a source or the engine fails.
    pub(super) async fn look_again(&mut self) -> Result<()> {
        if self.are_right || self.held.is_empty() {
            return Ok(());
        }
        let (mut gone, mut still) = (0, HashSet::new());
        rootless((self.engine, &self.target.index), None, async |keys| {
            gone += keys.len() as u64;
            still.extend(keys.into_iter().filter(|key| self.held.contains_key(key)));
            Ok(())
        })
        .await?;
        // More than may be are not all held.
        self.ensure_few(gone.max(self.held.len() as u64)).await?;
        self.held.retain(|key, _| still.contains(key));
        Ok(())
    }

    /// Forgets keys whose roots are there again.
    pub(super) fn spare(&mut self, root: &Read, roots: &Level) {
        if self.held.is_empty() {
            return;
        }
        let mut text = String::new();
        for row in roots.rows.iter() {
            if key_of(row, &root.key, Match::Exact, &mut text) {
                self.held.remove(&Key::from(text.as_str()));
            }
        }
    }

    /// How many a mistake would excuse.
    async fn most(&mut self) -> Result<u64> {
        if self.are_right {
            return Ok(u64::MAX);
        }
        let documents = match self.documents {
            Some(documents) => documents,
            None => index::documents(&self.engine.client, &self.target.index).await?,
        };
        self.documents = Some(documents);
        Ok(most_of(documents))
    }

    /// Makes sure that so many are not too many.
    ///
    /// # Errors
    /// When they are, or the engine fails.
    async fn ensure_few(&mut self, gone: u64) -> Result<()> {
        let Some(documents) = self.documents else { return Ok(()) };
        let most = self.most().await?;
        if gone <= most {
            return Ok(());
        }
        let what = format!(
            "more than {most} of {documents} documents have lost their root: none of them is deleted"
        );
        let hint = "is a service's table as it should be? if it is: --allow-mass-delete, and --allow-shrink of a reindex";
        Err(Finding::error(what).hint(hint).into())
    }

    /// Deletes them all.
    ///
    /// # Errors
    /// When they are too many, or the engine fails.
    pub(super) async fn finish(mut self) -> Result<Deleted> {
        self.ensure_few(self.held.len() as u64).await?;
        self.send().await?;
        Ok(Deleted { count: self.count, letters: self.letters })
    }

    async fn send(&mut self) -> Result<()> {
        let mut writer = Writer::new(self.engine, self.target).deleting();
        for (key, version) in self.held.drain() {
            writer.delete(key.as_str(), version).await?;
        }
        writer.land_all().await?;
        self.count += writer.applied();
        self.letters.extend(writer.finish().await?);
        Ok(())
    }
}
