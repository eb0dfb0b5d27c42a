//! What is in an index right now.
//!
//! Promises: fields are those of the index behind the alias, not those of a file that may be ahead of it. The mapping is
//! read when it is first needed, and again whenever an answer gives reason to doubt it.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Map, Value};

use super::problem::Problem;
use crate::mapping;
use crate::query::Fields;
use crate::sink::{Body, Client, EngineError, Method};

/// How long the engine may take to tell a mapping.
const WAIT: Duration = Duration::from_secs(7);

/// The index behind an alias, as it was when its mapping was read.
#[derive(Debug)]
pub(super) struct Generation {
    /// The real index.
    pub(super) index: String,
    /// What it holds.
    pub(super) fields: Fields,
}

/// The generation of one alias that was met last.
#[derive(Debug, Default)]
pub(super) struct Latest(RwLock<Option<Arc<Generation>>>);

impl Latest {
    /// The generation that was met last; read from the engine when there is none.
    ///
    /// # Errors
    /// As [`Latest::read`].
    pub(super) async fn get(
        &self,
        client: &Client,
        alias: &str,
    ) -> Result<Arc<Generation>, Problem> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).clone();
        match known {
            Some(generation) => Ok(generation),
            None => self.read(client, alias).await,
        }
    }

    /// Reads the generation from the engine.
    ///
    /// # Errors
    /// When the engine does not tell, or there is no such index yet.
    pub(super) async fn read(
        &self,
        client: &Client,
        alias: &str,
    ) -> Result<Arc<Generation>, Problem> {
        let told = async {
            let answer = client.send(Method::Get, &[alias, "_mapping"], &[], Body::Empty).await?;
            answer.success()?.json::<Map<String, Value>>()
        };
        let told = tokio::time::timeout(WAIT, told).await;
        let told = told.map_err(|_| Problem::engine_timeout())?.map_err(|error: EngineError| {
            tracing::warn!(%error, alias, "the mapping cannot be read");
            Problem::from(&error)
        })?;
        let generation = Arc::new(generation(told).map_err(|error| {
            tracing::error!(error = format!("{error:#}"), alias, "the mapping is not understood");
            Problem::internal()
        })?);
        let mut latest = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *latest = Some(Arc::clone(&generation));
        Ok(generation)
    }
}

impl Generation {
    /// Whether a search means the same in both.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.index == other.index && self.fields.fingerprint() == other.fields.fingerprint()
    }
}

/// `{"the-index-000007": {"mappings": {…}}}`.
fn generation(told: Map<String, Value>) -> Result<Generation> {
    let mut indexes = told.into_iter();
    let (Some((index, body)), None) = (indexes.next(), indexes.next()) else {
        anyhow::bail!("the alias names more than one index, or none");
    };
    let mappings = body.get("mappings").context("there is no mapping in it")?;
    let fields = mapping::live(mappings).map_err(anyhow::Error::msg)?;
    Ok(Generation { index, fields: Fields::of(&fields) })
}
