//! Which fields a search names, whatever for.
//!
//! Promises: paths and nothing else: no value that a field is compared with.

use std::collections::BTreeSet;

use super::{Filter, SearchRequest};

impl SearchRequest {
    /// The paths that are filtered or sorted by, or asked for.
    pub fn named(&self) -> BTreeSet<&str> {
        let mut named = BTreeSet::new();
        self.filter.name(&mut named);
        named.extend(self.sort.iter().map(|sort| sort.field.path.as_str()));
        named.extend(self.fields.iter().flatten().map(String::as_str));
        named
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
}
