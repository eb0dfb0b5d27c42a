//! What is known of a job: who is at it, which generations there are, how its last runs ended, and what deserves a look.
//!
//! Promises: asks the engine only, never a service's database, and nobody for a lease; works while a run is under way and
//! when none ever was. Never writes.

use anyhow::Result;
use jiff::Timestamp;
use serde::Serialize;

use super::generations::{Known, known};
use crate::finding::Finding;
use crate::job::Job;
use crate::mapping::Mapping;
use crate::plan::fingerprint;
use crate::sink::Client;
use crate::sink::index::{Extent, Generation};
use crate::state::{DeadLetter, Drift, Held, RunRecord, State, Tenure};

/// Dead letters that are shown.
const LETTERS: usize = 10;

/// What is known of one job.
#[derive(Debug, Serialize)]
pub struct Status {
    /// The job's name.
    pub job: String,
    /// The alias that readers use.
    pub alias: String,
    /// The lease of those who build and swap; `None` when it was never taken.
    pub lease: Option<Tenure>,
    /// The alias's generations, the oldest first.
    pub indexes: Vec<IndexStatus>,
    /// The latest run of each mode, the latest first.
    pub last_runs: Vec<RunRecord>,
    /// Documents that the index which serves lacks.
    pub dead_letters: u64,
    /// The latest of them.
    pub first_dead_letters: Vec<DeadLetter>,
    /// What deserves a look, each with what to do (exit code 1).
    pub look: Vec<String>,
}

/// One generation.
#[derive(Debug, Serialize)]
pub struct IndexStatus {
    /// As the engine shows it.
    #[serde(flatten)]
    pub generation: Generation,
    /// How much is in it.
    #[serde(flatten)]
    pub extent: Extent,
    /// What it is to readers.
    pub standing: Standing,
    /// The lease of those who write to it; `None` when nothing is remembered.
    pub lease: Option<Tenure>,
    /// Root rows that are loaded, dead letters included, as of the last checkpoint; `None` when nothing is remembered.
    pub loaded: Option<u64>,
    /// Up to when all changes that its job sees are in it: the oldest of its horizons, each of which lies its source's overlap
    /// before the run that took it. `None` when nothing is remembered.
    pub horizon: Option<Timestamp>,
    /// How long ago that is, in seconds.
    pub lag_seconds: Option<u64>,
    /// Since when readers have seen it, the last time that they began to.
    pub served_from: Option<Timestamp>,
    /// The name of the job that built it.
    pub built_by: Option<String>,
    /// Whether job and mapping are still what they were; `None` when that cannot be told.
    pub same_job: Option<bool>,
    /// Documents that it lacks.
    pub dead_letters: u64,
    /// What the last look at it has shown; `None` when there was none.
    pub drift: Option<Drift>,
}

/// What a generation is to readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// They see it.
    Live,
    /// They have seen it, and could again.
    WayBack,
    /// It is loaded and counted, and was never shown.
    Complete,
    /// It is not loaded to its end.
    Unfinished,
}

/// Looks at one job. `mapping` is its mapping, or what is wrong with the file.
///
/// # Errors
/// When the engine does not answer or refuses, or a real index bears the alias's name.
pub async fn status(
    client: &Client,
    state: &State,
    job: &Job,
    mapping: Result<Mapping, Finding>,
) -> Result<Status> {
    let alias = job.file.index.to_string();
    let owner = state.alias(&alias).await?;
    let known = known(client, state, &alias).await?;
    let mut look = Vec::new();
    if let Some((_, owner)) = owner.as_ref().filter(|(_, owner)| owner.job != job.name) {
        look.push(format!(
            "{alias} is built by another job, `{}`: give this one another `index:`, or take it over with --adopt",
            owner.job
        ));
    }
    let now = mapping.as_ref().ok().map(|mapping| fingerprint(&job.name, &job.text, mapping));
    look.extend(mapping.err().map(|finding| finding.to_string()));
    let mut indexes = Vec::new();
    for generation in &known.generations.all {
        let dead_letters = state.count_dead_letters(&generation.name).await?;
        let drift = state.drift(&generation.name, &generation.uuid).await?;
        let extent = Extent::read(client, &generation.name).await?;
        let index = IndexStatus::of((&known, generation), extent, now.as_deref());
        indexes.push(IndexStatus { dead_letters, drift, ..index });
    }
    let foreign = |name: &&String| known.generations.all.iter().all(|ours| ours.name != **name);
    look.extend(known.generations.serving.iter().filter(foreign).map(|name| {
        format!(
            "{alias} points to {name}, which prejoin did not make: `prejoin reindex {}` builds one in its place",
            job.name
        )
    }));
    let live = known.generations.live();
    let first_dead_letters = match live {
        Some(live) => state.list_dead_letters(&live.name, LETTERS).await?,
        None => Vec::new(),
    };
    let last_runs = state.last_runs(&job.name).await?;
    look.extend(indexes.iter().flat_map(|index| index.look(&job.name)));
    look.extend(last_runs.iter().filter_map(stopped));
    let live = indexes.iter().find(|index| index.standing == Standing::Live);
    Ok(Status {
        job: job.name.clone(),
        alias,
        lease: owner.map(|(tenure, _)| tenure),
        dead_letters: live.map_or(0, |live| live.dead_letters),
        indexes,
        last_runs,
        first_dead_letters,
        look,
    })
}

