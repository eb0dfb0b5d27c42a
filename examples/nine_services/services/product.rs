//! Products and which contract has which: clocks in UTC that do not say so, prices with four decimals.
//!
//! A link that is taken back leaves a tombstone in `contract_products_gone`.

use crate::calendar::{FIRST, TODAY};
use crate::services::contract::Contract;
use crate::table::{Column, Kind, Row, Service, Table, column, nullable, row};
use crate::words;
use crate::world::World;

pub(crate) const SERVICE: Service =
    Service { name: "product", tables: &[PRODUCTS, CONTRACT_PRODUCTS, CONTRACT_PRODUCTS_GONE] };

const CATEGORIES: [&str; 4] = ["hardware", "software", "service", "supply"];

const PRODUCTS: Table = Table {
    name: "products",
    columns: &[
        column("id", Kind::Int),
        column("code", Kind::Code(12)),
        column("name", Kind::Text(80)),
        column("category", Kind::Enum(&CATEGORIES)),
        nullable("unit_price", Kind::Decimal(19, 4)),
        column("discontinued", Kind::Bool),
        column("created_at", Kind::Clock),
        nullable("updated_at", Kind::Clock),
    ],
    key: &["id"],
    indexes: &[&["updated_at"], &["created_at"]],
    parents: |world| world.products,
    rows: products,
};

const LINK: [Column; 4] = [
    column("contract_id", Kind::Int),
    column("product_id", Kind::Int),
    column("quantity", Kind::Int),
    column("created_at", Kind::Clock),
];

const CONTRACT_PRODUCTS: Table = Table {
    name: "contract_products",
    columns: &LINK,
    key: &["contract_id", "product_id"],
    indexes: &[&["product_id"], &["created_at"]],
    parents: |world| world.contracts,
    rows: links,
};

const CONTRACT_PRODUCTS_GONE: Table = Table {
    name: "contract_products_gone",
    columns: &[
        column("contract_id", Kind::Int),
        column("product_id", Kind::Int),
        column("created_at", Kind::Clock),
    ],
    key: &["contract_id", "product_id"],
    indexes: &[&["created_at"]],
    parents: |world| world.contracts,
    rows: tombstones,
};

fn products(world: &World, id: i64, rows: &mut Vec<Row>) {
    let mut dice = world.dice("products", id);
    let (name, category) = words::goods(&mut dice);
    let created = FIRST.plus(-dice.below(1_000)).at(dice.below(86_400));
    let price = format!("{}.{:04}", dice.between(90, 9_000_000), dice.below(10_000));
    rows.push(row![
        id,
        format!("P{id:06}"),
        name,
        category,
        (!dice.chance(6)).then_some(price),
        dice.chance(8),
        created.utc_clock(),
        dice.chance(60).then(|| TODAY.plus(-dice.below(600)).at(-dice.below(86_400)).utc_clock()),
    ]);
}

/// Up to five products of one contract, all different: a walk around the list of all products.
fn chosen(world: &World, contract: &Contract) -> Vec<i64> {
    let mut dice = world.dice("contract_products.choice", contract.id);
    let first = dice.below(world.products);
    let step = dice.between(1, 7);
    let count = dice.weighted(&[(0, 10), (1, 30), (2, 30), (3, 18), (4, 8), (5, 4)]);
    (0..count).map(|n| 1 + (first + n * step) % world.products).collect()
}

fn links(world: &World, id: i64, rows: &mut Vec<Row>) {
    let contract = Contract::of(world, id);
    let mut dice = world.dice("contract_products", id);
    let created = contract.starts.at(dice.below(86_400)).min(TODAY.at(-1)).utc_clock();
    for product in chosen(world, &contract) {
        let product = if dice.chance(1) { world.products + product } else { product };
        let contract_id = contract.named(world, &mut dice);
        rows.push(row![contract_id, product, dice.between(1, 40), created.as_str()]);
    }
}

/// One contract in fifty once had the product after its last one.
fn tombstones(world: &World, id: i64, rows: &mut Vec<Row>) {
    let contract = Contract::of(world, id);
    let mut dice = world.dice("contract_products_gone", id);
    let had = chosen(world, &contract);
    let gone = 1 + had.iter().max().copied().unwrap_or(0) % world.products;
    if dice.chance(2) && !had.contains(&gone) {
        let at = TODAY.plus(-dice.between(1, 30)).at(dice.below(86_400));
        rows.push(row![id, gone, at.utc_clock()]);
    }
}
