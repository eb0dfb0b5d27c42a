//! Rows of a to-one relation that were read before in this run.
//!
//! Promises: bounded by bytes; keeps what came first, so that a relation too large to be kept does not churn. Lives for one
//! run: the next one sees the services as they are then.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::row::{Key, Page};

/// A row, and the page that holds its bytes.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) page: Arc<Page>,
    pub(super) row: u32,
}

/// What is known of keys; `None` is known to have no row.
pub(super) struct Cache {
    limit: usize,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    rows: HashMap<Key, Option<Kept>>,
    // The page counted last: its rows come one after another.
    latest: Option<Arc<Page>>,
    bytes: usize,
}

/// What a map's entry costs beside the key's text.
const ENTRY_BYTES: usize = size_of::<(Key, Option<Kept>)>() + 16;

impl Cache {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, held: Mutex::default() }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn knows(&self, key: &Key) -> bool {
        self.held().rows.contains_key(key)
    }

    /// What is known of `key`: nothing, that it has no row, or its row.
    pub(super) fn get(&self, key: &Key) -> Option<Option<Kept>> {
        self.held().rows.get(key).cloned()
    }

    /// Remembers what was found for `key`, while there is room.
    pub(super) fn keep(&self, key: &Key, row: Option<Kept>) {
        let mut held = self.held();
        let page = row.as_ref().map(|kept| &kept.page);
        let counted = match (page, &held.latest) {
            (Some(page), Some(latest)) => Arc::ptr_eq(page, latest),
            (page, _) => page.is_none(),
        };
        let page_bytes = page.filter(|_| !counted).map_or(0, |page| page.bytes());
        let cost = key.as_str().len() + ENTRY_BYTES + page_bytes;
        if held.bytes + cost > self.limit {
            return;
        }
        held.bytes += cost;
        if let Some(page) = page {
            held.latest = Some(Arc::clone(page));
        }
        held.rows.insert(key.clone(), row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::Kind;

    #[test]
    fn what_does_not_fit_is_not_kept() {
        let mut page = Page::new(1);
        page.push(Kind::Text, &"x".repeat(600)).unwrap();
        let page = Arc::new(page);
        let cache = Cache::new(1_000);
        let kept = || Some(Kept { page: Arc::clone(&page), row: 0 });
        cache.keep(&Key::from("a"), kept());
        cache.keep(&Key::from("none"), None);
        assert!(cache.get(&Key::from("a")).unwrap().is_some());
        assert!(cache.get(&Key::from("none")).unwrap().is_none());
        let other = Arc::new(Page::clone(&page));
        cache.keep(&Key::from("b"), Some(Kept { page: other, row: 0 }));
        assert!(!cache.knows(&Key::from("b")));
    }
}
