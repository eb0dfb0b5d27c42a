//! The statements, as text.

use super::*;
use crate::source::{Link, OrderBy};

const ALL: [Dialect; 3] = [Dialect::Postgres, Dialect::Mysql, Dialect::Sqlite];

fn column(name: &str, ty: Type, native: &str) -> ReadColumn {
    let (name, native) = (name.to_owned(), native.to_owned());
    ReadColumn { name, ty, native, zone: None, linked: false, nullable: false }
}

fn read(from: &str, columns: Vec<ReadColumn>, key: &[usize]) -> Read {
    Read::all("test", From::Table(from.to_owned()), columns, key.to_vec())
}

fn contracts() -> Read {
    let columns = vec![
        column("branch", Type::Integer, "integer"),
        column("no", Type::Text, "text"),
        column("amount", Type::Decimal, "decimal(15,2)"),
    ];
    read("sales.contracts", columns, &[0, 1])
}

const BEGINNING: Ends = Ends::OPEN;
const AFTER: Ends = Ends { lower: Some(End::whole(Side::After)), upper: None };

fn pages(read: &Read, ends: Ends) -> String {
    let page = ALL.map(|dialect| page(dialect, read, ends, 500).unwrap());
    page.map(|page| format!("{}{}", page.text, places(&page))).join("\n")
}

fn places(statement: &Statement) -> String {
    statement.places.iter().map(|place| format!(" {:?}{}", place.side, place.part)).collect()
}

fn lookups(read: &Read, rows: usize) -> String {
    ALL.map(|dialect| {
        let by = read.by.iter().map(|&at| Lookup::of(dialect, &read.columns[at], read.matching));
        let by: Vec<Lookup> = by.collect::<Result<_>>().unwrap();
        lookup(dialect, read, &by, rows)
    })
    .join("\n")
}

