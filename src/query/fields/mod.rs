//! The fields of an index as a search may name them.
//!
//! Promises: one entry per path of the document, with the engine's field that serves a comparison or a sort, if one does.
//! The document's id is one of them, known to everybody; prejoin's own object and the sub-fields of a field are not. Of those
//! that are seen through a selection, what it hides is known no more, and what it masks is only there to be shown.

mod analyzers;
mod mapped;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::TextField;
use super::folding::{Folding, Normalizers};
use super::project::Selection;
use crate::finding::did_you_mean;
use crate::mapping::{self, Mapping};
use analyzers::Analyzers;
use mapped::{collect, id};

/// The document's id, in rows and in searches.
pub(super) const ID: &str = "_id";

/// Types of fields whose values are objects of which the mapping does not tell what is in them.
const UNTOLD: [&str; 3] = ["object", "flattened", "flat_object"];

/// Fields by their full path.
#[derive(Debug, Clone)]
pub struct Fields {
    known: BTreeMap<String, Known>,
    /// Paths that rows may have, and that nothing else may name.
    only_shown: BTreeSet<String>,
    /// Objects of which something is not known.
    partial: BTreeSet<String>,
    fingerprint: [u8; 32],
    normalizers: Normalizers,
    /// None for those to whom near words would tell too much.
    analyzers: Option<Analyzers>,
}

/// One field.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// The full path.
    pub path: String,
    /// The innermost list whose elements hold it.
    pub list: Option<String>,
    /// What it is.
    pub shape: Shape,
}

/// What a field is.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// A list whose elements are matched one by one.
    List,
    /// An object; searched by the fields in it.
    Object,
    /// A value.
    Value(ValueField),
}

/// How a value can be searched.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueField {
    /// The engine's type, for messages.
    pub ty: String,
    /// How values compare; absent when they do not.
    pub kind: Option<Kind>,
    /// The engine's field that comparisons go to.
    pub filter: Option<String>,
    /// The engine's field that is sorted by.
    pub sort: Option<String>,
    /// The engine's field whose presence shows that there is a value.
    pub exists: Option<String>,
    /// The engine's field that is searched for parts of values.
    pub like: Option<Box<str>>,
    /// The engine's fields that know its words.
    pub texts: Box<[TextForm]>,
    /// What its texts are changed by before they are compared.
    normalizer: Option<Box<Normalizer>>,
    /// Number of the engine's fields that it is kept in.
    forms: usize,
}

/// One of the engine's fields that know the words of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct TextForm {
    /// Its full path in the engine.
    pub name: String,
    /// What takes texts apart for it, by name.
    analyzers: Vec<String>,
}

/// The name of a normalizer, which few fields have.
#[derive(Debug, Clone, PartialEq)]
struct Normalizer(String);

impl Known {
    /// The engine's field whose presence shows that there is a value.
    pub fn shown_by(&self) -> Option<&str> {
        match &self.shape {
            Shape::List | Shape::Object => Some(&self.path),
            Shape::Value(value) => value.exists.as_deref(),
        }
    }

    /// Itself as a field whose words can be searched, if it is one.
    pub fn words(&self) -> Option<TextField> {
        let Shape::Value(value) = &self.shape else { return None };
        let whole = value.filter.clone().filter(|_| value.kind == Some(Kind::Keyword));
        (!value.texts.is_empty()).then(|| TextField {
            path: self.path.clone(),
            list: self.list.clone(),
            forms: value.texts.iter().map(|form| form.name.clone()).collect(),
            whole,
        })
    }
}

/// How the values of a field compare.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Text, whole, by code point.
    Keyword,
    /// Whole numbers within these bounds, both included.
    Integer {
        /// The least.
        min: i128,
        /// The greatest.
        max: i128,
    },
    /// Numbers with a fraction, kept by the engine as floating point.
    Float {
        /// The greatest, and its negative the least.
        max: f64,
        /// Kept as a whole number, by a scale.
        scaled: bool,
    },
    /// Dates and times.
    Date {
        /// Kept to the nanosecond, and never before 1970.
        nanos: bool,
    },
    /// `true` and `false`; `false` sorts first.
    Boolean,
    /// The document's id: a text that is another one's or not, by code point where it sorts.
    Id,
}

