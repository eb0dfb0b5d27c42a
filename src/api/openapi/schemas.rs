//! What bodies and answers hold, for [`super`].
//!
//! Promises: a filter has just the operators that [`FieldSchema`] tells of a field. Describes rows no narrower than documents
//! can be: any value may be absent, `null`, or a list.

use std::collections::BTreeMap;

use utoipa::openapi::schema::{AdditionalProperties, AnyOfBuilder};
use utoipa::openapi::{
    Array, ArrayBuilder, Components, ContentBuilder, Object, ObjectBuilder, Ref, RefOr,
    ResponseBuilder, Schema, Type,
};

use super::Named;
use crate::query::export::{Format, Wish};
use crate::query::schema::FieldSchema;
use crate::query::{Limits, SEARCH_KEYS};

/// The name of the answer to whatever goes wrong.
pub(super) const PROBLEM: &str = "Problem";

/// What all indexes share.
pub(super) fn shared(mut components: Components) -> Components {
    let text = || any_of(&[Type::String]);
    let problem = ["type", "title", "code", "message", "request_id"]
        .into_iter()
        .fold(ObjectBuilder::new(), |problem, name| problem.property(name, text()).required(name));
    let fault = ["pointer", "parameter", "code", "detail"]
        .into_iter()
        .fold(ObjectBuilder::new(), |fault, name| fault.property(name, text()));
    let problem = problem
        .property("status", any_of(&[Type::Integer]))
        .required("status")
        .property("detail", text())
        .property("errors", Array::new(fault.build()));
    let meta = ObjectBuilder::new()
        .property("index", text())
        .property("as_of", text())
        .property("lag_ms", any_of(&[Type::Integer]))
        .property("took_ms", any_of(&[Type::Integer]))
        .required("took_ms")
        .property("request_id", text())
        .required("request_id");
    let told = ContentBuilder::new().schema(Some(Ref::from_schema_name(PROBLEM))).build();
    let response = ResponseBuilder::new()
        .description("Why there is no answer (RFC 9457).")
        .content("application/problem+json", told)
        .build();
    components = components_with(components, PROBLEM, problem.build());
    components = components_with(components, "Meta", meta.build());
    components.responses.insert(PROBLEM.to_owned(), RefOr::T(response));
    components
}

/// What one index has.
pub(super) fn of_index(components: Components, index: &Named<'_>, limits: &Limits) -> Components {
    let fields = &index.index.fields;
    let mut components =
        components_with(components, &index.component("Filter"), filter(index, None));
    for list in fields.iter().filter(|field| field.kind == Some("list")) {
        let name = index.component(&filter_name(Some(&list.path)));
        components = components_with(components, &name, filter(index, Some(&list.path)));
    }
    components = components_with(components, &index.component("Row"), row(fields));
    components = components_with(components, &index.component("Search"), search(index, limits));
    components = components_with(components, &index.component("Export"), export(index, limits));
    let row = || Ref::from_schema_name(index.component("Row"));
    let answer = ObjectBuilder::new()
        .property("data", Array::new(row()))
        .required("data")
        .property("page", open())
        .property("total", open())
        .property("meta", Ref::from_schema_name("Meta"))
        .required("meta");
    components = components_with(components, &index.component("Answer"), answer.build());
    let document = ObjectBuilder::new()
        .property("data", row())
        .required("data")
        .property("meta", Ref::from_schema_name("Meta"))
        .required("meta");
    components_with(components, &index.component("Document"), document.build())
}

fn components_with(mut components: Components, name: &str, schema: Object) -> Components {
    components.schemas.insert(name.to_owned(), RefOr::T(Schema::Object(schema)));
    components
}

fn any_of(types: &[Type]) -> Object {
    match types {
        [one] => Object::with_type(one.clone()),
        several => ObjectBuilder::new()
            .schema_type(several.iter().cloned().collect::<utoipa::openapi::schema::SchemaType>())
            .build(),
    }
}

/// An object of which nothing else is said.
fn open() -> Object {
    Object::with_type(Type::Object)
}

fn closed(object: ObjectBuilder) -> Object {
    object.additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false))).build()
}

fn words<'w>(words: impl IntoIterator<Item = &'w str>) -> Object {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words.into_iter())).build()
}

fn filter_name(list: Option<&str>) -> String {
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
        filter = filter.property(name, condition(index, field));
    }
    closed(filter)
}

fn condition(index: &Named<'_>, field: &FieldSchema) -> Object {
    let elements = || Ref::from_schema_name(index.component(&filter_name(Some(&field.path))));
    let one = || RefOr::T(Schema::Object(value(field.kind)));
    let operand = |operator: &str| match operator {
        "in" | "nin" => RefOr::T(Schema::Array(Array::new(one()))),
        "between" => {
            let two = ArrayBuilder::new().items(one()).min_items(Some(2)).max_items(Some(2));
            RefOr::T(Schema::Array(two.build()))
        }
        "exists" => RefOr::T(Schema::Object(any_of(&[Type::Boolean]))),
        "some" | "none" | "every" => RefOr::Ref(elements()),
        "count" => {
            let counts = ["eq", "ne", "lt", "lte", "gt", "gte"].into_iter();
            let count = counts.fold(ObjectBuilder::new(), |count, word| {
                count.property(word, any_of(&[Type::Integer]))
            });
            RefOr::T(Schema::Object(closed(count.property("where", elements()))))
        }
        "contains" | "icontains" | "starts_with" | "match" | "phrase" => {
            RefOr::T(Schema::Object(any_of(&[Type::String])))
        }
        _ => one(),
    };
    let operators = field.operators.iter();
    closed(operators.fold(ObjectBuilder::new(), |condition, operator| {
        condition.property(*operator, operand(operator))
    }))
}

