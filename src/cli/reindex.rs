//! `prejoin reindex`: a full rebuild and swap.

use std::num::NonZeroU32;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::failure::{Failure, LOOK};
use super::progress::Display;
use super::{Shared, prepare, render, signals};
use crate::config::Config;
use crate::sync::{DryRun, Options, Progress, Report, dry_run, reindex};

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
    /// Read and assemble everything, send nothing, and tell what would be sent; needs no engine
    #[arg(long, conflicts_with_all = ["keep", "resume", "no_swap", "allow_shrink", "allow_schema_change", "adopt"])]
    dry_run: bool,
    /// Read no more rows a second from each source; a lower limit of a source's own stays
    #[arg(long, value_name = "N")]
    max_rows_per_second: Option<NonZeroU32>,
}

pub(super) async fn run(shared: &Shared, arguments: &Arguments) -> Result<ExitCode, Failure> {
    let mut config = prepare::config(shared)?;
    config.slow_down_to(arguments.max_rows_per_second);
    if arguments.dry_run {
        return rehearse(shared, &arguments.job, &config).await;
    }
    let client = prepare::client(&config).await?;
    let prepared = prepare::job(&config, &arguments.job).await;
    let engine = prepare::engine(&config, client, prepared, &arguments.job)?;
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

async fn rehearse(shared: &Shared, job: &str, config: &Config) -> Result<ExitCode, Failure> {
    let prepared = prepare::job(config, job).await;
    let run = DryRun {
        plan: Arc::new(prepare::usable(prepared.planned, job)?),
        sources: prepared.sources,
        load: config.load,
        masking: prepare::masking(config).map_err(Failure::not_started)?,
    };
    let progress = Arc::new(Progress::default());
    let cancel = CancellationToken::new();
    let signal = signals::cancel_on_signal(cancel.clone());
    let display = Display::start(job, Arc::clone(&progress));
    let (report, ended) = dry_run(run, progress, cancel).await;
    drop(display);
    if shared.json {
        render::json(&report);
    }
    ended.map_err(|stopped| Failure::of_run(stopped, signal.received()))?;
    render::line(&would_be_sent(&report));
    Ok(ExitCode::from(if report.needs_a_look() { LOOK } else { 0 }))
}

fn would_be_sent(report: &Report) -> String {
    let first = format!(
        "{}: {} documents, {} in {} bulk requests, would be sent to a new index behind {} (read in {:.1} s, {:.0}/s); nothing was",
        report.job,
        render::count(report.written),
        render::bytes(report.bytes),
        render::count(report.bulks),
        report.alias,
        report.seconds,
        rate(report),
    );
    let mut lines = vec![first];
    lines.extend(
        report.refusals.iter().map(|(kind, count)| {
            format!("  {} would be dead letters: {kind}", render::count(*count))
        }),
    );
    lines.extend(odd(report));
    lines.join("\n")
}

/// Documents a second, for people: a rounded figure is what is wanted.
#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
fn rate(report: &Report) -> f64 {
    report.written as f64 / report.seconds.max(0.001)
}

fn summary(report: &Report) -> String {
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
        rate(report),
    )];
    if let Some(before) = report.resumed_at {
        lines.push(format!("  went on from {} root rows", render::count(before)));
    }
    lines.extend(report.next.clone());
    if let Some(previous) = &report.previous {
        lines.push(format!("  {previous} served before"));
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

/// What was odd about the rows.
pub(super) fn odd(report: &Report) -> Vec<String> {
    let odd = [
        (report.keyless, "root rows without a key: they cannot become documents"),
        (
            report.unclaimed,
            "joined rows that no key asked for: compare the collations of both sides",
        ),
        (report.ambiguous, "rows beyond the first of a to-one relation: its key is not unique"),
    ];
    let odd = odd.iter().filter(|(count, _)| *count > 0);
    odd.map(|(number, what)| format!("  {} {what}", render::count(*number))).collect()
}
