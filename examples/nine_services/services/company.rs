//! Companies: known by a uuid, which every store keeps in its own way; moments in UTC.

use uuid::{Builder, Uuid};

use crate::calendar::{FIRST, TODAY};
use crate::table::{Column, Kind, Row, Service, Table, column, nullable, row};
use crate::words;
use crate::world::World;

pub(crate) const SERVICE: Service = Service { name: "company", tables: &[COMPANIES] };

const INDUSTRIES: [&str; 6] =
    ["manufacturing", "logistics", "retail", "finance", "technology", "public"];

const COLUMNS: [Column; 9] = [
    column("uuid", Kind::Uuid),
    column("name", Kind::Text(120)),
    nullable("name_en", Kind::Text(120)),
    column("reg_no", Kind::Code(12)),
    nullable("industry", Kind::Enum(&INDUSTRIES)),
    nullable("employees", Kind::Int),
    column("listed", Kind::Bool),
    nullable("founded_on", Kind::Date),
    column("updated_at", Kind::Instant),
];

const COMPANIES: Table = Table {
    name: "companies",
    columns: &COLUMNS,
    key: &["uuid"],
    indexes: &[&["updated_at"]],
    parents: |world| world.companies,
    rows,
};

/// The uuid of the company with this number.
pub(crate) fn uuid(world: &World, id: i64) -> Uuid {
    let mut dice = world.dice("companies.uuid", id);
    let bits = (u128::from(dice.bits()) << 64) | u128::from(dice.bits());
    Builder::from_random_bytes(bits.to_be_bytes()).into_uuid()
}

fn rows(world: &World, id: i64, rows: &mut Vec<Row>) {
    let mut dice = world.dice("companies", id);
    let (korean, english) = words::firm(&mut dice);
    let founded = FIRST.plus(-dice.between(100, 15_000));
    rows.push(row![
        uuid(world, id),
        korean,
        (!dice.chance(30)).then_some(english),
        registration(&mut dice),
        (!dice.chance(10)).then(|| dice.pick(&INDUSTRIES)),
        (!dice.chance(12)).then(|| dice.between(1, 400) * dice.between(1, 60)),
        dice.chance(15),
        (!dice.chance(20)).then(|| founded.text()),
        TODAY.plus(-dice.between(1, 900)).at(dice.below(86_400)).plus(dice.below(1000)),
    ]);
}

/// A business registration number, such as 123-45-67890.
pub(crate) fn registration(dice: &mut crate::dice::Dice) -> String {
    format!("{:03}-{:02}-{:05}", dice.between(101, 999), dice.between(1, 89), dice.below(100_000))
}
