//! The body of an answer while it is made.
//!
//! Promises: no more than two small parts of it wait for the client, who decides how fast they come; a body ends well only when
//! it was said to have ended, so that whatever breaks off the making breaks off the answer too.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use futures::StreamExt as _;
use futures::stream::unfold;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::timeout;

use super::reading::Reading;

/// Most bytes of a part: a client that takes so much is not stalled, however much there is.
pub(super) const PART: usize = 256 << 10;

/// Where parts are put.
pub(super) struct Outlet {
    parts: Sender<Part>,
    stall: Duration,
    taken: Arc<AtomicU64>,
}

enum Part {
    Bytes(Bytes),
    End,
}

/// The client takes nothing any more.
#[derive(Debug)]
pub(super) struct Stalled;

/// It ended before its end.
#[derive(Debug, thiserror::Error)]
#[error("the export was broken off")]
struct BrokenOff;

/// An outlet, and the body that comes out of it, which keeps `place` for as long as anything of it is there. A client may take
/// nothing for as long as `stall`.
pub(super) fn open<P: Send + 'static>(stall: Duration, place: P) -> (Outlet, Body) {
    let (parts, coming) = channel(1);
    let taken = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&taken);
    let next = move |coming: Option<(Receiver<Part>, P)>| {
        let count = Arc::clone(&count);
        async move {
            let (mut coming, place) = coming?;
            match coming.recv().await {
                Some(Part::Bytes(bytes)) => {
                    count.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                    Some((Ok(bytes), Some((coming, place))))
                }
                Some(Part::End) => None,
                None => Some((Err(BrokenOff), None)),
            }
        }
    };
    // What packs a body asks once more behind its end.
    let body = Body::from_stream(unfold(Some((coming, place)), next).fuse());
    (Outlet { parts, stall, taken }, body)
}

impl Outlet {
    /// Returns when nobody takes the body any more.
    pub(super) async fn gone(&self) {
        self.parts.closed().await;
    }

    /// Bytes that were taken.
    pub(super) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// Gives the client more, part by part, as there is room; what it is read from is held meanwhile.
    ///
    /// # Errors
    /// When the client does not take what was given before.
    pub(super) async fn send(
        &self,
        bytes: impl Into<Bytes>,
        mut held: Option<&mut Reading>,
    ) -> Result<(), Stalled> {
        let mut bytes = bytes.into();
        while !bytes.is_empty() {
            let part = bytes.split_to(PART.min(bytes.len()));
            self.put(Part::Bytes(part), held.as_deref_mut()).await?;
        }
        Ok(())
    }

    /// That was all of it.
    ///
    /// # Errors
    /// As [`Outlet::send`].
    pub(super) async fn end(&self) -> Result<(), Stalled> {
        self.put(Part::End, None).await
    }

    async fn put(&self, part: Part, mut held: Option<&mut Reading>) -> Result<(), Stalled> {
        let begun = Instant::now();
        loop {
            let patience = self.stall.saturating_sub(begun.elapsed());
            let wait = held.as_ref().map_or(patience, |held| held.good_for().min(patience));
            match timeout(wait, self.parts.reserve()).await {
                Ok(Ok(room)) => {
                    room.send(part);
                    return Ok(());
                }
                // Whoever waits for that is told by `gone`, and drops this.
                Ok(Err(_)) => std::future::pending().await,
                Err(_) if begun.elapsed() >= self.stall => return Err(Stalled),
                Err(_) => {
                    if let Some(held) = &mut held {
                        held.renew().await;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    #[tokio::test]
    async fn a_body_that_was_not_ended_is_broken() {
        let (outlet, body) = open(Duration::from_secs(60), ());
        outlet.send("a", None).await.unwrap();
        drop(outlet);
        assert!(to_bytes(body, 10).await.is_err());
        let (outlet, body) = open(Duration::from_secs(60), ());
        let sent = async {
            outlet.send("a", None).await.unwrap();
            outlet.send("b", None).await.unwrap();
            outlet.end().await.unwrap();
        };
        let (bytes, ()) = tokio::join!(to_bytes(body, 10), sent);
        assert_eq!(bytes.unwrap(), "ab");
    }

    #[tokio::test]
    async fn a_client_is_waited_for_only_so_long() {
        let place = Arc::new(());
        let (outlet, body) = open(Duration::from_millis(20), Arc::clone(&place));
        outlet.send("a", None).await.unwrap();
        outlet.send("b", None).await.unwrap_err();
        assert_eq!(Arc::strong_count(&place), 2);
        drop(body);
        outlet.gone().await;
        assert_eq!(Arc::strong_count(&place), 1);
    }

    #[tokio::test]
    async fn who_takes_a_part_is_not_stalled() {
        let stall = Duration::from_secs(3);
        let (outlet, body) = open(stall, ());
        let slow = async {
            let mut parts = body.into_data_stream();
            let mut lengths = Vec::new();
            while let Some(part) = parts.next().await {
                lengths.push(part.unwrap().len());
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            lengths
        };
        let sent = async {
            outlet.send(vec![b'a'; 2 * PART + 1], None).await.unwrap();
            outlet.end().await.unwrap();
        };
        assert_eq!(tokio::join!(slow, sent), (vec![PART, PART, 1], ()));
    }
}
