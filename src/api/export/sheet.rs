//! Makes the file of a workbook.
//!
//! Promises: it is on disk, where no other process finds it, and in memory there are a few rows at a time; it goes with its
//! export. What a sheet cannot hold, be it rows or a text, is refused and not cut off; numbers of more digits than it keeps
//! are texts.

use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::path::Path;

use rust_xlsxwriter::{ExcelDateTime, Format as Style, Workbook, XlsxError};
use serde_json::value::RawValue;
use tokio::sync::mpsc::{Receiver, channel};

use super::super::answer::Hit;
use super::super::problem::Problem;
use super::audit::Audit;
use super::file::Made;
use super::reading::Reading;
use crate::config::ExportConfig;
use crate::query::Selection;
use crate::query::export::{Cell, Column, Table};

/// Rows of a sheet, that of the headings among them.
const ROWS: u64 = 1_048_576;

/// What the one who writes is given.
enum Batch {
    Documents(Vec<Hit>),
    End,
}

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
enum Unmade {
    #[error("nobody wants it any more")]
    Abandoned,
    #[error("more rows than a sheet has")]
    TooManyRows,
    #[error("a longer text than a cell holds")]
    TooLong(String),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Xlsx(#[from] XlsxError),
    #[error(transparent)]
    Disk(#[from] std::io::Error),
}

/// Makes the file of all that is read.
///
/// # Errors
/// When it cannot be read, a sheet cannot hold it, or the disk does not.
pub(super) async fn make(
    reading: &mut Reading,
    table: Table,
    config: &ExportConfig,
    audit: &mut Audit,
) -> Result<Made, Problem> {
    if reading.left() >= ROWS {
        return Err(Problem::beyond_a_sheet(ROWS - 1));
    }
    let (batches, taken) = channel(1);
    let (selection, folder) = (reading.selection().clone(), config.folder.clone());
    let writing =
        tokio::task::spawn_blocking(move || written(taken, &table, &selection, folder.as_deref()));
    // One that has ended early says why.
    while let Some(documents) = reading.next().await? {
        if batches.send(Batch::Documents(documents)).await.is_err() {
            break;
        }
    }
    let _told = batches.send(Batch::End).await;
    let (mut file, rows) = writing.await.map_err(|_| Problem::internal())?.map_err(told)?;
    let length = file.seek(SeekFrom::End(0)).and_then(|length| file.rewind().map(|()| length));
    let length = length.map_err(|error| told(error.into()))?;
    (audit.rows, audit.bytes) = (rows, length);
    Ok(Made { file, length })
}

fn told(unmade: Unmade) -> Problem {
    match unmade {
        Unmade::TooManyRows => Problem::beyond_a_sheet(ROWS - 1),
        Unmade::TooLong(heading) => Problem::beyond_a_cell(&heading),
        other => {
            tracing::error!(error = %other, "the file of an export cannot be made");
            Problem::internal()
        }
    }
}

/// The file, and how many rows it has beside the headings.
fn written(
    mut batches: Receiver<Batch>,
    table: &Table,
    selection: &Selection,
    folder: Option<&Path>,
) -> Result<(File, u64), Unmade> {
    let mut sheet = Sheet::new(table.columns(), folder)?;
    let mut row = String::new();
    loop {
        let documents = match batches.blocking_recv() {
            Some(Batch::Documents(documents)) => documents,
            Some(Batch::End) => break,
            None => return Err(Unmade::Abandoned),
        };
        for document in &documents {
            row.clear();
            selection.row(&document.id, &document.source, &mut row)?;
            let raw: &RawValue = serde_json::from_str(&row)?;
            table.lines(raw, |cells| sheet.line(table.columns(), cells))?;
        }
    }
    let file = match folder {
        Some(folder) => tempfile::tempfile_in(folder)?,
        None => tempfile::tempfile()?,
    };
    sheet.workbook.save_to_writer(&file)?;
    Ok((file, u64::from(sheet.row)))
}

struct Sheet {
    workbook: Workbook,
    /// The last row that was written.
    row: u32,
    day: Style,
}

impl Sheet {
    fn new(columns: &[Column], folder: Option<&Path>) -> Result<Self, Unmade> {
        let mut workbook = Workbook::new();
        if let Some(folder) = folder {
            workbook.set_tempdir(folder)?;
        }
        let sheet = workbook.add_worksheet_with_constant_memory()?;
        sheet.set_freeze_panes(1, 0)?;
        let bold = Style::new().set_bold();
        for (column, number) in columns.iter().zip(0_u16..) {
            sheet.write_string_with_format(0, number, &column.heading, &bold)?;
        }
        Ok(Self { workbook, row: 0, day: Style::new().set_num_format("yyyy-mm-dd") })
    }

    fn line(&mut self, columns: &[Column], cells: &[Cell]) -> Result<(), Unmade> {
        self.row += 1;
        if u64::from(self.row) >= ROWS {
            return Err(Unmade::TooManyRows);
        }
        let row = self.row;
        let sheet = self.workbook.worksheet_from_index(0)?;
        for ((column, cell), number) in columns.iter().zip(cells).zip(0_u16..) {
            let written = match cell {
                Cell::Empty => continue,
                Cell::Flag(flag) => sheet.write_boolean(row, number, *flag),
                Cell::Number(digits) => match value(digits) {
                    Some(value) => sheet.write_number(row, number, value),
                    None => sheet.write_string(row, number, digits),
                },
                Cell::Text(text) => match day(column, text) {
                    Some(day) => sheet.write_datetime_with_format(row, number, &day, &self.day),
                    None => sheet.write_string(row, number, text),
                },
            };
            written.map_err(|error| match error {
                XlsxError::MaxStringLengthExceeded => Unmade::TooLong(column.heading.clone()),
                error => error.into(),
            })?;
        }
        Ok(())
    }
}

/// The number as a sheet keeps it, if that is the same number.
fn value(digits: &str) -> Option<f64> {
    let value = digits.parse::<f64>().ok().filter(|value| value.is_finite());
    value.filter(|_| Cell::is_exact(digits))
}

/// A day as sheets have it, which is without a zone; a time with one stays text.
fn day(column: &Column, text: &str) -> Option<ExcelDateTime> {
    let is_day = column.dates && text.len() == "2026-01-31".len();
    is_day.then(|| ExcelDateTime::parse_from_str(text).ok()).flatten()
}
