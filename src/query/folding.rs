//! What an index makes of a text before it compares it, as far as that is known here.
//!
//! Promises: a text that is folded here is what the engine shows as the value of it. What a normalizer does that is not
//! known is said to be unknown, never guessed.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::analysis::{named, parts};

/// What becomes of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Folding {
    /// Nothing.
    Exact,
    /// Lower case, character by character.
    Lower,
    /// Something else.
    Unknown,
}

impl Folding {
    /// What the index holds for `text`, if that is known.
    pub fn fold(self, text: &str) -> Option<String> {
        match self {
            Self::Exact => Some(text.to_owned()),
            // The engine knows no character whose lower case is two.
            Self::Lower => Some(text.chars().filter_map(|c| c.to_lowercase().next()).collect()),
            Self::Unknown => None,
        }
    }
}

/// The normalizers of an index that put texts in lower case, and do nothing else.
#[derive(Debug, Clone, Default)]
pub(super) struct Normalizers(BTreeSet<String>);

impl Normalizers {
    /// Those of an index's settings, as a mapping's file has them or as the engine tells them.
    pub(super) fn of(settings: &Map<String, Value>) -> Self {
        let lower = named(settings, "normalizer").into_iter().flatten();
        Self(lower.filter(|(_, spec)| only_lowers(spec)).map(|(name, _)| name.clone()).collect())
    }

    /// What the normalizer of that name does.
    pub(super) fn folding(&self, name: Option<&str>) -> Folding {
        match name {
            None => Folding::Exact,
            Some(name) if name == "lowercase" || self.0.contains(name) => Folding::Lower,
            Some(_) => Folding::Unknown,
        }
    }
}

fn only_lowers(normalizer: &Value) -> bool {
    let is_lowercase = |filter: &Value| filter == "lowercase";
    let filters = parts(normalizer, "filter");
    let lowers = !filters.is_empty() && filters.iter().all(is_lowercase);
    lowers && parts(normalizer, "char_filter").is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_is_folded() {
        let settings = serde_json::json!({"index": {"analysis": {"normalizer": {
            "folded": {"type": "custom", "filter": ["lowercase"]},
            "plain": {"type": "custom", "filter": "lowercase", "char_filter": []},
            "more": {"type": "custom", "filter": ["lowercase", "asciifolding"]},
            "mapped": {"type": "custom", "filter": ["lowercase"], "char_filter": ["quotes"]},
            "nothing": {"type": "custom"}}}}});
        let normalizers = Normalizers::of(settings.as_object().unwrap());
        let fold = |name| normalizers.folding(name).fold("ÀB김Σ İ");
        assert_eq!(fold(None).as_deref(), Some("ÀB김Σ İ"));
        for lower in ["lowercase", "folded", "plain"] {
            assert_eq!(fold(Some(lower)).as_deref(), Some("àb김σ i"), "{lower}");
        }
        for unknown in ["more", "mapped", "nothing", "other"] {
            assert_eq!(fold(Some(unknown)), None, "{unknown}");
        }
    }
}
