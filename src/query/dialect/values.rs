//! Values as packages send them, of the type of the field that they are compared with.
//!
//! Promises: a text that is a number is one for a field of numbers, and the other way round, since forms and ids do not keep
//! them apart. What does not fit is left as it is, for the body's parser to refuse, with everything that it says; what would be
//! lost on the way is refused here.

use std::collections::HashSet;

use serde_json::value::RawValue;
use serde_json::{Map, Number, Value};

use crate::query::Code;
use crate::query::fields::{Fields, Found, Kind, Known, Shape};
use crate::query::json::Json;

/// Lists and objects in one another, of which the deepest filter that limits allow needs fewer.
pub(super) const DEEPEST: usize = 64;

/// Why something is refused, and what to do.
pub(super) type Wrong = (Code, String, &'static str);

/// The members of an object, what they contain still being text.
pub(super) type Members<'r> = Vec<(String, &'r RawValue)>;

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
pub(super) fn of_json(kind: Option<Kind>, raw: &RawValue) -> Result<Value, Wrong> {
    Ok(match (kind, Json::open(raw)) {
        (Some(Kind::Keyword | Kind::Id), Ok(Json::Number(digits))) => Value::from(digits),
        (Some(Kind::Keyword), Ok(Json::Bool(flag))) => Value::from(flag.to_string()),
        (kind, Ok(Json::Text(text))) => of_text(kind, &text),
        _ => return as_it_is(raw),
    })
}

/// What the body's parser reads. Whoever calls it has seen to it that it is not [nested too deep](DEEPEST).
pub(super) fn as_it_is(raw: &RawValue) -> Result<Value, Wrong> {
    let unread =
        |_| (Code::InvalidValue, "a text with half a character".to_owned(), "leave it out");
    Ok(match Json::open(raw).map_err(unread)? {
        Json::List(each) => each.into_iter().map(as_it_is).collect::<Result<_, _>>()?,
        Json::Object(members) => {
            let read = |(name, raw)| Ok((name, as_it_is(raw)?));
            once_each(members)?.into_iter().map(read).collect::<Result<Map<_, _>, Wrong>>()?.into()
        }
        _ => serde_json::from_str(raw.get()).map_err(unread)?,
    })
}

/// The members of an object, if none of them stands there twice.
pub(super) fn once_each(members: Members<'_>) -> Result<Members<'_>, Wrong> {
    let mut seen = HashSet::new();
    match members.iter().find(|(name, _)| !seen.insert(name.as_str())) {
        Some((name, _)) => Err(twice(name)),
        None => Ok(members),
    }
}

pub(super) fn twice(name: &str) -> Wrong {
    (Code::RepeatedKey, format!("`{name}` stands here twice"), "write it once")
}

/// An object of one member.
pub(super) fn object(name: impl Into<String>, value: impl Into<Value>) -> Value {
    Value::Object(Map::from_iter([(name.into(), value.into())]))
}
