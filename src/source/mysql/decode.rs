//! The binary values of MySQL and MariaDB as canonical text.
//!
//! Promises: one decoder a column, chosen by what the server sends and by what was described, which knows better where the
//! protocol does not tell (MariaDB's JSON and UUID arrive as bytes). Dates that no calendar has are NULL. Never rounds.

use std::str::from_utf8;

use anyhow::{Context, Result};
use sqlx::mysql::{MySqlRow, MySqlValueRef};
use sqlx::{Decode, Row, TypeInfo, ValueRef};

use crate::row::{Kind, Page, Type};
use crate::source::ReadColumn;
use crate::source::canonical::{self, SECOND, Zone};
use crate::source::keys::Value;

pub(in crate::source) struct Decoder {
    columns: Vec<Form>,
    names: Vec<String>,
}

/// How the server sends a column, and what becomes of it.
#[derive(Debug, Clone)]
enum Form {
    /// A small number: little-endian, of which 0 and 1 are booleans.
    Bool {
        unsigned: bool,
    },
    /// Little-endian, in one to eight bytes.
    Signed,
    Unsigned,
    /// Big-endian, in one to eight bytes.
    Bits,
    /// A single bit.
    Bit,
    Single,
    Double,
    Decimal,
    Text,
    UuidText,
    UuidBytes,
    Bytes,
    Date,
    Time,
    DateTime(Zone),
    Instant,
    Json,
    /// MariaDB's, which takes `1.` for JSON, and whose check can be switched off.
    JsonText,
}

impl Form {
    fn of(column: &ReadColumn, sent: &str) -> Option<Self> {
        let stringy = matches!(
            sent,
            "CHAR"
                | "VARCHAR"
                | "BINARY"
                | "VARBINARY"
                | "TINYTEXT"
                | "TEXT"
                | "MEDIUMTEXT"
                | "LONGTEXT"
                | "TINYBLOB"
                | "BLOB"
                | "MEDIUMBLOB"
                | "LONGBLOB"
                | "ENUM"
                | "SET"
                | "JSON"
        );
        Some(match (column.ty, sent) {
            (Type::Bool, "BIT") => Self::Bit,
            (Type::Bool, sent) if sent == "BOOLEAN" || sent.contains("INT") => {
                Self::Bool { unsigned: column.native.contains("unsigned") }
            }
            (Type::Integer, "BIT") => Self::Bits,
            (Type::Integer, "YEAR") => Self::Unsigned,
            // A sum of integers is sent as a decimal without places.
            (Type::Integer | Type::Decimal, "DECIMAL") => Self::Decimal,
            (Type::Integer, sent) if sent.contains("INT") || sent == "BOOLEAN" => {
                if sent.ends_with("UNSIGNED") { Self::Unsigned } else { Self::Signed }
            }
            (Type::Float, "FLOAT") => Self::Single,
            (Type::Float, "DOUBLE") => Self::Double,
            (Type::Uuid, _) if stringy && column.native.contains("uuid") => Self::UuidText,
            (Type::Uuid, _) if stringy => Self::UuidBytes,
            (Type::Text | Type::Char | Type::Enum | Type::Other, _) if stringy => Self::Text,
            (Type::Binary, _) if stringy => Self::Bytes,
            (Type::Json, "JSON") => Self::Json,
            (Type::Json, _) if stringy => Self::JsonText,
            (Type::Date, "DATE") => Self::Date,
            (Type::Time, "TIME") => Self::Time,
            (Type::Timestamp, "DATETIME" | "TIMESTAMP") => {
                Self::DateTime(Zone::of(column.zone.as_ref()))
            }
            (Type::Timestamptz, "TIMESTAMP") => Self::Instant,
            _ => return None,
        })
    }
}

impl crate::source::database::Decoder for Decoder {
    type Row = MySqlRow;
    type Part = Value;

    fn new(columns: &[ReadColumn], row: &MySqlRow) -> Result<Self> {
        let forms = columns.iter().zip(row.columns()).map(|(column, sent)| {
            let sent = sqlx::Column::type_info(sent).name();
            Form::of(column, sent).with_context(|| {
                let (name, native) = (&column.name, &column.native);
                format!("column `{name}` was {native} when it was described, and is {sent} now")
            })
        });
        let names = columns.iter().map(|column| column.name.clone()).collect();
        Ok(Self { columns: forms.collect::<Result<_>>()?, names })
    }

    fn row(&self, row: &MySqlRow, page: &mut Page) -> Result<()> {
        for (at, (form, name)) in self.columns.iter().zip(&self.names).enumerate() {
            let value = row.try_get_raw(at)?;
            if value.is_null() {
                page.push_null();
                continue;
            }
            bytes(value)
                .and_then(|bytes| cell(form, bytes, page))
                .with_context(|| format!("column `{name}`"))?;
        }
        Ok(())
    }

