//! `prejoin run`: every job at its times, until it is told to stop.

use std::collections::BTreeMap;
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::failure::{self, Failure, LOOK};
use super::progress::Display;
use super::sync::{one, summary};
use super::{Shared, prepare, render, signals, verify};
use crate::config::Config;
use crate::finding::Finding;
use crate::job::Job;
use crate::run::{
    Board, Clock, Done, Entry, Outcome, Runner, Scheduler, Server, SystemClock, Timetable,
};
use crate::sync::{Scope, SyncOptions, VerifyOptions};
use crate::times::{Kind, Times};

#[derive(Debug, Args)]
pub(super) struct Arguments {}

pub(super) async fn run(shared: &Shared, _: &Arguments) -> Result<ExitCode, Failure> {
    let config = Arc::new(prepare::config(shared)?);
    let entries = entries(&config)?;
    let cancel = CancellationToken::new();
    let signal = signals::cancel_on_signal(cancel.clone());
    let server = Server::bind(config.run.listen).await.map_err(Failure::not_started)?;
    render::line(&format!("listening on http://{}", server.address()));
    let board = Arc::new(Board::new(&entries));
    let followed =
        entries.iter().map(|entry| ((entry.job.clone(), entry.kind), entry.times.text()));
    let followed = followed.map(|(what, text)| (what, text.to_owned())).collect();
    let runner = Work { config: Arc::clone(&config), json: shared.json, followed };
    let now = SystemClock.now();
    let timetable = Timetable::new(entries, config.run.time_zone.clone(), now);
    let timetable = timetable.spread(config.run.jitter, &config.engine.state_prefix, now);
    for due in timetable.planned() {
        tracing::info!(job = due.job, kind = due.kind.name(), next = %due.at, "is scheduled");
    }
    let scheduler = Scheduler {
        timetable,
        board: &board,
        clock: &SystemClock,
        runner: &runner,
        at_a_time: config.run.at_a_time.get(),
    };
    let mut scheduling = pin!(scheduler.run(&cancel));
    tokio::select! {
        () = &mut scheduling => {}
        ended = server.run(Arc::clone(&board)) => {
            cancel.cancel();
            scheduling.await;
            ended.map_err(Failure::stopped)?;
        }
    }
    Ok(ExitCode::from(failure::INTERRUPTED + signal.received()))
}

/// What the jobs' files say; all that is wrong with any of them is told, and keeps all from being run.
fn entries(config: &Config) -> Result<Vec<Entry>, Failure> {
    let names = Job::names(&config.home);
    if names.is_empty() {
        return Err(Failure::not_started(prepare::no_jobs(config)));
    }
    let (mut entries, mut wrong, mut broken) = (Vec::new(), Vec::new(), Vec::new());
    for name in names {
        let found = match Job::load(&config.home, &name) {
            Ok(job) => scheduled(&job, config),
            Err(finding) => Err(vec![finding]),
        };
        match found {
            Ok(found) if found.is_empty() => {
                tracing::info!(job = name, "has no schedule, and is left out");
            }
            Ok(found) => entries.extend(found),
            Err(findings) => {
                wrong.extend(findings);
                broken.push(name);
            }
        }
    }
    if let ([only], [_]) = (wrong.as_slice(), broken.as_slice()) {
        return Err(Failure::not_started(only.clone()));
    }
    if !broken.is_empty() {
        render::findings(&wrong);
        let what = format!("{} job(s) cannot be run: {}", broken.len(), broken.join(", "));
        let hint = "nothing is run until all can be: see above";
        return Err(Failure::not_started(Finding::error(what).hint(hint)));
    }
    if entries.is_empty() {
        let what = format!("no job in {} has a schedule", config.home.join("jobs").display());
        let hint = "give one the line `schedule: \"0 */5 * * * *\"`, which is every five minutes";
        return Err(Failure::not_started(Finding::error(what).hint(hint)));
    }
    Ok(entries)
}

/// What a job's file says, or all that is wrong with its schedules.
fn scheduled(job: &Job, config: &Config) -> Result<Vec<Entry>, Vec<Finding>> {
    let (mut entries, mut wrong) = (Vec::new(), Vec::new());
    for (kind, written) in job.file.schedules() {
        let is_over = |times: &Times| {
            let next = times.next(SystemClock.now(), &config.run.time_zone);
            next.is_none().then(|| Finding::error("this schedule does not come any more"))
        };
        let times = Times::parse(written).and_then(|times| match is_over(&times) {
            Some(finding) => Err(finding.hint("its year is over")),
            None => Ok(times),
        });
        match times {
            Ok(times) => entries.push(Entry { job: job.name.clone(), kind, times }),
            Err(finding) => wrong.push(finding.at(&job.path, written.place())),
        }
    }
    if wrong.is_empty() { Ok(entries) } else { Err(wrong) }
}

