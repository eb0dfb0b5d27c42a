//! Keys of roots on their way to being built: each once, in batches.
//!
//! Promises: no root is in two batches, however often and by however many ways it is found. Holds a hash for each, never more
//! than a batch of keys.

use hashbrown::HashSet;
use tokio::sync::mpsc;
use xxhash_rust::xxh3::xxh3_128;

use crate::row::Key;

/// Batches of keys.
pub(super) struct Rounds {
    seen: HashSet<u128>,
    waiting: Vec<Key>,
    size: usize,
    keys: mpsc::Sender<Vec<Key>>,
}

impl Rounds {
    /// Batches of `size` keys for whoever takes them.
    pub(super) fn new(keys: mpsc::Sender<Vec<Key>>, size: usize) -> Self {
        Self { seen: HashSet::new(), waiting: Vec::new(), size, keys }
    }

    /// Adds keys, and hands on what fills a batch.
    pub(super) async fn add(&mut self, keys: Vec<Key>) {
        for key in keys {
            if !self.seen.insert(xxh3_128(key.as_str().as_bytes())) {
                continue;
            }
            self.waiting.push(key);
            if self.waiting.len() >= self.size {
                self.hand_on().await;
            }
        }
    }

    /// Hands on what is left.
    pub(super) async fn finish(mut self) {
        if !self.waiting.is_empty() {
            self.hand_on().await;
        }
    }

    async fn hand_on(&mut self) {
        // Nobody takes them any more when the run was stopped.
        let _gone = self.keys.send(std::mem::take(&mut self.waiting)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_key_comes_once() {
        let (keys, mut batches) = mpsc::channel(10);
        let mut rounds = Rounds::new(keys, 2);
        for some in [&["a", "b", "a"][..], &["c", "b"], &["d", "e"]] {
            rounds.add(some.iter().map(|key| Key::from(*key)).collect()).await;
        }
        rounds.finish().await;
        let mut told = Vec::new();
        while let Some(batch) = batches.recv().await {
            told.push(batch.iter().map(Key::as_str).collect::<String>());
        }
        assert_eq!(told, ["ab", "cd", "e"]);
    }
}
