//! What a facet's values are to begin with, for somebody who is still typing.
//!
//! Promises: what was typed is composed to NFC as documents are, and folded as the index folds the field. A Hangul syllable that
//! may still grow stands at the end for all that it may become by further keys: 기 also finds 김, 고 과, and 깅 기아, for the
//! next vowel takes a final consonant with it. Every character means itself: none is an operator to the engine.

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
/// Vowels that become the next ones by one more key, and how many: ㅗ ㅘ ㅙ ㅚ, ㅜ ㅝ ㅞ ㅟ, ㅡ ㅢ.
const VOWELS: [(u32, u32); 3] = [(8, 3), (13, 3), (18, 1)];
/// Final consonants, in the order of the syllables, by the keys that write them; the first is none.
const ENDS: [&str; 28] = [
    "", "ㄱ", "ㄲ", "ㄱㅅ", "ㄴ", "ㄴㅈ", "ㄴㅎ", "ㄷ", "ㄹ", "ㄹㄱ", "ㄹㅁ", "ㄹㅂ", "ㄹㅅ",
    "ㄹㅌ", "ㄹㅍ", "ㄹㅎ", "ㅁ", "ㅂ", "ㅂㅅ", "ㅅ", "ㅆ", "ㅇ", "ㅈ", "ㅊ", "ㅋ", "ㅌ", "ㅍ",
    "ㅎ",
];

/// How values begin that are asked for.
pub(super) struct Prefix<'a> {
    whole: &'a str,
    /// What else they may begin with: a text, and a character behind it.
    grown: Vec<(String, RangeInclusive<char>)>,
}

impl<'a> Prefix<'a> {
    /// `text` is as the index would hold it.
    pub(super) fn new(text: &'a str) -> Self {
        let last = text.char_indices().next_back();
        let grown = last.and_then(|(at, last)| Some(grown(text.get(..at)?, last)));
        Self { whole: text, grown: grown.unwrap_or_default() }
    }

    /// Whether a value that the index holds begins so.
    pub(super) fn begins(&self, value: &str) -> bool {
        let grown = self.grown.iter().any(|(before, becomes)| {
            let next = value.strip_prefix(before.as_str()).and_then(|rest| rest.chars().next());
            next.is_some_and(|next| becomes.contains(&next))
        });
        grown || value.starts_with(self.whole)
    }

    /// All such values, as an expression of the engine's.
    pub(super) fn expression(&self) -> String {
        let whole = literally(self.whole);
        if self.grown.is_empty() {
            return format!("{whole}.*");
        }
        let grown = self.grown.iter().map(|(before, becomes)| {
            let (first, last) = (becomes.start(), becomes.end());
            format!("|{}[{first}-{last}]", literally(before))
        });
        format!("({whole}{}).*", grown.collect::<String>())
    }
}

/// What becomes of `last`, which is being typed behind `before`.
fn grown(before: &str, last: char) -> Vec<(String, RangeInclusive<char>)> {
    let here = |range: Option<_>| range.map(|range| (before.to_owned(), range));
    if let Some(lead) = lead(last) {
        return here(begun_by(lead)).into_iter().collect();
    }
    let code = u32::from(last);
    if !SYLLABLES.contains(&code) {
        return Vec::new();
    }
    let place = code - SYLLABLES.start();
    let (vowel, end) = (place / FINALS % 21, place % FINALS);
    if end == 0 {
        let more = VOWELS.into_iter().find(|(from, _)| *from == vowel).map_or(0, |(_, more)| more);
        return here(range(code, (more + 1) * FINALS)).into_iter().collect();
    }
    // Another key makes two consonants of one, or the last of them the next vowel's own.
    let ends = || ENDS.into_iter().zip(code - end..);
    let Some(keys) = ends().find(|(_, with)| *with == code).map(|(keys, _)| keys) else {
        return Vec::new();
    };
    let two = ends().filter(|(two, _)| two.len() > keys.len() && two.starts_with(keys));
    let two = two.filter_map(|(_, with)| here(range(with, 1)));
    let parted = keys.char_indices().next_back().and_then(|(at, moved)| {
        let (_, with) = ends().find(|(left, _)| keys.get(..at) == Some(*left))?;
        let left = char::from_u32(with)?;
        Some((format!("{before}{left}"), begun_by(lead(moved)?)?))
    });
    two.chain(parted).collect()
}

/// Which of the consonants that begin a syllable it is.
fn lead(letter: char) -> Option<u32> {
    let code = u32::from(letter);
    match CONJOINING.contains(&code) {
        true => Some(code - CONJOINING.start()),
        false => LEADS.chars().zip(0..).find(|(lead, _)| *lead == letter).map(|(_, place)| place),
    }
}

/// Syllables that begin with that consonant.
fn begun_by(lead: u32) -> Option<RangeInclusive<char>> {
    range(SYLLABLES.start() + lead * OF_A_LEAD, OF_A_LEAD)
}

fn range(first: u32, count: u32) -> Option<RangeInclusive<char>> {
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
        insta::assert_snapshot!(expression("(주) 김"), @r"(\(주\) 김|\(주\) 기[마-밓]).*");
    }

    #[test]
    fn a_syllable_grows_at_the_end_only() {
        let expression = |text| Prefix::new(text).expression();
        insta::assert_snapshot!(expression("이기"), @"(이기|이[기-깋]).*");
        insta::assert_snapshot!(expression("김ㅊ"), @"(김ㅊ|김[차-칳]).*");
        insta::assert_snapshot!(expression("\u{1112}"), @"(ᄒ|[하-힣]).*");
        insta::assert_snapshot!(expression("고"), @"(고|[고-굏]).*");
        insta::assert_snapshot!(expression("이간"), @"(이간|이[갅-갅]|이[갆-갆]|이가[나-닣]).*");
        insta::assert_snapshot!(expression("김첤"), @"(김첤|김철[사-싷]).*");
        insta::assert_snapshot!(expression("밖"), @"(밖|바[까-낗]).*");
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
            ("간", "가다"),
            ("간", "가"),
            ("박", "밖"),
            ("박", "바까"),
            ("가", "과"),
            ("과", "고"),
            ("구", "고"),
            ("값", "갑자기"),
            ("김첤", "김처"),
        ] {
            assert!(!Prefix::new(typed).begins(value), "{typed} {value}");
        }
    }

    #[test]
    fn no_key_on_the_way_to_a_value_loses_it() {
        for (value, keys) in [
            ("김철수", "ㄱ 기 김 김ㅊ 김처 김철 김첤 김철수"),
            ("가나", "ㄱ 가 간 가나"),
            ("기아", "ㄱ 기 깅 기아"),
            ("과장", "ㄱ 고 과 괒 과자 과장"),
            ("귀의", "ㄱ 구 귀 귕 귀으 귀의"),
            ("값있는", "ㄱ 가 갑 값 값ㅇ 값이 값있 값있ㄴ 값있느 값있는"),
            ("닭이", "ㄷ 다 달 닭 닭ㅇ 닭이"),
            ("달기", "ㄷ 다 달 닭 달기"),
            ("바깥", "ㅂ 바 밖 바까 바깥"),
            ("안하", "ㅇ 아 안 않 안하"),
            ("이쓰", "ㅇ 이 있 이쓰"),
        ] {
            for typed in keys.split(' ') {
                assert!(Prefix::new(typed).begins(value), "{typed} {value}");
            }
        }
    }
}
