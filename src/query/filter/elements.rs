//! Filters of a list's elements: `some`, `none`, `every` and `count`.
//!
//! Promises: all that stands in one of them is asked of one and the same element.

use serde_json::value::RawValue;

use super::{Reader, Scope, object};
use crate::finding::did_you_mean;
use crate::query::fault::{Code, Pointer};
use crate::query::fields::{Known, Shape};
use crate::query::json::Json;
use crate::query::{Filter, MAX_ELEMENTS, Op};

const COUNTS: [(&str, Op); 6] = [
    ("eq", Op::Eq),
    ("ne", Op::Ne),
    ("lt", Op::Lt),
    ("lte", Op::Lte),
    ("gt", Op::Gt),
    ("gte", Op::Gte),
];

impl Reader<'_> {
    pub(super) fn elements(
        &mut self,
        known: &Known,
        operator: &str,
        raw: &RawValue,
        (at, scope): (&Pointer, Scope<'_>),
    ) -> Option<Filter> {
        if known.shape != Shape::List {
            let what = format!("`{operator}` asks about a list, and `{}` is none", known.path);
            self.faults.add(at, Code::OperatorNotAllowed, what);
            return None;
        }
        let some_depth = self.limits.some_depth;
        if scope.lists == some_depth {
            let what = format!("`{operator}` is nested more than {some_depth} deep");
            self.faults.add(at, Code::LimitExceeded, what);
            return None;
        }
        let inner = Scope { list: Some(&known.path), lists: scope.lists + 1, ..scope.deeper() };
        if operator == "count" {
            return self.count(&known.path, raw, (at, inner));
        }
        self.leaves += 1;
        let (list, filter) = (known.path.clone(), Box::new(self.node(raw, at, inner)?));
        Some(match operator {
            "none" => Filter::None { list, filter },
            "every" => Filter::Every { list, filter },
            _ => Filter::Some { list, filter },
        })
    }

    /// `{"gte": 2, "where": {…}}`.
    fn count(
        &mut self,
        list: &str,
        raw: &RawValue,
        (at, inner): (&Pointer, Scope<'_>),
    ) -> Option<Filter> {
        let (mut like, mut counts) = (Some(Filter::everything()), Vec::new());
        let before = self.leaves;
        for (name, raw) in object(raw, at, self.faults)? {
            let at = at.join(&name);
            match COUNTS.iter().find(|(word, _)| *word == name) {
                Some((_, op)) => counts.push(self.number(raw, &at).map(|count| (*op, count))),
                None if name == "where" => like = self.node(raw, &at, inner),
                None => {
                    let known = COUNTS.iter().map(|(word, _)| *word).chain(["where"]);
                    let what = format!("unknown key `{name}`");
                    let hint = || did_you_mean(&name, known);
                    self.faults.add_with_hint(&at, Code::UnknownKey, what, hint);
                    like = None;
                }
            }
        }
        if counts.is_empty() {
            let hint = || r#"write {"gte": 2}"#;
            let what = "how many is missing";
            self.faults.add_with_hint(at, Code::InvalidValue, what, hint);
            return None;
        }
        let (like, counts) = (like?, counts.into_iter().collect::<Option<Vec<_>>>()?);
        // The elements are counted for each comparison, and twice where that is neither more nor less.
        let asked = |op: &Op| if matches!(op, Op::Eq | Op::Ne) { 2 } else { 1 };
        let times: usize = counts.iter().map(|(op, _)| asked(op)).sum();
        self.leaves = before + (self.leaves - before + 1) * times;
        let filter = |(op, count)| {
            Some(Filter::Count { list: list.to_owned(), filter: Box::new(like.clone()), op, count })
        };
        super::all(counts.into_iter().map(filter).collect())
    }

    fn number(&mut self, raw: &RawValue, at: &Pointer) -> Option<u32> {
        let number = match Json::open(raw) {
            Ok(Json::Number(text)) => text.parse().ok().filter(|count| *count <= MAX_ELEMENTS),
            _ => None,
        };
        if number.is_none() {
            let what = format!("a whole number from 0 to {MAX_ELEMENTS} is expected here");
            self.faults.add(at, Code::InvalidValue, what);
        }
        number
    }
}
