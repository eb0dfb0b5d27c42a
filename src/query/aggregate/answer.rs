//! What the engine answered for the aggregates, as it is told.
//!
//! Promises: keys and counts are exact. A whole number that the engine has in full is told as one, and one that it has not
//! keeps the engine's exponent.

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value, json};

use super::dsl::{GROUPS, VALUE, metric_name, name};
use super::{Aggregate, Grouping, Key, MAX_RANKED, Measure, Metric, Rank, RankBy};
use crate::query::elements::{inside, value};
use crate::query::facet::answer::dates;
use crate::query::fault::Pointer;
use crate::query::fields::Kind;
use crate::query::{Code, Order, Refusal, SearchRequest};

/// The greatest whole number up to which a double has every one.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The `aggregates` of an answer with these `aggregations`; nothing when none were asked for. `sign` makes the cursor of an
/// aggregate by its number and its last keys.
///
/// # Errors
/// A [`Refusal`](crate::query::Refusal) when there are more buckets than are told; else the answer is not what was asked for.
pub fn read(
    request: &SearchRequest,
    aggregations: &Value,
    sign: impl Fn(&Aggregate, Box<RawValue>) -> serde_json::Result<String>,
) -> Result<Option<Value>> {
    if request.aggregates.is_empty() {
        return Ok(None);
    }
    let mut told = Map::new();
    for (number, aggregate) in request.aggregates.iter().enumerate() {
        let answer = aggregations.get(name(number)).context("an aggregate is not answered")?;
        told.insert(aggregate.name.clone(), one(aggregate, answer, &sign)?);
    }
    Ok(Some(Value::Object(told)))
}

fn one(
    aggregate: &Aggregate,
    answer: &Value,
    sign: &impl Fn(&Aggregate, Box<RawValue>) -> serde_json::Result<String>,
) -> Result<Value> {
    let elements = &aggregate.elements;
    let groups = elements.reached(answer).and_then(|inside| inside.get(GROUPS));
    let groups = groups.context("no groups are answered")?;
    let more = |bucket: &Value| metrics(aggregate, bucket);
    let at = Pointer::root().join("aggregate").join(&aggregate.name);
    let (keys, size, rank) = match &aggregate.by {
        Grouping::Dates { calendar, .. } => {
            return Ok(json!({"buckets": dates(calendar, elements, (groups, &at), more)?}));
        }
        Grouping::Keys { keys, size, rank, .. } => (keys, *size, rank),
    };
    let all = groups.get("buckets").and_then(Value::as_array).context("no buckets are answered")?;
    let mut all: Vec<&Value> = all.iter().collect();
    if let Some(rank) = rank {
        if all.len() > MAX_RANKED {
            let what = format!("there are more than {MAX_RANKED} groups to put in order");
            let hint = Some(
                "a narrower filter makes fewer of them; in the order of their keys they come page by page",
            );
            let at = at.join("sort");
            return Err(Refusal::one(&at, Code::LimitExceeded, what, hint).into());
        }
        all = ranked(aggregate, *rank, all);
    }
    let mut buckets = Vec::new();
    for bucket in all.iter().copied().take(size) {
        let mut told = Map::new();
        told.insert("key".to_owned(), key(keys, bucket).context("a key")?);
        told.insert("count".to_owned(), json!(elements.count(bucket).context("a count")?));
        told.extend(more(bucket)?);
        buckets.push(Value::Object(told));
    }
    let last = all.get(size.saturating_sub(1)).filter(|_| all.len() > size && rank.is_none());
    let next = match last.and_then(|bucket| bucket.get("key")) {
        Some(keys) => Some(sign(aggregate, serde_json::value::to_raw_value(keys)?)?),
        None => None,
    };
    Ok(json!({"buckets": buckets, "next": next}))
}

