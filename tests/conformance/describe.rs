//! What a source tells of its tables.

use prejoin::row::{Match, TableInfo};
use prejoin::source::{From, Read};

use super::reading::{by, read, said};
use crate::support::place::Place;

fn shown(info: &TableInfo) -> String {
    let columns = info.columns.iter().map(|column| {
        let null = if column.nullable { "?" } else { "" };
        format!("{} {:?}{null}", column.name, column.ty)
    });
    let lists = |lists: &[Vec<String>]| {
        let mut lists: Vec<String> = lists.iter().map(|columns| columns.join(",")).collect();
        lists.sort();
        lists.join(" ")
    };
    format!(
        "{} / {} / {} / {}",
        columns.collect::<Vec<_>>().join(", "),
        info.primary_key.join(","),
        lists(&info.indexes),
        lists(&info.unique)
    )
}

async fn keys_and_indexes(place: Place) {
    place
        .run(
            "CREATE TABLE things (note VARCHAR(9), no INTEGER NOT NULL, branch INTEGER NOT NULL, code VARCHAR(9) NOT NULL, \
             PRIMARY KEY (branch, no))",
        )
        .await;
    place.run("CREATE UNIQUE INDEX things_code ON things (code)").await;
    place.run("CREATE INDEX things_note ON things (note, code)").await;
    let source = place.source();
    let info = source.describe(&From::Table("things".to_owned())).await.unwrap().unwrap();
    assert_eq!(
        shown(&info),
        "note Text?, no Integer, branch Integer, code Text / branch,no / branch,no code note,code / branch,no code"
    );
    place.run("CREATE TABLE plain (id INTEGER PRIMARY KEY)").await;
    let info = source.describe(&From::Table("plain".to_owned())).await.unwrap().unwrap();
    assert_eq!(shown(&info), "id Integer / id / id / id");
    place.run("CREATE TABLE keyless (id INTEGER)").await;
    let info = source.describe(&From::Table("keyless".to_owned())).await.unwrap().unwrap();
    assert_eq!(shown(&info), "id Integer? /  /  / ");
}

async fn views_and_queries(place: Place) {
    place
        .run("CREATE TABLE things (id INTEGER PRIMARY KEY, name VARCHAR(9) NOT NULL, at DATE)")
        .await;
    place.run("CREATE VIEW seen AS SELECT id, name FROM things").await;
    let source = place.source();
    let view = source.describe(&From::Table("seen".to_owned())).await.unwrap().unwrap();
    assert!(shown(&view).starts_with("id Integer"), "{}", shown(&view));
    assert_eq!(view.primary_key, Vec::<String>::new());
    let query = From::Query("SELECT id AS no, name FROM things WHERE id > 0;".to_owned());
    let described = source.describe(&query).await.unwrap().unwrap();
    assert_eq!(shown(&described), "no Integer?, name Text? /  /  / ");
    // Twice on one connection.
    assert_eq!(source.describe(&query).await.unwrap().unwrap(), described);
}

/// A collation matters where it holds different texts equal.
async fn collations_that_fold_are_known(place: Place) {
    let folding = match (place.is_postgres(), place.is_mariadb()) {
        (true, _) => {
            let folds = "CREATE COLLATION folds (provider = icu, locale = 'und-u-ks-level2', deterministic = false)";
            place.run(folds).await;
            "COLLATE folds"
        }
        (_, true) => "COLLATE utf8mb4_general_ci",
        _ => "COLLATE NOCASE",
    };
    let exact = if place.is_mariadb() { "COLLATE utf8mb4_bin" } else { "" };
    place
        .run(&format!(
            "CREATE TABLE things (id INTEGER PRIMARY KEY, a VARCHAR(9) {folding}, b VARCHAR(9) {exact})"
        ))
        .await;
    let source = place.source();
    let info = source.describe(&From::Table("things".to_owned())).await.unwrap().unwrap();
    let folds = |name: &str| {
        let collation = info.column(name).unwrap().collation.as_ref();
        collation.is_some_and(|collation| collation.folds)
    };
    assert_eq!(["id", "a", "b"].map(folds), [false, true, false]);
}

/// Indexes of a view belong to the tables below; an expression is no column.
async fn views_and_expressions_are_told_apart(place: Place) {
    place
        .run(
            "CREATE TABLE things (id INTEGER PRIMARY KEY, name VARCHAR(9));
             CREATE VIEW seen AS SELECT id, name FROM things",
        )
        .await;
    let expressions = !place.is_mariadb();
    if expressions {
        place.run("CREATE INDEX folded ON things (lower(name), id)").await;
    }
    let source = place.source();
    let table = source.describe(&From::Table("things".to_owned())).await.unwrap().unwrap();
    let view = source.describe(&From::Table("seen".to_owned())).await.unwrap().unwrap();
    let query = source.describe(&From::query("SELECT 1 AS one")).await.unwrap().unwrap();
    assert_eq!([&table, &view, &query].map(|info| info.derived), [false, true, true]);
    assert_eq!(table.expressions.len(), usize::from(expressions));
    assert!(table.expressions.iter().all(|expression| expression.contains("lower(")));
    assert_eq!((&table.grant, &table.unhide), (&None, &None));
}

/// A mistake in a condition is told before anything is read.
async fn what_the_server_does_not_understand_is_told_by_preparing(place: Place) {
    place.run("CREATE TABLE things (id INTEGER PRIMARY KEY, owner INTEGER)").await;
    let source = place.source();
    let root = read(&*source, "things", &["id", "owner"], &["id"]).await;
    source.prepare(&root).await.unwrap();
    source.prepare(&by(root.clone(), &["owner"], Match::Exact)).await.unwrap();
    for mistaken in [root.clone(), by(root, &["owner"], Match::Exact)] {
        let mistaken = Read { condition: Some("no_such_column IS NULL".to_owned()), ..mistaken };
        assert!(said(source.prepare(&mistaken).await).contains("no_such_column"));
    }
}

on_every_server!(
    keys_and_indexes,
    views_and_queries,
    collations_that_fold_are_known,
    views_and_expressions_are_told_apart,
    what_the_server_does_not_understand_is_told_by_preparing,
);
