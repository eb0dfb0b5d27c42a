//! Keys: the canonical text by which rows of different servers find each other, and by which documents are named.
//!
//! Promises: reversible, and equal exactly when all parts are. One part is its text; several are escaped and joined by
//! `:`. NULL has no key, and booleans are `1` and `0` here, which is what servers without them store. Never normalises a part beyond what the job declares with `match`.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Kind, RowRef};

/// How the two sides of a join are made comparable.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Match {
    /// The canonical texts are equal.
    #[default]
    #[serde(skip)]
    Exact,
    /// Equal as whole numbers: `007`, `7` and `7.00` are one key. Columns of texts are looked up by the plain digits `7`
    /// only, so that an index finds them: there, a number that is written otherwise is not found.
    Integer,
    /// Equal as UUIDs: upper and lower case, with and without hyphens are one key.
    Uuid,
    /// Equal as text once trailing blanks are dropped.
    Text,
    /// Equal as text once trailing blanks are dropped and letters are lower case.
    Nocase,
}

impl Match {
    /// The comparable form of `text`; `None` when it has none, and so joins nothing.
    pub fn canonical(self, text: &str) -> Option<Cow<'_, str>> {
        match self {
            Self::Exact => Some(Cow::Borrowed(text)),
            Self::Integer => whole_number(text).map(Cow::Owned),
            Self::Uuid => {
                Uuid::try_parse(text.trim()).ok().map(|uuid| Cow::Owned(uuid.to_string()))
            }
            Self::Text => Some(Cow::Borrowed(text.trim_end_matches(' '))),
            Self::Nocase => Some(Cow::Owned(text.trim_end_matches(' ').to_lowercase())),
        }
    }
}

fn whole_number(text: &str) -> Option<String> {
    let text = text.trim();
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, text.get(1..)?),
        b'+' => (false, text.get(1..)?),
        _ => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !fraction.bytes().all(|byte| byte == b'0') {
        return None;
    }
    match whole.trim_start_matches('0') {
        "" => Some("0".to_owned()),
        whole if negative => Some(format!("-{whole}")),
        whole => Some(whole.to_owned()),
    }
}

/// A key in its canonical text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key(Box<str>);

impl Key {
    /// A key of these parts.
    pub fn from_parts<'a>(parts: impl IntoIterator<Item = &'a str>) -> Self {
        let parts: Vec<&str> = parts.into_iter().collect();
        let mut text = String::new();
        for (index, part) in parts.iter().enumerate() {
            push_key_part(&mut text, part, index, parts.len());
        }
        Self(text.into_boxed_str())
    }

    /// The first column, `part`, of keys that have `width` of them.
    pub fn beginning(part: &str, width: usize) -> Self {
        let mut text = String::new();
        push_key_part(&mut text, part, 0, width);
        Self(text.into_boxed_str())
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The parts of a key that was made of `width` parts.
    pub fn parts(&self, width: usize) -> Vec<Cow<'_, str>> {
        if width <= 1 {
            return vec![Cow::Borrowed(&self.0)];
        }
        self.0.split(':').map(unescape).collect()
    }
}

impl From<&str> for Key {
    fn from(canonical: &str) -> Self {
        Self(canonical.into())
    }
}

impl std::borrow::Borrow<str> for Key {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// Appends part `index` of `width` to a key's canonical text.
pub fn push_key_part(out: &mut String, part: &str, index: usize, width: usize) {
    if width <= 1 {
        return out.push_str(part);
    }
    if index > 0 {
        out.push(':');
    }
    for piece in part.split_inclusive([':', '%']) {
        if let Some(head) = piece.strip_suffix(':') {
            out.push_str(head);
            out.push_str("%3A");
        } else if let Some(head) = piece.strip_suffix('%') {
            out.push_str(head);
            out.push_str("%25");
        } else {
            out.push_str(piece);
        }
    }
}

fn unescape(part: &str) -> Cow<'_, str> {
    if part.contains('%') {
        Cow::Owned(part.replace("%3A", ":").replace("%25", "%"))
    } else {
        Cow::Borrowed(part)
    }
}

/// Writes the key of a row's `columns` to `out`, replacing what was there; `false` when a part is NULL or has no
/// comparable form.
pub fn key_of(row: RowRef<'_>, columns: &[usize], matching: Match, out: &mut String) -> bool {
    out.clear();
    columns.iter().enumerate().all(|(index, &column)| {
        let cell = row.cell(column);
        let canonical = match (cell.kind, cell.text) {
            (Kind::Null | Kind::Undecodable, _) => None,
            (Kind::Bool, "true") => matching.canonical("1"),
            (Kind::Bool, _) => matching.canonical("0"),
            (_, text) => matching.canonical(text),
        };
        if let Some(part) = &canonical {
            push_key_part(out, part, index, columns.len());
        }
        canonical.is_some()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::Page;
    use proptest::prelude::*;

    #[test]
    fn one_part_is_its_text_and_several_are_escaped() {
        assert_eq!(Key::from_parts(["a:b%"]).as_str(), "a:b%");
        assert_eq!(Key::from_parts(["a:b", "50%", ""]).as_str(), "a%3Ab:50%25:");
    }

    #[test]
    fn matching_makes_spellings_one() {
        let form = |matching: Match, text| matching.canonical(text).map(Cow::into_owned);
        for text in ["7", " 007", "7.00", "+7"] {
            assert_eq!(form(Match::Integer, text).as_deref(), Some("7"), "{text}");
        }
        assert_eq!(form(Match::Integer, "-0").as_deref(), Some("0"));
        assert_eq!(form(Match::Integer, "-12.0").as_deref(), Some("-12"));
        for text in ["7.5", "", "-", "seven", "7 8"] {
            assert_eq!(form(Match::Integer, text), None, "{text}");
        }
        let uuid = "0190a7c0-1111-7222-8333-444455556666";
        for text in
            [uuid, "0190A7C0111172228333444455556666", " 0190a7c0-1111-7222-8333-444455556666"]
        {
            assert_eq!(form(Match::Uuid, text).as_deref(), Some(uuid));
        }
        assert_eq!(form(Match::Uuid, "none"), None);
        assert_eq!(form(Match::Nocase, "Kim  ").as_deref(), Some("kim"));
        assert_eq!(form(Match::Text, "Kim  ").as_deref(), Some("Kim"));
    }

    #[test]
    fn null_has_no_key() {
        let mut page = Page::new(2);
        page.push(Kind::Number, "1").unwrap();
        page.push_null();
        let mut key = String::new();
        assert!(key_of(page.row(0), &[0], Match::Exact, &mut key));
        assert_eq!(key, "1");
        assert!(!key_of(page.row(0), &[0, 1], Match::Exact, &mut key));
    }

    #[test]
    fn booleans_meet_numbers() {
        let mut page = Page::new(2);
        page.push(Kind::Bool, "true").unwrap();
        page.push(Kind::Bool, "false").unwrap();
        let mut key = String::new();
        for matching in [Match::Exact, Match::Integer] {
            assert!(key_of(page.row(0), &[0, 1], matching, &mut key));
            assert_eq!(key, "1:0");
        }
    }

    proptest! {
        #[test]
        fn keys_are_reversible(parts in proptest::collection::vec("[a-z:%é3A25]{0,6}", 1..4)) {
            let key = Key::from_parts(parts.iter().map(String::as_str));
            prop_assert_eq!(key.parts(parts.len()), parts);
        }
    }
}
