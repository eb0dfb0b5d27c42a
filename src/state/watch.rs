//! Watching a lease from outside, until it is known whether somebody holds it.
//!
//! Promises: a holder that shows signs of life is never taken for dead, however long the engine is silent; one that has gone is
//! waited for no longer than it said. Writes nothing.

use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep};

use super::State;
use super::lease::{BEATS, Held, LeaseError, Record};
use super::stored::Standing;

/// Looks at a lease within one time to live.
const LOOKS: u32 = 30;
/// The longest pause between two looks at one that is held for moments only. Its holder stays away for longer than that.
const BRIEF_LOOK: Duration = Duration::from_millis(100);
/// Times to live after which it is not believed any more that somebody holds it for moments only.
const BRIEF_FOR: u32 = 10;

/// What stands in place of a lease that nobody holds.
pub(super) type Before<T> = Option<(Standing, Record<T>)>;

impl State {
    /// Waits until it is known whether somebody holds the lease: at once when it was given back, within its time to live
    /// otherwise. Time in which the engine itself was silent does not count. One that is held for moments only is waited for.
    pub(super) async fn watch<T: DeserializeOwned>(
        &self,
        id: &str,
    ) -> Result<Before<T>, LeaseError> {
        let Some((mut first, mut record)) = self.fetch::<Record<T>>(id).await? else {
            return Ok(None);
        };
        if record.tenure.standing != Held::Held {
            return Ok(Some((first, record)));
        }
        let ttl = Duration::from_millis(record.tenure.ttl_ms);
        let (mut began, mut brief) = (Instant::now(), record.tenure.brief);
        let patience = began + ttl * BRIEF_FOR;
        tracing::info!(
            lease = id,
            holder = record.tenure.holder,
            "held: looking for a sign of life"
        );
        while began.elapsed() < ttl {
            let pause = ttl / LOOKS;
            sleep(if brief { pause.min(BRIEF_LOOK) } else { pause }).await;
            let looked = Instant::now();
            let Some((now, latest)) = self.fetch::<Record<T>>(id).await? else { return Ok(None) };
            if looked.elapsed() > ttl / BEATS {
                began = Instant::now();
            }
            if latest.tenure.standing != Held::Held {
                return Ok(Some((now, latest)));
            }
            if now == first {
                continue;
            }
            brief = latest.tenure.brief && looked < patience;
            if !brief {
                return Err(LeaseError::Held(Box::new(latest.tenure)));
            }
            (first, record, began) = (now, latest, looked);
        }
        tracing::warn!(
            lease = id,
            holder = record.tenure.holder,
            "its holder is dead: taking it over"
        );
        Ok(Some((first, record)))
    }
}
