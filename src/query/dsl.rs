//! Turns a search into the one query that the engine is sent.
//!
//! Promises: pure, the same text for the same search. Every node of the filter becomes one closed clause, so that no
//! sibling changes what it means; the caller's filter is a clause of its own, beside which others can stand. Everything
//! runs in filter context: nothing is scored.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::value::Day;
use super::{COUNT_CAP, Count, Filter, Op, Order, Scalar, SearchRequest, Sort, Target};
use crate::mapping::OWN_FIELD;

/// What is asked, without how much of it: two searches with the same question can share a cursor.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// The query.
    pub query: Value,
    /// The sort, its unique last key included.
    pub sort: Value,
}

/// The question of a search.
pub fn question(request: &SearchRequest) -> Question {
    let mut sort: Vec<Value> = request.sort.iter().map(sort_key).collect();
    sort.push(keyed(&format!("{OWN_FIELD}.id"), json!({"order": "asc"})));
    Question {
        query: json!({"bool": {"filter": [clause(&request.filter)]}}),
        sort: Value::Array(sort),
    }
}

/// The body of the engine's search: one row more than the page has, which tells whether there is a next page. `after` are
/// the sort values of the row before the page.
pub fn to_dsl(request: &SearchRequest, question: Question, after: Option<Value>) -> Value {
    let total = match request.count {
        Count::Exact => json!(true),
        Count::Capped => json!(COUNT_CAP),
        Count::None => json!(false),
    };
    let mut body = json!({
        "query": question.query,
        "sort": question.sort,
        "size": request.page.size + 1,
        "track_total_hits": total,
        "_source": true,
    });
    if let (Some(after), Value::Object(body)) = (after, &mut body) {
        body.insert("search_after".to_owned(), after);
    }
    body
}

fn sort_key(sort: &Sort) -> Value {
    let order = match sort.order {
        Order::Asc => "asc",
        Order::Desc => "desc",
    };
    keyed(&sort.field.engine, json!({"order": order, "missing": "_last"}))
}

fn clause(filter: &Filter) -> Value {
    match filter {
        Filter::And(filters) if filters.is_empty() => json!({"match_all": {}}),
        Filter::Or(filters) if filters.is_empty() => json!({"match_none": {}}),
        Filter::And(filters) => json!({"bool": {"filter": clauses(filters)}}),
        Filter::Or(filters) => one_of(clauses(filters)),
        Filter::Not(filter) => not(&clause(filter)),
        Filter::Compare { field, op: Op::Ne, value } => not(&compare(field, Op::Eq, value)),
        Filter::Compare { field, op, value } => compare(field, *op, value),
        Filter::In { field, values } => among(field, values),
        Filter::Exists { path } => json!({"exists": {"field": path}}),
        Filter::Some { list, filter } => {
            json!({"nested": {"path": list, "query": clause(filter), "score_mode": "none"}})
        }
    }
}

fn clauses(filters: &[Filter]) -> Vec<Value> {
    filters.iter().map(clause).collect()
}

fn not(clause: &Value) -> Value {
    json!({"bool": {"must_not": [clause]}})
}

/// Without the minimum, a clause beside these would make all of them optional.
fn one_of(clauses: Vec<Value>) -> Value {
    json!({"bool": {"should": clauses, "minimum_should_match": 1}})
}

fn compare(field: &Target, op: Op, value: &Scalar) -> Value {
    let value = match value {
        Scalar::Day(day) => return range(field, &day_bounds(op, *day)),
        Scalar::Time(time) => return range(field, &time_bounds(op, *time)),
        Scalar::Text(text) => json!(text),
        Scalar::Number(number) => Value::Number(number.clone()),
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
    let plain: Option<Vec<Value>> = values
        .iter()
        .map(|value| match value {
            Scalar::Text(text) => Some(json!(text)),
            Scalar::Number(number) => Some(Value::Number(number.clone())),
            Scalar::Flag(flag) => Some(json!(flag)),
            Scalar::Time(_) | Scalar::Day(_) => None,
        })
        .collect();
    match plain {
        Some(values) => json!({"terms": keyed(&field.engine, Value::Array(values))}),
        None => one_of(values.iter().map(|value| compare(field, Op::Eq, value)).collect()),
    }
}

/// All of the day is equal to it, nothing of it is less or greater.
fn day_bounds(op: Op, day: Day) -> Vec<(&'static str, Timestamp)> {
    match op {
        Op::Eq | Op::Ne => vec![("gte", day.start), ("lt", day.end)],
        Op::Lt => vec![("lt", day.start)],
        Op::Lte => vec![("lt", day.end)],
        Op::Gt => vec![("gte", day.end)],
        Op::Gte => vec![("gte", day.start)],
    }
}

fn time_bounds(op: Op, time: Timestamp) -> Vec<(&'static str, Timestamp)> {
    match op {
        Op::Eq | Op::Ne => vec![("gte", time), ("lte", time)],
        Op::Lt => vec![("lt", time)],
        Op::Lte => vec![("lte", time)],
        Op::Gt => vec![("gt", time)],
        Op::Gte => vec![("gte", time)],
    }
}

/// Bounds with all their digits: the engine completes a shorter time upwards or downwards, as the operator may be. The
/// format is named, because the mapping may have one of its own.
fn range(field: &Target, bounds: &[(&str, Timestamp)]) -> Value {
    let mut range: Map<String, Value> = bounds
        .iter()
        .map(|(bound, time)| ((*bound).to_owned(), json!(format!("{time:.9}"))))
        .collect();
    range.insert("format".to_owned(), json!("strict_date_optional_time_nanos"));
    json!({"range": keyed(&field.engine, Value::Object(range))})
}

fn keyed(key: &str, value: Value) -> Value {
    Value::Object(Map::from_iter([(key.to_owned(), value)]))
}
