//! Names in the document: unique in their level, and known to the mapping in the right form.

use std::collections::BTreeSet;

use super::Planner;
use crate::finding::{Code, Finding, Place, did_you_mean};
use crate::mapping::{Field, Fields, Mapping, OWN_FIELD};
use crate::times::Times;

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
        let fields = field.filter(|field| !field.takes_any_object());
        Self { fields: fields.map(|field| &field.properties), ..self }
    }

    /// The mapping of one name.
    pub(super) fn field(self, name: &str) -> Option<&'a Field> {
        self.fields?.get(name)
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
    /// The job's own head: index, mapping, schedules.
    pub(super) fn check_head(&mut self, mapping: Option<&Mapping>) {
        let file = &self.job.file;
        let index = &file.index;
        let own = format!("{}-", self.config.engine.state_prefix);
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
        let starts = index.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
        if !starts || !index.chars().all(fits) || index.len() > 200 {
            let finding = Finding::error(format!("`{}` cannot be an index's name", **index))
                .code(Code::IndexName)
                .hint("lower-case letters, digits, - and _, at most 200, a letter or digit first");
            self.report(finding, index.place());
        } else if index.starts_with(&own) {
            let finding = Finding::error(format!("`{}` begins with `{own}`", **index))
                .code(Code::IndexName)
                .hint("those names are prejoin's own");
            self.report(finding, index.place());
        }
        for (_, written) in file.schedules() {
            match Times::parse(written) {
                Ok(times) if times.is_on_days_that_are_both() => {
                    let what = "a schedule that names days of the month and weekdays comes on days that are both";
                    let hint = "crontab's comes on either: put `*` in place of one of them";
                    let finding = Finding::warning(what).code(Code::Schedule).hint(hint);
                    self.advise(finding, written.place());
                }
                Ok(_) => {}
                Err(finding) => self.report(finding, written.place()),
            }
        }
        if mapping.is_some_and(|mapping| !mapping.is_strict()) {
            let finding = Finding::warning(
                "the mapping is not strict: a field's first value decides its type",
            )
            .code(Code::DynamicMapping)
            .hint("put \"dynamic\": \"strict\" into its `mappings`");
            self.report(finding, file.mapping.place());
        }
        if let Some(mapping) = mapping {
            self.check_limits(mapping);
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
                .code(Code::FieldName)
                .hint("no dots, not empty, not `_prejoin`");
            self.report(finding, place);
            return target.below(None);
        }
        if !siblings.insert(name.to_owned()) {
            let finding = Finding::error(format!("`{full}` stands twice in the document"))
                .code(Code::DuplicateName)
                .hint("rename one: {column: …, name: …}");
            self.report(finding, place);
        }
        let Some(fields) = target.fields else { return target };
        let field = fields.get(name);
        match field {
            Some(field) => self.check_form(&full, form, (field, place)),
            None => {
                let finding = self.unknown(&full, name, (fields, target.strict));
                self.report(finding, place);
            }
        }
        target.below(field)
    }

    /// Holds what a name stands for against its mapping.
    fn check_form(&mut self, full: &str, form: Form, (field, place): (&Field, Option<Place>)) {
        let object = !field.properties.is_empty();
        let finding = match form {
            Form::Value if object => {
                let what = format!("`{full}` is a single value, its mapping is an object");
                Finding::error(what).code(Code::WrongShape)
            }
            Form::Object if !object && !field.takes_any_object() => {
                let what = format!("`{full}` is an object, its mapping is `{}`", field.ty);
                Finding::error(what).code(Code::WrongShape)
            }
            Form::List if field.enabled && !field.is_nested() => {
                let what = format!("`{full}` is a list of objects, its mapping is `{}`", field.ty);
                let hint = "\"type\": \"nested\" keeps the members of one element together";
                // Objects of any shape are taken, and searched as one heap of values.
                let told = match field.takes_any_object() {
                    true => Finding::warning(what),
                    false => Finding::error(what),
                };
                told.code(Code::ManyNotNested).hint(hint)
            }
            _ => return,
        };
        self.report(finding, place);
    }

    fn unknown(&self, full: &str, name: &str, (fields, strict): (&Fields, bool)) -> Finding {
        let near = did_you_mean(name, fields.keys().map(String::as_str));
        let hint = match near.starts_with("did you mean") {
            true => near,
            false => format!("add it to {}", *self.job.file.mapping),
        };
        let what = format!("the mapping has no field `{full}`");
        let finding = if strict { Finding::error(what) } else { Finding::warning(what) };
        finding.code(Code::MissingField).hint(hint)
    }
}
