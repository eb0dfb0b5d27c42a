//! The scheduler of `prejoin run`: every job at its times, in one process.
//!
//! Promises: of one job and kind there is one run at a time; what was missed meanwhile is run once; runs that fail end
//! nothing but themselves. When it is asked to stop it begins nothing more and waits for what is under way, which is asked as
//! well. Knows neither services nor engine: what a run does is its [`Runner`]'s.

mod board;
mod clock;
mod http;
mod outcome;
mod timetable;

use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

pub use board::{Board, Status};
pub use clock::{Clock, SystemClock};
pub use http::Server;
pub use outcome::{Done, Outcome};
pub use timetable::{Due, Entry, Timetable};

use crate::times::Kind;

/// What does the work.
pub trait Runner: Send + Sync {
    /// Runs a job once, to its end or until it is asked to stop. Never panics.
    fn run(&self, job: &str, kind: Kind, cancel: CancellationToken) -> BoxFuture<'static, Done>;
}

/// All that it takes to keep time.
pub struct Scheduler<'s> {
    /// What is due when.
    pub timetable: Timetable,
    /// Where it is told how things are.
    pub board: &'s Board,
    /// What time it is.
    pub clock: &'s dyn Clock,
    /// What does the work.
    pub runner: &'s dyn Runner,
    /// Most runs at a time.
    pub at_a_time: usize,
}

/// A run that has ended, and when it began.
type Ended = (Due, Timestamp, Done);

impl Scheduler<'_> {
    /// Keeps time until it is asked to stop; returns when nothing is under way any more.
    pub async fn run(mut self, cancel: &CancellationToken) {
        let mut running = FuturesUnordered::new();
        while !cancel.is_cancelled() {
            let now = self.clock.now();
            self.board.beat();
            for due in self.timetable.take(now, self.at_a_time) {
                tracing::debug!(job = due.job, kind = due.kind.name(), "begins");
                self.board.began(&due);
                let run = self.runner.run(&due.job, due.kind, cancel.child_token());
                running.push(async move { (due, now, run.await) });
            }
            self.board.is_planned(self.timetable.planned());
            // What there is no room for waits for a run to end.
            let wake = self.timetable.wake(self.at_a_time);
            tokio::select! {
                () = cancel.cancelled() => {}
                Some(ended) = running.next() => self.ended(ended),
                () = self.clock.until(wake) => {}
            }
        }
        while !running.is_empty() {
            self.board.beat();
            tokio::select! {
                Some(ended) = running.next() => self.ended(ended),
                () = self.clock.until(None) => {}
            }
        }
    }

    fn ended(&mut self, (due, began, done): Ended) {
        self.timetable.ended(&due);
        self.board.ended(&due, (began, self.clock.now()), done.outcome);
        let (job, kind, means) = (&due.job, due.kind.name(), done.outcome.means());
        let (code, told) = (done.outcome.code(), done.told);
        match done.outcome {
            Outcome::Clean | Outcome::Interrupted => tracing::info!(job, kind, "{told}"),
            Outcome::Held => tracing::info!(job, kind, code, "{means}: {told}"),
            Outcome::Look => tracing::warn!(job, kind, code, "{means}: {told}"),
            Outcome::NotStarted | Outcome::Stopped => {
                tracing::error!(job, kind, code, "{means}: {told}");
            }
        }
    }
}

#[cfg(test)]
mod tests;
