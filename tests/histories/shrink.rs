//! From a history that goes wrong to a smaller one that does, too.

use std::time::Instant;

use super::history::{History, Step};
use super::world::{Fault, happen};
use crate::support::engines::TestEngine;

/// A smaller history that goes wrong, and its fault, as small as is found before `until`.
pub(super) async fn shrink(
    history: History,
    fault: Fault,
    engine: TestEngine,
    until: Instant,
) -> (History, Fault) {
    let (mut least, mut fault) = (history, fault);
    // What comes after the fault has no part in it.
    least.rounds.truncate(fault.round + 1);
    let mut shrunk = true;
    while shrunk {
        shrunk = false;
        let mut at = 0;
        while let Some(smaller) = without(&least, at) {
            if Instant::now() >= until {
                return (least, fault);
            }
            match Box::pin(happen(&smaller, engine)).await {
                // The next one has moved to its place.
                Err(found) => {
                    (least, fault, shrunk) = (smaller, found, true);
                    least.rounds.truncate(fault.round + 1);
                }
                Ok(_) => at += 1,
            }
        }
    }
    (least, fault)
}

/// The history without one of its parts, the greatest first: rounds, what runs are special, relations,
/// transactions, edits.
fn without(history: &History, at: usize) -> Option<History> {
    let mut smaller = history.clone();
    let mut at = at;
    let mut is_here = |count: usize| {
        let here = (at < count).then_some(at);
        at = at.saturating_sub(count);
        here
    };
    // The first round fills and loads.
    if let Some(round) = is_here(smaller.rounds.len() - 1) {
        smaller.rounds.remove(round + 1);
        return Some(smaller);
    }
    let special: Vec<usize> = (0..smaller.rounds.len())
        .filter(|round| smaller.rounds[*round].then != Step::Sync)
        .collect();
    if let Some(round) = is_here(special.len()) {
        smaller.rounds[special[round]].then = Step::Sync;
        return Some(smaller);
    }
    if let Some(node) = is_here(smaller.schema.root.walk().len() - 1) {
        smaller.schema.root.prune(node + 1);
        return Some(smaller);
    }
    let busy: Vec<usize> =
        (0..smaller.rounds.len()).filter(|at| smaller.rounds[*at].transactions.len() > 1).collect();
    if let Some(half) = is_here(2 * busy.len()) {
        let transactions = &mut smaller.rounds[busy[half / 2]].transactions;
        let middle = transactions.len() / 2;
        match half % 2 {
            0 => drop(transactions.drain(..middle)),
            _ => transactions.truncate(middle),
        }
        return Some(smaller);
    }
    let transactions: usize = smaller.rounds.iter().map(|round| round.transactions.len()).sum();
    if let Some(mut transaction) = is_here(transactions) {
        for round in &mut smaller.rounds {
            if transaction < round.transactions.len() {
                round.transactions.remove(transaction);
                return Some(smaller);
            }
            transaction -= round.transactions.len();
        }
    }
    let all = smaller.rounds.iter_mut().flat_map(|round| &mut round.transactions);
    let edits: usize = all.map(|transaction| transaction.edits.len()).sum();
    let mut edit = is_here(edits)?;
    for transaction in smaller.rounds.iter_mut().flat_map(|round| &mut round.transactions) {
        if edit < transaction.edits.len() {
            transaction.edits.remove(edit);
            return Some(smaller);
        }
        edit -= transaction.edits.len();
    }
    None
}
