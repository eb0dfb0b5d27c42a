//! What a mapping makes of a field: which of the engine's fields serve its comparisons, its order and its words.
//!
//! Promises: a field is served by what the mapping says can serve it, or by nothing. Never looks at settings or documents.

use std::collections::BTreeMap;

use super::{ID, Kind, Known, Normalizer, Shape, TextForm, ValueField};
use crate::mapping::{self, Field, OWN_FIELD};

/// Names by which a sub-field usually holds the unchanged text.
const EXACT_NAMES: [&str; 2] = ["raw", "keyword"];

/// What the engine knows a document by; its order is that of the copy which breaks ties.
pub(super) fn id() -> Known {
    let value = ValueField {
        ty: "keyword".to_owned(),
        kind: Some(Kind::Id),
        filter: Some(ID.to_owned()),
        sort: Some(format!("{OWN_FIELD}.id")),
        exists: None,
        like: None,
        texts: Box::default(),
        normalizer: None,
        forms: 1,
    };
    Known { path: ID.to_owned(), list: None, shape: Shape::Value(value) }
}

/// Adds what there is in an object or a list, and in those within.
pub(super) fn collect(
    fields: &mapping::Fields,
    parent: &str,
    list: Option<&str>,
    known: &mut BTreeMap<String, Known>,
) {
    for (name, field) in fields {
        let path = if parent.is_empty() { name.clone() } else { format!("{parent}.{name}") };
        let shape = match field.ty.as_str() {
            "nested" => Shape::List,
            "object" if field.enabled => Shape::Object,
            _ => Shape::Value(value_field(&path, field)),
        };
        let inner = if shape == Shape::List { Some(path.as_str()) } else { list };
        if field.enabled {
            collect(&field.properties, &path, inner, known);
        }
        let entry = Known { path: path.clone(), list: list.map(str::to_owned), shape };
        known.insert(path, entry);
    }
}

fn value_field(path: &str, field: &Field) -> ValueField {
    let served_by = if field.ty == "text" {
        exact_form(field).map(|(name, form)| (format!("{path}.{name}"), form))
    } else {
        Some((path.to_owned(), field))
    };
    let kind = served_by.as_ref().and_then(|(_, form)| kind(&form.ty));
    let serves = |able: fn(&Field) -> bool| {
        kind?;
        served_by.as_ref().filter(|(_, form)| able(form)).map(|(target, _)| target.clone())
    };
    let filter = serves(|form| form.indexed);
    ValueField {
        ty: field.ty.clone(),
        kind,
        normalizer: served_by
            .as_ref()
            .and_then(|(_, form)| form.normalizer.clone().map(Normalizer).map(Box::new)),
        like: like(path, field, served_by.as_ref().map(|(_, form)| *form))
            .or_else(|| filter.clone().filter(|_| kind == Some(Kind::Keyword)))
            .map(String::into_boxed_str),
        texts: texts(path, field),
        filter,
        sort: serves(|form| form.doc_values),
        exists: shown_by(path, field, served_by.as_ref()),
        forms: 1 + field.multi.len(),
    }
}

/// Itself where the engine can tell, else the sub-field that holds it whole.
fn shown_by(path: &str, field: &Field, served_by: Option<&(String, &Field)>) -> Option<String> {
    let tells = |field: &Field| {
        field.ty != "binary" && (field.indexed || (field.doc_values && field.ty != "text"))
    };
    if field.enabled && tells(field) {
        return Some(path.to_owned());
    }
    let (form, _) = served_by.filter(|(_, form)| form.ty == "keyword" && tells(form))?;
    Some(form.clone())
}

/// What was made to be searched for parts of values, if anything was: of the values that are compared `whole`, as they are there.
fn like(path: &str, field: &Field, whole: Option<&Field>) -> Option<String> {
    if field.ty == "wildcard" {
        return Some(path.to_owned());
    }
    let same = |form: &Field| whole.is_none_or(|whole| whole.normalizer == form.normalizer);
    let mut forms = field.multi.iter().filter(|(_, form)| form.ty == "wildcard");
    let (name, _) = forms.find(|(_, form)| same(form))?;
    Some(format!("{path}.{name}"))
}

/// The forms that keep words and their places.
fn texts(path: &str, field: &Field) -> Box<[TextForm]> {
    let words = |field: &Field| field.ty == "text" && field.indexed && field.positions;
    let form = |name, field: &Field| TextForm { name, analyzers: field.analyzers.clone() };
    let itself = words(field).then(|| form(path.to_owned(), field));
    let others = field.multi.iter().filter(|(_, other)| words(other));
    let others = others.map(|(name, other)| form(format!("{path}.{name}"), other));
    itself.into_iter().chain(others).collect()
}

/// The sub-field that holds a text whole.
fn exact_form(field: &Field) -> Option<(&String, &Field)> {
    let mut forms: Vec<_> = field.multi.iter().filter(|(_, form)| form.ty == "keyword").collect();
    forms.sort_by_key(|(name, _)| !EXACT_NAMES.contains(&name.as_str()));
    forms.into_iter().next()
}

fn kind(ty: &str) -> Option<Kind> {
    let whole = |min: i128, max: i128| Some(Kind::Integer { min, max });
    let float = |max| Some(Kind::Float { max, scaled: false });
    match ty {
        "keyword" => Some(Kind::Keyword),
        "long" => whole(i64::MIN.into(), i64::MAX.into()),
        "integer" => whole(i32::MIN.into(), i32::MAX.into()),
        "short" => whole(i16::MIN.into(), i16::MAX.into()),
        "byte" => whole(i8::MIN.into(), i8::MAX.into()),
        "unsigned_long" => whole(0, u64::MAX.into()),
        "double" => float(f64::MAX),
        "float" => float(f32::MAX.into()),
        "half_float" => float(65_504.0),
        // Kept as a long; 2^53 is where its own arithmetic in doubles stops being whole.
        "scaled_float" => Some(Kind::Float { max: 9_007_199_254_740_992.0, scaled: true }),
        "date" => Some(Kind::Date { nanos: false }),
        "date_nanos" => Some(Kind::Date { nanos: true }),
        "boolean" => Some(Kind::Boolean),
        _ => None,
    }
}
