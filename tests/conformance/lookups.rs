//! Lookups by key: any number of keys, any number of columns, through link tables, in order.

use prejoin::row::{Key, Match};
use prejoin::source::{Budget, Link, OrderBy};

use super::reading::{PLENTY, by, column, fetch, found, insert, read};
use crate::support::place::Place;

async fn more_keys_than_can_be_bound(place: Place) {
    place.run("CREATE TABLE things (id INTEGER PRIMARY KEY, owner INTEGER)").await;
    place.run(&insert("things", (0..70_000).map(|id| format!("{id}, {}", id / 2)))).await;
    let source = place.source();
    let read = read(&*source, "things", &["id", "owner"], &["id"]).await;
    for (column, count, wanted) in
        [("id", 10_000, 10_000), ("id", 70_000, 70_000), ("owner", 70_000, 70_000)]
    {
        let read = by(read.clone(), &[column], Match::Exact);
        let keys: Vec<Key> = (0..count).map(|id: i32| Key::from(id.to_string().as_str())).collect();
        let fetched = source.fetch_by_keys(&read, &keys, &Budget::new(PLENTY)).await.unwrap();
        assert!(fetched.complete);
        let mut ids: Vec<usize> = found(&read, &fetched)
            .iter()
            .map(|row| row.split_once('|').unwrap().0[1..].parse().unwrap())
            .collect();
        ids.sort_unstable();
        assert!(ids.into_iter().eq(0..wanted), "{column}");
    }
}

