//! Takes a row apart into the cells of a file.
//!
//! Promises: each row is walked through once, however many columns there are; numbers stay the digits that they are. A list
//! that is exploded gives a row for each of its elements, and one where it has none.

use std::collections::HashMap;

use bigdecimal::BigDecimal;
use serde_json::value::RawValue;

use super::{Column, DIGITS, Form};
use crate::query::json::Json;

/// A number's exponent may be that great, so that no sum of a few bytes takes all memory.
const MAX_EXPONENT: i64 = 400;

/// Numbers but 0 that every spreadsheet has: Excel's end a little beyond on either side.
const MAGNITUDES: std::ops::Range<f64> = 1e-307..9.99e307;

/// What rows of a file are made from.
#[derive(Debug)]
pub struct Table {
    columns: Vec<Column>,
    /// Paths from the top.
    whole: Branch,
    /// Paths within an element of the list that is exploded.
    element: Option<Branch>,
}

/// One cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// No value.
    Empty,
    /// A text.
    Text(String),
    /// A number, by its digits as JSON has them.
    Number(String),
    /// True or false.
    Flag(bool),
}

impl Cell {
    /// Whether a spreadsheet has the number as it is, and does not round it.
    pub fn is_exact(digits: &str) -> bool {
        let value = digits.parse::<f64>().unwrap_or(f64::NAN).abs();
        let mantissa = digits.split(['e', 'E']).next().unwrap_or_default();
        let digits = mantissa.bytes().filter(u8::is_ascii_digit);
        let digits = digits.skip_while(|digit| *digit == b'0').count();
        digits == 0 || (digits <= DIGITS && MAGNITUDES.contains(&value))
    }
}

/// Where paths go on, and which columns have their values there.
#[derive(Debug, Default)]
struct Branch {
    columns: Vec<usize>,
    below: HashMap<String, Branch>,
    explodes: bool,
}

/// What was found in a row, by column.
struct Found<'a> {
    values: Vec<Vec<&'a RawValue>>,
    elements: Vec<&'a RawValue>,
}

impl<'a> Found<'a> {
    fn new(columns: usize) -> Self {
        Self { values: vec![Vec::new(); columns], elements: Vec::new() }
    }

    fn of(&self, column: usize) -> &[&'a RawValue] {
        self.values.get(column).map_or(&[], Vec::as_slice)
    }
}

impl Table {
    /// Rows with these columns, one for each element of the list at `explode`.
    pub(super) fn new(columns: Vec<Column>, explode: Option<&str>) -> Self {
        let (mut whole, mut element) = (Branch::default(), explode.map(|_| Branch::default()));
        for (number, column) in columns.iter().enumerate() {
            let inside = explode.and_then(|list| column.path.strip_prefix(list)?.strip_prefix('.'));
            match (inside, &mut element) {
                (Some(path), Some(element)) => element.at(path).columns.push(number),
                _ => whole.at(&column.path).columns.push(number),
            }
        }
        if let Some(list) = explode {
            whole.at(list).explodes = true;
        }
        Self { columns, whole, element }
    }

    /// Its columns, in their order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The cells of each line of a search's row, one line at a time.
    ///
    /// # Errors
    /// When the row is no JSON; so may each line be.
    pub fn lines<'a>(
        &'a self,
        row: &'a RawValue,
    ) -> serde_json::Result<impl Iterator<Item = serde_json::Result<Vec<Cell>>>> {
        let mut found = Found::new(self.columns.len());
        self.whole.collect(row, &mut found)?;
        let mut elements: Vec<Option<&RawValue>> = found.elements.drain(..).map(Some).collect();
        if elements.is_empty() {
            elements.push(None);
        }
        Ok(elements.into_iter().map(move |element| {
            let (Some(branch), Some(raw)) = (&self.element, element) else {
                return Ok(self.cells(&found, None));
            };
            let mut inside = Found::new(self.columns.len());
            branch.collect(raw, &mut inside)?;
            Ok(self.cells(&found, Some(&inside)))
        }))
    }

    fn cells(&self, whole: &Found<'_>, inside: Option<&Found<'_>>) -> Vec<Cell> {
        let columns = self.columns.iter().enumerate();
        let cells = columns.map(|(number, column)| {
            // A column is of the one or of the other.
            let inside = inside.map_or(&[][..], |found| found.of(number));
            let values = if inside.is_empty() { whole.of(number) } else { inside };
            cell(&column.form, values)
        });
        cells.collect()
    }
}

impl Branch {
    fn at(&mut self, path: &str) -> &mut Self {
        path.split('.').fold(self, |at, name| at.below.entry(name.to_owned()).or_default())
    }

    /// Finds the values of the columns below, lists taken apart, nulls left out.
    fn collect<'a>(&self, raw: &'a RawValue, found: &mut Found<'a>) -> serde_json::Result<()> {
        let looks_in = !self.below.is_empty() && raw.get().starts_with('{');
        let value =
            if looks_in || raw.get().starts_with('[') { Json::open(raw)? } else { Json::Null };
        if let Json::List(elements) = value {
            return elements.into_iter().try_for_each(|element| self.collect(element, found));
        }
        if raw.get() == "null" {
            return Ok(());
        }
        for number in &self.columns {
            if let Some(values) = found.values.get_mut(*number) {
                values.push(raw);
            }
        }
        if self.explodes {
            found.elements.push(raw);
        }
        if let Json::Object(members) = value {
            for (name, value) in members {
                if let Some(branch) = self.below.get(&name) {
                    branch.collect(value, found)?;
                }
            }
        }
        Ok(())
    }
}

