//! Values that fields are compared with, and what serves the comparison.
//!
//! Promises: a value is of its field's kind, and its field can be compared as the operator compares; else it is told what would help.

use serde_json::value::RawValue;

use super::Reader;
use crate::query::fault::{Code, Faults, Pointer};
use crate::query::fields::{Kind, Known, Shape, ValueField};
use crate::query::json::Json;
use crate::query::{Filter, Limits, Scalar, Target};

impl Reader<'_> {
    /// `[least, greatest]`.
    pub(super) fn between(
        &mut self,
        known: &Known,
        raw: &RawValue,
        at: &Pointer,
    ) -> Option<Filter> {
        let field = self.ordered(known, "between", at)?;
        self.leaves += 1;
        let bounds = match Json::open(raw) {
            Ok(Json::List(bounds)) => bounds,
            _ => Vec::new(),
        };
        let [low, high] = bounds.as_slice() else {
            let what = "a list of two values is expected here: the least and the greatest";
            self.faults.add(at, Code::InvalidValue, what);
            return None;
        };
        let low = self.value(field.kind, low, &at.join(0));
        let high = self.value(field.kind, high, &at.join(1));
        Some(Filter::Between { field, low: low?, high: high? })
    }

    pub(super) fn among(
        &mut self,
        known: &Known,
        operator: &str,
        raw: &RawValue,
        at: &Pointer,
    ) -> Option<Filter> {
        let field = self.target(known, operator, at)?;
        let Ok(Json::List(elements)) = Json::open(raw) else {
            self.faults.add(at, Code::InvalidValue, "a list of values is expected here");
            return None;
        };
        let Limits { in_values, .. } = self.limits;
        if elements.len() > *in_values {
            let what = format!("more than {in_values} values");
            self.faults.add(at, Code::LimitExceeded, what);
            return None;
        }
        // Days are ranges, so that each is a comparison of its own.
        self.leaves += if matches!(field.kind, Kind::Date { .. }) { elements.len() } else { 1 };
        let each: Vec<_> = elements
            .into_iter()
            .enumerate()
            .map(|(number, raw)| self.value(field.kind, raw, &at.join(number)))
            .collect();
        let values = each.into_iter().collect::<Option<_>>()?;
        Some(match operator {
            "nin" => Filter::NotIn { field, values },
            _ => Filter::In { field, values },
        })
    }

    /// As [`Self::target`], of values of which one is less than another.
    pub(super) fn ordered(
        &mut self,
        known: &Known,
        operator: &str,
        at: &Pointer,
    ) -> Option<Target> {
        let field = self.target(known, operator, at)?;
        let of = match field.kind {
            Kind::Boolean => "true and false",
            Kind::Id => "the ids of documents",
            _ => return Some(field),
        };
        let what = format!("`{operator}` does not compare {of}");
        self.faults.add_with_hint(at, Code::OperatorNotAllowed, what, || "use `eq`");
        None
    }

    /// What a comparison with this field goes to.
    pub(super) fn target(&mut self, known: &Known, operator: &str, at: &Pointer) -> Option<Target> {
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
        self.faults.add_with_hint(at, Code::OperatorNotAllowed, what, || hint);
        None
    }

    fn value_target(&mut self, known: &Known, value: &ValueField, at: &Pointer) -> Option<Target> {
        if let (Some(kind), Some(engine)) = (value.kind, &value.filter) {
            return Some(Target { path: known.path.clone(), engine: engine.clone(), kind });
        }
        cannot_serve(known, value, "compared", (at, self.faults));
        None
    }

    pub(super) fn value(&mut self, kind: Kind, raw: &RawValue, at: &Pointer) -> Option<Scalar> {
        match Scalar::read(kind, raw) {
            Ok(value) => Some(value),
            Err((code, what)) if raw.get() == "null" => {
                let hint = || r#"{"exists": false} finds what has no value"#;
                self.faults.add_with_hint(at, code, what, hint);
                None
            }
            Err((code, what)) => {
                self.faults.add(at, code, what);
                None
            }
        }
    }
}

/// Says why a value cannot be compared or sorted by, and what would help.
pub(in crate::query) fn cannot_serve(
    known: &Known,
    value: &ValueField,
    done: &str,
    (at, faults): (&Pointer, &mut Faults),
) {
    let path = &known.path;
    let code = Code::FieldCannotServe;
    match value.kind {
        None if value.ty == "text" => {
            let what = format!("`{path}` is a text, which cannot be {done} as a whole");
            let hint = || "give it a sub-field of type `keyword` in the mapping";
            faults.add_with_hint(at, code, what, hint);
        }
        None => {
            faults.add(at, code, format!("`{path}` is of type {}: it cannot be {done}", value.ty));
        }
        Some(_) => {
            let what = format!("`{path}` is not indexed so that it could be {done}");
            let hint = || "the mapping says `index: false` or `doc_values: false`";
            faults.add_with_hint(at, code, what, hint);
        }
    }
}