    fn cursor(&self, row: &MySqlRow, key: &[usize]) -> Result<Vec<Value>> {
        key.iter()
            .map(|&at| {
                let form = self.columns.get(at).context("no such column")?;
                // NULL is a zero date here: rows without a key do not come.
                let value = bytes(row.try_get_raw(at)?).unwrap_or_default();
                bound(form, value).with_context(|| {
                    format!("column `{}`", self.names.get(at).map_or("", String::as_str))
                })
            })
            .collect()
    }

    fn tied(&self, row: &MySqlRow) -> bool {
        let tied = row.try_get_raw(self.columns.len());
        tied.is_ok_and(|value| bytes(value).is_ok_and(|bytes| bytes.first() == Some(&1)))
    }
}

fn bytes(value: MySqlValueRef<'_>) -> Result<&[u8]> {
    <&[u8] as Decode<sqlx::MySql>>::decode(value).map_err(anyhow::Error::from_boxed)
}

fn cell(form: &Form, bytes: &[u8], page: &mut Page) -> Result<()> {
    let number = |page: &mut Page, value: u64| {
        page.push_with(Kind::Number, |out| canonical::integer(out, value))
    };
    match form {
        Form::Bool { .. } | Form::Bit => match bound(form, bytes)? {
            Value::Integer(0) | Value::Unsigned(0) => page.push(Kind::Bool, "false")?,
            Value::Integer(1) | Value::Unsigned(1) => page.push(Kind::Bool, "true")?,
            _ if matches!(form, Form::Bool { unsigned: true }) => {
                number(page, unsigned(bytes.iter().rev())?)?;
            }
            _ => {
                let value = signed(bytes)?;
                page.push_with(Kind::Number, |out| canonical::integer(out, value))?;
            }
        },
        Form::Signed => {
            let value = signed(bytes)?;
            page.push_with(Kind::Number, |out| canonical::integer(out, value))?;
        }
        Form::Unsigned => number(page, unsigned(bytes.iter().rev())?)?,
        Form::Bits => number(page, unsigned(bytes.iter())?)?,
        Form::Single => {
            let value = f32::from_le_bytes(bytes.try_into()?);
            page.push_with(Kind::Number, |out| canonical::single(out, value))?;
        }
        Form::Double => {
            let value = f64::from_le_bytes(bytes.try_into()?);
            page.push_with(Kind::Number, |out| canonical::double(out, value))?;
        }
        Form::Decimal => {
            let text = utf8(bytes)?;
            page.push_with(Kind::Number, |out| canonical::decimal(out, text))?;
        }
        Form::Text => page.push_text(Kind::Text, bytes, String::push_str)?,
        Form::UuidText => {
            let text = utf8(bytes)?;
            page.push_with(Kind::Text, |out| {
                out.extend(text.chars().map(|c| c.to_ascii_lowercase()));
            })?;
        }
        Form::UuidBytes => page.push_with(Kind::Text, |out| match <[u8; 16]>::try_from(bytes) {
            Ok(uuid) => canonical::uuid(out, uuid),
            Err(_) => canonical::base64(out, bytes),
        })?,
        Form::Bytes => page.push_with(Kind::Text, |out| canonical::base64(out, bytes))?,
        Form::Json => page.push_text(Kind::Json, bytes, canonical::json)?,
        Form::JsonText => canonical::json_or_text(page, bytes)?,
        Form::Time => {
            let time = time(bytes)?;
            page.push_with(Kind::Text, |out| time.write(out))?;
        }
        Form::Date | Form::DateTime(_) | Form::Instant => date(form, Moment::parse(bytes)?, page)?,
    }
    Ok(())
}

fn date(form: &Form, moment: Moment, page: &mut Page) -> Result<()> {
    let Some(day) = moment.day() else {
        page.push_null();
        return Ok(());
    };
    page.push_with(Kind::Text, |out| match form {
        Form::DateTime(zone) => canonical::local(out, day, moment.micros, zone),
        Form::Instant => canonical::instant(out, day, moment.micros),
        _ => canonical::date(out, day),
    })?;
    Ok(())
}

