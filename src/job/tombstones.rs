//! Where a job's deleted rows are told: a table that triggers fill, or an outbox that the service writes.

use std::borrow::Cow;
use std::marker::PhantomData;

use indexmap::IndexMap;
use jiff::{SignedDuration, Span, SpanRelativeTo};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::shorthand::{ChangedColumn, Either, Written};

/// A table of deleted rows: its name, or `{table, at, key, where, keep}`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tombstones {
    /// The table.
    pub table: String,
    /// Its column that tells when the row was deleted; `gone_at` when left out.
    pub at: Option<ChangedColumn>,
    /// Its columns for those of the deleted row's key, by these; those left out have the same names.
    pub key: IndexMap<String, String>,
    /// SQL condition that its rows of deletions fulfil; all of them when left out.
    pub condition: Option<String>,
    /// How long its rows stay in it; for ever when left out. More than zero.
    pub keep: Option<SignedDuration>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LongTombstones {
    /// The table.
    table: String,
    /// When the row was deleted.
    at: Option<ChangedColumn>,
    /// Its columns for those of the key: `{column of the key: column of this table}`.
    #[serde(default)]
    key: IndexMap<String, String>,
    /// SQL condition that its rows of deletions fulfil.
    #[serde(rename = "where")]
    condition: Option<String>,
    /// How long its rows stay in it: `30d`, `36h`.
    keep: Option<String>,
}

impl<'de> Deserialize<'de> for Tombstones {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "a table or {table, at, key, where, keep}";
        match deserializer.deserialize_any(Either::<LongTombstones>(PhantomData, expected))? {
            Written::Text(table) => Ok(Self { table, ..Self::default() }),
            Written::Long(LongTombstones { table, at, key, condition, keep }) => {
                let keep = keep.as_deref().map(|keep| {
                    duration(keep).ok_or_else(|| {
                        D::Error::custom("`keep` is a time such as 30d or 36h, more than 0")
                    })
                });
                Ok(Self { table, at, key, condition, keep: keep.transpose()? })
            }
            Written::List(_) => Err(D::Error::custom(format!("{expected} is expected here"))),
        }
    }
}

/// A time that is more than zero, in days of 24 hours and all that is smaller; `None` for what is none.
pub fn duration(text: &str) -> Option<SignedDuration> {
    let span: Span = text.parse().ok()?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    duration.is_positive().then_some(duration)
}

impl JsonSchema for Tombstones {
    fn schema_name() -> Cow<'static, str> {
        "Tombstones".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let long = generator.subschema_for::<LongTombstones>();
        json_schema!({"description": "A table of deleted rows.", "anyOf": [{"type": "string"}, long]})
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::Cast;

    #[test]
    fn rows_stay_for_days_or_hours() {
        let hours = |text: &str| duration(text).map(|duration| duration.as_hours());
        assert_eq!(["30d", "36h", "1w", "1d 12h"].map(hours), [720, 36, 168, 36].map(Some));
        for text in ["", "30", "0d", "-1d", "1month", "soon"] {
            assert_eq!(hours(text), None, "{text}");
        }
    }

    #[test]
    fn a_table_is_told_short_or_long() {
        let parsed = |text: &str| {
            let path = std::path::Path::new("jobs/a.yaml");
            crate::yaml::parse::<Tombstones>(path, text).map_err(|finding| finding.to_string())
        };
        let short = Tombstones { table: "a_gone".to_owned(), ..Tombstones::default() };
        assert_eq!(parsed("a_gone"), Ok(short.clone()));
        let keep = Some(SignedDuration::from_hours(48));
        let at = |cast| Some(ChangedColumn { column: "went".to_owned(), cast });
        let long = Tombstones { at: at(None), keep, ..short };
        assert_eq!(parsed("{table: a_gone, at: went, keep: 2d}"), Ok(long));
        let outbox = Tombstones {
            table: "outbox".to_owned(),
            at: at(Some(Cast::EpochMillis)),
            key: [("id".to_owned(), "aggregate_id".to_owned())].into(),
            condition: Some("type = 'gone'".to_owned()),
            keep: None,
        };
        let text = "{table: outbox, at: {column: went, as: epoch_millis}, key: {id: aggregate_id}, where: type = 'gone'}";
        assert_eq!(parsed(text), Ok(outbox));
        let said = parsed("{table: a_gone, keep: 0d}").unwrap_err();
        assert!(said.contains("`keep` is a time such as 30d or 36h"), "{said}");
    }
}
