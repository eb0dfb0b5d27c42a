//! What the engine is asked for an aggregate.
//!
//! Promises: one aggregation per aggregate, over what the rows are over. No name of a caller reaches the engine.

use serde_json::{Map, Value, json};

use super::{Aggregate, Grouping, Key, MAX_RANKED, Measure, Metric};
use crate::query::SearchRequest;
use crate::query::elements::{with, within};
use crate::query::facet::dsl::{all_of, dates};

pub(super) const GROUPS: &str = "groups";
pub(super) const VALUE: &str = "value";

/// The name of an aggregate's aggregation.
pub fn name(number: usize) -> String {
    format!("aggregate-{number}")
}

/// The name of a metric's aggregation.
pub(super) fn metric_name(number: usize) -> String {
    format!("metric-{number}")
}

/// The aggregation of one aggregate, after the group with the keys `after`. Rows are held to what was chosen behind the
/// query, so that an aggregate has to be too.
pub(in crate::query) fn aggregation(
    aggregate: &Aggregate,
    request: &SearchRequest,
    after: Option<&Value>,
) -> Value {
    let choices: Vec<_> = request.choices.iter().map(|choice| &choice.filter).collect();
    let grouped = grouped(aggregate, after);
    let counted = aggregate.elements.reach(json!({GROUPS: grouped}));
    json!({"filter": all_of(&choices), "aggs": counted})
}

/// What the pages of one aggregate have in common, as text.
pub fn identity(aggregate: &Aggregate, request: &SearchRequest) -> Value {
    let mut same = aggregate.clone();
    if let Grouping::Keys { size, .. } = &mut same.by {
        *size = 0;
    }
    aggregation(&same, request, None)
}

fn grouped(aggregate: &Aggregate, after: Option<&Value>) -> Value {
    let Aggregate { elements, by, metrics, .. } = aggregate;
    let list = elements.list.as_deref();
    let inner: Map<_, _> = metrics
        .iter()
        .enumerate()
        .map(|(number, metric)| (metric_name(number), measured(metric, list)))
        .collect();
    let (keys, size, rank) = match by {
        Grouping::Dates { column, calendar } => return dates(column, calendar, (elements, inner)),
        Grouping::Keys { keys, size, rank, .. } => (keys, *size, rank),
    };
    let sources: Vec<Value> = keys
        .iter()
        .enumerate()
        .map(|(number, key)| json!({number.to_string(): source(key)}))
        .collect();
    // One more than the page has tells whether there is a next one; only who knows all groups knows the first of another order.
    let most = if rank.is_some() { MAX_RANKED } else { size };
    let mut composite = json!({"size": most + 1, "sources": sources});
    if let Some(after) = after {
        composite = with(composite, "after", after.clone());
    }
    elements.parted(json!({"composite": composite}), inner)
}

fn source(key: &Key) -> Value {
    let field = &key.column.field.engine;
    match &key.calendar {
        None => json!({"terms": {"field": field, "missing_bucket": true}}),
        Some(calendar) => json!({"date_histogram": {
            "field": field,
            "calendar_interval": calendar.interval.engine(),
            "time_zone": calendar.zone.name,
            "missing_bucket": true,
        }}),
    }
}

/// A metric, where its field is.
fn measured(metric: &Metric, list: Option<&str>) -> Value {
    let what = match metric.what {
        Measure::Sum => "sum",
        Measure::Avg => "avg",
        Measure::Min => "min",
        Measure::Max => "max",
        Measure::Count => "value_count",
    };
    let value = json!({VALUE: {what: {"field": metric.column.field.engine}}});
    match metric.column.list.as_deref() {
        None if list.is_some() => json!({"reverse_nested": {}, "aggs": value}),
        None => json!({"filter": {"match_all": {}}, "aggs": value}),
        Some(own) if list == Some(own) => {
            json!({"filter": all_of(&[&metric.only]), "aggs": value})
        }
        Some(own) => {
            json!({"filter": {"match_all": {}}, "aggs": within(own, &metric.only, &value)})
        }
    }
}
