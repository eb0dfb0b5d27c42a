//! SQLite's values as canonical text.
//!
//! Promises: each value by its own storage class; the declared type only says what an integer or a text stands for (a
//! boolean, JSON, a UUID in bytes). Never converts between text and number.

use anyhow::{Context, Result};
use sqlx::sqlite::{SqliteRow, SqliteValueRef};
use sqlx::{Decode, Row, TypeInfo, ValueRef};

use crate::row::{Kind, Page, Type};
use crate::source::ReadColumn;
use crate::source::canonical;
use crate::source::keys::Value;

pub(in crate::source) struct Decoder {
    columns: Vec<(Type, String)>,
}

impl crate::source::database::Decoder for Decoder {
    type Row = SqliteRow;
    type Part = Value;

    fn new(columns: &[ReadColumn], _: &SqliteRow) -> Result<Self> {
        let columns = columns.iter().map(|column| (column.ty, column.name.clone()));
        Ok(Self { columns: columns.collect() })
    }

    fn row(&self, row: &SqliteRow, page: &mut Page) -> Result<()> {
        for (at, (ty, name)) in self.columns.iter().enumerate() {
            let value = row.try_get_raw(at)?;
            cell(*ty, value, page).with_context(|| format!("column `{name}`"))?;
        }
        Ok(())
    }

    fn cursor(&self, row: &SqliteRow, key: &[usize]) -> Result<Vec<Value>> {
        key.iter()
            .map(|&at| {
                let value = row.try_get_raw(at)?;
                Ok(match class(&value) {
                    Class::Integer => Value::Integer(decoded(value)?),
                    Class::Real => Value::Real(decoded(value)?),
                    Class::Text => Value::Text(decoded::<&str>(value)?.to_owned()),
                    Class::Blob | Class::Null => Value::Bytes(decoded::<&[u8]>(value)?.to_owned()),
                })
            })
            .collect()
    }

    fn tied(&self, row: &SqliteRow) -> bool {
        let tied = row.try_get_raw(self.columns.len());
        tied.is_ok_and(|value| decoded::<i64>(value).is_ok_and(|tied| tied == 1))
    }
}

enum Class {
    Null,
    Integer,
    Real,
    Text,
    Blob,
}

fn class(value: &SqliteValueRef<'_>) -> Class {
    if value.is_null() {
        return Class::Null;
    }
    match value.type_info().name() {
        "INTEGER" => Class::Integer,
        "REAL" => Class::Real,
        "TEXT" => Class::Text,
        _ => Class::Blob,
    }
}

fn decoded<'r, T: Decode<'r, sqlx::Sqlite>>(value: SqliteValueRef<'r>) -> Result<T> {
    T::decode(value).map_err(anyhow::Error::from_boxed)
}

fn cell(ty: Type, value: SqliteValueRef<'_>, page: &mut Page) -> Result<()> {
    match class(&value) {
        Class::Null => page.push_null(),
        Class::Integer => match (ty, decoded::<i64>(value)?) {
            (Type::Bool, 0) => page.push(Kind::Bool, "false")?,
            (Type::Bool, 1) => page.push(Kind::Bool, "true")?,
            (_, value) => page.push_with(Kind::Number, |out| canonical::integer(out, value))?,
        },
        Class::Real => {
            let value = decoded::<f64>(value)?;
            match value.is_finite() {
                true => page.push_with(Kind::Number, |out| canonical::double(out, value))?,
                false => page.push_null(),
            }
        }
        Class::Text => {
            // Nothing in SQLite keeps a text to UTF-8, or a column to JSON.
            let bytes: &[u8] = decoded(value)?;
            match ty {
                Type::Json => canonical::json_or_text(page, bytes)?,
                _ => page.push_text(Kind::Text, bytes, String::push_str)?,
            }
        }
        Class::Blob => {
            let bytes: &[u8] = decoded(value)?;
            page.push_with(Kind::Text, |out| match (ty, <[u8; 16]>::try_from(bytes)) {
                (Type::Uuid, Ok(uuid)) => canonical::uuid(out, uuid),
                _ => canonical::base64(out, bytes),
            })?;
        }
    }
    Ok(())
}
