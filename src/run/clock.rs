//! What time it is.

use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;

/// A clock, and a way to wait for it.
pub trait Clock: Send + Sync {
    /// The present.
    fn now(&self) -> Timestamp;

    /// Waits until then, or for a shorter time: whoever waits looks at the clock again. Without a time to wait for, for a while.
    fn until(&self, at: Option<Timestamp>) -> BoxFuture<'_, ()>;
}

/// The clock of this machine.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

/// Clocks are set, and machines sleep, while a wait goes on as if they were not.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn until(&self, at: Option<Timestamp>) -> BoxFuture<'_, ()> {
        let left = at.map(|at| self.now().duration_until(at));
        // What is over already is no duration.
        let left = left.map_or(LONGEST_WAIT, |left| Duration::try_from(left).unwrap_or_default());
        Box::pin(tokio::time::sleep(left.min(LONGEST_WAIT)))
    }
}
