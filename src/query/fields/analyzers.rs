//! Which analyzers keep the words of a text whole, so that one may be looked for that is nearly the same.
//!
//! Promises: what is not known to keep them does not: of pairs of characters, or of the beginnings of words, nearly all are nearly
//! the same.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

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
        let settings = settings.get("index").and_then(Value::as_object).unwrap_or(settings);
        let Some(analysis) = settings.get("analysis") else { return Self::default() };
        let named = analysis.get("analyzer").and_then(Value::as_object).into_iter().flatten();
        Self(named.map(|(name, spec)| (name.clone(), is_whole(spec, analysis))).collect())
    }

    /// Whether words stay whole in a text that is read by these, or by those of the index where it names none.
    pub(super) fn keep_words(&self, named: &[String]) -> bool {
        let is_whole = |name: &str| match self.0.get(name) {
            Some(whole) => *whole,
            None => WHOLE.contains(&name),
        };
        let of_index = ["default", "default_search"];
        let of_index = of_index.iter().filter_map(|name| self.0.get(*name));
        match named {
            [] => of_index.into_iter().all(|whole| *whole),
            named => named.iter().all(|name| is_whole(name)),
        }
    }
}

fn is_whole(analyzer: &Value, analysis: &Value) -> bool {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    // A part that the settings name is of the type that they say.
    let of_type = |part: &str, name: &str| match analysis.get(part).and_then(|it| it.get(name)) {
        Some(spec) => text(spec.get("type")),
        None => name.to_owned(),
    };
    // Both cut words where nobody knows.
    let cuts = |spec: &Value| spec.get("max_token_length").is_some();
    let tokenizer = text(analyzer.get("tokenizer"));
    let parts = |name: &str| analysis.get(name).and_then(Value::as_object);
    let is_changed = analyzer.get("char_filter").is_some_and(|it| *it != Value::Array(Vec::new()));
    if is_changed
        || cuts(analyzer)
        || parts("tokenizer").and_then(|it| it.get(&tokenizer)).is_some_and(cuts)
    {
        return false;
    }
    let ty = analyzer.get("type").and_then(Value::as_str).unwrap_or("custom");
    if ty != "custom" {
        return WHOLE.contains(&ty);
    }
    let tokenizer = of_type("tokenizer", &tokenizer);
    let filters = match analyzer.get("filter") {
        Some(Value::Array(filters)) => filters.clone(),
        Some(filter) => vec![filter.clone()],
        None => Vec::new(),
    };
    let known = |filter: &Value| FILTERS.contains(&of_type("filter", &text(Some(filter))).as_str());
    TOKENIZERS.contains(&tokenizer.as_str()) && filters.iter().all(known)
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
