//! PostgreSQL's binary values as canonical text.
//!
//! Promises: one decoder a column, chosen by what the server sends and checked against what was described. Infinite dates
//! and numbers without a JSON form are NULL. Never copies a value that is text already more than once.

use anyhow::{Context, Result};
use sqlx::postgres::{PgRow, PgTypeInfo};
use sqlx::{Row, TypeInfo, ValueRef};

use super::Raw;
use super::numeric::Numeric;
use crate::row::{Kind, Page, Type};
use crate::source::ReadColumn;
use crate::source::canonical::{self, DAY, Zone};

/// Days from 1970-01-01 to PostgreSQL's day zero, 2000-01-01.
const EPOCH: i64 = 10_957;

pub(in crate::source) struct Decoder {
    columns: Vec<(Form, String)>,
}

/// How the server sends a column.
enum Form {
    Bool,
    Small,
    Int,
    Big,
    Oid,
    Single,
    Double,
    Numeric,
    Text,
    /// Blank-padded.
    Char,
    Uuid,
    Bytes,
    /// Bytes that are shown as the UUID they hold.
    UuidBytes,
    Date,
    Time,
    Timestamp(Zone),
    Instant,
    /// Text of JSON.
    Json,
    /// A version before the text.
    Jsonb,
}

impl Form {
    fn of(column: &ReadColumn, sent: &PgTypeInfo) -> Option<Self> {
        let oid = sent.oid().map_or(0, |oid| oid.0);
        Some(match (column.ty, oid) {
            (Type::Bool, 16) => Self::Bool,
            (Type::Integer, 21) => Self::Small,
            (Type::Integer, 23) => Self::Int,
            (Type::Integer, 20) => Self::Big,
            (Type::Integer, 26) => Self::Oid,
            (Type::Float, 700) => Self::Single,
            (Type::Float, 701) => Self::Double,
            (Type::Decimal, 1700) => Self::Numeric,
            (Type::Text, 19 | 25 | 1043) | (Type::Other, 25) => Self::Text,
            // Types without a fixed number: `citext` and enumerations.
            (Type::Text | Type::Enum, 16_384..) => Self::Text,
            (Type::Char, 1042) => Self::Char,
            (Type::Uuid, 2950) => Self::Uuid,
            (Type::Uuid, 17) => Self::UuidBytes,
            (Type::Binary, 17) => Self::Bytes,
            (Type::Date, 1082) => Self::Date,
            (Type::Time, 1083) => Self::Time,
            (Type::Timestamp, 1114) => Self::Timestamp(Zone::of(column.zone.as_ref())),
            (Type::Timestamptz, 1184) => Self::Instant,
            (Type::Json, 114) | (Type::Array, 25) => Self::Json,
            (Type::Json, 3802) => Self::Jsonb,
            _ => return None,
        })
    }
}

impl crate::source::database::Decoder for Decoder {
    type Row = PgRow;
    type Part = Raw;

    fn new(columns: &[ReadColumn], row: &PgRow) -> Result<Self> {
        let sent = columns.iter().zip(row.columns()).map(|(column, sent)| {
            let ty = sqlx::Column::type_info(sent);
            let form = Form::of(column, ty).with_context(|| {
                let (name, native) = (&column.name, &column.native);
                format!(
                    "column `{name}` was {native} when it was described, and is {} now",
                    ty.name()
                )
            })?;
            Ok((form, column.name.clone()))
        });
        Ok(Self { columns: sent.collect::<Result<_>>()? })
    }

    fn row(&self, row: &PgRow, page: &mut Page) -> Result<()> {
        for (at, (form, name)) in self.columns.iter().enumerate() {
            let value = row.try_get_raw(at)?;
            if value.is_null() {
                page.push_null();
                continue;
            }
            let bytes = value.as_bytes().map_err(anyhow::Error::from_boxed);
            bytes
                .and_then(|bytes| cell(form, bytes, page))
                .with_context(|| format!("column `{name}`"))?;
        }
        Ok(())
    }

    fn cursor(&self, row: &PgRow, key: &[usize]) -> Result<Vec<Raw>> {
        key.iter()
            .map(|&at| {
                let value = row.try_get_raw(at)?;
                let ty = value.type_info().into_owned();
                let bytes = if value.is_null() { None } else { value.as_bytes().ok() };
                Ok(Raw { ty, bytes: bytes.map(<[u8]>::to_vec) })
            })
            .collect()
    }

