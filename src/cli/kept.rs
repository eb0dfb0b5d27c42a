//! The job that an index is kept in step by: the one that built it, whatever its file says now.
//!
//! Promises: a file or mapping that has changed is announced, and so is what keeps the job of then from being run. Never takes
//! a job whose index nothing is remembered of for one that was never loaded.

use super::failure::Failure;
use super::prepare;
use crate::config::Config;
use crate::finding::{Code, Finding, Level};
use crate::job::Job;
use crate::mapping::Mapping;
use crate::plan::fingerprint;
use crate::sink::{Client, index};
use crate::state::State;
use crate::sync::{Kept, known, serving};
use crate::yaml;

/// What the index that readers see is kept in step with: the job that built it, whatever its file says now, which is announced.
/// `None` when the job was never loaded.
pub(super) async fn kept(
    config: &Config,
    client: &Client,
    name: &str,
) -> Result<Option<Kept>, Failure> {
    let job = Job::load(&config.home, name).map_err(Failure::not_started)?;
    let state = State::new(client.clone(), &config.engine.state_prefix);
    let known = known(client, &state, job.file.index.as_str()).await;
    let known = known.map_err(Failure::not_started)?;
    let serving = serving(&known, name).map_err(Failure::not_started)?;
    let Some((live, state)) = serving else { return Ok(None) };
    let built_by = state.job.fingerprint.clone();
    let same = |mapping: &Mapping| fingerprint(name, &job.text, mapping) == built_by;
    if let Some(mapping) = prepare::mapping(config, &job).ok().filter(same) {
        let prepared = prepare::by(config, &job, mapping).await;
        let next = is_of_tables(&prepared.planned.findings).then(|| {
            format!(
                "{} was built when the services had what the job names: bring it back, or correct the job, then: `prejoin reindex {name}`",
                live.name
            )
        });
        let engine = prepare::engine(config, client.clone(), prepared, name);
        let engine = engine.map_err(|failure| failure.then(next))?;
        return Ok(Some(Kept { engine, built_by, warnings: Vec::new() }));
    }
    let changed = format!(
        "the job's file or mapping is not that by which {} was built: it is kept in step as it was built, `prejoin reindex {name}` builds it anew",
        live.name
    );
    tracing::warn!(job = name, "{changed}");
    let next = || {
        Some(format!(
            "{} is kept in step by the job that built it, whatever its file says now: `prejoin reindex {name}` builds it anew",
            live.name
        ))
    };
    let text = state.job.text.clone();
    let file = yaml::parse(&job.path, &text);
    let file = file.map_err(|finding| Failure::not_started(finding).then(next()))?;
    let job = Job { name: name.to_owned(), path: job.path, text, file };
    let mapping = index::mapping(client, &live.name).await.map_err(Failure::not_started)?;
    let prepared = prepare::by(config, &job, mapping).await;
    let engine = prepare::engine(config, client.clone(), prepared, name);
    let engine = engine.map_err(|failure| failure.then(next()))?;
    Ok(Some(Kept { engine, built_by, warnings: vec![changed] }))
}

/// Whether something is wrong with the tables that a job reads, as far as they could be looked at.
fn is_of_tables(findings: &[Finding]) -> bool {
    let of_tables = |finding: &Finding| {
        let code = finding.code;
        let gone = matches!(code, Code::MissingTable | Code::MissingColumn | Code::MissingKey);
        let other = matches!(code, Code::JoinTypes | Code::ChangedAtType | Code::MissingTimeZone);
        let refused = matches!(code, Code::MappingRefuses | Code::RefusedRead | Code::Computed);
        finding.level == Level::Error && (gone || other || refused)
    };
    findings.iter().any(of_tables)
}
