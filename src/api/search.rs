//! `POST /v1/{index}/search`, and how any search is answered.
//!
//! Promises: a page that is whole or a problem, by the mapping of the index that it comes from; one query of the
//! engine, unless the index is replaced meanwhile.

use std::time::Instant;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use jiff::Timestamp;
use serde_json::Value;

use super::answer::{EngineAnswer, Found, FoundPage, Total, rows, write};
use super::ask::ask;
use super::begin::begin;
use super::body::json_body;
use super::buckets::{self, Buckets, Scope};
use super::caller::By;
use super::extent::{self, Next};
use super::generation::{Generation, Latest, View};
use super::highlights::highlights;
use super::problem::Problem;
use super::reply::{Meta, Spent, begun, reply};
use super::snapshot::Snapshot;
use super::{AppState, Shared, export, rate};
use crate::access::Caller;
use crate::config::{Dialect, Operation, Views};
use crate::query::dialect::{Asked as AskedIn, rewrite};
use crate::query::dsl::{question, to_dsl, with_aggregations};
use crate::query::export::{Table, Wish};
use crate::query::get::{translate, translate_values};
use crate::query::view::lay_over;
use crate::query::{
    Binding, Count, Fault, PageEnd, Refusal, SearchRequest, Selection, WINDOW, cost, parse_within,
};

/// The presets of an index that has none.
static NO_VIEWS: Views = Views::new();

/// How often an index may be replaced while one search of it is answered.
const SWAPS: usize = 3;

/// Answers one search that is a body.
pub(super) async fn search(
    State(state): State<AppState>,
    by: By,
    alias: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let start = Instant::now();
    let shared = &*state.shared;
    let index = index(shared, &by.caller, alias)?;
    by.may(Operation::Search, index.0)?;
    let body = json_body(&headers, body, shared.config.limits.body.0)?;
    let wanted = Wanted { by: &by, search: Sent::Body(&body), id: None };
    answer(shared, index, &wanted, start).await
}

/// Answers a search with a page.
pub(super) async fn answer(
    shared: &Shared,
    index: (&str, &Latest),
    wanted: &Wanted<'_>,
    start: Instant,
) -> Result<Response, Problem> {
    let page = settled(shared, index, wanted).await?;
    render(shared, (index.0, &wanted.by.request_id), page, start)
}

/// What a request asks for.
pub(super) struct Wanted<'a> {
    pub(super) by: &'a By,
    pub(super) search: Sent<'a>,
    /// The only document that is meant.
    pub(super) id: Option<&'a str>,
}