/// What a name stands for at some place of a filter.
#[derive(Debug)]
pub enum Found<'a> {
    /// A field that can be named here.
    Here(&'a Known),
    /// A field of the elements of a list; `list` is how that list is named here, `rest` what is left of the name.
    InList {
        /// The list's name at this place.
        list: &'a str,
        /// The rest of the name.
        rest: &'a str,
    },
    /// No field.
    Unknown,
}

impl Fields {
    /// The fields of `mapping`.
    pub fn new(mapping: &Mapping) -> Self {
        Self::of(&mapping.fields).with_settings(&mapping.settings)
    }

    /// These fields.
    pub fn of(fields: &mapping::Fields) -> Self {
        let mut known = BTreeMap::from([(ID.to_owned(), id())]);
        collect(fields, "", None, &mut known);
        Self::with(known, BTreeSet::new(), BTreeSet::new())
    }

    fn with(
        known: BTreeMap<String, Known>,
        only_shown: BTreeSet<String>,
        partial: BTreeSet<String>,
    ) -> Self {
        let fingerprint = Sha256::digest(format!("{known:?}{only_shown:?}{partial:?}")).into();
        let (normalizers, analyzers) = (Normalizers::default(), Some(Analyzers::default()));
        Self { known, only_shown, partial, fingerprint, normalizers, analyzers }
    }

    /// The same, in an index with these settings.
    #[must_use]
    pub fn with_settings(mut self, settings: &Map<String, Value>) -> Self {
        self.normalizers = Normalizers::of(settings);
        self.analyzers = Some(Analyzers::of(settings));
        self
    }

    /// How the index changes texts of that field.
    pub fn folding(&self, value: &ValueField) -> Folding {
        self.normalizers.folding(value.normalizer.as_ref().map(|name| name.0.as_str()))
    }

