//! Makes the file of a workbook.
//!
//! Promises: it is on disk, where no other process finds it, and in memory there are a few rows at a time; it goes with its
//! export, and is not made on for one who has gone away. What a sheet cannot hold, be it rows or a text, is refused and not cut
//! off; numbers of more digits than it keeps are texts.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

use rust_xlsxwriter::{ExcelDateTime, Format as Style, Workbook, XlsxError};
use serde_json::value::RawValue;
use tokio::sync::mpsc::{Receiver, channel};

use super::super::answer::Hit;
use super::super::problem::Problem;
use super::audit::Audit;
use super::file::Made;
use super::places::Place;
use super::reading::Reading;
use crate::config::ExportConfig;
use crate::query::Selection;
use crate::query::export::{Cell, Column, Table};

/// Rows of a sheet, that of the headings among them.
const ROWS: u64 = 1_048_576;

/// Most bytes of cells as they stand in the workbook's XML, which is on disk before it is packed. No file in a ZIP may have more
/// than four times as many.
const BYTES: u64 = 1 << 30;
/// Bytes of a cell beside its text, about.
const CELL: u64 = 64;

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
    #[error("more than may be on disk")]
    TooLarge,
    #[error("a longer text than a cell holds")]
    TooLong(String),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Xlsx(#[from] XlsxError),
    #[error(transparent)]
    Disk(#[from] io::Error),
}

/// Makes the file of all that is read.
///
/// # Errors
/// When it cannot be read, a sheet cannot hold it, or the disk does not.
pub(super) async fn make(
    reading: &mut Reading,
    table: Table,
    (config, place): (&ExportConfig, &Arc<Place>),
    audit: &mut Audit,
) -> Result<Made, Problem> {
    if reading.left() >= ROWS {
        return Err(Problem::beyond_a_sheet(ROWS - 1));
    }
    let (batches, taken) = channel(1);
    let (selection, folder) = (reading.selection().clone(), config.folder.clone());
    let place = Arc::clone(place);
    let writing = tokio::task::spawn_blocking(move || {
        let made = written(taken, &table, &selection, folder.as_deref());
        // It works on for a moment when nobody waits for it any more.
        drop(place);
        made
    });
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
        Unmade::TooLarge => Problem::beyond_the_disk(BYTES),
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
            for cells in table.lines(raw)? {
                sheet.line(table.columns(), &cells?)?;
            }
        }
    }
    let file = empty(folder)?;
    sheet.workbook.save_to_writer(Wanted { file: &file, batches: &batches })?;
    Ok((file, u64::from(sheet.row)))
}

/// A file that nobody else can open, in `folder` or where such files are.
///
/// # Errors
/// When none can be made there.
pub(in crate::api) fn empty(folder: Option<&Path>) -> io::Result<File> {
    match folder {
        Some(folder) => tempfile::tempfile_in(folder),
        None => tempfile::tempfile(),
    }
}

/// A file for as long as somebody waits for it.
struct Wanted<'a> {
    file: &'a File,
    batches: &'a Receiver<Batch>,
}

impl Write for Wanted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.batches.is_closed() {
            true => Err(io::Error::other(Unmade::Abandoned)),
            false => self.file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for Wanted<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

struct Sheet {
    workbook: Workbook,
    /// The last row that was written.
    row: u32,
    /// Of all its cells, about.
    bytes: u64,
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
        let day = Style::new().set_num_format("yyyy-mm-dd");
        Ok(Self { workbook, row: 0, bytes: 0, day })
    }

    fn line(&mut self, columns: &[Column], cells: &[Cell]) -> Result<(), Unmade> {
        self.row += 1;
        if u64::from(self.row) >= ROWS {
            return Err(Unmade::TooManyRows);
        }
        self.bytes += cells.iter().map(size).sum::<u64>();
        if self.bytes > BYTES {
            return Err(Unmade::TooLarge);
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

/// Bytes of a cell in XML, at most, about.
fn size(cell: &Cell) -> u64 {
    let text = match cell {
        Cell::Empty => return 0,
        Cell::Flag(_) => 1,
        Cell::Number(digits) => digits.len() as u64,
        // What is escaped has up to seven bytes.
        Cell::Text(text) => {
            let escaped = |byte: u8| matches!(byte, 0..b' ' | b'&' | b'<' | b'>' | b'"');
            text.bytes().map(|byte| if escaped(byte) { 7 } else { 1 }).sum()
        }
    };
    CELL + text
}

/// The number as a sheet keeps it, if that is the same number.
fn value(digits: &str) -> Option<f64> {
    digits.parse().ok().filter(|_| Cell::is_exact(digits))
}

/// A day as sheets have it, which is without a zone; a time with one stays text.
fn day(column: &Column, text: &str) -> Option<ExcelDateTime> {
    let is_day = column.dates && text.len() == "2026-01-31".len();
    is_day.then(|| ExcelDateTime::parse_from_str(text).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::Mapping;
    use crate::query::Fields;
    use crate::query::export::Wish;

    #[test]
    fn nothing_is_made_for_one_who_has_gone() {
        let mapping = r#"{"mappings": {"properties": {"no": {"type": "keyword"}}}}"#;
        let fields = Fields::new(&Mapping::parse(Path::new("m.json"), mapping).unwrap());
        let wish = Wish::read(br#"{"columns": ["no"]}"#);
        let table = wish.table(&fields, None).unwrap().unwrap();
        let made = |gone: bool| {
            let (batches, taken) = channel(1);
            batches.try_send(Batch::End).unwrap_or_else(|_| panic!("there is room"));
            let waiting = (!gone).then_some(batches);
            let made = written(taken, &table, &Selection::Nothing, None);
            drop(waiting);
            made
        };
        assert!(made(false).unwrap().0.metadata().unwrap().len() > 1_000);
        assert!(made(true).is_err());
    }

    #[test]
    fn cells_are_counted_as_they_are_written() {
        let text = |text: &str| size(&Cell::Text(text.to_owned()));
        assert_eq!([text("abc"), text("&\n<"), size(&Cell::Empty)], [67, 85, 0]);
    }
}
