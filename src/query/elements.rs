//! What is counted: documents, or elements of a list in them.
//!
//! Promises: an element counts only if it is as asked, and a document once, however many of its elements do. Everything that
//! is counted lies within the search's own filter.

use serde_json::{Map, Value, json};

use super::dsl::clause;
use super::fields::Kind;
use super::folding::Folding;
use super::{Filter, Target};

/// A field whose values the engine can count.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// The field, and the engine's field that is counted.
    pub field: Target,
    /// The field, and the engine's field that comparisons go to, if there is one.
    pub compared: Option<Target>,
    /// The list whose elements hold it.
    pub list: Option<String>,
    /// What the index makes of its texts.
    pub folding: Folding,
}

/// What is counted.
#[derive(Debug, Clone, PartialEq)]
pub struct Elements {
    /// The list; the documents themselves when absent.
    pub list: Option<String>,
    /// Only elements like this.
    pub only: Filter,
    /// Whether elements are counted one by one, instead of the documents that hold them.
    pub one_by_one: bool,
}

/// Names of aggregations are ours: no name of a caller reaches the engine.
const LIST: &str = "list";
const ONLY: &str = "only";
const DOCUMENTS: &str = "documents";

impl Elements {
    /// Whether documents have to be counted apart from elements.
    pub(super) fn stand_for_documents(&self) -> bool {
        self.list.is_some() && !self.one_by_one
    }

    /// These aggregations where the elements are.
    pub(super) fn reach(&self, inner: Value) -> Value {
        match &self.list {
            None => inner,
            Some(list) => within(list, &self.only, &inner),
        }
    }

    /// What [`Elements::reach`] was answered with.
    pub(super) fn reached<'a>(&self, answer: &'a Value) -> Option<&'a Value> {
        match &self.list {
            None => Some(answer),
            Some(_) => inside(answer),
        }
    }

    /// Buckets with these aggregations in each, and the documents counted where elements would be.
    pub(super) fn parted(&self, buckets: Value, mut inner: Map<String, Value>) -> Value {
        if self.stand_for_documents() {
            inner.insert(DOCUMENTS.to_owned(), json!({"reverse_nested": {}}));
        }
        if inner.is_empty() { buckets } else { with(buckets, "aggs", Value::Object(inner)) }
    }

    /// The count of a bucket.
    pub(super) fn count(&self, bucket: &Value) -> Option<u64> {
        let counted = if self.stand_for_documents() { bucket.get(DOCUMENTS)? } else { bucket };
        counted.get("doc_count")?.as_u64()
    }

    /// The most frequent first.
    pub(super) fn most_first(&self) -> Value {
        let count = if self.stand_for_documents() { DOCUMENTS } else { "_count" };
        json!([{count: "desc"}, {"_key": "asc"}])
    }

    /// Documents, or elements, that have no value in the column. What stands for documents is asked beside the list.
    pub(super) fn without(&self, column: &Column) -> Value {
        let exists = json!({"exists": {"field": column.field.engine}});
        let has = match &self.list {
            Some(list) if !self.one_by_one => json!({"nested": {"path": list, "score_mode": "none",
                "query": {"bool": {"filter": [exists, clause(&self.only)]}}}}),
            _ => exists,
        };
        json!({"filter": {"bool": {"must_not": [has]}}})
    }
}

/// These aggregations over elements of `list` that are like `only`.
pub(super) fn within(list: &str, only: &Filter, inner: &Value) -> Value {
    json!({LIST: {"nested": {"path": list}, "aggs": {ONLY: {"filter": clause(only), "aggs": inner}}}})
}

/// An object with one more member.
pub(super) fn with(mut object: Value, name: &str, value: Value) -> Value {
    if let Value::Object(members) = &mut object {
        members.insert(name.to_owned(), value);
    }
    object
}

/// What [`within`] was answered with.
pub(super) fn inside(answer: &Value) -> Option<&Value> {
    answer.get(LIST)?.get(ONLY)
}

/// The value of a bucket that the engine names by its key.
pub(super) fn value(kind: Kind, key: &Value) -> Option<Value> {
    match (kind, key) {
        // Some aggregations tell booleans as numbers.
        (Kind::Boolean, Value::Number(number)) => Some(json!(number.as_u64()? != 0)),
        (Kind::Date { .. } | Kind::Float { .. }, _) => None,
        (_, Value::Object(_) | Value::Array(_)) => None,
        _ => Some(key.clone()),
    }
}
