//! Writing documents in bulk.
//!
//! Promises: every operation is answered for, in the order in which it was added. One that the engine refuses harms no other;
//! one that it had no room for is sent again, alone; a body that is too large is halved; a request whose answer got lost is
//! sent again, which external versions make harmless. Never gives up a document that another try might bring in, never tries
//! for longer than it was told to.

mod answer;
mod body;

use std::time::Duration;

use rand::RngExt;
use tokio::time::Instant;

use super::client::{Body, Client, Method};
use super::error::{EngineError, Trouble};

use answer::{FILTER, Remedy, Unusable, Verdict, remedy, verdicts};
use body::Sealed;

pub use answer::{Outcome, Rejection};
pub use body::{BulkBody, MAX_ID_BYTES};

/// How patient a [`BulkWriter`] is.
#[derive(Debug, Clone, Copy)]
pub struct BulkSettings {
    /// How long the engine may be out of reach.
    pub unreachable_for: Duration,
    /// How long the engine may be too busy to take anything.
    pub busy_for: Duration,
    /// The pause before a second try; it doubles with each further one.
    pub first_pause: Duration,
    /// The longest pause between tries.
    pub longest_pause: Duration,
}

impl Default for BulkSettings {
    fn default() -> Self {
        Self {
            unreachable_for: Duration::from_secs(60),
            busy_for: Duration::from_secs(300),
            first_pause: Duration::from_millis(200),
            longest_pause: Duration::from_secs(10),
        }
    }
}

/// From this size on, a connection that is closed again and again may mean that the request is too large: some servers and
/// proxies close it instead of answering 413, or before the answer could be read.
const SUSPICIOUS_BYTES: usize = 1 << 20;

/// How often one piece may go without a usable answer before something is concluded from it.
const SUSPICIOUS_TRIES: u32 = 2;

/// Sends bodies, and says what became of each operation. Any number of calls may be under way at a time.
#[derive(Clone)]
pub struct BulkWriter {
    client: Client,
    settings: BulkSettings,
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
    pub fn new(client: Client, settings: BulkSettings) -> Self {
        Self { client, settings }
    }

    /// Writes `body` to `index`, an index or a write alias: one outcome for each operation, in their order.
    ///
    /// # Errors
    /// When the engine stays out of reach or busy for longer than the settings allow, when it takes no writes to this index
    /// or from this account, or when its answer makes no sense. Some operations may have been carried out.
    pub async fn write(&self, index: &str, body: BulkBody) -> Result<Vec<Outcome>, EngineError> {
        let (sealed, mut outcomes) = body.seal();
        let mut patience = Patience::new(self.settings);
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
        let answer = match self.client.send(Method::Post, &[index, "_bulk"], &query, body).await {
            Ok(answer) => answer,
            Err(unreachable) => return Ok(Attempt::Failed(unreachable.into())),
        };
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
        match verdicts(&operation(index), &answer.body, &versions) {
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
        EngineError::Unreachable(why) => why.trouble != Trouble::NotConnected,
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

/// Pauses between tries, and the end of them.
struct Patience {
    settings: BulkSettings,
    // Since when nothing was taken, and how often it was tried.
    since: Option<Instant>,
    tries: u32,
}

impl Patience {
    fn new(settings: BulkSettings) -> Self {
        Self { settings, since: None, tries: 0 }
    }

    fn progress(&mut self) {
        self.since = None;
        self.tries = 0;
    }

    /// Waits before the next try.
    ///
    /// # Errors
    /// `error`, when it has been tried for long enough.
    async fn wait(&mut self, error: EngineError) -> Result<(), EngineError> {
        let limit = match error.is_unreachable() {
            true => self.settings.unreachable_for,
            false => self.settings.busy_for,
        };
        let waited = self.since.get_or_insert_with(Instant::now).elapsed();
        if waited >= limit {
            return Err(error);
        }
        let doubled = self.settings.first_pause.saturating_mul(1 << self.tries.min(20));
        // Between half and the whole of it, so that writers refused together do not come back together.
        let share = rand::rng().random_range(0.5..=1.0);
        let pause = doubled.min(self.settings.longest_pause).mul_f64(share);
        let pause = pause.min(limit.saturating_sub(waited));
        tracing::warn!(error = %error, pause.ms = pause.as_millis(), "bulk is sent again");
        self.tries += 1;
        tokio::time::sleep(pause).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn busy() -> EngineError {
        EngineError::refused(operation("a"), 429, b"{}")
    }

    #[tokio::test]
    async fn patience_ends_and_progress_renews_it() {
        let busy_for = Duration::from_millis(60);
        let pause = Duration::from_millis(4);
        let settings = BulkSettings {
            busy_for,
            first_pause: pause,
            longest_pause: pause * 4,
            ..Default::default()
        };
        let mut patience = Patience::new(settings);
        let start = Instant::now();
        while patience.wait(busy()).await.is_ok() {}
        assert!(start.elapsed() >= busy_for, "{:?}", start.elapsed());
        // Pauses of 4, 8, 16, 16, … halved at most.
        assert!((3..=11).contains(&patience.tries), "{}", patience.tries);
        patience.progress();
        assert!(patience.wait(busy()).await.is_ok());
    }
}
