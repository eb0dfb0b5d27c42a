//! Keys of roots on their way to being built: each once, in batches.
//!
//! Promises: no root is in two batches at a time, however often and by however many ways it is found. Holds a hash for each, up
//! to a number, and never more than a batch of keys: beyond that it waits until all are answered for, and begins anew. The
//! first batches are small, so that the engine has something to do while the next ones are read.

use hashbrown::HashSet;
use tokio::sync::{mpsc, oneshot};
use xxhash_rust::xxh3::xxh3_128;

use super::pipeline::Asked;
use crate::row::Key;

/// Keys that are remembered at a time: some 36 MB. Few where runs are tested, so that they meet the end of it.
const REMEMBERED: usize = if cfg!(feature = "failpoints") { 16 } else { 1 << 20 };

/// The part of a batch that the first one is; each is twice as large as the one before, up to the whole.
const FIRST: usize = 8;

/// Batches of keys.
pub(super) struct Rounds {
    seen: HashSet<u128>,
    waiting: Vec<Key>,
    size: usize,
    largest: usize,
    remembered: usize,
    keys: mpsc::Sender<Asked>,
}

impl Rounds {
    /// Batches of `largest` keys, after some smaller ones, for whoever takes them.
    pub(super) fn new(keys: mpsc::Sender<Asked>, largest: usize) -> Self {
        let (seen, waiting) = (HashSet::new(), Vec::new());
        let size = (largest / FIRST).max(1);
        Self { seen, waiting, size, largest, remembered: REMEMBERED, keys }
    }

    /// Adds keys, and hands on what fills a batch.
    pub(super) async fn add(&mut self, keys: Vec<Key>) {
        for key in keys {
            let hash = xxh3_128(key.as_str().as_bytes());
            if self.seen.contains(&hash) {
                continue;
            }
            if self.seen.len() >= self.remembered {
                self.pause().await;
            }
            self.seen.insert(hash);
            self.waiting.push(key);
            if self.waiting.len() >= self.size {
                self.hand_on().await;
            }
        }
    }

    /// Hands on what is left.
    pub(super) async fn finish(mut self) {
        self.hand_on().await;
    }

    /// Waits until all keys so far are answered for, and forgets them.
    async fn pause(&mut self) {
        self.hand_on().await;
        let (tell, told) = oneshot::channel();
        // Nobody tells any more when the run was stopped.
        let _gone = self.keys.send(Asked::Pause(tell)).await;
        let _gone = told.await;
        self.seen.clear();
    }

    async fn hand_on(&mut self) {
        if !self.waiting.is_empty() {
            // As above.
            let _gone = self.keys.send(Asked::Keys(std::mem::take(&mut self.waiting))).await;
            self.size = self.largest.min(self.size.saturating_mul(2));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of these keys, in batches of two.
    async fn batches(remembered: usize, all: &[&[&str]]) -> String {
        let (keys, mut asked) = mpsc::channel(1);
        let mut rounds = Rounds { remembered, ..Rounds::new(keys, 2) };
        let adding = async {
            for some in all {
                rounds.add(some.iter().map(|key| Key::from(*key)).collect()).await;
            }
            rounds.finish().await;
        };
        let taking = async {
            let mut told = Vec::new();
            while let Some(asked) = asked.recv().await {
                told.push(match asked {
                    Asked::Keys(keys) => keys.iter().map(Key::as_str).collect::<String>(),
                    Asked::Pause(tell) => {
                        tell.send(()).unwrap();
                        "|".to_owned()
                    }
                });
            }
            told.join(" ")
        };
        tokio::join!(adding, taking).1
    }

    #[tokio::test]
    async fn each_key_comes_once() {
        let keys = [&["a", "b", "a"][..], &["c", "b"], &["d", "e"]];
        assert_eq!(batches(100, &keys).await, "a bc de");
        assert_eq!(batches(100, &[]).await, "");
    }

    #[tokio::test]
    async fn or_again_when_all_before_were_answered_for() {
        let keys = [&["a", "b", "c"][..], &["a", "b", "d", "d", "a"]];
        assert_eq!(batches(3, &keys).await, "a bc | da");
        assert_eq!(batches(1, &[&["a", "a", "b", "a"]]).await, "a | b | a");
    }
}
