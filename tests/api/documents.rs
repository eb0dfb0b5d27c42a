//! Contracts that are the same in every run: with nulls, ties, Hangul, extremes and lists of lists.

use std::collections::BTreeSet;
use std::path::Path;

use prejoin::mapping::Mapping;
use prejoin::sink::Flavor;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Number, Value, json};

pub(super) const COUNT: usize = 300;

pub(super) const NAMES: [&str; 8] =
    ["김철수", "이영희", "박민수", "Ada", "ada", "한글 이름", "a*d?", "A\\d*"];
/// What notes are made of.
pub(super) const WORDS: [&str; 12] = [
    "김철수",
    "철수",
    "수",
    "유지보수",
    "클라우드",
    "Cloud",
    "the",
    "K-2026",
    "2026",
    "(주)신성",
    "ada",
    "x",
];
pub(super) const STATUSES: [&str; 4] = ["draft", "active", "overdue", "paid"];
pub(super) const DATES: [&str; 6] = [
    "2025-12-31",
    "2026-01-01",
    "2026-01-31",
    "2026-01-31T09:30:00Z",
    "2026-01-31T23:59:59.999Z",
    "2026-02-01T00:00:00+09:00",
];
pub(super) const AMOUNTS: [i64; 9] = [
    i64::MIN,
    -1,
    0,
    1,
    1_000_000,
    5_000_000,
    9_007_199_254_740_993,
    9_007_199_254_740_992,
    i64::MAX,
];
pub(super) const RATES: [&str; 6] =
    ["0.1", "-2.5", "1e3", "12345678901234567890123456789012345.678", "0", "0.30000000000000004"];

pub(super) const SMALLS: [&str; 5] = ["0", "1", "-1", "100", "-128"];
pub(super) const PRICES: [&str; 6] = ["0", "1.25", "1.26", "-2.5", "120000.01", "98000000"];
pub(super) const HALVES: [&str; 5] = ["0.5", "-3.75", "0", "65504", "0.125"];
pub(super) const SERIALS: [&str; 5] =
    ["0", "1", "9223372036854775807", "9223372036854775808", "18446744073709551615"];

/// As OpenSearch has it; Elasticsearch's core has neither `scaled_float` nor `unsigned_long`.
pub(super) fn mapping() -> Mapping {
    mapping_on(Flavor::OpenSearch)
}

/// With all the types that the engine has.
pub(super) fn mapping_on(flavor: Flavor) -> Mapping {
    let (price, serial, pairs) = match flavor {
        Flavor::OpenSearch => (
            r#""scaled_float", "scaling_factor": 100"#,
            r#""unsigned_long""#,
            r#", "fields": {"pairs": {"type": "text", "analyzer": "cjk"}}"#,
        ),
        Flavor::Elasticsearch => (r#""double""#, r#""double""#, ""),
    };
    let text = r#"{"mappings": {"dynamic": "strict", "properties": {
        "no": {"type": "keyword"},
        "title": {"type": "text", "fields": {"raw": {"type": "keyword"}}},
        "memo": {"type": "text"},
        "note": {"type": "text" PAIRS},
        "status": {"type": "keyword"},
        "tags": {"type": "keyword"},
        "marks": {"type": "integer"},
        "amount": {"type": "long"},
        "stock": {"type": "integer"},
        "rate": {"type": "double"},
        "share": {"type": "float"},
        "price": {"type": PRICE},
        "serial": {"type": SERIAL},
        "half": {"type": "half_float"},
        "short": {"type": "short"},
        "byte": {"type": "byte"},
        "paid": {"type": "boolean"},
        "signed_at": {"type": "date"},
        "seen_at": {"type": "date_nanos"},
        "hidden": {"type": "keyword", "index": false, "doc_values": false},
        "manager": {"properties": {"name": {"type": "keyword"}, "team": {"properties": {"name": {"type": "keyword"}}}}},
        "settlements": {"type": "nested", "properties": {
            "status": {"type": "keyword"}, "amount": {"type": "long"}, "due": {"type": "date"},
            "payer": {"properties": {"name": {"type": "keyword"}}}, "note": {"type": "text"},
            "lines": {"type": "nested", "properties": {"code": {"type": "keyword"}, "count": {"type": "integer"}}}}}
    }}}"#;
    let text = text.replace("PRICE", price).replace("SERIAL", serial).replace("PAIRS", pairs);
    Mapping::parse(Path::new("mappings/test.json"), &text).unwrap()
}

