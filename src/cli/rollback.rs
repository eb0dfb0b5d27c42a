//! `prejoin rollback`: readers see the generation before again.

use std::process::ExitCode;

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::failure::Failure;
use super::{Shared, prepare, render, signals};
use crate::job::Job;
use crate::sink::Client;
use crate::state::{Claim, State};
use crate::sync::{Rollback, rollback};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The job
    job: String,
    /// The index to go back to, or forward again; the youngest one that served before when left out
    #[arg(long, value_name = "INDEX")]
    to: Option<String>,
}

pub(super) async fn run(shared: &Shared, arguments: &Arguments) -> Result<ExitCode, Failure> {
    let config = prepare::config(shared)?;
    let job = Job::load(&config.home, &arguments.job).map_err(Failure::not_started)?;
    let mapping = prepare::mapping(&config, &job).map_err(Failure::not_started)?;
    let client = Client::connect(&config.engine).await.map_err(Failure::not_started)?;
    let client = client.patient(config.engine.retry_for);
    let state = State::new(client.clone(), &config.engine.state_prefix);
    let cancel = CancellationToken::new();
    let signal = signals::cancel_on_signal(cancel.clone());
    let asked = Rollback {
        client: &client,
        state: &state,
        job: &job.name,
        alias: &job.file.index,
        mapping: &mapping,
        to: arguments.to.as_deref(),
        claim: Claim::of_this_process("rollback", config.engine.lease_ttl),
    };
    let done = rollback(&asked, &cancel).await;
    let done = done.map_err(|stopped| Failure::of_run(stopped, signal.received()))?;
    if shared.json {
        render::json(&done);
    }
    let documents = render::count(done.documents);
    render::line(&format!(
        "{}: {} points to {} now ({documents} documents)",
        done.job, done.alias, done.index
    ));
    if let Some(previous) = &done.previous {
        render::line(&format!("  {previous} served before, and is kept"));
    }
    Ok(ExitCode::SUCCESS)
}
