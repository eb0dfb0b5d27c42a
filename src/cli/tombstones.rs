//! `prejoin check --tombstone-sql`: the SQL that makes the tables of deleted rows which jobs lack.
//!
//! Promises: stdout holds SQL and its comments alone, to be sent to the servers by whoever may. Sends none of it.

use std::process::ExitCode;

use super::failure::{Failure, LOOK};
use super::render;
use crate::config::Config;
use crate::finding::{Code, Finding, did_you_mean};
use crate::job::Job;
use crate::plan::{Live, Tomb, tombs};
use crate::source::{From, Sources};

/// Prints what the jobs lack, of one source alone when it is named.
pub(super) async fn print(
    config: &Config,
    jobs: &[String],
    source: Option<&str>,
) -> Result<ExitCode, Failure> {
    if let Some(name) = source.filter(|name| !config.sources.contains_key(*name)) {
        let finding = Finding::error(format!("the configuration has no source `{name}`"))
            .code(Code::MissingSource)
            .hint(did_you_mean(name, config.sources.keys().map(String::as_str)));
        return Err(Failure::not_started(finding));
    }
    let (mut all, mut findings, mut sources) = (Vec::new(), Vec::new(), Sources::new());
    for name in jobs {
        match Job::load(&config.home, name) {
            Ok(job) => {
                let (live, opened) = Live::open(&job, config).await;
                let (lacking, in_the_way) = tombs(&job, config, &live);
                all.extend(lacking);
                sources.extend(opened);
                findings.extend(in_the_way);
            }
            Err(finding) => findings.push(finding),
        }
    }
    let all = all.into_iter().filter(|tomb| source.is_none_or(|source| tomb.source == source));
    let all = Tomb::together(all);
    let mut statements = Vec::new();
    for tomb in &all {
        if is_unnamed(tomb, &sources).await {
            statements.push(tomb.is_there());
        } else if let Some(source) = config.sources.get(&tomb.source) {
            statements.push(tomb.statements(&source.server));
        }
    }
    if !statements.is_empty() {
        render::data(&statements.join("\n\n"));
    }
    render::findings(&findings);
    match (statements.is_empty(), findings.is_empty()) {
        (_, false) => return Ok(ExitCode::from(LOOK)),
        (true, true) => render::line("nothing to be made: deletes are told wherever they can be"),
        (false, true) => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether it is there, and no job says so.
async fn is_unnamed(tomb: &Tomb, sources: &Sources) -> bool {
    let source = sources.get(&tomb.source).filter(|_| !tomb.is_declared);
    let Some(source) = source else { return false };
    matches!(source.describe(&From::Table(tomb.gone.clone())).await, Ok(Some(_)))
}