/// The groups in that order.
fn ranked<'a>(aggregate: &Aggregate, rank: Rank, all: Vec<&'a Value>) -> Vec<&'a Value> {
    let list = aggregate.elements.list.as_deref();
    let by = |bucket: &Value| {
        let value = match rank.by {
            RankBy::Count => return aggregate.elements.count(bucket).map(|count| count as f64),
            RankBy::Metric(number) => {
                let answer = bucket.get(metric_name(number))?;
                answered(aggregate.metrics.get(number)?, list, answer)?.as_f64()?
            }
        };
        // Nothing is less than nothing.
        Some(value + 0.0)
    };
    let mut by_value: Vec<_> = all.into_iter().map(|bucket| (by(bucket), bucket)).collect();
    by_value.sort_by(|(left, _), (right, _)| match (left, right, rank.order) {
        (Some(left), Some(right), Order::Asc) => left.total_cmp(right),
        (Some(left), Some(right), Order::Desc) => right.total_cmp(left),
        _ => right.is_some().cmp(&left.is_some()),
    });
    by_value.into_iter().map(|(_, bucket)| bucket).collect()
}

fn key(keys: &[Key], bucket: &Value) -> Option<Value> {
    let answered = bucket.get("key")?;
    let each = keys.iter().enumerate().map(|(number, key)| {
        let told = match (answered.get(number.to_string())?, &key.calendar) {
            (Value::Null, _) => Value::Null,
            (millis, Some(calendar)) => {
                json!(calendar.bucket_at(millis.as_i64()?)?.day.to_string())
            }
            (key_value, None) => value(key.column.field.kind, key_value)?,
        };
        Some((key.column.field.path.clone(), told))
    });
    each.collect::<Option<Map<_, _>>>().map(Value::Object)
}

/// `"metrics": {…}` of a bucket; nothing when none were asked for. A bucket that holds nothing was not answered.
fn metrics(aggregate: &Aggregate, bucket: &Value) -> Result<Map<String, Value>> {
    let list = aggregate.elements.list.as_deref();
    let mut told = Map::new();
    for (number, metric) in aggregate.metrics.iter().enumerate() {
        let answer = bucket.get(metric_name(number));
        let value = answer.and_then(|answer| measured(metric, list, answer));
        let value = match (bucket, value) {
            (Value::Null, _) => nothing(metric.what),
            (_, value) => value.context("a metric is not answered")?,
        };
        told.insert(metric.name.clone(), value);
    }
    let named = (!told.is_empty()).then(|| ("metrics".to_owned(), Value::Object(told)));
    Ok(named.into_iter().collect())
}

/// The metric of nothing.
fn nothing(what: Measure) -> Value {
    match what {
        Measure::Sum | Measure::Count => json!(0),
        Measure::Avg | Measure::Min | Measure::Max => Value::Null,
    }
}

/// What the engine has worked out; `null` of nothing.
fn answered<'a>(metric: &Metric, list: Option<&str>, answer: &'a Value) -> Option<&'a Value> {
    let own = metric.column.list.as_deref();
    let holds = if own.is_some() && own != list { inside(answer)? } else { answer };
    holds.get(VALUE)?.get("value")
}

fn measured(metric: &Metric, list: Option<&str>, answer: &Value) -> Option<Value> {
    let value = answered(metric, list, answer)?;
    let Value::Number(number) = value else { return Some(nothing(metric.what)) };
    Some(match (metric.column.field.kind, metric.what) {
        (_, Measure::Count) => value.clone(),
        (Kind::Date { .. }, _) => {
            let millis = whole(number)?.as_i64()?;
            json!(Timestamp::from_millisecond(millis).ok()?.to_string())
        }
        (Kind::Integer { .. }, Measure::Sum | Measure::Min | Measure::Max) => {
            whole(number).map_or_else(|| value.clone(), Value::Number)
        }
        _ => value.clone(),
    })
}

/// The engine writes doubles: `5.0E7` is 50000000.
fn whole(number: &Number) -> Option<Number> {
    let double = number.as_f64()?;
    let whole = double.fract().abs() < f64::EPSILON && double.abs() < EXACT;
    whole.then(|| format!("{double:.0}").parse::<i64>().ok().map(Number::from)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_told_as_such_as_far_as_a_double_has_them() {
        let whole = |text: &str| whole(&text.parse().unwrap()).map(|number| number.to_string());
        assert_eq!(whole("5.0E7").as_deref(), Some("50000000"));
        assert_eq!(whole("-9.007199254740991E15").as_deref(), Some("-9007199254740991"));
        assert_eq!(whole("9.007199254740992E15"), None);
        assert_eq!(whole("0.0").as_deref(), Some("0"));
        assert_eq!(whole("-0.0").as_deref(), Some("0"));
        assert_eq!(whole("0.5"), None);
    }
}
