//! What is in an index right now.
//!
//! Promises: fields are those of the index behind the alias, not those of a file that may be ahead of it. The mapping is
//! read when it is first needed, and again whenever an answer gives reason to doubt it; because of requests that are wrong,
//! once a second at most. A caller is given no more of it than their role sees.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::Shared;
use super::freshness::Freshness;
use super::problem::Problem;
use crate::access::{Caller, Role, Seen, Sight};
use crate::mapping;
use crate::query::{Fields, Filter, Selection};
use crate::sink::{Body, Method};

/// How long a mapping is not doubted again because a request did not fit it.
const SETTLED: Duration = Duration::from_secs(1);

/// The index behind an alias, as it was when its mapping was read.
#[derive(Debug)]
pub(super) struct Generation {
    /// The real index.
    pub(super) index: String,
    /// All that it holds.
    whole: Fields,
    /// What of it there is, by role.
    seen: BTreeMap<String, Seen>,
}

/// What of a generation there is for one caller.
#[derive(Debug)]
pub(super) struct View<'a> {
    /// The fields that they may name.
    pub(super) fields: &'a Fields,
    /// What they are shown of a document.
    pub(super) shown: &'a Selection,
    /// The documents that there are for them.
    pub(super) rows: Filter,
}

/// The generation of one alias that was met last.
#[derive(Debug)]
pub(super) struct Latest {
    met: RwLock<Option<Arc<Generation>>>,
    /// When a request that did not fit it was last a reason to read it again.
    doubted: Mutex<Option<Instant>>,
    sights: BTreeMap<String, Sight>,
    freshness: Freshness,
}

impl Latest {
    /// Nothing met so far of the alias that these roles see.
    pub(super) fn new<'r>(alias: &str, roles: impl Iterator<Item = &'r Role>) -> Self {
        let sights = roles.filter_map(|role| Some((role.name().to_owned(), role.sight(alias)?)));
        Self {
            met: RwLock::new(None),
            doubted: Mutex::new(None),
            sights: sights.collect(),
            freshness: Freshness::default(),
        }
    }

    /// The generation that was met last; read from the engine when there is none.
    ///
    /// # Errors
    /// As [`Latest::read`].
    pub(super) async fn get(
        &self,
        shared: &Shared,
        alias: &str,
    ) -> Result<Arc<Generation>, Problem> {
        let known = self.met.read().unwrap_or_else(PoisonError::into_inner).clone();
        match known {
            Some(generation) => Ok(generation),
            None => self.read(shared, alias).await,
        }
    }

    /// Whether a request that is wrong by the generation that was met last is a reason to read it again, which it then is no
    /// more for a while: whoever sends nothing but such does not keep the engine busy.
    pub(super) fn may_be_doubted(&self) -> bool {
        let mut doubted = self.doubted.lock().unwrap_or_else(PoisonError::into_inner);
        let may_be = doubted.is_none_or(|at| at.elapsed() >= SETTLED);
        if may_be {
            *doubted = Some(Instant::now());
        }
        may_be
    }

    /// Reads the generation from the engine.
    ///
    /// # Errors
    /// When the engine does not tell, or there is no such index yet.
    pub(super) async fn read(
        &self,
        shared: &Shared,
        alias: &str,
    ) -> Result<Arc<Generation>, Problem> {
        let told = async {
            let answer = shared.client.send(Method::Get, &[alias], &[], Body::Empty).await?;
            answer.success()?.json::<Map<String, Value>>()
        };
        let told = shared.breaker.ask(shared.wait(), told).await.map_err(|unanswered| {
            let problem = Problem::from(unanswered);
            tracing::warn!(alias, code = problem.code(), "the mapping cannot be read");
            problem
        })?;
        let generation = Arc::new(self.generation(told, alias).map_err(|error| {
            tracing::error!(error = format!("{error:#}"), alias, "the mapping is not understood");
            Problem::internal()
        })?);
        let mut latest = self.met.write().unwrap_or_else(PoisonError::into_inner);
        *latest = Some(Arc::clone(&generation));
        Ok(generation)
    }
}

impl Latest {
    /// Up to when all changes in the services are in `index`, one of the alias's generations.
    pub(super) async fn as_of(&self, shared: &Shared, index: &str) -> Option<Timestamp> {
        self.freshness.as_of((&shared.client, &shared.state), index).await
    }
}

impl Generation {
    /// Whether a search means the same in both.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.index == other.index && self.whole.fingerprint() == other.whole.fingerprint()
    }

    /// All that it holds, whoever may see it.
    pub(super) fn whole(&self) -> &Fields {
        &self.whole
    }

    /// What of it there is for that caller.
    ///
    /// # Errors
    /// When their role's filter cannot be asked of it.
    pub(super) fn view(&self, caller: &Caller) -> Result<View<'_>, Problem> {
        let seen = self.seen.get(caller.role.name()).ok_or_else(Problem::internal)?;
        let rows = seen.rows(&self.whole, caller).ok_or_else(Problem::internal)?;
        Ok(View { fields: &seen.fields, shown: &seen.selection, rows })
    }
}

impl Latest {
    /// `{"the-index-000007": {"mappings": {…}, "settings": {…}}}`.
    fn generation(&self, told: Map<String, Value>, alias: &str) -> Result<Generation> {
        let mut indexes = told.into_iter();
        let (Some((index, body)), None) = (indexes.next(), indexes.next()) else {
            anyhow::bail!("the alias names more than one index, or none");
        };
        let mappings = body.get("mappings").context("there is no mapping in it")?;
        let fields = mapping::live(mappings).map_err(anyhow::Error::msg)?;
        // Normalizers are settings; one that is not told is one that is not known.
        let none = Map::new();
        let settings = body.get("settings").and_then(Value::as_object).unwrap_or(&none);
        let whole = Fields::of(&fields).with_settings(settings);
        let sights = self.sights.iter();
        let seen =
            sights.map(|(role, sight)| (role.clone(), sight.clone().of(&whole, alias, role)));
        Ok(Generation { index, seen: seen.collect(), whole })
    }
}
