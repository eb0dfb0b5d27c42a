//! Facets and aggregates of a search: cursors of groups on the way in, counts on the way out.
//!
//! Promises: a cursor of groups serves only its own aggregate of the same search.

use serde::Serialize;
use serde_json::Value;

use super::problem::Problem;
use crate::access::Caller;
use crate::config::Operation;
use crate::query::aggregate::{self, Aggregate, Grouping};
use crate::query::cursor::CursorError;
use crate::query::dsl::Question;
use crate::query::{
    Binding, Code, Fields, PageEnd, Pointer, Refusal, SearchRequest, Signer, facet,
};

/// The search that aggregates belong to.
pub(super) struct Scope<'a> {
    pub(super) caller: &'a Caller,
    pub(super) alias: &'a str,
    pub(super) fields: &'a Fields,
    pub(super) request: &'a SearchRequest,
    pub(super) question: &'a Question,
}

/// What is told beside the rows.
#[derive(Serialize)]
pub(super) struct Buckets {
    #[serde(skip_serializing_if = "Option::is_none")]
    facets: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    aggregates: Option<Value>,
}

impl Buckets {
    /// The facet of that name.
    pub(super) fn facet(self, name: &str) -> Option<Value> {
        self.facets?.get_mut(name).map(Value::take)
    }
}

impl Scope<'_> {
    /// Refuses what the caller's role may not have counted.
    pub(super) fn allowed(&self) -> Result<(), Problem> {
        let asked = [
            (Operation::Facet, self.request.facets.is_empty()),
            (Operation::Aggregate, self.request.aggregates.is_empty()),
        ];
        let refused = |(operation, none): &(Operation, bool)| !none && !self.caller.may(*operation);
        if asked.iter().any(refused) { Err(Problem::forbidden()) } else { Ok(()) }
    }

    /// Groups follow in the order of their keys, whatever order the rows have.
    fn binding(&self, aggregate: &Aggregate) -> Binding {
        let sort = aggregate::identity(aggregate, self.request);
        let question = Question { sort, ..self.question.clone() };
        Binding::new(self.caller.binding(), self.alias, self.fields, &question)
    }
}

/// The keys that each aggregate goes on after.
pub(super) fn opened(signer: &Signer, scope: &Scope<'_>) -> Result<Vec<Option<Value>>, Refusal> {
    let each = scope.request.aggregates.iter().map(|aggregate| {
        let Grouping::Keys { after: Some(cursor), .. } = &aggregate.by else { return Ok(None) };
        let at = Pointer::root().join("aggregate").join(&aggregate.name).join("after");
        let place = signer.open(scope.binding(aggregate), cursor);
        let place = place.map_err(|error| refusal(&error, &at))?;
        let invalid = |_| refusal(&CursorError::Invalid, &at);
        serde_json::from_str(place.sort.get()).map(Some).map_err(invalid)
    });
    each.collect()
}

fn refusal(error: &CursorError, at: &Pointer) -> Refusal {
    let (code, what, hint) = match error {
        CursorError::Invalid => {
            let hint = "hand back `next` of the page before, unchanged";
            (Code::InvalidCursor, "this is no cursor of this server", hint)
        }
        CursorError::Mismatch { .. } => {
            let what = "this cursor belongs to another aggregate, index or filter";
            (Code::CursorMismatch, what, "start again without `after`")
        }
    };
    Refusal::one(at, code, what, Some(hint))
}

/// What the engine has counted, as it is told.
pub(super) fn read(
    signer: &Signer,
    scope: &Scope<'_>,
    aggregations: &Value,
) -> Result<Buckets, Problem> {
    let sign = |aggregate: &Aggregate, sort| {
        signer.issue(scope.binding(aggregate), &PageEnd { sort, held: None })
    };
    Ok(Buckets {
        facets: told(facet::read(scope.request, aggregations))?,
        aggregates: told(aggregate::read(scope.request, aggregations, sign))?,
    })
}

fn told<T>(read: anyhow::Result<T>) -> Result<T, Problem> {
    read.map_err(|error| match error.downcast::<Refusal>() {
        Ok(refusal) => refusal.into(),
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "counts are not understood");
            Problem::internal()
        }
    })
}
