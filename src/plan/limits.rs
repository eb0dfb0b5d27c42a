//! The engine's limits on mappings and documents.

use super::{Plan, Planner};
use crate::finding::{Code, Finding};
use crate::mapping::{Field, Mapping};

const TOTAL_FIELDS: &str = "index.mapping.total_fields.limit";
const NESTED_FIELDS: &str = "index.mapping.nested_fields.limit";
const NESTED_OBJECTS: &str = "index.mapping.nested_objects.limit";

/// What engines allow unless the settings say otherwise.
const MOST_FIELDS: u64 = 1_000;
const MOST_NESTED_FIELDS: u64 = 50;
/// What newer Elasticsearch allows.
const MOST_NESTED_FIELDS_LATER: u64 = 100;
const MOST_NESTED_OBJECTS: u64 = 10_000;

impl Planner<'_> {
    /// Limits that keep an index from being created.
    pub(super) fn check_limits(&mut self, mapping: &Mapping) {
        let place = self.job.file.mapping.place();
        let fields = mapping.count(|_| true);
        let most = mapping.limit(TOTAL_FIELDS).unwrap_or(MOST_FIELDS);
        if fields > most {
            let what = format!(
                "the mapping has {fields} fields with those of prejoin, the engine takes {most}"
            );
            self.report(over(what, TOTAL_FIELDS, Code::TotalFields, true), place);
        }
        let nested = mapping.count(Field::is_nested);
        let limit = mapping.limit(NESTED_FIELDS);
        if nested > limit.unwrap_or(MOST_NESTED_FIELDS) {
            let refused = nested > limit.unwrap_or(MOST_NESTED_FIELDS_LATER);
            let most = limit.unwrap_or(MOST_NESTED_FIELDS);
            let later = if limit.is_none() { " (newer Elasticsearch: 100)" } else { "" };
            let what =
                format!("the mapping has {nested} nested fields, the engine takes {most}{later}");
            let finding = over(what, NESTED_FIELDS, Code::NestedFields, refused);
            if refused { self.report(finding, place) } else { self.advise(finding, place) }
        }
    }
}

fn over(what: String, setting: &str, code: Code, refused: bool) -> Finding {
    let finding = if refused { Finding::error(what) } else { Finding::warning(what) };
    finding.code(code).hint(format!("raise \"{setting}\" in the mapping's `settings`"))
}

impl Plan {
    /// A warning when documents have come near to `most` nested objects or `path` has so many rows under one key, and the
    /// index would not take them.
    pub fn too_many_nested(&self, most: u64, path: Option<&str>) -> Option<Finding> {
        let limit = self.mapping.limit(NESTED_OBJECTS).unwrap_or(MOST_NESTED_OBJECTS);
        if most <= limit {
            return None;
        }
        let seen = match path {
            Some(path) => format!("`{path}` has {most} rows of one key"),
            None => format!("a document has {most} nested objects"),
        };
        let finding = Finding::warning(format!("{seen}, the engine takes {limit} in a document"))
            .code(Code::NestedObjects)
            .hint(format!("raise \"{NESTED_OBJECTS}\" in the mapping's `settings`; until then such documents are dead letters"));
        let nodes = self.root.walk();
        let node = nodes.into_iter().find(|node| path.is_none_or(|path| node.path == path));
        Some(finding.at(&self.file, node.and_then(|node| node.place)))
    }
}
