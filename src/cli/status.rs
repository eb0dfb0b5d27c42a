//! `prejoin status`: who is at it, indexes, last runs, dead letters, and what deserves a look.

use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;

use super::failure::{Failure, LOOK};
use super::{Shared, prepare, render};
use crate::job::Job;
use crate::sink::Client;
use crate::state::{DeadLetter, Drift, Held, State, Tenure};
use crate::sync::{IndexStatus, Standing, Status, status};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The jobs to show; all when none is named
    jobs: Vec<String>,
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
        let mapping = prepare::mapping(&config, &job);
        all.push(status(&client, &state, &job, mapping).await.map_err(Failure::stopped)?);
    }
    if shared.json {
        render::json(&all);
    } else {
        all.iter().for_each(|status| render::data(&text(status)));
    }
    let look = all.iter().any(|status| !status.look.is_empty());
    Ok(ExitCode::from(if look { LOOK } else { 0 }))
}

fn text(status: &Status) -> String {
    let mut lines = vec![format!("{} (alias {})", status.job, status.alias)];
    if status.indexes.is_empty() {
        lines.push(format!("  nothing is loaded yet: `prejoin reindex {}`", status.job));
    } else {
        let head =
            ["index", "documents", "size", "created", "in step to", "dead letters", "job", ""];
        let rows: Vec<Vec<String>> = status.indexes.iter().map(index).collect();
        lines.push(render::indent(&render::table(&head, &rows)));
    }
    let drifts = status.indexes.iter().filter_map(|index| Some((index, index.drift.as_ref()?)));
    lines.extend(
        drifts.map(|(index, drift)| format!("  {}", looked_at(&index.generation.name, drift))),
    );
    let of_indexes = status.indexes.iter().map(|index| (&*index.generation.name, &index.lease));
    let leases = std::iter::once((&*status.alias, &status.lease)).chain(of_indexes);
    let leases: Vec<Vec<String>> = leases
        .filter_map(|(what, tenure)| Some(vec![what.to_owned(), lease(tenure.as_ref()?)]))
        .collect();
    if !leases.is_empty() {
        lines.push(render::indent(&render::table(&["lease of", ""], &leases)));
    }
    if status.last_runs.is_empty() {
        lines.push("  last run: none is known".to_owned());
    }
    for run in &status.last_runs {
        lines.push(format!("  last {}", run.summary()));
        lines.extend(run.next().map(|next| format!("    {next}")));
    }
    if status.dead_letters > 0 {
        let letters: Vec<Vec<String>> = status.first_dead_letters.iter().map(letter).collect();
        lines.push(format!("  dead letters: {}", render::count(status.dead_letters)));
        lines.push(render::indent(&render::table(&["key", "error", "field"], &letters)));
    }
    if !status.look.is_empty() {
        lines.push("  to look at:".to_owned());
        lines.extend(status.look.iter().map(|look| format!("    - {look}")));
    }
    lines.join("\n")
}

fn index(index: &IndexStatus) -> Vec<String> {
    let generation = &index.generation;
    let since = |word: &str| match index.served_from {
        Some(at) => format!("{word} {at:.0}"),
        None => String::new(),
    };
    let standing = match index.standing {
        Standing::Live => format!("live{}", since(", served since")),
        Standing::WayBack => format!("way back{}", since(", served from")),
        Standing::Complete => "complete, not shown to readers".to_owned(),
        Standing::Unfinished => format!("unfinished, root rows loaded: {}", loaded(index)),
    };
    let job = match index.same_job {
        Some(true) => "as it is now",
        Some(false) => "changed since",
        None => "?",
    };
    vec![
        generation.name.clone(),
        known(index.extent.documents.map(render::count)),
        known(index.extent.bytes.map(|bytes| format!("{} KiB", render::count(bytes / 1024)))),
        known(generation.created_at.map(|at| format!("{at:.0}"))),
        known(index.horizon.zip(index.lag_seconds).map(in_step)),
        render::count(index.dead_letters),
        job.to_owned(),
        standing,
    ]
}

/// What the last look at an index has shown.
fn looked_at(name: &str, drift: &Drift) -> String {
    let scope = match drift.scope.as_str() {
        "whole" => "all".to_owned(),
        scope => format!("{} ({scope})", render::count(drift.read)),
    };
    format!(
        "{name}, {scope} of it looked at {:.0} by {}: {} missing, {} extra, {} different, {} repaired",
        drift.at,
        drift.by,
        render::count(drift.missing),
        render::count(drift.extra),
        render::count(drift.different),
        render::count(drift.repaired)
    )
}

/// Up to when all changes are in an index, and how long ago that is.
fn in_step((horizon, seconds): (Timestamp, u64)) -> String {
    format!("{horizon:.0}, {} ago", render::duration(seconds))
}

fn loaded(index: &IndexStatus) -> String {
    known(index.loaded.map(render::count))
}

/// What cannot be told is left open.
fn known(text: Option<String>) -> String {
    text.unwrap_or_else(|| "?".to_owned())
}

/// Whether the holder lives can only be seen by watching: see `state`.
fn lease(tenure: &Tenure) -> String {
    let Tenure { holder, task, since, .. } = tenure;
    match tenure.standing {
        Held::Held => {
            format!("held by {holder} ({task}) since {since:.0}, or by nobody if that has died")
        }
        Held::Clean => "free".to_owned(),
        Held::Unclean => {
            "free; the next run waits for what the last one may have left on its way".to_owned()
        }
    }
}

fn letter(letter: &DeadLetter) -> Vec<String> {
    vec![
        render::key(&letter.key),
        letter.error_type.clone(),
        letter.field.clone().unwrap_or_default(),
    ]
}
