//! What a facet's values are to begin with, for somebody who is still typing.
//!
//! Promises: what was typed is composed to NFC as documents are, and folded as the index folds the field. A Hangul syllable that
//! may still grow stands at the end for all that it may become: 기 also finds 김. Every character means itself: none is an
//! operator to the engine.

use std::ops::RangeInclusive;

use serde_json::value::RawValue;

use crate::query::elements::Column;
use crate::query::fault::{Code, Pointer};
use crate::query::fields::Kind;
use crate::query::filter::short_text;
use crate::query::parse::Reader;

/// Consonants that begin a syllable, in the order of the syllables, as a keyboard writes them while they stand alone.
const LEADS: &str = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ";
/// The same within a text that is not composed.
const CONJOINING: RangeInclusive<u32> = 0x1100..=0x1112;
/// The first syllable and the last.
const SYLLABLES: RangeInclusive<u32> = 0xAC00..=0xD7A3;
/// Syllables that differ in their final consonant only, the first of them without one.
const FINALS: u32 = 28;
/// Syllables that begin with the same consonant.
const OF_A_LEAD: u32 = 21 * FINALS;

/// How values begin that are asked for.
pub(super) struct Prefix<'a> {
    whole: &'a str,
    /// All but the last character, and what that may become.
    growing: Option<(&'a str, RangeInclusive<char>)>,
}

impl<'a> Prefix<'a> {
    /// `text` is as the index would hold it.
    pub(super) fn new(text: &'a str) -> Self {
        let last = text.char_indices().next_back();
        let growing = last.and_then(|(at, last)| Some((text.get(..at)?, becomes(last)?)));
        Self { whole: text, growing }
    }

    /// Whether a value that the index holds begins so.
    pub(super) fn begins(&self, value: &str) -> bool {
        let grown = self.growing.as_ref().is_some_and(|(before, becomes)| {
            let next = value.strip_prefix(before).and_then(|rest| rest.chars().next());
            next.is_some_and(|next| becomes.contains(&next))
        });
        grown || value.starts_with(self.whole)
    }

    /// All such values, as an expression of the engine's.
    pub(super) fn expression(&self) -> String {
        let whole = literally(self.whole);
        match &self.growing {
            None => format!("{whole}.*"),
            Some((before, becomes)) => {
                let (first, last) = (becomes.start(), becomes.end());
                format!("({whole}|{}[{first}-{last}]).*", literally(before))
            }
        }
    }
}

/// What becomes of a syllable that is being typed.
fn becomes(last: char) -> Option<RangeInclusive<char>> {
    let code = u32::from(last);
    let lead = match CONJOINING.contains(&code) {
        true => Some(code - CONJOINING.start()),
        false => LEADS.chars().zip(0..).find(|(lead, _)| *lead == last).map(|(_, place)| place),
    };
    let (first, count) = match lead {
        Some(lead) => (SYLLABLES.start() + lead * OF_A_LEAD, OF_A_LEAD),
        None if SYLLABLES.contains(&code) && (code - SYLLABLES.start()).is_multiple_of(FINALS) => {
            (code, FINALS)
        }
        None => return None,
    };
    Some(char::from_u32(first)?..=char::from_u32(first + count - 1)?)
}

/// Letters and digits stay as they are: behind a backslash some of them would mean something.
fn literally(text: &str) -> String {
    let mut literal = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_punctuation() {
            literal.push('\\');
        }
        literal.push(c);
    }
    literal
}

impl Reader<'_> {
    /// The text that values are to begin with, as the index would hold it; `Some(None)` for any.
    #[expect(clippy::option_option, reason = "a fault is something else than an empty text")]
    pub(super) fn prefix(
        &mut self,
        column: &Column,
        raw: Option<&RawValue>,
        at: &Pointer,
    ) -> Option<Option<String>> {
        let Some(raw) = raw else { return Some(None) };
        let path = &column.field.path;
        if column.field.kind != Kind::Keyword {
            let what = format!("`{path}` is no text, which could begin with another");
            self.faults.add(at, Code::OperatorNotAllowed, what);
            return None;
        }
        let text = short_text(self.limits, raw, at, &mut self.faults)?;
        let Some(folded) = column.folding.fold(&text) else {
            let what =
                format!("what the normalizer of `{path}` makes of a beginning is not known here");
            let hint = || "normalizers that do nothing but `lowercase` are";
            self.faults.add_with_hint(at, Code::FieldCannotServe, what, hint);
            return None;
        };
        Some((!folded.is_empty()).then_some(folded))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_was_typed_is_an_operator() {
        let expression = |text| Prefix::new(text).expression();
        insta::assert_snapshot!(expression("a.d1 _(*|\\\"#@&<>~^-"), @r#"a\.d1 \_\(\*\|\\\"\#\@\&\<\>\~\^\-.*"#);
        insta::assert_snapshot!(expression("(주) 김"), @r"\(주\) 김.*");
    }

    #[test]
    fn a_syllable_grows_at_the_end_only() {
        let expression = |text| Prefix::new(text).expression();
        insta::assert_snapshot!(expression("이기"), @"(이기|이[기-깋]).*");
        insta::assert_snapshot!(expression("김ㅊ"), @"(김ㅊ|김[차-칳]).*");
        insta::assert_snapshot!(expression("\u{1112}"), @"(ᄒ|[하-힣]).*");
        for (typed, value) in [
            ("기", "김철수"),
            ("김", "김철수"),
            ("김ㅊ", "김철수"),
            ("김처", "김철수"),
            ("ㄱ", "ㄱ"),
            ("", "a"),
        ] {
            assert!(Prefix::new(typed).begins(value), "{typed} {value}");
        }
        for (typed, value) in [
            ("기", "가나"),
            ("김", "기사"),
            ("기철", "김철수"),
            ("ㄱ", "까치"),
            ("김ㅏ", "김아"),
            ("a", "A"),
        ] {
            assert!(!Prefix::new(typed).begins(value), "{typed} {value}");
        }
    }
}
