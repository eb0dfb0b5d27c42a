//! What the engine makes of a column's values under their mapping.
//!
//! Promises: pure; speaks only of what both engines do. What a type does not tell (texts, JSON, SQLite's columns) is never
//! called refused.

use crate::finding::Code;
use crate::mapping::Field;
use crate::row::Type;

/// What is known of the values that become a field.
#[derive(Debug, Clone, Copy)]
pub(super) struct Values<'a> {
    pub(super) ty: Type,
    /// The server's own name of the type; empty when a conversion stands between.
    pub(super) native: &'a str,
    /// Whether every value is of the type.
    pub(super) certain: bool,
}

/// Values and mapping that do not go together.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Misfit {
    pub(super) code: Code,
    /// Whether each such document is refused.
    pub(super) refused: bool,
    pub(super) what: String,
    pub(super) hint: String,
}

/// What a mapping takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    Booleans,
    /// Whole numbers of so many bits; one more without sign.
    Whole(u32),
    /// Numbers, of which so many digits are searched.
    Real(u32),
    Dates,
    Addresses,
    Anything,
}

/// What does not go together; `None` when all does, or nothing can be said.
pub(super) fn misfit(values: Values<'_>, field: &Field) -> Option<Misfit> {
    let takes = takes(&field.ty);
    let ty = values.ty;
    match (ty, takes) {
        (_, Takes::Anything) | (Type::Json | Type::Array | Type::Any, _) => None,
        (Type::Bool, Takes::Booleans) => None,
        (Type::Integer, Takes::Whole(bits)) => out_of_range(values, bits, field),
        (Type::Integer, Takes::Real(_)) => None,
        (Type::Decimal | Type::Float, Takes::Whole(_)) => Some(loses(
            format!(
                "is {ty}, its mapping is `{}`: searches do not see what follows the point",
                field.ty
            ),
            "map it as `scaled_float` or `double`, or convert it: as: integer".to_owned(),
        )),
        (Type::Decimal | Type::Float, Takes::Real(digits)) => rounded(values, digits, field),
        (Type::Integer | Type::Decimal | Type::Float, Takes::Dates) => Some(loses(
            format!(
                "is {ty}, its mapping is `{}`: it is taken for milliseconds since 1970",
                field.ty
            ),
            "as: timestamp (seconds), epoch_millis or epoch_micros".to_owned(),
        )),
        (Type::Text | Type::Char | Type::Enum | Type::Other, _) => Some(text(ty, takes, field)),
        (Type::Date | Type::Timestamp | Type::Timestamptz, Takes::Dates) => format(ty, field),
        // Times of day go by no default format, but a mapping may name one.
        (Type::Time, Takes::Dates) if field.format.is_some() => None,
        _ => Some(refused(values, field)),
    }
}

fn takes(ty: &str) -> Takes {
    match ty {
        "boolean" => Takes::Booleans,
        "byte" => Takes::Whole(8),
        "short" => Takes::Whole(16),
        "integer" => Takes::Whole(32),
        "long" => Takes::Whole(64),
        "unsigned_long" => Takes::Whole(65),
        "half_float" => Takes::Real(3),
        "float" => Takes::Real(7),
        "double" | "scaled_float" => Takes::Real(15),
        "date" | "date_nanos" => Takes::Dates,
        "ip" => Takes::Addresses,
        _ => Takes::Anything,
    }
}

fn refused(values: Values<'_>, field: &Field) -> Misfit {
    let fitting = match values.ty {
        Type::Bool => "`boolean`, or convert it: as: integer",
        Type::Integer => "`long`, or convert it (as: boolean takes 0 and 1)",
        Type::Decimal | Type::Float => "`scaled_float` or `double`",
        Type::Date | Type::Timestamp | Type::Timestamptz => "`date`",
        _ => "`keyword`",
    };
    let refused = values.certain && !field.lenient;
    let end = match refused {
        true => "the engine refuses every value",
        false => "values that do not fit are refused or left out of searches",
    };
    let what = format!("is {}, its mapping is `{}`: {end}", values.ty, field.ty);
    Misfit { code: Code::MappingRefuses, refused, what, hint: format!("map it as {fitting}") }
}

fn loses(what: String, hint: String) -> Misfit {
    Misfit { code: Code::MappingLoses, refused: false, what, hint }
}

/// A text may be anything, a number or a date too.
fn text(ty: Type, takes: Takes, field: &Field) -> Misfit {
    let (form, cast) = match takes {
        Takes::Booleans => ("`true` or `false`", "as: boolean"),
        Takes::Whole(_) => ("numbers", "as: integer"),
        Takes::Real(_) => ("numbers", "as: decimal"),
        Takes::Dates => ("dates in the mapping's format", "as: date or as: timestamp"),
        _ => ("of its form", "or map it as `keyword`"),
    };
    let what =
        format!("is {ty}, its mapping is `{}`: texts that are not {form} are refused", field.ty);
    Misfit { code: Code::MappingRefuses, refused: false, what, hint: cast.to_owned() }
}

fn out_of_range(values: Values<'_>, bits: u32, field: &Field) -> Option<Misfit> {
    let held = integer_bits(values.native).filter(|&held| values.certain && held > bits)?;
    let wanted = if held > 64 { "unsigned_long" } else { "long" };
    let what =
        format!("is {}, its mapping is `{}`: greater numbers are refused", values.native, field.ty);
    let hint = format!("map it as `{wanted}`");
    Some(Misfit { code: Code::MappingRange, refused: false, what, hint })
}

