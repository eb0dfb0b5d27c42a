//! Conditions of a query string as filters of a body.
//!
//! Promises: a value is of the type of its field, as far as the field is known, with the digits that were written; names of
//! fields and operators are passed on as they are, for the body's parser to know.

use serde_json::{Number, Value, json};

use super::scan::{Scan, Wrong};
use crate::query::fields::{Fields, Found, Kind, Known, Shape};
use crate::query::{Code, Limits};

/// Words that end the name of a field within a group.
const OPERATORS: [&str; 23] = [
    "eq",
    "ne",
    "gt",
    "gte",
    "lt",
    "lte",
    "in",
    "nin",
    "between",
    "exists",
    "is",
    "like",
    "ilike",
    "contains",
    "icontains",
    "starts_with",
    "match",
    "phrase",
    "not",
    "some",
    "none",
    "every",
    "count",
];
/// Operators about the elements of a list, with conditions in parentheses.
const QUANTIFIERS: [&str; 3] = ["some", "none", "every"];
/// Operators with a list of values in parentheses.
const CHOICES: [&str; 3] = ["in", "nin", "between"];
/// Operators whose value is a text, whatever the field is.
const TEXTUAL: [&str; 5] = ["contains", "icontains", "starts_with", "match", "phrase"];
/// A name of a field has fewer parts.
const MAX_PARTS: usize = 32;

/// The filter of one parameter: `and`, `or`, or a field's name.
pub(super) fn parameter(
    (limits, fields): (&Limits, &Fields),
    name: &str,
    value: &str,
) -> Result<Value, Wrong> {
    let mut reader = Reader { limits, fields, scan: Scan::new(value), depth: 1 };
    let filter = match name {
        "and" | "or" => reader.group(None).map(|filters| json!({ name: filters }))?,
        _ => reader.alone(name)?,
    };
    reader.scan.end()?;
    Ok(filter)
}

/// The filter of conditions about the elements of `list` that run to the end of what is left, or to a `)`.
pub(super) fn conditions<'a>(
    (limits, fields): (&Limits, &Fields),
    list: Option<&str>,
    scan: &mut Scan<'a>,
) -> Result<Value, Wrong> {
    let mut reader = Reader { limits, fields, scan: *scan, depth: 1 };
    let filters = reader.members(list)?;
    *scan = reader.scan;
    Ok(all(filters))
}

/// One filter of all.
pub(super) fn all(mut filters: Vec<Value>) -> Value {
    match filters.len() {
        0 => json!({}),
        1 => filters.pop().unwrap_or_default(),
        _ => json!({ "and": filters }),
    }
}

struct Reader<'f, 'a> {
    limits: &'f Limits,
    fields: &'f Fields,
    scan: Scan<'a>,
    depth: usize,
}

/// How likely it is that a part of a text is the name that is meant.
#[derive(PartialEq, PartialOrd)]
enum Rank {
    WithoutOperator,
    Unknown,
    /// Of the elements of a list, and named outside of it.
    Elsewhere,
    Known,
}

/// What a comparison is about.
#[derive(Clone, Copy)]
struct Subject<'a> {
    /// The list whose elements are described; the document itself when absent.
    list: Option<&'a str>,
    name: &'a str,
}

