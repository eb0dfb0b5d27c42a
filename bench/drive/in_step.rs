//! An index is held against its rows by `prejoin verify`; rows change in the database, and `prejoin sync` brings it in step.
//!
//! Every edit sets the time of the rows that it changes, as a service would.

use anyhow::{Context, Result, ensure};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use super::measure::{Measure, Row, Section};
use super::plan::{add, name};
use super::stage::{Scale, Stage};
use super::subject::{self, Job};

/// Runs of each kind.
const ROUNDS: u64 = 3;
/// Parts that are renamed at a time.
const PARTS: u64 = 100;
/// Line items that change at a time.
const LINES: u64 = 10_000;

/// A full load, and then edits, each followed by a run.
pub(crate) fn measure(stage: &Stage, scale: &Scale, rows: &mut Vec<Row>) -> Result<()> {
    let mut load = Row::new(name::WATCHED, Section::InStep, name::WATCHED);
    add(&mut load, subject::load(stage, Job::Watched, scale)?);
    rows.push(load);
    // The first look at what does not tell when it changed.
    subject::sync(stage, scale)?;
    let mut verified = Row::new(name::VERIFIED, Section::InStep, name::WATCHED);
    for _ in 0..ROUNDS {
        stage.engine.rest()?;
        add(&mut verified, subject::verify(stage, scale)?);
    }
    rows.push(verified);
    for name in [name::NOTHING, name::RENAMED, name::CHANGED] {
        let mut row = Row::new(name, Section::InStep, name::WATCHED);
        for round in 0..ROUNDS {
            let edit = match name {
                name::RENAMED => Some(renamed(scale, round)),
                name::CHANGED => Some(changed(scale, round)),
                _ => None,
            };
            if let Some(sql) = &edit {
                run(stage, sql.clone())?;
            }
            stage.engine.rest()?;
            let measure: Measure = subject::sync(stage, scale)?;
            ensure!(
                (measure.documents > 0) == edit.is_some(),
                "{name}: {} documents were written",
                measure.documents
            );
            add(&mut row, measure);
        }
        rows.push(row);
    }
    Ok(())
}

/// Parts all over the table get other names.
fn renamed(scale: &Scale, round: u64) -> String {
    // Two parts for every fifteen orders.
    let one_in = (scale.documents() * 2 / 15 / PARTS).max(1);
    format!(
        "update {}.part set p_name = 'renamed at ' || clock_timestamp(), updated_at = now() where p_partkey % {one_in} = {}",
        scale.watched(),
        round % one_in
    )
}

/// Line items all over the table get other quantities.
fn changed(scale: &Scale, round: u64) -> String {
    // Four for every order.
    let one_in = (scale.documents() * 4 / LINES).max(1);
    format!(
        "update {}.lineitem set l_quantity = l_quantity % 50 + 1, updated_at = now() where (l_partkey + l_suppkey + l_linenumber) % {one_in} = {}",
        scale.watched(),
        round % one_in
    )
}

fn run(stage: &Stage, sql: String) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut connection = PgConnection::connect(&stage.postgres).await?;
        connection.execute(AssertSqlSafe(sql)).await.context("changing rows")?;
        connection.close().await.context("changing rows")
    })
}