#[test]
fn names_are_quoted() {
    insta::assert_snapshot!(ALL.map(|d| d.name("a`b\"c")).join(" "), @r#""a`b""c" `a``b"c` "a`b""c""#);
    insta::assert_snapshot!(ALL.map(|d| d.table("main.select")).join(" "), @r#""main"."select" `main`.`select` "main"."select""#);
}

#[test]
fn pages_follow_the_key() {
    insta::assert_snapshot!(pages(&contracts(), BEGINNING), @r#"
    SELECT t."branch", t."no", t."amount" FROM "sales"."contracts" AS t ORDER BY t."branch", t."no" LIMIT 500
    SELECT t.`branch`, t.`no`, t.`amount` FROM `sales`.`contracts` AS t ORDER BY t.`branch`, t.`no` LIMIT 500
    SELECT t."branch", t."no", t."amount" FROM "sales"."contracts" AS t ORDER BY t."branch", t."no" LIMIT 500
    "#);
    insta::assert_snapshot!(pages(&contracts(), AFTER), @r#"
    SELECT t."branch", t."no", t."amount", (t."branch" = $1 AND t."no" = $2) FROM "sales"."contracts" AS t WHERE (t."branch", t."no") >= ($1, $2) ORDER BY t."branch", t."no" LIMIT 501 After0 After1
    SELECT t.`branch`, t.`no`, t.`amount`, (t.`branch` = ? AND t.`no` = ?) FROM `sales`.`contracts` AS t WHERE ((t.`branch` > ?) OR (t.`branch` = ? AND t.`no` >= ?)) ORDER BY t.`branch`, t.`no` LIMIT 501 After0 After1 After0 After0 After1
    SELECT t."branch", t."no", t."amount", (t."branch" = ?1 AND t."no" = ?2) FROM "sales"."contracts" AS t WHERE (t."branch", t."no") >= (?1, ?2) ORDER BY t."branch", t."no" LIMIT 501 After0 After1
    "#);
}

#[test]
fn ranges_have_two_ends() {
    let upper = Some(End::whole(Side::Until));
    let ends = |lower: Option<Side>| Ends { lower: lower.map(End::whole), upper };
    insta::assert_snapshot!(pages(&contracts(), ends(Some(Side::From))), @r#"
    SELECT t."branch", t."no", t."amount" FROM "sales"."contracts" AS t WHERE (t."branch", t."no") >= ($1::integer, $2::text) AND (t."branch", t."no") < ($3::integer, $4::text) ORDER BY t."branch", t."no" LIMIT 500 From0 From1 Until0 Until1
    SELECT t.`branch`, t.`no`, t.`amount` FROM `sales`.`contracts` AS t WHERE ((t.`branch` > ?) OR (t.`branch` = ? AND t.`no` >= ?)) AND ((t.`branch` < ?) OR (t.`branch` = ? AND t.`no` < ?)) ORDER BY t.`branch`, t.`no` LIMIT 500 From0 From0 From1 Until0 Until0 Until1
    SELECT t."branch", t."no", t."amount" FROM "sales"."contracts" AS t WHERE (t."branch", t."no") >= (?1, ?2) AND (t."branch", t."no") < (?3, ?4) ORDER BY t."branch", t."no" LIMIT 500 From0 From1 Until0 Until1
    "#);
    let read = Read { key: vec![0], ..contracts() };
    insta::assert_snapshot!(pages(&read, ends(Some(Side::After))), @r#"
    SELECT t."branch", t."no", t."amount", (t."branch" = $1) FROM "sales"."contracts" AS t WHERE (t."branch") >= ($1) AND (t."branch") < ($2::integer) ORDER BY t."branch" LIMIT 501 After0 Until0
    SELECT t.`branch`, t.`no`, t.`amount`, (t.`branch` = ?) FROM `sales`.`contracts` AS t WHERE ((t.`branch` >= ?)) AND ((t.`branch` < ?)) ORDER BY t.`branch` LIMIT 501 After0 After0 Until0
    SELECT t."branch", t."no", t."amount", (t."branch" = ?1) FROM "sales"."contracts" AS t WHERE (t."branch") >= (?1) AND (t."branch") < (?2) ORDER BY t."branch" LIMIT 501 After0 Until0
    "#);
    let step = nth(Dialect::Mysql, &read, ends(None), 1_000).unwrap();
    insta::assert_snapshot!(format!("{}{}", step.text, places(&step)), @"SELECT t.`branch`, t.`no`, t.`amount` FROM `sales`.`contracts` AS t WHERE ((t.`branch` < ?)) ORDER BY t.`branch` LIMIT 1 OFFSET 1000 Until0");
}

#[test]
fn what_is_read_backward_goes_on_downwards() {
    let read = Read { backward: true, ..contracts() };
    let lower = Some(End::whole(Side::From));
    let ends = |upper| Ends { lower, upper: Some(End::whole(upper)) };
    insta::assert_snapshot!(pages(&read, ends(Side::Until)), @r#"
    SELECT t."branch", t."no", t."amount" FROM "sales"."contracts" AS t WHERE (t."branch", t."no") >= ($1::integer, $2::text) AND (t."branch", t."no") < ($3::integer, $4::text) ORDER BY t."branch" DESC, t."no" DESC LIMIT 500 From0 From1 Until0 Until1
    SELECT t.`branch`, t.`no`, t.`amount` FROM `sales`.`contracts` AS t WHERE ((t.`branch` > ?) OR (t.`branch` = ? AND t.`no` >= ?)) AND ((t.`branch` < ?) OR (t.`branch` = ? AND t.`no` < ?)) ORDER BY t.`branch` DESC, t.`no` DESC LIMIT 500 From0 From0 From1 Until0 Until0 Until1
    SELECT t."branch", t."no", t."amount" FROM "sales"."contracts" AS t WHERE (t."branch", t."no") >= (?1, ?2) AND (t."branch", t."no") < (?3, ?4) ORDER BY t."branch" DESC, t."no" DESC LIMIT 500 From0 From1 Until0 Until1
    "#);
    insta::assert_snapshot!(pages(&read, ends(Side::After)), @r#"
    SELECT t."branch", t."no", t."amount", (t."branch" = $1 AND t."no" = $2) FROM "sales"."contracts" AS t WHERE (t."branch", t."no") >= ($3::integer, $4::text) AND (t."branch", t."no") <= ($1, $2) ORDER BY t."branch" DESC, t."no" DESC LIMIT 501 After0 After1 From0 From1
    SELECT t.`branch`, t.`no`, t.`amount`, (t.`branch` = ? AND t.`no` = ?) FROM `sales`.`contracts` AS t WHERE ((t.`branch` > ?) OR (t.`branch` = ? AND t.`no` >= ?)) AND ((t.`branch` < ?) OR (t.`branch` = ? AND t.`no` <= ?)) ORDER BY t.`branch` DESC, t.`no` DESC LIMIT 501 After0 After1 From0 From0 From1 After0 After0 After1
    SELECT t."branch", t."no", t."amount", (t."branch" = ?1 AND t."no" = ?2) FROM "sales"."contracts" AS t WHERE (t."branch", t."no") >= (?3, ?4) AND (t."branch", t."no") <= (?1, ?2) ORDER BY t."branch" DESC, t."no" DESC LIMIT 501 After0 After1 From0 From1
    "#);
}

#[test]
fn an_end_may_be_the_beginning_of_a_key() {
    let end = |side| Some(End { side, parts: 1 });
    let ends = Ends { lower: end(Side::From), upper: end(Side::Until) };
    insta::assert_snapshot!(pages(&contracts(), ends), @r#"
    SELECT t."branch", t."no", t."amount" FROM "sales"."contracts" AS t WHERE (t."branch") >= ($1::integer) AND (t."branch") < ($2::integer) ORDER BY t."branch", t."no" LIMIT 500 From0 Until0
    SELECT t.`branch`, t.`no`, t.`amount` FROM `sales`.`contracts` AS t WHERE ((t.`branch` >= ?)) AND ((t.`branch` < ?)) ORDER BY t.`branch`, t.`no` LIMIT 500 From0 Until0
    SELECT t."branch", t."no", t."amount" FROM "sales"."contracts" AS t WHERE (t."branch") >= (?1) AND (t."branch") < (?2) ORDER BY t."branch", t."no" LIMIT 500 From0 Until0
    "#);
}

#[test]
fn what_is_given_back_is_cast_to_its_own_type() {
    let given = |ty, native| Dialect::Postgres.given(&column("c", ty, native), "$1");
    for (ty, native, wanted) in [
        (Type::Integer, "integer", "$1::integer"),
        (Type::Decimal, "numeric(12,3)", "$1::numeric"),
        (Type::Text, "character varying(20)", "$1::character varying"),
        (Type::Char, "character(5)", "$1::bpchar"),
        (Type::Timestamp, "timestamp(3) without time zone", "$1::timestamp without time zone"),
        (Type::Other, "bit(8)", "$1::\"bit\""),
        (Type::Other, "bit varying(8)", "$1::bit varying"),
        (Type::Other, "\"char\"", "$1::\"char\""),
    ] {
        assert_eq!(given(ty, native), wanted);
    }
}

#[test]
fn queries_conditions_and_nullable_keys_are_fenced_in() {
    let mut read = contracts();
    read.from = From::Query("SELECT * FROM x -- all\n;".to_owned());
    read.condition = Some("a = 1 OR b = 2 -- both".to_owned());
    read.absent = Some("deleted_at".to_owned());
    read.columns[1].nullable = true;
    insta::assert_snapshot!(page(Dialect::Postgres, &read, BEGINNING, 9).unwrap().text, @r#"
    SELECT t."branch", t."no", t."amount" FROM (SELECT * FROM x -- all

    ) AS t WHERE (a = 1 OR b = 2 -- both
    ) AND t."deleted_at" IS NULL AND t."no" IS NOT NULL ORDER BY t."branch", t."no" LIMIT 9
    "#);
    insta::assert_snapshot!(keyless(Dialect::Sqlite, &read).unwrap().lines().last().unwrap(), @r#") AND t."deleted_at" IS NULL AND (t."no" IS NULL)"#);
    assert_eq!(keyless(Dialect::Sqlite, &contracts()), None);
}

#[test]
fn keys_of_odd_types_compare_as_their_column_does() {
    let columns = vec![
        column("a", Type::Decimal, "decimal(10,2) unsigned"),
        column("e", Type::Enum, "enum('x')"),
        column("o", Type::Other, "bit varying(8)"),
    ];
    let read = read("k", columns, &[0, 1, 2]);
    insta::assert_snapshot!(page(Dialect::Postgres, &read, AFTER, 1).unwrap().text, @r#"SELECT t."a", t."e", t."o"::text, (t."a" = $1 AND t."e" = $2 AND t."o" = $3::bit varying) FROM "k" AS t WHERE (t."a", t."e", t."o") >= ($1, $2, $3::bit varying) ORDER BY t."a", t."e", t."o" LIMIT 2"#);
    insta::assert_snapshot!(page(Dialect::Mysql, &read, AFTER, 1).unwrap().text, @"SELECT t.`a`, t.`e`, CAST(t.`o` AS CHAR), (t.`a` = CAST(? AS DECIMAL(10,2)) AND CAST(t.`e` AS CHAR) = ? AND t.`o` = ?) FROM `k` AS t WHERE ((t.`a` > CAST(? AS DECIMAL(10,2))) OR (t.`a` = CAST(? AS DECIMAL(10,2)) AND CAST(t.`e` AS CHAR) > ?) OR (t.`a` = CAST(? AS DECIMAL(10,2)) AND CAST(t.`e` AS CHAR) = ? AND t.`o` >= ?)) ORDER BY t.`a`, CAST(t.`e` AS CHAR), t.`o` LIMIT 2");
    let mut json = contracts();
    json.columns[0].ty = Type::Json;
    let said = page(Dialect::Mysql, &json, BEGINNING, 1).unwrap_err().to_string();
    assert_eq!(said, "column `branch` (integer) cannot be part of a key");
}

/// Under a matching, rows of different keys may answer one.
#[test]
fn rows_that_are_one_key_to_whoever_asks_come_in_their_order() {
    let mut read = read("people", vec![column("id", Type::Text, "text")], &[0]);
    read.by = vec![0];
    assert!(!lookups(&read, 1).contains("ORDER BY"));
    read.matching = Match::Nocase;
    assert_eq!(lookups(&read, 1).matches(" ORDER BY t.").count(), 3);
}

#[test]
fn keys_are_looked_up_in_bulk() {
    let mut read = contracts();
    read.by = vec![0];
    read.order = vec![OrderBy { column: "due".to_owned(), descending: true }];
    insta::assert_snapshot!(lookups(&read, 2), @r#"
    SELECT t."branch", t."no", t."amount" FROM "sales"."contracts" AS t WHERE t."branch" = ANY($1::int8[]) ORDER BY t."branch", t."due" DESC NULLS LAST, t."no"
    SELECT t.`branch`, t.`no`, t.`amount` FROM `sales`.`contracts` AS t WHERE t.`branch` IN (?, ?) ORDER BY t.`branch`, t.`due` IS NULL, t.`due` DESC, t.`no`
    SELECT t."branch", t."no", t."amount" FROM "sales"."contracts" AS t WHERE t."branch" IN (?, ?) ORDER BY t."branch", t."due" DESC NULLS LAST, t."no"
    "#);
    read.order.clear();
    read.by = vec![0, 1];
    insta::assert_snapshot!(lookups(&read, 2), @r#"
    SELECT t."branch", t."no", t."amount" FROM "sales"."contracts" AS t WHERE (t."branch", t."no") IN (SELECT * FROM unnest($1::int8[], $2::text[]))
    SELECT t.`branch`, t.`no`, t.`amount` FROM `sales`.`contracts` AS t WHERE (t.`branch`, t.`no`) IN ((?, ?), (?, ?))
    SELECT t."branch", t."no", t."amount" FROM (SELECT DISTINCT * FROM (VALUES (?, ?), (?, ?))) AS k CROSS JOIN "sales"."contracts" AS t WHERE t."branch" = k.column1 AND t."branch" = k.column1 COLLATE BINARY AND t."no" = k.column2 AND t."no" = k.column2 COLLATE BINARY
    "#);
}

#[test]
fn links_stand_between() {
    let mut read = read(
        "products",
        vec![column("id", Type::Integer, "bigint"), column("contract_id", Type::Text, "text")],
        &[0],
    );
    read.columns[1].linked = true;
    read.by = vec![1];
    read.matching = Match::Nocase;
    read.condition = Some("id > 0".to_owned());
    read.link = Some(Link {
        table: "contract_products".to_owned(),
        to: vec![("product_id".to_owned(), "id".to_owned())],
    });
    insta::assert_snapshot!(lookups(&read, 1), @r#"
    SELECT t."id", l."contract_id" FROM "contract_products" AS l JOIN (SELECT * FROM "products" AS t WHERE (id > 0
    )) AS t ON t."id" = l."product_id" WHERE lower(rtrim(l."contract_id")) = ANY($1::text[]) ORDER BY t."id"
    SELECT t.`id`, l.`contract_id` FROM `contract_products` AS l JOIN (SELECT * FROM `products` AS t WHERE (id > 0
    )) AS t ON t.`id` = l.`product_id` WHERE lower(rtrim(l.`contract_id`)) IN (?) ORDER BY t.`id`
    SELECT t."id", l."contract_id" FROM "contract_products" AS l JOIN (SELECT * FROM "products" AS t WHERE (id > 0
    )) AS t ON t."id" = l."product_id" WHERE lower(rtrim(l."contract_id")) IN (?) ORDER BY t."id"
    "#);
}
