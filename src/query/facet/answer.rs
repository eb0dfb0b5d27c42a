//! What the engine answered for the facets, as it is told.
//!
//! Promises: what was chosen is always among a facet's values, counted, also when nothing has it. Counts of values that are
//! not shown are in `other`. What the engine cannot have counted exactly says so.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use super::dsl::{CHOSEN, MISSING, VALUES, chosen_filters, first_instant, name};
use super::prefix::Prefix;
use super::{By, Choice, Facet, Range};
use crate::query::calendar::{Bucket, Calendar};
use crate::query::elements::{Elements, value, with};
use crate::query::fault::{Code, Pointer, Refusal};
use crate::query::{Filter, Op, Scalar, SearchRequest};

/// The `facets` of an answer with these `aggregations`; nothing when none were asked for.
///
/// # Errors
/// A [`Refusal`] when there are more buckets than are told; else the answer is not what was asked for.
pub fn read(request: &SearchRequest, aggregations: &Value) -> Result<Option<Value>> {
    if request.facets.is_empty() {
        return Ok(None);
    }
    let mut told = Map::new();
    for (number, facet) in request.facets.iter().enumerate() {
        let answer = aggregations.get(name(number)).context("a facet is not answered")?;
        told.insert(facet.name.clone(), one(facet, &request.choices, answer)?);
    }
    Ok(Some(Value::Object(told)))
}

fn one(facet: &Facet, choices: &[Choice], answer: &Value) -> Result<Value> {
    let Facet { elements, by, .. } = facet;
    let inside = elements.reached(answer).context("no elements are answered")?;
    let beside = if elements.stand_for_documents() { answer } else { inside };
    let missing = beside.get(MISSING).and_then(|missing| missing.get("doc_count")?.as_u64());
    let missing = missing.context("what is missing is not counted")?;
    let values = inside.get(VALUES).context("no values are answered")?;
    let told = match by {
        By::Values { size, prefix } => {
            let prefix = prefix.as_deref().map(Prefix::new);
            let chosen = chosen_filters(&facet.column, prefix.as_ref(), choices);
            let chosen: Vec<Value> = chosen.map(|(value, _)| value).collect();
            let counts = inside.get(CHOSEN).unwrap_or(&Value::Null);
            most_frequent(facet, values, (&chosen, counts, *size))?
        }
        By::Ranges(ranges) => {
            let each = ranges.iter().enumerate().map(|(number, range)| {
                let count = values.get(number.to_string()).and_then(|it| elements.count(it));
                let count = count.context("a range is not counted")?;
                Ok(range.told(count, is_chosen(facet, range, choices)))
            });
            json!({"buckets": each.collect::<Result<Vec<_>>>()?})
        }
        By::Dates(calendar) => {
            let at = Pointer::root().join("facets").join(&facet.name);
            let no_more = |_: &Value| Ok(Map::new());
            json!({"buckets": dates(calendar, elements, (values, &at), no_more)?})
        }
    };
    Ok(with(told, "missing", json!(missing)))
}

/// Counts by value, the most frequent first, and what is left.
pub(in crate::query) struct Counted {
    pub(in crate::query) buckets: Vec<(Value, u64)>,
    pub(in crate::query) other: u64,
    /// Whether a shard may have left something out that counts.
    pub(in crate::query) approximate: bool,
}

impl Counted {
    /// Reads what the engine answered for the most frequent values.
    pub(in crate::query) fn read(facet: &Facet, values: &Value, size: usize) -> Result<Self> {
        let number = |name: &str| values.get(name).and_then(Value::as_i64);
        let left = number("sum_other_doc_count").context("what is left is not counted")?;
        let error = number("doc_count_error_upper_bound").unwrap_or(0);
        let by_documents = facet.elements.stand_for_documents();
        let mut buckets = Vec::new();
        for bucket in listed(values)? {
            let key = bucket.get("key").and_then(|key| value(facet.column.field.kind, key));
            let count = facet.elements.count(bucket);
            buckets.push((key.context("a key")?, count.context("a count")?));
        }
        let rest: u64 = buckets.drain(size.min(buckets.len())..).map(|(_, count)| count).sum();
        let other = rest + u64::try_from(left).unwrap_or(0);
        Ok(Self { buckets, other, approximate: if by_documents { left > 0 } else { error > 0 } })
    }
}