impl IndexStatus {
    /// `now` is the fingerprint of job and mapping, where it is known. Dead letters and drift are left open.
    fn of((known, generation): (&Known, &Generation), extent: Extent, now: Option<&str>) -> Self {
        let remembered = known.state(&generation.name);
        let state = remembered.map(|(_, state)| state);
        let ended = state.is_some_and(|state| state.load.ended_at.is_some());
        let standing = match generation.live {
            true => Standing::Live,
            false if known.is_way_back(generation) => Standing::WayBack,
            false if ended => Standing::Complete,
            false => Standing::Unfinished,
        };
        let horizon = state.and_then(|state| state.horizons.values().min().copied());
        let lag = horizon.map(|horizon| Timestamp::now().duration_since(horizon).as_secs());
        Self {
            standing,
            lease: remembered.map(|(tenure, _)| tenure.clone()),
            loaded: state.map(|state| state.load.counts().read),
            horizon,
            // A service's clock may be ahead of ours.
            lag_seconds: lag.map(|lag| u64::try_from(lag).unwrap_or(0)),
            served_from: state.and_then(|state| state.served_from),
            built_by: state.map(|state| state.job.name.clone()),
            same_job: state.zip(now).map(|(state, now)| state.job.fingerprint == now),
            dead_letters: 0,
            drift: None,
            generation: generation.clone(),
            extent,
        }
    }

    /// What deserves a look, with what to do.
    fn look(&self, job: &str) -> Vec<String> {
        let name = &self.generation.name;
        let changed = self.same_job == Some(false);
        let mut look = Vec::new();
        match self.standing {
            Standing::WayBack => {}
            Standing::Live => {
                if self.loaded.is_none() {
                    look.push(format!(
                        "nothing is remembered of {name}: `prejoin reindex {job}` builds one of which all is known"
                    ));
                }
                if changed {
                    look.push(format!(
                        "the job's file or its mapping has changed since {name} was built: `prejoin reindex {job}`"
                    ));
                }
                if self.dead_letters > 0 {
                    look.push(format!(
                        "{name} lacks {} document(s) that are dead letters: correct the rows, then `prejoin dead-letters {job} retry`, or the mapping, then `prejoin reindex {job}`",
                        self.dead_letters
                    ));
                }
                let left = self.drift.as_ref().map_or(0, |drift| drift.found().saturating_sub(drift.repaired));
                if left > 0 {
                    look.push(format!(
                        "{left} document(s) of {name} were not what the services say when it was looked at last: `prejoin verify {job} --repair`"
                    ));
                }
            }
            Standing::Complete | Standing::Unfinished if changed => look.push(format!(
                "{name} was begun before the job's file or its mapping changed: `prejoin reindex {job}` begins anew"
            )),
            Standing::Complete => look.push(format!(
                "{name} is complete and not shown to readers: `prejoin reindex {job} --resume` swaps it in"
            )),
            Standing::Unfinished if self.is_held() => look.push(format!(
                "{name} is being loaded; if that run has died: `prejoin reindex {job} --resume` goes on from where it was"
            )),
            Standing::Unfinished => look.push(format!(
                "{name} is unfinished: `prejoin reindex {job} --resume` goes on from where it is, without --resume it begins anew"
            )),
        }
        look
    }

    /// Whether a run is at it, or was when it died.
    fn is_held(&self) -> bool {
        self.lease.as_ref().is_some_and(|lease| lease.standing == Held::Held)
    }
}

/// That a mode's last run did not come to its end.
fn stopped(run: &RunRecord) -> Option<String> {
    if run.outcome() == "finished" {
        return None;
    }
    let why = run.error().map(|error| format!(": {error}")).unwrap_or_default();
    Some(format!("the last {} was {}{why}", run.mode, run.outcome().replace('_', " ")))
}
