//! Tickets of the support desk: camelCase, JSON columns, moments in UTC, soft deletes by `deletedAt`.

use crate::calendar::TODAY;
use crate::dice::Dice;
use crate::services::contract::Contract;
use crate::table::{Column, Kind, Row, Service, Table, column, nullable, row};
use crate::words;
use crate::world::World;

pub(crate) const SERVICE: Service = Service { name: "support", tables: &[TICKETS] };

/// A contract has fewer tickets than this.
const ID_STEP: i64 = 10;

const STATUSES: [&str; 4] = ["open", "pending", "resolved", "closed"];
const TAGS: [&str; 8] =
    ["billing", "긴급", "login", "해지", "delay", "VIP", "재문의", "legal \"hold\""];
const CHANNELS: [&str; 4] = ["phone", "email", "kakao", "web"];

const COLUMNS: [Column; 11] = [
    column("id", Kind::Int),
    column("contractId", Kind::Int),
    column("subject", Kind::Text(200)),
    column("status", Kind::Enum(&STATUSES)),
    column("priority", Kind::Int),
    column("tags", Kind::Json),
    nullable("meta", Kind::Json),
    column("openedAt", Kind::Instant),
    nullable("closedAt", Kind::Instant),
    column("updatedAt", Kind::Instant),
    nullable("deletedAt", Kind::Instant),
];

const TICKETS: Table = Table {
    name: "tickets",
    columns: &COLUMNS,
    key: &["id"],
    indexes: &[&["contractId"], &["updatedAt"]],
    parents: |world| world.contracts,
    rows,
};

fn rows(world: &World, contract_id: i64, rows: &mut Vec<Row>) {
    let contract = Contract::of(world, contract_id);
    let mut dice = world.dice("tickets", contract_id);
    let count = dice.weighted(&[(0, 55), (1, 25), (2, 12), (3, 5), (6, 3)]);
    for n in 1..=count {
        let age = dice.between(1, 500) * dice.between(1, 2);
        let opened = TODAY.plus(-age).at(dice.below(86_400)).plus(dice.below(1000));
        let status = if age < 40 || dice.chance(6) {
            dice.weighted(&[("open", 60), ("pending", 40)])
        } else {
            dice.weighted(&[("resolved", 40), ("closed", 60)])
        };
        let done = matches!(status, "resolved" | "closed");
        let closed = opened.plus(dice.between(60_000, 900_000_000)).min(TODAY.at(-1));
        let updated = if done { closed } else { opened };
        rows.push(row![
            contract_id * ID_STEP + n,
            contract.named(world, &mut dice),
            dice.pick(&words::COMPLAINTS),
            status,
            dice.between(1, 5),
            tags(&mut dice),
            (!dice.chance(20)).then(|| meta(&mut dice)),
            opened,
            done.then_some(closed),
            updated,
            dice.chance(3).then_some(updated),
        ]);
    }
}

/// A JSON list of up to three different tags.
fn tags(dice: &mut Dice) -> String {
    let count = dice.between(0, 3);
    let first = dice.below(8);
    let tags = TAGS.iter().cycle().skip(usize::try_from(first).unwrap_or(0));
    let tags: Vec<String> =
        tags.take(usize::try_from(count).unwrap_or(0)).map(|tag| format!("{tag:?}")).collect();
    format!("[{}]", tags.join(", "))
}

/// A JSON object; short keys first, which is the order that Postgres's `jsonb` gives them.
fn meta(dice: &mut Dice) -> String {
    let vip = dice.chance(10);
    let score = format!("{}.{}", dice.between(1, 4), dice.between(1, 9));
    format!(r#"{{"vip": {vip}, "score": {score}, "channel": "{}"}}"#, dice.pick(&CHANNELS))
}