/// What a field of that kind is compared with.
fn value(kind: Option<&str>) -> Object {
    match kind {
        Some("integer") => any_of(&[Type::Integer]),
        Some("number") => any_of(&[Type::Number]),
        Some("boolean") => any_of(&[Type::Boolean]),
        Some("date") => {
            let told = "a day, `2026-01-31`, or a time with its zone, `2026-01-31T09:30:00+09:00`";
            ObjectBuilder::new().schema_type(Type::String).description(Some(told)).build()
        }
        _ => any_of(&[Type::String]),
    }
}

/// The body of a search.
fn search(index: &Named<'_>, limits: &Limits) -> Object {
    let fields = &index.index.fields;
    let paths = || fields.iter().map(|field| field.path.as_str());
    let by = fields.iter().filter(|field| field.sortable || !field.sort_by.is_empty());
    let key = ObjectBuilder::new()
        .property("field", words(by.map(|field| field.path.as_str())))
        .required("field")
        .property("order", words(["asc", "desc"]))
        .property("nulls", words(["last"]))
        .property("agg", words(["min", "max"]))
        .property("where", open());
    let size = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(1_i64))
        .maximum(i64::try_from(limits.page_size).ok());
    let page = ObjectBuilder::new()
        .property("size", size.build())
        .property("after", any_of(&[Type::String, Type::Null]))
        .property("number", any_of(&[Type::Integer]))
        .property("snapshot", any_of(&[Type::Boolean]));
    let known: BTreeMap<&str, RefOr<Schema>> = BTreeMap::from([
        ("filter", Ref::from_schema_name(index.component("Filter")).into()),
        ("sort", Array::new(closed(key)).into()),
        ("page", page.build().into()),
        ("fields", Array::new(words(paths())).into()),
        ("count", words(["exact", "capped", "none"]).into()),
    ]);
    let search = SEARCH_KEYS.iter().fold(ObjectBuilder::new(), |search, key| {
        let any = || {
            ObjectBuilder::new()
                .schema_type(utoipa::openapi::schema::SchemaType::AnyValue)
                .build()
                .into()
        };
        search.property(*key, known.get(key).cloned().unwrap_or_else(any))
    });
    closed(search)
}

/// The body of an export.
fn export(index: &Named<'_>, limits: &Limits) -> Object {
    let column = ObjectBuilder::new()
        .property("path", any_of(&[Type::String]))
        .required("path")
        .property("heading", any_of(&[Type::String]))
        .property("as", words(["joined", "count", "sum"]))
        .property("separator", any_of(&[Type::String]));
    let column = AnyOfBuilder::new().item(any_of(&[Type::String])).item(closed(column));
    let columns = ArrayBuilder::new().items(column).min_items(Some(1));
    let lists = index.index.fields.iter();
    let lists = lists.filter(|field| field.kind == Some("list") && field.list.is_none());
    let limit = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1_i64));
    let own: [(&str, RefOr<Schema>); 4] = [
        ("format", words([Format::Csv, Format::Ndjson, Format::Xlsx].map(Format::word)).into()),
        ("columns", columns.build().into()),
        ("explode", words(lists.map(|field| field.path.as_str())).into()),
        ("limit", limit.build().into()),
    ];
    let mut export = search(index, limits);
    export.properties.retain(|name, _| Wish::takes(name));
    export.properties.extend(own.map(|(name, schema)| (name.to_owned(), schema)));
    export
}

/// What is below one path of a row.
#[derive(Default)]
struct Branch<'a> {
    field: Option<&'a FieldSchema>,
    below: BTreeMap<&'a str, Branch<'a>>,
}

fn row(fields: &[FieldSchema]) -> Object {
    let mut root = Branch::default();
    for field in fields.iter().filter(|field| field.path != "_id") {
        let end =
            field.path.split('.').fold(&mut root, |at, name| at.below.entry(name).or_default());
        end.field = Some(field);
    }
    let id = ObjectBuilder::new().property("_id", any_of(&[Type::String])).required("_id");
    members(id, &root).build()
}

fn members(object: ObjectBuilder, branch: &Branch<'_>) -> ObjectBuilder {
    branch.below.iter().fold(object, |object, (name, branch)| object.property(*name, shown(branch)))
}

fn shown(branch: &Branch<'_>) -> Object {
    let types: &[Type] = match branch.field.and_then(|field| field.kind) {
        Some("integer" | "number") => &[Type::Number, Type::Array, Type::Null],
        Some("boolean") => &[Type::Boolean, Type::Array, Type::Null],
        Some("list" | "object") => &[Type::Object, Type::Array, Type::Null],
        Some("string" | "date") => {
            &[Type::String, Type::Number, Type::Boolean, Type::Array, Type::Null]
        }
        _ => {
            return ObjectBuilder::new()
                .schema_type(utoipa::openapi::schema::SchemaType::AnyValue)
                .build();
        }
    };
    let types = types.iter().cloned().collect::<utoipa::openapi::schema::SchemaType>();
    members(ObjectBuilder::new().schema_type(types), branch).build()
}
