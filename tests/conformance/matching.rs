//! Keys that two services spell differently.

use prejoin::row::Match;

use super::reading::{by, fetch, insert, read};
use crate::support::place::Place;

const UUID: &str = "0190a7c0-1111-7222-8333-444455556666";

async fn uuids_in_text(place: Place) {
    place.run("CREATE TABLE things (id INTEGER PRIMARY KEY, ref VARCHAR(40))").await;
    let simple = UUID.replace('-', "");
    let spellings = [
        UUID.to_owned(),
        simple.clone(),
        UUID.to_uppercase(),
        simple.to_uppercase(),
        "none".to_owned(),
    ];
    let rows_in = spellings.iter().enumerate().map(|(id, text)| format!("{id}, '{text}'"));
    place.run(&insert("things", rows_in)).await;
    let source = place.source();
    let read = by(read(&*source, "things", &["id", "ref"], &["id"]).await, &["ref"], Match::Uuid);
    let found = fetch(&*source, &read, &[UUID, "0190a7c0-1111-7222-8333-444455556667"]).await;
    let wanted: Vec<String> = (0..4).map(|id| format!("#{id}|{}", spellings[id])).collect();
    assert_eq!(found, wanted);
}

/// They come out as text, so that both sides meet.
async fn uuids_in_bytes(place: Place) {
    let ty = match () {
        () if place.is_postgres() => "BYTEA",
        () if place.is_mariadb() => "BINARY(16)",
        () => "BLOB",
    };
    place.run(&format!("CREATE TABLE things (id INTEGER PRIMARY KEY, ref {ty})")).await;
    let simple = UUID.replace('-', "");
    let bytes = if place.is_postgres() { format!("'\\x{simple}'") } else { format!("x'{simple}'") };
    place.run(&format!("INSERT INTO things VALUES (1, {bytes}), (2, NULL)")).await;
    let source = place.source();
    let read = by(read(&*source, "things", &["id", "ref"], &["id"]).await, &["ref"], Match::Uuid);
    assert_eq!(fetch(&*source, &read, &[UUID, "x"]).await, [format!("#1|{UUID}")]);
    // As it stands, without the word of the job: bytes.
    let plain = by(read, &["ref"], Match::Exact);
    assert_eq!(
        fetch(&*source, &plain, &["AZCnwBERciKDM0REVVVmZg=="]).await,
        ["#1|AZCnwBERciKDM0REVVVmZg=="]
    );
}

async fn letters_of_either_case(place: Place) {
    // A column that tells them apart, whatever the server's default is.
    let collation = if place.is_mariadb() { "COLLATE utf8mb4_bin" } else { "" };
    place
        .run(&format!("CREATE TABLE things (id INTEGER PRIMARY KEY, code VARCHAR(20) {collation})"))
        .await;
    place
        .run("INSERT INTO things VALUES (1, 'kim'), (2, 'KIM'), (3, 'Kim  '), (4, 'kimchi'), (5, 'CAFÉ'), (6, 'café'), (7, '김')")
        .await;
    let source = place.source();
    let read = read(&*source, "things", &["id"], &["id"]).await;
    let mut read = read;
    let info = source.describe(&read.from).await.unwrap().unwrap();
    read.columns.push(super::reading::column(&info, "code"));
    let nocase = by(read.clone(), &["code"], Match::Nocase);
    let ids = async |read: &prejoin::source::Read, keys: &[&str]| {
        let found = fetch(&*source, read, keys).await;
        found
            .iter()
            .map(|row| row.split_once('|').unwrap().0[1..].to_owned())
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(ids(&nocase, &["kim", "김"]).await, "1 2 3 7");
    assert_eq!(ids(&nocase, &["café"]).await, "5 6");
    let text = by(read.clone(), &["code"], Match::Text);
    assert_eq!(ids(&text, &["Kim"]).await, "3");
    assert_eq!(ids(&text, &["KIM"]).await, "2");
}

/// A column that ignores case by itself is asked as it is, for the sake of its index.
async fn letters_where_the_column_ignores_case(place: Place) {
    let ty = match () {
        () if place.is_mariadb() => "VARCHAR(20) COLLATE utf8mb4_general_ci",
        () if place.is_sqlite() => "VARCHAR(20) COLLATE NOCASE",
        () => "VARCHAR(20)",
    };
    place.run(&format!("CREATE TABLE things (id INTEGER PRIMARY KEY, code {ty})")).await;
    place.run("INSERT INTO things VALUES (1, 'kim'), (2, 'KIM'), (3, 'lee')").await;
    let source = place.source();
    let read =
        by(read(&*source, "things", &["id", "code"], &["id"]).await, &["code"], Match::Nocase);
    assert_eq!(fetch(&*source, &read, &["kim"]).await, ["#1|kim", "#2|KIM"]);
}

/// A row comes once, also when several spellings of one key are equal to the server.
async fn spellings_in_keys_of_several_columns(place: Place) {
    let ty = match () {
        () if place.is_mariadb() => "VARCHAR(40) COLLATE utf8mb4_general_ci",
        () if place.is_sqlite() => "VARCHAR(40) COLLATE NOCASE",
        () => "VARCHAR(40)",
    };
    place.run(&format!("CREATE TABLE things (id INTEGER, ref {ty}, PRIMARY KEY (id, ref))")).await;
    let simple = UUID.replace('-', "");
    place.run(&insert("things", [UUID, &simple].iter().map(|text| format!("1, '{text}'")))).await;
    let source = place.source();
    let read = read(&*source, "things", &["id", "ref"], &["id", "ref"]).await;
    let read = by(read, &["ref", "id"], Match::Uuid);
    assert_eq!(fetch(&*source, &read, &[&format!("{UUID}:1")]).await.len(), 2);
}

/// Columns of numbers are asked for the number, columns of texts for its plain digits.
async fn whole_numbers(place: Place) {
    place
        .run("CREATE TABLE things (id INTEGER PRIMARY KEY, code VARCHAR(12), amount NUMERIC(9,2), fixed CHAR(8))")
        .await;
    place
        .run("INSERT INTO things VALUES (1, '7', 7, '00000007'), (2, '007', 8, '7'), (3, 'seven', 7.5, '-0000007'), (4, '70', 0, NULL)")
        .await;
    let source = place.source();
    let read = read(&*source, "things", &["id", "code", "amount", "fixed"], &["id"]).await;
    let mut found = Vec::new();
    for column in ["id", "code", "amount", "fixed"] {
        let rows =
            fetch(&*source, &by(read.clone(), &[column], Match::Integer), &["7", "-7"]).await;
        found.extend(
            rows.into_iter().map(|row| format!("{column} {}", row.split_once('|').unwrap().0)),
        );
    }
    assert_eq!(found, ["code #1", "amount #1", "fixed #2"]);
}

on_every_server!(
    uuids_in_text,
    uuids_in_bytes,
    letters_of_either_case,
    letters_where_the_column_ignores_case,
    spellings_in_keys_of_several_columns,
    whole_numbers,
);
