//! What a search should answer, worked out the plain way over documents in memory. Shares nothing with the compiler but
//! the search itself.

use std::cmp::Ordering;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use prejoin::query::{Agg, Filter, Kind, Op, Order, Place, Scalar, SearchRequest, Sort};
use serde_json::Value;

use super::documents::exact;
use super::words;

/// Ids of the documents that match, in their order.
pub(super) fn answer(documents: &[Value], request: &SearchRequest) -> Vec<String> {
    let mut found: Vec<&Value> =
        documents.iter().filter(|document| matches(document, "", &request.filter)).collect();
    if let Some(q) = &request.q {
        found.retain(|document| words::found(document, "", &q.text, (&q.fields, q.mode)));
    }
    let score = |document| match &request.q {
        Some(q) if request.sort.is_empty() => words::score(document, q),
        _ => 0,
    };
    let absent: Vec<Value> = request.sort.iter().map(absent).collect();
    let placed = found.into_iter().map(|document| {
        let keys = request.sort.iter().zip(&absent);
        let keys: Vec<&Value> = keys.map(|(sort, absent)| key(document, sort, absent)).collect();
        (keys, score(document), id(document))
    });
    let mut placed: Vec<_> = placed.collect();
    placed.sort_by(|left, right| {
        let keys = request.sort.iter().zip(left.0.iter().zip(&right.0));
        let mut keys = keys.map(|(sort, (left, right))| by_key(left, right, sort));
        let first = keys.find(|order| order.is_ne());
        first.unwrap_or_else(|| right.1.cmp(&left.1).then_with(|| left.2.cmp(right.2)))
    });
    placed.into_iter().map(|(_, _, id)| id.to_owned()).collect()
}

/// Whether a document matches.
pub(super) fn holds_for(document: &Value, filter: &Filter) -> bool {
    matches(document, "", filter)
}

fn id(document: &Value) -> &str {
    document["_prejoin"]["id"].as_str().unwrap()
}

/// `scope` is the path of what `value` is.
pub(super) fn matches(value: &Value, scope: &str, filter: &Filter) -> bool {
    match filter {
        Filter::And(all) => all.iter().all(|filter| matches(value, scope, filter)),
        Filter::Or(some) => some.iter().any(|filter| matches(value, scope, filter)),
        Filter::Not(filter) => !matches(value, scope, filter),
        Filter::Compare { field, op, value: asked } => {
            let equal = |op| {
                let values = at(value, scope, &field.path);
                values.into_iter().any(|value| holds(field.kind, value, op, asked))
            };
            if *op == Op::Ne { !equal(Op::Eq) } else { equal(*op) }
        }
        Filter::In { field, values } => at(value, scope, &field.path)
            .into_iter()
            .any(|value| values.iter().any(|asked| holds(field.kind, value, Op::Eq, asked))),
        Filter::Exists { path, .. } => at(value, scope, path).into_iter().any(has_value),
        Filter::NotIn { field, values } => at(value, scope, &field.path)
            .into_iter()
            .all(|value| values.iter().all(|asked| !holds(field.kind, value, Op::Eq, asked))),
        Filter::Between { field, low, high } => {
            at(value, scope, &field.path).into_iter().any(|value| {
                holds(field.kind, value, Op::Gte, low) && holds(field.kind, value, Op::Lte, high)
            })
        }
        Filter::Like { field, place, text } => {
            at(value, scope, &field.path).into_iter().any(|value| {
                let value = value.as_str().unwrap();
                match place {
                    Place::Within => value.contains(text),
                    Place::WithinInAnyCase => {
                        value.to_ascii_lowercase().contains(&text.to_ascii_lowercase())
                    }
                    Place::Start => value.starts_with(text),
                }
            })
        }
        Filter::Words { field, text, mode } => {
            words::found(value, scope, text, (std::slice::from_ref(field), *mode))
        }
        Filter::Some { list, filter } => {
            at(value, scope, list).into_iter().any(|element| matches(element, list, filter))
        }
        Filter::None { list, filter } => {
            at(value, scope, list).into_iter().all(|element| !matches(element, list, filter))
        }
        Filter::Every { list, filter } => {
            at(value, scope, list).into_iter().all(|element| matches(element, list, filter))
        }
        Filter::Count { list, filter, op, count } => {
            let elements = at(value, scope, list).into_iter();
            let found = elements.filter(|element| matches(element, list, filter)).count();
            let order = found.cmp(&(*count as usize));
            fulfils(order, *op)
        }
    }
}

