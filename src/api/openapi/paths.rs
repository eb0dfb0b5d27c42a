//! What may be asked, for [`super`].
//!
//! Promises: each operation names every status that it can be answered with. Never has an operation that the caller's role
//! does not have.

use utoipa::openapi::path::{OperationBuilder, ParameterBuilder, ParameterIn, ParameterStyle};
use utoipa::openapi::{
    Array, Content, HttpMethod, Object, ObjectBuilder, PathItem, PathsBuilder, Ref, RefOr,
    Required, ResponseBuilder, Schema, Type, request_body::RequestBodyBuilder,
};

use super::Named;
use super::answers::{INDEX_SCHEMA, PROBLEM, explanation, status, told};
use super::counts::FACET_ANSWER;
use super::shapes::{flag, of, text, words};
use crate::access::Caller;
use crate::config::Operation;
use crate::query::export::Format;

/// What a search, or anything that is read as one, can be answered with beside its answer.
const SEARCHED: [&str; 14] = [
    "400", "401", "403", "404", "408", "410", "413", "415", "421", "422", "429", "500", "503",
    "504",
];
/// How fields are counted, in a query string.
const FACETS: &str = "Fields whose values are counted: `status`, `status.terms(size.50)`, `amount.ranges(..5,5..)`, or \
    `by_month:signed_at.dates(month)` with a name of one's own; behind a `;` in the parentheses, what elements are like.";
/// What anything else can.
const LOOKED: [&str; 9] = ["400", "401", "403", "404", "421", "429", "500", "503", "504"];

/// What is there whatever the indexes are.
pub(super) fn shared(paths: PathsBuilder) -> PathsBuilder {
    // Nobody is asked who they are.
    let probe = |id: &str, summary: &str, problems: &[&str]| {
        let operation =
            operation(id, summary, "server", problems).response("200", answer(status()));
        item(HttpMethod::Get, operation.securities(Some(std::iter::empty())))
    };
    let looked = |id: &str, summary: &str, schema: Object| {
        let operation = operation(id, summary, "server", &LOOKED).response("200", answer(schema));
        item(HttpMethod::Get, operation)
    };
    let schemas = told(Array::new(Ref::from_schema_name(INDEX_SCHEMA))).build();
    paths
        .path("/healthz", probe("healthz", "Whether the process lives", &["421"]))
        .path("/readyz", probe("readyz", "Whether every index can be searched", &["421", "503"]))
        .path("/openapi.json", looked("openapi", "This description", of(&[Type::Object])))
        .path("/v1/schema", looked("schema", "What searches may say of every index", schemas))
}

/// What is there for one index.
pub(super) fn of_index(paths: PathsBuilder, index: &Named<'_>, caller: &Caller) -> PathsBuilder {
    use HttpMethod::{Get, Post};
    let searched = || answer(Ref::from_schema_name(index.component("Answer")));
    let operations = [
        (None, "/v1/schema/{index}", Get, schema(index)),
        (Some(Operation::Search), "/v1/{index}", Get, list(index)),
        (
            Some(Operation::Search),
            "/v1/{index}/search",
            Post,
            posted(index, ("search", "A page of documents"), "Search").response("200", searched()),
        ),
        (Some(Operation::Facet), "/v1/{index}:facet", Get, values(index)),
        (
            Some(Operation::Explain),
            "/v1/{index}/explain",
            Post,
            posted(index, ("explain", "What a search would do"), "Search")
                .response("200", answer(explanation())),
        ),
        (Some(Operation::Export), "/v1/{index}/export", Post, export(index)),
        (Some(Operation::Get), "/v1/{index}/{id}", Get, document(index)),
    ];
    let allowed =
        operations.into_iter().filter(|(needed, ..)| needed.is_none_or(|it| caller.may(it)));
    allowed.fold(paths, |paths, (_, path, method, operation)| {
        paths.path(path.replace("{index}", &index.index.index), item(method, operation))
    })
}

/// An operation with an index.
fn with(index: &Named<'_>, what: &str, summary: &str, problems: &[&str]) -> OperationBuilder {
    operation(&format!("{what}.{}", index.prefix), summary, &index.index.index, problems)
}

fn schema(index: &Named<'_>) -> OperationBuilder {
    let schema = told(Ref::from_schema_name(INDEX_SCHEMA)).build();
    with(index, "schema", "What searches may say", &LOOKED).response("200", answer(schema))
}

fn list(index: &Named<'_>) -> OperationBuilder {
    let list = with(index, "list", "A page of documents, by query string", &SEARCHED);
    narrowing(list, index)
        .parameter(list_parameter("sort", "Fields, each with `-` before it for `desc`."))
        .parameter(list_parameter("fields", "Paths to answer with; all when left out."))
        .parameter(text_parameter("page[size]", "Rows of the page; also `limit`."))
        .parameter(text_parameter("page[after]", "The `page.next` of the page before."))
        .parameter(text_parameter("page[number]", "The page, counted from 1."))
        .parameter(parameter("page[snapshot]", "Whether the index is held.", flag()))
        .parameter(text_parameter("limit", "Rows of the page."))
        .parameter(text_parameter("offset", "Rows before the page, a multiple of its size."))
        .parameter(one_of("count", "How exact the total is.", &["exact", "capped", "none"]))
        .parameter(list_parameter("facets", FACETS))
        .parameter(text_parameter("timezone", "By whose clocks facets of dates count days."))
        .parameter(list_parameter("highlight", "Fields that show the words of `q`, or `true`."))
        .parameter(known_tag())
        .response("200", answer(Ref::from_schema_name(index.component("Answer"))))
        .response("304", unchanged())
}

