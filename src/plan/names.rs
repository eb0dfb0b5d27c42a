//! Names in the document: unique in their level, and known to the mapping in the right form.

use std::collections::BTreeSet;

use super::Planner;
use crate::finding::{Finding, Place, did_you_mean};
use crate::mapping::{Field, Fields, Mapping, OWN_FIELD};

/// The part of the mapping that a level of the document falls into.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    /// `None` when there is no mapping to hold against.
    pub(super) fields: Option<&'a Fields>,
    pub(super) strict: bool,
}

impl<'a> Target<'a> {
    pub(super) fn of(mapping: Option<&'a Mapping>) -> Self {
        let strict = mapping.is_some_and(Mapping::is_strict);
        Self { fields: mapping.map(|mapping| &mapping.fields), strict }
    }

    fn below(self, field: Option<&'a Field>) -> Self {
        Self { fields: field.map(|field| &field.properties), ..self }
    }
}

/// What a name in the document stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Value,
    /// A JSON column, which may hold anything.
    Json,
    Object,
    List,
}

impl Planner<'_> {
    /// The job's own head: index, mapping, schedule.
    pub(super) fn check_head(&mut self, mapping: Option<&Mapping>) {
        let file = &self.job.file;
        let index = &file.index;
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
        let starts = index.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
        if !starts || !index.chars().all(fits) || index.len() > 200 {
            let finding = Finding::error(format!("`{}` cannot be an index's name", **index))
                .hint("lower-case letters, digits, - and _, at most 200, a letter or digit first");
            self.report(finding, index.place());
        } else if index.starts_with("prejoin-") {
            let finding = Finding::error(format!("`{}` begins with `prejoin-`", **index))
                .hint("those names are prejoin's own");
            self.report(finding, index.place());
        }
        if let Some(schedule) = &file.schedule {
            let fields = schedule.split_whitespace().count();
            if fields != 6 && fields != 7 {
                let finding =
                    Finding::error(format!("a schedule has six fields, this one {fields}"))
                        .hint("seconds come first: \"0 */5 * * * *\" is every five minutes");
                self.report(finding, schedule.place());
            }
        }
        if mapping.is_some_and(|mapping| !mapping.is_strict()) {
            let finding = Finding::warning(
                "the mapping is not strict: a field's first value decides its type",
            )
            .hint("put \"dynamic\": \"strict\" into its `mappings`");
            self.report(finding, file.mapping.place());
        }
    }

    /// Holds one name of the document against its siblings and the mapping, and returns the mapping below it.
    pub(super) fn check_name<'m>(
        &mut self,
        (path, name): (&str, &str),
        form: Form,
        (target, place): (Target<'m>, Option<Place>),
        siblings: &mut BTreeSet<String>,
    ) -> Target<'m> {
        let full = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        if name.is_empty() || name.contains('.') || name == OWN_FIELD {
            let finding = Finding::error(format!("`{name}` cannot be a field's name"))
                .hint("no dots, not empty, not `_prejoin`");
            self.report(finding, place);
            return target.below(None);
        }
        if !siblings.insert(name.to_owned()) {
            let finding = Finding::error(format!("`{full}` stands twice in the document"))
                .hint("rename one: {column: …, name: …}");
            self.report(finding, place);
        }
        let Some(fields) = target.fields else { return target };
        let field = fields.get(name);
        let wrong = match (field, form) {
            (None, _) => Some(self.unknown(&full, name, fields)),
            (Some(field), Form::Value) if !field.properties.is_empty() => {
                Some((format!("`{full}` is a single value, its mapping is an object"), None))
            }
            (Some(field), Form::Object) if field.properties.is_empty() => {
                Some((format!("`{full}` is an object, its mapping is `{}`", field.ty), None))
            }
            (Some(field), Form::List) if !field.is_nested() => Some((
                format!("`{full}` is a list of objects, its mapping is `{}`", field.ty),
                Some("\"type\": \"nested\" keeps the members of one element together".to_owned()),
            )),
            (Some(_), _) => None,
        };
        if let Some((what, hint)) = wrong {
            let lacks = field.is_none() && !target.strict;
            let mut finding = if lacks { Finding::warning(what) } else { Finding::error(what) };
            finding.hint = hint;
            self.report(finding, place);
        }
        target.below(field)
    }

    fn unknown(&self, full: &str, name: &str, fields: &Fields) -> (String, Option<String>) {
        let near = did_you_mean(name, fields.keys().map(String::as_str));
        let hint = match near.starts_with("did you mean") {
            true => near,
            false => format!("add it to {}", *self.job.file.mapping),
        };
        (format!("the mapping has no field `{full}`"), Some(hint))
    }
}
