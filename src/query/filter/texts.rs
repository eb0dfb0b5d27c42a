//! Filters that look into a text: for a part of it, or for its words.
//!
//! Promises: texts are composed to NFC, and neither empty nor longer than the limits say.

use serde_json::value::RawValue;
use unicode_normalization::UnicodeNormalization;

use super::{Reader, cannot_serve};
use crate::query::dsl::words;
use crate::query::fault::{Code, Faults, Pointer};
use crate::query::fields::{Kind, Known, Shape};
use crate::query::json::Json;
use crate::query::{Filter, Limits, Mode, Place, Target};

impl Reader<'_> {
    /// `contains`, `icontains` and `starts_with`.
    pub(super) fn like(
        &mut self,
        known: &Known,
        operator: &str,
        raw: &RawValue,
        at: &Pointer,
    ) -> Option<Filter> {
        // Fewer characters would be looked for in too many values.
        let Limits { part_length, .. } = *self.limits;
        let (place, least) = match operator {
            "contains" => (Place::Within, part_length),
            "icontains" => (Place::WithinInAnyCase, part_length),
            _ => (Place::Start, 1),
        };
        let engine = match &known.shape {
            Shape::List | Shape::Object => return self.target(known, operator, at).and(None),
            Shape::Value(value) if !matches!(value.kind, None | Some(Kind::Keyword)) => {
                let what = format!("`{operator}` looks into text, and `{}` is none", known.path);
                self.faults.add(at, Code::OperatorNotAllowed, what);
                return None;
            }
            Shape::Value(value) => match (place, &value.filter, &value.like) {
                (Place::Start, Some(engine), _) => engine.clone(),
                (_, _, Some(engine)) => engine.to_string(),
                _ => {
                    cannot_serve(known, value, "compared", (at, self.faults));
                    return None;
                }
            },
        };
        self.leaves += 1;
        let text = short_text(self.limits, raw, at, self.faults)?;
        if text.chars().count() < least {
            let characters = if least == 1 { "character" } else { "characters" };
            let what = format!("`{operator}` looks for at least {least} {characters}");
            let code = if text.is_empty() { Code::InvalidValue } else { Code::LimitExceeded };
            self.faults.add(at, code, what);
            return None;
        }
        let field = Target { path: known.path.clone(), engine, kind: Kind::Keyword };
        Some(Filter::Like { field, place, text })
    }

    /// `match` and `phrase`.
    pub(super) fn words(
        &mut self,
        known: &Known,
        operator: &str,
        raw: &RawValue,
        at: &Pointer,
    ) -> Option<Filter> {
        let field = text_field(known, (at, self.faults));
        let text = searched(self.limits, raw, at, self.faults)?;
        let (field, mode) = (field?, if operator == "phrase" { Mode::Phrase } else { Mode::All });
        self.leaves += words::places(&text, mode, field.forms.len());
        Some(Filter::Words { field, text, mode })
    }
}

/// A field whose words can be searched, or why it is none.
pub(in crate::query) fn text_field(
    known: &Known,
    (at, faults): (&Pointer, &mut Faults),
) -> Option<crate::query::TextField> {
    let field = known.words();
    if field.is_none() {
        let what = format!("`{}` is not indexed by its words", known.path);
        let hint =
            || "give it a sub-field of type `text` in the mapping; `contains` looks for a part";
        faults.add_with_hint(at, Code::FieldCannotServe, what, hint);
    }
    field
}

/// A text whose words are searched.
pub(in crate::query) fn searched(
    limits: &Limits,
    raw: &RawValue,
    at: &Pointer,
    faults: &mut Faults,
) -> Option<String> {
    let text = short_text(limits, raw, at, faults)?;
    if words::of(&text).next().is_none() {
        faults.add(at, Code::InvalidValue, "a text with a letter or a digit is expected here");
        return None;
    }
    Some(text)
}

/// A text that is looked for within others, or at their beginning.
pub(in crate::query) fn short_text(
    limits: &Limits,
    raw: &RawValue,
    at: &Pointer,
    faults: &mut Faults,
) -> Option<String> {
    let text: String = match Json::open(raw) {
        Ok(Json::Text(text)) => text.nfc().collect(),
        Ok(other) => {
            let what = format!("a string is expected here, not {}", other.noun());
            faults.add(at, Code::InvalidValue, what);
            return None;
        }
        Err(_) => {
            faults.add(at, Code::InvalidValue, "a string with half a character");
            return None;
        }
    };
    let most = limits.text_length;
    if text.chars().count() > most {
        let what = format!("a text that is searched for has at most {most} characters");
        faults.add(at, Code::LimitExceeded, what);
        return None;
    }
    Some(text)
}
