//! An index's settings and mapping, as its file in `mappings/` gives them.
//!
//! Promises: what the file says reaches the engine unchanged but for prejoin's own `_prejoin` object, and is known here by
//! path. Never talks to the engine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::finding::{Code, Finding, Place};

/// The object that every document carries beside the user's fields.
pub const OWN_FIELD: &str = "_prejoin";

/// A mapping file.
#[derive(Debug, Clone)]
pub struct Mapping {
    /// The file.
    pub file: PathBuf,
    /// `settings`, empty when the file has none.
    pub settings: Map<String, Value>,
    /// The fields at the top.
    pub fields: Fields,
    mappings: Map<String, Value>,
}

/// Fields by name.
pub type Fields = BTreeMap<String, Field>;

/// One field of the mapping.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Field {
    /// The engine's type: `keyword`, `long`, …; `object` or `nested` for those with fields of their own.
    pub ty: String,
    /// `false` when the field cannot be filtered by.
    pub indexed: bool,
    /// `false` when the field cannot be sorted by.
    pub doc_values: bool,
    /// `false` when words of a text are kept without their places.
    pub positions: bool,
    /// `false` when the engine only keeps what is in it, whatever that is.
    pub enabled: bool,
    /// Formats of a date, where they are given.
    pub format: Option<String>,
    /// Whether a value that does not fit is left out of searches instead of refused.
    pub lenient: bool,
    /// What a keyword's values are changed by before they are indexed.
    pub normalizer: Option<String>,
    /// What takes a text apart, and what a question to it; none where the index says it.
    pub analyzers: Vec<String>,
    /// The fields of an object or nested object.
    pub properties: Fields,
    /// Other forms in which the same value is indexed.
    pub multi: Fields,
}

impl Field {
    /// Whether each element of its list is matched on its own.
    pub fn is_nested(&self) -> bool {
        self.ty == "nested"
    }

    /// Whether it takes objects of any shape, and so knows no fields below.
    pub fn takes_any_object(&self) -> bool {
        !self.enabled || matches!(self.ty.as_str(), "flattened" | "flat_object")
    }

    fn count(&self, counts: fn(&Self) -> bool) -> u64 {
        let below = self.properties.values().chain(self.multi.values());
        u64::from(counts(self)) + below.map(|field| field.count(counts)).sum::<u64>()
    }
}

impl Mapping {
    /// Reads a mapping's file.
    ///
    /// # Errors
    /// When it is absent, no JSON, or not of the form `{"settings": {…}, "mappings": {"properties": {…}}}`.
    pub fn load(file: &Path) -> Result<Self, Finding> {
        let text = std::fs::read_to_string(file).map_err(|error| {
            Finding::error(format!("mapping cannot be read: {error}"))
                .code(Code::MappingFile)
                .hint("a job's `mapping:` names a file in mappings/")
                .at(file, None)
        })?;
        Self::parse(file, &text)
    }

    /// Parses `text`, the content of `file`.
    ///
    /// # Errors
    /// As [`Mapping::load`].
    pub fn parse(file: &Path, text: &str) -> Result<Self, Finding> {
        let wrong = |what: String| Finding::error(what).code(Code::MappingFile).at(file, None);
        let value: Value = serde_json::from_str(text).map_err(|error| {
            let place = Place { line: error.line() as u64, column: error.column() as u64 };
            Finding::error("not valid JSON").code(Code::MappingFile).at(file, Some(place))
        })?;
        let Value::Object(mut body) = value else {
            return Err(wrong("a mapping is a JSON object".to_owned()));
        };
        let settings = object(body.remove("settings"))
            .ok_or_else(|| wrong("`settings` is not an object".to_owned()))?;
        let mappings = object(body.remove("mappings"))
            .ok_or_else(|| wrong("`mappings` is not an object".to_owned()))?;
        if let Some(key) = body.keys().next() {
            return Err(wrong(format!("unknown key `{key}`"))
                .hint("a mapping's file holds `settings` and `mappings`"));
        }
        let fields = fields(mappings.get("properties"), "").map_err(wrong)?;
        if fields.is_empty() {
            return Err(wrong("`mappings.properties` is missing or empty".to_owned()));
        }
        if fields.contains_key(OWN_FIELD) {
            return Err(wrong(format!("`{OWN_FIELD}` belongs to prejoin"))
                .hint("leave it out: it is added when an index is created"));
        }
        Ok(Self { file: file.to_owned(), settings, fields, mappings })
    }

