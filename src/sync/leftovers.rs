//! Documents that a dead run has left where it did not come to the end of a range, and whose rows are gone since.
//!
//! A range that is loaded again overwrites what is still there. What was deleted or moved out of the job's condition meanwhile
//! is not read again, and its document would stay for ever: it is known by its version, which belongs to no finished range.
//!
//! Promises: only such documents are deleted. Never asks a service: whatever was read for a finished range stays.

use anyhow::{Result, bail};

use super::ShutOut;
use super::writer::Target;
use crate::sink::Client;
use crate::sink::bulk::{BulkBody, Outcome};
use crate::sink::index::held;
use crate::sink::version::{Versions, epoch_of};
use crate::state::Drawn;

/// Deletes what is left of unfinished ranges. Returns how many documents that were.
///
/// # Errors
/// When the engine fails, the versions of the lease are spent, or another run takes over.
pub(super) async fn remove_leftovers(
    client: &Client,
    target: &Target,
    finished: &Drawn,
    versions: &Versions,
) -> Result<u64> {
    let mut removed = 0;
    held(client, &target.index, async |page| {
        let left = page.iter().filter(|document| !finished.holds(document.version));
        let version = versions.draw()?;
        let mut body = BulkBody::default();
        left.for_each(|document| body.delete(&document.id, version));
        if body.is_empty() {
            return Ok(());
        }
        removed += body.len() as u64;
        for outcome in target.bulk.write(&target.write_alias, body).await? {
            match outcome {
                Outcome::Applied | Outcome::LeftOut => {}
                Outcome::Stale(Some(current)) if epoch_of(current) > target.epoch => {
                    return Err(ShutOut.into());
                }
                other => bail!("a document that is left over cannot be deleted: {other:?}"),
            }
        }
        Ok(())
    })
    .await?;
    Ok(removed)
}
