//! How a command can fail, and the exit code that says so.

use std::process::ExitCode;

use crate::cli::render;
use crate::finding::{Finding, hint_of};
use crate::sink::EngineError;
use crate::sync::Stopped;

/// Finished, with something to look at.
pub(super) const LOOK: u8 = 1;
/// Not started: usage, configuration, unreachable.
pub(super) const NOT_STARTED: u8 = 2;
/// Another run holds the lease, or took it.
pub(super) const HELD: u8 = 3;
/// Stopped on the way; nothing was lost.
pub(super) const STOPPED: u8 = 4;
/// Stopped by SIGINT or SIGTERM, after a clean stop: 128 and the signal.
pub(super) const INTERRUPTED: u8 = 128;

/// An error and the exit code that goes with it.
#[derive(Debug)]
pub(super) struct Failure {
    code: u8,
    error: anyhow::Error,
    next: Option<String>,
}

impl Failure {
    pub(super) fn not_started(error: impl Into<anyhow::Error>) -> Self {
        Self { code: NOT_STARTED, error: error.into(), next: None }
    }

    pub(super) fn stopped(error: impl Into<anyhow::Error>) -> Self {
        Self { code: STOPPED, error: error.into(), next: None }
    }

    pub(super) fn of_run(stopped: Stopped, signal: u8) -> Self {
        match stopped {
            Stopped::NotStarted(error) => Self::not_started(error),
            Stopped::Midway(error) => Self::stopped(error),
            Stopped::Held(finding) => Self { code: HELD, error: finding.into(), next: None },
            Stopped::Cancelled => {
                Self { code: INTERRUPTED + signal, error: stopped.into(), next: None }
            }
        }
    }

    /// With what to do next, where that is not plain.
    pub(super) fn then(self, next: Option<String>) -> Self {
        Self { next, ..self }
    }

    /// Whether somebody asked for the end.
    pub(super) fn is_interruption(&self) -> bool {
        self.code >= INTERRUPTED
    }

    /// The exit code that it asks for.
    pub(super) fn code(&self) -> u8 {
        self.code
    }

    /// All of it in one line, for a log.
    pub(super) fn line(&self) -> String {
        let hints = hint(&self.error).into_iter().chain(self.next.clone());
        let hints: String = hints.map(|hint| format!(" (hint: {hint})")).collect();
        in_one_line(&format!("{:#}{hints}", self.error))
    }

    /// Says it once, with causes and hint.
    pub(super) fn print(self) -> ExitCode {
        ExitCode::from(self.tell())
    }

    /// As [`Failure::print`], for a command that goes on; the exit code that it asks for.
    pub(super) fn tell(self) -> u8 {
        render::line(&format!("error: {:#}", self.error));
        if let Some(hint) = hint(&self.error) {
            render::line(&format!("\nhint: {hint}"));
        }
        if let Some(next) = &self.next {
            render::line(&format!("\nhint: {next}"));
        }
        self.code
    }
}

/// A text of several lines in one.
pub(super) fn in_one_line(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}

/// The first hint that anything in the chain of causes has.
fn hint(error: &anyhow::Error) -> Option<String> {
    hint_of(error).or_else(|| {
        error.chain().find_map(|cause| {
            let finding = cause.downcast_ref::<Finding>().and_then(|finding| finding.hint.clone());
            finding.or_else(|| {
                let engine = cause.downcast_ref::<EngineError>()?;
                engine.hint().map(ToOwned::to_owned)
            })
        })
    })
}
