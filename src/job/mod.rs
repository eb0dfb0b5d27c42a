//! A job as its user writes it: which tables make one document, and how they nest.
//!
//! Promises: every key is known and every value has its place in the file, so that a complaint can name the line.
//! Never looks at a database, a mapping or the configuration: that is the planner's work.

mod at;
mod shorthand;
mod tombstones;

use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

pub use at::At;
pub use shorthand::{ChangedAt, ChangedColumn, FieldFile, Names, Order};
pub use tombstones::{Tombstones, duration};

use crate::finding::{Code, Finding};
use crate::row::Match;
use crate::times::Kind;
use crate::yaml;

/// `jobs/<name>.yaml`: one index of documents, and where their parts come from.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "prejoin job")]
pub struct JobFile {
    /// The alias that readers use; the real indexes are `<index>-000001`, ….
    pub index: At<String>,
    /// File in `mappings/` with the settings and the mapping of the index.
    pub mapping: At<String>,
    /// When `prejoin run` brings the index in step: six fields, seconds first, weekdays by name.
    pub schedule: Option<At<String>>,
    /// When `prejoin run` looks at everything, as `prejoin sync --sweep` does: written as `schedule` is.
    pub sweep: Option<At<String>>,
    /// When `prejoin run` holds the index against the services, as `prejoin verify --repair` does: written as `schedule` is.
    pub verify: Option<At<String>>,
    /// The rows that become documents, one each.
    pub root: RootFile,
    /// Fields that are worked out from the joined rows.
    #[serde(default)]
    pub computed: IndexMap<String, At<ComputedFile>>,
}

impl JobFile {
    /// What `prejoin run` does for the job, and when, as it is written.
    pub fn schedules(&self) -> impl Iterator<Item = (Kind, &At<String>)> {
        let written = |kind: Kind| match kind {
            Kind::Sync => self.schedule.as_ref(),
            Kind::Sweep => self.sweep.as_ref(),
            Kind::Verify => self.verify.as_ref(),
        };
        Kind::ALL.into_iter().filter_map(move |kind| Some((kind, written(kind)?)))
    }
}

/// The relation whose rows become documents.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RootFile {
    /// A name under `sources:` in the configuration.
    pub source: At<String>,
    /// Table or view, `name` or `schema.name`. Either this or `query`.
    pub table: Option<At<String>>,
    /// A SELECT in place of a table; `key` must be given then.
    pub query: Option<At<String>>,
    /// Column or columns that identify a row; the table's primary key when left out.
    pub key: Option<At<Names>>,
    /// Column or columns that tell when a row last changed (the greatest that is not null), or `none`.
    pub changed_at: Option<At<ChangedAt>>,
    /// SQL condition; a row that stops matching is a deletion.
    #[serde(rename = "where")]
    pub condition: Option<At<String>>,
    /// Column that holds the time of a soft delete, NULL while the row lives.
    pub deleted_at: Option<At<String>>,
    /// Table into which triggers write the keys of deleted rows.
    pub tombstones: Option<At<Tombstones>>,
    /// Columns that become fields of the document.
    #[serde(default)]
    pub fields: Vec<At<FieldFile>>,
    /// Relations with at most one row each: an object, or null.
    #[serde(default)]
    pub one: IndexMap<String, At<RelationFile>>,
    /// Relations with any number of rows: a list, empty when there is none.
    #[serde(default)]
    pub many: IndexMap<String, At<RelationFile>>,
}

/// Rows joined to those of the level above.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RelationFile {
    /// A name under `sources:` in the configuration.
    pub source: At<String>,
    /// Table or view, `name` or `schema.name`. Either this or `query`.
    pub table: Option<At<String>>,
    /// A SELECT in place of a table; `key` must be given then.
    pub query: Option<At<String>>,
    /// Column or columns that identify a row; the table's primary key when left out.
    pub key: Option<At<Names>>,
    /// Columns that join: `{column above: column here}`. Either this or `through`.
    pub on: Option<At<IndexMap<String, String>>>,
    /// A link table between the level above and this one.
    pub through: Option<At<ThroughFile>>,
    /// How the joined columns are made comparable when the two services differ.
    #[serde(rename = "match")]
    pub matching: Option<Match>,
    /// Column or columns that tell when a row last changed (the greatest that is not null), or `none`.
    pub changed_at: Option<At<ChangedAt>>,
    /// SQL condition; a row that stops matching is a deletion.
    #[serde(rename = "where")]
    pub condition: Option<At<String>>,
    /// Column that holds the time of a soft delete, NULL while the row lives.
    pub deleted_at: Option<At<String>>,
    /// Table into which triggers write the keys of deleted rows.
    pub tombstones: Option<At<Tombstones>>,
    /// Order of a list's elements: columns, each with ` desc` behind it for the greatest first; the key decides ties.
    #[serde(default)]
    pub order_by: Vec<At<Order>>,
    /// Columns that become fields.
    #[serde(default)]
    pub fields: Vec<At<FieldFile>>,
    /// Relations with at most one row each: an object, or null.
    #[serde(default)]
    pub one: IndexMap<String, At<RelationFile>>,
    /// Relations with any number of rows: a list, empty when there is none.
    #[serde(default)]
    pub many: IndexMap<String, At<RelationFile>>,
}

