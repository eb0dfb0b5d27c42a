//! SIGINT and SIGTERM: end cleanly, and remember which one it was.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::failure::INTERRUPTED;

/// The signal that came, if one did.
#[derive(Clone, Default)]
pub(super) struct Received(Arc<AtomicU8>);

impl Received {
    /// Its number; 0 when none came.
    pub(super) fn received(&self) -> u8 {
        self.0.load(Ordering::Relaxed)
    }
}

async fn next(interrupt: &mut Signal, terminate: &mut Signal) -> u8 {
    let kind = tokio::select! {
        _ = interrupt.recv() => SignalKind::interrupt(),
        _ = terminate.recv() => SignalKind::terminate(),
    };
    u8::try_from(kind.as_raw_value()).unwrap_or(0)
}

#[expect(clippy::exit, reason = "a second signal means: do not wait for anything")]
fn end(code: u8) {
    std::process::exit(i32::from(code));
}

/// Cancels `token` on the first SIGINT or SIGTERM, for a clean stop; a second one ends the process at once.
pub(super) fn cancel_on_signal(token: CancellationToken) -> Received {
    let received = Received::default();
    let noted = received.clone();
    tokio::spawn(async move {
        let streams = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
        let (Ok(mut interrupt), Ok(mut terminate)) = streams else {
            tracing::warn!("signals cannot be watched: an interruption will not end cleanly");
            return;
        };
        let number = next(&mut interrupt, &mut terminate).await;
        noted.0.store(number, Ordering::Relaxed);
        tracing::info!("stopping; a second signal ends it at once");
        token.cancel();
        end(INTERRUPTED + next(&mut interrupt, &mut terminate).await);
    });
    received
}