    /// What one knows of these who sees documents through `selection`.
    #[must_use]
    pub fn seen_through(&self, selection: &Selection) -> Self {
        let (mut known, mut only_shown, mut partial) =
            (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        // From the innermost outwards: an object is known by what is known in it.
        for (path, field) in self.known.iter().rev() {
            let prefix = format!("{path}.");
            let has_known = |known: &BTreeMap<String, Known>| {
                known.range(prefix.clone()..).next().is_some_and(|(at, _)| at.starts_with(&prefix))
            };
            let is_value = matches!(field.shape, Shape::Value(_));
            match selection.at(path) {
                _ if path == ID => {
                    known.insert(path.clone(), field.clone());
                }
                Selection::Whole => {
                    known.insert(path.clone(), field.clone());
                }
                Selection::Members { .. } if !is_value && has_known(&known) => {
                    partial.insert(path.clone());
                    known.insert(path.clone(), field.clone());
                }
                other if other.shows_anything() => {
                    only_shown.insert(path.clone());
                }
                _ => {}
            }
        }
        let (normalizers, analyzers) = (self.normalizers.clone(), self.analyzers.clone());
        Self { normalizers, analyzers, ..Self::with(known, only_shown, partial) }
    }

    /// The same for one who cannot look for words that are nearly the same.
    #[must_use]
    pub fn without_near_words(self) -> Self {
        Self { analyzers: None, ..self }
    }

    /// Whether a row may have something at that path.
    pub fn shows(&self, path: &str) -> bool {
        self.known.contains_key(path) || self.only_shown.contains(path)
    }

    /// Whether documents may have something at that path, for all that the mapping tells.
    pub fn may_hold(&self, path: &str) -> bool {
        let is_untold = |above: &str| {
            let shape = self.known.get(above).map(|known| &known.shape);
            matches!(shape, Some(Shape::Value(value)) if UNTOLD.contains(&value.ty.as_str()))
        };
        let mut above = path.match_indices('.').filter_map(|(dot, _)| path.get(..dot));
        self.known.contains_key(path) || above.any(is_untold)
    }

    /// Every field that may be named, in the order of the paths.
    pub fn iter(&self) -> impl Iterator<Item = &Known> {
        self.known.values()
    }

    /// Paths that rows may have, and that nothing may name.
    pub fn only_shown(&self) -> impl Iterator<Item = &str> {
        self.only_shown.iter().map(String::as_str)
    }

    /// For an object of which not everything is known: the fields in it that are, each with the engine's that shows it.
    pub fn known_parts(&self, object: &Known) -> Option<Vec<(&str, &str)>> {
        if object.shape != Shape::Object || !self.partial.contains(&object.path) {
            return None;
        }
        let prefix = format!("{}.", object.path);
        let inside =
            self.known.range(prefix.clone()..).take_while(|(path, _)| path.starts_with(&prefix));
        let values = inside.filter(|(_, known)| {
            known.list == object.list && matches!(known.shape, Shape::Value(_))
        });
        Some(values.filter_map(|(path, known)| Some((path.as_str(), known.shown_by()?))).collect())
    }

    /// Changes when a search could mean something else.
    pub fn fingerprint(&self) -> &[u8; 32] {
        &self.fingerprint
    }

    /// The field of that full path.
    pub fn get(&self, path: &str) -> Option<&Known> {
        self.known.get(path)
    }

    /// Number of the engine's fields in an object, at least 1.
    pub fn inside(&self, object: &str) -> usize {
        let prefix = format!("{object}.");
        let inside =
            self.known.range(prefix.clone()..).take_while(|(path, _)| path.starts_with(&prefix));
        let forms = inside.map(|(_, known)| match &known.shape {
            Shape::Value(value) => value.forms,
            Shape::List | Shape::Object => 1,
        });
        forms.sum::<usize>().max(1)
    }

    /// What `name` stands for among the elements of `list`, or at the top.
    pub fn find<'a>(&'a self, list: Option<&str>, name: &'a str) -> Found<'a> {
        let full = full_path(list, name);
        let Some(found) = self.known.get(&full) else { return Found::Unknown };
        if found.list.as_deref() == list {
            return Found::Here(found);
        }
        let outermost = name.match_indices('.').find_map(|(dot, _)| {
            let (head, rest) = (name.get(..dot)?, name.get(dot + 1..)?);
            let is_list = self.known.get(&full_path(list, head))?.shape == Shape::List;
            is_list.then_some(Found::InList { list: head, rest })
        });
        outermost.unwrap_or(Found::Unknown)
    }

    /// Every field whose words can be searched.
    pub fn texts(&self) -> impl Iterator<Item = TextField> {
        self.known.values().filter_map(Known::words)
    }

    /// The forms of that field that keep words whole.
    pub fn whole_words(&self, path: &str) -> Vec<String> {
        let Some(Known { shape: Shape::Value(value), .. }) = self.known.get(path) else {
            return Vec::new();
        };
        let Some(analyzers) = &self.analyzers else { return Vec::new() };
        let whole = value.texts.iter().filter(|form| analyzers.keep_words(&form.analyzers));
        whole.map(|form| form.name.clone()).collect()
    }

    /// A hint for a name that stands for nothing among the elements of `list`, or at the top.
    pub fn suggest(&self, list: Option<&str>, name: &str) -> String {
        let prefix = list.map(|list| format!("{list}.")).unwrap_or_default();
        let names = self.known.keys().filter_map(|path| path.strip_prefix(&prefix));
        hint(name, &names.collect::<Vec<_>>())
    }

    /// A hint for a name that no row shows.
    pub fn suggest_shown(&self, name: &str) -> String {
        let names = self.known.keys().chain(&self.only_shown).map(String::as_str);
        let names: BTreeSet<&str> = names.collect();
        hint(name, &names.into_iter().collect::<Vec<_>>())
    }
}

/// The one of the sorted `names` that may be meant, or those at the top.
fn hint(name: &str, names: &[&str]) -> String {
    let near = did_you_mean(name, names.iter().copied());
    if near.starts_with("did you mean") {
        return near;
    }
    let is_top = |name: &&str| !name.contains('.') && *name != ID;
    let top: Vec<&str> = names.iter().copied().filter(is_top).collect();
    format!("known here are {}", top.join(", "))
}

fn full_path(list: Option<&str>, name: &str) -> String {
    list.map_or_else(|| name.to_owned(), |list| format!("{list}.{name}"))
}

#[cfg(test)]
pub(super) mod tests;
