//! Dead letters of the index that readers see: told, tried again, forgotten.
//!
//! Promises: those of other indexes are left alone; what is changed is changed under the index's lease. A letter that is tried
//! again is forgotten only when its document is right. Never tells anything of a row but its key.

use std::collections::HashSet;
use std::sync::Arc;

use anyhow::Result;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::generations::known;
use super::incremental::{Kept, sync};
use super::live::{lease_live, never_loaded, serving};
use super::progress::Progress;
use super::report::Report;
use super::update::SyncOptions;
use super::{Engine, Stopped};
use crate::finding::Finding;
use crate::sink::Client;
use crate::state::{Claim, DeadLetter, LeaseError, State};

/// Letters that the engine sorts; more of them are sorted here.
const SORTED_BY_ENGINE: usize = 10_000;

/// The dead letters of the index that readers see.
#[derive(Debug, Serialize)]
pub struct Letters {
    /// The job's name.
    pub job: String,
    /// The alias that readers use.
    pub alias: String,
    /// The real index; `None` when nothing is loaded yet.
    pub index: Option<String>,
    /// How many there are.
    pub dead_letters: u64,
    /// They, the latest first, as many as were asked for.
    pub letters: Vec<DeadLetter>,
}

/// The latest dead letters of the index that readers of `alias` see, at most `limit`.
///
/// # Errors
/// When the engine does not answer or refuses, or a real index bears the alias's name.
pub async fn letters(
    (client, state): (&Client, &State),
    (job, alias): (&str, &str),
    limit: Option<usize>,
) -> Result<Letters> {
    let known = known(client, state, alias).await?;
    let index = known.generations.live().map(|live| live.name.clone());
    let (dead_letters, letters) = match (&index, limit) {
        (None, _) => (0, Vec::new()),
        (Some(index), Some(limit)) if limit <= SORTED_BY_ENGINE => {
            let count = state.count_dead_letters(index).await?;
            (count, state.list_dead_letters(index, limit).await?)
        }
        (Some(index), limit) => {
            let mut all = state.all_dead_letters(index).await?;
            all.sort_by(|a, b| b.at.cmp(&a.at).then_with(|| a.key.cmp(&b.key)));
            let count = all.len() as u64;
            all.truncate(limit.unwrap_or(usize::MAX));
            (count, all)
        }
    };
    let (job, alias) = (job.to_owned(), alias.to_owned());
    Ok(Letters { job, alias, index, dead_letters, letters })
}

/// What became of dead letters that were tried again.
#[derive(Debug, Serialize)]
pub struct Retried {
    /// The job's name.
    pub job: String,
    /// Documents that were built anew.
    pub tried: u64,
    /// Those of them that are right now, or whose rows are gone with them.
    pub healed: u64,
    /// Those that were refused again.
    pub remaining: u64,
    /// Letters of rows without a key, which cannot be looked up.
    pub keyless: u64,
    /// The run that built them; `None` when there was nothing to build.
    pub run: Option<Report>,
}

impl Retried {
    /// Whether something in it deserves a look (exit code 1).
    pub fn needs_a_look(&self) -> bool {
        self.remaining + self.keyless > 0 || self.run.as_ref().is_some_and(Report::needs_a_look)
    }
}

/// Builds the documents of dead letters anew: those with these `ids`, or all when there is none. As [`sync`] otherwise.
pub async fn retry_letters(
    kept: &Kept,
    ids: &[String],
    progress: Arc<Progress>,
    cancel: CancellationToken,
) -> (Retried, Result<(), Stopped>) {
    let engine = &kept.engine;
    let job = engine.plan.job.clone();
    let mut retried = Retried { job, tried: 0, healed: 0, remaining: 0, keyless: 0, run: None };
    let keys = match wanted(engine, ids).await {
        Ok(letters) => letters.into_iter().map(|letter| letter.key),
        Err(error) => return (retried, Err(Stopped::NotStarted(error))),
    };
    let (keyless, keys): (Vec<String>, Vec<String>) = keys.partition(String::is_empty);
    retried.keyless = keyless.len() as u64;
    if keys.is_empty() {
        return (retried, Ok(()));
    }
    retried.tried = keys.len() as u64;
    retried.remaining = retried.tried;
    let options = SyncOptions { ids: keys.clone(), ..SyncOptions::default() };
    let (report, ended) = Box::pin(sync(kept, options, progress, cancel)).await;
    let ended = match ended {
        Ok(()) => {
            let left = engine.state.all_dead_letters(&report.index).await;
            left.map_err(Stopped::Midway).map(|left| {
                let left: HashSet<&str> = left.iter().map(|letter| letter.key.as_str()).collect();
                let remaining = keys.iter().filter(|key| left.contains(key.as_str())).count();
                retried.remaining = remaining as u64;
                retried.healed = retried.tried - retried.remaining;
            })
        }
        stopped => stopped,
    };
    retried.run = Some(report);
    (retried, ended)
}

