//! What facets and aggregates should count, worked out the plain way over documents in memory. Shares nothing with the
//! compiler but the search itself.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use prejoin::query::aggregate::{Aggregate, Grouping, Key, Measure, Metric, Rank, RankBy};
use prejoin::query::calendar::{Calendar, Interval};
use prejoin::query::elements::{Column, Elements};
use prejoin::query::facet::{By, Facet, Range};
use prejoin::query::{Filter, Kind, Op, Order, Scalar, SearchRequest};
use serde_json::{Map, Value, json};

use super::evaluator::{at, holds, instant, matches};
use super::keystrokes::begins;

/// An element, or a document as the only element of itself.
struct Part<'a> {
    document: &'a Value,
    value: &'a Value,
    scope: &'a str,
}

fn parts<'a>(documents: &[&'a Value], elements: &'a Elements) -> Vec<Part<'a>> {
    let scope = elements.list.as_deref().unwrap_or_default();
    let mut parts = Vec::new();
    for document in documents {
        let values = if scope.is_empty() { vec![*document] } else { at(document, "", scope) };
        let values = values.into_iter().filter(|value| matches(value, scope, &elements.only));
        parts.extend(values.map(|value| Part { document, value, scope }));
    }
    parts
}

/// Documents or elements, as asked.
fn count(parts: &[&Part<'_>], elements: &Elements) -> usize {
    if elements.one_by_one {
        return parts.len();
    }
    let documents: BTreeSet<*const Value> =
        parts.iter().map(|part| std::ptr::from_ref(part.document)).collect();
    documents.len()
}

/// The different values of a part, as the API tells them.
fn values(part: &Part<'_>, column: &Column) -> BTreeSet<String> {
    let found = at(part.value, part.scope, &column.field.path);
    found.into_iter().map(Value::to_string).collect()
}

/// How many have each key.
fn counted<K: Ord>(
    parts: &[Part<'_>],
    elements: &Elements,
    keys: impl Fn(&Part<'_>) -> BTreeSet<K>,
) -> BTreeMap<K, usize> {
    let mut having: BTreeMap<K, Vec<&Part<'_>>> = BTreeMap::new();
    for part in parts {
        for key in keys(part) {
            having.entry(key).or_default().push(part);
        }
    }
    having.into_iter().map(|(key, parts)| (key, count(&parts, elements))).collect()
}

/// The documents of the rows.
pub(super) fn chosen<'a>(documents: &'a [Value], request: &SearchRequest) -> Vec<&'a Value> {
    let mut found: Vec<&Value> = documents.iter().collect();
    found.retain(|document| matches(document, "", &request.filter));
    found.retain(|it| request.choices.iter().all(|choice| matches(it, "", &choice.filter)));
    found
}

/// The `facets` of the answer.
pub(super) fn facets(documents: &[Value], request: &SearchRequest) -> Value {
    let each = request.facets.iter().map(|facet| {
        let mut found: Vec<&Value> = documents.iter().collect();
        found.retain(|document| matches(document, "", &request.filter));
        for choice in &request.choices {
            if choice.path != facet.column.field.path {
                found.retain(|document| matches(document, "", &choice.filter));
            }
        }
        (facet.name.clone(), one(facet, request, &found))
    });
    Value::Object(each.collect())
}

fn one(facet: &Facet, request: &SearchRequest, found: &[&Value]) -> Value {
    let Facet { column, elements, by, .. } = facet;
    let parts = parts(found, elements);
    let having = |held: &dyn Fn(&Part<'_>) -> bool| {
        let parts: Vec<&Part<'_>> = parts.iter().filter(|part| held(part)).collect();
        count(&parts, elements)
    };
    let mut told = match by {
        By::Values { size, prefix } => {
            let mut counts = counted(&parts, elements, |part| values(part, column));
            counts.retain(|value, _| begins(value, prefix.as_deref()));
            let counts = counts
                .into_iter()
                .map(|(value, count)| (serde_json::from_str(&value).unwrap(), count));
            let mut selected = selected(column, request);
            selected.retain(|value| begins(&value.to_string(), prefix.as_deref()));
            terms(counts.collect(), *size, &selected)
        }
        By::Ranges(ranges) => {
            let each = ranges.iter().map(|range| {
                let held = |part: &Part<'_>| {
                    let values = at(part.value, part.scope, &column.field.path);
                    values.into_iter().any(|value| within(column.field.kind, value, range))
                };
                json!(having(&held))
            });
            json!({"counts": each.collect::<Vec<_>>()})
        }
        By::Dates(calendar) => {
            let known = all_days(calendar);
            let days = |part: &Part<'_>| bucket_days(part, column, (calendar, known.as_ref()));
            let mut counts = counted(&parts, elements, days);
            for day in known.iter().flatten() {
                counts.entry(*day).or_default();
            }
            let each = counts
                .into_iter()
                .map(|(day, count)| json!({"value": day.to_string(), "count": count}));
            json!({"buckets": each.collect::<Vec<_>>()})
        }
    };
    let has = |part: &Part<'_>| !at(part.value, part.scope, &column.field.path).is_empty();
    told["missing"] = if elements.one_by_one {
        json!(having(&|part| !has(part)))
    } else {
        json!(found.len() - having(&has))
    };
    told
}

