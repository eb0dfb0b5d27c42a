//! `prejoin reindex`: a full rebuild and swap.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::anyhow;
use clap::Args;
use tokio_util::sync::CancellationToken;

use super::failure::{Failure, LOOK};
use super::progress::Display;
use super::{Shared, prepare, render, signals};
use crate::finding::Level;
use crate::plan::{Plan, Planned};
use crate::sink::Client;
use crate::state::State;
use crate::sync::{Engine, Options, Progress, Report, reindex};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The job
    job: String,
    /// How many of the indexes that served before are kept
    #[arg(long, default_value_t = 1)]
    keep: usize,
}

pub(super) async fn run(shared: &Shared, arguments: &Arguments) -> Result<ExitCode, Failure> {
    let config = prepare::config(shared)?;
    let client = Client::connect(&config.engine).await.map_err(Failure::not_started)?;
    let prepared = prepare::job(&config, &arguments.job).await;
    let plan = usable(prepared.planned, &arguments.job)?;
    let engine = Engine {
        plan: Arc::new(plan),
        sources: prepared.sources,
        state: State::new(client.clone(), &config.engine.state_prefix),
        client,
        load: config.load,
        retry_for: config.engine.retry_for,
        masking: prepare::masking(&config).map_err(Failure::not_started)?,
    };
    let progress = Arc::new(Progress::default());
    let cancel = CancellationToken::new();
    let signal = signals::cancel_on_signal(cancel.clone());
    let display = Display::start(&arguments.job, Arc::clone(&progress));
    let options = Options { keep: arguments.keep };
    let (report, ended) = reindex(&engine, options, progress, cancel).await;
    drop(display);
    if shared.json {
        render::json(&report);
    }
    ended.map_err(|stopped| Failure::of_run(stopped, signal.received()))?;
    render::line(&summary(&report));
    Ok(ExitCode::from(if report.needs_a_look() { LOOK } else { 0 }))
}

/// The plan; findings are printed, and errors among them keep the run from starting.
fn usable(planned: Planned, job: &str) -> Result<Plan, Failure> {
    let Planned { plan, findings } = planned;
    let errors = findings.iter().filter(|finding| finding.level == Level::Error).count();
    if let ([only], None) = (findings.as_slice(), &plan) {
        return Err(Failure::not_started(only.clone()));
    }
    render::findings(&findings);
    plan.filter(|_| errors == 0).ok_or_else(|| {
        Failure::not_started(anyhow!("job `{job}` cannot run: {errors} error(s), see above"))
    })
}

fn summary(report: &Report) -> String {
    // Documents a second, for people: a rounded figure is what is wanted.
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = report.written as f64 / report.seconds.max(0.001);
    let mut lines = vec![format!(
        "{}: {} documents in {} ({:.1} s, {:.0}/s); {} points to it now",
        report.job,
        render::count(report.written),
        report.index,
        report.seconds,
        rate,
        report.alias,
    )];
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