    /// The `mappings` to create an index with: the file's, and `_prejoin`.
    pub fn body(&self) -> Value {
        let mut mappings = self.mappings.clone();
        let properties = mappings.entry("properties").or_insert_with(|| json!({}));
        if let Value::Object(properties) = properties {
            properties.insert(OWN_FIELD.to_owned(), own_field());
        }
        Value::Object(mappings)
    }

    /// How many fields and objects there are of that kind, those of prejoin included.
    pub fn count(&self, counts: fn(&Field) -> bool) -> u64 {
        let own = fields(Some(&json!({ (OWN_FIELD): own_field() })), "").unwrap_or_default();
        self.fields.values().chain(own.values()).map(|field| field.count(counts)).sum()
    }

    /// A limit among the settings: `index.mapping.depth.limit`, in whichever way it is nested there.
    pub fn limit(&self, name: &str) -> Option<u64> {
        let short = name.strip_prefix("index.").unwrap_or(name);
        let found = setting(&self.settings, name).or_else(|| setting(&self.settings, short))?;
        found.as_u64().or_else(|| found.as_str()?.parse().ok())
    }

    /// Whether a field that the mapping does not know makes the engine refuse the document.
    pub fn is_strict(&self) -> bool {
        self.mappings.get("dynamic").is_some_and(|dynamic| dynamic == "strict")
    }
}

/// The fields of an index as the engine tells its `mappings`, without prejoin's own.
///
/// # Errors
/// When it is not of the form `{"properties": {…}}`.
pub fn live(mappings: &Value) -> Result<Fields, String> {
    let mut fields = fields(mappings.get("properties"), "")?;
    fields.remove(OWN_FIELD);
    Ok(fields)
}

/// `id` is the tiebreak of every sort, `refs` finds the documents that hold a row, `digest` tells whether one changed. Each
/// has what that takes and no more: what the engine keeps of them it pays for in every document.
fn own_field() -> Value {
    json!({"properties": {
        "id": {"type": "keyword", "index": false},
        "digest": {"type": "long", "index": false},
        "refs": {"type": "keyword", "doc_values": false},
        "built_at": {"type": "date", "index": false},
    }})
}

/// A setting by its dotted name, whose parts may stand in one key or in objects within each other.
fn setting<'s>(settings: &'s Map<String, Value>, name: &str) -> Option<&'s Value> {
    settings.iter().find_map(|(key, value)| {
        let rest = name.strip_prefix(key.as_str())?;
        if rest.is_empty() {
            return Some(value);
        }
        setting(value.as_object()?, rest.strip_prefix('.')?)
    })
}

fn object(value: Option<Value>) -> Option<Map<String, Value>> {
    match value {
        None => Some(Map::new()),
        Some(Value::Object(map)) => Some(map),
        Some(_) => None,
    }
}

fn fields(properties: Option<&Value>, path: &str) -> Result<Fields, String> {
    let Some(properties) = properties else { return Ok(Fields::new()) };
    let Value::Object(properties) = properties else {
        return Err(format!("the properties of `{path}` are not an object"));
    };
    let each = properties.iter().map(|(name, spec)| {
        if name.contains('.') {
            return Err(format!(
                "the field name `{name}` has a dot: write an object with properties"
            ));
        }
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        field(spec, &path).map(|field| (name.clone(), field))
    });
    each.collect()
}

