//! Which fields a search names, whatever for.
//!
//! Promises: paths and nothing else: no value that a field is compared with.

use std::collections::BTreeSet;

use super::aggregate::{Aggregate, Grouping};
use super::{Filter, SearchRequest};

impl SearchRequest {
    /// The paths that are filtered or sorted by, searched, counted, or asked for.
    pub fn named(&self) -> BTreeSet<&str> {
        // Whole, so that what is added to a search is named too.
        let Self {
            filter,
            sort,
            page: _,
            fields,
            count: _,
            q,
            highlight,
            facets,
            choices,
            aggregates,
        } = self;
        let mut named = BTreeSet::new();
        filter.name(&mut named);
        for sort in sort {
            named.insert(&sort.field.path);
            sort.pick.iter().for_each(|pick| pick.filter.name(&mut named));
        }
        named.extend(fields.iter().flatten().map(String::as_str));
        let searched = q.iter().flat_map(|q| &q.fields).chain(highlight);
        named.extend(searched.map(|field| field.path.as_str()));
        for facet in facets {
            named.insert(&facet.column.field.path);
            facet.elements.only.name(&mut named);
        }
        for choice in choices {
            named.insert(&choice.path);
            choice.filter.name(&mut named);
        }
        aggregates.iter().for_each(|aggregate| aggregate.name(&mut named));
        named
    }
}

impl Aggregate {
    /// Adds the paths of its keys, its metrics and what they are of.
    fn name<'a>(&'a self, named: &mut BTreeSet<&'a str>) {
        self.elements.only.name(named);
        match &self.by {
            Grouping::Keys { keys, .. } => {
                named.extend(keys.iter().map(|key| key.column.field.path.as_str()));
            }
            Grouping::Dates { column, .. } => {
                named.insert(&column.field.path);
            }
        }
        for metric in &self.metrics {
            named.insert(&metric.column.field.path);
            metric.only.name(named);
        }
    }
}

impl Filter {
    /// Adds the paths that it compares.
    fn name<'f>(&'f self, named: &mut BTreeSet<&'f str>) {
        match self {
            Self::And(filters) | Self::Or(filters) => {
                filters.iter().for_each(|filter| filter.name(named));
            }
            Self::Not(filter) => filter.name(named),
            Self::Compare { field, .. }
            | Self::In { field, .. }
            | Self::NotIn { field, .. }
            | Self::Between { field, .. }
            | Self::Like { field, .. } => {
                named.insert(&field.path);
            }
            Self::Words { field, .. } => {
                named.insert(&field.path);
            }
            Self::Exists { path, .. } => {
                named.insert(path);
            }
            Self::Some { list, filter }
            | Self::None { list, filter }
            | Self::Every { list, filter }
            | Self::Count { list, filter, .. } => {
                named.insert(list);
                filter.name(named);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::query::fields::tests::fields;
    use crate::query::parse;

    #[test]
    fn paths_are_named_and_values_are_not() {
        let body = br#"{"filter": {"or": [{"title": {"eq": "secret"}}, {"not": {"settlements": {"some": {"status": {"in": ["secret"]}}}}}]},
            "sort": [{"field": "amount"}], "fields": ["manager.name"]}"#;
        let request = parse(&fields(), body).unwrap();
        let named: Vec<&str> = request.named().into_iter().collect();
        insta::assert_snapshot!(named.join(" "), @"amount manager.name settlements settlements.status title");
    }

    #[test]
    fn what_is_counted_and_searched_is_named() {
        let body = br#"{"q": {"text": "secret", "fields": ["memo"]}, "facets": {"settlements.status": {"where": {"amount": {"gt": 1}}}},
            "facet_filters": {"paid": {"eq": true}},
            "aggregate": {"a": {"type": "group", "by": ["title"], "metrics": {"m": {"max": "rate"}}}},
            "sort": [{"field": "settlements.amount", "agg": "max", "where": {"payer.name": {"eq": "secret"}}}]}"#;
        let request = parse(&fields(), body).unwrap();
        let named: Vec<&str> = request.named().into_iter().collect();
        insta::assert_snapshot!(named.join(" "), @"memo paid rate settlements.amount settlements.payer.name settlements.status title");
    }
}
