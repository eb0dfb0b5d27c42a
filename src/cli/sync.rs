//! `prejoin sync`: indexes in step with the services.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::failure::{Failure, LOOK};
use super::progress::Display;
use super::reindex::odd;
use super::{Shared, prepare, render, signals};
use crate::config::Config;
use crate::job::Job;
use crate::plan::fingerprint;
use crate::sink::{Client, index};
use crate::state::State;
use crate::sync::{
    Engine, Options, Progress, Report, SyncOptions, built_by_another, known, reindex, sync,
};
use crate::yaml;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The jobs
    #[arg(required = true)]
    job: Vec<String>,
    /// Build the documents with these ids anew, and look at nothing else
    #[arg(long, num_args = 1.., value_name = "ID")]
    id: Vec<String>,
    /// Look at every root and every document, not only at what is told to have changed
    #[arg(long, conflicts_with = "id")]
    sweep: bool,
    /// Delete the documents that have lost their root even when they are more than a tenth of the index
    #[arg(long)]
    allow_mass_delete: bool,
}

pub(super) async fn run(shared: &Shared, arguments: &Arguments) -> Result<ExitCode, Failure> {
    let config = prepare::config(shared)?;
    let client = prepare::client(&config).await?;
    let cancel = CancellationToken::new();
    let signal = signals::cancel_on_signal(cancel.clone());
    let mut looks = false;
    for job in &arguments.job {
        let (engine, is_first) = prepared(&config, &client, job).await?;
        let progress = Arc::new(Progress::default());
        let display = Display::start(job, Arc::clone(&progress));
        let (report, ended) = if is_first {
            let options = Options { keep: 1, ..Options::default() };
            reindex(&engine, options, progress, cancel.clone()).await
        } else {
            let options = SyncOptions {
                ids: arguments.id.clone(),
                allow_mass_delete: arguments.allow_mass_delete,
                sweep: arguments.sweep,
            };
            sync(&engine, options, progress, cancel.clone()).await
        };
        drop(display);
        if shared.json {
            render::json(&report);
        }
        let next = report.next.clone();
        ended.map_err(|stopped| Failure::of_run(stopped, signal.received()).then(next))?;
        render::line(&summary(&report));
        looks |= report.needs_a_look();
    }
    Ok(ExitCode::from(if looks { LOOK } else { 0 }))
}

/// What the run works with, by the job that built the index that serves; whether there is none yet.
async fn prepared(
    config: &Config,
    client: &Client,
    name: &str,
) -> Result<(Arc<Engine>, bool), Failure> {
    let job = Job::load(&config.home, name).map_err(Failure::not_started)?;
    let state = State::new(client.clone(), &config.engine.state_prefix);
    let known = known(client, &state, job.file.index.as_str()).await;
    let known = known.map_err(Failure::not_started)?;
    let built_by = known.live_state().map(|state| state.job.clone());
    let Some((built_by, live)) = built_by.zip(known.generations.live()) else {
        let prepared = prepare::job(config, name).await;
        return Ok((prepare::engine(config, client.clone(), prepared, name)?, true));
    };
    if built_by.name != name {
        let finding = built_by_another(&job.file.index, name, &built_by.name);
        return Err(Failure::not_started(finding));
    }
    let mapping = prepare::mapping(config, &job);
    let now = mapping.as_ref().ok().map(|mapping| fingerprint(name, &job.text, mapping));
    if now.as_ref() == Some(&built_by.fingerprint) {
        let prepared = prepare::job(config, name).await;
        return Ok((prepare::engine(config, client.clone(), prepared, name)?, false));
    }
    tracing::warn!(
        job = name,
        index = live.name,
        "the job's file or mapping is not that by which the index was built: it is kept in step as it was built, `prejoin reindex` builds it anew"
    );
    let text = built_by.text;
    let file = yaml::parse(&job.path, &text).map_err(Failure::not_started)?;
    let job = Job { name: name.to_owned(), path: job.path, text, file };
    let mapping = index::mapping(client, &live.name).await.map_err(Failure::not_started)?;
    let prepared = prepare::as_built(config, &job, mapping).await;
    Ok((prepare::engine(config, client.clone(), prepared, name)?, false))
}

fn summary(report: &Report) -> String {
    let mut lines = vec![format!(
        "{}: {} documents built anew, {} written, {} as they were, {} deleted in {} ({:.1} s)",
        report.job,
        render::count(report.read),
        render::count(report.written),
        render::count(report.unchanged),
        render::count(report.deleted),
        report.index,
        report.seconds,
    )];
    if report.swept {
        lines.push("  every root and every document was looked at".to_owned());
    }
    if report.dead_letters > 0 {
        lines.push(format!(
            "  {} dead letters: documents that the engine refused, see `prejoin status`",
            render::count(report.dead_letters)
        ));
    }
    lines.extend(odd(report));
    lines.join("\n")
}
