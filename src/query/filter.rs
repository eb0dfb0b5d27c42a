//! Reads the `filter` of a body.
//!
//! Promises: every name is resolved where it stands, every fault is told with its place, and no part of a filter is ever
//! left out silently. The limits hold before anything is compiled.

use serde_json::value::RawValue;

use super::fault::{Code, Fault, Pointer};
use super::fields::{Fields, Found, Kind, Known, Shape, ValueField};
use super::json::Json;
use super::{Filter, MAX_DEPTH, MAX_IN, MAX_LEAVES, MAX_SOME, Op, Scalar, Target};
use crate::finding::did_you_mean;

const OPERATORS: [&str; 9] = ["eq", "ne", "in", "lt", "lte", "gt", "gte", "exists", "some"];

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
    fields: &Fields,
    raw: &RawValue,
    at: &Pointer,
    faults: &mut Vec<Fault>,
) -> Option<Filter> {
    let mut reader = Reader { fields, faults, leaves: 0 };
    let filter = reader.node(raw, at, Scope { list: None, depth: 1, lists: 0 });
    if reader.leaves > MAX_LEAVES {
        let what = format!("more than {MAX_LEAVES} comparisons");
        let fault = Fault::new(at, Code::LimitExceeded, what);
        reader.faults.push(fault.hint("use `in` for a choice of values of one field"));
        return None;
    }
    filter
}

struct Reader<'a> {
    fields: &'a Fields,
    faults: &'a mut Vec<Fault>,
    leaves: usize,
}

impl Reader<'_> {
    fn fault(&mut self, at: &Pointer, code: Code, what: impl Into<String>, hint: &str) {
        let fault = Fault::new(at, code, what);
        self.faults.push(if hint.is_empty() { fault } else { fault.hint(hint) });
    }

    /// A filter: `and`, `or`, `not` and fields side by side all hold together.
    fn node(&mut self, raw: &RawValue, at: &Pointer, scope: Scope<'_>) -> Option<Filter> {
        if scope.depth > MAX_DEPTH {
            let what = format!("the filter is nested more than {MAX_DEPTH} deep");
            self.fault(at, Code::LimitExceeded, what, "");
            return None;
        }
        let members = object(raw, at, self.faults)?;
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
            self.fault(at, Code::InvalidValue, "a list of filters is expected here", "");
            return None;
        };
        let each: Vec<_> = elements
            .into_iter()
            .enumerate()
            .map(|(number, raw)| self.node(raw, &at.join(number), scope.deeper()))
            .collect();
        each.into_iter().collect()
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
                let hint = format!(r#"write {{"{list}": {{"some": {{"{rest}": …}}}}}}"#);
                self.fault(at, Code::NeedsSome, what, &hint);
                return None;
            }
            Found::Unknown => {
                let hint = fields.suggest(scope.list, name);
                self.fault(at, Code::UnknownField, format!("unknown field `{name}`"), &hint);
                return None;
            }
        };
        let Ok(Json::Object(_)) = Json::open(raw) else {
            let hint = r#"write the operator, like {"eq": …}; {"exists": false} finds what is null"#;
            self.fault(at, Code::InvalidValue, "an object of operators is expected here", hint);
            return None;
        };
        let operators = object(raw, at, self.faults)?;
        if operators.is_empty() {
            self.fault(at, Code::InvalidValue, "an operator is expected here", "");
            return None;
        }
        let each: Vec<_> = operators
            .into_iter()
            .map(|(operator, raw)| self.operator(known, &operator, raw, (&at.join(&operator), scope)))
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
            "some" => return self.some(known, raw, at, scope),
            "in" => return self.among(known, raw, at),
            "eq" => Op::Eq,
            "ne" => Op::Ne,
            "lt" => Op::Lt,
            "lte" => Op::Lte,
            "gt" => Op::Gt,
            "gte" => Op::Gte,
            _ => {
                let hint = did_you_mean(operator, OPERATORS);
                let what = format!("unknown operator `{operator}`");
                self.fault(at, Code::UnknownOperator, what, &hint);
                return None;
            }
        };
        let field = self.target(known, operator, at)?;
        if field.kind == Kind::Boolean && !matches!(op, Op::Eq | Op::Ne) {
            let what = format!("`{operator}` does not compare true and false");
            self.fault(at, Code::OperatorNotAllowed, what, "use `eq`");
            return None;
        }
        self.leaves += 1;
        let value = self.value(field.kind, raw, at)?;
        Some(Filter::Compare { field, op, value })
    }

    fn among(&mut self, known: &Known, raw: &RawValue, at: &Pointer) -> Option<Filter> {
        let field = self.target(known, "in", at)?;
        let Ok(Json::List(elements)) = Json::open(raw) else {
            self.fault(at, Code::InvalidValue, "a list of values is expected here", "");
            return None;
        };
        if elements.len() > MAX_IN {
            let what = format!("more than {MAX_IN} values");
            self.fault(at, Code::LimitExceeded, what, "");
            return None;
        }
        // Days are ranges, so that each is a comparison of its own.
        self.leaves += if field.kind == Kind::Date { elements.len() } else { 1 };
        let each: Vec<_> = elements
            .into_iter()
            .enumerate()
            .map(|(number, raw)| self.value(field.kind, raw, &at.join(number)))
            .collect();
        let values = each.into_iter().collect::<Option<_>>()?;
        Some(Filter::In { field, values })
    }

    fn exists(&mut self, known: &Known, raw: &RawValue, at: &Pointer) -> Option<Filter> {
        let Ok(Json::Bool(wanted)) = Json::open(raw) else {
            self.fault(at, Code::InvalidValue, "true or false is expected here", "");
            return None;
        };
        self.leaves += 1;
        let path = known.path.clone();
        let found = match &known.shape {
            Shape::List => {
                Filter::Some { list: path, filter: Box::new(Filter::everything()) }
            }
            Shape::Object => Filter::Exists { path },
            Shape::Value(value) if value.exists => Filter::Exists { path },
            Shape::Value(_) => {
                let what = format!("`{path}` is not indexed: whether it has a value is not known");
                self.fault(at, Code::FieldCannotServe, what, "");
                return None;
            }
        };
        Some(if wanted { found } else { Filter::Not(Box::new(found)) })
    }

    fn some(
        &mut self,
        known: &Known,
        raw: &RawValue,
        at: &Pointer,
        scope: Scope<'_>,
    ) -> Option<Filter> {
        if known.shape != Shape::List {
            let what = format!("`some` asks about a list, and `{}` is none", known.path);
            self.fault(at, Code::OperatorNotAllowed, what, "");
            return None;
        }
        if scope.lists == MAX_SOME {
            let what = format!("`some` is nested more than {MAX_SOME} deep");
            self.fault(at, Code::LimitExceeded, what, "");
            return None;
        }
        self.leaves += 1;
        let inner = Scope { list: Some(&known.path), lists: scope.lists + 1, ..scope.deeper() };
        let filter = Box::new(self.node(raw, at, inner)?);
        Some(Filter::Some { list: known.path.clone(), filter })
    }

    /// What a comparison with this field goes to.
    fn target(&mut self, known: &Known, operator: &str, at: &Pointer) -> Option<Target> {
        let path = &known.path;
        let (what, hint) = match &known.shape {
            Shape::List => (
                format!("`{operator}` compares values, and `{path}` is a list of objects"),
                r#"write {"some": {…}} for what one element is like"#,
            ),
            Shape::Object => (
                format!("`{operator}` compares values, and `{path}` is an object"),
                "name a field in it, with a dot",
            ),
            Shape::Value(value) => return self.value_target(known, value, at),
        };
        self.fault(at, Code::OperatorNotAllowed, what, hint);
        None
    }

    fn value_target(&mut self, known: &Known, value: &ValueField, at: &Pointer) -> Option<Target> {
        if let (Some(kind), Some(engine)) = (value.kind, &value.filter) {
            return Some(Target { path: known.path.clone(), engine: engine.clone(), kind });
        }
        let (what, hint) = cannot_serve(known, value, "compared");
        self.fault(at, Code::FieldCannotServe, what, hint);
        None
    }

    fn value(&mut self, kind: Kind, raw: &RawValue, at: &Pointer) -> Option<Scalar> {
        match Scalar::read(kind, raw) {
            Ok(value) => Some(value),
            Err(what) => {
                let hint = match raw.get() {
                    "null" => r#"{"exists": false} finds what has no value"#,
                    _ => "",
                };
                self.fault(at, Code::InvalidValue, what, hint);
                None
            }
        }
    }
}

