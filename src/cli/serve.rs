//! `prejoin serve`: the query API of every job's index.

use std::process::ExitCode;

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::failure::{self, Failure};
use super::{Shared, prepare, render, signals};
use crate::api::Server;
use crate::finding::Finding;
use crate::job::Job;

#[derive(Debug, Args)]
pub(super) struct Arguments {}

pub(super) async fn run(shared: &Shared, _: &Arguments) -> Result<ExitCode, Failure> {
    let config = prepare::config(shared)?;
    let served = indexes(&config).map_err(Failure::not_started)?;
    let cancel = CancellationToken::new();
    let signal = signals::cancel_on_signal(cancel.clone());
    let server = Server::bind(&config, served).await.map_err(Failure::not_started)?;
    render::line(&format!("listening on {}", server.url()));
    server.run(cancel.cancelled_owned()).await.map_err(Failure::stopped)?;
    Ok(ExitCode::from(failure::INTERRUPTED + signal.received()))
}

/// The index of each job; two jobs of one index are a mistake.
fn indexes(config: &crate::config::Config) -> Result<Vec<String>, Finding> {
    let mut served: Vec<String> = Vec::new();
    for name in Job::names(&config.home) {
        let job = Job::load(&config.home, &name)?;
        let index = job.file.index.to_string();
        if served.contains(&index) {
            let finding = Finding::error(format!("two jobs have the index `{index}`"))
                .hint("each job needs an index of its own");
            return Err(finding.at(&job.path, job.file.index.place()));
        }
        served.push(index);
    }
    if served.is_empty() {
        return Err(Finding::error(format!(
            "there are no jobs in {}",
            config.home.join("jobs").display()
        ))
        .hint("--home names the folder that holds config/, jobs/ and mappings/"));
    }
    Ok(served)
}
