//! What the engine is asked for a facet.
//!
//! Promises: one aggregation per facet, within the search's query and under the choices of other fields. No name and no
//! bound of a caller reaches the engine but as a value that was checked.

use serde_json::{Map, Value, json};

use super::prefix::Prefix;
use super::{By, Choice, Facet, Range};
use crate::query::calendar::{Bucket, Calendar};
use crate::query::dsl::{clause, clauses};
use crate::query::elements::{Column, Elements, with};
use crate::query::folding::Folding;
use crate::query::{Filter, Op, Scalar, SearchRequest};

/// Values that each shard tells, so that the most frequent of all are not missed, and documents can be counted where the
/// engine orders by elements.
pub(super) const GATHERED: usize = 1_000;

pub(super) const VALUES: &str = "values";
pub(super) const CHOSEN: &str = "chosen";
pub(super) const MISSING: &str = "missing";
/// The only key of a composite that has one.
const KEY: &str = "0";

/// The name of a facet's aggregation.
pub(super) fn name(number: usize) -> String {
    format!("facet-{number}")
}

/// The aggregations of all facets.
pub(in crate::query) fn aggregations(request: &SearchRequest) -> Map<String, Value> {
    let facets = request.facets.iter().enumerate();
    facets.map(|(number, facet)| (name(number), aggregation(facet, &request.choices))).collect()
}

fn aggregation(facet: &Facet, choices: &[Choice]) -> Value {
    let others: Vec<&Filter> = choices
        .iter()
        .filter(|choice| choice.path != facet.column.field.path)
        .map(|choice| &choice.filter)
        .collect();
    let mut counted = facet.elements.reach(Value::Object(buckets(facet, choices)));
    if let Value::Object(beside) = &mut counted
        && facet.elements.stand_for_documents()
    {
        beside.insert(MISSING.to_owned(), facet.elements.without(&facet.column));
    }
    json!({"filter": all_of(&others), "aggs": counted})
}

/// All of them hold.
pub(in crate::query) fn all_of(filters: &[&Filter]) -> Value {
    if filters.is_empty() {
        return json!({"match_all": {}});
    }
    let each: Vec<Value> = filters.iter().map(|filter| clause(filter)).collect();
    json!({"bool": {"filter": each}})
}

fn buckets(facet: &Facet, choices: &[Choice]) -> Map<String, Value> {
    let Facet { column, elements, by, .. } = facet;
    let mut asked = Map::new();
    if !elements.stand_for_documents() {
        asked.insert(MISSING.to_owned(), elements.without(column));
    }
    let values = match by {
        By::Values { size, prefix } => {
            let prefix = prefix.as_deref().map(Prefix::new);
            let chosen: Vec<_> = chosen_filters(column, prefix.as_ref(), choices)
                .map(|(_, filter)| filter)
                .collect();
            if !chosen.is_empty() {
                asked.insert(CHOSEN.to_owned(), each_of(&chosen, elements));
            }
            most_frequent(column, elements, *size, prefix.as_ref())
        }
        By::Ranges(ranges) => {
            let filters: Vec<_> = ranges.iter().map(|range| in_range(column, range)).collect();
            each_of(&filters, elements)
        }
        By::Dates(calendar) => dates(column, calendar, (elements, Map::new())),
    };
    asked.insert(VALUES.to_owned(), values);
    asked
}

/// The values that were chosen of the column and begin so, as the index holds them, each with a filter for it.
pub(super) fn chosen_filters<'a>(
    column: &'a Column,
    prefix: Option<&'a Prefix<'_>>,
    choices: &'a [Choice],
) -> impl Iterator<Item = (Value, Filter)> {
    let of_column = choices.iter().filter(|choice| choice.path == column.field.path);
    of_column.flat_map(|choice| &choice.values).filter_map(move |value| {
        let field = column.compared.clone()?;
        let held = held(value, column.folding)?;
        let begins = |prefix: &Prefix<'_>| held.as_str().is_some_and(|held| prefix.begins(held));
        if !prefix.is_none_or(begins) {
            return None;
        }
        Some((held, Filter::Compare { field, op: Op::Eq, value: value.clone() }))
    })
}

