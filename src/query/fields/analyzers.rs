//! Which analyzers keep the words of a text whole, so that one may be looked for that is nearly the same.
//!
//! Promises: what is not known to keep them does not: of pairs of characters, or of the beginnings of words, nearly all are nearly
//! the same.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::query::analysis::{named, parts};

/// Those that engines bring along; `nori` where its plugin is installed.
const WHOLE: [&str; 6] = ["standard", "simple", "whitespace", "stop", "cjk", "nori"];
/// Tokenizers that part texts into words.
const TOKENIZERS: [&str; 4] = ["standard", "whitespace", "letter", "nori_tokenizer"];
/// Filters that leave out a word or write it otherwise, and part none.
const FILTERS: [&str; 9] = [
    "lowercase",
    "asciifolding",
    "stop",
    "cjk_width",
    "trim",
    "unique",
    "nori_part_of_speech",
    "nori_readingform",
    "icu_folding",
];

/// The analyzers of an index's settings by their names, each with whether it keeps words whole.
#[derive(Debug, Clone, Default)]
pub(super) struct Analyzers(BTreeMap<String, bool>);

impl Analyzers {
    /// Those of an index's settings, as a mapping's file has them or as the engine tells them.
    pub(super) fn of(settings: &Map<String, Value>) -> Self {
        let each = named(settings, "analyzer").into_iter().flatten();
        Self(each.map(|(name, spec)| (name.clone(), is_whole(spec, settings))).collect())
    }

    /// Whether words stay whole in a text that is read by these, or by those of the index where it names none.
    pub(super) fn keep_words(&self, names: &[String]) -> bool {
        let is_whole = |name: &str| match self.0.get(name) {
            Some(whole) => *whole,
            None => WHOLE.contains(&name),
        };
        let of_index = ["default", "default_search"];
        let of_index = of_index.iter().filter_map(|name| self.0.get(*name));
        match names {
            [] => of_index.into_iter().all(|whole| *whole),
            names => names.iter().all(|name| is_whole(name)),
        }
    }
}

fn is_whole(analyzer: &Value, settings: &Map<String, Value>) -> bool {
    let tokenizer = text(analyzer.get("tokenizer"));
    let made = named(settings, "tokenizer").and_then(|tokenizers| tokenizers.get(tokenizer));
    let cuts = |spec: &Value| spec.get("max_token_length").is_some();
    if cuts(analyzer) || made.is_some_and(cuts) || !parts(analyzer, "char_filter").is_empty() {
        return false;
    }
    match analyzer.get("type").and_then(Value::as_str) {
        None | Some("custom") => {}
        Some(ty) => return WHOLE.contains(&ty),
    }
    let is_known =
        |filter: &Value| FILTERS.contains(&type_of(settings, "filter", text(Some(filter))));
    TOKENIZERS.contains(&type_of(settings, "tokenizer", tokenizer))
        && parts(analyzer, "filter").iter().all(is_known)
}

/// The type of a part; one that the settings do not name is its own.
fn type_of<'a>(settings: &'a Map<String, Value>, kind: &str, name: &'a str) -> &'a str {
    match named(settings, kind).and_then(|made| made.get(name)) {
        Some(spec) => text(spec.get("type")),
        None => name,
    }
}

fn text(value: Option<&Value>) -> &str {
    value.and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_keeps_words() {
        let settings = serde_json::json!({"index": {"analysis": {
            "tokenizer": {"three": {"type": "standard", "max_token_length": 3}, "korean": {"type": "nori_tokenizer"}, "pairs": {"type": "ngram"}, "standard": {"type": "edge_ngram"}},
            "filter": {"short": {"type": "edge_ngram"}, "names": {"type": "stop"}},
            "analyzer": {
                "words": {"tokenizer": "whitespace", "filter": ["lowercase", "names"]},
                "korean": {"type": "custom", "tokenizer": "korean", "filter": "lowercase"},
                "pairs": {"tokenizer": "pairs"}, "typed": {"tokenizer": "whitespace", "filter": ["lowercase", "short"]},
                "same": {"tokenizer": "standard"},
                "cut": {"tokenizer": "three"}, "short": {"type": "standard", "max_token_length": 3},
                "changed": {"tokenizer": "whitespace", "char_filter": ["html_strip"]}, "german": {"type": "german"}, "simple": {"tokenizer": "pairs"}}}}});
        let analyzers = Analyzers::of(settings.as_object().unwrap());
        let keeps = |named: &[&str]| {
            analyzers.keep_words(&named.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
        };
        for whole in [&[] as &[&str], &["standard"], &["words"], &["korean", "cjk"]] {
            assert!(keeps(whole), "{whole:?}");
        }
        for parted in [
            "pairs", "typed", "same", "german", "english", "simple", "nobody", "cut", "short",
            "changed",
        ] {
            assert!(!keeps(&[parted]) && !keeps(&["standard", parted]), "{parted}");
        }
        let of_index =
            serde_json::json!({"analysis": {"analyzer": {"default": {"tokenizer": "ngram"}}}});
        let analyzers = Analyzers::of(of_index.as_object().unwrap());
        assert!(!analyzers.keep_words(&[]) && analyzers.keep_words(&["standard".to_owned()]));
    }
}
