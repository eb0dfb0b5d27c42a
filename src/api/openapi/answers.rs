//! What answers hold, for [`super`].
//!
//! Promises: describes rows no narrower than documents can be: any value may be absent, `null`, or a list.

use std::collections::BTreeMap;

use utoipa::openapi::schema::SchemaType;
use utoipa::openapi::{
    Array, Components, ContentBuilder, Object, ObjectBuilder, Ref, RefOr, ResponseBuilder, Schema,
    Type,
};

use super::Named;
use super::counts::{AGGREGATE_ANSWER, FACET_ANSWER, aggregate_answer, facet_answer};
use super::shapes::{any, count, flag, map, of, text, words};
use crate::query::schema::FieldSchema;

/// The name of the answer to whatever goes wrong.
pub(super) const PROBLEM: &str = "Problem";
/// The name of what is told of an index.
pub(super) const INDEX_SCHEMA: &str = "IndexSchema";
const META: &str = "Meta";

/// What all indexes share.
pub(super) fn shared(mut components: Components) -> Components {
    let told = ContentBuilder::new().schema(Some(Ref::from_schema_name(PROBLEM))).build();
    let response = ResponseBuilder::new()
        .description("Why there is no answer (RFC 9457).")
        .content("application/problem+json", told)
        .build();
    components.responses.insert(PROBLEM.to_owned(), RefOr::T(response));
    let schemas: [(&str, RefOr<Schema>); 5] = [
        (PROBLEM, problem().into()),
        (META, meta().into()),
        (INDEX_SCHEMA, index_schema().into()),
        (FACET_ANSWER, facet_answer()),
        (AGGREGATE_ANSWER, aggregate_answer()),
    ];
    components.schemas.extend(schemas.map(|(name, schema)| (name.to_owned(), schema)));
    components
}

fn problem() -> Object {
    let problem = ["type", "title", "code", "message", "request_id"]
        .into_iter()
        .fold(ObjectBuilder::new(), |problem, name| problem.property(name, text()).required(name));
    let fault = ["pointer", "parameter", "code", "detail"]
        .into_iter()
        .fold(ObjectBuilder::new(), |fault, name| fault.property(name, text()));
    problem
        .property("status", count())
        .required("status")
        .property("detail", text())
        .property("errors", Array::new(fault.build()))
        .build()
}

fn meta() -> Object {
    ObjectBuilder::new()
        .property("index", text())
        .property("as_of", text())
        .property("lag_ms", count())
        .property("took_ms", count())
        .required("took_ms")
        .property("request_id", text())
        .required("request_id")
        .build()
}

fn index_schema() -> Object {
    let field = ObjectBuilder::new()
        .property("path", text())
        .required("path")
        .property("type", text())
        .property("kind", text())
        .property("list", text())
        .property("operators", Array::new(text()))
        .required("operators")
        .property("sortable", flag())
        .required("sortable")
        .property("sort_by", Array::new(text()))
        .property("facetable", flag())
        .required("facetable")
        .property("facets", Array::new(text()))
        .property("fuzzy", flag());
    ObjectBuilder::new()
        .property("index", text())
        .required("index")
        .property("fields", Array::new(field.build()))
        .required("fields")
        .build()
}

/// `data` and `meta`.
pub(super) fn told(data: impl Into<RefOr<Schema>>) -> ObjectBuilder {
    ObjectBuilder::new()
        .property("data", data)
        .required("data")
        .property("meta", Ref::from_schema_name(META))
        .required("meta")
}

/// That it is well.
pub(super) fn status() -> Object {
    ObjectBuilder::new().property("status", words(["ok"])).required("status").build()
}

/// What a search would do.
pub(super) fn explanation() -> Object {
    ObjectBuilder::new()
        .property("index", text())
        .required("index")
        .property("cost", count())
        .required("cost")
        .property("snapshot", flag())
        .required("snapshot")
        .property("search", of(&[Type::Object]))
        .required("search")
        .build()
}

/// What one index answers.
pub(super) fn of_index(mut components: Components, index: &Named<'_>) -> Components {
    let page = ObjectBuilder::new()
        .property("size", count())
        .required("size")
        .property("number", count())
        .property("next", of(&[Type::String, Type::Null]))
        .required("next")
        .property("has_next", flag())
        .required("has_next");
    let total = ObjectBuilder::new()
        .property("value", count())
        .required("value")
        .property("relation", words(["eq", "gte"]))
        .required("relation");
    let row = || Ref::from_schema_name(index.component("Row"));
    let answer = told(Array::new(row()))
        .property("page", page.build())
        .required("page")
        .property("total", total.build())
        .property("highlights", map(map(Array::new(text()))))
        .property("facets", map(Ref::from_schema_name(FACET_ANSWER)))
        .property("aggregates", map(Ref::from_schema_name(AGGREGATE_ANSWER)));
    let schemas = [
        ("Row", self::row(&index.index.fields)),
        ("Answer", answer.build()),
        ("Document", told(row()).build()),
    ];
    let schemas = schemas.map(|(name, schema)| (index.component(name), schema.into()));
    components.schemas.extend(schemas);
    components
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
    let id = ObjectBuilder::new().property("_id", text()).required("_id");
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
        _ => return any(),
    };
    let types = types.iter().cloned().collect::<SchemaType>();
    members(ObjectBuilder::new().schema_type(types), branch).build()
}
