//! What bodies hold, for [`super`].
//!
//! Promises: a member names just the fields that it can serve with, and a filter has just the operators that [`FieldSchema`] tells
//! of a field.

use utoipa::openapi::{
    Array, ArrayBuilder, Components, Object, ObjectBuilder, Ref, RefOr, Schema, Type,
};

use super::Named;
use super::counts::Counts;
use super::shapes::{closed, count, count_of, either, flag, list_of, of, text, text_of, words};
use crate::query::Limits;
use crate::query::export::{Format, MAX_COLUMNS, Wish};
use crate::query::schema::FieldSchema;

/// What one index is asked with.
pub(super) fn of_index(
    mut components: Components,
    index: &Named<'_>,
    limits: &Limits,
) -> Components {
    let lists = index.index.fields.iter().filter(|field| field.kind == Some("list"));
    let lists = lists.map(|list| Some(list.path.as_str()));
    for list in [None].into_iter().chain(lists) {
        let name = index.component(&filter_name(list));
        components.schemas.insert(name, filter(index, list).into());
    }
    components.schemas.insert(index.component("Search"), search(index, limits).into());
    components.schemas.insert(index.component("Export"), export(index, limits).into());
    components
}

/// The name of the filter of documents, or of the elements of a list.
pub(super) fn filter_name(list: Option<&str>) -> String {
    list.map_or_else(|| "Filter".to_owned(), |list| format!("Filter.{}", plain(list)))
}

/// A path, in the characters that a component's name may have.
fn plain(path: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    path.chars()
        .map(|c| if plain(c) { c.to_string() } else { format!("-{:x}-", u32::from(c)) })
        .collect()
}

/// The filter of documents, or of the elements of a list.
fn filter(index: &Named<'_>, list: Option<&str>) -> Object {
    let itself = || Ref::from_schema_name(index.component(&filter_name(list)));
    let mut filter = ObjectBuilder::new()
        .property("and", Array::new(itself()))
        .property("or", Array::new(itself()))
        .property("not", itself());
    let here = |field: &&FieldSchema| field.list.as_deref() == list && !field.operators.is_empty();
    for field in index.index.fields.iter().filter(here) {
        let name = match list {
            Some(list) => {
                field.path.strip_prefix(list).map_or("", |name| name.trim_start_matches('.'))
            }
            None => &field.path,
        };
        filter = filter.property(name, closed(condition(index, field)));
    }
    closed(filter)
}

/// The operators of a field.
pub(super) fn condition(index: &Named<'_>, field: &FieldSchema) -> ObjectBuilder {
    let elements = || Ref::from_schema_name(index.component(&filter_name(Some(&field.path))));
    let one = || value(field.kind);
    let operand = |operator: &str| -> RefOr<Schema> {
        match operator {
            "in" | "nin" => Array::new(one()).into(),
            "between" => {
                let two = ArrayBuilder::new().items(one()).min_items(Some(2)).max_items(Some(2));
                two.build().into()
            }
            "exists" => flag().into(),
            "some" | "none" | "every" => elements().into(),
            "count" => {
                let counts = ["eq", "ne", "lt", "lte", "gt", "gte"].into_iter();
                let each =
                    counts.fold(ObjectBuilder::new(), |each, word| each.property(word, count()));
                closed(each.property("where", elements())).into()
            }
            "contains" | "icontains" | "starts_with" | "match" | "phrase" => text().into(),
            _ => one().into(),
        }
    };
    let operators = field.operators.iter();
    operators.fold(ObjectBuilder::new(), |condition, operator| {
        condition.property(*operator, operand(operator))
    })
}

/// What a field of that kind is compared with.
fn value(kind: Option<&str>) -> Object {
    match kind {
        Some("integer") => count(),
        Some("number") => of(&[Type::Number]),
        Some("boolean") => flag(),
        Some("date") => {
            let told = "a day, `2026-01-31`, or a time with its zone, `2026-01-31T09:30:00+09:00`";
            ObjectBuilder::new().schema_type(Type::String).description(Some(told)).build()
        }
        _ => text(),
    }
}