/// Runs jobs as the commands do.
struct Work {
    config: Arc<Config>,
    /// Whether the report of each run goes to stdout.
    json: bool,
    /// The schedules that are followed.
    followed: BTreeMap<(String, Kind), String>,
}

impl Runner for Work {
    fn run(&self, job: &str, kind: Kind, cancel: CancellationToken) -> BoxFuture<'static, Done> {
        self.tell_if_edited(job);
        let (config, json, job) = (Arc::clone(&self.config), self.json, job.to_owned());
        apart(async move || match kind {
            Kind::Sync => synced(&config, &job, false, json, &cancel).await,
            Kind::Sweep => synced(&config, &job, true, json, &cancel).await,
            Kind::Verify => verified(&config, &job, json, &cancel).await,
        })
    }
}

/// On a thread of its own, as a command has it: what a run does stays on one. A panic is that of the run alone.
fn apart<W>(work: W) -> BoxFuture<'static, Done>
where
    W: AsyncFnOnce() -> Result<Done, Failure> + Send + 'static,
{
    let runtime = Handle::current();
    let ended = tokio::task::spawn_blocking(move || runtime.block_on(work()));
    Box::pin(ended.map(|ended| match ended {
        Ok(Ok(done)) => done,
        Ok(Err(failure)) => Done { outcome: Outcome::of(failure.code()), told: failure.line() },
        Err(_) => Done { outcome: Outcome::Stopped, told: "it panicked".to_owned() },
    }))
}

impl Work {
    /// Whoever edits a schedule is told when it will be followed.
    fn tell_if_edited(&self, name: &str) {
        let Ok(job) = Job::load(&self.config.home, name) else { return };
        let is_followed = |kind: Kind| {
            let mut written = job.file.schedules().filter(|(written, _)| *written == kind);
            let written = written.next().map(|(_, text)| text.split_whitespace());
            let followed = self.followed.get(&(name.to_owned(), kind));
            match (written, followed) {
                (Some(written), Some(followed)) => written.eq(followed.split(' ')),
                (None, None) => true,
                _ => false,
            }
        };
        for kind in Kind::ALL.into_iter().filter(|kind| !is_followed(*kind)) {
            let key = kind.key();
            tracing::warn!(
                job = name,
                "`{key}` was edited, and counts when `prejoin run` is started anew"
            );
        }
    }
}

/// One `prejoin sync`.
async fn synced(
    config: &Config,
    job: &str,
    sweep: bool,
    json: bool,
    cancel: &CancellationToken,
) -> Result<Done, Failure> {
    let client = prepare::client(config).await?;
    let options = SyncOptions { sweep, ..SyncOptions::default() };
    let (report, ended) = one(config, &client, (job, options), Display::lines, cancel).await?;
    if json {
        render::json(&report);
    }
    // It is the command that ends by a signal, not the run.
    ended.map_err(|stopped| Failure::of_run(stopped, 0).then(report.next.clone()))?;
    let code = if report.needs_a_look() { LOOK } else { 0 };
    Ok(Done { outcome: Outcome::of(code), told: failure::in_one_line(&summary(&report)) })
}

/// One `prejoin verify --repair`.
async fn verified(
    config: &Config,
    job: &str,
    json: bool,
    cancel: &CancellationToken,
) -> Result<Done, Failure> {
    let client = prepare::client(config).await?;
    let options = VerifyOptions { scope: Scope::Whole, repair: true, allow_mass_delete: false };
    let asked = (job, options);
    let (report, ended) = verify::one(config, &client, asked, Display::lines, cancel).await?;
    if json {
        render::json(&report);
    }
    ended.map_err(|stopped| Failure::of_run(stopped, 0))?;
    let code = if report.needs_a_look() { LOOK } else { 0 };
    Ok(Done { outcome: Outcome::of(code), told: failure::in_one_line(&verify::summary(&report)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_ends_the_run_alone() {
        let done = apart(async || panic!("amid a run")).await;
        assert_eq!((done.outcome, done.told.as_str()), (Outcome::Stopped, "it panicked"));
        let failed =
            async || Err(Failure::not_started(Finding::error("gone\n  away").hint("wait")));
        let done = apart(failed).await;
        assert_eq!(done.outcome, Outcome::NotStarted);
        assert_eq!(done.told, "gone; away (hint: wait)");
    }
}