async fn keys_of_several_columns(place: Place) {
    place
        .run("CREATE TABLE things (branch INTEGER NOT NULL, no VARCHAR(20) NOT NULL, id INTEGER, PRIMARY KEY (branch, no))")
        .await;
    let rows_in = (0..30).flat_map(|branch| {
        (0..3).map(move |no| format!("{branch}, 'n:{no}', {}", branch * 10 + no))
    });
    place.run(&insert("things", rows_in)).await;
    let source = place.source();
    let read = read(&*source, "things", &["branch", "no", "id"], &["branch", "no"]).await;
    let exact = by(read.clone(), &["branch", "no"], Match::Exact);
    let mut found =
        fetch(&*source, &exact, &["7:n%3A1", "29:n%3A0", "8:none", "x:n%3A1", "30:n%3A0"]).await;
    found.sort();
    assert_eq!(found, ["#29|n:0|#290", "#7|n:1|#71"]);
    // The other way round, and enough of them for several statements.
    let swapped = by(read, &["no", "branch"], Match::Exact);
    let keys: Vec<String> = (0..12_000).map(|branch| format!("n%3A2:{branch}")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    assert_eq!(fetch(&*source, &swapped, &keys).await.len(), 30);
}

/// Equal in what they are ordered by: then the key decides. NULL comes last, whichever way.
async fn order_with_ties(place: Place) {
    place.run("CREATE TABLE things (id INTEGER PRIMARY KEY, owner INTEGER, due DATE, name VARCHAR(9))").await;
    place
        .run(
            "INSERT INTO things VALUES (1, 1, '2026-03-01', 'c'), (2, 1, '2026-01-01', 'b'), (3, 1, NULL, 'a'), \
             (4, 1, '2026-03-01', 'a'), (5, 1, '2026-01-01', 'b'), (6, 2, NULL, 'a'), (7, 2, '2026-01-01', 'a')",
        )
        .await;
    let source = place.source();
    let mut read =
        by(read(&*source, "things", &["id", "owner"], &["id"]).await, &["owner"], Match::Exact);
    let order = |column: &str, descending| OrderBy { column: column.to_owned(), descending };
    for (orders, wanted) in [
        (vec![order("due", false)], "2 5 1 4 3 7 6"),
        (vec![order("due", true)], "1 4 2 5 3 7 6"),
        (vec![order("due", false), order("name", false)], "2 5 4 1 3 7 6"),
        (vec![order("name", true), order("id", true)], "1 5 2 4 3 7 6"),
        (vec![], "1 2 3 4 5 6 7"),
    ] {
        read.order = orders;
        let ids: Vec<String> = fetch(&*source, &read, &["2", "1"])
            .await
            .iter()
            .map(|row| row.split_once('|').unwrap().0[1..].to_owned())
            .collect();
        assert_eq!(ids.join(" "), wanted, "{:?}", read.order);
    }
}

async fn null_joins_nothing(place: Place) {
    place.run("CREATE TABLE things (id INTEGER PRIMARY KEY, owner INTEGER, team VARCHAR(9))").await;
    place
        .run("INSERT INTO things VALUES (1, NULL, 'a'), (2, 5, NULL), (3, 5, 'a'), (4, NULL, NULL)")
        .await;
    let source = place.source();
    let read = read(&*source, "things", &["id", "owner", "team"], &["id"]).await;
    let one = by(read.clone(), &["owner"], Match::Exact);
    assert_eq!(fetch(&*source, &one, &["5", "", "NULL"]).await, ["#2|#5|-", "#3|#5|a"]);
    let both = by(read, &["owner", "team"], Match::Exact);
    assert_eq!(fetch(&*source, &both, &["5:a", "5:", ":a"]).await, ["#3|#5|a"]);
}

/// Keys that only the server holds equal, in two statements: each brings both rows, and says whose it was asked for.
async fn rows_that_come_for_two_keys(place: Place) {
    let collation = match () {
        () if place.is_postgres() => {
            place.run("CREATE COLLATION folding (provider = icu, locale = 'und-u-ks-level2', deterministic = false)").await;
            "COLLATE folding"
        }
        () if place.is_mariadb() => "COLLATE utf8mb4_general_ci",
        () => "COLLATE NOCASE",
    };
    place
        .run(&format!("CREATE TABLE things (id INTEGER PRIMARY KEY, code VARCHAR(9) {collation})"))
        .await;
    place.run("INSERT INTO things VALUES (1, 'ab'), (2, 'AB')").await;
    let source = place.source();
    let read = read(&*source, "things", &["id", "code"], &["id"]).await;
    let read = by(read, &["code"], Match::Exact);
    let between = (0..20_000).map(|no| Key::from(format!("no{no}").as_str()));
    let keys: Vec<Key> =
        [Key::from("ab")].into_iter().chain(between).chain([Key::from("AB")]).collect();
    let fetched = source.fetch_by_keys(&read, &keys, &Budget::new(PLENTY)).await.unwrap();
    assert!(fetched.complete);
    let mut own = Vec::new();
    for answer in &fetched.answers {
        let asked = &keys[answer.keys.clone()];
        let codes = (0..answer.page.len()).map(|row| answer.page.cell(row, 1).text);
        own.extend(codes.filter(|&code| asked.contains(&Key::from(code))));
    }
    assert_eq!(own, ["ab", "AB"]);
    assert!(found(&read, &fetched).len() > own.len(), "one statement held all keys");
}

async fn through_a_link_table(place: Place) {
    place
        .run("CREATE TABLE products (id INTEGER PRIMARY KEY, code VARCHAR(9), gone INTEGER)")
        .await;
    place
        .run("CREATE TABLE links (id INTEGER PRIMARY KEY, contract_id INTEGER, product_id INTEGER)")
        .await;
    place.run("INSERT INTO products VALUES (1, 'b', NULL), (2, 'a', NULL), (3, 'c', NULL), (4, 'd', 1)").await;
    place
        .run("INSERT INTO links VALUES (10, 7, 1), (11, 7, 2), (12, 8, 1), (13, 7, 3), (14, 7, 4), (15, NULL, 1), (16, 8, NULL)")
        .await;
    let source = place.source();
    let mut read = read(&*source, "products", &["id", "code"], &["id"]).await;
    let links =
        source.describe(&prejoin::source::From::Table("links".to_owned())).await.unwrap().unwrap();
    let mut owner = column(&links, "contract_id");
    owner.linked = true;
    read.columns.push(owner);
    read.link = Some(Link {
        table: "links".to_owned(),
        to: vec![("product_id".to_owned(), "id".to_owned())],
    });
    // Both tables have an `id`: the condition's is the product's.
    read.condition = Some("id <> 3".to_owned());
    read.absent = Some("gone".to_owned());
    read.order = vec![OrderBy { column: "code".to_owned(), descending: false }];
    let read = by(read, &["contract_id"], Match::Exact);
    assert_eq!(fetch(&*source, &read, &["8", "7", "9"]).await, ["#2|a|#7", "#1|b|#7", "#1|b|#8"]);
}

/// What cannot be a value of the column is found by nobody, and spoils nothing.
async fn keys_that_no_row_can_have(place: Place) {
    let bytes = if place.is_postgres() { "BYTEA" } else { "VARBINARY(9)" };
    let uuid = if place.is_sqlite() { "CHAR(36)" } else { "UUID" };
    place
        .run(&format!(
            "CREATE TABLE things (id INTEGER PRIMARY KEY, big BIGINT, u {uuid}, d DATE, n NUMERIC(9,2), t VARCHAR(9), b {bytes}, at TIME, i TIMESTAMP NULL, f REAL)"
        ))
        .await;
    place
        .run("INSERT INTO things VALUES (1, 2, '0190a7c0-1111-7222-8333-444455556666', '2026-01-31', 5, 'x', NULL, '00:00:00', NULL, 0), (2, 0, NULL, NULL, 0, '', NULL, NULL, NULL, NULL)")
        .await;
    let source = place.source();
    let read =
        read(&*source, "things", &["id", "big", "u", "d", "n", "t", "b", "at", "i", "f"], &["id"])
            .await;
    let odd = [
        "x",
        "",
        "1x",
        "99999999999999999999",
        "1e3",
        "1e999999",
        "-1e300",
        "1e-300",
        "2026-02-30",
        "0000-01-01",
        "-0043-03-15",
        "-000043-03-15",
        "0000-01-01T00:00:00Z",
        "-000043-03-15T00:00:00",
        "99:99:99",
        "00:00:60",
        "24:00:01",
        "1:2:3:4.",
        "nan",
        "?",
        "a\0b",
        "' OR 1=1",
        "김",
    ];
    for column in ["id", "big", "u", "d", "n", "b", "at", "i", "f"] {
        let read = by(read.clone(), &[column], Match::Exact);
        assert_eq!(fetch(&*source, &read, &odd).await, Vec::<String>::new(), "{column}");
    }
    let found = by(read, &["u"], Match::Exact);
    let uuid = "0190a7c0-1111-7222-8333-444455556666";
    assert_eq!(fetch(&*source, &found, &[odd[0], uuid, odd[9]]).await.len(), 1);
}

on_every_server!(
    more_keys_than_can_be_bound,
    keys_of_several_columns,
    order_with_ties,
    null_joins_nothing,
    rows_that_come_for_two_keys,
    through_a_link_table,
    keys_that_no_row_can_have,
);
