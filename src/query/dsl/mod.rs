//! Turns a search into the one query that the engine is sent.
//!
//! Promises: pure, the same text for the same search. Every node of the filter becomes one closed clause, so that no
//! sibling changes what it means; the caller's filter is a clause of its own, beside which others can stand. What is scored
//! is scored by constants: no other document moves a score.

mod counted;
pub(super) mod words;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;
use serde_json::{Map, Value, json};

use super::{
    Agg, COUNT_CAP, Count, Filter, Kind, Op, Order, Pick, Place, Scalar, SearchRequest, Sort,
    Target, TextField, WINDOW,
};
use crate::mapping::OWN_FIELD;
use words::Places;

pub use counted::with_aggregations;

/// What is asked, without how much of it: two searches with the same question can share a cursor.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// The query.
    pub query: Value,
    /// The sort, its unique last key included.
    pub sort: Value,
    /// What has been chosen of facets; rows fulfil it beside the query.
    pub chosen: Vec<Value>,
}

/// The question of a search, asked of the documents that match `rows` only.
pub fn question(request: &SearchRequest, rows: &Filter) -> Question {
    let mut sort: Vec<Value> = request.sort.iter().map(sort_key).collect();
    sort.push(keyed(&format!("{OWN_FIELD}.id"), json!({"order": "asc"})));
    let chosen = request.choices.iter().map(|choice| clause(&choice.filter)).collect();
    let filter = clause(&request.filter);
    let query = match &request.q {
        None => among_rows(rows, &filter),
        Some(q) => {
            let found = words::found(&q.text, Places { fields: &q.fields, near: &q.near }, q.mode);
            let rows = among_rows(rows, &json!({"bool": {"filter": [filter, found]}}));
            if !request.sort.is_empty() {
                return Question { query: rows, sort: Value::Array(sort), chosen };
            }
            sort.insert(0, json!({"_score": {"order": "desc"}}));
            json!({"bool": {"filter": [rows], "should": words::scores(q)}})
        }
    };
    Question { query, sort: Value::Array(sort), chosen }
}

/// What the caller asks is a closed node beside the one of the rows: nothing in it can widen them.
fn among_rows(rows: &Filter, asked: &Value) -> Value {
    let asked = json!({"bool": {"filter": [asked]}});
    if *rows == Filter::everything() {
        return asked;
    }
    json!({"bool": {"filter": [clause(rows), asked]}})
}

impl Question {
    /// The same question of one document; whatever else holds goes on holding.
    #[must_use]
    pub fn of_document(self, id: &str) -> Self {
        let query = json!({"bool": {"filter": [self.query, {"ids": {"values": [id]}}]}});
        Self { query, ..self }
    }
}

/// The body of the engine's search. `after` are the sort values of the row before the page.
///
/// Documents come whole or not at all. A part of them the engine would read and write anew: its numbers become doubles, so that
/// digits are lost, and a list's elements without that part are lost too.
///
/// One row more than the page has tells whether there is a next page; at the end of the engine's window, the total does. For a
/// page without rows it is the first that comes to hand, without its document: it tells which index has answered.
pub fn to_dsl(request: &SearchRequest, question: &Question, after: Option<Value>) -> Value {
    let total = match request.count {
        Count::Exact => json!(true),
        Count::Capped => json!(COUNT_CAP),
        Count::None if request.page.ends_the_window() => json!(WINDOW),
        Count::None => json!(false),
    };
    let has_rows = request.page.size > 0;
    let size = request.page.size + usize::from(!request.page.ends_the_window());
    let sort = if has_rows { question.sort.clone() } else { json!(["_doc"]) };
    let mut body = json!({
        "query": question.query,
        "sort": sort,
        "size": size,
        "track_total_hits": total,
        "_source": has_rows && request.shows_rows(),
    });
    let Value::Object(members) = &mut body else { return body };
    if request.page.skipped > 0 {
        members.insert("from".to_owned(), json!(request.page.skipped));
    }
    // Behind the query, so that facets see what was not chosen too.
    if !question.chosen.is_empty() {
        members.insert("post_filter".to_owned(), json!({"bool": {"filter": question.chosen}}));
    }
    if let Some(after) = after.filter(|_| has_rows) {
        members.insert("search_after".to_owned(), after);
    }
    // OpenSearch 3.8 skips rows of such a key that belong on the page; it skips none beside a filter of the hits.
    if question.chosen.is_empty()
        && request
            .sort
            .first()
            .is_some_and(|key| matches!(key.field.kind, Kind::Float { scaled: true, .. }))
    {
        members.insert("post_filter".to_owned(), json!({"match_all": {}}));
    }
    if let (Some(q), true) = (&request.q, has_rows && !request.highlight.is_empty()) {
        members.insert("highlight".to_owned(), words::highlight(q, &request.highlight));
    }
    body
}

