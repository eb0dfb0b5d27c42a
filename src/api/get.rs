//! `GET /v1/{index}`, and what else is asked of an index by a colon and a word behind its name.
//!
//! Promises: a search by query string is answered as the same search by body is, its faults told by parameter.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;

use super::AppState;
use super::caller::may;
use super::extent::{self, Next};
use super::problem::Problem;
use super::request::{RequestId, Trail};
use super::search::{Sent, Wanted, answer, index};
use crate::access::Caller;
use crate::config::Operation;

/// Totals that the header `Prefer` may ask for.
const COUNTS: [&str; 3] = ["exact", "capped", "none"];

/// Answers what the last part of the path asks for.
pub(super) async fn get(
    State(state): State<AppState>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    Extension(caller): Extension<Arc<Caller>>,
    Extension(trail): Extension<Trail>,
    path: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let start = Instant::now();
    let shared = &*state.shared;
    let (alias, asked) = match path {
        Ok(Path(path)) => match path.split_once(':') {
            Some((alias, asked)) => (Ok(Path(alias.to_owned())), Some(asked.to_owned())),
            None => (Ok(Path(path)), None),
        },
        refused => (refused, None),
    };
    let index = index(shared, &caller, alias)?;
    if let Some(asked) = asked {
        let what = format!("an index has no `:{asked}`");
        return Err(Problem::not_found(what, "searches are GET /v1/{index}"));
    }
    may(&caller, Operation::Search, index.0, &trail)?;
    let query = query.unwrap_or_default();
    let search = Sent::Query { query: &query, count: preferred(&headers) };
    let wanted =
        Wanted { caller: &caller, trail: &trail, search, id: None, request_id: &request_id };
    let mut response = answer(shared, index, &wanted, start).await?;
    if let Some(next) = response.extensions_mut().remove::<Next>() {
        let path = format!("/v1/{}", index.0);
        extent::link(response.headers_mut(), &path, &query, &next);
    }
    Ok(response)
}

/// `Prefer: count=exact`. What else a client prefers is its wish, and need not be known.
fn preferred(headers: &HeaderMap) -> Option<&'static str> {
    let headers = headers.get_all("prefer").iter().filter_map(|header| header.to_str().ok());
    let wishes = headers.flat_map(|header| header.split(',')).map(str::trim);
    let counts = wishes.filter_map(|wish| wish.strip_prefix("count="));
    let mut known = counts.filter_map(|count| COUNTS.into_iter().find(|known| *known == count));
    known.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_totals_are_preferred() {
        let preferred = |wish: &str| {
            preferred(&HeaderMap::from_iter([("prefer".parse().unwrap(), wish.parse().unwrap())]))
        };
        assert_eq!(preferred("return=minimal, count=exact"), Some("exact"));
        assert_eq!(preferred("count=planned, count=none"), Some("none"));
        assert_eq!(preferred("respond-async"), None);
    }
}
