//! Where the words of a search were found, in the rows of a page.
//!
//! Promises: tells of the fields that were asked for, and of nothing else that the engine may say. Texts are HTML already, with
//! nothing but `<mark>` for a tag.

use std::collections::BTreeMap;

use super::answer::Hit;
use crate::query::TextField;

/// Texts by field, by the row's id.
pub(super) type Highlights<'a> = BTreeMap<&'a str, BTreeMap<&'a str, &'a [String]>>;

/// Of each field the form in which most was found.
pub(super) fn highlights<'a>(fields: &'a [TextField], hits: &'a [Hit]) -> Option<Highlights<'a>> {
    if fields.is_empty() {
        return None;
    }
    let of_row = |hit: &'a Hit| {
        let told = fields.iter().filter_map(|field| {
            let forms = field.forms.iter().filter_map(|form| hit.highlight.get(form));
            // Of equals the first, which is the last of those that run backwards.
            let best = forms.rev().max_by_key(|texts| marks(texts))?;
            Some((field.path.as_str(), best.as_slice()))
        });
        let told: BTreeMap<_, _> = told.collect();
        (!told.is_empty()).then_some((hit.id.as_str(), told))
    };
    Some(hits.iter().filter_map(of_row).collect())
}

fn marks(texts: &[String]) -> usize {
    texts.iter().map(|text| text.matches("<mark>").count()).sum()
}