fn most_frequent(
    facet: &Facet,
    values: &Value,
    (chosen, counts, size): (&[Value], &Value, usize),
) -> Result<Value> {
    let Counted { mut buckets, mut other, approximate } = Counted::read(facet, values, size)?;
    for (number, value) in chosen.iter().enumerate() {
        if buckets.iter().all(|(shown, _)| shown != value) {
            let count = counts.get(number.to_string()).and_then(|it| facet.elements.count(it));
            let count = count.context("what was chosen is not counted")?;
            other = other.saturating_sub(count);
            buckets.push((value.clone(), count));
        }
    }
    let buckets = buckets.into_iter().map(|(value, count)| {
        let selected = chosen.contains(&value);
        json!({"value": value, "count": count, "selected": selected})
    });
    let told = json!({"buckets": buckets.collect::<Vec<_>>(), "other": other});
    Ok(if approximate { with(told, "approximate", json!(true)) } else { told })
}

fn listed(values: &Value) -> Result<&Vec<Value>> {
    values.get("buckets").and_then(Value::as_array).context("no buckets are answered")
}

impl Range {
    fn told(&self, count: u64, selected: bool) -> Value {
        let mut told = Map::new();
        for (name, value) in [("from", &self.from), ("to", &self.to)] {
            if let Some(value) = value {
                told.insert(name.to_owned(), shown(value));
            }
        }
        told.insert("count".to_owned(), json!(count));
        told.insert("selected".to_owned(), json!(selected));
        Value::Object(told)
    }
}

fn shown(value: &Scalar) -> Value {
    match value {
        Scalar::Text(text) => json!(text),
        Scalar::Number(number) => Value::Number(number.clone()),
        Scalar::Flag(flag) => json!(flag),
        Scalar::Time(time) => json!(time.to_string()),
        Scalar::Day(day) => json!(day.to_string()),
    }
}

/// Whether exactly these bounds were chosen.
fn is_chosen(facet: &Facet, range: &Range, choices: &[Choice]) -> bool {
    let path = &facet.column.field.path;
    let mut bounds = (None, None);
    for choice in choices.iter().filter(|choice| choice.path == *path) {
        find_bounds(&choice.filter, path, &mut bounds);
    }
    bounds != (None, None) && bounds == (range.from.as_ref(), range.to.as_ref())
}

fn find_bounds<'a>(
    filter: &'a Filter,
    path: &str,
    bounds: &mut (Option<&'a Scalar>, Option<&'a Scalar>),
) {
    match filter {
        Filter::Compare { field, op: Op::Gte, value } if field.path == path => {
            bounds.0 = Some(value);
        }
        Filter::Compare { field, op: Op::Lt, value } if field.path == path => {
            bounds.1 = Some(value);
        }
        Filter::And(all) => all.iter().for_each(|filter| find_bounds(filter, path, bounds)),
        Filter::Some { filter, .. } => find_bounds(filter, path, bounds),
        _ => {}
    }
}

/// Buckets of dates in their order, each with what `more` tells of it; with bounds, those that hold nothing too.
pub(in crate::query) fn dates(
    calendar: &Calendar,
    elements: &Elements,
    (values, at): (&Value, &Pointer),
    more: impl Fn(&Value) -> Result<Map<String, Value>>,
) -> Result<Vec<Value>> {
    let all = calendar.all().unwrap_or_default();
    let mut buckets: BTreeMap<i64, (Bucket, Option<&Value>)> =
        all.into_iter().map(|bucket| (bucket.from.as_millisecond(), (bucket, None))).collect();
    let answered =
        if calendar.bounds.is_some() && buckets.is_empty() { None } else { Some(listed(values)?) };
    for bucket in answered.into_iter().flatten() {
        let millis = first_instant(bucket).context("a date")?;
        match buckets.get_mut(&millis) {
            Some((_, answer)) => *answer = Some(bucket),
            None => {
                let known = calendar.bucket_at(millis).context("a date that is none")?;
                buckets.insert(millis, (known, Some(bucket)));
            }
        }
    }
    let most = calendar.most;
    if buckets.len() > most {
        let what = format!("more than {most} buckets");
        let hint = Some("give `min` and `max`, or take a longer interval");
        return Err(Refusal::one(at, Code::LimitExceeded, what, hint).into());
    }
    let told = buckets.into_values().map(|(bucket, answer)| {
        let count = answer.map_or(Some(0), |answer| elements.count(answer)).context("a count")?;
        let to = bucket.to.map(|to| to.to_string());
        let mut told = json!({"value": bucket.day.to_string(), "from": bucket.from.to_string(), "to": to, "count": count});
        if let Value::Object(told) = &mut told {
            told.extend(more(answer.unwrap_or(&Value::Null))?);
        }
        Ok(told)
    });
    told.collect()
}
