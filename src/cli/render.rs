//! Everything that is printed, in one place: stdout carries data, stderr the rest.

use std::io::Write;

use serde::Serialize;

use crate::finding::{Finding, Level};

/// One line on stderr. A closed stderr is nobody's concern.
pub(super) fn line(text: &str) {
    let _closed = writeln!(std::io::stderr(), "{text}");
}

/// Text on stdout. A reader that has gone away (`| head`) is no error.
pub(super) fn data(text: &str) {
    let _closed = writeln!(std::io::stdout(), "{text}");
}

/// A report on stdout.
pub(super) fn json(report: &impl Serialize) {
    match serde_json::to_string_pretty(report) {
        Ok(text) => data(&text),
        Err(error) => line(&format!("error: the report cannot be printed: {error}")),
    }
}

/// Findings on stderr, each with its hint.
pub(super) fn findings(findings: &[Finding]) {
    for finding in findings {
        let level = match finding.level {
            Level::Error => "error",
            Level::Warning => "warning",
        };
        line(&format!("{level}: {finding}"));
        if let Some(hint) = &finding.hint {
            line(&format!("  hint: {hint}"));
        }
    }
}

/// `1,234,567`
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `340 MB`, in powers of ten, with two digits at least.
pub(super) fn bytes(bytes: u64) -> String {
    let units =
        [(1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    let unit = units.iter().find(|(size, _)| bytes >= *size);
    match unit {
        None => format!("{bytes} bytes"),
        Some((size, name)) if bytes < size * 10 => {
            format!("{}.{} {name}", bytes / size, bytes % size * 10 / size)
        }
        Some((size, name)) => format!("{} {name}", bytes / size),
    }
}

/// Characters of a key that are printed.
const SHOWN_OF_KEY: usize = 80;

/// A key on one line: whatever it is made of, it neither breaks the line nor steers the terminal; a long one is cut.
pub(super) fn key(key: &str) -> String {
    if key.is_empty() {
        return "(none)".to_owned();
    }
    let cut = key.char_indices().nth(SHOWN_OF_KEY).and_then(|(at, _)| key.get(..at));
    let mut shown = String::new();
    for c in cut.unwrap_or(key).chars() {
        match c.is_control() {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
    }
    if cut.is_some() {
        shown.push('…');
    }
    shown
}

/// A time that is not known to the second.
pub(super) fn duration(seconds: u64) -> String {
    match seconds {
        0..2 => "a second".to_owned(),
        2..90 => format!("{seconds} seconds"),
        90..5_400 => format!("{} minutes", seconds.div_ceil(60)),
        _ => format!("{} hours", seconds.div_ceil(3_600)),
    }
}

/// Rows of cells as an aligned table.
pub(super) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain(head.get(column).map(|cell| cell.len())).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let written = |cells: Vec<&str>| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let head = written(head.to_vec());
    let body = rows.iter().map(|row| written(row.iter().map(String::as_str).collect()));
    std::iter::once(head).chain(body).collect::<Vec<_>>().join("\n")
}

/// A text's lines, four spaces further in.
pub(super) fn indent(text: &str) -> String {
    text.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_tables_aligned() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([7, 9_960, 340_000_000].map(bytes), ["7 bytes", "9.9 kB", "340 MB"]);
        assert_eq!(
            [0, 89, 90, 7_000].map(duration),
            ["a second", "89 seconds", "2 minutes", "2 hours"]
        );
        assert_eq!(["", "7:a b", "a\nb\u{1b}[2J"].map(key), ["(none)", "7:a b", "a\\nb\\u{1b}[2J"]);
        assert_eq!(key(&"한".repeat(81)), format!("{}…", "한".repeat(80)));
        let rows = [vec!["a".to_owned(), "1".to_owned()], vec!["long".to_owned(), "2".to_owned()]];
        insta::assert_snapshot!(table(&["name", "n"], &rows), @r"
        name  n
        a     1
        long  2
        ");
    }
}