/// The body of a search.
fn search(index: &Named<'_>, limits: &Limits) -> Object {
    let members = members(index, limits).into_iter();
    closed(members.fold(ObjectBuilder::new(), |search, (key, schema)| search.property(key, schema)))
}

/// The body of an export.
fn export(index: &Named<'_>, limits: &Limits) -> Object {
    let column = ObjectBuilder::new()
        .property("path", text())
        .required("path")
        .property("heading", text())
        .property("as", words(["joined", "count", "sum"]))
        .property("separator", text());
    let columns = ArrayBuilder::new().items(either([text().into(), closed(column).into()]));
    let columns = columns.min_items(Some(1)).max_items(Some(MAX_COLUMNS));
    let lists = index.index.fields.iter();
    let lists = lists.filter(|field| field.kind == Some("list") && field.list.is_none());
    let lists: Vec<&str> = lists.map(|field| field.path.as_str()).collect();
    let limit = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1_i64));
    let mut own: Vec<(&str, RefOr<Schema>)> = vec![
        ("format", words([Format::Csv, Format::Ndjson, Format::Xlsx].map(Format::word)).into()),
        ("columns", columns.build().into()),
        ("limit", limit.build().into()),
    ];
    if !lists.is_empty() {
        own.push(("explode", words(lists).into()));
    }
    let members = members(index, limits).into_iter().filter(|(name, _)| Wish::takes(name));
    closed(
        members
            .chain(own)
            .fold(ObjectBuilder::new(), |export, (name, schema)| export.property(name, schema)),
    )
}

/// The members of a search; one that nothing could be said in is left out, since what is said in it is refused.
fn members(index: &Named<'_>, limits: &Limits) -> Vec<(&'static str, RefOr<Schema>)> {
    let fields = &index.index.fields;
    let paths = |wanted: fn(&&FieldSchema) -> bool| {
        fields.iter().filter(wanted).map(|field| field.path.as_str()).collect::<Vec<_>>()
    };
    let counts = Counts::of(index, limits);
    let by = paths(|field| field.sortable || !field.sort_by.is_empty());
    let key = ObjectBuilder::new()
        .property("field", words(by.iter().copied()))
        .required("field")
        .property("order", words(["asc", "desc"]))
        .property("nulls", words(["last"]))
        .property("agg", words(["min", "max"]));
    let key = closed(counts.of_elements(key));
    let page = ObjectBuilder::new()
        .property("size", count_of(0, limits.page_size))
        .property("after", of(&[Type::String, Type::Null]))
        .property("number", of(&[Type::Integer, Type::Null]))
        .property("snapshot", flag());
    let mut known: Vec<(&str, RefOr<Schema>)> = vec![
        ("filter", Ref::from_schema_name(index.component("Filter")).into()),
        ("page", closed(page).into()),
        ("fields", Array::new(words(paths(|_| true))).into()),
        ("count", words(["exact", "capped", "none"]).into()),
        ("facet_filters", counts.choices().into()),
    ];
    if !by.is_empty() {
        known.push(("sort", list_of(key, limits.sort_keys).into()));
    }
    let texts = paths(|field| field.operators.contains(&"match"));
    if !texts.is_empty() {
        let q = ObjectBuilder::new()
            .property("text", text_of(1, limits.text_length))
            .required("text")
            .property("fields", Array::new(words(texts)))
            .property("mode", words(["all", "any", "phrase"]));
        let q = if index.finds_near() { q.property("fuzzy", flag()) } else { q };
        known.push(("q", closed(q).into()));
    }
    let outside = paths(|field| field.operators.contains(&"match") && field.list.is_none());
    if !outside.is_empty() {
        let fields = list_of(words(outside), limits.highlights);
        known.push(("highlight", either([flag().into(), fields.into()])));
    }
    known.extend(counts.facets().map(|facets| ("facets", facets.into())));
    known.extend(counts.aggregates().map(|aggregates| ("aggregate", aggregates.into())));
    if !index.views.is_empty() {
        known.push(("view", words(index.views.iter().copied()).into()));
    }
    known
}
