//! `prejoin check`: everything that is wrong, at once.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::failure::{Failure, LOOK};
use super::{Shared, prepare, render};
use crate::finding::{Finding, Level};
use crate::job::Job;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The jobs to check; all when none is named
    jobs: Vec<String>,
}

#[derive(Serialize)]
struct Report {
    job: String,
    ok: bool,
    findings: Vec<Finding>,
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
    let mut reports = Vec::new();
    for job in names {
        let findings = prepare::job(&config, &job).await.planned.findings;
        let ok = findings.iter().all(|finding| finding.level != Level::Error);
        reports.push(Report { job, ok, findings });
    }
    if shared.json {
        render::json(&reports);
    } else {
        reports.iter().for_each(print);
    }
    let ok = reports.iter().all(|report| report.ok);
    Ok(ExitCode::from(if ok { 0 } else { LOOK }))
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
}