fn sort_key(sort: &Sort) -> Value {
    let order = match sort.order {
        Order::Asc => "asc",
        Order::Desc => "desc",
    };
    let missing = match (sort.field.kind, sort.order) {
        // Their `_last` is a time that this type does not have: OpenSearch 3.8 never answers then.
        (Kind::Date { nanos: true }, Order::Desc) => json!(0),
        _ => json!("_last"),
    };
    let mut key = json!({"order": order, "missing": missing});
    if let (Value::Object(members), Some(Pick { list, agg, filter })) = (&mut key, &sort.pick) {
        let mode = match agg {
            Agg::Max => "max",
            Agg::Min => "min",
        };
        // The query does not choose among the elements here.
        let nested = json!({"path": list, "filter": clause(filter)});
        members.insert("mode".to_owned(), json!(mode));
        members.insert("nested".to_owned(), nested);
    }
    keyed(&sort.field.engine, key)
}

pub(super) fn clause(filter: &Filter) -> Value {
    match filter {
        Filter::And(filters) if filters.is_empty() => json!({"match_all": {}}),
        Filter::Or(filters) if filters.is_empty() => json!({"match_none": {}}),
        Filter::And(filters) => json!({"bool": {"filter": clauses(filters)}}),
        Filter::Or(filters) => one_of(&clauses(filters)),
        Filter::Not(filter) => not(&clause(filter)),
        Filter::Compare { field, op: Op::Ne, value } => not(&compare(field, Op::Eq, value)),
        Filter::Compare { field, op, value } => compare(field, *op, value),
        Filter::In { field, values } => among(field, values),
        Filter::Exists { engine, .. } => json!({"exists": {"field": engine}}),
        Filter::NotIn { field, values } => not(&among(field, values)),
        Filter::Between { field, low, high } => between(field, low, high),
        Filter::Like { field, place, text } => like(field, *place, text),
        Filter::Words { field, text, mode } => {
            // The filter stands among the elements of the field's list already.
            let field = TextField { list: None, ..field.clone() };
            words::found(text, Places { fields: &[field], near: &[] }, *mode)
        }
        Filter::Some { list, filter } => some(list, &clause(filter)),
        Filter::None { list, filter } => not(&some(list, &clause(filter))),
        Filter::Every { list, filter } => not(&some(list, &not(&clause(filter)))),
        Filter::Count { list, filter, op, count } => counted(list, &clause(filter), *op, *count),
    }
}

/// Only around what is to hold for an element: a negation within finds elements that are not so.
fn some(list: &str, clause: &Value) -> Value {
    json!({"nested": {"path": list, "query": clause, "score_mode": "none"}})
}

fn counted(list: &str, clause: &Value, op: Op, count: u32) -> Value {
    let at_least = |count| at_least(list, clause, count);
    match op {
        Op::Gte => at_least(count),
        Op::Gt => at_least(count + 1),
        Op::Lt => not(&at_least(count)),
        Op::Lte => not(&at_least(count + 1)),
        Op::Eq => json!({"bool": {"filter": [at_least(count), not(&at_least(count + 1))]}}),
        Op::Ne => one_of(&[not(&at_least(count)), at_least(count + 1)]),
    }
}

/// Each element that matches scores one, and a document their sum, which is exact far beyond what a list can hold.
fn at_least(list: &str, clause: &Value, count: u32) -> Value {
    match count {
        0 => json!({"match_all": {}}),
        1 => some(list, clause),
        _ => {
            let one = json!({"constant_score": {"filter": clause, "boost": 1}});
            let sum = json!({"nested": {"path": list, "query": one, "score_mode": "sum"}});
            json!({"function_score": {"query": sum, "min_score": count}})
        }
    }
}

pub(super) fn clauses(filters: &[Filter]) -> Vec<Value> {
    filters.iter().map(clause).collect()
}

fn not(clause: &Value) -> Value {
    json!({"bool": {"must_not": [clause]}})
}

/// Without the minimum, a clause beside these would make all of them optional.
fn one_of(clauses: &[Value]) -> Value {
    json!({"bool": {"should": clauses, "minimum_should_match": 1}})
}

fn compare(field: &Target, op: Op, value: &Scalar) -> Value {
    let value = match value {
        Scalar::Day(day) => return range(field, op, self::day(*day)),
        Scalar::Time(time) => return range(field, op, moment(*time)),
        Scalar::Text(text) => json!(text),
        Scalar::Number(number) => match (field.kind, op) {
            // OpenSearch 3.8 finds nothing that is less than the greatest `unsigned_long`.
            (Kind::Integer { max, .. }, Op::Lt) if number.as_i128() == Some(max) => {
                return json!({"range": keyed(&field.engine, json!({"lte": max - 1}))});
            }
            _ => Value::Number(number.clone()),
        },
        Scalar::Flag(flag) => json!(flag),
    };
    let bound = match op {
        Op::Eq | Op::Ne => return json!({"term": keyed(&field.engine, json!({"value": value}))}),
        Op::Lt => "lt",
        Op::Lte => "lte",
        Op::Gt => "gt",
        Op::Gte => "gte",
    };
    json!({"range": keyed(&field.engine, keyed(bound, value))})
}

