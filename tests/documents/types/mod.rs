//! Every server's types at their edges: through a full load into both engines, and read back to the letter.
//!
//! The tables beside this file say what goes in and what must come out. `field` holds the field's `as` and the source's
//! `zone`, `mapping` the engine's type, the last column the JSON of the value as it stands in `_source`, or `dead letter:` with
//! the error type and, where it is told, `at` the field. A line is a column of the table, and a row of its own.

mod keys;
mod matrix;

use std::collections::BTreeMap;

use prejoin::sink::{Body, Method};
use prejoin::state::State;
use serde_json::value::RawValue;

use crate::support::engines::TestEngine;
use crate::support::home::Home;
use crate::support::own::Indexes;
use crate::support::place::Place;

use matrix::{Case, Matrix};

#[tokio::test]
async fn postgres() {
    holds(&Place::postgres().await, "postgres").await;
}

#[tokio::test]
async fn mariadb() {
    holds(&Place::mariadb().await, "mariadb").await;
}

#[tokio::test]
async fn sqlite() {
    holds(&Place::sqlite().await, "sqlite").await;
}

async fn holds(place: &Place, name: &str) {
    let matrix = Matrix::read(name);
    assert!(matrix.cases.len() > 40, "{name}: only {} cases", matrix.cases.len());
    matrix.fill(place).await;
    let mut wrong = Vec::new();
    for engine in [TestEngine::OpenSearch, TestEngine::Elasticsearch] {
        let here = load(place, &matrix, engine).await;
        wrong.extend(here.into_iter().map(|what| format!("{engine:?}: {what}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Loads the cases into the engine; what came out otherwise than the matrix says.
async fn load(place: &Place, matrix: &Matrix, engine: TestEngine) -> Vec<String> {
    let index = Indexes::of(engine, "types").await;
    let prefix = Indexes::of(engine, "state").await;
    let cases: Vec<&Case> = matrix.cases.iter().filter(|case| case.runs_on(engine)).collect();
    let home = matrix
        .home(place, &cases, &index)
        .variable("PREJOIN__ENGINE__URL", &engine.url().await)
        .variable("PREJOIN__ENGINE__STATE_PREFIX", &prefix);
    let ran = home.run(&["reindex", "types", "--json"]);
    assert!(matches!(ran.code, Some(0 | 1)), "{}", ran.stderr);
    let report = ran.json();
    let client = engine.client().await;
    let generation = report["index"].as_str().unwrap();
    let state = State::new(client.clone(), &prefix);
    let letters = state.list_dead_letters(generation, 1_000).await.unwrap();
    let mut wrong = Vec::new();
    for case in cases {
        let id = case.line.to_string();
        let answer =
            client.send(Method::Get, &[&index, "_doc", &id], &[], Body::Empty).await.unwrap();
        let letter = letters.iter().find(|letter| letter.key == id);
        let came = match (answer.status, letter) {
            (200, None) => case.value_in(&answer.json::<Found>().unwrap().source),
            (404, Some(letter)) => case.told(letter),
            (status, letter) => format!("status {status}, {letter:?}"),
        };
        let wanted = case.document(engine);
        if came != wanted {
            wrong.push(format!("{}:{}: {came}, not {wanted}", matrix.file, case.line));
        }
    }
    wrong
}

type Members = BTreeMap<String, Box<RawValue>>;

/// A document, each member as it was sent.
#[derive(serde::Deserialize)]
struct Found {
    #[serde(rename = "_source")]
    source: Members,
}
