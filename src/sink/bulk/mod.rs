//! Writing documents in bulk.
//!
//! Promises: every operation is answered for, in the order in which it was added. One that the engine refuses harms no other;
//! one that it had no room for is sent again, alone; a body that is too large is halved; a request whose answer got lost is
//! sent again, which external versions make harmless. However many write at a time, no more is under way than was allowed,
//! and less when the engine turns something away. Never gives up a document that another try might bring in, never tries for
//! longer than it was told to.

mod answer;
mod body;
mod flights;
mod throttle;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::client::{Body, Client, Method};
use super::error::{EngineError, Trouble};
use super::patience::{Patience, PatienceSettings};

use answer::{FILTER, Remedy, remedy};
use flights::{Flights, Sent};

pub use answer::{Outcome, Rejection, Unusable, Verdict, verdicts};
pub use body::{BulkBody, MAX_ID_BYTES, Sealed};
pub use flights::Flight;
pub use throttle::Bounds;

/// From this size on, a connection that is closed again and again may mean that the request is too large: some servers and
/// proxies close it instead of answering 413, or before the answer could be read.
const SUSPICIOUS_BYTES: usize = 1 << 20;

/// How often one piece may go without a usable answer before something is concluded from it.
const SUSPICIOUS_TRIES: u32 = 2;

/// What holds for one who does not say: a few documents now and then.
const BOUNDS: Bounds = Bounds { bytes: 5 << 20, in_flight: 4, tuning: false };

/// Sends bodies, and says what became of each operation. Any number of calls may be under way at a time; clones share what
/// they know of their requests.
#[derive(Clone)]
pub struct BulkWriter {
    client: Client,
    patience: PatienceSettings,
    traffic: Arc<Traffic>,
    flights: Arc<Flights>,
}

/// What became of a body, in short.
#[derive(Debug)]
pub struct Answered {
    /// Operations that were carried out.
    pub applied: u64,
    /// Operations that were left out.
    pub left_out: u64,
    /// The id of each of the others, and why not.
    pub others: Vec<(String, Outcome)>,
    /// Size of the body.
    pub bytes: usize,
}

/// Requests, each copy counted on its own.
#[derive(Default)]
struct Traffic {
    sent: AtomicU64,
    answered: AtomicU64,
}

/// Operations that travel together, by their positions.
#[derive(Debug)]
struct Piece {
    positions: Vec<usize>,
    /// How often its answer was lost or unreadable.
    lost: u32,
}

enum Attempt {
    Answered(Vec<Verdict>),
    TooLarge,
    /// Nothing usable came back: the error to end with when it stays so.
    Failed(EngineError),
}

impl BulkWriter {
    /// A writer through `client`.
    pub fn new(client: Client, patience: PatienceSettings) -> Self {
        let flights = Arc::new(Flights::new(BOUNDS));
        Self { client, patience, traffic: Arc::default(), flights }
    }

    /// The same, for one who has much to write.
    #[must_use]
    pub fn within(self, bounds: Bounds) -> Self {
        Self { flights: Arc::new(Flights::new(bounds)), ..self }
    }

    /// An empty body, in memory that was used before if there is any.
    pub fn body(&self) -> BulkBody {
        self.flights.empty()
    }

    /// Whether it is time to send `body`.
    pub fn is_full(&self, body: &BulkBody) -> bool {
        body.held() >= self.flights.bytes()
    }

    /// Waits until `body` may be under way beside the others.
    pub async fn flight(&self, body: &BulkBody) -> Flight {
        self.flights.body(body.held()).await
    }

    /// Waits until none of the bodies that were given a [`Flight`] is under way, those that callers stopped waiting for
    /// included.
    pub async fn all_landed(&self) {
        self.flights.all_landed().await;
    }

    /// Writes `body`, one of [`BulkWriter::body`], whose memory is used again.
    ///
    /// # Errors
    /// As [`BulkWriter::write`].
    pub async fn send(
        &self,
        flight: Flight,
        index: &str,
        body: BulkBody,
    ) -> Result<Answered, EngineError> {
        let (sealed, outcomes) = self.write_sealed(index, body).await?;
        let bytes = sealed.bytes();
        let mut answered = Answered { applied: 0, left_out: 0, others: Vec::new(), bytes };
        for (position, outcome) in outcomes.into_iter().enumerate() {
            match outcome {
                Outcome::Applied => answered.applied += 1,
                Outcome::LeftOut => answered.left_out += 1,
                other => answered.others.push((sealed.id(position).to_owned(), other)),
            }
        }
        // First the memory, for whoever is let in by this one's landing.
        self.flights.keep(sealed);
        flight.landed(bytes);
        Ok(answered)
    }

