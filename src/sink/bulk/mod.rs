//! Writing documents in bulk.
//!
//! Promises: every operation is answered for, in the order in which it was added. One that the engine refuses harms no other;
//! one that it had no room for is sent again, alone; a body that is too large is halved; a request whose answer got lost is
//! sent again, which external versions make harmless. Never gives up a document that another try might bring in, never tries
//! for longer than it was told to.

mod answer;
mod body;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::client::{Body, Client, Method};
use super::error::{EngineError, Trouble};
use super::patience::{Patience, PatienceSettings};

use answer::{FILTER, Remedy, Unusable, Verdict, remedy, verdicts};
use body::Sealed;

pub use answer::{Outcome, Rejection};
pub use body::{BulkBody, MAX_ID_BYTES};

/// From this size on, a connection that is closed again and again may mean that the request is too large: some servers and
/// proxies close it instead of answering 413, or before the answer could be read.
const SUSPICIOUS_BYTES: usize = 1 << 20;

/// How often one piece may go without a usable answer before something is concluded from it.
const SUSPICIOUS_TRIES: u32 = 2;

/// Sends bodies, and says what became of each operation. Any number of calls may be under way at a time; clones share what
/// they know of their requests.
#[derive(Clone)]
pub struct BulkWriter {
    client: Client,
    patience: PatienceSettings,
    traffic: Arc<Traffic>,
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
        Self { client, patience, traffic: Arc::default() }
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
        // Until all is answered for, one more counts as sent: what ends by an error is never taken for clean.
        self.traffic.sent.fetch_add(1, Ordering::SeqCst);
        let outcomes = self.write_all(index, body).await?;
        self.traffic.answered.fetch_add(1, Ordering::SeqCst);
        Ok(outcomes)
    }

    async fn write_all(&self, index: &str, body: BulkBody) -> Result<Vec<Outcome>, EngineError> {
        let (sealed, mut outcomes) = body.seal();
        let mut patience = Patience::new(self.patience);
        let mut pieces = vec![Piece { positions: sealed.positions(), lost: 0 }];
        while let Some(mut piece) = pieces.pop() {
            if piece.positions.is_empty() {
                continue;
            }
            match self.attempt(index, &sealed, &piece).await? {
                Attempt::Answered(verdicts) => {
                    let again = settle(&piece, verdicts, &mut outcomes, &mut patience);
                    if let Some((again, error)) = again {
                        patience.wait(error).await?;
                        pieces.push(again);
                    }
                }
                Attempt::TooLarge => split(piece, &mut pieces, &mut outcomes),
                Attempt::Failed(error) => {
                    piece.lost += u32::from(was_lost(&error));
                    if self.looks_too_large(&sealed, &piece, &error).await {
                        split(piece, &mut pieces, &mut outcomes);
                        continue;
                    }
                    patience.wait(error).await?;
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
        let body = Body::Lines(sealed.part(&piece.positions));
        let query = [("filter_path", FILTER)];
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
        let operations = piece.positions.iter().filter_map(|&position| sealed.operation(position));
        let versions: Vec<u64> = operations.map(|operation| operation.version).collect();
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

/// Halves a piece that is too large; a single operation cannot be helped.
fn split(mut piece: Piece, pieces: &mut Vec<Piece>, outcomes: &mut [Option<Outcome>]) {
    if let [position] = piece.positions[..] {
        let error_type = "request_too_large".to_owned();
        note(outcomes, position, Outcome::Rejected(Rejection { error_type, field: None }));
        return;
    }
    let second = piece.positions.split_off(piece.positions.len() / 2);
    tracing::warn!(
        operations.count = piece.positions.len() + second.len(),
        "bulk is too large: halved"
    );
    pieces.push(Piece { positions: second, lost: 0 });
    pieces.push(Piece { positions: piece.positions, lost: 0 });
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

fn operation(index: &str) -> String {
    format!("POST /{index}/_bulk")
}

fn garbled(index: &str, status: u16) -> EngineError {
    EngineError::Garbled { operation: operation(index), status }
}
