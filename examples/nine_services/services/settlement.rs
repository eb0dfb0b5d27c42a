//! Settlements, the instalments of a contract: clocks in Seoul, amounts in won, rates with four decimals.
//!
//! Contracts abroad are also counted in dollars, with ten decimals: more digits than a float holds.

use crate::calendar::{Day, Moment, TODAY};
use crate::dice::Dice;
use crate::services::company::registration;
use crate::services::contract::Contract;
use crate::table::{Column, Kind, Row, Service, Table, column, nullable, row};
use crate::world::World;

pub(crate) const SERVICE: Service = Service { name: "settlement", tables: &[SETTLEMENTS] };

/// A contract has fewer instalments than this.
const ID_STEP: i64 = 100;

const STATUSES: [&str; 4] = ["scheduled", "paid", "overdue", "cancelled"];

const COLUMNS: [Column; 12] = [
    column("id", Kind::Int),
    nullable("contract_id", Kind::Int),
    column("status", Kind::Enum(&STATUSES)),
    column("amount", Kind::Int),
    nullable("fee_rate", Kind::Decimal(6, 4)),
    nullable("fee", Kind::Decimal(20, 4)),
    nullable("amount_usd", Kind::Decimal(24, 10)),
    column("due_date", Kind::Date),
    nullable("paid_at", Kind::Clock),
    nullable("payer_reg_no", Kind::Code(12)),
    column("updated_at", Kind::Clock),
    nullable("deleted_at", Kind::Clock),
];

const SETTLEMENTS: Table = Table {
    name: "settlements",
    columns: &COLUMNS,
    key: &["id"],
    indexes: &[&["contract_id"], &["updated_at"]],
    parents: |world| world.contracts,
    rows,
};

/// What the payment service knows about a settlement.
pub(crate) struct Settlement {
    pub(crate) amount: i64,
    due: Day,
    status: &'static str,
    /// When it was paid, if it was.
    pub(crate) paid: Option<Moment>,
}

/// The settlements of one contract, first due first.
pub(crate) fn of(world: &World, contract: &Contract) -> Vec<Settlement> {
    let (Some(total), false) = (contract.amount, contract.status == "draft") else {
        return Vec::new();
    };
    let mut dice = world.dice("settlements.plan", contract.id);
    let count = dice.weighted(&[(1, 18), (2, 22), (3, 20), (4, 18), (6, 12), (12, 8), (36, 2)]);
    let habit = dice.weighted(&[(96, 60), (80, 30), (45, 10)]);
    let days = contract.months * 30 / count.max(1);
    let shares: Vec<i64> = (0..count).map(|_| dice.between(1, 12)).collect();
    let whole: i64 = shares.iter().sum();
    let mut left = total;
    let mut settlements = Vec::new();
    for (n, share) in (1..).zip(shares) {
        let amount = if n == count { left } else { total / whole * share };
        left -= amount;
        let due = contract.starts.plus(10 + (n - 1) * days);
        settlements.push(settlement(&mut dice, amount, due, habit));
    }
    settlements
}

/// One instalment; `habit` of 100 that are due were paid.
fn settlement(dice: &mut Dice, amount: i64, due: Day, habit: i64) -> Settlement {
    let status = if dice.chance(3) {
        "cancelled"
    } else if due >= TODAY {
        "scheduled"
    } else if dice.chance(habit) {
        "paid"
    } else {
        "overdue"
    };
    let paid = due.plus(dice.between(-5, 12)).at(dice.between(32_400, 64_800)).min(TODAY.at(-60));
    Settlement { amount, due, status, paid: (status == "paid").then_some(paid) }
}

fn rows(world: &World, contract_id: i64, rows: &mut Vec<Row>) {
    let contract = Contract::of(world, contract_id);
    let mut dice = world.dice("settlements", contract_id);
    let payer = (!dice.chance(10)).then(|| registration(&mut dice));
    let abroad = dice.chance(12) || contract.amount > Some(20_000_000_000);
    let dollars = abroad.then(|| dice.between(6_912_345_678, 7_812_345_678));
    for (n, settlement) in (1..).zip(of(world, &contract)) {
        let rate = (!dice.chance(5)).then(|| dice.between(50, 350));
        let updated = settlement.due.plus(-dice.below(40)).at(dice.below(86_400));
        let updated = settlement.paid.unwrap_or(updated).min(TODAY.at(-1));
        rows.push(row![
            contract_id * ID_STEP + n,
            (!dice.chance(1)).then(|| contract.named(world, &mut dice)),
            settlement.status,
            settlement.amount,
            rate.map(|rate| decimal(i128::from(rate), 4)),
            rate.map(|rate| decimal(product(settlement.amount, rate), 4)),
            // The rate has thirteen decimals; what it gives is cut, not rounded, after ten.
            dollars.map(|rate| decimal(product(settlement.amount, rate) / 1000, 10)),
            settlement.due.text(),
            settlement.paid.map(Moment::seoul_clock),
            payer.clone(),
            updated.seoul_clock(),
            dice.chance(2).then(|| updated.seoul_clock()),
        ]);
    }
}

fn product(amount: i64, rate: i64) -> i128 {
    i128::from(amount) * i128::from(rate)
}

/// `units` with the point `scale` digits from the right: `decimal(123, 4)` is `0.0123`.
fn decimal(units: i128, scale: u32) -> String {
    let one = 10_i128.pow(scale);
    format!("{}.{:0width$}", units / one, units % one, width = scale as usize)
}