/// The documents, as they are sent.
pub(super) fn all() -> Vec<Value> {
    drawn(&mut Dice(StdRng::seed_from_u64(20_260_131)))
}

/// Others with the same ids.
pub(super) fn drawn(dice: &mut Dice) -> Vec<Value> {
    (0..COUNT).map(|number| document(number, dice)).collect()
}

/// Chance, always the same.
pub(super) struct Dice(pub(super) StdRng);

impl Dice {
    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.0.random_range(0..limit)
    }

    pub(super) fn one_in(&mut self, chances: usize) -> bool {
        self.below(chances) == 0
    }

    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// Fewer than so many words.
    pub(super) fn words(&mut self, limit: usize) -> String {
        let words: Vec<&str> = (0..self.below(limit)).map(|_| self.pick(&WORDS)).collect();
        words.join(" ")
    }

    fn maybe(&mut self, value: impl Into<Value>) -> Value {
        if self.one_in(5) { Value::Null } else { value.into() }
    }
}

/// A number with these digits.
pub(super) fn exact(digits: &str) -> Value {
    Value::Number(digits.parse::<Number>().unwrap())
}

/// What a document may lack.
const NULLABLE: [&str; 15] = [
    "title",
    "status",
    "stock",
    "rate",
    "share",
    "price",
    "serial",
    "half",
    "short",
    "byte",
    "paid",
    "signed_at",
    "seen_at",
    "manager",
    "note",
];

fn document(number: usize, dice: &mut Dice) -> Value {
    // The order of ids is not the order in which documents are sent.
    let id = format!("c{:03}", (number * 7919) % 1000);
    let settlements: Vec<Value> = (0..dice.below(4)).map(|_| settlement(dice)).collect();
    let tags: Vec<&str> = (0..dice.below(3)).map(|_| dice.pick(&STATUSES)).collect();
    // Each once: OpenSearch groups a document by each of them.
    let marks: BTreeSet<usize> = (0..dice.below(4)).map(|_| dice.below(9)).collect();
    let name = dice.pick(&NAMES);
    let team = dice.pick(&STATUSES);
    let amount = dice.pick(&AMOUNTS);
    let mut document = json!({
        "no": format!("K-{:04}", dice.below(200)),
        "title": dice.pick(&NAMES),
        "memo": "",
        "note": dice.words(6),
        "status": dice.pick(&STATUSES),
        "tags": tags,
        "marks": marks,
        "amount": dice.maybe(amount),
        "stock": number % 7,
        "rate": exact(dice.pick(&RATES)),
        "share": exact(dice.pick(&["0.1", "0.2", "-3.75"])),
        "price": exact(dice.pick(&PRICES)),
        "serial": exact(dice.pick(&SERIALS)),
        "half": exact(dice.pick(&HALVES)),
        "short": exact(dice.pick(&SMALLS)),
        "byte": exact(dice.pick(&SMALLS)),
        "paid": dice.one_in(2),
        "signed_at": dice.pick(&DATES),
        "seen_at": format!("2026-01-31T00:00:00.{:09}Z", number % 11),
        "hidden": "x",
        "manager": {"name": name, "team": {"name": team}},
        "settlements": settlements,
        "_prejoin": {"id": id, "digest": 1, "refs": []},
    });
    for field in NULLABLE {
        if dice.one_in(6) {
            document[field] = Value::Null;
        }
    }
    if let Some(manager) = document["manager"].as_object_mut()
        && dice.one_in(5)
    {
        manager.remove("name");
        manager.insert("team".to_owned(), json!({}));
    }
    document
}

fn settlement(dice: &mut Dice) -> Value {
    let lines: Vec<Value> = (0..dice.below(3))
        .map(|_| json!({"code": dice.pick(&STATUSES), "count": dice.below(3)}))
        .collect();
    let (status, amount) = (dice.pick(&STATUSES), dice.pick(&AMOUNTS));
    json!({
        "status": dice.maybe(status), "amount": dice.maybe(amount), "due": dice.pick(&DATES),
        "payer": {"name": dice.pick(&NAMES)}, "note": dice.words(3), "lines": lines,
    })
}
