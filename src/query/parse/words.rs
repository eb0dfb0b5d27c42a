//! Reads the `q` and the `highlight` of a body.
//!
//! Promises: words are searched, and shown, in fields that the caller knows, and in no more places than the engine bears.

use serde_json::value::RawValue;

use super::Reader;
use crate::query::dsl::words;
use crate::query::fault::{Code, Pointer};
use crate::query::filter::{object, searched, text_field};
use crate::query::{Limits, Mode, TextField, TextSearch};

impl Reader<'_> {
    pub(super) fn q(&mut self, raw: &RawValue, at: &Pointer) -> Option<TextSearch> {
        let (mut text, mut fields, mut mode) = (None, None, Some(Mode::All));
        let mut fuzzy = None;
        for (name, raw) in object(raw, at, &mut self.faults)? {
            let at = at.join(&name);
            match name.as_str() {
                "text" => text = Some(searched(self.limits, raw, &at, &mut self.faults)),
                "fields" => fields = Some(self.text_fields(raw, &at)),
                "mode" => {
                    let words = [("all", Mode::All), ("any", Mode::Any), ("phrase", Mode::Phrase)];
                    mode = self.word(raw, &at, &words);
                }
                "fuzzy" => fuzzy = self.flag(raw, &at).map(|flag| (flag, at)),
                _ => self.unknown_key(&name, &at, &["text", "fields", "mode", "fuzzy"]),
            }
        }
        if text.is_none() {
            self.faults.add(at, Code::InvalidValue, "`text` is missing");
        }
        let (text, mode) = (text??, mode?);
        let fields = match fields {
            Some(fields) => fields?,
            None => self.fields.texts().collect(),
        };
        if fields.is_empty() {
            self.faults.add(at, Code::FieldCannotServe, "no field is searched by its words");
            return None;
        }
        let near = match fuzzy {
            Some((true, at)) => self.near(&fields, mode, &at)?,
            _ => Vec::new(),
        };
        let forms = fields.iter().map(|field| field.forms.len()).sum();
        let places = words::places(&text, mode, forms);
        let places = places + words::near_places(&text, forms, near.len());
        if places > self.limits.text_places {
            let what = "so many words are not looked for in so many fields";
            let hint = || match near.as_slice() {
                [] => "name fewer fields, or look for a phrase",
                _ => "name fewer fields, or leave `fuzzy` out",
            };
            self.faults.add_with_hint(at, Code::LimitExceeded, what, hint);
            return None;
        }
        Some(TextSearch { text, fields, mode, near })
    }

    /// Where words are found that are nearly the same.
    fn near(&mut self, fields: &[TextField], mode: Mode, at: &Pointer) -> Option<Vec<String>> {
        if mode == Mode::Phrase {
            self.faults.add(at, Code::InvalidValue, "`fuzzy` does not go with a phrase");
            return None;
        }
        let near: Vec<String> =
            fields.iter().flat_map(|field| self.fields.whole_words(&field.path)).collect();
        if near.is_empty() {
            let what = "no field here is looked into for words that are nearly the same";
            let hint = || "leave `fuzzy` out; it needs a text with an analyzer such as `standard`, and a role that sees every row";
            self.faults.add_with_hint(at, Code::FieldCannotServe, what, hint);
            return None;
        }
        Some(near)
    }

    /// `true`: in the fields that `q` asks, those of lists aside.
    pub(super) fn highlight(
        &mut self,
        raw: &RawValue,
        at: &Pointer,
        q: Option<&TextSearch>,
    ) -> Option<Vec<TextField>> {
        let Limits { highlights: most, .. } = self.limits;
        let asked = |q: &TextSearch| {
            let outside = q.fields.iter().filter(|field| field.list.is_none());
            outside.take(*most).cloned().collect()
        };
        let fields: Vec<TextField> = match raw.get() {
            "false" => Vec::new(),
            "true" => q.map(asked).unwrap_or_default(),
            _ => self.text_fields(raw, at)?,
        };
        if q.is_none() && self.faults.are_none() && raw.get() != "false" {
            self.faults.add(at, Code::InvalidValue, "there is no `q` whose words could be shown");
            return None;
        }
        if fields.len() > *most {
            let what = format!("more than {most} fields to highlight");
            self.faults.add(at, Code::LimitExceeded, what);
            return None;
        }
        if let Some(field) = fields.iter().find(|field| field.list.is_some()) {
            let what = format!("`{}` belongs to the elements of a list", field.path);
            self.faults.add(at, Code::FieldCannotServe, what);
            return None;
        }
        Some(fields)
    }

    fn text_fields(&mut self, raw: &RawValue, at: &Pointer) -> Option<Vec<TextField>> {
        let mut fields: Vec<TextField> = Vec::new();
        for (number, raw) in self.list(raw, at, "fields")?.into_iter().enumerate() {
            let at = at.join(number);
            let Some(name) = self.text(raw, &at) else { continue };
            let Some(known) = self.fields.get(&name) else {
                self.unknown_field(&name, &at);
                continue;
            };
            if fields.iter().any(|other| other.path == name) {
                self.faults.add(&at, Code::InvalidValue, format!("`{name}` stands here twice"));
                continue;
            }
            fields.extend(text_field(known, (&at, &mut self.faults)));
        }
        Some(fields)
    }
}
