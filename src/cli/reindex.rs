//! `prejoin reindex`: a full rebuild and swap.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::failure::{Failure, LOOK};
use super::progress::Display;
use super::{Shared, prepare, render, signals};
use crate::sink::Client;
use crate::sink::version::BATCHES;
use crate::state::State;
use crate::sync::{Engine, Options, Progress, Report, reindex};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The job
    job: String,
    /// How many of the indexes that served before are kept
    #[arg(long, default_value_t = 1)]
    keep: usize,
    /// Go on with what an earlier run has left unfinished
    #[arg(long)]
    resume: bool,
    /// Build and count the new index, and leave the swap to a later `--resume`
    #[arg(long)]
    no_swap: bool,
    /// Swap although a relation has lost more than a tenth of its rows
    #[arg(long)]
    allow_shrink: bool,
    /// Build although a column has changed its type since the last time
    #[arg(long)]
    allow_schema_change: bool,
    /// Take the index over from a job that has another name
    #[arg(long)]
    adopt: bool,
}

pub(super) async fn run(shared: &Shared, arguments: &Arguments) -> Result<ExitCode, Failure> {
    let config = prepare::config(shared)?;
    let client = Client::connect(&config.engine).await.map_err(Failure::not_started)?;
    let client = client.patient(config.engine.retry_for);
    let prepared = prepare::job(&config, &arguments.job).await;
    let plan = prepare::usable(prepared.planned, &arguments.job)?;
    let engine = Arc::new(Engine {
        plan: Arc::new(plan),
        sources: prepared.sources,
        state: State::new(client.clone(), &config.engine.state_prefix),
        client,
        load: config.load,
        retry_for: config.engine.retry_for,
        lease_ttl: config.engine.lease_ttl,
        batches: BATCHES,
        masking: prepare::masking(&config).map_err(Failure::not_started)?,
    });
    let progress = Arc::new(Progress::default());
    let cancel = CancellationToken::new();
    let signal = signals::cancel_on_signal(cancel.clone());
    let display = Display::start(&arguments.job, Arc::clone(&progress));
    let options = Options {
        keep: arguments.keep,
        resume: arguments.resume,
        no_swap: arguments.no_swap,
        allow_shrink: arguments.allow_shrink,
        allow_schema_change: arguments.allow_schema_change,
        adopt: arguments.adopt,
    };
    let (report, ended) = reindex(&engine, options, progress, cancel).await;
    drop(display);
    if shared.json {
        render::json(&report);
    }
    let next = report.next.clone();
    ended.map_err(|stopped| Failure::of_run(stopped, signal.received()).then(next))?;
    render::line(&summary(&report));
    Ok(ExitCode::from(if report.needs_a_look() { LOOK } else { 0 }))
}

fn summary(report: &Report) -> String {
    // Documents a second, for people: a rounded figure is what is wanted.
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = report.written as f64 / report.seconds.max(0.001);
    let shown = match report.swapped {
        true => format!("; {} points to it now", report.alias),
        false => String::new(),
    };
    let mut lines = vec![format!(
        "{}: {} documents in {} ({:.1} s, {:.0}/s){shown}",
        report.job,
        render::count(report.written),
        report.index,
        report.seconds,
        rate,
    )];
    if let Some(before) = report.resumed_at {
        lines.push(format!("  went on from {} root rows", render::count(before)));
    }
    lines.extend(report.next.clone());
    if let Some(previous) = &report.previous {
        lines.push(format!("  {previous} served before"));
    }
    let odd = [
        (
            report.dead_letters,
            "dead letters: documents that the engine refused, see `prejoin status`",
        ),
        (report.keyless, "root rows without a key: they cannot become documents"),
        (
            report.unclaimed,
            "joined rows that no key asked for: compare the collations of both sides",
        ),
        (report.ambiguous, "rows beyond the first of a to-one relation: its key is not unique"),
    ];
    let odd = odd.iter().filter(|(count, _)| *count > 0);
    lines.extend(odd.map(|(number, what)| format!("  {} {what}", render::count(*number))));
    lines.join("\n")
}
