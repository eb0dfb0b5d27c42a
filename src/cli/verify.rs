//! `prejoin verify`: does the index hold what the services say?

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::anyhow;
use clap::Args;
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use super::failure::{Failure, LOOK};
use super::kept::kept;
use super::progress::Display;
use super::{Shared, prepare, render, signals};
use crate::config::Config;
use crate::job::duration;
use crate::sink::Client;
use crate::sync::{
    Progress, Scope, Stopped, Verification, VerifyOptions, check_ids, never_loaded, verify,
};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The job
    job: String,
    /// Look at so many roots, spread over all keys, and as many documents
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    sample: Option<u64>,
    /// Look at what has changed since then, and at what was built since then: 2026-11-21T08:30:00Z, 36h, 7d
    #[arg(long, value_name = "TIME", conflicts_with = "sample", value_parser = instant)]
    since: Option<Timestamp>,
    /// Look at these documents alone
    #[arg(
        long, num_args = 1.., value_name = "ID", allow_negative_numbers = true,
        conflicts_with_all = ["sample", "since"]
    )]
    id: Vec<String>,
    /// Write what is missing or different, and delete what has no root
    #[arg(long)]
    repair: bool,
    /// Believe it when more than a tenth of the documents have lost their root, or rows
    #[arg(long)]
    allow_mass_delete: bool,
}

pub(super) async fn run(shared: &Shared, arguments: &Arguments) -> Result<ExitCode, Failure> {
    let config = prepare::config(shared)?;
    let client = prepare::client(&config).await?;
    let cancel = CancellationToken::new();
    let signal = signals::cancel_on_signal(cancel.clone());
    let Arguments { repair, allow_mass_delete, .. } = *arguments;
    let options = VerifyOptions { scope: scope(arguments), repair, allow_mass_delete };
    let job = (arguments.job.as_str(), options);
    let (report, ended) = one(&config, &client, job, Display::start, &cancel).await?;
    if shared.json {
        render::json(&report);
    }
    if ended.is_ok() || (matches!(ended, Err(Stopped::Midway(_))) && report.drift() > 0) {
        render::line(&summary(&report));
    }
    ended.map_err(|stopped| Failure::of_run(stopped, signal.received()))?;
    Ok(ExitCode::from(if report.needs_a_look() { LOOK } else { 0 }))
}

/// Holds the index of one job against the services, and shows how far it is.
pub(super) async fn one(
    config: &Config,
    client: &Client,
    (job, options): (&str, VerifyOptions),
    show: fn(&str, Arc<Progress>) -> Display,
    cancel: &CancellationToken,
) -> Result<(Verification, Result<(), Stopped>), Failure> {
    let kept = kept(config, client, job).await?;
    let kept = kept.ok_or_else(|| Failure::not_started(never_loaded(job)))?;
    if let Scope::Ids(ids) = &options.scope {
        check_ids(&kept.engine.plan, ids).map_err(Failure::not_started)?;
    }
    let progress = Arc::new(Progress::default());
    let _display = show(job, Arc::clone(&progress));
    Ok(Box::pin(verify(&kept, options, progress, cancel.clone())).await)
}

fn scope(arguments: &Arguments) -> Scope {
    match (arguments.sample, arguments.since, arguments.id.as_slice()) {
        (Some(wanted), _, _) => Scope::Sample(wanted),
        (_, Some(instant), _) => Scope::Since(instant),
        (_, _, []) => Scope::Whole,
        (_, _, ids) => Scope::Ids(ids.to_vec()),
    }
}

/// An instant, or the one that was so long ago.
fn instant(text: &str) -> anyhow::Result<Timestamp> {
    if let Ok(instant) = text.parse() {
        return Ok(instant);
    }
    let ago = duration(text).ok_or_else(|| {
        anyhow!("neither an instant with its zone, such as 2026-11-21T08:30:00Z, nor a time such as 36h or 7d")
    })?;
    let instant = Timestamp::now().checked_sub::<SignedDuration>(ago);
    instant.map_err(|_| anyhow!("that is before the first instant there is"))
}

pub(super) fn summary(report: &Verification) -> String {
    let mut lines = vec![format!(
        "{}: {} roots and {} documents of {} looked at ({:.1} s): {} missing, {} extra, {} different",
        report.job,
        render::count(report.read),
        render::count(report.documents),
        report.index,
        report.seconds,
        render::count(report.missing.count),
        render::count(report.extra.count),
        render::count(report.different.count),
    )];
    let ids = |kind: &str, first: &[String]| {
        let ids: Vec<String> = first.iter().map(|id| render::key(id)).collect();
        (!ids.is_empty()).then(|| format!("  {kind}: {}", ids.join(", ")))
    };
    lines.extend(ids("missing", &report.missing.first));
    lines.extend(ids("extra", &report.extra.first));
    lines.extend(report.different.first.iter().map(|different| {
        format!("  different: {} ({})", render::key(&different.id), different.fields.join(", "))
    }));
    if report.drift() > 0 {
        lines.push(match report.repaired {
            0 => format!("  `prejoin verify {} --repair` repairs them", report.job),
            repaired => format!("  {} of them were repaired", render::count(repaired)),
        });
    }
    let apart = [
        (report.lagging, "differ by changes that the next `prejoin sync` brings"),
        (report.dead_letters, "are dead letters, or would be"),
        (report.keyless, "roots have no key that a document could have"),
        (report.unclaimed, "joined rows match none of the keys that were asked for"),
        (report.ambiguous, "rows are further ones of relations that have one"),
        (report.alike, "hold the right values as something else than prejoin has written them"),
    ];
    let apart = apart.iter().filter(|(count, _)| *count > 0);
    lines.extend(apart.map(|(count, what)| format!("  {} {what}", render::count(*count))));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_is_an_instant_or_a_time_that_has_gone_by() {
        let told = instant("2026-11-21T17:30:00+09:00").unwrap();
        assert_eq!(told.to_string(), "2026-11-21T08:30:00Z");
        let ago = Timestamp::now().duration_since(instant("36h").unwrap());
        assert!((ago - SignedDuration::from_hours(36)).abs() < SignedDuration::from_secs(5));
        for wrong in ["", "yesterday", "2026-11-21T08:30:00", "-3h", "999999999d"] {
            assert!(instant(wrong).is_err(), "{wrong}");
        }
    }
}
