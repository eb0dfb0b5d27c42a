//! Values of a filter, of the type of the field that they are compared with.
//!
//! Promises: a number keeps every digit, a text is NFC as documents are, a time is an instant. What the engine would read
//! otherwise than it is written, or refuse, is refused here.

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::Number;
use serde_json::value::RawValue;
use unicode_normalization::UnicodeNormalization;

use super::fields::Kind;
use super::json::Json;

/// A value to compare with.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// For [`Kind::Keyword`].
    Text(String),
    /// For [`Kind::Integer`] and [`Kind::Float`], with all its digits.
    Number(Number),
    /// For [`Kind::Boolean`].
    Flag(bool),
    /// For [`Kind::Date`]: an instant.
    Time(Timestamp),
    /// For [`Kind::Date`]: all of a day.
    Day(Day),
}

/// A day in UTC, from its first instant to the first instant after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    /// The first instant.
    pub start: Timestamp,
    /// The first instant after it.
    pub end: Timestamp,
}

impl Scalar {
    /// Reads a value for a field of that kind; else says what is expected, and why this is not it.
    pub(super) fn read(kind: Kind, raw: &RawValue) -> Result<Self, String> {
        let json = Json::open(raw).map_err(|_| "a string with half a character".to_owned())?;
        let expected = match (kind, &json) {
            (Kind::Keyword, Json::Text(text)) => return Ok(Self::Text(text.nfc().collect())),
            (Kind::Boolean, Json::Bool(flag)) => return Ok(Self::Flag(*flag)),
            (Kind::Integer { min, max }, Json::Number(text)) => return integer(text, min, max),
            (Kind::Float { max, .. }, Json::Number(text)) => return float(text, max),
            (Kind::Date { .. }, Json::Text(text)) => return date(text),
            (Kind::Keyword, _) => "a string",
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
        return day(text).map(Scalar::Day).ok_or_else(wrong);
    }
    if !text.contains(['T', 't']) {
        return Err(wrong());
    }
    match text.parse::<Timestamp>() {
        Ok(time) => Ok(Scalar::Time(time)),
        Err(_) if text.parse::<jiff::civil::DateTime>().is_ok() => {
            Err("a time needs its zone: end it with Z or an offset like +09:00".to_owned())
        }
        Err(_) => Err(wrong()),
    }
}

/// Years of other lengths are read in more than one way.
fn has_four_digit_year(text: &str) -> bool {
    let year = text.bytes().take_while(u8::is_ascii_digit).count();
    year == 4 && text.as_bytes().get(4) == Some(&b'-')
}

fn day(text: &str) -> Option<Day> {
    let date: Date = text.parse().ok()?;
    let midnight = |date: Date| Some(date.in_tz("UTC").ok()?.timestamp());
    Some(Day { start: midnight(date)?, end: midnight(date.tomorrow().ok()?)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Kind = Kind::Integer { min: i64::MIN as i128, max: i64::MAX as i128 };
    const DATE: Kind = Kind::Date { nanos: false };
    const DOUBLE: Kind = Kind::Float { max: f64::MAX, scaled: false };

    fn read(kind: Kind, text: &str) -> Result<Scalar, String> {
        Scalar::read(kind, serde_json::from_str(text).unwrap())
    }

    fn refused(kind: Kind, text: &str) -> String {
        read(kind, text).unwrap_err()
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
    fn texts_are_composed() {
        assert_eq!(read(Kind::Keyword, "\"\u{1100}\u{1161}\""), Ok(Scalar::Text("가".to_owned())));
    }

    #[test]
    fn a_date_is_a_day_and_a_time_needs_its_zone() {
        let Ok(Scalar::Day(day)) = read(DATE, "\"2024-02-29\"") else { panic!("no day") };
        assert_eq!(day.end.to_string(), "2024-03-01T00:00:00Z");
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
        ] {
            assert!(read(DATE, &format!("\"{wrong}\"")).is_err(), "{wrong}");
        }
    }
}
