//! How values are written: the canonical text of numbers, JSON, UUIDs and bytes, whichever server they came from. Dates and
//! instants are the [calendar](crate::row::calendar)'s.
//!
//! Promises: exact, and no allocation beyond the buffer written to. Never reads a server's bytes.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use serde::de::IgnoredAny;

use crate::row::{Kind, Page, TooLarge};

pub(super) use crate::row::calendar::{
    DAY, SECOND, Zone, clock, date, days, fraction, instant, local,
};

pub(super) fn integer(out: &mut String, value: impl itoa::Integer) {
    out.push_str(itoa::Buffer::new().format(value));
}

/// The shortest number that reads back the same: plain digits where they are few, an exponent elsewhere. The caller sees to
/// it that the value is finite.
pub(super) fn double(out: &mut String, value: f64) {
    let _fits = match value.abs() {
        0.0 | 1e-5..1e16 => write!(out, "{value}"),
        _ => write!(out, "{value:e}"),
    };
}

/// As [`double`], with no more digits than single precision has.
pub(super) fn single(out: &mut String, value: f32) {
    let _fits = match value.abs() {
        0.0 | 1e-5..1e16 => write!(out, "{value}"),
        _ => write!(out, "{value:e}"),
    };
}

/// A decimal as its server wrote it, without the zeros in front that JSON refuses.
pub(super) fn decimal(out: &mut String, text: &str) {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    out.push_str(sign);
    let bare = digits.trim_start_matches('0');
    if bare.is_empty() || bare.starts_with('.') {
        out.push('0');
    }
    out.push_str(bare);
}

/// JSON on one line: a raw line break can only stand between tokens.
pub(super) fn json(out: &mut String, text: &str) {
    if text.bytes().any(|byte| matches!(byte, b'\n' | b'\r')) {
        out.extend(text.chars().map(|c| if matches!(c, '\n' | '\r') { ' ' } else { c }));
    } else {
        out.push_str(text);
    }
}

/// Text that nothing keeps from being no JSON: it comes as JSON if it is, and as text otherwise.
pub(super) fn json_or_text(page: &mut Page, bytes: &[u8]) -> Result<(), TooLarge> {
    match serde_json::from_slice::<IgnoredAny>(bytes) {
        Ok(_) => page.push_text(Kind::Json, bytes, json),
        Err(_) => page.push_text(Kind::Text, bytes, String::push_str),
    }
}

pub(super) fn base64(out: &mut String, bytes: &[u8]) {
    STANDARD.encode_string(bytes, out);
}

/// `None` for what is not padded base64.
pub(super) fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

pub(super) fn uuid(out: &mut String, bytes: [u8; 16]) {
    let mut buffer = [0; uuid::fmt::Hyphenated::LENGTH];
    out.push_str(uuid::Uuid::from_bytes(bytes).hyphenated().encode_lower(&mut buffer));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut String)) -> String {
        let mut out = String::new();
        write(&mut out);
        out
    }

    #[test]
    fn floats_read_back_the_same_and_are_json() {
        for value in [0.0, -0.0, 5.0, 0.1, 1e21, 1e-7, f64::MAX, f64::MIN_POSITIVE, 123_456.789] {
            let text = written(|out| double(out, value));
            assert_eq!(text.parse::<f64>().unwrap().to_bits(), value.to_bits(), "{text}");
            assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
        }
        assert_eq!(written(|out| single(out, 0.1)), "0.1");
        assert_eq!(written(|out| single(out, 3.4e38)), "3.4e38");
    }

    #[test]
    fn decimals_keep_their_digits_and_json_its_line() {
        for (given, wanted) in
            [("901.00", "901.00"), ("000901.00", "901.00"), ("-0.50", "-0.50"), ("0", "0")]
        {
            assert_eq!(written(|out| decimal(out, given)), wanted);
        }
        assert_eq!(written(|out| json(out, "{\n\"a\\n\": 1\r\n}")), "{ \"a\\n\": 1  }");
    }
}
