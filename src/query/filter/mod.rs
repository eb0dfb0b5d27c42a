//! Reads the `filter` of a body.
//!
//! Promises: every name is resolved where it stands, every fault is told with its place, and no part of a filter is ever
//! left out silently. The limits hold before anything is compiled.

mod elements;
mod texts;
mod values;

use serde_json::value::RawValue;

use super::fault::{Code, Faults, Pointer};
use super::fields::{Fields, Found, Known, Shape};
use super::json::Json;
use super::{Filter, Limits, Op};
use crate::finding::did_you_mean;

pub(super) use texts::{searched, short_text, text_field};
pub(super) use values::cannot_serve;

/// Every operator; which of them a field has depends on its type.
pub(super) const OPERATORS: [&str; 19] = [
    "eq",
    "ne",
    "in",
    "nin",
    "lt",
    "lte",
    "gt",
    "gte",
    "between",
    "exists",
    "contains",
    "icontains",
    "starts_with",
    "match",
    "phrase",
    "some",
    "none",
    "every",
    "count",
];

/// Where in a filter the reader is.
#[derive(Clone, Copy)]
struct Scope<'a> {
    /// The list whose elements are described; the document itself when absent.
    list: Option<&'a str>,
    /// Nodes from the top to here, this one included.
    depth: usize,
    /// Lists from the top to here.
    lists: usize,
}

impl Scope<'_> {
    fn deeper(self) -> Self {
        Self { depth: self.depth + 1, ..self }
    }
}

/// Reads a filter; `None` when a fault was found.
pub(super) fn read(
    (fields, limits): (&Fields, &Limits),
    raw: &RawValue,
    at: &Pointer,
    faults: &mut Faults,
) -> Option<Filter> {
    read_of((fields, limits), None, (raw, at), faults)
}

/// As [`read`], of the elements of `list`, where there is one.
pub(super) fn read_of(
    (fields, limits): (&Fields, &Limits),
    list: Option<&str>,
    (raw, at): (&RawValue, &Pointer),
    faults: &mut Faults,
) -> Option<Filter> {
    let mut reader = Reader { fields, limits, faults, leaves: 0 };
    let filter = reader.node(raw, at, Scope { list, depth: 1, lists: usize::from(list.is_some()) });
    if reader.leaves > limits.comparisons {
        let what = format!("more than {} comparisons", limits.comparisons);
        let hint = || "use `in` for a choice of values of one field";
        reader.faults.add_with_hint(at, Code::LimitExceeded, what, hint);
        return None;
    }
    filter
}

/// Reads what elements of `list` are like. Comparisons are added to `leaves`, for a limit on all of a body's.
pub(super) fn read_elements(
    (fields, limits, list): (&Fields, &Limits, &str),
    raw: &RawValue,
    at: &Pointer,
    (faults, leaves): (&mut Faults, &mut usize),
) -> Option<Filter> {
    let mut reader = Reader { fields, limits, faults, leaves: 0 };
    let filter = reader.node(raw, at, Scope { list: Some(list), depth: 1, lists: 1 });
    *leaves += reader.leaves;
    filter
}

/// Reads the operators that hold for a field, of the document or of one and the same element of its list; `where` says what
/// else that element is like.
pub(super) fn read_choice(
    (fields, limits, known): (&Fields, &Limits, &Known),
    raw: &RawValue,
    at: &Pointer,
    (faults, leaves): (&mut Faults, &mut usize),
) -> Option<Filter> {
    let list = known.list.as_deref();
    let scope = Scope { list, depth: 1, lists: usize::from(list.is_some()) };
    let operators = object(raw, at, faults)?;
    if operators.is_empty() {
        faults.add(at, Code::InvalidValue, "an operator is expected here");
        return None;
    }
    let mut reader = Reader { fields, limits, faults, leaves: 0 };
    let each: Vec<_> = operators
        .into_iter()
        .map(|(name, raw)| {
            let at = at.join(&name);
            match name.as_str() {
                "where" if list.is_some() => reader.node(raw, &at, scope.deeper()),
                _ => reader.operator(known, &name, raw, (&at, scope)),
            }
        })
        .collect();
    *leaves += reader.leaves;
    let filter = all(each)?;
    Some(match list {
        Some(list) => Filter::Some { list: list.to_owned(), filter: Box::new(filter) },
        None => filter,
    })
}

