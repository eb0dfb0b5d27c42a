//! Accounts: times as epoch seconds, an `is_deleted` flag, a discount rate with four decimals.

use crate::calendar::{FIRST, TODAY};
use crate::table::{Column, Kind, Row, Service, Table, column, nullable, row};
use crate::words;
use crate::world::World;

pub(crate) const SERVICE: Service = Service { name: "account", tables: &[ACCOUNTS] };

const GRADES: [&str; 4] = ["VIP", "A", "B", "C"];

const COLUMNS: [Column; 8] = [
    column("id", Kind::Int),
    column("name", Kind::Text(120)),
    nullable("grade", Kind::Enum(&GRADES)),
    nullable("credit_limit", Kind::Int),
    column("discount_rate", Kind::Decimal(5, 4)),
    column("is_deleted", Kind::Bool),
    column("created", Kind::Int),
    column("modified", Kind::Int),
];

const ACCOUNTS: Table = Table {
    name: "accounts",
    columns: &COLUMNS,
    key: &["id"],
    indexes: &[&["modified"]],
    parents: |world| world.accounts,
    rows,
};

fn rows(world: &World, id: i64, rows: &mut Vec<Row>) {
    let mut dice = world.dice("accounts", id);
    let (korean, english) = words::firm(&mut dice);
    let created = FIRST.plus(-dice.below(1500)).at(dice.below(86_400));
    let modified = created.plus(dice.below(2_000) * 86_399_000).min(TODAY.at(0));
    rows.push(row![
        id,
        if dice.chance(25) { english } else { korean },
        (!dice.chance(8)).then(|| dice.weighted(&[("VIP", 8), ("A", 30), ("B", 40), ("C", 22)])),
        (!dice.chance(15)).then(|| dice.between(1, 500) * 1_000_000),
        format!("0.{:04}", dice.below(2_000)),
        dice.chance(3),
        created.seconds(),
        modified.seconds(),
    ]);
}
