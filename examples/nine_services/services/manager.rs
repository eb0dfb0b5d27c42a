//! Managers and their teams: moments in `last_changed`; teams do not say when they changed.

use crate::calendar::{FIRST, TODAY};
use crate::table::{Kind, Row, Service, Table, column, nullable, row};
use crate::words;
use crate::world::World;

pub(crate) const SERVICE: Service = Service { name: "manager", tables: &[MANAGERS, TEAMS] };

const TITLES: [&str; 5] = ["사원", "대리", "과장", "차장", "부장"];
const DIVISIONS: [&str; 5] = ["영업본부", "공공사업부", "기술본부", "Global Sales", "고객지원실"];

const MANAGERS: Table = Table {
    name: "managers",
    columns: &[
        column("id", Kind::Int),
        column("name", Kind::Text(60)),
        nullable("email", Kind::Text(120)),
        column("job_title", Kind::Enum(&TITLES)),
        nullable("team_id", Kind::Int),
        column("hired_on", Kind::Date),
        column("last_changed", Kind::Instant),
    ],
    key: &["id"],
    indexes: &[&["last_changed"], &["team_id"]],
    parents: |world| world.managers,
    rows: managers,
};

const TEAMS: Table = Table {
    name: "teams",
    columns: &[
        column("id", Kind::Int),
        column("name", Kind::Text(60)),
        nullable("division", Kind::Text(60)),
    ],
    key: &["id"],
    indexes: &[],
    parents: |world| world.teams,
    rows: teams,
};

fn managers(world: &World, id: i64, rows: &mut Vec<Row>) {
    let mut dice = world.dice("managers", id);
    let team = match dice.below(100) {
        0..8 => None,
        8..11 => Some(world.teams + 1),
        _ => Some(dice.between(1, world.teams)),
    };
    rows.push(row![
        id,
        words::person(&mut dice),
        (!dice.chance(12)).then(|| format!("m{id:04}@example.com")),
        dice.pick(&TITLES),
        team,
        FIRST.plus(-dice.below(6_000)).text(),
        TODAY.plus(-dice.between(1, 700)).at(dice.below(86_400)).plus(dice.below(1000)),
    ]);
}

fn teams(world: &World, id: i64, rows: &mut Vec<Row>) {
    let mut dice = world.dice("teams", id);
    rows.push(row![id, format!("영업{id}팀"), (!dice.chance(20)).then(|| dice.pick(&DIVISIONS)),]);
}
