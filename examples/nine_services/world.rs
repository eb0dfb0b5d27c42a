//! How large the invented world is: all else follows from the number of contracts and the seed.

use crate::dice::Dice;

/// The size of everything; ids run from 1 to the number given here.
pub(crate) struct World {
    seed: u64,
    pub(crate) contracts: i64,
    pub(crate) accounts: i64,
    pub(crate) companies: i64,
    pub(crate) managers: i64,
    pub(crate) teams: i64,
    pub(crate) products: i64,
}

impl World {
    /// A world with so many contracts.
    pub(crate) fn new(seed: u64, contracts: i64) -> Self {
        let managers = contracts / 40 + 10;
        Self {
            seed,
            contracts,
            accounts: contracts / 4 + 10,
            companies: contracts / 8 + 10,
            managers,
            teams: managers / 8 + 4,
            products: contracts / 50 + 40,
        }
    }

    /// The dice of one row.
    pub(crate) fn dice(&self, table: &str, id: i64) -> Dice {
        Dice::of(self.seed, table, id)
    }
}