/// The letters of the index that serves, those with these ids.
async fn wanted(engine: &Engine, ids: &[String]) -> Result<Vec<DeadLetter>> {
    let plan = &engine.plan;
    let known = known(&engine.client, &engine.state, &plan.index).await?;
    let Some((live, _)) = serving(&known, &plan.job)? else {
        return Err(never_loaded(&plan.job).into());
    };
    let letters = engine.state.all_dead_letters(&live.name).await?;
    Ok(chosen(letters, ids, (&plan.job, &live.name))?)
}

/// Those with these ids, or all when there is none.
fn chosen(
    mut letters: Vec<DeadLetter>,
    ids: &[String],
    (job, index): (&str, &str),
) -> Result<Vec<DeadLetter>, Finding> {
    if ids.is_empty() {
        return Ok(letters);
    }
    let known: HashSet<&str> = letters.iter().map(|letter| letter.key.as_str()).collect();
    if let Some(id) = ids.iter().find(|id| !known.contains(id.as_str())) {
        let what = format!("{index} has no dead letter with the key {id:?}");
        return Err(Finding::error(what)
            .hint(format!("`prejoin dead-letters {job} list` shows those there are")));
    }
    let asked: HashSet<&str> = ids.iter().map(String::as_str).collect();
    letters.retain(|letter| asked.contains(letter.key.as_str()));
    Ok(letters)
}

/// Whose dead letters are forgotten, and by whom.
pub struct Dropping<'d> {
    /// The search engine.
    pub client: &'d Client,
    /// Leases, and the letters.
    pub state: &'d State,
    /// The job's name.
    pub job: &'d str,
    /// The alias that readers use.
    pub alias: &'d str,
    /// Who wants it.
    pub claim: Claim,
}

/// What became of dead letters that were to be forgotten.
#[derive(Debug, Serialize)]
pub struct Dropped {
    /// The job's name.
    pub job: String,
    /// The real index.
    pub index: String,
    /// Letters that are forgotten.
    pub dropped: u64,
    /// Letters that are kept.
    pub remaining: u64,
}

/// Forgets dead letters of the index that readers see: those with these `ids`, or all when there is none. Nothing tries their
/// documents again until their rows change or everything is looked at.
///
/// # Errors
/// See [`Stopped`]. When one of the ids has no letter, none is forgotten.
pub async fn drop_letters(
    asked: &Dropping<'_>,
    ids: &[String],
    cancel: &CancellationToken,
) -> Result<Dropped, Stopped> {
    let Dropping { client, state, job, alias, claim } = asked;
    let lease = lease_live((client, state), (alias, job), claim, cancel).await?;
    let index = lease.index().to_owned();
    let midway = |error| Stopped::midway(&format!("index `{index}`"), error);
    let dropping = async {
        let letters = state.all_dead_letters(&index).await.map_err(Stopped::NotStarted)?;
        let all = letters.len() as u64;
        let chosen = chosen(letters, ids, (job, &index));
        let chosen = chosen.map_err(|finding| Stopped::NotStarted(finding.into()))?;
        lease.confirm().await.map_err(|error: LeaseError| midway(error.into()))?;
        state.forget_letters(&chosen).await.map_err(midway)?;
        let dropped = chosen.len() as u64;
        let (job, index) = ((*job).to_owned(), index.clone());
        Ok(Dropped { job, index, dropped, remaining: all - dropped })
    };
    let dropped = dropping.await;
    lease.give_back(true).await;
    dropped
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn letter(key: &str) -> DeadLetter {
        DeadLetter {
            job: "a".to_owned(),
            index: "a-000001".to_owned(),
            key: key.to_owned(),
            error_type: "too_large".to_owned(),
            field: None,
            at: Timestamp::UNIX_EPOCH,
            checkpoint: 0,
        }
    }

    #[test]
    fn all_are_chosen_or_those_that_are_named() {
        let all = || ["1", "", "a:b", "%3A"].map(letter).to_vec();
        let keys = |ids: &[&str]| {
            let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
            let chosen = chosen(all(), &ids, ("a", "a-000001"));
            chosen.map(|chosen| chosen.iter().map(|letter| letter.key.clone()).collect::<Vec<_>>())
        };
        assert_eq!(keys(&[]).unwrap().len(), 4);
        assert_eq!(keys(&["a:b", "a:b", ""]).unwrap(), ["", "a:b"]);
        // None of them, rather than some.
        let error = keys(&["1", "a%3Ab"]).unwrap_err();
        assert_eq!(error.to_string(), "a-000001 has no dead letter with the key \"a%3Ab\"");
    }
}
