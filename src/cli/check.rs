//! `prejoin check`: everything that is wrong, at once, and what a full load will come to.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::failure::{Failure, LOOK};
use super::prepare::Prepared;
use super::{Shared, prepare, render, tombstones};
use crate::config::Config;
use crate::finding::{Code, Finding, Level};
use crate::job::Job;
use crate::plan::Plan;
use crate::sink::Client;
use crate::source::Counting;
use crate::state::{RunRecord, State};
use crate::sync::{Estimate, estimate};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The jobs to check; all when none is named
    jobs: Vec<String>,
    /// Print the SQL that makes the tables of deleted rows which the jobs lack, and their triggers; of one source alone when it
    /// is named
    #[arg(long, value_name = "SOURCE", num_args = 0..=1, require_equals = true)]
    tombstone_sql: Option<Option<String>>,
}

#[derive(Serialize)]
struct Report {
    job: String,
    ok: bool,
    findings: Vec<Finding>,
    #[serde(skip_serializing_if = "Option::is_none")]
    estimate: Option<Estimate>,
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
    if let Some(source) = &arguments.tombstone_sql {
        return tombstones::print(&config, &names, source.as_deref()).await;
    }
    let mut engine = Asked::default();
    let mut reports = Vec::new();
    for job in names {
        reports.push(check(&config, job, &mut engine).await);
    }
    if shared.json {
        render::json(&reports);
    } else {
        reports.iter().for_each(print);
    }
    let ok = reports.iter().all(|report| report.ok);
    Ok(ExitCode::from(if ok { 0 } else { LOOK }))
}

async fn check(config: &Config, job: String, engine: &mut Asked) -> Report {
    let Prepared { planned, sources } = prepare::review(config, &job).await;
    let mut findings = planned.findings;
    let mut estimated = None;
    if let Some(plan) = &planned.plan {
        let last = match engine.last_run(config, &job).await {
            Ok(last) => last,
            Err(finding) => {
                findings.push(finding);
                None
            }
        };
        let masking = prepare::masking(config);
        let made = match masking {
            Ok(masking) => estimate(plan, &sources, (&config.load, masking), last.as_ref()).await,
            Err(error) => Err(error),
        };
        match made {
            Ok(made) => {
                findings.extend(nested(plan, &made));
                estimated = Some(made);
            }
            // The reads were prepared; that one fails now may be nobody's mistake.
            Err(error) => {
                let finding = Finding::warning(format!("no estimate: {error:#}"));
                findings.push(finding.code(Code::NoEstimate));
            }
        }
    }
    let ok = findings.iter().all(|finding| finding.level != Level::Error);
    Report { job, ok, findings, estimate: estimated }
}

/// Documents that the engine may refuse for the number of their nested objects.
fn nested(plan: &Plan, estimate: &Estimate) -> Option<Finding> {
    let widest = estimate.widest.as_ref();
    let widest = widest.and_then(|widest| plan.too_many_nested(widest.rows, Some(&widest.path)));
    plan.too_many_nested(estimate.nested_objects, None).or(widest)
}

/// The engine, asked once for all jobs: a service's own pipeline may not see it.
#[derive(Default)]
struct Asked(Option<Result<State, Finding>>);

impl Asked {
    /// The job's last run, when one is remembered.
    async fn last_run(&mut self, config: &Config, job: &str) -> Result<Option<RunRecord>, Finding> {
        let unreachable = |error: &anyhow::Error| {
            Finding::warning(format!("{error:#}"))
                .code(Code::EngineUnreachable)
                .hint("nothing is known of earlier runs: the pace of writing is assumed")
        };
        if self.0.is_none() {
            let connected = Client::connect(&config.engine).await;
            let state = connected.map(|client| State::new(client, &config.engine.state_prefix));
            self.0 = Some(state.map_err(|error| unreachable(&error)));
        }
        match &self.0 {
            Some(Ok(state)) => state.last_run(job).await.map_err(|error| unreachable(&error)),
            Some(Err(finding)) => Err(finding.clone()),
            None => Ok(None),
        }
    }
}

fn print(report: &Report) {
    render::findings(&report.findings);
    let errors = report.findings.iter().filter(|finding| finding.level == Level::Error).count();
    let warnings = report.findings.len() - errors;
    render::line(&match (errors, warnings) {
        (0, 0) => format!("{}: ready to run", report.job),
        (0, _) => format!("{}: ready to run, with {warnings} warning(s)", report.job),
        _ => format!("{}: {errors} error(s), {warnings} warning(s)", report.job),
    });
    if let Some(estimate) = &report.estimate {
        render::line(&told(&report.job, estimate));
    }
}

fn told(job: &str, estimate: &Estimate) -> String {
    let documents = render::count(estimate.documents);
    let documents = match estimate.documents_by {
        Counting::Counted => format!("{documents} documents"),
        Counting::Statistics => format!("about {documents} documents (by the server's statistics)"),
        Counting::AtLeast => format!("at least {documents} documents"),
    };
    let pace = render::bytes(estimate.written_bytes_per_second);
    let writing = match estimate.written_by {
        "last_run" => format!("writing {pace} a second as the last run did"),
        _ => format!("writing taken to be {pace} a second, as no run has shown it yet"),
    };
    let held_back = match &estimate.held_back_by {
        Some(source) => format!(", held back by `max_rows_per_second` of {source}"),
        None => String::new(),
    };
    format!(
        "{job}: {documents}, about {}, {} (reading {} a second in a sample of {}{held_back}, {writing})",
        render::bytes(estimate.bytes),
        render::duration(estimate.seconds),
        render::count(estimate.read_per_second),
        render::count(estimate.sampled),
    )
}