impl<'a> Reader<'_, 'a> {
    /// What is behind the name of a field that is a parameter of its own; without an operator it is a value.
    fn alone(&mut self, name: &str) -> Result<Value, Wrong> {
        let subject = Subject { list: None, name };
        let word = self.scan.word();
        let behind = self.scan.rest().get(word.len()..).unwrap_or_default();
        if word.is_empty() || !behind.starts_with(['.', '(']) {
            let value = self.scan.last_value()?;
            return Ok(json!({ name: {"eq": self.typed(subject, &value)} }));
        }
        self.operation(subject, Ends::AtEnd)
    }

    /// `(condition,condition,…)`.
    fn group(&mut self, list: Option<&str>) -> Result<Vec<Value>, Wrong> {
        self.scan.expect("(")?;
        let members = self.members(list)?;
        self.scan.expect(")")?;
        Ok(members)
    }

    /// Conditions up to a `)` or the end.
    fn members(&mut self, list: Option<&str>) -> Result<Vec<Value>, Wrong> {
        let mut members = Vec::new();
        if self.scan.rest().starts_with(')') || self.scan.is_at_end() {
            return Ok(members);
        }
        loop {
            members.push(self.condition(list)?);
            if !self.scan.eat(",") {
                return Ok(members);
            }
        }
    }

    /// A condition within a group: `not.…`, `and(…)`, `or(…)` or `field.operator.value`.
    fn condition(&mut self, list: Option<&str>) -> Result<Value, Wrong> {
        if self.scan.eat("not.") {
            return self.deeper(|reader| Ok(json!({"not": reader.condition(list)?})));
        }
        for word in ["and", "or"] {
            if self.scan.rest().starts_with(&format!("{word}(")) {
                self.scan.eat(word);
                return self.deeper(|reader| Ok(json!({ word: reader.group(list)? })));
            }
        }
        let name = self.name(list)?;
        self.scan.eat(name);
        self.scan.expect(".")?;
        self.operation(Subject { list, name }, Ends::AtComma)
    }

    /// One level further in.
    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Wrong>) -> Result<T, Wrong> {
        let most = self.limits.depth;
        if self.depth >= most {
            let what = format!("the filter is nested more than {most} deep");
            return Err(self.scan.fault(Code::LimitExceeded, what));
        }
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        read
    }

    /// The name of a field that is next, not yet read. Names have dots, and so has what follows: it is the longest name
    /// that is known, and before an operator rather than elsewhere.
    fn name(&self, list: Option<&str>) -> Result<&'a str, Wrong> {
        let run = { self.scan }.until(&[',', '(', ')', '"']);
        let dots = run.match_indices('.').map(|(dot, _)| dot).take(MAX_PARTS);
        let rank = |dot: usize| {
            let (name, behind) = (run.get(..dot)?, run.get(dot + 1..)?);
            let word = behind.split('.').next().unwrap_or_default();
            let is_operator = OPERATORS.contains(&word);
            let rank = match self.fields.find(list, name) {
                _ if name.is_empty() => return None,
                Found::Here(_) if is_operator => Rank::Known,
                Found::InList { .. } if is_operator => Rank::Elsewhere,
                Found::Unknown if is_operator => Rank::Unknown,
                Found::Here(_) => Rank::WithoutOperator,
                _ => return None,
            };
            Some((rank, name))
        };
        // Of unknown names, the shortest: a value may hold what looks like an operator.
        let best = dots.filter_map(rank).reduce(|best, next| {
            let better = next.0 > best.0 || (next.0 == best.0 && next.0 != Rank::Unknown);
            if better { next } else { best }
        });
        best.map(|(_, name)| name).ok_or_else(|| {
            let wrong = self.scan.wrong("a condition is expected");
            wrong.hint("write `field.operator.value`, such as `amount.gte.1000`")
        })
    }

    /// An operator and what it compares with.
    fn operation(&mut self, subject: Subject<'_>, ends: Ends) -> Result<Value, Wrong> {
        if self.scan.eat("not.") {
            return self.deeper(|reader| Ok(json!({"not": reader.operation(subject, ends)?})));
        }
        let start = self.scan;
        let operator = self.scan.until(&['.', '(', ',', ')', '"']);
        if operator == "count" && self.scan.rest().starts_with('(') {
            return self.count_of_some(subject, ends);
        }
        if QUANTIFIERS.contains(&operator) {
            let within = self.elements(subject);
            let filters = self.deeper(|reader| reader.group(Some(&within)))?;
            return Ok(json!({ subject.name: { operator: all(filters) } }));
        }
        if operator.is_empty() || !self.scan.eat(".") {
            let wrong = start.wrong("an operator and a value are expected");
            return Err(wrong.hint("write `operator.value`, such as `eq.active`; a value that looks like an operator is written in double quotes"));
        }
        let told = match operator {
            "is" => self.presence(ends)?,
            "like" | "ilike" => self.pattern(operator, ends)?,
            "count" => self.count(ends)?,
            _ if CHOICES.contains(&operator) => {
                let values = self.choice()?;
                let values = values.iter().map(|value| self.typed(subject, value));
                json!({ operator: values.collect::<Value>() })
            }
            _ => {
                let value = self.operand(ends)?;
                json!({ operator: self.typed_for(subject, operator, &value) })
            }
        };
        Ok(json!({ subject.name: told }))
    }

    /// The full path of the list that a quantifier is about.
    fn elements(&self, subject: Subject<'_>) -> String {
        match self.fields.find(subject.list, subject.name) {
            Found::Here(known) => known.path.clone(),
            // Nothing inside will be known either.
            _ => subject.name.to_owned(),
        }
    }

    fn operand(&mut self, ends: Ends) -> Result<String, Wrong> {
        match ends {
            Ends::AtEnd => self.scan.last_value(),
            Ends::AtComma => self.scan.value(),
        }
    }

    /// `(value,value,…)`.
    fn choice(&mut self) -> Result<Vec<String>, Wrong> {
        self.scan.expect("(")?;
        let mut values = Vec::new();
        while !self.scan.eat(")") {
            if !values.is_empty() {
                self.scan.expect(",")?;
            }
            values.push(self.scan.value()?);
            if self.scan.is_at_end() {
                return Err(self.scan.wrong("`,` or `)` is expected"));
            }
        }
        Ok(values)
    }

    /// `null` or `not_null`.
    fn presence(&mut self, ends: Ends) -> Result<Value, Wrong> {
        let start = self.scan;
        match self.operand(ends)?.as_str() {
            "null" => Ok(json!({"exists": false})),
            "not_null" => Ok(json!({"exists": true})),
            _ => Err(start.wrong("`null` or `not_null` is expected")),
        }
    }

    /// `gte.2`, `between.(1,3)` or `2`: how many elements.
    fn count(&mut self, ends: Ends) -> Result<Value, Wrong> {
        let word = self.scan.word();
        if word.is_empty() {
            let value = self.operand(ends)?;
            return Ok(json!({"count": {"eq": number(&value)}}));
        }
        self.scan.eat(word);
        self.scan.expect(".")?;
        if CHOICES.contains(&word) {
            let values: Value = self.choice()?.iter().map(|value| number(value)).collect();
            return Ok(json!({"count": { word: values }}));
        }
        let value = self.operand(ends)?;
        Ok(json!({"count": { word: number(&value) }}))
    }

    /// `(condition,…).gte.2`: how many elements that meet conditions.
    fn count_of_some(&mut self, subject: Subject<'_>, ends: Ends) -> Result<Value, Wrong> {
        let within = self.elements(subject);
        let like = self.deeper(|reader| reader.group(Some(&within)))?;
        if !self.scan.eat(".") {
            return Err(self.scan.wrong("how many is expected").hint("write `count(…).gte.2`"));
        }
        let mut told = self.count(ends)?;
        if let Some(Value::Object(count)) = told.get_mut("count") {
            count.insert("where".to_owned(), all(like));
        }
        Ok(json!({ subject.name: told }))
    }

    /// A text with `*` at its ends for anything.
    fn pattern(&mut self, operator: &str, ends: Ends) -> Result<Value, Wrong> {
        let start = self.scan;
        let before = self.scan.eat("*");
        let (text, after) = if let Some(text) = self.scan.quoted()? {
            (text, self.scan.eat("*"))
        } else {
            let text = match ends {
                Ends::AtEnd => self.scan.until(&[]).to_owned(),
                Ends::AtComma => self.scan.value()?,
            };
            match text.strip_suffix('*') {
                Some(text) if !text.contains('*') => (text.to_owned(), true),
                None if !text.contains('*') => (text, false),
                _ => return Err(unserved(start)),
            }
        };
        let told = match (operator, before, after) {
            _ if text.is_empty() => return Err(unserved(start)),
            ("like", true, true) => json!({"contains": text}),
            ("ilike", true, true) => json!({"icontains": text}),
            ("like", false, true) => json!({"starts_with": text}),
            ("like", false, false) => json!({"eq": text}),
            _ => return Err(unserved(start)),
        };
        Ok(told)
    }

    fn typed_for(&self, subject: Subject<'_>, operator: &str, value: &str) -> Value {
        match operator {
            "exists" => flag(value),
            _ if TEXTUAL.contains(&operator) => Value::from(value),
            _ => self.typed(subject, value),
        }
    }

    /// `value`, of the type of the field; a text where that does not fit, so that the body's parser says what would.
    fn typed(&self, subject: Subject<'_>, value: &str) -> Value {
        let known = match self.fields.find(subject.list, subject.name) {
            Found::Here(known) => Some(known),
            // What is chosen of a facet is named so.
            Found::InList { .. } if subject.list.is_none() => self.fields.get(subject.name),
            _ => None,
        };
        of_kind(known, value)
    }
}