fn terms(mut counts: Vec<(Value, usize)>, size: usize, selected: &[Value]) -> Value {
    counts.sort_by(|(left, left_count), (right, right_count)| {
        right_count.cmp(left_count).then_with(|| ordered(left).cmp(&ordered(right)))
    });
    let (shown, rest): (Vec<_>, Vec<_>) = counts
        .iter()
        .cloned()
        .enumerate()
        .partition(|(place, (value, _))| *place < size || selected.contains(value));
    let other: usize = rest.iter().map(|(_, (_, count))| count).sum();
    let mut buckets: Vec<(Value, usize)> =
        shown.iter().filter(|(place, _)| *place < size).map(|(_, it)| it.clone()).collect();
    for value in selected {
        if buckets.iter().all(|(shown, _)| shown != value) {
            let count =
                counts.iter().find(|(known, _)| known == value).map_or(0, |(_, count)| *count);
            buckets.push((value.clone(), count));
        }
    }
    let told = buckets.into_iter().map(|(value, count)| {
        json!({"value": value, "count": count, "selected": selected.contains(&value)})
    });
    json!({"buckets": told.collect::<Vec<_>>(), "other": other})
}

/// What was chosen of the column, in its order.
fn selected(column: &Column, request: &SearchRequest) -> Vec<Value> {
    fn gather(filter: &Filter, path: &str, found: &mut Vec<Value>) {
        match filter {
            Filter::In { field, values } if field.path == path => {
                found.extend(values.iter().map(plain));
            }
            Filter::Compare { field, op: Op::Eq, value } if field.path == path => {
                found.push(plain(value));
            }
            Filter::And(all) => all.iter().for_each(|filter| gather(filter, path, found)),
            Filter::Some { filter, .. } => gather(filter, path, found),
            _ => {}
        }
    }
    let mut found = Vec::new();
    for choice in request.choices.iter().filter(|choice| choice.path == column.field.path) {
        gather(&choice.filter, &choice.path, &mut found);
    }
    let mut seen = BTreeSet::new();
    found.retain(|value| seen.insert(value.to_string()));
    found
}

fn plain(value: &Scalar) -> Value {
    match value {
        Scalar::Text(text) => json!(text),
        Scalar::Number(number) => Value::Number(number.clone()),
        Scalar::Flag(flag) => json!(flag),
        Scalar::Time(_) | Scalar::Day(_) => panic!("dates are not counted one by one"),
    }
}

fn within(kind: Kind, value: &Value, range: &Range) -> bool {
    let kept = |op, bound: &Option<Scalar>| {
        bound.as_ref().is_none_or(|bound| holds(kind, value, op, bound))
    };
    kept(Op::Gte, &range.from) && kept(Op::Lt, &range.to)
}

