//! The words of a text as clauses of the engine's query.
//!
//! Promises: each word is found as a phrase of what the field's analyzer makes of it, so that two syllables of Hangul are
//! found within a longer word where the analyzer keeps pairs, and a number with hyphens is found whole. A score is made of
//! constants: no other document moves it.

use serde_json::{Map, Value, json};

use super::{keyed, one_of, some};
use crate::query::{Mode, TextField, TextSearch};

/// What a document scores of which a field is the text.
const WHOLE: u32 = 256;
/// What one scores that has the text in a piece.
const PIECE: u32 = 128;

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
        // Once more for each, to tell the better ones.
        Mode::Any => 2 * of(text).count() * forms,
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

/// What makes one document better than another: each word, where one is enough; that they stand side by side; that a field
/// is nothing else. Zero is a score as well.
pub(super) fn scores(q: &TextSearch) -> Vec<Value> {
    let TextSearch { text, fields, mode } = q;
    let constant =
        |clause: Value, boost: u32| json!({"constant_score": {"filter": clause, "boost": boost}});
    let mut scores = Vec::new();
    if *mode == Mode::Any {
        scores.extend(
            of(text).map(|word| constant(in_any(fields, |form| phrase(form, word, false)), 1)),
        );
    }
    if *mode != Mode::Phrase && of(text).nth(1).is_some() {
        scores.push(constant(in_any(fields, |form| phrase(form, text, false)), PIECE));
    }
    let whole: Vec<Value> = fields
        .iter()
        .filter_map(|field| {
            let whole = field.whole.as_ref()?;
            Some(within(field, json!({"term": keyed(whole, json!({"value": text}))})))
        })
        .collect();
    if !whole.is_empty() {
        scores.push(constant(one_of(&whole), WHOLE));
    }
    scores
}

/// Shows the words in these fields, and nothing of what else was asked.
pub(super) fn highlight(q: &TextSearch, fields: &[TextField]) -> Value {
    let names = fields.iter().flat_map(|field| &field.forms);
    let shown: Map<String, Value> = names
        .map(|name| {
            let form = Form { name, is_first: false };
            let words: Vec<Value> = match q.mode {
                Mode::Phrase => vec![phrase(form, &q.text, false)],
                Mode::All | Mode::Any => {
                    of(&q.text).map(|word| phrase(form, word, false)).collect()
                }
            };
            (name.clone(), json!({"highlight_query": one_of(&words)}))
        })
        .collect();
    json!({
        "encoder": "html", "pre_tags": ["<mark>"], "post_tags": ["</mark>"],
        "require_field_match": true, "number_of_fragments": 0, "fields": shown,
    })
}

/// A form of a field.
#[derive(Clone, Copy)]
struct Form<'a> {
    name: &'a str,
    /// The others are there to find what it does not.
    is_first: bool,
}

/// One of the elements is enough, where the field belongs to a list's.
fn within(field: &TextField, clause: Value) -> Value {
    match &field.list {
        Some(list) => some(list, &clause),
        None => clause,
    }
}

/// One form of one of the fields fulfils it.
fn in_any(fields: &[TextField], clause: impl Fn(Form<'_>) -> Value) -> Value {
    let mut each = Vec::new();
    for field in fields {
        for (number, name) in field.forms.iter().enumerate() {
            let clause = clause(Form { name, is_first: number == 0 });
            each.push(within(field, clause));
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
