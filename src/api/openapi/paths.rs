//! What may be asked, for [`super`].
//!
//! Promises: each operation names every status that it can be answered with. Never has an operation that the caller's role
//! does not have.

use utoipa::openapi::path::{OperationBuilder, ParameterBuilder, ParameterIn, ParameterStyle};
use utoipa::openapi::{
    Array, Content, HttpMethod, Object, ObjectBuilder, PathItem, PathsBuilder, Ref, RefOr,
    Required, ResponseBuilder, Schema, Type,
    request_body::{RequestBody, RequestBodyBuilder},
};

use super::Named;
use super::schemas::PROBLEM;
use crate::access::Caller;
use crate::config::Operation;
use crate::query::export::Format;

/// What a search, or anything that is read as one, can be answered with beside its answer.
const SEARCHED: [&str; 14] = [
    "400", "401", "403", "404", "408", "410", "413", "415", "421", "422", "429", "500", "503",
    "504",
];
/// What anything else can.
const LOOKED: [&str; 9] = ["400", "401", "403", "404", "421", "429", "500", "503", "504"];

/// What is there whatever the indexes are.
pub(super) fn shared(paths: PathsBuilder) -> PathsBuilder {
    let probe = |id: &str, summary: &str, problems: &[&str]| {
        let operation = operation(id, summary, "server", problems);
        item(HttpMethod::Get, operation.response("200", answer(Object::with_type(Type::Object))))
    };
    paths
        .path("/healthz", probe("healthz", "Whether the process lives", &["421"]))
        .path("/readyz", probe("readyz", "Whether every index can be searched", &["421", "503"]))
        .path("/openapi.json", probe("openapi", "This description", &LOOKED))
        .path("/v1/schema", probe("schema", "What searches may say of every index", &LOOKED))
}

/// What is there for one index.
pub(super) fn of_index(
    mut paths: PathsBuilder,
    index: &Named<'_>,
    caller: &Caller,
) -> PathsBuilder {
    let name = &index.index.index;
    let id = |what: &str| format!("{what}.{}", index.prefix);
    let under = |path: &str| path.replace("{index}", name);
    let of = |component: &str| Ref::from_schema_name(index.component(component));
    let schema = operation(&id("schema"), "What searches may say", name, &LOOKED)
        .response("200", answer(Object::with_type(Type::Object)));
    paths = paths.path(under("/v1/schema/{index}"), item(HttpMethod::Get, schema));
    if caller.may(Operation::Search) {
        let told = "Conditions, `amount=gte.5`, by field; all of them hold.";
        let list = operation(&id("list"), "A page of documents, by query string", name, &SEARCHED)
            .parameter(conditions(told))
            .parameter(list_parameter("sort", "Fields, each with `-` before it for `desc`."))
            .parameter(list_parameter("fields", "Paths to answer with; all when left out."))
            .parameter(text_parameter("page[size]", "Rows of the page."))
            .parameter(text_parameter("page[after]", "The `page.next` of the page before."))
            .parameter(text_parameter("count", "`exact`, `capped` or `none`."))
            .parameter(known_tag())
            .response("200", answer(of("Answer")))
            .response("304", unchanged());
        paths = paths.path(under("/v1/{index}"), item(HttpMethod::Get, list));
        let search = operation(&id("search"), "A page of documents", name, &SEARCHED)
            .request_body(Some(asked(of("Search"))))
            .response("200", answer(of("Answer")));
        paths = paths.path(under("/v1/{index}/search"), item(HttpMethod::Post, search));
    }
    if caller.may(Operation::Facet) {
        let told =
            "Conditions, `amount=gte.5`, by field; documents that fulfil all of them are counted.";
        let values = operation(&id("values"), "Values of a field that begin so", name, &SEARCHED)
            .parameter(text_parameter("field", "Whose values.").required(Required::True))
            .parameter(text_parameter("prefix", "What was typed."))
            .parameter(text_parameter("size", "Most values that are told."))
            .parameter(conditions(told))
            .parameter(known_tag())
            .response("200", answer(Object::with_type(Type::Object)))
            .response("304", unchanged());
        paths = paths.path(under("/v1/{index}:facet"), item(HttpMethod::Get, values));
    }
    if caller.may(Operation::Explain) {
        let explain = operation(&id("explain"), "What a search would do", name, &SEARCHED)
            .request_body(Some(asked(of("Search"))))
            .response("200", answer(Object::with_type(Type::Object)));
        paths = paths.path(under("/v1/{index}/explain"), item(HttpMethod::Post, explain));
    }
    if caller.may(Operation::Export) {
        let export = export(&id("export"), name, of("Export"));
        paths = paths.path(under("/v1/{index}/export"), item(HttpMethod::Post, export));
    }
    if caller.may(Operation::Get) {
        let get = operation(&id("document"), "One document", name, &SEARCHED)
            .parameter(path_parameter("id", "The `_id` of a row."))
            .parameter(list_parameter("fields", "Paths to answer with; all when left out."))
            .parameter(known_tag())
            .response("200", answer(of("Document")))
            .response("304", unchanged());
        paths = paths.path(under("/v1/{index}/{id}"), item(HttpMethod::Get, get));
    }
    paths
}

/// A body of that form, which is needed.
fn asked(form: Ref) -> RequestBody {
    RequestBodyBuilder::new()
        .content("application/json", Content::new(Some(form)))
        .required(Some(Required::True))
        .build()
}

fn export(id: &str, index: &str, form: Ref) -> OperationBuilder {
    let file = ResponseBuilder::new().description("A file.");
    let formats = [Format::Csv, Format::Ndjson, Format::Xlsx];
    let file = formats.into_iter().fold(file, |answer, format| {
        let media_type = format.media_type().split(';').next().unwrap_or_default();
        answer.content(media_type, Content::new(Some(Object::with_type(Type::String))))
    });
    operation(id, "A file of every row", index, &SEARCHED)
        .request_body(Some(asked(form)))
        .response("200", file)
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
        .schema(Some(Object::with_type(Type::String)))
}

fn list_parameter(name: &str, told: &str) -> ParameterBuilder {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some(told))
        .explode(Some(false))
        .schema(Some(Array::new(Object::with_type(Type::String))))
}

fn known_tag() -> ParameterBuilder {
    ParameterBuilder::new()
        .name("If-None-Match")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("The `ETag` of the answer that one has."))
        .schema(Some(Object::with_type(Type::String)))
}

fn text_parameter(name: &str, told: &str) -> ParameterBuilder {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some(told))
        .schema(Some(Object::with_type(Type::String)))
}

/// Any number of parameters that are called by fields.
fn conditions(told: &str) -> ParameterBuilder {
    let any = ObjectBuilder::new()
        .additional_properties(Some(Schema::Object(Object::with_type(Type::String))));
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
