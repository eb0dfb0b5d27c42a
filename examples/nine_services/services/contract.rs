//! Contracts: `snake_case`, moments in UTC with milliseconds, soft deletes by `deleted_at`.
//!
//! The other services look contracts up here to invent rows that fit. They own their data, though:
//! a contract may name an account, a manager or a company that is not there.

use crate::calendar::{Day, FIRST, Moment, TODAY};
use crate::dice::Dice;
use crate::services::company;
use crate::table::{Column, Kind, Row, Service, Table, column, nullable, row};
use crate::words;
use crate::world::World;

pub(crate) const SERVICE: Service = Service { name: "contract", tables: &[CONTRACTS] };

const STATUSES: [&str; 5] = ["draft", "active", "suspended", "expired", "terminated"];

const COLUMNS: [Column; 17] = [
    column("id", Kind::Int),
    column("tenant_id", Kind::Code(8)),
    column("contract_no", Kind::Code(20)),
    column("title", Kind::Text(200)),
    column("status", Kind::Enum(&STATUSES)),
    nullable("amount", Kind::Int),
    nullable("signed_at", Kind::Date),
    column("starts_on", Kind::Date),
    nullable("ends_on", Kind::Date),
    column("auto_renewal", Kind::Bool),
    nullable("account_id", Kind::Int),
    nullable("company_ref", Kind::Code(40)),
    nullable("manager_id", Kind::Int),
    nullable("approver_id", Kind::Int),
    nullable("memo", Kind::Text(500)),
    column("updated_at", Kind::Instant),
    nullable("deleted_at", Kind::Instant),
];

const CONTRACTS: Table = Table {
    name: "contracts",
    columns: &COLUMNS,
    key: &["id"],
    indexes: &[
        &["updated_at"],
        &["account_id"],
        &["company_ref"],
        &["manager_id"],
        &["approver_id"],
    ],
    parents: |world| world.contracts,
    rows,
};

/// What the other services know about a contract.
pub(crate) struct Contract {
    pub(crate) id: i64,
    pub(crate) status: &'static str,
    /// In won; a draft may have none yet.
    pub(crate) amount: Option<i64>,
    pub(crate) starts: Day,
    pub(crate) months: i64,
}

impl Contract {
    /// The contract with this id, with the dice that rolled it so far.
    fn roll(world: &World, id: i64) -> (Self, Dice) {
        let mut dice = world.dice("contracts", id);
        let starts = FIRST.plus(dice.below(1460));
        let months = dice.pick(&[6, 12, 12, 12, 24, 36]);
        let status = if starts > TODAY || dice.chance(4) {
            "draft"
        } else if starts.plus(months * 30) < TODAY {
            dice.weighted(&[("expired", 80), ("terminated", 20)])
        } else {
            dice.weighted(&[("active", 86), ("suspended", 8), ("terminated", 6)])
        };
        let scale = dice.weighted(&[
            (10_000, 25),
            (100_000, 40),
            (1_000_000, 25),
            (10_000_000, 9),
            (100_000_000, 1),
        ]);
        let amount = dice.between(30, 999) * scale;
        let unknown = status == "draft" && dice.chance(30);
        (Self { id, status, amount: (!unknown).then_some(amount), starts, months }, dice)
    }

    /// The contract with this id, as the contract service knows it.
    pub(crate) fn of(world: &World, id: i64) -> Self {
        Self::roll(world, id).0
    }

    /// The contract that a row elsewhere belongs to; one row in a hundred names one that never was.
    pub(crate) fn named(&self, world: &World, dice: &mut Dice) -> i64 {
        if dice.chance(1) { world.contracts + self.id } else { self.id }
    }
}

fn rows(world: &World, id: i64, rows: &mut Vec<Row>) {
    let (contract, mut dice) = Contract::roll(world, id);
    let draft = contract.status == "draft";
    let signed = contract.starts.plus(-dice.between(1, 40));
    let updated = touched(contract.starts, &mut dice);
    let subject = dice.pick(&words::SUBJECTS);
    let agreement = dice.pick(&words::AGREEMENTS);
    rows.push(row![
        id,
        dice.weighted(&[("t1", 70), ("t2", 20), ("t3", 10)]),
        format!("K-{}-{id:06}", contract.starts.year()),
        format!("{} {subject} {agreement}", words::firm(&mut dice).0),
        contract.status,
        contract.amount,
        (!draft).then(|| signed.text()),
        contract.starts.text(),
        (!dice.chance(7)).then(|| contract.starts.plus(contract.months * 30).text()),
        dice.chance(35),
        someone(&mut dice, world.accounts, 3),
        company_ref(world, &mut dice),
        someone(&mut dice, world.managers, 4),
        someone(&mut dice, world.managers, 30),
        dice.chance(25).then(|| dice.pick(&words::MEMOS)),
        updated,
        dice.chance(3).then(|| updated.plus(-dice.between(0, 5000))),
    ]);
}

/// Somebody's id; NULL in `missing` of 100 contracts, and in one of 100 nobody's.
fn someone(dice: &mut Dice, last: i64, missing: i64) -> Option<i64> {
    match dice.below(100) {
        roll if roll < missing => None,
        99 => Some(last + dice.between(1, 50)),
        _ => Some(dice.favourite(last)),
    }
}

/// The company's uuid as people of this service copy it: in every spelling, and sometimes not at all.
fn company_ref(world: &World, dice: &mut Dice) -> Option<String> {
    let id = someone(dice, world.companies, 6)?;
    let uuid = company::uuid(world, id);
    Some(match dice.below(100) {
        0..68 => uuid.hyphenated().to_string(),
        68..84 => uuid.hyphenated().to_string().to_uppercase(),
        84..99 => uuid.simple().to_string(),
        _ => dice.pick(&["unknown", "-", "N/A"]).to_owned(),
    })
}

/// When a row about something that began on `start` was last written, never later than today.
fn touched(start: Day, dice: &mut Dice) -> Moment {
    let latest = TODAY.at(0);
    start.plus(dice.between(-40, 400)).at(dice.below(86_400)).plus(dice.below(1000)).min(latest)
}
