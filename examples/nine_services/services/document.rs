//! Documents on file: codes for keys, the contract's number as text, times as text with Seoul's offset.
//!
//! Some keys differ by the case of a letter only. Nothing is deleted here: a document's state says
//! that it was removed.

use crate::calendar::TODAY;
use crate::services::contract::Contract;
use crate::table::{Column, Kind, Row, Service, Table, column, nullable, row};
use crate::world::World;

pub(crate) const SERVICE: Service = Service { name: "document", tables: &[DOCUMENTS] };

const STATES: [&str; 3] = ["valid", "replaced", "removed"];
/// The kinds of document, and what people call the file.
const KINDS: [(&str, &str); 5] = [
    ("contract", "계약서"),
    ("amendment", "변경계약서"),
    ("invoice", "세금계산서"),
    ("quotation", "견적서"),
    ("inspection", "검수확인서 (final)"),
];

const COLUMNS: [Column; 9] = [
    column("doc_id", Kind::Code(24)),
    column("contract_id", Kind::Code(20)),
    column("kind", Kind::Code(16)),
    column("file_name", Kind::Text(200)),
    nullable("pages", Kind::Int),
    column("size_bytes", Kind::Unsigned),
    nullable("checksum", Kind::Bytes(16)),
    column("state", Kind::Enum(&STATES)),
    column("modified_at", Kind::Code(25)),
];

const DOCUMENTS: Table = Table {
    name: "documents",
    columns: &COLUMNS,
    key: &["doc_id"],
    indexes: &[&["contract_id"], &["modified_at"]],
    parents: |world| world.contracts,
    rows,
};

fn rows(world: &World, contract_id: i64, rows: &mut Vec<Row>) {
    let contract = Contract::of(world, contract_id);
    let mut dice = world.dice("documents", contract_id);
    let count = dice.weighted(&[(0, 20), (1, 40), (2, 25), (3, 10), (5, 5)]);
    for (n, letter) in (1..=count).zip(["a", "A", "b", "B", "c"]) {
        let (kind, title) = dice.pick(&KINDS);
        let modified =
            contract.starts.plus(dice.below(300)).at(dice.below(86_400)).min(TODAY.at(-1));
        let owner = match dice.below(200) {
            0 => "N/A".to_owned(),
            1 => String::new(),
            _ => contract.named(world, &mut dice).to_string(),
        };
        let sum: Vec<u8> = [dice.bits(), dice.bits()].map(u64::to_be_bytes).concat();
        rows.push(row![
            format!("D{contract_id:09}-{letter}"),
            owner,
            kind,
            format!("{title}_{contract_id}_{n}.{}", dice.pick(&["pdf", "PDF", "hwp", "docx"])),
            (!dice.chance(10)).then(|| dice.between(1, 120)),
            dice.between(900, 80_000_000),
            (!dice.chance(15)).then_some(sum),
            dice.weighted(&[("valid", 80), ("replaced", 14), ("removed", 6)]),
            modified.seoul_offset(),
        ]);
    }
}
