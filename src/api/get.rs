//! `GET /v1/{index}`, and what else is asked of an index by a colon and a word behind its name.
//!
//! Promises: a search by query string, and the values of a field, are answered as the same search by body is, its faults told by
//! parameter.

use std::time::Instant;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;

use super::caller::By;
use super::extent::{self, Next};
use super::generation::Latest;
use super::problem::Problem;
use super::reply::{Alone, Meta, begun_with, reply};
use super::search::{Page, Sent, Wanted, answer, index, settled};
use super::{AppState, Shared};
use crate::config::Operation;
use crate::query::Facet;

/// Totals that the header `Prefer` may ask for.
const COUNTS: [&str; 3] = ["exact", "capped", "none"];

/// Answers what the last part of the path asks for.
pub(super) async fn get(
    State(state): State<AppState>,
    by: By,
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
    let index = index(shared, &by.caller, alias)?;
    let query = query.unwrap_or_default();
    let search = match asked.as_deref() {
        None => Sent::Query { query: &query, count: preferred(&headers) },
        Some("facet") => Sent::Values(&query),
        Some(asked) => {
            let what = format!("an index has no `:{asked}`");
            let hint = "searches are GET /v1/{index}; the values of a field, GET /v1/{index}:facet";
            return Err(Problem::not_found(what, hint));
        }
    };
    let wanted = Wanted { by: &by, search, id: None };
    if let Sent::Values(_) = search {
        return values(shared, index, &wanted, start).await;
    }
    by.may(Operation::Search, index.0)?;
    let mut response = answer(shared, index, &wanted, start).await?;
    if let Some(next) = response.extensions_mut().remove::<Next>() {
        let path = format!("/v1/{}", index.0);
        extent::link(response.headers_mut(), &path, &query, &next);
    }
    Ok(response)
}

/// The values of one field, counted.
async fn values(
    shared: &Shared,
    index: (&str, &Latest),
    wanted: &Wanted<'_>,
    start: Instant,
) -> Result<Response, Problem> {
    wanted.by.may(Operation::Facet, index.0)?;
    let Page { buckets, as_of, spent, .. } = settled(shared, index, wanted).await?;
    // A facet, as a search answers it.
    let facet = buckets.facet(Facet::ASKED).ok_or_else(Problem::internal)?;
    let meta = Meta::new((None, as_of), &wanted.by.request_id, start);
    reply((begun_with(&facet)?, &Alone {}), &meta, spent, 0)
}

/// `Prefer: count=exact`. What else a client prefers is its wish, and need not be known.
pub(super) fn preferred(headers: &HeaderMap) -> Option<&'static str> {
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