    /// Whether every request that was sent so far was answered by the engine itself, so that none is still on its way: not one
    /// whose answer was lost, nor one that a caller stopped waiting for.
    pub fn all_answered(&self) -> bool {
        let answered = self.traffic.answered.load(Ordering::SeqCst);
        answered == self.traffic.sent.load(Ordering::SeqCst)
    }

    /// Writes `body` to `index`, an index or a write alias: one outcome for each operation, in their order.
    ///
    /// # Errors
    /// When the engine stays out of reach or busy for longer than its patience lasts, when it takes no writes to this index
    /// or from this account, or when its answer makes no sense. Some operations may have been carried out.
    pub async fn write(&self, index: &str, body: BulkBody) -> Result<Vec<Outcome>, EngineError> {
        Ok(self.write_sealed(index, body).await?.1)
    }

    async fn write_sealed(
        &self,
        index: &str,
        body: BulkBody,
    ) -> Result<(Sealed, Vec<Outcome>), EngineError> {
        // Until all is answered for, one more counts as sent: what ends by an error is never taken for clean.
        self.traffic.sent.fetch_add(1, Ordering::SeqCst);
        let (sealed, outcomes) = body.seal();
        let outcomes = self.write_all(index, &sealed, outcomes).await?;
        self.traffic.answered.fetch_add(1, Ordering::SeqCst);
        Ok((sealed, outcomes))
    }

    async fn write_all(
        &self,
        index: &str,
        sealed: &Sealed,
        mut outcomes: Vec<Option<Outcome>>,
    ) -> Result<Vec<Outcome>, EngineError> {
        let mut patience = Patience::new(self.patience);
        let mut pieces = vec![Piece { positions: sealed.positions(), lost: 0 }];
        while let Some(mut piece) = pieces.pop() {
            if piece.positions.is_empty() {
                continue;
            }
            let request = self.flights.request().await;
            let attempt = self.attempt(index, sealed, &piece).await?;
            let sent = request.answered();
            match attempt {
                Attempt::Answered(verdicts) => {
                    let again = settle(&piece, verdicts, &mut outcomes, &mut patience);
                    if let Some((again, error)) = again {
                        self.pause(error, sent, &mut patience).await?;
                        pieces.push(again);
                    }
                }
                Attempt::TooLarge => self.split(sealed, piece, (&mut pieces, &mut outcomes)),
                Attempt::Failed(error) => {
                    piece.lost += u32::from(was_lost(&error));
                    if self.looks_too_large(sealed, &piece, &error).await {
                        self.split(sealed, piece, (&mut pieces, &mut outcomes));
                        continue;
                    }
                    self.pause(error, sent, &mut patience).await?;
                    pieces.push(piece);
                }
            }
        }
        outcomes.into_iter().collect::<Option<Vec<_>>>().ok_or_else(|| garbled(index, 200))
    }

    async fn attempt(
        &self,
        index: &str,
        sealed: &Sealed,
        piece: &Piece,
    ) -> Result<Attempt, EngineError> {
        let query = [("filter_path", FILTER)];
        let body = Body::Lines(sealed.part(&piece.positions));
        self.traffic.sent.fetch_add(1, Ordering::SeqCst);
        let answer = match self.client.send(Method::Post, &[index, "_bulk"], &query, body).await {
            Ok(answer) => answer,
            Err(unreachable) => {
                if unreachable.trouble == Trouble::NotConnected {
                    self.traffic.answered.fetch_add(1, Ordering::SeqCst);
                }
                return Ok(Attempt::Failed(unreachable.into()));
            }
        };
        // A gateway's 5xx says nothing of the engine behind it.
        if (400..500).contains(&answer.status) && answer.status != 408 {
            self.traffic.answered.fetch_add(1, Ordering::SeqCst);
        }
        if !answer.is_success() {
            let error = EngineError::refused(operation(index), answer.status, &answer.body);
            return match remedy(answer.status, error.error_type()) {
                Remedy::Split => Ok(Attempt::TooLarge),
                Remedy::Retry => Ok(Attempt::Failed(error)),
                Remedy::Reject | Remedy::Stop => Err(error),
            };
        }
        let versions = sealed.versions(&piece.positions);
        let verdicts = verdicts(&operation(index), &answer.body, &versions);
        if matches!(verdicts, Ok(_) | Err(Unusable::Stop(_))) {
            self.traffic.answered.fetch_add(1, Ordering::SeqCst);
        }
        match verdicts {
            Ok(verdicts) => Ok(Attempt::Answered(verdicts)),
            Err(Unusable::Garbage) if piece.lost < SUSPICIOUS_TRIES => {
                Ok(Attempt::Failed(garbled(index, answer.status)))
            }
            Err(Unusable::Garbage | Unusable::Count) => Err(garbled(index, answer.status)),
            Err(Unusable::Stop(error)) => Err(error),
        }
    }

