//! Computed fields: exact arithmetic and texts over the joined rows.

use std::cmp::Ordering;
use std::collections::HashSet;

use bigdecimal::{BigDecimal, RoundingMode, Zero};
use serde_json::Value;

use crate::hydrate::{Joined, Level};
use crate::plan::{Aggregate, Computed, Field, Node, Path};
use crate::render::{Json, Refused, Values};
use crate::row::{Cell, Kind, RowRef, Type};

/// Decimals that a mean has beyond those of its values.
const MEAN_DECIMALS: i64 = 4;

/// Rows at the end of a path, and the node that they are of.
struct Found<'r> {
    node: &'r Node,
    rows: Vec<RowRef<'r>>,
}

impl Values {
    /// Writes the value of one computed field.
    pub(super) fn compute(
        &mut self,
        computed: &Computed,
        root: &Node,
        at: (&Level, usize),
        json: &mut Json<'_>,
    ) -> Result<(), Refused> {
        let name = &computed.name;
        let refuse = |what: String| Refused::at(root, name, &what);
        match &computed.aggregate {
            Aggregate::Count(path) => {
                let count = self.find(path, root, at).map_err(refuse)?.rows.len();
                json.raw(itoa::Buffer::new().format(count));
            }
            Aggregate::Exists(path) => {
                let none = self.find(path, root, at).map_err(refuse)?.rows.is_empty();
                json.raw(if none { "false" } else { "true" });
            }
            Aggregate::Sum(path) => {
                let sum: BigDecimal = self.numbers(path, root, at).map_err(refuse)?.iter().sum();
                json.raw(sum.to_plain_string());
            }
            Aggregate::Avg(path) => match mean(&self.numbers(path, root, at).map_err(refuse)?) {
                Some(mean) => json.raw(mean.to_plain_string()),
                None => json.raw("null"),
            },
            Aggregate::Min(path) => {
                self.extreme(path, root, at, Ordering::Less, json).map_err(refuse)?;
            }
            Aggregate::Max(path) => {
                self.extreme(path, root, at, Ordering::Greater, json).map_err(refuse)?;
            }
            Aggregate::Text(paths) => {
                let text = self.texts(paths, root, at).map_err(refuse)?;
                json.text(&text);
            }
        }
        Ok(())
    }

