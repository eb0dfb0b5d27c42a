//! What an index's settings say of how texts are read.
//!
//! Promises: settings are read as a mapping's file has them, and as the engine tells them. Never judges what is said.

use serde_json::{Map, Value};

/// All of a kind, such as `analyzer` or `tokenizer`, by their names.
pub(super) fn named<'a>(
    settings: &'a Map<String, Value>,
    kind: &str,
) -> Option<&'a Map<String, Value>> {
    let settings = settings.get("index").and_then(Value::as_object).unwrap_or(settings);
    settings.get("analysis")?.get(kind)?.as_object()
}

/// The parts of that kind that one of them is made of; a single one may stand without a list.
pub(super) fn parts<'a>(spec: &'a Value, kind: &str) -> &'a [Value] {
    match spec.get(kind) {
        Some(Value::Array(parts)) => parts,
        Some(part) => std::slice::from_ref(part),
        None => &[],
    }
}
