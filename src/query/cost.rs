//! What a search costs, in units: a small one is one.
//!
//! Promises: pure, and the same for the same search. It weighs what makes engines work, roughly; it does not know how many
//! documents there are.

use super::aggregate::{Aggregate, Grouping};
use super::{Count, Filter, SearchRequest};

/// Rows of a page that come with the first unit.
const ROWS: usize = 100;
/// Rows that the engine passes over for a unit.
const SKIPPED: usize = 1_000;

/// Units of a search.
pub fn cost(request: &SearchRequest) -> u32 {
    let page = &request.page;
    let rows = page.size.saturating_sub(1) / ROWS;
    let skipped = page.skipped.div_ceil(SKIPPED);
    // An index that is held is held whole.
    let held = if page.snapshot && page.after.is_none() { 5 } else { 0 };
    let counted = if request.count == Count::Exact { 2 } else { 0 };
    // What is nearly the same is looked for among all words of a field.
    let words = request.q.as_ref().map_or(0, |q| 1 + q.fields.len() / 4 + q.near.len());
    let picked = request.sort.iter().filter_map(|sort| sort.pick.as_ref());
    let picked: usize = picked.map(|pick| 3 + filter(&pick.filter)).sum();
    let chosen: usize = request.choices.iter().map(|choice| filter(&choice.filter)).sum();
    // What was chosen holds in each facet anew.
    let groups: usize = request.aggregates.iter().map(aggregate).sum();
    let facets = request.facets.len() * (1 + chosen) + groups;
    let asked = words + picked + facets + chosen + filter(&request.filter);
    let units = 1 + asked + rows + skipped + held + counted;
    u32::try_from(units).unwrap_or(u32::MAX)
}

/// Units of a search of which so many documents are all sent.
pub fn export_cost(request: &SearchRequest, documents: u64) -> u32 {
    let rows = documents.saturating_sub(1) / ROWS as u64;
    cost(request).saturating_add(u32::try_from(rows).unwrap_or(u32::MAX))
}

/// Of another order than that of their keys, all groups are looked at.
fn aggregate(aggregate: &Aggregate) -> usize {
    match &aggregate.by {
        Grouping::Keys { rank: Some(_), .. } => 8,
        Grouping::Keys { .. } | Grouping::Dates { .. } => 3,
    }
}

/// Lists are documents of their own to the engine, and a comparison is hardly anything.
fn filter(filter: &Filter) -> usize {
    match filter {
        Filter::And(filters) | Filter::Or(filters) => filters.iter().map(self::filter).sum(),
        Filter::Not(inner) => self::filter(inner),
        Filter::Some { filter, .. }
        | Filter::None { filter, .. }
        | Filter::Every { filter, .. } => 1 + self::filter(filter),
        // Each of them is looked at, of every document.
        Filter::Count { filter, .. } => 3 + self::filter(filter),
        Filter::In { values, .. } | Filter::NotIn { values, .. } => values.len() / ROWS,
        Filter::Like { .. } => 2,
        Filter::Words { .. } => 1,
        Filter::Compare { .. } | Filter::Between { .. } | Filter::Exists { .. } => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::fields::tests::fields;
    use crate::query::parse;

    fn units(body: &str) -> u32 {
        cost(&parse(&fields(), body.as_bytes()).unwrap())
    }

    #[test]
    fn what_makes_engines_work_costs_more() {
        assert_eq!(units("{}"), 1);
        assert_eq!(units(r#"{"filter": {"paid": {"eq": true}}, "page": {"size": 100}}"#), 1);
        assert_eq!(units(r#"{"page": {"size": 200}}"#), 2);
        assert_eq!(units(r#"{"count": "exact"}"#), 3);
        assert_eq!(units(r#"{"page": {"size": 50, "number": 101}}"#), 6);
        assert_eq!(units(r#"{"page": {"snapshot": true}}"#), 6);
        let export = |documents| export_cost(&parse(&fields(), b"{}").unwrap(), documents);
        assert_eq!([0, 100, 101, 1_000_000].map(export), [1, 1, 2, 10_000]);
        assert_eq!(export(u64::MAX), u32::MAX);
        let q = |more: &str| {
            units(&format!(r#"{{"q": {{"text": "a", "fields": ["title", "memo"]{more}}}}}"#))
        };
        assert_eq!((q(""), q(r#", "fuzzy": false"#), q(r#", "fuzzy": true"#)), (2, 2, 4));
        let some = r#"{"settlements": {"some": {"lines": {"some": {"code": {"ne": "a"}}}}}}"#;
        assert_eq!(units(&format!(r#"{{"filter": {{"not": {some}}}}}"#)), 3);
        let count = r#"{"settlements": {"count": {"gte": 2}}, "title": {"contains": "ab"}}"#;
        assert_eq!(units(&format!(r#"{{"filter": {count}}}"#)), 6);
    }
}
