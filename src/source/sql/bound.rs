//! What stands in the place of a value: a bare placeholder would not always compare as the column does.
//!
//! Promises: the column's index stays usable. Never holds a value.

use crate::row::Type;
use crate::source::ReadColumn;
use crate::source::keys::{Fold, Form, Lookup};

/// Letters that the column cannot hold would fail the whole batch; converted they are question marks, which no key claims.
pub(super) fn converted(collation: &str) -> String {
    let charset = collation.split('_').next().unwrap_or_default();
    format!("CONVERT(? USING {charset}) COLLATE {collation}")
}

/// PostgreSQL's `numeric(10,2)` without the size: a cast to it would round or cut.
pub(super) fn unsized_type(native: &str) -> String {
    let (head, tail) = match (native.find('('), native.find(')')) {
        (Some(open), Some(close)) if open < close => {
            let (head, tail) = (native.get(..open), native.get(close + 1..));
            (head.unwrap_or_default(), tail.unwrap_or_default())
        }
        _ => (native, ""),
    };
    match head {
        // By these names, without a size, they are one letter and one bit wide.
        "character" if tail.is_empty() => "bpchar".to_owned(),
        "bit" => "\"bit\"".to_owned(),
        _ => format!("{head}{tail}"),
    }
}

/// PostgreSQL's array of one column's values, in the column's own type.
pub(super) fn array(at: usize, column: &ReadColumn, lookup: &Lookup) -> String {
    let cast = match lookup.form {
        Form::Integer => return format!("${}::int8[]", at + 1),
        Form::Bytes | Form::UuidBytes => return format!("${}::bytea[]", at + 1),
        Form::Single => return format!("${}::float8[]::real[]", at + 1),
        Form::Real => return format!("${}::float8[]", at + 1),
        Form::Text | Form::UuidText if lookup.fold == Fold::None => match column.ty {
            Type::Char => "::bpchar[]",
            Type::Text if column.native == "citext" => "::citext[]",
            _ => "",
        },
        Form::Text | Form::UuidText | Form::Loose => "",
        Form::Decimal => "::numeric[]",
        Form::Bool => "::bool[]",
        Form::Uuid => "::uuid[]",
        Form::Date => "::date[]",
        Form::Time => "::time[]",
        Form::Naive(_) => "::timestamp[]",
        Form::Instant => "::timestamptz[]",
    };
    format!("${}::text[]{cast}", at + 1)
}