fn first_day(time: Timestamp, calendar: &Calendar) -> Date {
    let zone = TimeZone::get(&calendar.zone.name).unwrap();
    let day = time.to_zoned(zone).date();
    let monday = i64::from(day.weekday().to_monday_zero_offset());
    match calendar.interval {
        Interval::Day => day,
        Interval::Week => day.checked_sub(monday.days()).unwrap(),
        Interval::Month => day.first_of_month(),
        Interval::Quarter => Date::new(day.year(), (day.month() - 1) / 3 * 3 + 1, 1).unwrap(),
        Interval::Year => day.first_of_year(),
    }
}

/// A key as it is told, and the parts that have it.
type Group<'p> = (Value, Vec<&'p Part<'p>>);

/// The first days of the buckets that a part belongs to; those outside of the bounds are none.
fn bucket_days(
    part: &Part<'_>,
    column: &Column,
    (calendar, known): (&Calendar, Option<&BTreeSet<Date>>),
) -> BTreeSet<Date> {
    let values = at(part.value, part.scope, &column.field.path);
    let days = values.into_iter().map(|value| first_day(instant(value), calendar));
    days.filter(|day| known.is_none_or(|known| known.contains(day))).collect()
}

fn all_days(calendar: &Calendar) -> Option<BTreeSet<Date>> {
    let (first, last) = calendar.bounds?;
    let zone = TimeZone::get(&calendar.zone.name).unwrap();
    let days = first.series(1.day()).take_while(|day| *day <= last);
    let noon = |day: Date| day.at(12, 0, 0, 0).to_zoned(zone.clone()).unwrap().timestamp();
    Some(days.map(|day| first_day(noon(day), calendar)).collect())
}

/// The buckets of an aggregate, all pages of them.
pub(super) fn aggregate(documents: &[&Value], aggregate: &Aggregate) -> Value {
    let parts = parts(documents, &aggregate.elements);
    let mut told = Vec::new();
    let mut tell = |named: Map<String, Value>, parts: &[&Part<'_>]| {
        let mut bucket = named;
        bucket.insert("count".into(), json!(count(parts, &aggregate.elements)));
        if !aggregate.metrics.is_empty() {
            let metrics = aggregate.metrics.iter();
            let metrics = metrics.map(|metric| (metric.name.clone(), measured(metric, parts)));
            bucket.insert("metrics".into(), Value::Object(metrics.collect()));
        }
        told.push(Value::Object(bucket));
    };
    match &aggregate.by {
        Grouping::Dates { column, calendar } => {
            let known = all_days(calendar);
            let mut held: BTreeMap<Date, Vec<&Part<'_>>> =
                known.iter().flatten().map(|day| (*day, Vec::new())).collect();
            for part in &parts {
                for day in bucket_days(part, column, (calendar, known.as_ref())) {
                    held.entry(day).or_default().push(part);
                }
            }
            for (day, parts) in held {
                tell(Map::from_iter([("value".into(), json!(day.to_string()))]), &parts);
            }
        }
        Grouping::Keys { keys, rank, size, .. } => {
            let mut groups: BTreeMap<Vec<(bool, String)>, Group<'_>> = BTreeMap::new();
            for part in &parts {
                for key in combined(part, keys) {
                    let named = keys.iter().zip(&key);
                    let named =
                        named.map(|(key, value)| (key.column.field.path.clone(), value.clone()));
                    let order = key.iter().map(ordered).collect();
                    let group = groups.entry(order);
                    group
                        .or_insert_with(|| (Value::Object(named.collect()), Vec::new()))
                        .1
                        .push(part);
                }
            }
            groups
                .into_values()
                .for_each(|(key, parts)| tell(Map::from_iter([("key".into(), key)]), &parts));
            if let Some(rank) = *rank {
                told.sort_by_key(|bucket| ranked(bucket, rank, aggregate));
                told.truncate(*size);
            }
        }
    }
    Value::Array(told)
}