/// Bits of the server's integer type, one more for those without sign.
fn integer_bits(native: &str) -> Option<u32> {
    let native = native.to_ascii_lowercase();
    let name = native.split(['(', ' ']).next().unwrap_or_default();
    let bits = match name {
        "tinyint" => 8,
        "smallint" => 16,
        "mediumint" => 24,
        "int" | "integer" => 32,
        "bigint" => 64,
        _ => return None,
    };
    Some(bits + u32::from(native.contains("unsigned")))
}

fn rounded(values: Values<'_>, digits: u32, field: &Field) -> Option<Misfit> {
    let held = values.native.split_once('(')?.1.split([',', ')']).next()?;
    let held = held.trim().parse::<u32>().ok().filter(|&held| held > digits)?;
    (values.ty == Type::Decimal).then(|| {
        loses(
            format!(
                "has {held} digits, its mapping `{}` about {digits}: searches and sorts round it",
                field.ty
            ),
            "documents keep every digit; map it as `keyword` where it has to be found exactly"
                .to_owned(),
        )
    })
}

/// Formats that take what prejoin writes: `2026-01-31`, and instants in UTC.
fn format(ty: Type, field: &Field) -> Option<Misfit> {
    let formats = field.format.as_deref()?;
    let plain = ty == Type::Date;
    let takes = |format: &str| {
        let named = format.trim().trim_start_matches("strict_");
        match named {
            "date_optional_time" | "date_optional_time_nanos" | "iso8601" => true,
            "date" | "yyyy-MM-dd" | "uuuu-MM-dd" | "year_month_day" => plain,
            "date_time" | "date_time_no_millis" => !plain,
            // A pattern of the user's own, which only the engine can judge.
            _ => !named.chars().all(|c| c.is_ascii_lowercase() || c == '_'),
        }
    };
    if formats.split("||").any(takes) {
        return None;
    }
    let (shape, wanted) = match plain {
        true => ("2026-01-31", "strict_date"),
        false => ("2026-01-31T09:00:00Z", "strict_date_optional_time"),
    };
    let what =
        format!("comes as {shape}, which the format `{formats}` of its mapping does not take");
    let hint = format!("\"format\": \"{wanted}\"");
    Some(Misfit { code: Code::MappingRefuses, refused: false, what, hint })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(ty: &str) -> Field {
        Field { ty: ty.to_owned(), ..Field::default() }
    }

    fn told(ty: Type, native: &str, mapped: &str) -> String {
        let values = Values { ty, native, certain: true };
        match misfit(values, &field(mapped)) {
            None => "fits".to_owned(),
            Some(misfit) => format!("{:?} {} {}", misfit.code, misfit.refused, misfit.what),
        }
    }

    #[test]
    fn what_fits_is_passed_over() {
        for (ty, native, mapped) in [
            (Type::Bool, "boolean", "boolean"),
            (Type::Integer, "bigint", "long"),
            (Type::Integer, "int(10) unsigned", "long"),
            (Type::Integer, "bigint(20) unsigned", "unsigned_long"),
            (Type::Integer, "bigint", "keyword"),
            (Type::Decimal, "numeric(15,2)", "double"),
            (Type::Decimal, "numeric", "double"),
            (Type::Date, "date", "date"),
            (Type::Uuid, "uuid", "keyword"),
            (Type::Json, "jsonb", "long"),
        ] {
            assert_eq!(told(ty, native, mapped), "fits", "{native} as {mapped}");
        }
    }

    #[test]
    fn what_the_engine_refuses_or_rounds_is_told_apart() {
        let cases = [
            told(Type::Bool, "boolean", "long"),
            told(Type::Date, "date", "long"),
            told(Type::Integer, "bigint", "integer"),
            told(Type::Integer, "bigint unsigned", "long"),
            told(Type::Decimal, "numeric(10,2)", "long"),
            told(Type::Decimal, "numeric(38,10)", "double"),
            told(Type::Text, "text", "date"),
        ];
        insta::assert_snapshot!(cases.join("\n"), @"
        MappingRefuses true is bool, its mapping is `long`: the engine refuses every value
        MappingRefuses true is date, its mapping is `long`: the engine refuses every value
        MappingRange false is bigint, its mapping is `integer`: greater numbers are refused
        MappingRange false is bigint unsigned, its mapping is `long`: greater numbers are refused
        MappingLoses false is decimal, its mapping is `long`: searches do not see what follows the point
        MappingLoses false has 38 digits, its mapping `double` about 15: searches and sorts round it
        MappingRefuses false is text, its mapping is `date`: texts that are not dates in the mapping's format are refused
        ");
    }

    #[test]
    fn formats_that_take_the_other_form_are_named() {
        let dated = |ty, format: &str| {
            let field = Field { format: Some(format.to_owned()), ..field("date") };
            misfit(Values { ty, native: "", certain: true }, &field).is_some()
        };
        assert!(dated(Type::Timestamptz, "strict_date"));
        assert!(dated(Type::Date, "epoch_millis"));
        assert!(!dated(Type::Date, "strict_date||epoch_millis"));
        assert!(!dated(Type::Timestamptz, "yyyy-MM-dd'T'HH:mm:ssX"));
        assert!(!dated(Type::Timestamptz, "strict_date_optional_time"));
    }
}
