//! Lines of JSON.
//!
//! Promises: one object a line, whatever space its document was written with; a last line that no row can be mistaken for.

use serde_json::Value;

use super::{Cell, Column};

/// The member of the last line: whether it is the end of all rows.
pub const END: &str = "_end";

/// A row as it is.
pub fn row(row: &str, out: &mut Vec<u8>) {
    // Between values only: a text has its own written as `\n`.
    out.extend(row.bytes().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte }));
    out.push(b'\n');
}

/// A row by its columns.
pub fn cells(columns: &[Column], cells: &[Cell], out: &mut Vec<u8>) {
    out.push(b'{');
    for (number, (column, cell)) in columns.iter().zip(cells).enumerate() {
        if number > 0 {
            out.push(b',');
        }
        out.extend(Value::from(column.heading.as_str()).to_string().as_bytes());
        out.push(b':');
        match cell {
            Cell::Empty => out.extend(b"null"),
            Cell::Text(text) => out.extend(Value::from(text.as_str()).to_string().as_bytes()),
            Cell::Number(digits) => out.extend(digits.as_bytes()),
            Cell::Flag(flag) => out.extend(flag.to_string().as_bytes()),
        }
    }
    out.extend(b"}\n");
}

/// The last line: all rows have come, so many; else why they have not, as JSON.
pub fn end(rows: u64, problem: Option<&[u8]>, out: &mut Vec<u8>) {
    out.extend(format!("{{\"{END}\":{},\"rows\":{rows}", problem.is_none()).as_bytes());
    if let Some(problem) = problem {
        out.extend(b",\"problem\":");
        out.extend(problem);
    }
    out.extend(b"}\n");
}

#[cfg(test)]
mod tests {
    use super::super::Form;
    use super::*;

    #[test]
    fn a_row_is_a_line() {
        let mut out = Vec::new();
        row("{\"a\":\r\n [1.50,\n \"b\\n\"]}", &mut out);
        let column = |heading: &str| Column {
            heading: heading.to_owned(),
            path: String::new(),
            form: Form::Count,
            dates: false,
        };
        let row = [
            Cell::Empty,
            Cell::Text("\"\n".to_owned()),
            Cell::Number("9007199254740993".to_owned()),
            Cell::Flag(false),
        ];
        cells(&[column("a"), column("\""), column("c"), column("d")], &row, &mut out);
        end(2, None, &mut out);
        end(1, Some(b"{}"), &mut out);
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r#"
        {"a":   [1.50,  "b\n"]}
        {"a":null,"\"":"\"\n","c":9007199254740993,"d":false}
        {"_end":true,"rows":2}
        {"_end":false,"rows":1,"problem":{}}
        "#);
    }
}