fn cell(form: &Form, values: &[&RawValue]) -> Cell {
    match (form, values) {
        (Form::Count, values) => Cell::Number(values.len().to_string()),
        (Form::Sum, values) => sum(values).map_or(Cell::Empty, Cell::Number),
        (Form::Values(_), []) => Cell::Empty,
        (Form::Values(_), [one]) => single(one),
        (Form::Values(separator), several) => {
            let texts: Vec<String> = several.iter().map(|value| text(value)).collect();
            Cell::Text(texts.join(separator))
        }
    }
}

fn single(raw: &RawValue) -> Cell {
    match Json::open(raw) {
        Ok(Json::Text(text)) => Cell::Text(text),
        Ok(Json::Number(digits)) => Cell::Number(digits.to_owned()),
        Ok(Json::Bool(flag)) => Cell::Flag(flag),
        Ok(Json::Null) => Cell::Empty,
        // What the mapping does not look into stays JSON; so does half a character.
        Ok(Json::List(_) | Json::Object(_)) | Err(_) => Cell::Text(raw.get().to_owned()),
    }
}

fn text(raw: &RawValue) -> String {
    match Json::open(raw) {
        Ok(Json::Text(text)) => text,
        _ => raw.get().to_owned(),
    }
}

/// None where something is no number: a sum without it would be wrong.
fn sum(values: &[&RawValue]) -> Option<String> {
    let numbers = values.iter().map(|raw| number(&text(raw)));
    let sum: BigDecimal = numbers.collect::<Option<Vec<_>>>()?.iter().sum();
    Some(sum.to_plain_string())
}

fn number(digits: &str) -> Option<BigDecimal> {
    let exponent = digits.split(['e', 'E']).nth(1).map(str::parse::<i64>).transpose().ok()?;
    if exponent.is_some_and(|exponent| exponent.abs() > MAX_EXPONENT) {
        return None;
    }
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &str = r#"{"_id":"c1","amount":12345678901234567890123456789012345678.10,"paid":true,"tags":["a","b"],"title":"김철수",
        "note":{"b":[1, 2]},"none":null,"manager":{"name":"Ada"},
        "settlements":[{"amount":0.1,"lines":[{"n":1},{"n":2}]},{"amount":0.2,"status":"paid"},null,{"amount":"9007199254740993"}]}"#;

    fn lines(columns: &[(&str, Form)], explode: Option<&str>) -> String {
        let columns = columns.iter().map(|(path, form)| Column {
            heading: String::new(),
            path: (*path).to_owned(),
            form: form.clone(),
            dates: false,
        });
        let table = Table::new(columns.collect(), explode);
        let row = serde_json::from_str(ROW).unwrap();
        let told = table.lines(row).unwrap().map(|cells| {
            let cells = cells.unwrap();
            let cells = cells.iter().map(|cell| match cell {
                Cell::Empty => "-".to_owned(),
                Cell::Text(text) => format!("{text:?}"),
                Cell::Number(digits) => digits.clone(),
                Cell::Flag(flag) => flag.to_string(),
            });
            cells.collect::<Vec<_>>().join(" | ")
        });
        told.collect::<Vec<_>>().join("\n")
    }

    fn values() -> Form {
        Form::Values(", ".to_owned())
    }

    #[test]
    fn cells_hold_what_the_row_shows() {
        let plain =
            ["_id", "amount", "paid", "tags", "title", "note", "none", "gone.too", "manager.name"];
        let plain: Vec<(&str, Form)> = plain.iter().map(|path| (*path, values())).collect();
        insta::assert_snapshot!(lines(&plain, None), @r#""c1" | 12345678901234567890123456789012345678.10 | true | "a, b" | "김철수" | "{\"b\":[1, 2]}" | - | - | "Ada""#);
        let lists = [
            ("settlements", Form::Count),
            ("settlements.amount", Form::Sum),
            ("settlements.amount", values()),
            ("settlements.lines.n", Form::Sum),
            ("settlements.status", Form::Count),
            ("none", Form::Sum),
            ("title", Form::Sum),
        ];
        insta::assert_snapshot!(lines(&lists, None), @r#"3 | 9007199254740993.3 | "0.1, 0.2, 9007199254740993" | 3 | 1 | 0 | -"#);
    }

    #[test]
    fn an_exploded_list_has_a_row_for_each_element() {
        let columns = [
            ("title", values()),
            ("settlements.amount", values()),
            ("settlements.lines", Form::Count),
            ("settlements.status", values()),
        ];
        insta::assert_snapshot!(lines(&columns, Some("settlements")), @r#"
        "김철수" | 0.1 | 2 | -
        "김철수" | 0.2 | 0 | "paid"
        "김철수" | "9007199254740993" | 0 | -
        "#);
        insta::assert_snapshot!(lines(&columns[..2], Some("gone")), @r#""김철수" | "0.1, 0.2, 9007199254740993""#);
    }

    #[test]
    fn sums_of_a_few_bytes_stay_small() {
        assert_eq!(number("1e400").map(|_| ()), Some(()));
        assert_eq!(number("1e999999999999"), None);
        assert_eq!(number("1e99999999999999999999"), None);
    }

    #[test]
    fn spreadsheets_keep_fifteen_digits() {
        for exact in [
            "0",
            "-5",
            "123456789012345",
            "0.000123456789012345",
            "1e300",
            "-1e-307",
            "0.00",
            "-0e9",
        ] {
            assert!(Cell::is_exact(exact), "{exact}");
        }
        for rounded in [
            "1234567890123456",
            "9007199254740993",
            "1.234567890123456",
            "-1000000000000000",
            "1e-400",
            "-1e-308",
            "1e308",
            "-1e400",
        ] {
            assert!(!Cell::is_exact(rounded), "{rounded}");
        }
    }
}