/// A link table, in the relation's own source.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ThroughFile {
    /// The link table.
    pub table: At<String>,
    /// `{column above: link column}`.
    pub on: At<IndexMap<String, String>>,
    /// `{link column: column here}`.
    pub to: At<IndexMap<String, String>>,
    /// Column or columns that tell when a link last changed, or `none`.
    pub changed_at: Option<At<ChangedAt>>,
    /// Table into which triggers write the keys of deleted links.
    pub tombstones: Option<At<Tombstones>>,
}

/// A field worked out from the joined rows: exactly one of the kinds, over all elements or `only` some.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ComputedFile {
    /// Number of elements of a list; 0 when it is empty.
    pub count: Option<String>,
    /// Exact sum of a numeric field; 0 when there is none.
    pub sum: Option<String>,
    /// Least value of a field; null when there is none.
    pub min: Option<String>,
    /// Greatest value of a field; null when there is none.
    pub max: Option<String>,
    /// Mean of a numeric field, with four more decimals than its values; null when there is none.
    pub avg: Option<String>,
    /// Whether a relation has a row.
    pub exists: Option<String>,
    /// The texts of these fields in one, a line each, without repetitions.
    pub text: Option<Vec<String>>,
    /// Counts only elements whose field has this value, or one of these values.
    pub only: Option<IndexMap<String, serde_json::Value>>,
}

/// A parsed job with its name and its file.
#[derive(Debug)]
pub struct Job {
    /// The file's name without `.yaml`.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
    /// Its content.
    pub file: JobFile,
}

impl Job {
    /// Reads `jobs/<name>.yaml` below `home`.
    ///
    /// # Errors
    /// With file and line; an unknown name is answered with the names there are.
    pub fn load(home: &Path, name: &str) -> Result<Self, Finding> {
        let path = home.join("jobs").join(format!("{name}.yaml"));
        let text = std::fs::read_to_string(&path).map_err(|error| {
            let names = Self::names(home);
            let known = names.iter().map(String::as_str);
            match error.kind() {
                std::io::ErrorKind::NotFound => Finding::error(format!("there is no job `{name}`"))
                    .code(Code::MissingJob)
                    .hint(crate::finding::did_you_mean(name, known))
                    .at(&path, None),
                _ => Finding::error(error.to_string()).code(Code::JobFile).at(&path, None),
            }
        })?;
        let file = yaml::parse(&path, &text)?;
        Ok(Self { name: name.to_owned(), path, text, file })
    }

    /// The names of all jobs below `home`, in order.
    pub fn names(home: &Path) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(home.join("jobs")) else { return Vec::new() };
        let mut names: Vec<String> = entries
            .filter_map(Result::ok)
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
            .filter_map(|path| path.file_stem()?.to_str().map(ToOwned::to_owned))
            .collect();
        names.sort();
        names
    }
}

/// The JSON Schema of a job's file, for editors.
pub fn json_schema() -> serde_json::Value {
    schemars::schema_for!(JobFile).to_value()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<JobFile, Finding> {
        yaml::parse(Path::new("jobs/a.yaml"), text)
    }

    #[test]
    fn shorthands_and_places() {
        let file = parse(
            "index: a\nmapping: a.json\nroot:\n  source: s\n  table: t\n  key: [a, b]\n  changed_at: none\n  \
             fields: [x, {column: y, name: z, as: decimal, mask: hmac}]\n  many:\n    kids:\n      source: s\n      \
             table: k\n      on: {a: b}\n      match: nocase\n      order_by: [p, q desc]\n",
        )
        .unwrap();
        assert_eq!(file.root.key.as_ref().unwrap().names(), ["a", "b"]);
        assert_eq!(**file.root.changed_at.as_ref().unwrap(), ChangedAt::None);
        assert_eq!(file.root.fields[1].name(), "z");
        assert_eq!(file.root.fields[1].place().unwrap().line, 8);
        let kids = &file.root.many["kids"];
        assert!(kids.order_by[1].descending);
        assert_eq!(kids.matching, Some(Match::Nocase));
    }

    #[test]
    fn typos_are_met_with_the_key_that_was_meant() {
        let said = |text: &str| {
            let finding = parse(text).unwrap_err();
            format!("{finding} | {}", finding.hint.as_deref().unwrap_or_default())
        };
        insta::assert_snapshot!(
            said("index: a\nmapping: a.json\nroot:\n  source: s\n  tabel: t\n"),
            @"jobs/a.yaml:5:3: unknown key `tabel` | did you mean `table`?"
        );
        insta::assert_snapshot!(
            said("index: a\nmapping: a.json\nroot:\n  source: s\n  fields: [{colum: x}]\n"),
            @"jobs/a.yaml:5:13: unknown key `colum` | did you mean `column`?"
        );
        insta::assert_snapshot!(
            said("index: a\nmapping: a.json\nroot: {source: s, many: {k: {source: s, match: uid}}}\n"),
            @"jobs/a.yaml:3:48: unknown value | one of integer, uuid, text, nocase is expected here"
        );
    }

    #[test]
    fn the_schema_knows_the_shorthands() {
        let schema = json_schema().to_string();
        assert!(schema.contains("\"through\""));
        assert!(!schema.contains("Spanned"));
    }
}