/// A value as the engine names it.
fn held(value: &Scalar, folding: Folding) -> Option<Value> {
    Some(match value {
        Scalar::Text(text) => folding.fold(text).unwrap_or_else(|| text.clone()).into(),
        Scalar::Number(number) => Value::Number(number.clone()),
        Scalar::Flag(flag) => Value::Bool(*flag),
        Scalar::Time(_) | Scalar::Day(_) => return None,
    })
}

/// Filters, and not the engine's own ranges: those compare as floating point.
fn in_range(column: &Column, range: &Range) -> Filter {
    let Some(field) = &column.compared else { return Filter::Or(Vec::new()) };
    let bound = |op, value: &Option<Scalar>| {
        let value = value.clone()?;
        Some(Filter::Compare { field: field.clone(), op, value })
    };
    let bounds: Vec<_> =
        [bound(Op::Gte, &range.from), bound(Op::Lt, &range.to)].into_iter().flatten().collect();
    if bounds.is_empty() {
        // Any value at all.
        return Filter::Exists { path: field.path.clone(), engine: column.field.engine.clone() };
    }
    Filter::And(bounds)
}

/// A bucket for each filter.
fn each_of(filters: &[Filter], elements: &Elements) -> Value {
    let each = clauses(filters).into_iter().enumerate();
    // An aggregation each, instead of one with many, which refuses to be empty.
    let each = each.map(|(number, clause)| {
        (number.to_string(), elements.parted(json!({"filter": clause}), Map::new()))
    });
    json!({"filter": {"match_all": {}}, "aggs": each.collect::<Map<_, _>>()})
}

fn most_frequent(
    column: &Column,
    elements: &Elements,
    size: usize,
    prefix: Option<&Prefix<'_>>,
) -> Value {
    // By documents the engine cannot tell how much it has left out, so that all is gathered, and cut here.
    let size = if elements.stand_for_documents() { GATHERED } else { size };
    let order = elements.most_first();
    let mut terms =
        json!({"field": column.field.engine, "size": size, "shard_size": GATHERED, "order": order});
    if let Some(prefix) = prefix {
        terms = with(terms, "include", json!(prefix.expression()));
    }
    elements.parted(json!({"terms": terms}), Map::new())
}

/// With bounds, the buckets that were counted here before, as ranges: Elasticsearch leaves dates out of its own histogram that the
/// query does not ask for, though the document has them beside others. Without, how many there are is known only to the index: a
/// composite ends after one more than is allowed, where a histogram would fail as a whole, or a request before this one would
/// have to ask for the first and the last date.
pub(in crate::query) fn dates(
    column: &Column,
    calendar: &Calendar,
    (elements, inner): (&Elements, Map<String, Value>),
) -> Value {
    let field = &column.field.engine;
    let asked = match (calendar.bounds, calendar.all().unwrap_or_default()) {
        (None, _) => {
            let source = json!({"date_histogram": {
                "field": field,
                "calendar_interval": calendar.interval.engine(),
                "time_zone": calendar.zone.name,
            }});
            json!({"composite": {"size": calendar.most + 1, "sources": [{KEY: source}]}})
        }
        // The last bucket is before the first: there is none.
        (_, buckets) if buckets.is_empty() => return json!({"filter": {"match_none": {}}}),
        (_, buckets) => {
            let ranges: Vec<Value> = buckets.iter().map(between).collect();
            // The format is named, because the mapping may have one of its own.
            json!({"date_range": {"field": field, "format": "epoch_millis", "ranges": ranges}})
        }
    };
    elements.parted(asked, inner)
}

/// From the first instant of a bucket, by which it is named, up to the first of the next.
fn between(bucket: &Bucket) -> Value {
    let from = bucket.from.as_millisecond();
    let range = json!({"key": from.to_string(), "from": from});
    match bucket.to {
        Some(to) => with(range, "to", json!(to.as_millisecond())),
        None => range,
    }
}

/// The first instant of a bucket of [`dates`], in milliseconds.
pub(in crate::query) fn first_instant(bucket: &Value) -> Option<i64> {
    match bucket.get("key")? {
        Value::Object(keys) => keys.get(KEY)?.as_i64(),
        key => key.as_str()?.parse().ok(),
    }
}
