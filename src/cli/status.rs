//! `prejoin status`: indexes, last runs, dead letters.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::failure::Failure;
use super::{Shared, prepare, render};
use crate::job::Job;
use crate::sink::Client;
use crate::sink::index::{Generation, Generations};
use crate::state::{DeadLetter, RunRecord, State};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The jobs to show; all when none is named
    jobs: Vec<String>,
}

/// What is known of one job.
#[derive(Serialize)]
struct Status {
    job: String,
    alias: String,
    indexes: Vec<Generation>,
    last_run: Option<RunRecord>,
    dead_letters: u64,
    first_dead_letters: Vec<DeadLetter>,
}

pub(super) async fn run(shared: &Shared, arguments: &Arguments) -> Result<ExitCode, Failure> {
    let config = prepare::config(shared)?;
    let names = match arguments.jobs.as_slice() {
        [] => Job::names(&config.home),
        jobs => jobs.to_vec(),
    };
    if names.is_empty() {
        return Err(Failure::not_started(prepare::no_jobs(&config)));
    }
    let client = Client::connect(&config.engine).await.map_err(Failure::not_started)?;
    let state = State::new(client.clone(), &config.engine.state_prefix);
    let mut all = Vec::new();
    for name in names {
        let job = Job::load(&config.home, &name).map_err(Failure::not_started)?;
        all.push(status(&client, &state, &job).await.map_err(Failure::stopped)?);
    }
    if shared.json {
        render::json(&all);
    } else {
        all.iter().for_each(print);
    }
    let look = all.iter().any(|status| status.dead_letters > 0);
    Ok(ExitCode::from(if look { super::failure::LOOK } else { 0 }))
}

async fn status(client: &Client, state: &State, job: &Job) -> anyhow::Result<Status> {
    let alias = job.file.index.to_string();
    let generations = Generations::read(client, &alias).await?;
    let live = generations.live().map(|live| live.name.clone());
    let (dead_letters, first_dead_letters) = match live {
        Some(index) => {
            (state.count_dead_letters(&index).await?, state.list_dead_letters(&index, 10).await?)
        }
        None => (0, Vec::new()),
    };
    Ok(Status {
        job: job.name.clone(),
        alias,
        indexes: generations.all,
        last_run: state.last_run(&job.name).await?,
        dead_letters,
        first_dead_letters,
    })
}

fn print(status: &Status) {
    render::data(&format!("{} (alias {})", status.job, status.alias));
    match &status.last_run {
        Some(run) => render::data(&format!("  last run: {}", run.summary())),
        None => render::data("  last run: none is known"),
    }
    let rows: Vec<Vec<String>> = status.indexes.iter().map(row).collect();
    if !rows.is_empty() {
        let table = render::table(&["index", "documents", "size", "created", ""], &rows);
        render::data(&indent(&table));
    }
    if status.dead_letters > 0 {
        render::data(&format!("  dead letters: {}", render::count(status.dead_letters)));
        let rows: Vec<Vec<String>> = status.first_dead_letters.iter().map(letter).collect();
        render::data(&indent(&render::table(&["key", "error", "field"], &rows)));
    }
}

fn row(generation: &Generation) -> Vec<String> {
    let standing = match (generation.live, generation.open) {
        (true, _) => "live",
        (false, true) => "unfinished",
        (false, false) => "",
    };
    vec![
        generation.name.clone(),
        known(generation.documents.map(render::count)),
        known(generation.bytes.map(|bytes| format!("{} KiB", render::count(bytes / 1024)))),
        known(generation.created_at.map(|at| format!("{at:.0}"))),
        standing.to_owned(),
    ]
}

/// What the engine could not tell is left open.
fn known(text: Option<String>) -> String {
    text.unwrap_or_else(|| "?".to_owned())
}

fn letter(letter: &DeadLetter) -> Vec<String> {
    vec![letter.key.clone(), letter.error_type.clone(), letter.field.clone().unwrap_or_default()]
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}
