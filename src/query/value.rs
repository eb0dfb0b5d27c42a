//! Values of a filter, of the type of the field that they are compared with.
//!
//! Promises: a number keeps every digit, a text is NFC as documents are, a time is an instant. What the engine would read
//! otherwise than it is written, or refuse, is refused here.

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::Number;
use serde_json::value::RawValue;
use unicode_normalization::UnicodeNormalization;

use super::fault::Code;
use super::fields::Kind;
use super::json::Json;

/// A value to compare with.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// For [`Kind::Keyword`] and [`Kind::Id`].
    Text(String),
    /// For [`Kind::Integer`] and [`Kind::Float`], with all its digits.
    Number(Number),
    /// For [`Kind::Boolean`].
    Flag(bool),
    /// For [`Kind::Date`]: an instant.
    Time(Timestamp),
    /// For [`Kind::Date`]: all of a day in UTC.
    Day(Date),
}

/// Engines refuse longer numbers.
const MAX_DIGITS: usize = 400;
/// Engines refuse longer texts, in bytes.
const MAX_TEXT: usize = 32_766;
/// Engines read no time whose year in UTC is negative; 0000-01-01T00:00:00Z.
const FIRST: Timestamp = Timestamp::constant(-62_167_219_200, 0);

/// Why a value is refused.
pub(super) type Wrong = (Code, String);

impl Scalar {
    /// Reads a value for a field of that kind; else says what is expected, and why this is not it.
    pub(super) fn read(kind: Kind, raw: &RawValue) -> Result<Self, Wrong> {
        let value = Self::fitting(kind, raw).map_err(|what| (Code::InvalidValue, what))?;
        let limit = match &value {
            Self::Number(_) if raw.get().len() > MAX_DIGITS => {
                format!("a number has at most {MAX_DIGITS} characters")
            }
            Self::Text(text) if text.len() > MAX_TEXT => {
                format!("a string to compare with has at most {MAX_TEXT} bytes")
            }
            _ => return Ok(value),
        };
        Err((Code::LimitExceeded, limit))
    }

    fn fitting(kind: Kind, raw: &RawValue) -> Result<Self, String> {
        let json = Json::open(raw).map_err(|_| "a string with half a character".to_owned())?;
        let expected = match (kind, &json) {
            (Kind::Keyword, Json::Text(text)) => return Ok(Self::Text(text.nfc().collect())),
            (Kind::Boolean, Json::Bool(flag)) => return Ok(Self::Flag(*flag)),
            (Kind::Integer { min, max }, Json::Number(text)) => return integer(text, min, max),
            (Kind::Float { max, .. }, Json::Number(text)) => return float(text, max),
            (Kind::Date { .. }, Json::Text(text)) => return date(text),
            // The engine has none that is empty.
            (Kind::Id, Json::Text(text)) if !text.is_empty() => {
                return Ok(Self::Text(text.clone()));
            }
            (Kind::Id, Json::Text(_)) => return Err("no id is empty".to_owned()),
            (Kind::Keyword | Kind::Id, _) => "a string",
            (Kind::Boolean, _) => "true or false",
            (Kind::Integer { .. }, _) => "a whole number",
            (Kind::Float { .. }, _) => "a number",
            (Kind::Date { .. }, _) => "a date or time as a string",
        };
        Err(format!("{expected} is expected here, not {}", json.noun()))
    }
}

fn integer(text: &str, min: i128, max: i128) -> Result<Scalar, String> {
    if text.contains(['.', 'e', 'E']) {
        return Err("a whole number is expected here, without fraction or exponent".to_owned());
    }
    match text.parse::<i128>() {
        Ok(number) if (min..=max).contains(&number) => Ok(Scalar::Number(
            Number::from_i128(number)
                .ok_or_else(|| "a whole number is expected here".to_owned())?,
        )),
        _ => Err(format!("this field holds whole numbers from {min} to {max}")),
    }
}

fn float(text: &str, max: f64) -> Result<Scalar, String> {
    let fits = text.parse::<f64>().is_ok_and(|number| number.abs() <= max);
    match text.parse::<Number>() {
        Ok(number) if fits => Ok(Scalar::Number(number)),
        _ => Err(format!("this field holds numbers from -{max:e} to {max:e}")),
    }
}

fn date(text: &str) -> Result<Scalar, String> {
    let wrong =
        || "a date like 2026-01-31 or a time like 2026-01-31T09:30:00Z is expected here".to_owned();
    if !has_four_digit_year(text) {
        return Err(wrong());
    }
    if text.len() == "2026-01-31".len() {
        return text.parse().map(Scalar::Day).map_err(|_| wrong());
    }
    if !text.contains(['T', 't']) {
        return Err(wrong());
    }
    match text.parse::<Timestamp>() {
        Ok(time) if time >= FIRST => Ok(Scalar::Time(time)),
        Err(_) if text.parse::<jiff::civil::DateTime>().is_ok() => {
            Err("a time needs its zone: end it with Z or an offset like +09:00".to_owned())
        }
        Ok(_) | Err(_) => Err(wrong()),
    }
}

