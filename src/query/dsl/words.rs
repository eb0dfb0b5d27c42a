//! The words of a text as clauses of the engine's query.
//!
//! Promises: each word is found as a phrase of what the field's analyzer makes of it, so that two syllables of Hangul are
//! found within a longer word where the analyzer keeps pairs, and a number with hyphens is found whole; only where that is asked
//! for, a word of letters also finds those that are nearly the same. A score is made of constants: no other document moves it.

use serde_json::{Map, Value, json};

use super::{keyed, one_of, some};
use crate::query::{Mode, TextField, TextSearch};

/// What a document scores of which a field is the text.
const WHOLE: u32 = 256;
/// What one scores that has the text in a piece.
const PIECE: u32 = 128;

/// Most words of an index that are taken for nearly the same as one of a text; the engine counts each as a clause.
const NEAR: usize = 10;

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

/// In how many more where nearly the same words are looked for, in so many of the forms: twice, and the very words to tell the
/// better ones.
pub(in crate::query) fn near_places(text: &str, forms: usize, near: usize) -> usize {
    if near == 0 {
        return 0;
    }
    of(text).count() * forms + 2 * of(text).filter_map(letters).count() * near * NEAR
}

/// Fields, and those of their forms in which a word is found that is nearly the same.
#[derive(Clone, Copy)]
pub(super) struct Places<'a> {
    pub(super) fields: &'a [TextField],
    pub(super) near: &'a [String],
}

/// The words of `text` are in these fields.
pub(super) fn found(text: &str, places: Places<'_>, mode: Mode) -> Value {
    match mode {
        Mode::Phrase => in_any(places, |form| phrase(form, text, false)),
        Mode::Any => {
            let each = of(text).map(|word| in_any(places, |form| one(form, word, false)));
            one_of(&each.collect::<Vec<_>>())
        }
        Mode::All => {
            let each = of(text).map(|word| in_any(places, |form| one(form, word, true)));
            let mut all: Vec<Value> = each.collect();
            if of(text).all(|word| syllable(word).is_none()) {
                all.push(in_any(places, |form| {
                    let exact = json!({"match": keyed(form.name, query(text))});
                    or_nearly(form, exact, of(text))
                }));
            }
            json!({"bool": {"filter": all}})
        }
    }
}

/// What makes one document better than another: each word, where one is enough; that they stand side by side; that a field
/// is nothing else. Zero is a score as well.
pub(super) fn scores(q: &TextSearch) -> Vec<Value> {
    let TextSearch { text, fields, mode, near } = q;
    let (places, exact) = (Places { fields, near }, Places { fields, near: &[] });
    let constant =
        |clause: Value, boost: u32| json!({"constant_score": {"filter": clause, "boost": boost}});
    let mut scores = Vec::new();
    if *mode == Mode::Any {
        scores.extend(
            of(text).map(|word| constant(in_any(places, |form| one(form, word, false)), 1)),
        );
    }
    if !near.is_empty() {
        scores.extend(
            of(text).map(|word| constant(in_any(exact, |form| phrase(form, word, false)), 1)),
        );
    }
    if *mode != Mode::Phrase && of(text).nth(1).is_some() {
        scores.push(constant(in_any(exact, |form| phrase(form, text, false)), PIECE));
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
            let form = Form { name, is_first: false, is_near: q.near.contains(name) };
            let words: Vec<Value> = match q.mode {
                Mode::Phrase => vec![phrase(form, &q.text, false)],
                Mode::All | Mode::Any => of(&q.text).map(|word| one(form, word, false)).collect(),
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
    /// Finds words that are nearly the same.
    is_near: bool,
}

/// One of the elements is enough, where the field belongs to a list's.
fn within(field: &TextField, clause: Value) -> Value {
    match &field.list {
        Some(list) => some(list, &clause),
        None => clause,
    }
}

/// One form of one of the fields fulfils it.
fn in_any(places: Places<'_>, clause: impl Fn(Form<'_>) -> Value) -> Value {
    let mut each = Vec::new();
    for field in places.fields {
        for (number, name) in field.forms.iter().enumerate() {
            let is_near = places.near.contains(name);
            let clause = clause(Form { name, is_first: number == 0, is_near });
            each.push(within(field, clause));
        }
    }
    one_of(&each)
}

/// A word as it is written, or one that is nearly the same where the form finds such.
fn one(form: Form<'_>, word: &str, or_nothing: bool) -> Value {
    or_nearly(form, phrase(form, word, or_nothing), [word])
}

/// What is exact, or a word that is nearly one of these.
fn or_nearly<'a>(form: Form<'_>, exact: Value, words: impl IntoIterator<Item = &'a str>) -> Value {
    let words = words.into_iter().filter(|_| form.is_near).filter_map(letters);
    let mut either = vec![exact];
    either.extend(words.map(|word| {
        let near =
            json!({"query": word, "fuzziness": "AUTO", "prefix_length": 1, "max_expansions": NEAR});
        json!({"match": keyed(form.name, near)})
    }));
    match either.len() {
        1 => either.pop().unwrap_or_default(),
        _ => one_of(&either),
    }
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

/// A word of nothing but letters, each of them a small part of it: a syllable is a third of a name, and a digit all of a number.
fn letters(word: &str) -> Option<&str> {
    let word = word.trim_matches(|char: char| !char.is_alphanumeric());
    let small = |char: char| {
        char.is_alphabetic() && matches!(char, '\0'..='\u{52f}' | '\u{1e00}'..='\u{1fff}')
    };
    (!word.is_empty() && word.chars().all(small)).then_some(word)
}

/// The one character of a script without spaces that is all of a text.
fn syllable(text: &str) -> Option<char> {
    let mut told = text.chars().filter(|char| char.is_alphanumeric());
    let (first, None) = (told.next()?, told.next()) else { return None };
    let alone = matches!(first, '\u{3040}'..='\u{318f}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}');
    alone.then_some(first)
}