struct Reader<'a> {
    fields: &'a Fields,
    limits: &'a Limits,
    faults: &'a mut Faults,
    leaves: usize,
}

impl Reader<'_> {
    /// A filter: `and`, `or`, `not` and fields side by side all hold together.
    fn node(&mut self, raw: &RawValue, at: &Pointer, scope: Scope<'_>) -> Option<Filter> {
        let Limits { depth, .. } = self.limits;
        if scope.depth > *depth {
            let what = format!("the filter is nested more than {depth} deep");
            self.faults.add(at, Code::LimitExceeded, what);
            return None;
        }
        let members = object(raw, at, self.faults)?;
        self.count_if_empty(members.len());
        let each: Vec<_> = members
            .into_iter()
            .map(|(name, raw)| {
                let at = at.join(&name);
                match name.as_str() {
                    "and" => self.nodes(raw, &at, scope).map(Filter::And),
                    "or" => self.nodes(raw, &at, scope).map(Filter::Or),
                    "not" => self.node(raw, &at, scope.deeper()).map(Box::new).map(Filter::Not),
                    _ => self.field(&name, raw, &at, scope),
                }
            })
            .collect();
        all(each)
    }

    fn nodes(&mut self, raw: &RawValue, at: &Pointer, scope: Scope<'_>) -> Option<Vec<Filter>> {
        let Ok(Json::List(elements)) = Json::open(raw) else {
            self.faults.add(at, Code::InvalidValue, "a list of filters is expected here");
            return None;
        };
        self.count_if_empty(elements.len());
        let each: Vec<_> = elements
            .into_iter()
            .enumerate()
            .map(|(number, raw)| self.node(raw, &at.join(number), scope.deeper()))
            .collect();
        each.into_iter().collect()
    }

    /// What combines nothing is a clause of the engine's query all the same.
    fn count_if_empty(&mut self, members: usize) {
        self.leaves += usize::from(members == 0);
    }

    /// `"name": {"operator": value, …}`.
    fn field(
        &mut self,
        name: &str,
        raw: &RawValue,
        at: &Pointer,
        scope: Scope<'_>,
    ) -> Option<Filter> {
        let fields = self.fields;
        let known = match fields.find(scope.list, name) {
            Found::Here(known) => known,
            Found::InList { list, rest } => {
                let what = format!("`{name}` is a field of the elements of `{list}`");
                let hint = || format!(r#"write {{"{list}": {{"some": {{"{rest}": …}}}}}}"#);
                self.faults.add_with_hint(at, Code::NeedsSome, what, hint);
                return None;
            }
            Found::Unknown => {
                let what = format!("unknown field `{name}`");
                let hint = || fields.suggest(scope.list, name);
                self.faults.add_with_hint(at, Code::UnknownField, what, hint);
                return None;
            }
        };
        if !raw.get().starts_with('{') {
            let what = "an object of operators is expected here";
            let hint = || r#"write {"eq": …}, or {"exists": false} for what is null"#;
            self.faults.add_with_hint(at, Code::InvalidValue, what, hint);
            return None;
        }
        let operators = object(raw, at, self.faults)?;
        if operators.is_empty() {
            self.faults.add(at, Code::InvalidValue, "an operator is expected here");
            return None;
        }
        let each: Vec<_> = operators
            .into_iter()
            .map(|(operator, raw)| {
                self.operator(known, &operator, raw, (&at.join(&operator), scope))
            })
            .collect();
        all(each)
    }

    fn operator(
        &mut self,
        known: &Known,
        operator: &str,
        raw: &RawValue,
        (at, scope): (&Pointer, Scope<'_>),
    ) -> Option<Filter> {
        let op = match operator {
            "exists" => return self.exists(known, raw, at),
            "some" | "none" | "every" | "count" => {
                return self.elements(known, operator, raw, (at, scope));
            }
            "contains" | "icontains" | "starts_with" => {
                return self.like(known, operator, raw, at);
            }
            "match" | "phrase" => return self.words(known, operator, raw, at),
            "in" | "nin" => return self.among(known, operator, raw, at),
            "between" => return self.between(known, raw, at),
            "eq" => Op::Eq,
            "ne" => Op::Ne,
            "lt" => Op::Lt,
            "lte" => Op::Lte,
            "gt" => Op::Gt,
            "gte" => Op::Gte,
            _ => {
                let what = format!("unknown operator `{operator}`");
                let hint = || did_you_mean(operator, OPERATORS);
                self.faults.add_with_hint(at, Code::UnknownOperator, what, hint);
                return None;
            }
        };
        let field = match op {
            Op::Eq | Op::Ne => self.target(known, operator, at)?,
            _ => self.ordered(known, operator, at)?,
        };
        self.leaves += 1;
        let value = self.value(field.kind, raw, at)?;
        Some(Filter::Compare { field, op, value })
    }

    fn exists(&mut self, known: &Known, raw: &RawValue, at: &Pointer) -> Option<Filter> {
        let Ok(Json::Bool(wanted)) = Json::open(raw) else {
            self.faults.add(at, Code::InvalidValue, "true or false is expected here");
            return None;
        };
        // The engine asks each field of an object.
        self.leaves +=
            if known.shape == Shape::Object { self.fields.inside(&known.path) } else { 1 };
        let path = known.path.clone();
        let found = match (&known.shape, known.shown_by()) {
            // The engine would ask the fields too that are not known here.
            (Shape::Object, _) if let Some(parts) = self.fields.known_parts(known) => {
                let each = parts.into_iter().map(|(path, engine)| Filter::Exists {
                    path: path.to_owned(),
                    engine: engine.to_owned(),
                });
                Filter::Or(each.collect())
            }
            (Shape::List, _) => Filter::Some { list: path, filter: Box::new(Filter::everything()) },
            (_, Some(engine)) => Filter::Exists { path, engine: engine.to_owned() },
            (_, None) => {
                let what = format!("`{path}` is not indexed: whether it has a value is not known");
                self.faults.add(at, Code::FieldCannotServe, what);
                return None;
            }
        };
        Some(if wanted { found } else { Filter::Not(Box::new(found)) })
    }
}

/// The members of an object, each name once.
pub(super) fn object<'a>(
    raw: &'a RawValue,
    at: &Pointer,
    faults: &mut Faults,
) -> Option<Vec<(String, &'a RawValue)>> {
    let members = match Json::open(raw) {
        Ok(Json::Object(members)) => members,
        Err(_) if raw.get().starts_with('{') => {
            faults.add(at, Code::InvalidValue, "a name with half a character");
            return None;
        }
        _ => {
            faults.add(at, Code::InvalidValue, "an object is expected here");
            return None;
        }
    };
    let mut seen = std::collections::HashSet::new();
    let twice = members.iter().find(|(name, _)| !seen.insert(name.as_str()));
    if let Some((name, _)) = twice {
        let what = format!("`{name}` stands here twice");
        let hint = || "write it once";
        faults.add_with_hint(&at.join(name), Code::RepeatedKey, what, hint);
        return None;
    }
    Some(members)
}

/// One filter of all; `None` when one of them is at fault.
fn all(each: Vec<Option<Filter>>) -> Option<Filter> {
    let mut filters = each.into_iter().collect::<Option<Vec<_>>>()?;
    if filters.len() == 1 { filters.pop() } else { Some(Filter::And(filters)) }
}
