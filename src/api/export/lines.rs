//! Files of lines, sent as they are read.
//!
//! Promises: of CSV, a body that ends well is whole, and one that is not is broken off; of NDJSON, the last line says which of
//! the two it is, and why.

use serde_json::value::RawValue;

use super::super::problem::Problem;
use super::audit::Audit;
use super::outlet::{Outlet, Stalled};
use super::reading::Reading;
use crate::query::export::{Cell, Format, Table, csv, ndjson};

/// How rows are written.
pub(super) enum Lines {
    Csv(Table),
    Columns(Table),
    Rows,
}

impl Lines {
    pub(super) fn new(format: Format, table: Option<Table>) -> Self {
        match (format, table) {
            (_, None) => Self::Rows,
            (Format::Ndjson, Some(table)) => Self::Columns(table),
            (_, Some(table)) => Self::Csv(table),
        }
    }

    fn is_csv(&self) -> bool {
        matches!(self, Self::Csv(_))
    }

    fn beginning(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if let Self::Csv(table) = self {
            out.extend(csv::BOM.as_bytes());
            csv::headings(table.columns(), &mut out);
        }
        out
    }

    /// Writes the lines of a row; says how many there are.
    fn write(&self, row: &str, out: &mut Vec<u8>) -> serde_json::Result<u64> {
        let raw: &RawValue = serde_json::from_str(row)?;
        let mut lines = 0;
        match self {
            Self::Rows => {
                ndjson::row(raw, out);
                lines = 1;
            }
            Self::Csv(table) => table.lines(raw, |cells: &[Cell]| {
                lines += 1;
                csv::cells(cells, out);
                serde_json::Result::Ok(())
            })?,
            Self::Columns(table) => table.lines(raw, |cells: &[Cell]| {
                lines += 1;
                ndjson::cells(table.columns(), cells, out);
                serde_json::Result::Ok(())
            })?,
        }
        Ok(lines)
    }
}

/// Why no more is sent.
enum Stop {
    Problem(Problem),
    Stalled,
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<Stalled> for Stop {
    fn from(_: Stalled) -> Self {
        Self::Stalled
    }
}

/// Sends all of it; says how that ended.
pub(super) async fn send(
    reading: &mut Reading,
    lines: &Lines,
    outlet: &Outlet,
    audit: &mut Audit,
) -> &'static str {
    let stop = match rows(reading, lines, outlet, audit).await {
        Ok(()) => match end(lines, None, outlet, audit).await {
            Ok(()) => return "complete",
            Err(Stalled) => Stop::Stalled,
        },
        Err(stop) => stop,
    };
    match stop {
        Stop::Stalled => "client_stalled",
        Stop::Problem(problem) if lines.is_csv() => problem.code(),
        Stop::Problem(problem) => match end(lines, Some(&problem), outlet, audit).await {
            Ok(()) => problem.code(),
            Err(Stalled) => "client_stalled",
        },
    }
}

async fn rows(
    reading: &mut Reading,
    lines: &Lines,
    outlet: &Outlet,
    audit: &mut Audit,
) -> Result<(), Stop> {
    let (mut out, mut row) = (lines.beginning(), String::new());
    loop {
        let hits = reading.next().await?;
        for hit in hits.iter().flatten() {
            row.clear();
            reading.row(hit, &mut row)?;
            audit.rows += lines.write(&row, &mut out).map_err(|_| Problem::internal())?;
        }
        if !out.is_empty() {
            audit.bytes += out.len() as u64;
            outlet.send(std::mem::take(&mut out), Some(reading)).await?;
        }
        if hits.is_none() {
            return Ok(());
        }
    }
}

async fn end(
    lines: &Lines,
    problem: Option<&Problem>,
    outlet: &Outlet,
    audit: &mut Audit,
) -> Result<(), Stalled> {
    if !lines.is_csv() {
        let mut out = Vec::new();
        let problem = problem.map(|problem| problem.told(audit.request_id()));
        ndjson::end(audit.rows, problem.as_deref(), &mut out);
        audit.bytes += out.len() as u64;
        outlet.send(out, None).await?;
    }
    outlet.end().await
}
