//! What a search has counted, beside its rows.
//!
//! Promises: whatever is counted is counted of the documents that its filters choose. Never changes which rows are found.

use serde_json::{Value, json};

use crate::mapping::OWN_FIELD;
use crate::query::aggregate::Grouping;
use crate::query::elements::with;
use crate::query::facet::By;
use crate::query::{SearchRequest, aggregate, facet};

/// The body of a search with what its facets and aggregates ask; `after` are the keys of the groups before, by the number of
/// the aggregate.
pub fn with_aggregations(body: Value, request: &SearchRequest, after: &[Option<Value>]) -> Value {
    let mut asked = facet::dsl::aggregations(request);
    for (number, one) in request.aggregates.iter().enumerate() {
        let after = after.get(number).and_then(Option::as_ref);
        asked.insert(aggregate::name(number), aggregate::aggregation(one, request, after));
    }
    if asked.is_empty() {
        return body;
    }
    let mut body = with(body, "aggs", Value::Object(asked));
    if let Some(query) = body.get_mut("query").filter(|_| walks_through_values(request)) {
        *query = kept_from_being_all(query);
    }
    body
}

/// Whether groups are found by a walk through the values of a field, a composite.
fn walks_through_values(request: &SearchRequest) -> bool {
    let of_facets = request.facets.iter().any(|facet| match &facet.by {
        By::Dates(calendar) => calendar.bounds.is_none(),
        By::Values { .. } | By::Ranges(_) => false,
    });
    let mut of_aggregates = request.aggregates.iter().map(|aggregate| match &aggregate.by {
        Grouping::Dates { calendar, .. } => calendar.bounds.is_none(),
        Grouping::Keys { .. } => true,
    });
    of_facets || of_aggregates.any(|walks| walks)
}

/// The same query, with what no document has kept out of it.
///
/// OpenSearch (3.8, too) lets a composite of dates or integers walk through the index itself where the query is for all documents, or
/// for a range of that very field, and then forgets the filters around the composite: everything is counted, chosen or not.
fn kept_from_being_all(query: &Value) -> Value {
    let nobody = json!({"term": {format!("{OWN_FIELD}.id"): {"value": ""}}});
    json!({"bool": {"must": [query], "must_not": [nobody]}})
}