/// What stands at `path` below `value`, lists taken apart, nulls left out.
pub(super) fn at<'a>(value: &'a Value, scope: &str, path: &str) -> Vec<&'a Value> {
    let rest = path.strip_prefix(scope).unwrap().trim_start_matches('.');
    let mut found = vec![value];
    for name in rest.split('.') {
        found = found.into_iter().filter_map(|value| value.get(name)).flat_map(elements).collect();
    }
    found
}

fn elements(value: &Value) -> Vec<&Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(elements) => elements.iter().filter(|value| !value.is_null()).collect(),
        other => vec![other],
    }
}

/// An object has one when a field in it has.
fn has_value(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Object(members) => members.values().any(has_value),
        Value::Array(elements) => elements.iter().any(has_value),
        _ => true,
    }
}

pub(super) fn holds(kind: Kind, value: &Value, op: Op, asked: &Scalar) -> bool {
    let order = match asked {
        Scalar::Day(day) => Offset::UTC.to_datetime(instant(value)).date().cmp(day),
        Scalar::Time(time) => instant(value).cmp(time),
        Scalar::Text(text) => value.as_str().unwrap().cmp(text),
        Scalar::Flag(flag) => value.as_bool().unwrap().cmp(flag),
        Scalar::Number(number) => compare_numbers(kind, value, &Value::Number(number.clone())),
    };
    fulfils(order, op)
}

fn fulfils(order: Ordering, op: Op) -> bool {
    match op {
        Op::Eq => order.is_eq(),
        Op::Ne => order.is_ne(),
        Op::Lt => order.is_lt(),
        Op::Lte => order.is_le(),
        Op::Gt => order.is_gt(),
        Op::Gte => order.is_ge(),
    }
}

pub(super) fn instant(value: &Value) -> Timestamp {
    let text = value.as_str().unwrap();
    text.parse().unwrap_or_else(|_| text.parse::<Date>().unwrap().in_tz("UTC").unwrap().timestamp())
}

/// As the mapping's type holds them.
fn compare_numbers(kind: Kind, left: &Value, right: &Value) -> Ordering {
    let text = |value: &Value| value.to_string();
    match kind {
        Kind::Integer { .. } => {
            text(left).parse::<i128>().unwrap().cmp(&text(right).parse::<i128>().unwrap())
        }
        Kind::Float { max, .. } if max <= f64::from(f32::MAX) => {
            text(left).parse::<f32>().unwrap().total_cmp(&text(right).parse::<f32>().unwrap())
        }
        _ => text(left).parse::<f64>().unwrap().total_cmp(&text(right).parse::<f64>().unwrap()),
    }
}

/// What stands for a value that is not there. An engine keeps the place of an absent whole number by the extreme of its type, or
/// of the integer that holds it.
fn absent(sort: &Sort) -> Value {
    let descending = sort.order == Order::Desc;
    match sort.field.kind {
        Kind::Integer { max, .. } if max < i32::MAX.into() => {
            exact(&(if descending { i32::MIN } else { i32::MAX }).to_string())
        }
        Kind::Integer { min, max } => exact(&(if descending { min } else { max }).to_string()),
        _ => Value::Null,
    }
}

fn key<'a>(document: &'a Value, sort: &Sort, absent: &'a Value) -> &'a Value {
    let (values, greatest) = match &sort.pick {
        Some(pick) => {
            let elements = at(document, "", &pick.list).into_iter();
            let elements = elements.filter(|it| matches(it, &pick.list, &pick.filter));
            let values = elements.flat_map(|it| at(it, &pick.list, &sort.field.path));
            (values.collect::<Vec<_>>(), pick.agg == Agg::Max)
        }
        None => (at(document, "", &sort.field.path), sort.order == Order::Desc),
    };
    let values = values.into_iter();
    let order = |left: &&Value, right: &&Value| compare(sort.field.kind, left, right);
    let first = if greatest { values.max_by(order) } else { values.min_by(order) };
    first.unwrap_or(absent)
}

fn by_key(left: &Value, right: &Value, sort: &Sort) -> Ordering {
    match (left, right) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Greater,
        (_, Value::Null) => Ordering::Less,
        (left, right) => {
            let order = compare(sort.field.kind, left, right);
            if sort.order == Order::Desc { order.reverse() } else { order }
        }
    }
}

fn compare(kind: Kind, left: &Value, right: &Value) -> Ordering {
    match kind {
        Kind::Keyword | Kind::Id => left.as_str().unwrap().cmp(right.as_str().unwrap()),
        Kind::Boolean => left.as_bool().unwrap().cmp(&right.as_bool().unwrap()),
        Kind::Date { .. } => instant(left).cmp(&instant(right)),
        Kind::Integer { .. } | Kind::Float { .. } => compare_numbers(kind, left, right),
    }
}
