//! Orders as TPC-H has them at scale 0.1, made by counting: the same key gives the same rows.
//!
//! Keys spread over 15,000 customers, 20,000 parts and 1,000 suppliers, and orders have one to seven line items, four on
//! average. Knows nothing of how rows are kept or read.

use prejoin::row::Type::{self, Date, Decimal, Integer, Text};

/// A table: its name, its columns, and how many of them, from the first, are its key.
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) columns: &'static [(&'static str, Type)],
    pub(crate) key: usize,
    /// All rows whose first column is that key.
    pub(crate) rows: fn(u64) -> Vec<Vec<String>>,
}

pub(crate) const ORDERS: Table = Table {
    name: "orders",
    columns: &[
        ("o_orderkey", Integer),
        ("o_custkey", Integer),
        ("o_orderstatus", Text),
        ("o_totalprice", Decimal),
        ("o_orderdate", Date),
        ("o_orderpriority", Text),
        ("o_clerk", Text),
        ("o_shippriority", Integer),
        ("o_comment", Text),
    ],
    key: 1,
    rows: |key| {
        vec![vec![
            key.to_string(),
            spread(key, 15_000),
            one_of(&["F", "O", "P"], key),
            amount(key * 1_573),
            day(key),
            one_of(&["1-URGENT", "2-HIGH", "3-MEDIUM", "4-NOT SPECIFIED", "5-LOW"], key),
            format!("Clerk#{:09}", key % 100),
            "0".to_owned(),
            comment(key),
        ]]
    },
};

pub(crate) const LINE_ITEMS: Table = Table {
    name: "lineitem",
    columns: &[
        ("l_orderkey", Integer),
        ("l_linenumber", Integer),
        ("l_partkey", Integer),
        ("l_suppkey", Integer),
        ("l_quantity", Decimal),
        ("l_extendedprice", Decimal),
        ("l_discount", Decimal),
        ("l_tax", Decimal),
        ("l_returnflag", Text),
        ("l_linestatus", Text),
        ("l_shipdate", Date),
        ("l_shipmode", Text),
    ],
    key: 2,
    rows: |order| (1..=order % 7 + 1).map(|number| line_item(order, number)).collect(),
};

const CUSTOMERS: Table = Table {
    name: "customer",
    columns: &[
        ("c_custkey", Integer),
        ("c_name", Text),
        ("c_nationkey", Integer),
        ("c_phone", Text),
        ("c_acctbal", Decimal),
        ("c_mktsegment", Text),
    ],
    key: 1,
    rows: |key| {
        vec![vec![
            key.to_string(),
            format!("Customer#{key:09}"),
            spread(key, 25),
            format!("{}-{:03}-{:03}-{:04}", key % 25 + 10, key % 900, key % 871, key % 9_973),
            amount(key * 37),
            one_of(&["AUTOMOBILE", "BUILDING", "FURNITURE", "HOUSEHOLD", "MACHINERY"], key),
        ]]
    },
};

const PARTS: Table = Table {
    name: "part",
    columns: &[
        ("p_partkey", Integer),
        ("p_name", Text),
        ("p_brand", Text),
        ("p_type", Text),
        ("p_retailprice", Decimal),
    ],
    key: 1,
    rows: |key| {
        let colours = ["goldenrod", "lavender", "spring", "chocolate", "lace", "\"blush\"", "dim"];
        vec![vec![
            key.to_string(),
            (0..5).map(|at| one_of(&colours, key + at)).collect::<Vec<_>>().join(" "),
            format!("Brand#{}{}", key % 5 + 1, key % 4 + 1),
            one_of(&["PROMO BURNISHED COPPER", "LARGE BRUSHED BRASS", "SMALL PLATED STEEL"], key),
            amount(90_000 + key),
        ]]
    },
};

const SUPPLIERS: Table = Table {
    name: "supplier",
    columns: &[("s_suppkey", Integer), ("s_name", Text), ("s_nationkey", Integer)],
    key: 1,
    rows: |key| vec![vec![key.to_string(), format!("Supplier#{key:09}"), spread(key, 25)]],
};

const NATIONS: Table = Table {
    name: "nation",
    columns: &[("n_nationkey", Integer), ("n_name", Text), ("n_regionkey", Integer)],
    key: 1,
    rows: |key| vec![vec![key.to_string(), format!("NATION {key}"), spread(key, 5)]],
};

const REGIONS: Table = Table {
    name: "region",
    columns: &[("r_regionkey", Integer), ("r_name", Text)],
    key: 1,
    rows: |key| vec![vec![key.to_string(), format!("REGION {key}")]],
};

pub(crate) const ALL: &[Table] =
    &[ORDERS, LINE_ITEMS, CUSTOMERS, PARTS, SUPPLIERS, NATIONS, REGIONS];

fn line_item(order: u64, number: u64) -> Vec<String> {
    let seed = order * 7 + number;
    vec![
        order.to_string(),
        number.to_string(),
        spread(seed, 20_000),
        spread(seed, 1_000),
        amount((seed % 50 + 1) * 100),
        amount(seed * 911),
        amount(seed % 11),
        amount(seed % 9),
        one_of(&["A", "N", "R"], seed),
        one_of(&["F", "O"], seed),
        day(order + number),
        one_of(&["AIR", "FOB", "MAIL", "RAIL", "REG AIR", "SHIP", "TRUCK"], seed),
    ]
}

/// One of `count` keys, neighbours far from each other.
fn spread(seed: u64, count: u64) -> String {
    (seed * 7_919 % count + 1).to_string()
}

fn one_of(texts: &[&str], seed: u64) -> String {
    let at = seed % texts.len() as u64;
    usize::try_from(at).ok().and_then(|at| texts.get(at)).copied().unwrap_or_default().to_owned()
}

/// So many hundredths, below 600,000.00.
fn amount(hundredths: u64) -> String {
    let hundredths = hundredths % 60_000_000;
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

fn day(seed: u64) -> String {
    format!("{}-{:02}-{:02}", 1_992 + seed % 7, seed % 12 + 1, seed % 28 + 1)
}

fn comment(seed: u64) -> String {
    let words = ["carefully", "final", "deposits", "sleep", "blithely", "among", "the", "pinto"];
    (0..4 + seed % 6).map(|at| one_of(&words, seed + at)).collect::<Vec<_>>().join(" ")
}