/// Years of other lengths are read in more than one way.
fn has_four_digit_year(text: &str) -> bool {
    let year = text.bytes().take_while(u8::is_ascii_digit).count();
    year == 4 && text.as_bytes().get(4) == Some(&b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Kind = Kind::Integer { min: i64::MIN as i128, max: i64::MAX as i128 };
    const DATE: Kind = Kind::Date { nanos: false };
    const DOUBLE: Kind = Kind::Float { max: f64::MAX, scaled: false };

    fn read(kind: Kind, text: &str) -> Result<Scalar, Wrong> {
        Scalar::read(kind, serde_json::from_str(text).unwrap())
    }

    fn refused(kind: Kind, text: &str) -> String {
        read(kind, text).unwrap_err().1
    }

    fn digits(kind: Kind, text: &str) -> String {
        match read(kind, text).unwrap() {
            Scalar::Number(number) => number.to_string(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn numbers_keep_every_digit_within_the_fields_range() {
        assert_eq!(digits(LONG, "-9223372036854775808"), "-9223372036854775808");
        let exact = "12345678901234567890123456789012345.678";
        assert_eq!(digits(DOUBLE, exact), exact);
        insta::assert_snapshot!(
            refused(LONG, "9223372036854775808"),
            @"this field holds whole numbers from -9223372036854775808 to 9223372036854775807"
        );
        insta::assert_snapshot!(
            refused(LONG, "1.5"),
            @"a whole number is expected here, without fraction or exponent"
        );
        insta::assert_snapshot!(
            refused(DOUBLE, "1e309"),
            @"this field holds numbers from -1.7976931348623157e308 to 1.7976931348623157e308"
        );
    }

    #[test]
    fn other_types_are_refused() {
        insta::assert_snapshot!(refused(LONG, "\"1\""), @"a whole number is expected here, not a string");
        insta::assert_snapshot!(refused(Kind::Keyword, "1"), @"a string is expected here, not a number");
        insta::assert_snapshot!(refused(Kind::Boolean, "null"), @"true or false is expected here, not null");
        insta::assert_snapshot!(refused(Kind::Keyword, r#""\ud800""#), @"a string with half a character");
    }

    #[test]
    fn what_engines_find_too_long_is_over_a_limit() {
        let long = |kind, text: String| read(kind, &text).map_err(|(code, _)| code);
        assert!(long(DOUBLE, format!("0.{}", "1".repeat(398))).is_ok());
        assert_eq!(long(DOUBLE, format!("0.{}", "1".repeat(399))), Err(Code::LimitExceeded));
        assert!(long(Kind::Keyword, format!("\"{}\"", "a".repeat(32_766))).is_ok());
        assert_eq!(
            long(Kind::Keyword, format!("\"{}\"", "a".repeat(32_767))),
            Err(Code::LimitExceeded)
        );
    }

    #[test]
    fn texts_are_composed() {
        assert_eq!(read(Kind::Keyword, "\"\u{1100}\u{1161}\""), Ok(Scalar::Text("가".to_owned())));
    }

    #[test]
    fn a_date_is_a_day_and_a_time_needs_its_zone() {
        let Ok(Scalar::Day(day)) = read(DATE, "\"2024-02-29\"") else { panic!("no day") };
        assert_eq!(day.to_string(), "2024-02-29");
        for edge in ["0000-01-01", "9999-12-30", "9999-12-31"] {
            assert!(read(DATE, &format!("\"{edge}\"")).is_ok(), "{edge}");
        }
        for edge in ["0000-01-01T00:00:00Z", "0000-01-01T09:00:00+09:00"] {
            let first = Scalar::Time("0000-01-01T00:00:00Z".parse().unwrap());
            assert_eq!(read(DATE, &format!("\"{edge}\"")), Ok(first), "{edge}");
        }
        let time = read(DATE, "\"2026-01-31T09:30:00+09:00\"").unwrap();
        assert_eq!(time, Scalar::Time("2026-01-31T00:30:00Z".parse().unwrap()));
        insta::assert_snapshot!(
            refused(DATE, "\"2026-01-31T09:30:00\""),
            @"a time needs its zone: end it with Z or an offset like +09:00"
        );
        for wrong in [
            "2026-02-30",
            "26-01-31",
            "20260131",
            "2026-W05-1",
            "12026-01-31",
            "now",
            "2026-01-31 09:30:00Z",
            "0000-01-01T00:00:00+09:00",
            "0000-01-01T08:59:59.999999999+09:00",
        ] {
            assert!(read(DATE, &format!("\"{wrong}\"")).is_err(), "{wrong}");
        }
    }
}
