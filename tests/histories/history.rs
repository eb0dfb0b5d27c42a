//! A history: a schema, rounds of transactions, and a run of the program after each.

use std::fmt;

use super::dice::Dice;
use super::edits::{Editor, Transaction};
use super::harm::Harm;
use super::invent;
use super::render;
use super::schema::Schema;
use super::server::Kind;

#[derive(Debug, Clone)]
pub(super) struct History {
    pub(super) seed: u64,
    pub(super) schema: Schema,
    pub(super) rounds: Vec<Round>,
}

#[derive(Debug, Clone)]
pub(super) struct Round {
    pub(super) transactions: Vec<Transaction>,
    pub(super) then: Step,
    /// Whether the index is compared afterwards: that refreshes it.
    pub(super) looks: bool,
}

/// What is run once the transactions of a round are over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The first one loads everything.
    Sync,
    /// Again: it has nothing to do.
    Twice,
    /// While the transactions happen; then once more, when they are over.
    Amid,
    Reindex,
    /// Readers see the index before, and it is brought in step.
    Back,
    /// A run is killed or frozen, in the midst of the transactions; another one follows.
    Harm(Harm),
}

/// What servers a history is on.
const WHERE: [&[usize]; 3] = [&[0], &[0, 0], &[0, 1]];

impl History {
    /// The history of that seed, on servers of these kinds.
    pub(super) fn of(seed: u64, kinds: &[Kind]) -> Self {
        let dice = &mut Dice::new(seed);
        let places = dice.one_of(&WHERE);
        let first = dice.below(kinds.len());
        let places: Vec<Kind> = places.iter().map(|at| kinds[(first + at) % kinds.len()]).collect();
        let schema = invent::schema(dice, &places);
        let mut editor = Editor { schema: &schema, dice, given: 0, recent: Vec::new() };
        let mut rounds = vec![Round { transactions: editor.fill(), then: Step::Sync, looks: true }];
        for _ in 0..editor.dice.within(4, 9) {
            let then = match editor.dice.below(100) {
                0..42 => Step::Sync,
                42..50 => Step::Twice,
                50..60 => Step::Amid,
                60..66 => Step::Reindex,
                66..70 => Step::Back,
                _ => Step::Harm(Harm::of(editor.dice)),
            };
            let count = match then {
                Step::Amid => 100,
                Step::Harm(_) => editor.dice.within(2, 6),
                _ => editor.dice.within(1, 4),
            };
            let (transactions, looks) = (editor.some(count), editor.dice.chance(70));
            rounds.push(Round { transactions, then, looks });
        }
        Self { seed, schema, rounds }
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, schema, rounds } = self;
        writeln!(f, "seed {seed} on {:?}\n{}", schema.places, render::job(schema, "things"))?;
        for table in &schema.tables {
            writeln!(f, "{};", schema.places[table.place].make(table)[0])?;
        }
        for (number, round) in rounds.iter().enumerate() {
            writeln!(f, "-- round {number}")?;
            for transaction in &round.transactions {
                let ends = if transaction.commits { "commits" } else { "rolls back" };
                writeln!(
                    f,
                    "-- on s{}, {ends}, open for {}",
                    transaction.place, transaction.open_for
                )?;
                for edit in &transaction.edits {
                    writeln!(f, "{edit};")?;
                }
            }
            writeln!(f, "-- {:?}", round.then)?;
        }
        Ok(())
    }
}