/// A search as it was sent.
#[derive(Clone, Copy)]
pub(super) enum Sent<'a> {
    /// As JSON.
    Body(&'a [u8]),
    /// As a query string.
    Query {
        /// What follows the `?`.
        query: &'a str,
        /// The total that is preferred, unless the query asks for one.
        count: Option<&'static str>,
    },
    /// As the query string of one field's values: what follows the `?`.
    Values(&'a str),
    /// As JSON, of every row.
    Export(&'a Wish),
    /// As a package of a front end asks.
    Dialect {
        /// How.
        dialect: Dialect,
        /// What.
        asked: AskedIn<'a>,
        /// Whether every row is to be counted.
        exact: bool,
    },
}

/// An answer of the index that the alias names, asked for and known to be answered by one and the same mapping.
pub(super) async fn settled(
    shared: &Shared,
    (alias, latest): (&str, &Latest),
    wanted: &Wanted<'_>,
) -> Result<Page, Problem> {
    let mut generation = latest.get(shared, alias).await?;
    for _ in 0..SWAPS {
        let as_of = latest.as_of(shared, &generation.index).await;
        let asked =
            Asked { alias, by: wanted.by, generation: &generation, as_of, began: Instant::now() };
        let outcome = match page(shared, &asked, wanted).await {
            Err(problem) if !is_a_doubt(&problem, latest) => return Err(problem),
            outcome => outcome,
        };
        if let Ok(page) = &outcome
            && page.is_of(&generation.index)
        {
            return outcome;
        }
        match latest.read(shared, alias).await {
            Ok(now) if !now.is(&generation) => generation = now,
            // What is wrong with a request is wrong whether the engine answers or not.
            Err(problem) if outcome.is_ok() => return Err(problem),
            Ok(_) | Err(_) => return outcome,
        }
    }
    Err(Problem::engine_unavailable())
}

/// Whether a problem is a reason to read the mapping again. A request that is wrong has not cost the engine anything yet, and is
/// one only now and then.
fn is_a_doubt(problem: &Problem, latest: &Latest) -> bool {
    problem.may_be_of_the_mapping() && (!problem.is_of_the_request() || latest.may_be_doubted())
}

/// What a request is about.
struct Asked<'a> {
    alias: &'a str,
    by: &'a By,
    generation: &'a Generation,
    /// Up to when the index is known to be in step, before it is asked.
    as_of: Option<Timestamp>,
    /// When it began to be understood.
    began: Instant,
}

/// A page, before it is cut to what was asked for.
pub(super) struct Page {
    pub(super) request: SearchRequest,
    pub(super) selection: Selection,
    binding: Binding,
    pub(super) answer: EngineAnswer,
    pub(super) as_of: Option<Timestamp>,
    pub(super) spent: Spent,
    pub(super) buckets: Buckets,
    pub(super) snapshot: Option<Snapshot>,
    /// What the engine was sent.
    pub(super) sent: Value,
    /// What an export makes of the rows, unless they stay as they are.
    pub(super) table: Option<Table>,
}

impl Page {
    /// Whether it is known to come from that index, or to go on with what did when it was begun.
    fn is_of(&self, index: &str) -> bool {
        // Only rows show of themselves which index they come from.
        self.snapshot.as_ref().is_some_and(|snapshot| snapshot.goes_on)
            || self.answer.hits.hits.first().is_some_and(|hit| hit.index == index)
    }
}

/// A page of what is wanted; what is wrong with that is told in the terms in which it was sent.
async fn page(shared: &Shared, asked: &Asked<'_>, wanted: &Wanted<'_>) -> Result<Page, Problem> {
    let view = asked.generation.view(&asked.by.caller)?;
    let limits = &shared.config.limits;
    let request = |body: &[u8]| understood(shared, asked.alias, (&view, body));
    match wanted.search {
        Sent::Body(body) => page_of(shared, asked, &view, request(body)?, wanted.id).await,
        Sent::Export(wish) => {
            let request = request(&wish.search).map_err(|refusal| wish.tell(refusal))?;
            let table = wish.table(view.fields, request.fields.as_deref())?;
            let request = export::first_page(request, wish.limit);
            let page = page_of(shared, asked, &view, request, wanted.id).await?;
            Ok(Page { table, ..page })
        }
        Sent::Query { query, count } => {
            let mut translated = translate(limits, view.fields, query)?;
            translated.prefer_count(count);
            let tell = |faults: &mut [Fault]| translated.tell(faults);
            page_told_by(tell, &translated.body, (shared, asked, &view, wanted)).await
        }
        Sent::Values(query) => {
            let translated = translate_values(limits, view.fields, query)?;
            let tell = |faults: &mut [Fault]| translated.tell(faults);
            page_told_by(tell, &translated.body, (shared, asked, &view, wanted)).await
        }
        Sent::Dialect { dialect, asked: sent, exact } => {
            let mut rewritten = rewrite(dialect, (limits, view.fields), sent)?;
            if exact {
                rewritten.count_all();
            }
            let tell = |faults: &mut [Fault]| rewritten.tell(faults);
            page_told_by(tell, &rewritten.body, (shared, asked, &view, wanted)).await
        }
    }
}

/// The page of a body that was written for a caller; `tell` says where the caller wrote what is wrong with it.
async fn page_told_by(
    tell: impl FnOnce(&mut [Fault]),
    body: &Value,
    (shared, asked, view, wanted): (&Shared, &Asked<'_>, &View<'_>, &Wanted<'_>),
) -> Result<Page, Problem> {
    let body = body.to_string();
    let page = async {
        let request = understood(shared, asked.alias, (view, body.as_bytes()))?;
        page_of(shared, asked, view, request, wanted.id).await
    };
    page.await.map_err(|problem| problem.told_by(tell))
}

/// Reads `body` as a search of what the caller sees, laid over the view that it names.
pub(super) fn understood(
    shared: &Shared,
    alias: &str,
    (view, body): (&View<'_>, &[u8]),
) -> Result<SearchRequest, Refusal> {
    let presets = shared.config.views.get(alias).unwrap_or(&NO_VIEWS);
    let laid = lay_over(presets, body)?;
    let request = parse_within(&shared.config.limits, view.fields, &laid.body)
        .map_err(|refusal| laid.tell(refusal))?;
    laid.shows(request.fields.as_deref())?;
    Ok(request)
}

/// Asks the engine for a search of that generation, or of one document of it.
async fn page_of(
    shared: &Shared,
    asked: &Asked<'_>,
    view: &View<'_>,
    request: SearchRequest,
    id: Option<&str>,
) -> Result<Page, Problem> {
    asked.by.trail.naming(request.named().into_iter());
    rate::charge(cost(&request))?;
    let mut question = question(&request, &view.rows);
    if let Some(id) = id {
        question = question.of_document(id);
    }
    let binding = Binding::new(asked.by.caller.binding(), asked.alias, view.fields, &question);
    let scope = Scope {
        caller: &asked.by.caller,
        alias: asked.alias,
        fields: view.fields,
        request: &request,
        question: &question,
    };
    scope.allowed()?;
    let after_groups = buckets::opened(&shared.signer, &scope)?;
    let index = (asked.alias, asked.generation.index.as_str());
    let (after, mut snapshot) = begin(shared, index, &request.page, binding).await?;
    let body = to_dsl(&request, &question, after);
    let mut body = with_aggregations(body, &request, &after_groups);
    let plan = asked.began.elapsed();
    let answer = match &mut snapshot {
        None => ask(shared, &asked.by.request_id, &[asked.alias, "_search"], &body).await?,
        Some(snapshot) => {
            snapshot.add_to(&mut body);
            let mut answer = ask(shared, &asked.by.request_id, &["_search"], &body).await?;
            snapshot.renamed(answer.pit_id.take());
            answer
        }
    };
    let buckets = buckets::read(&shared.signer, &scope, &answer.aggregations)?;
    let selection = Selection::new(request.fields.as_deref(), view.shown);
    // What is held as it was is as fresh as it was.
    let held = snapshot.as_ref().is_some_and(|snapshot| snapshot.goes_on);
    let as_of = asked.as_of.filter(|_| !held);
    let spent = Spent { plan, engine: asked.began.elapsed().saturating_sub(plan) };
    let (sent, table) = (body, None);
    Ok(Page { request, selection, binding, answer, buckets, as_of, spent, snapshot, sent, table })
}

fn render(
    shared: &Shared,
    (alias, request_id): (&str, &str),
    page: Page,
    start: Instant,
) -> Result<Response, Problem> {
    let Page { request, selection, binding, answer, buckets, as_of, spent, snapshot, .. } = page;
    let total = answer.hits.total;
    let exact = total.as_ref().and_then(Total::exact);
    let mut hits = answer.hits.hits;
    let has_next = match request.page.ends_the_window() {
        true => exact.is_none_or(|total| total > WINDOW as u64),
        false => hits.len() > request.page.size,
    };
    hits.truncate(request.page.size);
    let next = match hits.last().filter(|_| has_next) {
        Some(last) => {
            let held = snapshot.map(|snapshot| snapshot.keep(&last.index));
            let place = PageEnd { sort: last.sort.clone(), held };
            Some(shared.signer.issue(binding, &place).map_err(|_| Problem::internal())?)
        }
        None => {
            if let Some(snapshot) = snapshot {
                snapshot.close();
            }
            None
        }
    };
    let link = next.clone().map(Next);
    let found = Found {
        page: FoundPage {
            size: request.page.size,
            number: request.page.number,
            has_next: next.is_some(),
            next,
        },
        total: total.filter(|_| request.count != Count::None),
        highlights: highlights(&request.highlight, &hits),
        buckets,
    };
    let index = hits.first().map(|hit| hit.index.as_str());
    let meta = Meta::new((index, as_of), request_id, start);
    let mut body = begun(answer.bytes);
    rows(&hits, &mut body, |hit, out| write(&selection, hit, out))?;
    let mut response = reply((body, &found), &meta, spent, hits.len())?;
    let exact = exact.filter(|_| request.count != Count::None);
    extent::tell(response.headers_mut(), alias, (&request.page, hits.len()), exact);
    if let Some(next) = link {
        response.extensions_mut().insert(next);
    }
    Ok(response)
}

/// The index of the URL, under the name that is known here, if it is there for that caller.
pub(super) fn index<'s>(
    shared: &'s Shared,
    caller: &Caller,
    alias: Result<Path<String>, PathRejection>,
) -> Result<(&'s str, &'s Latest), Problem> {
    let known = || shared.indexes.iter().filter(|(alias, _)| caller.role.sees(alias));
    // Only a name that is no UTF-8 is refused by the extractor.
    let alias = alias.map_or_else(|_| String::from("\u{FFFD}"), |Path(alias)| alias);
    let found = known().find(|(name, _)| **name == alias);
    found
        .map(|(alias, latest)| (alias.as_str(), latest))
        .ok_or_else(|| Problem::unknown_index(&alias, known().map(|(alias, _)| alias.as_str())))
}
