//! Single documents, read and replaced by id.
//!
//! Promises: what is read is what was last written, searchable or not; a document is replaced only as the one that was read.

use anyhow::{Context, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::State;
use crate::sink::{EngineError, Method};

/// Which writing of a document it is: each moves it on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    seq_no: u64,
    primary_term: u64,
}

/// Why a document was not replaced.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotStored {
    /// It is no longer the one that was read.
    #[error("it has changed meanwhile")]
    Conflict,
    /// The engine did not do it, or did not say whether it did.
    #[error(transparent)]
    Failed(#[from] anyhow::Error),
}

impl State {
    /// The body of the document of that id.
    pub(super) async fn fetch<T: DeserializeOwned>(
        &self,
        id: &str,
    ) -> Result<Option<(Standing, T)>> {
        let context = || format!("index `{}`, `{id}`", self.runs.index);
        let path = [self.runs.index.as_str(), "_doc", id];
        let found = match self.client.call(Method::Get, &path, &[], None).await {
            Err(error) if error.is_not_found() => return Ok(None),
            found => found.with_context(context)?,
        };
        let body = found.pointer("/_source/body").cloned().with_context(context)?;
        let body = serde_json::from_value(body);
        let body = body.with_context(|| format!("{} was written by another version", context()))?;
        Ok(Some((standing(&found).with_context(context)?, body)))
    }

    /// Writes a document: in place of the one that stood `after`, or as the first of its id.
    pub(super) async fn store<T: Serialize>(
        &self,
        id: &str,
        (kind, body): (&str, &T),
        after: Option<Standing>,
    ) -> Result<Standing, NotStored> {
        self.make(&self.runs).await?;
        let context = || format!("index `{}`, `{id}`", self.runs.index);
        let body = serde_json::to_value(body).with_context(context)?;
        let document = json!({"kind": kind, "body": body});
        let at = after.map(|at| (at.seq_no.to_string(), at.primary_term.to_string()));
        let condition = match &at {
            Some((seq_no, term)) => {
                vec![("if_seq_no", seq_no.as_str()), ("if_primary_term", term.as_str())]
            }
            None => vec![("op_type", "create")],
        };
        let path = [self.runs.index.as_str(), "_doc", id];
        match self.client.call(Method::Put, &path, &condition, Some(&document)).await {
            Err(error) if error.is_conflict() => Err(NotStored::Conflict),
            stored => {
                let stored = stored.with_context(context)?;
                Ok(standing(&stored).with_context(context)?)
            }
        }
    }

    /// Removes the document of that id; one that is gone already is no error.
    pub(super) async fn remove(&self, id: &str) -> Result<(), EngineError> {
        let path = [self.runs.index.as_str(), "_doc", id];
        match self.client.call(Method::Delete, &path, &[], None).await {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(()),
        }
    }
}

fn standing(answer: &Value) -> Option<Standing> {
    let number = |name: &str| answer.get(name).and_then(Value::as_u64);
    Some(Standing { seq_no: number("_seq_no")?, primary_term: number("_primary_term")? })
}