    fn tied(&self, row: &PgRow) -> bool {
        let tied = row.try_get_raw(self.columns.len());
        tied.is_ok_and(|value| value.as_bytes().is_ok_and(|bytes| bytes == [1]))
    }
}

fn cell(form: &Form, bytes: &[u8], page: &mut Page) -> Result<()> {
    match form {
        Form::Bool => page.push(Kind::Bool, if bytes == [1] { "true" } else { "false" })?,
        Form::Small => number(page, i16::from_be_bytes(fixed(bytes)?))?,
        Form::Int => number(page, i32::from_be_bytes(fixed(bytes)?))?,
        Form::Big => number(page, i64::from_be_bytes(fixed(bytes)?))?,
        Form::Oid => number(page, u32::from_be_bytes(fixed(bytes)?))?,
        Form::Single => {
            let value = f32::from_be_bytes(fixed(bytes)?);
            when(page, value.is_finite(), Kind::Number, |out| canonical::single(out, value))?;
        }
        Form::Double => {
            let value = f64::from_be_bytes(fixed(bytes)?);
            when(page, value.is_finite(), Kind::Number, |out| canonical::double(out, value))?;
        }
        Form::Numeric => match Numeric::parse(bytes)? {
            Some(numeric) => page.push_with(Kind::Number, |out| numeric.write(out))?,
            None => page.push_null(),
        },
        Form::Text => page.push_text(Kind::Text, bytes, String::push_str)?,
        Form::Char => page.push_text(Kind::Text, bytes, |out, text| {
            out.push_str(text.trim_end_matches(' '));
        })?,
        Form::Uuid => {
            let uuid = fixed(bytes)?;
            page.push_with(Kind::Text, |out| canonical::uuid(out, uuid))?;
        }
        Form::Bytes => page.push_with(Kind::Text, |out| canonical::base64(out, bytes))?,
        Form::UuidBytes => page.push_with(Kind::Text, |out| match <[u8; 16]>::try_from(bytes) {
            Ok(uuid) => canonical::uuid(out, uuid),
            Err(_) => canonical::base64(out, bytes),
        })?,
        Form::Date => {
            let day = i32::from_be_bytes(fixed(bytes)?);
            let finite = !matches!(day, i32::MIN | i32::MAX);
            when(page, finite, Kind::Text, |out| canonical::date(out, i64::from(day) + EPOCH))?;
        }
        Form::Time => {
            let micros = i64::from_be_bytes(fixed(bytes)?);
            page.push_with(Kind::Text, |out| canonical::clock(out, micros))?;
        }
        Form::Timestamp(zone) => {
            let (finite, day, micros) = since_epoch(bytes)?;
            when(page, finite, Kind::Text, |out| canonical::local(out, day, micros, zone))?;
        }
        Form::Instant => {
            let (finite, day, micros) = since_epoch(bytes)?;
            when(page, finite, Kind::Text, |out| canonical::instant(out, day, micros))?;
        }
        Form::Json => json(page, bytes)?,
        Form::Jsonb => {
            json(page, bytes.strip_prefix(&[1]).context("not JSON of a known version")?)?;
        }
    }
    Ok(())
}

fn number(page: &mut Page, value: impl itoa::Integer) -> Result<()> {
    Ok(page.push_with(Kind::Number, |out| canonical::integer(out, value))?)
}

/// The value, or NULL where it has no canonical form.
fn when(page: &mut Page, it_has: bool, kind: Kind, write: impl FnOnce(&mut String)) -> Result<()> {
    match it_has {
        true => page.push_with(kind, write)?,
        false => page.push_null(),
    }
    Ok(())
}

fn fixed<const N: usize>(bytes: &[u8]) -> Result<[u8; N]> {
    bytes.try_into().with_context(|| format!("{} bytes where {N} were expected", bytes.len()))
}

fn since_epoch(bytes: &[u8]) -> Result<(bool, i64, i64)> {
    let micros = i64::from_be_bytes(fixed(bytes)?);
    let finite = !matches!(micros, i64::MIN | i64::MAX);
    Ok((finite, micros.div_euclid(DAY) + EPOCH, micros.rem_euclid(DAY)))
}

fn json(page: &mut Page, bytes: &[u8]) -> Result<()> {
    Ok(page.push_text(Kind::Json, bytes, canonical::json)?)
}