    /// The rows that a path leads to and whose conditions hold.
    fn find<'r>(
        &mut self,
        path: &Path,
        root: &'r Node,
        (roots, row): (&'r Level, usize),
    ) -> Result<Found<'r>, String> {
        let mut node = root;
        let mut level = roots;
        let mut indices = vec![row];
        for &step in &path.steps {
            let joined = level.joined.get(step);
            let (Some(child), Some(joined), Some(below)) =
                (node.children.get(step), joined, joined.and_then(Joined::level))
            else {
                return Err("its path leads nowhere".to_owned());
            };
            let spans = indices.iter().filter_map(|&index| joined.spans.get(index));
            indices = spans.flat_map(|span| span.range()).collect();
            (node, level) = (child, below);
        }
        let mut rows = Vec::with_capacity(indices.len());
        for row in indices.into_iter().filter_map(|index| level.rows.get(index)) {
            if self.holds(path, node, row)? {
                rows.push(row);
            }
        }
        Ok(Found { node, rows })
    }

    fn holds(&mut self, path: &Path, node: &Node, row: RowRef<'_>) -> Result<bool, String> {
        for only in &path.only {
            let Some(field) = node.fields.get(only.field) else { return Ok(false) };
            let cell = self.value(field, row)?;
            if !only.values.iter().any(|value| equals(cell, value)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The values that a path leads to, each with the type of all of them; NULLs left out.
    fn each<'r>(
        &mut self,
        path: &Path,
        root: &'r Node,
        at: (&'r Level, usize),
        mut take: impl FnMut(Type, Cell<'_>) -> Result<(), String>,
    ) -> Result<(), String> {
        let Found { node, rows } = self.find(path, root, at)?;
        let field: &Field = node.fields.get(path.field).ok_or("its path leads nowhere")?;
        let ty = node.gives(field).ok_or("its path leads nowhere")?;
        for row in rows {
            let cell = self.value(field, row)?;
            if !cell.is_null() {
                take(ty, cell)?;
            }
        }
        Ok(())
    }

    fn numbers(
        &mut self,
        path: &Path,
        root: &Node,
        at: (&Level, usize),
    ) -> Result<Vec<BigDecimal>, String> {
        let mut numbers = Vec::new();
        self.each(path, root, at, |_, cell| {
            numbers.push(number(cell).ok_or("it takes numbers (try `as: decimal` on the field)")?);
            Ok(())
        })?;
        Ok(numbers)
    }

    fn extreme(
        &mut self,
        path: &Path,
        root: &Node,
        at: (&Level, usize),
        wanted: Ordering,
        json: &mut Json<'_>,
    ) -> Result<(), String> {
        let mut best: Option<(Kind, String)> = None;
        self.each(path, root, at, |ty, cell| {
            let better = match &best {
                None => true,
                Some((kind, text)) => compare(ty, cell, Cell { kind: *kind, text }) == wanted,
            };
            if better {
                best = Some((cell.kind, cell.text.to_owned()));
            }
            Ok(())
        })?;
        match best {
            None => json.raw("null"),
            Some((Kind::Text, text)) => json.text(&text),
            Some((_, text)) => json.raw(&text),
        }
        Ok(())
    }

    fn texts(
        &mut self,
        paths: &[Path],
        root: &Node,
        at: (&Level, usize),
    ) -> Result<String, String> {
        let mut seen = HashSet::new();
        let mut all = String::new();
        for path in paths {
            self.each(path, root, at, |_, cell| {
                if !cell.text.is_empty() && seen.insert(cell.text.to_owned()) {
                    if !all.is_empty() {
                        all.push('\n');
                    }
                    all.push_str(cell.text);
                }
                Ok(())
            })?;
        }
        Ok(all)
    }
}

fn number(cell: Cell<'_>) -> Option<BigDecimal> {
    (cell.kind == Kind::Number).then(|| cell.text.parse().ok()).flatten()
}

fn mean(numbers: &[BigDecimal]) -> Option<BigDecimal> {
    let scale = numbers.iter().map(BigDecimal::fractional_digit_count).max()?.max(0);
    let sum: BigDecimal = numbers.iter().sum();
    let count = BigDecimal::from(u64::try_from(numbers.len()).ok()?);
    if sum.is_zero() {
        return Some(sum.with_scale(scale + MEAN_DECIMALS));
    }
    Some((sum / count).with_scale_round(scale + MEAN_DECIMALS, RoundingMode::HalfEven))
}

/// Numbers by value, dates and times as they follow one another, everything else by its text.
fn compare(ty: Type, a: Cell<'_>, b: Cell<'_>) -> Ordering {
    if let (Some(a), Some(b)) = (number(a), number(b)) {
        return a.cmp(&b);
    }
    match ty {
        Type::Date | Type::Timestamp | Type::Timestamptz => led(a.text).cmp(&led(b.text)),
        Type::Time => match (a.text.strip_prefix('-'), b.text.strip_prefix('-')) {
            (Some(a), Some(b)) => led(b).cmp(&led(a)),
            (a_before, b_before) => {
                let (a_after, b_after) = (a_before.is_none(), b_before.is_none());
                a_after.cmp(&b_after).then_with(|| led(a.text).cmp(&led(b.text)))
            }
        },
        _ => a.text.cmp(b.text),
    }
}

/// The year of a date or the hours of a time, which may have a sign and any number of digits, and what follows: that sorts as
/// text, but for an instant's `Z`, which would sort a whole second behind its own fractions.
fn led(text: &str) -> (Option<i64>, &str) {
    let text = text.strip_suffix('Z').unwrap_or(text);
    let digits = text.trim_start_matches(['+', '-']);
    let rest = digits.trim_start_matches(|digit: char| digit.is_ascii_digit());
    (text.strip_suffix(rest).and_then(|number| number.parse().ok()), rest)
}

fn equals(cell: Cell<'_>, value: &Value) -> bool {
    match value {
        Value::Null => cell.is_null(),
        Value::String(text) => matches!(cell.kind, Kind::Text | Kind::Number) && cell.text == text,
        Value::Bool(wanted) => cell.kind == Kind::Bool && (cell.text == "true") == *wanted,
        Value::Number(wanted) => match (number(cell), wanted.to_string().parse::<BigDecimal>()) {
            (Some(number), Ok(wanted)) => number == wanted,
            _ => cell.text == wanted.to_string(),
        },
        Value::Array(_) | Value::Object(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_compared_by_what_they_mean() {
        let in_order = [
            (Type::Decimal, &["-1.5", "-1.49", "9", "10"][..]),
            (
                Type::Timestamptz,
                &[
                    "-10000-12-31T23:59:59Z",
                    "-0043-03-15T00:00:00Z",
                    "-0043-04-01T00:00:00Z",
                    "0000-01-01T00:00:00Z",
                    "2026-01-01T09:05:00Z",
                    "2026-01-01T09:05:00.25Z",
                    "2026-01-01T09:05:00.5Z",
                    "2026-01-01T09:05:01Z",
                    "9999-12-31T23:59:59Z",
                    "+10000-01-01T04:59:59Z",
                ],
            ),
            (
                Type::Date,
                &["-0043-03-15", "0001-01-01", "2026-01-09", "2026-01-10", "+10000-01-01"],
            ),
            (
                Type::Time,
                &[
                    "-838:59:59",
                    "-23:00:00",
                    "-00:00:01.5",
                    "-00:00:01",
                    "00:00:00",
                    "00:00:00.5",
                    "23:00:00",
                    "99:59:59",
                    "100:00:00",
                ],
            ),
            // A text is no time, whatever it looks like.
            (Type::Text, &["+10000-01-01", "-0043-03-15", "100:00:00", "23:00:00", "abc"]),
        ];
        for (ty, values) in in_order {
            let kind = if ty == Type::Decimal { Kind::Number } else { Kind::Text };
            let cells = || values.iter().map(|text| Cell { kind, text }).enumerate();
            for ((at, a), (and, b)) in cells().flat_map(|a| cells().map(move |b| (a, b))) {
                assert_eq!(compare(ty, a, b), at.cmp(&and), "{ty} {} {}", a.text, b.text);
            }
        }
        let number = |text| Cell { kind: Kind::Number, text };
        assert_eq!(compare(Type::Decimal, number("1.0"), number("1.00")), Ordering::Equal);
    }

    #[test]
    fn means_have_four_more_decimals() {
        let mean = |numbers: &[&str]| {
            let numbers: Vec<BigDecimal> =
                numbers.iter().map(|number| number.parse().unwrap()).collect();
            mean(&numbers).map(|mean| mean.to_plain_string())
        };
        assert_eq!(mean(&["1", "2", "2"]).as_deref(), Some("1.6667"));
        assert_eq!(mean(&["0.10", "0.20"]).as_deref(), Some("0.150000"));
        assert_eq!(mean(&["0"]).as_deref(), Some("0.0000"));
        assert_eq!(mean(&[]), None);
    }
}