/// The value to bind in the place of one that was read.
fn bound(form: &Form, bytes: &[u8]) -> Result<Value> {
    Ok(match form {
        Form::Bool { unsigned: false } | Form::Signed => Value::Integer(signed(bytes)?),
        Form::Bool { unsigned: true } | Form::Unsigned => {
            Value::Unsigned(unsigned(bytes.iter().rev())?)
        }
        Form::Bit | Form::Bits => Value::Unsigned(unsigned(bytes.iter())?),
        Form::Single => Value::Real(f64::from(f32::from_le_bytes(bytes.try_into()?))),
        Form::Double => Value::Real(f64::from_le_bytes(bytes.try_into()?)),
        Form::Decimal | Form::Text | Form::UuidText | Form::Json | Form::JsonText => {
            Value::Text(utf8(bytes)?.to_owned())
        }
        Form::Bytes | Form::UuidBytes => Value::Bytes(bytes.to_vec()),
        Form::Time => {
            let mut text = String::new();
            time(bytes)?.write(&mut text);
            Value::Text(text)
        }
        Form::Date | Form::DateTime(_) | Form::Instant => {
            let Moment { year, month, day, micros } = Moment::parse(bytes)?;
            let mut text = format!("{year:04}-{month:02}-{day:02} ");
            canonical::clock(&mut text, micros);
            Value::Text(text)
        }
    })
}

fn utf8(bytes: &[u8]) -> Result<&str> {
    from_utf8(bytes).context("not UTF-8")
}

fn unsigned<'a>(big_endian: impl ExactSizeIterator<Item = &'a u8>) -> Result<u64> {
    anyhow::ensure!(big_endian.len() <= 8, "more than 64 bits");
    Ok(big_endian.fold(0, |value, &byte| (value << 8) | u64::from(byte)))
}

fn signed(bytes: &[u8]) -> Result<i64> {
    Ok(match *bytes {
        [a] => i8::from_le_bytes([a]).into(),
        [a, b] => i16::from_le_bytes([a, b]).into(),
        _ => match <[u8; 4]>::try_from(bytes) {
            Ok(four) => i32::from_le_bytes(four).into(),
            Err(_) => i64::from_le_bytes(bytes.try_into()?),
        },
    })
}

/// A date, and the time in microseconds.
#[derive(Clone, Copy, Default)]
struct Moment {
    year: u16,
    month: u8,
    day: u8,
    micros: i64,
}

impl Moment {
    /// A length comes first; what is not sent is zero.
    fn parse(bytes: &[u8]) -> Result<Self> {
        let (date, clock) = match *bytes {
            [] | [0, ..] => return Ok(Self::default()),
            [4, a, b, c, d] => ([a, b, c, d], 0),
            [7, a, b, c, d, hour, minute, second] => ([a, b, c, d], clock(hour, minute, second)),
            [11, a, b, c, d, hour, minute, second, e, f, g, h] => {
                let micros = i64::from(u32::from_le_bytes([e, f, g, h]));
                ([a, b, c, d], clock(hour, minute, second) + micros)
            }
            _ => anyhow::bail!("not a date"),
        };
        let [a, b, month, day] = date;
        Ok(Self { year: u16::from_le_bytes([a, b]), month, day, micros: clock })
    }

    /// `None` for a date that the calendar does not have: zeros, or the 30th of February.
    fn day(&self) -> Option<i64> {
        if self.year == 0 && self.month == 0 {
            return None;
        }
        canonical::days(self.year.into(), self.month.into(), self.day.into())
    }
}

fn clock(hour: u8, minute: u8, second: u8) -> i64 {
    (i64::from(hour) * 3_600 + i64::from(minute) * 60 + i64::from(second)) * SECOND
}

/// A span of hours, of either sign.
struct Span {
    negative: bool,
    hours: u32,
    minute: u8,
    second: u8,
    micros: u32,
}

fn time(bytes: &[u8]) -> Result<Span> {
    let (negative, days, hour, minute, second, micros) = match *bytes {
        [] | [0] => (0, 0, 0, 0, 0, 0),
        [8, negative, a, b, c, d, hour, minute, second] => {
            (negative, u32::from_le_bytes([a, b, c, d]), hour, minute, second, 0)
        }
        [12, negative, a, b, c, d, hour, minute, second, e, f, g, h] => {
            let micros = u32::from_le_bytes([e, f, g, h]);
            (negative, u32::from_le_bytes([a, b, c, d]), hour, minute, second, micros)
        }
        _ => anyhow::bail!("not a time"),
    };
    let hours = days.saturating_mul(24).saturating_add(hour.into());
    Ok(Span { negative: negative != 0, hours, minute, second, micros })
}

impl Span {
    fn write(&self, out: &mut String) {
        use std::fmt::Write;
        let sign = if self.negative { "-" } else { "" };
        let _fits = write!(out, "{sign}{:02}:{:02}:{:02}", self.hours, self.minute, self.second);
        canonical::fraction(out, self.micros);
    }
}
