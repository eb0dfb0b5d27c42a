//! The words of a text as clauses of the engine's query.
//!
//! Promises: each word is found as a phrase of what the field's analyzer makes of it, so that two syllables of Hangul are
//! found within a longer word where the analyzer keeps pairs, and a number with hyphens is found whole. A score is made of
//! constants: no other document moves it.

use serde_json::{Value, json};

use super::{keyed, one_of};
use crate::query::{Mode, TextField};

/// The words of a text: what stands between spaces and has a letter or a digit.
pub(in crate::query) fn of(text: &str) -> impl Iterator<Item = &str> {
    text.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric))
}

/// In how many places the words of a text are looked for in so many forms of fields.
pub(in crate::query) fn places(text: &str, mode: Mode, forms: usize) -> usize {
    match mode {
        Mode::Phrase => forms,
        // One more for each form, since a text of nothing but stop words is to find nothing.
        Mode::All => (of(text).count() + 1) * forms,
        Mode::Any => of(text).count() * forms,
    }
}

/// The words of `text` are in these fields.
pub(super) fn found(text: &str, fields: &[TextField], mode: Mode) -> Value {
    match mode {
        Mode::Phrase => in_any(fields, |form| phrase(form, text, false)),
        Mode::Any => {
            let each = of(text).map(|word| in_any(fields, |form| phrase(form, word, false)));
            one_of(&each.collect::<Vec<_>>())
        }
        Mode::All => {
            let each = of(text).map(|word| in_any(fields, |form| phrase(form, word, true)));
            let mut all: Vec<Value> = each.collect();
            if of(text).all(|word| syllable(word).is_none()) {
                all.push(in_any(fields, |form| json!({"match": keyed(form.name, query(text))})));
            }
            json!({"bool": {"filter": all}})
        }
    }
}

/// A form of a field.
#[derive(Clone, Copy)]
struct Form<'a> {
    name: &'a str,
    /// The others are there to find what it does not.
    is_first: bool,
}

/// One form of one of the fields fulfils it.
fn in_any(fields: &[TextField], clause: impl Fn(Form<'_>) -> Value) -> Value {
    let mut each = Vec::new();
    for field in fields {
        for (number, name) in field.forms.iter().enumerate() {
            let clause = clause(Form { name, is_first: number == 0 });
            each.push(match &field.list {
                // One of the elements is enough.
                Some(list) => {
                    json!({"nested": {"path": list, "query": clause, "score_mode": "none"}})
                }
                None => clause,
            });
        }
    }
    one_of(&each)
}

/// A text as the form's analyzer takes it apart, its parts side by side. `or_nothing`: a text of which that leaves nothing,
/// such as a stop word, is taken to be there.
fn phrase(form: Form<'_>, text: &str, or_nothing: bool) -> Value {
    // Pairs of characters do not know single ones.
    if let Some(syllable) = syllable(text) {
        return json!({"wildcard": keyed(form.name, json!({"value": format!("*{syllable}*")}))});
    }
    let mut phrase = query(text);
    if let (Value::Object(members), true) = (&mut phrase, or_nothing && form.is_first) {
        members.insert("zero_terms_query".to_owned(), json!("all"));
    }
    json!({"match_phrase": keyed(form.name, phrase)})
}

fn query(text: &str) -> Value {
    json!({"query": text})
}

/// The one character of a script without spaces that is all of a text.
fn syllable(text: &str) -> Option<char> {
    let mut told = text.chars().filter(|char| char.is_alphanumeric());
    let (first, None) = (told.next()?, told.next()) else { return None };
    let alone = matches!(first, '\u{3040}'..='\u{318f}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}');
    alone.then_some(first)
}
