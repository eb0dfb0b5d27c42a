//! Lines of comma-separated values (RFC 4180), in UTF-8.
//!
//! Promises: a text is quoted, whatever it holds, and a number is not, so that one can tell `"007"` from 7 and an empty text
//! from none; but a number of more digits than spreadsheets keep is. No text begins as a formula does. Nothing is cut off, and no
//! line is empty, which readers would skip.

use super::{Cell, Column};

/// What tells a spreadsheet that this is UTF-8.
pub const BOM: &str = "\u{FEFF}";

/// What spreadsheets take for the beginning of a formula, in wide letters too.
const FORMULA: [char; 12] =
    ['=', '+', '-', '@', '\t', '\r', '\n', '\0', '\u{FF1D}', '\u{FF0B}', '\u{FF0D}', '\u{FF20}'];

/// The first line.
pub fn headings(columns: &[Column], out: &mut Vec<u8>) {
    let each = columns.iter().map(|column| |out: &mut Vec<u8>| quoted(&column.heading, out));
    line(each, out);
}

/// One more line.
pub fn cells(cells: &[Cell], out: &mut Vec<u8>) {
    // With one column, that is nothing too.
    let alone = [Cell::Text(String::new())];
    let cells = if matches!(cells, [Cell::Empty]) { &alone } else { cells };
    let each = cells.iter().map(|cell| {
        |out: &mut Vec<u8>| match cell {
            Cell::Empty => {}
            Cell::Text(text) => quoted(text, out),
            Cell::Number(digits) if Cell::is_exact(digits) => out.extend(digits.as_bytes()),
            // Not by `quoted`: what begins with a minus here is no formula.
            Cell::Number(digits) => out.extend(format!("\"{digits}\"").as_bytes()),
            Cell::Flag(flag) => out.extend(flag.to_string().as_bytes()),
        }
    });
    line(each, out);
}

fn line(each: impl Iterator<Item = impl FnOnce(&mut Vec<u8>)>, out: &mut Vec<u8>) {
    for (number, write) in each.enumerate() {
        if number > 0 {
            out.push(b',');
        }
        write(out);
    }
    out.extend(b"\r\n");
}

fn quoted(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    if text.starts_with(FORMULA) {
        out.push(b'\'');
    }
    for byte in text.bytes() {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::super::Form;
    use super::*;

    fn written(row: &[Cell]) -> String {
        let mut out = Vec::new();
        cells(row, &mut out);
        let text = String::from_utf8(out).unwrap();
        text.strip_suffix("\r\n").unwrap().to_owned()
    }

    fn text(text: &str) -> String {
        written(&[Cell::Text(text.to_owned())])
    }

    #[test]
    fn texts_are_quoted_and_numbers_are_not() {
        let number = |digits: &str| Cell::Number(digits.to_owned());
        let row = [
            Cell::Empty,
            Cell::Text(String::new()),
            Cell::Text("a, \"b\"\r\nc".to_owned()),
            Cell::Text("007".to_owned()),
            number("-12.50"),
            number("9007199254740993"),
            number("-9007199254740993"),
            Cell::Flag(true),
        ];
        assert_eq!(
            written(&row),
            ",\"\",\"a, \"\"b\"\"\r\nc\",\"007\",-12.50,\"9007199254740993\",\"-9007199254740993\",true"
        );
    }

    #[test]
    fn no_line_is_empty() {
        assert_eq!(written(&[Cell::Empty]), "\"\"");
        assert_eq!(written(&[Cell::Empty, Cell::Empty]), ",");
    }

    #[test]
    fn no_text_is_a_formula() {
        assert_eq!(text("=1+1"), "\"'=1+1\"");
        for first in FORMULA {
            assert_eq!(
                text(&format!("{first}cmd|'/C calc'!A0")),
                format!("\"'{first}cmd|'/C calc'!A0\"")
            );
        }
        for plain in ["a=1", "김철수", " =1", "'=1", "1-2"] {
            assert_eq!(text(plain), format!("\"{plain}\""));
        }
        let column = |heading: &str| Column {
            heading: heading.to_owned(),
            path: String::new(),
            form: Form::Count,
            dates: false,
        };
        let mut out = Vec::new();
        headings(&[column("이름"), column("=a\"")], &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "\"이름\",\"'=a\"\"\"\r\n");
    }
}
