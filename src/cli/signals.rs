//! SIGINT and SIGTERM: end cleanly, and remember which one it was.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// The signal that came, if one did.
#[derive(Clone, Default)]
pub(super) struct Received(Arc<AtomicU8>);

impl Received {
    /// Its number; 0 when none came.
    pub(super) fn received(&self) -> u8 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Cancels `token` on the first SIGINT or SIGTERM; a second one ends the process in the ordinary way.
pub(super) fn cancel_on_signal(token: CancellationToken) -> Received {
    let received = Received::default();
    let noted = received.clone();
    tokio::spawn(async move {
        let streams = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
        let (Ok(mut interrupt), Ok(mut terminate)) = streams else {
            tracing::warn!("signals cannot be watched: an interruption will not end cleanly");
            return;
        };
        let number = tokio::select! {
            _ = interrupt.recv() => SignalKind::interrupt(),
            _ = terminate.recv() => SignalKind::terminate(),
        };
        noted.0.store(u8::try_from(number.as_raw_value()).unwrap_or(0), Ordering::Relaxed);
        tracing::info!("stopping");
        token.cancel();
    });
    received
}
