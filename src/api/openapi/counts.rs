//! Facets and aggregates, as bodies ask for them and as answers tell them, for [`super`].
//!
//! Promises: a facet or a key names just the fields that [`FieldSchema`] tells of it.

use utoipa::openapi::{Array, Object, ObjectBuilder, Ref, RefOr, Schema, Type};

use super::Named;
use super::bodies::{condition, filter_name};
use super::shapes::{
    any, closed, count, count_of, either, flag, list_of, map, map_of, of, text, text_of, words,
};
use crate::query::Limits;
use crate::query::aggregate::Measure;
use crate::query::calendar::Interval;
use crate::query::schema::FieldSchema;

/// Names of components that all indexes share.
pub(super) const FACET_ANSWER: &str = "FacetAnswer";
pub(super) const AGGREGATE_ANSWER: &str = "AggregateAnswer";

/// One facet of an answer.
pub(super) fn facet_answer() -> RefOr<Schema> {
    let value = ObjectBuilder::new()
        .property("value", any())
        .required("value")
        .property("count", count())
        .required("count")
        .property("selected", flag());
    let range = ObjectBuilder::new()
        .property("from", any())
        .property("to", any())
        .property("count", count())
        .required("count")
        .property("selected", flag());
    let buckets = |bucket: ObjectBuilder| {
        ObjectBuilder::new()
            .property("buckets", Array::new(bucket.build()))
            .required("buckets")
            .property("missing", count())
            .required("missing")
    };
    let values = buckets(value).property("other", count()).property("approximate", flag());
    either([values.into(), buckets(range).into(), buckets(dates()).into()])
}

/// A bucket of dates.
fn dates() -> ObjectBuilder {
    ObjectBuilder::new()
        .property("value", text())
        .required("value")
        .property("from", text())
        .required("from")
        .property("to", of(&[Type::String, Type::Null]))
        .property("count", count())
        .required("count")
}

/// One aggregate of an answer.
pub(super) fn aggregate_answer() -> RefOr<Schema> {
    let metrics = || map(of(&[Type::Number, Type::String, Type::Null]));
    let group = ObjectBuilder::new()
        .property("key", map(any()))
        .required("key")
        .property("count", count())
        .required("count")
        .property("metrics", metrics());
    let groups = ObjectBuilder::new()
        .property("buckets", Array::new(group.build()))
        .required("buckets")
        .property("next", of(&[Type::String, Type::Null]))
        .required("next");
    let bucket = dates().property("metrics", metrics());
    let dates =
        ObjectBuilder::new().property("buckets", Array::new(bucket.build())).required("buckets");
    either([groups.into(), dates.into()])
}

/// What a body may ask to be counted of one index.
pub(super) struct Counts<'a> {
    index: &'a Named<'a>,
    limits: &'a Limits,
}

impl<'a> Counts<'a> {
    pub(super) fn of(index: &'a Named<'a>, limits: &'a Limits) -> Self {
        Self { index, limits }
    }

    /// `facets`; nothing where nothing can be counted.
    pub(super) fn facets(&self) -> Option<Object> {
        let Limits { facet_values, facet_ranges, .. } = *self.limits;
        let parted = |ty: &str| {
            let fields = self.paths(|field| field.facets.contains(&ty));
            (!fields.is_empty()).then(|| self.counted(ty).property("field", words(fields)))
        };
        let values = parted("terms").map(|facet| {
            let prefix = text_of(0, self.limits.text_length);
            closed(facet.property("size", count_of(1, facet_values)).property("prefix", prefix))
        });
        let ranges = parted("range").map(|facet| {
            let bound = || of(&[Type::Number, Type::String]);
            let range = ObjectBuilder::new().property("from", bound()).property("to", bound());
            let ranges = list_of(closed(range), facet_ranges);
            closed(facet.property("ranges", ranges).required("ranges").required("type"))
        });
        let dates = parted("date_histogram").map(|facet| closed(calendar(facet).required("type")));
        let types: Vec<RefOr<Schema>> =
            [values, ranges, dates].into_iter().flatten().map(Into::into).collect();
        (!types.is_empty()).then(|| map_of(either(types), self.limits.facets))
    }

