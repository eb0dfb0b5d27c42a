//! `GET /v1/{index}/{id}`.
//!
//! Promises: one document, by the same query as a search, so that whoever may not find it does not get it; one that is not
//! there and one that may not be seen are told alike.

use std::time::Instant;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::Response;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::AppState;
use super::answer::write;
use super::caller::By;
use super::problem::Problem;
use super::reply::{Alone, Meta, begun, reply};
use super::search::{Sent, Wanted, index, settled};
use crate::config::Operation;
use crate::finding::did_you_mean;
use crate::query::{Code, Fault, Pointer, Refusal};

/// The only parameter.
const FIELDS: &str = "fields";

/// Answers one document, or the fields of it that were asked for.
pub(super) async fn document(
    State(state): State<AppState>,
    by: By,
    path: Result<Path<(String, String)>, PathRejection>,
    uri: Uri,
) -> Result<Response, Problem> {
    let start = Instant::now();
    let shared = &*state.shared;
    // Only a name that is no UTF-8 is refused by the extractor.
    let Path((alias, id)) = path.map_err(|_| Problem::no_document())?;
    let index = index(shared, &by.caller, Ok(Path(alias)))?;
    by.may(Operation::Get, index.0)?;
    let body = body(uri.query().unwrap_or_default())?.to_string();
    let wanted = Wanted { by: &by, search: Sent::Body(body.as_bytes()), id: Some(&id) };
    let page = settled(shared, index, &wanted).await;
    let page =
        page.map_err(|problem| problem.told_by(|faults| faults.iter_mut().for_each(of_fields)))?;
    let hit = page.answer.hits.hits.first().ok_or_else(Problem::no_document)?;
    let mut body = begun(page.answer.bytes);
    write(&page.selection, hit, &mut body)?;
    let meta = Meta::new((Some(&hit.index), page.as_of), &by.request_id, start);
    reply((body, &Alone {}), &meta, page.spent, 1)
}

/// What can be wrong with a document's search is what was asked for of it.
fn of_fields(fault: &mut Fault) {
    fault.parameter = Some(FIELDS.to_owned());
}

/// The search that the parameters stand for.
fn body(query: &str) -> Result<Value, Refusal> {
    let mut body = json!({"page": {"size": 1}, "count": "none"});
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let refused = |code, what: String, hint: &str| {
            let mut refusal = Refusal::one(&Pointer::root(), code, what, Some(hint));
            refusal.faults.iter_mut().for_each(|it| it.parameter = Some(name.to_string()));
            refusal
        };
        if name != FIELDS {
            let what = format!("unknown parameter `{name}`");
            return Err(refused(Code::UnknownParameter, what, &did_you_mean(&name, [FIELDS])));
        }
        let paths = value.split(',').filter(|path| !path.is_empty()).collect::<Vec<_>>();
        let before = body.as_object_mut().and_then(|body| body.insert(FIELDS.into(), json!(paths)));
        if before.is_some() {
            let what = format!("`{FIELDS}` stands here twice");
            let hint = "give all paths at once, with commas";
            return Err(refused(Code::RepeatedKey, what, hint));
        }
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> String {
        body(query).map_or_else(|refusal| refusal.to_string(), |body| body.to_string())
    }

    #[test]
    fn paths_are_read_from_the_query() {
        insta::assert_snapshot!(read(""), @r#"{"page":{"size":1},"count":"none"}"#);
        insta::assert_snapshot!(read("fields="), @r#"{"page":{"size":1},"count":"none","fields":[]}"#);
        insta::assert_snapshot!(read("fields=a.b,%EA%B9%80"), @r#"{"page":{"size":1},"count":"none","fields":["a.b","김"]}"#);
    }

    #[test]
    fn nothing_of_the_query_is_ignored() {
        insta::assert_snapshot!(read("feilds=a"), @"feilds unknown_parameter: unknown parameter `feilds` (did you mean `fields`?)");
        insta::assert_snapshot!(read("fields=a&fields=b"), @"fields repeated_key: `fields` stands here twice (give all paths at once, with commas)");
    }
}
