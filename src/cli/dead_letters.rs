//! `prejoin dead-letters`: the documents that the engine refused.

use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use tokio_util::sync::CancellationToken;

use super::failure::{Failure, LOOK};
use super::kept::kept;
use super::progress::Display;
use super::{Shared, prepare, render, signals};
use crate::config::Config;
use crate::job::Job;
use crate::sink::Client;
use crate::state::{Claim, DeadLetter, State};
use crate::sync::{
    Dropped, Dropping, Letters, Progress, Retried, drop_letters, letters, never_loaded,
    retry_letters,
};

/// Letters that are printed when nobody says how many; `--json` has all of them then.
const SHOWN: usize = 100;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The job
    job: String,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Show them, the latest first
    List {
        /// How many are shown
        #[arg(long, value_name = "N")]
        limit: Option<NonZeroUsize>,
    },
    /// Build their documents anew, and forget those that are right then
    Retry {
        /// Only those of the documents with these ids
        #[arg(long, num_args = 1.., value_name = "ID", allow_negative_numbers = true)]
        id: Vec<String>,
    },
    /// Forget them: nothing tries their documents again until their rows change or everything is looked at
    Drop {
        /// Only those of the documents with these ids
        #[arg(long, num_args = 1.., value_name = "ID", allow_negative_numbers = true)]
        id: Vec<String>,
    },
}

pub(super) async fn run(shared: &Shared, arguments: &Arguments) -> Result<ExitCode, Failure> {
    let config = prepare::config(shared)?;
    match &arguments.what {
        What::List { limit } => list(shared, &config, &arguments.job, *limit).await,
        What::Retry { id } => retry(shared, &config, &arguments.job, id).await,
        What::Drop { id } => forget(shared, &config, &arguments.job, id).await,
    }
}

async fn list(
    shared: &Shared,
    config: &Config,
    name: &str,
    limit: Option<NonZeroUsize>,
) -> Result<ExitCode, Failure> {
    let job = Job::load(&config.home, name).map_err(Failure::not_started)?;
    let client = Client::connect(&config.engine).await.map_err(Failure::not_started)?;
    let state = State::new(client.clone(), &config.engine.state_prefix);
    let limit = limit.map(NonZeroUsize::get).or((!shared.json).then_some(SHOWN));
    let told = letters((&client, &state), (name, job.file.index.as_str()), limit).await;
    let told = told.map_err(Failure::stopped)?;
    if shared.json {
        render::json(&told);
    } else {
        render::data(&text(&told));
    }
    Ok(ExitCode::from(if told.dead_letters > 0 { LOOK } else { 0 }))
}

fn text(told: &Letters) -> String {
    let Letters { job, index, dead_letters, letters, .. } = told;
    let Some(index) = index else {
        return format!("{job}: nothing is loaded yet: `prejoin reindex {job}`");
    };
    if *dead_letters == 0 {
        return format!("{job}: no dead letters in {index}");
    }
    let rows: Vec<Vec<String>> = letters.iter().map(row).collect();
    let head = ["key", "error", "field", "when", "index"];
    let mut lines = vec![
        format!("{job}: {} dead letter(s) in {index}", render::count(*dead_letters)),
        render::indent(&render::table(&head, &rows)),
    ];
    let more = dead_letters.saturating_sub(letters.len() as u64);
    if more > 0 {
        lines.push(format!("    and {} more: --limit N, or --json", render::count(more)));
    }
    lines.join("\n")
}

fn row(letter: &DeadLetter) -> Vec<String> {
    vec![
        render::key(&letter.key),
        letter.error_type.clone(),
        letter.field.clone().unwrap_or_default(),
        format!("{:.0}", letter.at),
        letter.index.clone(),
    ]
}

async fn retry(
    shared: &Shared,
    config: &Config,
    job: &str,
    ids: &[String],
) -> Result<ExitCode, Failure> {
    let client = prepare::client(config).await?;
    let kept = kept(config, &client, job).await?;
    let kept = kept.ok_or_else(|| Failure::not_started(never_loaded(job)))?;
    let progress = Arc::new(Progress::default());
    let cancel = CancellationToken::new();
    let signal = signals::cancel_on_signal(cancel.clone());
    let display = Display::start(job, Arc::clone(&progress));
    let (retried, ended) = Box::pin(retry_letters(&kept, ids, progress, cancel)).await;
    drop(display);
    if shared.json {
        render::json(&retried);
    }
    ended.map_err(|stopped| Failure::of_run(stopped, signal.received()))?;
    render::line(&summary(&retried));
    Ok(ExitCode::from(if retried.needs_a_look() { LOOK } else { 0 }))
}

fn summary(retried: &Retried) -> String {
    let Retried { job, tried, healed, remaining, keyless, run } = retried;
    let mut lines = match run {
        None if *keyless == 0 => vec![format!("{job}: there are no dead letters")],
        None => vec![format!("{job}: there are no dead letters that could be tried again")],
        Some(run) => vec![format!(
            "{job}: {} dead letter(s) tried again in {}: {} healed, {} remain",
            render::count(*tried),
            run.index,
            render::count(*healed),
            render::count(*remaining),
        )],
    };
    if *remaining > 0 {
        lines.push(format!("  `prejoin dead-letters {job} list` tells why"));
    }
    if *keyless > 0 {
        lines.push("  rows without a key cannot be looked up: give them one".to_owned());
    }
    lines.join("\n")
}

async fn forget(
    shared: &Shared,
    config: &Config,
    name: &str,
    ids: &[String],
) -> Result<ExitCode, Failure> {
    let job = Job::load(&config.home, name).map_err(Failure::not_started)?;
    let client = prepare::client(config).await?;
    let state = State::new(client.clone(), &config.engine.state_prefix);
    let cancel = CancellationToken::new();
    let signal = signals::cancel_on_signal(cancel.clone());
    let asked = Dropping {
        client: &client,
        state: &state,
        job: name,
        alias: &job.file.index,
        claim: Claim::of_this_process("dead-letters drop", config.engine.lease_ttl),
    };
    let dropped = drop_letters(&asked, ids, &cancel).await;
    let dropped = dropped.map_err(|stopped| Failure::of_run(stopped, signal.received()))?;
    if shared.json {
        render::json(&dropped);
    }
    render::line(&forgotten(&dropped));
    Ok(ExitCode::SUCCESS)
}

fn forgotten(done: &Dropped) -> String {
    let Dropped { job, index, dropped, remaining } = done;
    if *dropped == 0 {
        return format!("{job}: there are no dead letters in {index}");
    }
    format!(
        "{job}: {} dead letter(s) of {index} forgotten, {} kept\n  \
         their documents stay as the index has them, or out of it, until their rows change, or `prejoin sync {job} --sweep` or `prejoin reindex {job}` looks at everything",
        render::count(*dropped),
        render::count(*remaining),
    )
}