fn field(spec: &Value, path: &str) -> Result<Field, String> {
    let Value::Object(spec) = spec else {
        return Err(format!("the mapping of `{path}` is not an object"));
    };
    let flag = |name: &str| spec.get(name).and_then(Value::as_bool).unwrap_or(true);
    let properties = fields(spec.get("properties"), path)?;
    let ty = match spec.get("type") {
        Some(Value::String(ty)) => ty.clone(),
        Some(_) => return Err(format!("the type of `{path}` is not a text")),
        None if spec.contains_key("properties") => "object".to_owned(),
        None => return Err(format!("`{path}` has neither a type nor properties")),
    };
    let multi = fields(spec.get("fields"), path)?;
    Ok(Field {
        ty,
        indexed: flag("index"),
        doc_values: flag("doc_values"),
        enabled: flag("enabled"),
        positions: !matches!(
            spec.get("index_options").and_then(Value::as_str),
            Some("docs" | "freqs")
        ),
        format: spec.get("format").and_then(Value::as_str).map(str::to_owned),
        lenient: spec.get("ignore_malformed").and_then(Value::as_bool).unwrap_or(false),
        normalizer: spec.get("normalizer").and_then(Value::as_str).map(str::to_owned),
        analyzers: ["analyzer", "search_analyzer"]
            .into_iter()
            .filter_map(|name| spec.get(name)?.as_str().map(str::to_owned))
            .collect(),
        properties,
        multi,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Mapping, Finding> {
        Mapping::parse(Path::new("mappings/a.json"), text)
    }

    #[test]
    fn fields_are_known_by_name_and_the_own_object_is_added() {
        let mapping = parse(
            r#"{"mappings": {"dynamic": "strict", "properties": {
                "title": {"type": "text", "fields": {"raw": {"type": "keyword"}}},
                "items": {"type": "nested", "properties": {"id": {"type": "long", "doc_values": false}}}}}}"#,
        )
        .unwrap();
        assert!(mapping.is_strict());
        assert_eq!(mapping.fields["title"].multi["raw"].ty, "keyword");
        assert!(mapping.fields["items"].is_nested());
        assert!(!mapping.fields["items"].properties["id"].doc_values);
        assert_eq!(mapping.body()["properties"]["_prejoin"]["properties"]["id"]["type"], "keyword");
    }

    #[test]
    fn a_name_with_a_dot_is_refused_and_what_is_only_kept_is_known() {
        let dotted = r#"{"mappings": {"properties": {"a.b": {"type": "keyword"}}}}"#;
        insta::assert_snapshot!(parse(dotted).unwrap_err(), @"mappings/a.json: the field name `a.b` has a dot: write an object with properties");
        let kept = r#"{"mappings": {"properties": {"a": {"type": "object", "enabled": false}}}}"#;
        assert!(!parse(kept).unwrap().fields["a"].enabled);
    }

    #[test]
    fn fields_are_counted_and_limits_read_however_they_are_written() {
        let mapping = parse(
            r#"{"settings": {"index.mapping": {"nested_fields.limit": 60}, "mapping": {"total_fields": {"limit": "2000"}}},
            "mappings": {"properties": {"a": {"type": "text", "fields": {"b": {"type": "keyword"}}},
                "c": {"type": "nested", "properties": {"d": {"type": "date", "format": "strict_date"}}}}}}"#,
        )
        .unwrap();
        // Four, and the five of `_prejoin`.
        assert_eq!(mapping.count(|_| true), 9);
        assert_eq!(mapping.count(Field::is_nested), 1);
        assert_eq!(mapping.limit("index.mapping.nested_fields.limit"), Some(60));
        assert_eq!(mapping.limit("index.mapping.total_fields.limit"), Some(2_000));
        assert_eq!(mapping.limit("index.mapping.nested_objects.limit"), None);
        let dated = &mapping.fields["c"].properties["d"];
        assert_eq!(dated.format.as_deref(), Some("strict_date"));
    }

    #[test]
    fn what_is_no_mapping_is_refused() {
        let said = |text| parse(text).unwrap_err().to_string();
        insta::assert_snapshot!(said("{"), @"mappings/a.json:1:1: not valid JSON");
        insta::assert_snapshot!(said("{}"), @"mappings/a.json: `mappings.properties` is missing or empty");
        insta::assert_snapshot!(said(r#"{"properties": {}}"#), @"mappings/a.json: unknown key `properties`");
        insta::assert_snapshot!(
            said(r#"{"mappings": {"properties": {"a": {"properties": {"b": {}}}}}}"#),
            @"mappings/a.json: `a.b` has neither a type nor properties"
        );
    }
}