/// Where a condition ends.
#[derive(Clone, Copy)]
enum Ends {
    /// With the parameter.
    AtEnd,
    /// At a comma or a closing parenthesis.
    AtComma,
}

fn unserved(start: Scan<'_>) -> Wrong {
    let what = "this pattern cannot be searched for";
    let hint = "`like.*text*`, `like.text*` and `ilike.*text*` can; a `*` that is meant is written in double quotes";
    start.fault(Code::UnsupportedPattern, what).hint(hint)
}

/// `value`, of the type of that field.
pub(super) fn of_kind(known: Option<&Known>, value: &str) -> Value {
    let kind = match known.map(|known| &known.shape) {
        Some(Shape::Value(field)) => field.kind,
        _ => None,
    };
    match kind {
        Some(Kind::Integer { .. } | Kind::Float { .. }) => number(value),
        Some(Kind::Boolean) => flag(value),
        _ => Value::from(value),
    }
}

/// A number, digit by digit, if it is one.
pub(super) fn number(text: &str) -> Value {
    text.parse::<Number>().map_or_else(|_| Value::from(text), Value::Number)
}

/// True or false, if it is.
pub(super) fn flag(text: &str) -> Value {
    text.parse::<bool>().map_or_else(|_| Value::from(text), Value::Bool)
}
