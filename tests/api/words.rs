//! What is in a text by its words, the plain way: as the analyzers `standard` and `cjk` take texts apart.

use prejoin::query::{Mode, TextField, TextSearch};
use serde_json::Value;

use super::evaluator::at;

/// Some of those that `cjk` leaves out; the documents have no others.
const STOPPED: [&str; 2] = ["the", "a"];

/// Whether the words of `text` are in these fields of a document, or of what `scope` is the path of.
pub(super) fn found(
    value: &Value,
    scope: &str,
    text: &str,
    (fields, mode): (&[TextField], Mode),
) -> bool {
    let words = || text.split(' ').filter(|word| word.chars().any(char::is_alphanumeric));
    let has = |part: &str| anywhere(value, scope, fields, |form, text| has(form, text, part));
    let is_told = |word: &&str| {
        let told = |field: &TextField| field.forms.iter().any(|form| has_parts(form, word));
        fields.iter().any(told)
    };
    match mode {
        Mode::Phrase => has(text),
        Mode::Any => words().any(has),
        // What the first form of a field leaves out of texts is left out of the question, unless nothing else is asked.
        Mode::All => {
            let left_out =
                |word: &str| fields.iter().any(|field| !has_parts(&field.forms[0], word));
            words().all(|word| left_out(word) || has(word))
                && words().any(|word| is_told(&word) && has(word))
        }
    }
}

/// What it scores: each word, where one is enough; the text in a piece; a field that is nothing else.
pub(super) fn score(document: &Value, q: &TextSearch) -> usize {
    let words = || q.text.split(' ').filter(|word| word.chars().any(char::is_alphanumeric));
    let piece = |text: &str| found(document, "", text, (&q.fields, Mode::Phrase));
    let each = words().filter(|word| q.mode == Mode::Any && piece(word)).count();
    let in_a_piece = q.mode != Mode::Phrase && words().count() > 1 && piece(&q.text);
    let is_whole = q.fields.iter().filter(|field| field.whole.is_some()).any(|field| {
        at(document, "", &field.path).iter().any(|text| text.as_str() == Some(q.text.as_str()))
    });
    each + usize::from(in_a_piece) * 1_000 + usize::from(is_whole) * 2_000
}

fn anywhere(
    value: &Value,
    scope: &str,
    fields: &[TextField],
    holds: impl Fn(&str, &str) -> bool,
) -> bool {
    fields.iter().any(|field| {
        let texts = at(value, scope, &field.path);
        texts.iter().any(|text| field.forms.iter().any(|form| holds(form, text.as_str().unwrap())))
    })
}

fn has_parts(form: &str, text: &str) -> bool {
    alone(text).is_some() || !parts(form, text).is_empty()
}

/// The parts of the one stand in the other, as far from each other.
fn has(form: &str, text: &str, sought: &str) -> bool {
    let within = parts(form, text);
    if let Some(syllable) = alone(sought) {
        return within.iter().any(|(_, part)| part.contains(syllable));
    }
    let sought = parts(form, sought);
    let Some((first, _)) = sought.first() else { return false };
    within.iter().any(|(start, _)| {
        sought.iter().all(|(place, part)| within.contains(&(start + place - first, part.clone())))
    })
}

fn alone(text: &str) -> Option<char> {
    let mut told = text.chars().filter(|char| char.is_alphanumeric());
    let (first, None) = (told.next()?, told.next()) else { return None };
    is_hangul(first).then_some(first)
}

fn is_hangul(char: char) -> bool {
    ('가'..='힣').contains(&char)
}

/// What is indexed of a text, and at which place.
fn parts(form: &str, text: &str) -> Vec<(usize, String)> {
    let lower = text.to_lowercase();
    let runs = lower.split(|char: char| !char.is_alphanumeric()).filter(|run| !run.is_empty());
    let is_pairs = form.ends_with(".pairs");
    let mut parts = Vec::new();
    for run in runs {
        let chars: Vec<char> = run.chars().collect();
        if is_pairs && is_hangul(chars[0]) && chars.len() > 1 {
            parts.extend(chars.windows(2).map(|pair| pair.iter().collect::<String>()));
        } else {
            parts.push(run.to_owned());
        }
    }
    let placed = parts.into_iter().enumerate();
    placed.filter(|(_, part)| !(is_pairs && STOPPED.contains(&part.as_str()))).collect()
}
