//! Files of lines, sent as they are read.
//!
//! Promises: there is never more of it in memory than some parts and one line; of CSV, a body that ends well is whole, and one
//! that is not is broken off; of NDJSON, the last line says which of the two it is, and why.

use serde_json::value::RawValue;

use super::super::problem::Problem;
use super::audit::Audit;
use super::outlet::{Outlet, PART, Stalled};
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

    /// What rows are taken apart by, unless they stay as they are.
    fn table(&self) -> Option<&Table> {
        match self {
            Self::Csv(table) | Self::Columns(table) => Some(table),
            Self::Rows => None,
        }
    }

    /// Writes one line.
    fn write(&self, cells: &[Cell], out: &mut Vec<u8>) {
        match self {
            Self::Csv(_) => csv::cells(cells, out),
            Self::Columns(table) => ndjson::cells(table.columns(), cells, out),
            Self::Rows => {}
        }
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
    let mut sink = Sink { out: lines.beginning(), outlet, audit };
    let mut row = String::new();
    while let Some(hits) = reading.next().await? {
        for hit in &hits {
            row.clear();
            reading.row(hit, &mut row)?;
            let Some(table) = lines.table() else {
                ndjson::row(&row, &mut sink.out);
                sink.line(reading).await?;
                continue;
            };
            let raw: &RawValue = serde_json::from_str(&row).map_err(|_| Problem::internal())?;
            for cells in table.lines(raw).map_err(|_| Problem::internal())? {
                lines.write(&cells.map_err(|_| Problem::internal())?, &mut sink.out);
                sink.line(reading).await?;
            }
        }
        // Who waits for the next page has all of this one.
        sink.flush(reading).await?;
    }
    sink.flush(reading).await
}

/// Where lines go.
struct Sink<'a> {
    /// What has not been sent.
    out: Vec<u8>,
    outlet: &'a Outlet,
    audit: &'a mut Audit,
}

impl Sink<'_> {
    /// A line has been written.
    async fn line(&mut self, reading: &mut Reading) -> Result<(), Stop> {
        self.audit.rows += 1;
        match self.out.len() < PART {
            true => Ok(()),
            false => self.flush(reading).await,
        }
    }

    async fn flush(&mut self, reading: &mut Reading) -> Result<(), Stop> {
        self.audit.bytes += self.out.len() as u64;
        Ok(self.outlet.send(std::mem::take(&mut self.out), Some(reading)).await?)
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
