//! Values as packages send them, of the type of the field that they are compared with.
//!
//! Promises: a text that is a number is one for a field of numbers, and the other way round, since forms and ids do not keep
//! them apart. What does not fit is left as it is, for the body's parser to refuse.

use serde_json::value::RawValue;
use serde_json::{Number, Value};

use crate::query::fields::{Fields, Found, Kind, Known, Shape};
use crate::query::json::Json;

/// The field of that path, outside of lists.
pub(super) fn known<'f>(fields: &'f Fields, path: &'f str) -> Option<&'f Known> {
    match fields.find(None, path) {
        Found::Here(known) => Some(known),
        _ => None,
    }
}

/// How the values of the field at that path compare, if they do.
pub(super) fn kind(fields: &Fields, path: &str) -> Option<Kind> {
    match known(fields, path).map(|known| &known.shape) {
        Some(Shape::Value(value)) => value.kind,
        _ => None,
    }
}

/// A text from a query string.
pub(super) fn of_text(kind: Option<Kind>, text: &str) -> Value {
    let fitting = match kind {
        Some(Kind::Integer { .. } | Kind::Float { .. }) => {
            text.parse::<Number>().ok().map(Value::Number)
        }
        Some(Kind::Boolean) => text.parse::<bool>().ok().map(Value::Bool),
        _ => None,
    };
    fitting.unwrap_or_else(|| Value::from(text))
}

/// A value of a body.
pub(super) fn of_json(kind: Option<Kind>, raw: &RawValue) -> Value {
    match (kind, Json::open(raw)) {
        (Some(Kind::Keyword | Kind::Id), Ok(Json::Number(digits))) => Value::from(digits),
        (Some(Kind::Keyword), Ok(Json::Bool(flag))) => Value::from(flag.to_string()),
        (kind, Ok(Json::Text(text))) => of_text(kind, &text),
        _ => as_it_is(raw),
    }
}

/// What the body's parser reads.
pub(super) fn as_it_is(raw: &RawValue) -> Value {
    serde_json::from_str(raw.get()).unwrap_or_default()
}
