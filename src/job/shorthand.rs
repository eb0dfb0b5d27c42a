//! Values that may be written short: a name or a list of names, a column or a column with options.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer, StrDeserializer};
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::row::Cast;

/// A column that becomes a field: its name, or `{column, name, as, mask}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldFile {
    /// The column.
    pub column: String,
    /// The field's name when it differs.
    pub rename: Option<String>,
    /// Conversion of its values.
    pub cast: Option<Cast>,
    /// Replacement of its values.
    pub mask: Option<Mask>,
}

/// How a value is made unreadable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mask {
    /// HMAC-SHA-256 under the configuration's `mask.key`, in hexadecimal: equal values stay equal, and cannot be guessed.
    Hmac,
}

impl FieldFile {
    /// The field's name in the document.
    pub fn name(&self) -> &str {
        self.rename.as_deref().unwrap_or(&self.column)
    }
}

/// One name or several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names(Vec<String>);

impl Names {
    /// The names.
    pub fn names(&self) -> &[String] {
        &self.0
    }
}

/// Where a change is to be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangedAt {
    /// Nowhere: the whole relation is read and compared.
    None,
    /// In these columns; the greatest that is not null counts.
    Columns(Vec<ChangedColumn>),
}

/// A column that tells when its row last changed: its name, or `{column, as}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedColumn {
    /// The column.
    pub column: String,
    /// How it holds an instant, where its type does not say: `timestamp` (seconds since 1970), `epoch_millis` or `epoch_micros`.
    pub cast: Option<Cast>,
}

/// A column of an order, `name` or `name desc`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The column.
    pub column: String,
    /// Greatest first.
    pub descending: bool,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LongField {
    /// The column.
    column: String,
    /// The field's name; the column's when left out.
    name: Option<String>,
    /// What its values are turned into.
    #[serde(rename = "as")]
    cast: Option<Cast>,
    /// How its values are made unreadable.
    mask: Option<Mask>,
}

/// Takes a text, a list of texts or a `Long`, whichever the user wrote.
pub(super) struct Either<Long>(pub(super) PhantomData<Long>, pub(super) &'static str);

pub(super) enum Written<Long> {
    Text(String),
    List(Vec<String>),
    Long(Long),
}

impl<'de, Long: Deserialize<'de>> Visitor<'de> for Either<Long> {
    type Value = Written<Long>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.1)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        String::deserialize(StrDeserializer::new(text)).map(Written::Text)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(seq)).map(Written::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        Long::deserialize(MapAccessDeserializer::new(map)).map(Written::Long)
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct LongChanged {
    /// The column.
    column: String,
    /// How it holds an instant, where its type does not say.
    #[serde(rename = "as")]
    cast: Option<Cast>,
}

/// No mapping is accepted in this place.
#[derive(Deserialize)]
enum Never {}

impl<'de> Deserialize<'de> for FieldFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "a column or {column, name, as, mask}";
        match deserializer.deserialize_any(Either::<LongField>(PhantomData, expected))? {
            Written::Text(column) => Ok(Self { column, rename: None, cast: None, mask: None }),
            Written::Long(LongField { column, name, cast, mask }) => {
                Ok(Self { column, rename: name, cast, mask })
            }
            Written::List(_) => Err(D::Error::custom(format!("{expected} is expected here"))),
        }
    }
}

fn names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let expected = "a column or a list of columns";
    let names = match deserializer.deserialize_any(Either::<Never>(PhantomData, expected))? {
        Written::Text(name) => vec![name],
        Written::List(names) => names,
        Written::Long(never) => match never {},
    };
    if names.is_empty() {
        return Err(D::Error::custom("a column is expected here, the list is empty"));
    }
    Ok(names)
}

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        names(deserializer).map(Self)
    }
}

impl<'de> Deserialize<'de> for ChangedColumn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "a column or {column, as}";
        match deserializer.deserialize_any(Either::<LongChanged>(PhantomData, expected))? {
            Written::Text(column) => Ok(Self { column, cast: None }),
            Written::Long(LongChanged { column, cast }) => Ok(Self { column, cast }),
            Written::List(_) => Err(D::Error::custom(format!("{expected} is expected here"))),
        }
    }
}

/// Takes one column or a list of them.
struct ChangedColumns;

impl<'de> Visitor<'de> for ChangedColumns {
    type Value = Vec<ChangedColumn>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a column, {column, as}, a list of them, or none")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(vec![ChangedColumn { column: text.to_owned(), cast: None }])
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(seq))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let LongChanged { column, cast } =
            LongChanged::deserialize(MapAccessDeserializer::new(map))?;
        Ok(vec![ChangedColumn { column, cast }])
    }
}

impl<'de> Deserialize<'de> for ChangedAt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let columns = deserializer.deserialize_any(ChangedColumns)?;
        match columns.as_slice() {
            [] => Err(D::Error::custom("a column is expected here, the list is empty")),
            [ChangedColumn { column, cast: None }] if column == "none" => Ok(Self::None),
            _ => Ok(Self::Columns(columns)),
        }
    }
}

impl<'de> Deserialize<'de> for Order {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut words = text.split_whitespace();
        let (column, direction, rest) = (words.next(), words.next(), words.next());
        let descending = match direction {
            None | Some("asc") => false,
            Some("desc") => true,
            Some(_) => {
                return Err(D::Error::custom(
                    "`column`, `column asc` or `column desc` is expected here",
                ));
            }
        };
        match (column, rest) {
            (Some(column), None) => Ok(Self { column: column.to_owned(), descending }),
            _ => Err(D::Error::custom("`column`, `column asc` or `column desc` is expected here")),
        }
    }
}

impl JsonSchema for FieldFile {
    fn schema_name() -> Cow<'static, str> {
        "Field".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let long = generator.subschema_for::<LongField>();
        json_schema!({"description": "A column that becomes a field.", "anyOf": [{"type": "string"}, long]})
    }
}

impl JsonSchema for Names {
    fn schema_name() -> Cow<'static, str> {
        "Columns".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [
            {"type": "string"},
            {"type": "array", "items": {"type": "string"}, "minItems": 1}
        ]})
    }
}

impl JsonSchema for ChangedColumn {
    fn schema_name() -> Cow<'static, str> {
        "ChangedColumn".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let long = generator.subschema_for::<LongChanged>();
        json_schema!({"anyOf": [{"type": "string"}, long]})
    }
}

impl JsonSchema for ChangedAt {
    fn schema_name() -> Cow<'static, str> {
        "ChangedAt".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<ChangedColumn>();
        json_schema!({"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]})
    }
}

impl JsonSchema for Order {
    fn schema_name() -> Cow<'static, str> {
        "Order".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^\\S+( (asc|desc))?$"})
    }
}
