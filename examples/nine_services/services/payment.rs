//! Payments, numbered within the branch that took them, and their receipts: clocks in Seoul, a flag for void ones.

use crate::calendar::{Moment, TODAY};
use crate::services::contract::Contract;
use crate::services::settlement;
use crate::table::{Column, Kind, Row, Service, Table, column, nullable, row};
use crate::world::World;

pub(crate) const SERVICE: Service = Service { name: "payment", tables: &[PAYMENTS, RECEIPTS] };

const BRANCHES: i64 = 12;
/// A contract has fewer payments than this.
const NUMBER_STEP: i64 = 100;

const METHODS: [&str; 4] = ["transfer", "card", "virtual_account", "cash"];
const STATES: [&str; 3] = ["settled", "failed", "refunded"];

const COLUMNS: [Column; 10] = [
    column("branch_id", Kind::Int),
    column("payment_no", Kind::Int),
    column("contract_id", Kind::Int),
    column("method", Kind::Enum(&METHODS)),
    column("state", Kind::Enum(&STATES)),
    column("amount", Kind::Int),
    nullable("approval_no", Kind::Code(16)),
    nullable("paid_at", Kind::Clock),
    column("is_void", Kind::Bool),
    column("last_modified", Kind::Clock),
];

const PAYMENTS: Table = Table {
    name: "payments",
    columns: &COLUMNS,
    key: &["branch_id", "payment_no"],
    indexes: &[&["contract_id"], &["last_modified"]],
    parents: |world| world.contracts,
    rows: payments,
};

const RECEIPTS: Table = Table {
    name: "receipts",
    columns: &[
        column("branch_id", Kind::Int),
        column("payment_no", Kind::Int),
        column("receipt_no", Kind::Code(20)),
        column("issued_on", Kind::Date),
        column("last_modified", Kind::Clock),
    ],
    key: &["branch_id", "payment_no"],
    indexes: &[&["last_modified"]],
    parents: |world| world.contracts,
    rows: receipts,
};

/// One attempt to pay.
struct Payment {
    branch: i64,
    number: i64,
    state: &'static str,
    amount: i64,
    at: Moment,
}

/// The payments of one contract: each paid settlement in one or two parts, some at the second try.
fn of(world: &World, contract: &Contract) -> Vec<Payment> {
    let mut dice = world.dice("payments.plan", contract.id);
    let mut attempts = Vec::new();
    for settlement in settlement::of(world, contract) {
        let Some(at) = settlement.paid else { continue };
        if dice.chance(8) {
            attempts.push(("failed", settlement.amount, at.plus(-600_000)));
        }
        let second = if dice.chance(10) { settlement.amount / 3 } else { 0 };
        let state = if dice.chance(3) { "refunded" } else { "settled" };
        attempts.push((state, settlement.amount - second, at));
        if second > 0 {
            attempts.push(("settled", second, at.plus(61_000)));
        }
    }
    let branch = contract.id % BRANCHES + 1;
    let first = contract.id / BRANCHES * NUMBER_STEP;
    (1..)
        .zip(attempts)
        .map(|(n, (state, amount, at))| Payment { branch, number: first + n, state, amount, at })
        .collect()
}

fn payments(world: &World, contract_id: i64, rows: &mut Vec<Row>) {
    let contract = Contract::of(world, contract_id);
    let mut dice = world.dice("payments", contract_id);
    let method = dice.pick(&METHODS);
    for payment in of(world, &contract) {
        let failed = payment.state == "failed";
        let approval = !failed && method != "cash";
        rows.push(row![
            payment.branch,
            payment.number,
            contract.named(world, &mut dice),
            method,
            payment.state,
            payment.amount,
            approval.then(|| format!("AP{:010}", dice.below(10_000_000_000))),
            (!failed).then(|| payment.at.seoul_clock()),
            dice.chance(2),
            payment.at.seoul_clock(),
        ]);
    }
}

fn receipts(world: &World, contract_id: i64, rows: &mut Vec<Row>) {
    let contract = Contract::of(world, contract_id);
    let mut dice = world.dice("receipts", contract_id);
    for payment in of(world, &contract) {
        if payment.state == "failed" || dice.chance(20) {
            continue;
        }
        let Payment { branch, number, at, .. } = payment;
        let issued = at.plus(dice.below(72) * 3_600_000).min(TODAY.at(-1)).seoul_clock();
        let day = issued.split(' ').next().map(str::to_owned);
        rows.push(row![branch, number, format!("R{branch:02}-{number:08}"), day, issued]);
    }
}