/// Why a value cannot be compared or sorted by, and what would help.
pub(super) fn cannot_serve(
    known: &Known,
    value: &ValueField,
    done: &str,
) -> (String, &'static str) {
    let path = &known.path;
    match value.kind {
        None if value.ty == "text" => (
            format!("`{path}` is a text, which cannot be {done} as a whole"),
            "give it a sub-field of type `keyword` in the mapping",
        ),
        None => (format!("`{path}` is of type {}, which cannot be {done}", value.ty), ""),
        Some(_) => (
            format!("`{path}` is not indexed so that it could be {done}"),
            "the mapping says `index: false` or `doc_values: false`",
        ),
    }
}

/// The members of an object, each name once.
pub(super) fn object<'a>(
    raw: &'a RawValue,
    at: &Pointer,
    faults: &mut Vec<Fault>,
) -> Option<Vec<(String, &'a RawValue)>> {
    let Ok(Json::Object(members)) = Json::open(raw) else {
        faults.push(Fault::new(at, Code::InvalidValue, "an object is expected here"));
        return None;
    };
    let mut seen = std::collections::HashSet::new();
    let twice = members.iter().find(|(name, _)| !seen.insert(name.as_str()));
    if let Some((name, _)) = twice {
        let fault = Fault::new(&at.join(name), Code::UnknownKey, format!("`{name}` stands here twice"));
        faults.push(fault.hint("put both into one object, or into `and`"));
        return None;
    }
    Some(members)
}

/// One filter of all; `None` when one of them is at fault.
fn all(each: Vec<Option<Filter>>) -> Option<Filter> {
    let mut filters = each.into_iter().collect::<Option<Vec<_>>>()?;
    if filters.len() == 1 { filters.pop() } else { Some(Filter::And(filters)) }
}