    /// Waits before the next try of what was `sent`; when the engine has no room, all ask for less.
    async fn pause(
        &self,
        error: EngineError,
        sent: Sent,
        patience: &mut Patience,
    ) -> Result<(), EngineError> {
        if has_no_room(&error) {
            self.flights.refused(sent);
        }
        patience.wait(error).await
    }

    /// Halves a piece that is too large; a single operation cannot be helped.
    fn split(
        &self,
        sealed: &Sealed,
        mut piece: Piece,
        (pieces, outcomes): (&mut Vec<Piece>, &mut [Option<Outcome>]),
    ) {
        if let [position] = piece.positions[..] {
            let error_type = "request_too_large".to_owned();
            note(outcomes, position, Outcome::Rejected(Rejection { error_type, field: None }));
            return;
        }
        self.flights.too_large(sealed.size(&piece.positions));
        let second = piece.positions.split_off(piece.positions.len() / 2);
        tracing::warn!(
            operations.count = piece.positions.len() + second.len(),
            "bulk is too large: halved"
        );
        pieces.push(Piece { positions: second, lost: 0 });
        pieces.push(Piece { positions: piece.positions, lost: 0 });
    }

    /// Whether the connection is closed on this piece for its size: it is large, it happened before, and smaller requests
    /// are answered.
    async fn looks_too_large(&self, sealed: &Sealed, piece: &Piece, error: &EngineError) -> bool {
        let closed =
            matches!(error, EngineError::Unreachable(why) if why.trouble == Trouble::Closed);
        closed
            && piece.lost >= SUSPICIOUS_TRIES
            && sealed.size(&piece.positions) >= SUSPICIOUS_BYTES
            && self.client.send(Method::Get, &[], &[], Body::Empty).await.is_ok()
    }
}

/// Notes what is answered for; returns what has to be sent again, and why.
fn settle(
    piece: &Piece,
    verdicts: Vec<Verdict>,
    outcomes: &mut [Option<Outcome>],
    patience: &mut Patience,
) -> Option<(Piece, EngineError)> {
    let mut again = Vec::new();
    let mut why = None;
    for (&position, verdict) in piece.positions.iter().zip(verdicts) {
        match verdict {
            Verdict::Done(outcome) => note(outcomes, position, outcome),
            Verdict::Again(error) => {
                again.push(position);
                why = why.or(Some(error));
            }
        }
    }
    if again.len() < piece.positions.len() {
        patience.progress();
    }
    why.map(|error| (Piece { positions: again, lost: 0 }, error))
}

fn note(outcomes: &mut [Option<Outcome>], position: usize, outcome: Outcome) {
    if let Some(slot) = outcomes.get_mut(position) {
        *slot = Some(outcome);
    }
}

/// Whether the request was sent and its answer is missing or unreadable.
fn was_lost(error: &EngineError) -> bool {
    match error {
        EngineError::Unreachable(why) => {
            !matches!(why.trouble, Trouble::NotConnected | Trouble::NotTrusted)
        }
        EngineError::Garbled { .. } => true,
        EngineError::Refused { .. } => false,
    }
}

/// Whether the engine has too much to do, and would have less if it were asked for less.
fn has_no_room(error: &EngineError) -> bool {
    match error {
        EngineError::Unreachable(why) => why.trouble == Trouble::TimedOut,
        // Of all that is refused, this is what is tried again.
        EngineError::Refused { .. } => true,
        EngineError::Garbled { .. } => false,
    }
}

fn operation(index: &str) -> String {
    format!("POST /{index}/_bulk")
}

fn garbled(index: &str, status: u16) -> EngineError {
    EngineError::Garbled { operation: operation(index), status }
}
