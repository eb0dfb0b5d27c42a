//! A query string as names and values.
//!
//! Promises: what is decoded is UTF-8 and NFC; an escape that is none is refused, not passed on. As in a form, `+` is a space.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use unicode_normalization::UnicodeNormalization;

use super::scan::Wrong;
use crate::query::Code;

/// One `name=value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) value: String,
}

/// The parameters of `query`, in their order; a faulty one with its name, as far as that can be read.
pub(super) fn parameters(
    query: &str,
) -> impl Iterator<Item = Result<Parameter, (String, Wrong)>> + '_ {
    query.split('&').filter(|part| !part.is_empty()).map(|part| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        let name = decode(name).map_err(|wrong| (readable(name), wrong))?;
        let value = decode(value).map_err(|wrong| (name.clone(), wrong))?;
        Ok(Parameter { name, value })
    })
}

pub(in crate::query) fn decode(text: &str) -> Result<String, Wrong> {
    for (at, _) in text.match_indices('%') {
        let digits = text.as_bytes().get(at + 1..at + 3).unwrap_or_default();
        if digits.len() < 2 || !digits.iter().all(u8::is_ascii_hexdigit) {
            let wrong =
                Wrong::new(Code::InvalidQuery, "`%` and two hexadecimal digits are expected");
            let before = text.get(..at).unwrap_or_default();
            return Err(wrong.behind(before).hint("`%` itself is `%25`"));
        }
    }
    let spaced = text.replace('+', " ");
    match percent_decode_str(&spaced).decode_utf8() {
        Ok(decoded) => Ok(decoded.nfc().collect()),
        Err(_) => Err(Wrong::new(Code::InvalidQuery, "this is no UTF-8 once it is decoded")),
    }
}

/// What can be read of a name that cannot be decoded.
fn readable(name: &str) -> String {
    let decoded: Cow<'_, str> = percent_decode_str(name).decode_utf8_lossy();
    decoded.into_owned()
}