    /// `facet_filters`: what was chosen of each field.
    pub(super) fn choices(&self) -> Object {
        let values = self.index.index.fields.iter().filter(|field| {
            !field.operators.is_empty() && !matches!(field.kind, Some("list" | "object"))
        });
        closed(values.fold(ObjectBuilder::new(), |choices, field| {
            let mut choice = condition(self.index, field);
            if let Some(list) = &field.list {
                choice = choice.property("where", self.elements_of(list));
            }
            choices.property(&field.path, closed(choice))
        }))
    }

    /// `aggregate`; nothing where nothing can be.
    pub(super) fn aggregates(&self) -> Option<Object> {
        let Limits { groups, group_keys, .. } = *self.limits;
        let values = self.paths(|field| field.facetable);
        let days = self.paths(|field| field.facets.contains(&"date_histogram"));
        let day =
            |object: ObjectBuilder| object.property("field", words(days.clone())).required("field");
        let mut keys: Vec<RefOr<Schema>> = Vec::new();
        if !values.is_empty() {
            keys.push(words(values).into());
        }
        if !days.is_empty() {
            let interval = calendar(day(ObjectBuilder::new()));
            keys.push(interval.into());
        }
        if keys.is_empty() {
            return None;
        }
        let group = self
            .counted("group")
            .property("by", list_of(either(keys), group_keys))
            .property("size", count_of(1, groups))
            .property("after", of(&[Type::String, Type::Null]))
            .property("sort", sort())
            .property("metrics", self.metrics())
            .required("type")
            .required("by");
        let dates = (!days.is_empty()).then(|| {
            let dates = calendar(day(self.counted("date_histogram"))).required("type");
            closed(dates.property("metrics", self.metrics())).into()
        });
        let types = [closed(group).into()].into_iter().chain(dates);
        Some(map_of(either(types), self.limits.aggregates))
    }

    fn metrics(&self) -> Object {
        let fields = |kinds: &[&str]| {
            self.paths(|field| field.kind.is_some_and(|kind| kinds.contains(&kind)))
        };
        let mut metric = ObjectBuilder::new();
        for (word, what) in Measure::NAMED {
            let fields = match what {
                Measure::Sum | Measure::Avg => fields(&["integer", "number"]),
                Measure::Min | Measure::Max => fields(&["integer", "number", "date"]),
                Measure::Count => fields(&["integer", "number", "date", "string", "boolean"]),
            };
            if !fields.is_empty() {
                metric = metric.property(word, words(fields));
            }
        }
        map_of(closed(self.of_elements(metric)), self.limits.metrics)
    }

    /// The type, and which elements of lists are counted.
    fn counted(&self, ty: &str) -> ObjectBuilder {
        let counted = ObjectBuilder::new().property("type", words([ty]));
        self.of_elements(counted.property("count", words(["documents", "elements"])))
    }

    /// With what elements of lists are like.
    pub(super) fn of_elements(&self, object: ObjectBuilder) -> ObjectBuilder {
        let lists = self.index.index.fields.iter().filter(|field| field.kind == Some("list"));
        let like: Vec<RefOr<Schema>> =
            lists.map(|list| self.elements_of(&list.path).into()).collect();
        if like.is_empty() { object } else { object.property("where", either(like)) }
    }

    fn elements_of(&self, list: &str) -> Ref {
        Ref::from_schema_name(self.index.component(&filter_name(Some(list))))
    }

    fn paths(&self, wanted: impl Fn(&FieldSchema) -> bool) -> Vec<&'a str> {
        let fields = self.index.index.fields.iter().filter(|field| wanted(field));
        fields.map(|field| field.path.as_str()).collect()
    }
}

/// `interval`, `timezone`, `min` and `max`.
fn calendar(object: ObjectBuilder) -> ObjectBuilder {
    let intervals = Interval::NAMED.map(|(word, _)| word);
    object
        .property("interval", words(intervals))
        .required("interval")
        .property("timezone", text())
        .property("min", text())
        .property("max", text())
}

/// The order of groups, by a metric's name or `count`.
fn sort() -> Object {
    let sort = ObjectBuilder::new().property("by", of(&[Type::String])).required("by");
    closed(sort.property("order", words(["asc", "desc"])))
}
