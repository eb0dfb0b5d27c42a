//! The bulks that are under way, all that share one index: how many there may be, and the memory of their bodies.
//!
//! Promises: as many bodies are under way, and as many requests, as the throttle says; whoever has one more waits. A body
//! that was turned away waits as well before it is sent again. Bodies use the same memory over and over: there are never more
//! than are under way and being filled at a time.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::watch;

use super::body::{BulkBody, Sealed};
use super::throttle::{Bounds, Throttle};

/// Shared by all who send.
pub(super) struct Flights {
    traffic: watch::Sender<Traffic>,
    shelf: Mutex<Vec<BulkBody>>,
    began: Instant,
}

struct Traffic {
    throttle: Throttle,
    /// Bodies that are not answered for, and what counts of their bytes.
    bodies: usize,
    bytes: usize,
    /// Requests that are not answered.
    requests: usize,
}

/// A body under way, until it is dropped.
pub struct Flight {
    flights: Arc<Flights>,
    /// What counts of its bytes.
    bytes: usize,
    sent: Sent,
}

/// A request under way, until it is dropped.
pub(super) struct Request<'f> {
    flights: &'f Flights,
    sent: Sent,
}

/// Under which setting something was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Sent(u64);

impl Flights {
    pub(super) fn new(bounds: Bounds) -> Self {
        let traffic = Traffic { throttle: Throttle::new(bounds), bodies: 0, bytes: 0, requests: 0 };
        Self {
            traffic: watch::Sender::new(traffic),
            shelf: Mutex::default(),
            began: Instant::now(),
        }
    }

    /// Waits until a body of `bytes` may be under way.
    pub(super) async fn body(self: &Arc<Self>, bytes: usize) -> Flight {
        let (mut sent, mut counted) = (Sent::default(), 0);
        let mut waited = false;
        self.admitted(|traffic| {
            let free = traffic.throttle.admits(bytes, (traffic.bodies, traffic.bytes));
            if free {
                counted = traffic.throttle.counted(bytes);
                traffic.bodies += 1;
                traffic.bytes += counted;
                sent = Sent(traffic.throttle.generation());
            } else if !waited {
                traffic.throttle.pressed();
            }
            waited = !free;
            free
        })
        .await;
        Flight { flights: Arc::clone(self), bytes: counted, sent }
    }

    /// Waits until one more request may be under way.
    pub(super) async fn request(&self) -> Request<'_> {
        let mut sent = Sent::default();
        self.admitted(|traffic| {
            let free = traffic.requests < traffic.throttle.setting().in_flight;
            if free {
                traffic.requests += 1;
                sent = Sent(traffic.throttle.generation());
            }
            free
        })
        .await;
        Request { flights: self, sent }
    }

    /// The engine had no room for what was sent.
    pub(super) fn refused(&self, sent: Sent) {
        self.traffic.send_modify(|traffic| traffic.throttle.refused(sent.0));
    }

    /// The engine takes no body of so many bytes.
    pub(super) fn too_large(&self, bytes: usize) {
        self.traffic.send_modify(|traffic| traffic.throttle.too_large(bytes));
    }

    /// Waits until nothing is under way.
    pub(super) async fn all_landed(&self) {
        let mut traffic = self.traffic.subscribe();
        // It fails when there is nobody left to send.
        drop(traffic.wait_for(|traffic| traffic.bodies == 0).await);
    }

    /// Bytes at which a body is full.
    pub(super) fn bytes(&self) -> usize {
        self.traffic.borrow().throttle.setting().bytes
    }

    /// An empty body.
    pub(super) fn empty(&self) -> BulkBody {
        let kept = self.shelf.lock().unwrap_or_else(PoisonError::into_inner).pop();
        kept.unwrap_or_else(|| BulkBody::with_capacity(self.bytes()))
    }

    /// Keeps the memory of a body.
    pub(super) fn keep(&self, sealed: Sealed) {
        let setting = self.traffic.borrow().throttle.setting();
        let body = sealed.emptied(setting.bytes);
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        if shelf.len() < setting.in_flight {
            shelf.push(body);
        }
    }

    async fn admitted(&self, mut admit: impl FnMut(&mut Traffic) -> bool) {
        let mut changes = self.traffic.subscribe();
        while !self.traffic.send_if_modified(&mut admit) {
            // It fails when there is nobody left to send.
            if changes.changed().await.is_err() {
                return;
            }
        }
    }
}

impl Flight {
    /// The body, of so many bytes, is answered for.
    pub(super) fn landed(self, bytes: usize) {
        let (Sent(generation), now) = (self.sent, self.flights.began.elapsed());
        let traffic = &self.flights.traffic;
        traffic.send_modify(|traffic| traffic.throttle.landed(generation, bytes, now));
    }
}

impl Request<'_> {
    /// It is no longer under way.
    pub(super) fn answered(self) -> Sent {
        self.sent
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.flights.traffic.send_modify(|traffic| {
            traffic.bodies -= 1;
            traffic.bytes -= self.bytes;
        });
    }
}

impl Drop for Request<'_> {
    fn drop(&mut self) {
        self.flights.traffic.send_modify(|traffic| traffic.requests -= 1);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn flights(in_flight: usize) -> Arc<Flights> {
        Arc::new(Flights::new(Bounds { bytes: 1_000, in_flight, tuning: false }))
    }

    #[tokio::test]
    async fn one_more_than_allowed_waits() {
        let flights = flights(2);
        let (first, second) = (flights.body(1_000).await, flights.body(1_200).await);
        let mut third = Box::pin(flights.body(1));
        assert!(third.as_mut().now_or_never().is_none());
        // As when a caller has stopped waiting.
        drop(first);
        let third = third.now_or_never().unwrap();
        let mut landed = Box::pin(flights.all_landed());
        second.landed(1_200);
        assert!(landed.as_mut().now_or_never().is_none());
        third.landed(1);
        assert!(landed.now_or_never().is_some());
        // However large it is, one goes.
        assert!(flights.body(1_000_000).now_or_never().is_some());
    }

    #[tokio::test]
    async fn what_was_turned_away_waits_as_the_others_do() {
        let flights = flights(4);
        let requests = [(); 4].map(|()| flights.request().now_or_never().unwrap());
        let sent = requests.map(Request::answered);
        sent.iter().for_each(|sent| flights.refused(*sent));
        let two = [(); 2].map(|()| flights.request().now_or_never().unwrap());
        let mut third = Box::pin(flights.request());
        assert!(third.as_mut().now_or_never().is_none());
        drop(two);
        assert!(third.now_or_never().is_some());
    }

    #[tokio::test]
    async fn memory_is_used_again_and_not_hoarded() {
        let flights = flights(1);
        let bodies = [(); 3].map(|()| flights.empty());
        for mut body in bodies {
            body.delete("a", 1);
            flights.keep(body.seal().0);
        }
        assert_eq!(flights.shelf.lock().unwrap().len(), 1);
        assert!(flights.empty().is_empty());
        assert!(flights.shelf.lock().unwrap().is_empty());
    }
}