/// What takes a body of that form.
fn posted(index: &Named<'_>, (what, summary): (&str, &str), form: &str) -> OperationBuilder {
    let form = Content::new(Some(Ref::from_schema_name(index.component(form))));
    let body = RequestBodyBuilder::new().content("application/json", form);
    let body = body.required(Some(Required::True)).build();
    with(index, what, summary, &SEARCHED).request_body(Some(body))
}

fn export(index: &Named<'_>) -> OperationBuilder {
    let file = ResponseBuilder::new().description("A file.");
    let formats = [Format::Csv, Format::Ndjson, Format::Xlsx];
    let file = formats.into_iter().fold(file, |answer, format| {
        let media_type = format.media_type().split(';').next().unwrap_or_default();
        answer.content(media_type, Content::new(Some(text())))
    });
    posted(index, ("export", "A file of every row"), "Export").response("200", file)
}

fn values(index: &Named<'_>) -> OperationBuilder {
    let values = with(index, "values", "Values of a field that begin so", &SEARCHED);
    narrowing(values, index)
        .parameter(text_parameter("field", "Whose values.").required(Required::True))
        .parameter(text_parameter("prefix", "What was typed."))
        .parameter(text_parameter("size", "Most values that are told."))
        .parameter(known_tag())
        .response("200", answer(told(Ref::from_schema_name(FACET_ANSWER)).build()))
        .response("304", unchanged())
}

fn document(index: &Named<'_>) -> OperationBuilder {
    with(index, "document", "One document", &SEARCHED)
        .parameter(path_parameter("id", "The `_id` of a row."))
        .parameter(list_parameter("fields", "Paths to answer with; all when left out."))
        .parameter(known_tag())
        .response("200", answer(Ref::from_schema_name(index.component("Document"))))
        .response("304", unchanged())
}

/// What says which documents there are, in a query string.
fn narrowing(operation: OperationBuilder, index: &Named<'_>) -> OperationBuilder {
    let operation = operation
        .parameter(conditions(
            "Conditions, `amount=gte.5` or `settlements=count(status.eq.paid).gte.2`, by field; all of them hold.",
        ))
        .parameter(text_parameter("and", "Conditions in parentheses, all of which hold."))
        .parameter(text_parameter("or", "Conditions in parentheses, one of which holds."))
        .parameter(text_parameter("q", "Words that documents have."))
        .parameter(list_parameter("q.fields", "Fields that have them; any when left out."))
        .parameter(one_of("q.mode", "How they stand.", &["all", "any", "phrase"]))
        .parameter(one_of(
            "facet.mode",
            "Whether conditions on counted fields narrow their own counts.",
            &["conjunctive", "disjunctive"],
        ));
    let near = parameter("q.fuzzy", "Whether nearly the same ones are found.", flag());
    let operation = if index.finds_near() { operation.parameter(near) } else { operation };
    match index.views.as_slice() {
        [] => operation,
        views => operation.parameter(one_of("view", "A preset of searches.", views)),
    }
}

fn item(method: HttpMethod, operation: OperationBuilder) -> PathItem {
    PathItem::new(method, operation)
}

fn operation(id: &str, summary: &str, tag: &str, problems: &[&str]) -> OperationBuilder {
    let operation = OperationBuilder::new().operation_id(Some(id)).summary(Some(summary)).tag(tag);
    problems.iter().fold(operation, |operation, status| {
        operation.response(*status, RefOr::Ref(Ref::from_response_name(PROBLEM)))
    })
}

fn answer(schema: impl Into<RefOr<Schema>>) -> ResponseBuilder {
    ResponseBuilder::new()
        .description("The answer.")
        .content("application/json", Content::new(Some(schema)))
}

fn path_parameter(name: &str, told: &str) -> ParameterBuilder {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description(Some(told))
        .schema(Some(text()))
}

fn list_parameter(name: &str, told: &str) -> ParameterBuilder {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some(told))
        .explode(Some(false))
        .schema(Some(Array::new(text())))
}

fn known_tag() -> ParameterBuilder {
    ParameterBuilder::new()
        .name("If-None-Match")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("The `ETag` of the answer that one has."))
        .schema(Some(text()))
}

fn text_parameter(name: &str, told: &str) -> ParameterBuilder {
    parameter(name, told, text())
}

fn one_of(name: &str, told: &str, known: &[&str]) -> ParameterBuilder {
    parameter(name, told, words(known.iter().copied()))
}

fn parameter(name: &str, told: &str, schema: Object) -> ParameterBuilder {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some(told))
        .schema(Some(schema))
}

/// Any number of parameters that are called by fields.
fn conditions(told: &str) -> ParameterBuilder {
    let any = ObjectBuilder::new().additional_properties(Some(Schema::Object(text())));
    ParameterBuilder::new()
        .name("conditions")
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some(told))
        .style(Some(ParameterStyle::Form))
        .explode(Some(true))
        .schema(Some(any))
}

fn unchanged() -> ResponseBuilder {
    ResponseBuilder::new().description("It is what `If-None-Match` says.")
}
