//! Progress on a terminal as a bar, otherwise as a log line now and then.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinHandle;

use super::render;
use crate::sync::Progress;

/// Shows `progress` until it is dropped.
pub(super) struct Display {
    task: JoinHandle<()>,
    bar: ProgressBar,
}

/// Log lines come at most this often.
const LINE_EVERY: Duration = Duration::from_secs(10);

impl Display {
    pub(super) fn start(what: &str, progress: Arc<Progress>) -> Self {
        Self::on(std::io::stderr().is_terminal(), what, progress)
    }

    /// As log lines, wherever they go: of several runs at a time, bars would stand in one another's way.
    pub(super) fn lines(what: &str, progress: Arc<Progress>) -> Self {
        Self::on(false, what, progress)
    }

    fn on(terminal: bool, what: &str, progress: Arc<Progress>) -> Self {
        let target =
            if terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {msg} [{elapsed}]") {
            bar.set_style(style);
        }
        bar.set_prefix(what.to_owned());
        let (shown, what) = (bar.clone(), what.to_owned());
        let task = tokio::spawn(async move {
            let started = Instant::now();
            let mut tick =
                tokio::time::interval(Duration::from_millis(if terminal { 200 } else { 1_000 }));
            let mut said = Instant::now();
            loop {
                tick.tick().await;
                let text = describe(&progress, started.elapsed());
                if terminal {
                    shown.set_message(text);
                    shown.tick();
                } else if said.elapsed() >= LINE_EVERY {
                    said = Instant::now();
                    tracing::info!("{what}: {text}");
                }
            }
        });
        Self { task, bar }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        self.task.abort();
        self.bar.finish_and_clear();
    }
}

fn describe(progress: &Progress, elapsed: Duration) -> String {
    let written = progress.written();
    // Whole documents a second are exact enough.
    let rate = u128::from(written) * 1_000 / elapsed.as_millis().max(1);
    let rate = u64::try_from(rate).unwrap_or(u64::MAX);
    let mut text = format!(
        "{} read, {} written ({}/s)",
        render::count(progress.read()),
        render::count(written),
        render::count(rate)
    );
    if progress.dead() > 0 {
        text = format!("{text}, {} dead letters", render::count(progress.dead()));
    }
    text
}
