//! The seven TPC-H tables that the documents are made of: columns, keys, references and rows.
//!
//! Rows come in the benchmark's own text form, one line per row with `|` between the columns, and
//! are generated while they are read: nothing here holds a table in memory. The same scale always
//! yields the same rows. It knows no server and no document.

use std::fmt::Display;

use tpchgen::generators::{
    CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator,
    RegionGenerator, SupplierGenerator,
};

use self::Kind::{BigInteger, Date, Decimal, Integer, Text};

/// What a column holds; each server says it in its own words.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// A whole number of 32 bits.
    Integer,
    /// A whole number of 64 bits.
    BigInteger,
    /// An amount with two decimals.
    Decimal,
    /// A day.
    Date,
    /// At most 152 characters of ASCII.
    Text,
}

/// Rows as text lines, values separated by `|`; no value contains a `|`, a backslash or a newline.
pub(crate) type Lines = Box<dyn Iterator<Item = String> + Send>;

/// One table, ready to be created and filled anywhere.
pub(crate) struct Table {
    /// Its name.
    pub(crate) name: &'static str,
    /// Column names and kinds, in the order of a line's values.
    pub(crate) columns: &'static [(&'static str, Kind)],
    /// The primary key.
    pub(crate) key: &'static [&'static str],
    /// Columns that hold another table's key, with that table's name.
    pub(crate) references: &'static [(&'static str, &'static str)],
    /// All rows at a scale; 1 is 1,500,000 orders.
    pub(crate) rows: fn(f64) -> Lines,
}

impl Table {
    /// The references that need an index of their own: the primary key does not begin with them.
    pub(crate) fn indexed(&self) -> impl Iterator<Item = &'static str> {
        let leading = self.key.first();
        self.references.iter().map(|(column, _)| *column).filter(move |name| leading != Some(name))
    }
}

/// What the orders service owns.
pub(crate) const ORDERS: &[Table] = &[ORDER, LINE_ITEM];
/// What the customers service owns.
pub(crate) const CUSTOMERS: &[Table] = &[REGION, NATION, CUSTOMER];
/// What the parts service owns; the suppliers' nations are a copy of its own.
pub(crate) const PARTS: &[Table] = &[NATION, PART, SUPPLIER];
/// Every table once, each after the tables it refers to.
pub(crate) const ALL: &[Table] = &[REGION, NATION, CUSTOMER, PART, SUPPLIER, ORDER, LINE_ITEM];

const REGION: Table = Table {
    name: "region",
    columns: &[("r_regionkey", Integer), ("r_name", Text), ("r_comment", Text)],
    key: &["r_regionkey"],
    references: &[],
    rows: |scale| lines(RegionGenerator::new(scale, 1, 1).iter()),
};

const NATION: Table = Table {
    name: "nation",
    columns: &[
        ("n_nationkey", Integer),
        ("n_name", Text),
        ("n_regionkey", Integer),
        ("n_comment", Text),
    ],
    key: &["n_nationkey"],
    references: &[("n_regionkey", "region")],
    rows: |scale| lines(NationGenerator::new(scale, 1, 1).iter()),
};

const CUSTOMER: Table = Table {
    name: "customer",
    columns: &[
        ("c_custkey", Integer),
        ("c_name", Text),
        ("c_address", Text),
        ("c_nationkey", Integer),
        ("c_phone", Text),
        ("c_acctbal", Decimal),
        ("c_mktsegment", Text),
        ("c_comment", Text),
    ],
    key: &["c_custkey"],
    references: &[("c_nationkey", "nation")],
    rows: |scale| lines(CustomerGenerator::new(scale, 1, 1).iter()),
};

const PART: Table = Table {
    name: "part",
    columns: &[
        ("p_partkey", Integer),
        ("p_name", Text),
        ("p_mfgr", Text),
        ("p_brand", Text),
        ("p_type", Text),
        ("p_size", Integer),
        ("p_container", Text),
        ("p_retailprice", Decimal),
        ("p_comment", Text),
    ],
    key: &["p_partkey"],
    references: &[],
    rows: |scale| lines(PartGenerator::new(scale, 1, 1).iter()),
};

const SUPPLIER: Table = Table {
    name: "supplier",
    columns: &[
        ("s_suppkey", Integer),
        ("s_name", Text),
        ("s_address", Text),
        ("s_nationkey", Integer),
        ("s_phone", Text),
        ("s_acctbal", Decimal),
        ("s_comment", Text),
    ],
    key: &["s_suppkey"],
    references: &[("s_nationkey", "nation")],
    rows: |scale| lines(SupplierGenerator::new(scale, 1, 1).iter()),
};

const ORDER: Table = Table {
    name: "orders",
    columns: &[
        ("o_orderkey", BigInteger),
        ("o_custkey", Integer),
        ("o_orderstatus", Text),
        ("o_totalprice", Decimal),
        ("o_orderdate", Date),
        ("o_orderpriority", Text),
        ("o_clerk", Text),
        ("o_shippriority", Integer),
        ("o_comment", Text),
    ],
    key: &["o_orderkey"],
    references: &[("o_custkey", "customer")],
    rows: |scale| lines(OrderGenerator::new(scale, 1, 1).iter()),
};

const LINE_ITEM: Table = Table {
    name: "lineitem",
    columns: &[
        ("l_orderkey", BigInteger),
        ("l_partkey", Integer),
        ("l_suppkey", Integer),
        ("l_linenumber", Integer),
        ("l_quantity", Decimal),
        ("l_extendedprice", Decimal),
        ("l_discount", Decimal),
        ("l_tax", Decimal),
        ("l_returnflag", Text),
        ("l_linestatus", Text),
        ("l_shipdate", Date),
        ("l_commitdate", Date),
        ("l_receiptdate", Date),
        ("l_shipinstruct", Text),
        ("l_shipmode", Text),
        ("l_comment", Text),
    ],
    key: &["l_orderkey", "l_linenumber"],
    references: &[("l_orderkey", "orders"), ("l_partkey", "part"), ("l_suppkey", "supplier")],
    rows: |scale| lines(LineItemGenerator::new(scale, 1, 1).iter()),
};

fn lines<R: Display>(rows: impl Iterator<Item = R> + Send + 'static) -> Lines {
    Box::new(rows.map(|row| {
        let mut line = row.to_string();
        line.pop(); // a row ends with a separator that COPY would take for one more column
        line
    }))
}