fn among(field: &Target, values: &[Scalar]) -> Value {
    if values.is_empty() {
        return json!({"match_none": {}});
    }
    let plain: Option<Vec<Value>> = values.iter().map(plain).collect();
    match plain {
        Some(values) => json!({"terms": keyed(&field.engine, Value::Array(values))}),
        None => {
            let each: Vec<_> = values.iter().map(|value| compare(field, Op::Eq, value)).collect();
            one_of(&each)
        }
    }
}

/// In one clause: of a field with many values, one and the same has to lie between.
fn between(field: &Target, low: &Scalar, high: &Scalar) -> Value {
    let first = span(low).map(|(first, _)| ("gte", first));
    let last = span(high).map(|(_, last)| ("lte", last));
    if first.is_some() || last.is_some() {
        return times(field, first, last);
    }
    json!({"range": keyed(&field.engine, json!({"gte": plain(low), "lte": plain(high)}))})
}

/// By a pattern also at the start: OpenSearch takes what a `prefix` of a `wildcard` field has in it for a pattern.
fn like(field: &Target, place: Place, text: &str) -> Value {
    let escaped = text.replace('\\', r"\\").replace('*', r"\*").replace('?', r"\?");
    let pattern =
        if place == Place::Start { format!("{escaped}*") } else { format!("*{escaped}*") };
    let mut wildcard = Map::from_iter([("value".to_owned(), json!(pattern))]);
    if place == Place::WithinInAnyCase {
        wildcard.insert("case_insensitive".to_owned(), json!(true));
    }
    json!({"wildcard": keyed(&field.engine, Value::Object(wildcard))})
}

/// A value that is no time, as JSON.
fn plain(value: &Scalar) -> Option<Value> {
    match value {
        Scalar::Text(text) => Some(json!(text)),
        Scalar::Number(number) => Some(Value::Number(number.clone())),
        Scalar::Flag(flag) => Some(json!(flag)),
        Scalar::Time(_) | Scalar::Day(_) => None,
    }
}

fn span(value: &Scalar) -> Option<Span> {
    match value {
        Scalar::Day(date) => Some(day(*date)),
        Scalar::Time(time) => Some(moment(*time)),
        Scalar::Text(_) | Scalar::Number(_) | Scalar::Flag(_) => None,
    }
}

/// From its first instant to its last.
type Span = (DateTime, DateTime);

fn day(day: Date) -> Span {
    (day.at(0, 0, 0, 0), day.at(23, 59, 59, 999_999_999))
}

fn moment(time: Timestamp) -> Span {
    let time = Offset::UTC.to_datetime(time);
    (time, time)
}

/// What `date_nanos` can hold.
const NANOS: Span = (
    DateTime::constant(1970, 1, 1, 0, 0, 0, 0),
    DateTime::constant(2262, 4, 11, 23, 47, 16, 854_775_807),
);

/// All of the span is equal to it, nothing of it is less or greater.
fn range(field: &Target, op: Op, (first, last): Span) -> Value {
    let (above, below) = match op {
        Op::Eq | Op::Ne => (Some(("gte", first)), Some(("lte", last))),
        Op::Lt => (None, Some(("lt", first))),
        Op::Lte => (None, Some(("lte", last))),
        Op::Gt => (Some(("gt", last)), None),
        Op::Gte => (Some(("gte", first)), None),
    };
    times(field, above, below)
}

type Bound = Option<(&'static str, DateTime)>;

/// Bounds that every value keeps are left out, because the engine refuses times that the field's type does not have.
fn times(field: &Target, mut above: Bound, mut below: Bound) -> Value {
    if let Kind::Date { nanos: true } = field.kind {
        let (least, greatest) = NANOS;
        let beyond =
            |(word, time): (&str, DateTime)| time > greatest || (word == "gt" && time == greatest);
        let before =
            |(word, time): (&str, DateTime)| time < least || (word == "lt" && time == least);
        if above.is_some_and(beyond) || below.is_some_and(before) {
            return json!({"match_none": {}});
        }
        above = above.filter(|(_, time)| *time >= least);
        below = below.filter(|(_, time)| *time <= greatest);
    }
    let bounds: Vec<_> = above.into_iter().chain(below).collect();
    if bounds.is_empty() {
        return json!({"exists": {"field": field.engine}});
    }
    written(field, &bounds)
}

/// Bounds with all their digits: the engine completes a shorter time upwards or downwards, as the operator may be. The
/// format is named, because the mapping may have one of its own.
fn written(field: &Target, bounds: &[(&str, DateTime)]) -> Value {
    let mut range: Map<String, Value> = bounds
        .iter()
        .map(|(bound, time)| ((*bound).to_owned(), json!(format!("{time:.9}Z"))))
        .collect();
    range.insert("format".to_owned(), json!("strict_date_optional_time_nanos"));
    json!({"range": keyed(&field.engine, Value::Object(range))})
}

fn keyed(key: &str, value: Value) -> Value {
    Value::Object(Map::from_iter([(key.to_owned(), value)]))
}

#[cfg(test)]
mod tests;
