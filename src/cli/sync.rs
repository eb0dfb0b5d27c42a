//! `prejoin sync`: indexes in step with the services.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::failure::{Failure, LOOK};
use super::kept::kept;
use super::progress::Display;
use super::reindex::odd;
use super::{Shared, prepare, render, signals};
use crate::config::Config;
use crate::finding::Finding;
use crate::sink::Client;
use crate::sync::{
    Engine, Options, Progress, Report, Stopped, SyncOptions, check_ids, never_loaded, reindex, sync,
};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The jobs
    #[arg(required = true)]
    job: Vec<String>,
    /// Build the documents with these ids anew, and look at nothing else
    #[arg(long, num_args = 1.., value_name = "ID", allow_negative_numbers = true)]
    id: Vec<String>,
    /// Look at every root and every document, not only at what is told to have changed
    #[arg(long, conflicts_with = "id")]
    sweep: bool,
    /// Delete the documents that have lost their root even when they are more than a tenth of the index
    #[arg(long)]
    allow_mass_delete: bool,
}

pub(super) async fn run(shared: &Shared, arguments: &Arguments) -> Result<ExitCode, Failure> {
    if !arguments.id.is_empty() && arguments.job.len() > 1 {
        let what = "--id names documents of one job, and there are several";
        return Err(Failure::not_started(Finding::error(what).hint("run it for each of them")));
    }
    let config = prepare::config(shared)?;
    let client = prepare::client(&config).await?;
    let cancel = CancellationToken::new();
    let signal = signals::cancel_on_signal(cancel.clone());
    // One job's trouble is not the others'; the worst of them is the exit code.
    let mut worst = 0;
    for job in &arguments.job {
        let options = SyncOptions {
            ids: arguments.id.clone(),
            allow_mass_delete: arguments.allow_mass_delete,
            sweep: arguments.sweep,
        };
        let ran = one(&config, &client, (job, options), Display::start, &cancel).await;
        let ended = ran.and_then(|(report, ended)| {
            if shared.json {
                render::json(&report);
            }
            let next = report.next.clone();
            ended.map_err(|stopped| Failure::of_run(stopped, signal.received()).then(next))?;
            render::line(&summary(&report));
            Ok(if report.needs_a_look() { LOOK } else { 0 })
        });
        worst = worst.max(match ended {
            Err(failure) if failure.is_interruption() => return Err(failure),
            Err(failure) => failure.tell(),
            Ok(code) => code,
        });
    }
    Ok(ExitCode::from(worst))
}

/// Brings the index of one job in step, and shows how far it is.
pub(super) async fn one(
    config: &Config,
    client: &Client,
    (job, options): (&str, SyncOptions),
    show: fn(&str, Arc<Progress>) -> Display,
    cancel: &CancellationToken,
) -> Result<(Report, Result<(), Stopped>), Failure> {
    let progress = Arc::new(Progress::default());
    let Some(kept) = kept(config, client, job).await? else {
        let engine = first(config, client, (job, &options)).await?;
        let _display = show(job, Arc::clone(&progress));
        let options = Options { keep: 1, ..Options::default() };
        return Ok(reindex(&engine, options, progress, cancel.clone()).await);
    };
    check_ids(&kept.engine.plan, &options.ids).map_err(Failure::not_started)?;
    let _display = show(job, Arc::clone(&progress));
    Ok(sync(&kept, options, progress, cancel.clone()).await)
}

/// The whole index of a job that was never loaded, unless single documents were asked for.
async fn first(
    config: &Config,
    client: &Client,
    (name, options): (&str, &SyncOptions),
) -> Result<Arc<Engine>, Failure> {
    if !options.ids.is_empty() {
        return Err(Failure::not_started(never_loaded(name)));
    }
    prepare::engine(config, client.clone(), prepare::job(config, name).await, name)
}

pub(super) fn summary(report: &Report) -> String {
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
    if report.without_row > 0 {
        lines.push(format!(
            "  {} of the ids have no row: no document is left of them",
            render::count(report.without_row)
        ));
    }
    if report.dead_letters > 0 {
        lines.push(format!(
            "  {} dead letters: documents that the engine refused, see `prejoin dead-letters {} list`",
            render::count(report.dead_letters),
            report.job
        ));
    }
    lines.extend(odd(report));
    lines.join("\n")
}