/// What a group is put in order by; those without a value come last.
fn ranked(bucket: &Value, rank: Rank, aggregate: &Aggregate) -> (bool, i128) {
    let value = match rank.by {
        RankBy::Count => &bucket["count"],
        RankBy::Metric(number) => &bucket["metrics"][&aggregate.metrics[number].name],
    };
    let parts = match value {
        Value::Null => return (true, 0),
        Value::String(_) => instant(value).as_millisecond().into(),
        #[expect(clippy::cast_possible_truncation, reason = "averages are told apart by less")]
        value => (value.as_f64().unwrap() * 1e9).round() as i128,
    };
    (false, if rank.order == Order::Asc { parts } else { -parts })
}

/// Nothing comes first.
fn ordered(value: &Value) -> (bool, String) {
    match value {
        Value::Null => (false, String::new()),
        Value::Number(number) => {
            let number: i128 = number.to_string().parse().unwrap();
            (true, format!("{:040}", number + i128::from(u64::MAX)))
        }
        Value::String(text) => (true, text.clone()),
        other => (true, other.to_string()),
    }
}

/// Every combination of a part's keys.
fn combined(part: &Part<'_>, keys: &[Key]) -> Vec<Vec<Value>> {
    let mut combined = vec![Vec::new()];
    for key in keys {
        let mut each: Vec<Value> = match &key.calendar {
            Some(calendar) => {
                let days = bucket_days(part, &key.column, (calendar, None));
                days.into_iter().map(|day| json!(day.to_string())).collect()
            }
            None => values(part, &key.column)
                .into_iter()
                .map(|value| serde_json::from_str(&value).unwrap())
                .collect(),
        };
        if each.is_empty() {
            each.push(Value::Null);
        }
        combined = combined
            .into_iter()
            .flat_map(|start| {
                each.iter().map(move |value| [start.clone(), vec![value.clone()]].concat())
            })
            .collect();
    }
    combined
}

/// A metric as a number, or as a text for dates; nothing is `null`.
fn measured(metric: &Metric, parts: &[&Part<'_>]) -> Value {
    let own = metric.column.list.as_deref().unwrap_or_default();
    let mut seen = BTreeSet::new();
    let mut values: Vec<&Value> = Vec::new();
    for part in parts {
        let holders = match (own, part.scope) {
            (own, scope) if own == scope => vec![part.value],
            // A document counts once, however many of its elements are in the group.
            ("", _) if seen.insert(std::ptr::from_ref(part.document)) => vec![part.document],
            ("", _) => Vec::new(),
            (own, _) => at(part.value, part.scope, own),
        };
        let scope = if own.is_empty() { "" } else { own };
        let holders = holders.into_iter().filter(|holder| matches(holder, scope, &metric.only));
        values.extend(holders.flat_map(|holder| at(holder, scope, &metric.column.field.path)));
    }
    if metric.what == Measure::Count {
        return json!(values.len());
    }
    if matches!(metric.column.field.kind, Kind::Date { .. }) {
        let times = values.into_iter().map(instant);
        let time = if metric.what == Measure::Min { times.min() } else { times.max() };
        return time.map_or(Value::Null, |time| json!(time.to_string()));
    }
    let numbers: Vec<f64> = values.iter().map(|value| value.to_string().parse().unwrap()).collect();
    let sum: f64 = numbers.iter().sum();
    let extreme = |least: bool| {
        let order = |left: &f64, right: &f64| left.total_cmp(right);
        let numbers = numbers.iter().copied();
        if least { numbers.min_by(order) } else { numbers.max_by(order) }
    };
    match metric.what {
        Measure::Sum => json!(sum),
        Measure::Avg if numbers.is_empty() => Value::Null,
        #[expect(clippy::cast_precision_loss, reason = "there are few")]
        Measure::Avg => json!(sum / numbers.len() as f64),
        Measure::Min => json!(extreme(true)),
        Measure::Max => json!(extreme(false)),
        Measure::Count => Value::Null,
    }
}
