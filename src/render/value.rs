//! One field's value: conversion, composition, masking, and its JSON form.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use super::json::Json;
use crate::plan::Field;
use crate::row::{Cell, Kind, RowRef};

/// The key under which values are masked.
#[derive(Clone)]
pub struct Masking(Hmac<Sha256>);

impl Masking {
    /// Masks with `key`; any length will do (RFC 2104).
    pub fn new(key: &[u8]) -> Option<Self> {
        Hmac::new_from_slice(key).ok().map(Self)
    }

    /// What `text` is masked as.
    pub fn of(&self, text: &str) -> String {
        let mut masked = String::new();
        self.apply(text, &mut masked);
        masked
    }

    fn apply(&self, text: &str, out: &mut String) {
        let mut mac = self.0.clone();
        mac.update(text.as_bytes());
        for byte in mac.finalize().into_bytes() {
            for digit in [byte >> 4, byte & 15] {
                out.extend(char::from_digit(u32::from(digit), 16));
            }
        }
    }
}

/// Values on their way into documents.
pub(crate) struct Values {
    masking: Option<Masking>,
    scratch: String,
    masked: String,
}

impl Values {
    pub(crate) fn new(masking: Option<Masking>) -> Self {
        Self { masking, scratch: String::new(), masked: String::new() }
    }

    /// Writes the field's value for this row.
    pub(crate) fn write(
        &mut self,
        field: &Field,
        row: RowRef<'_>,
        json: &mut Json<'_>,
    ) -> Result<(), String> {
        let cell = self.value(field, row)?;
        match cell.kind {
            Kind::Null => json.raw("null"),
            Kind::Bool | Kind::Number | Kind::Json => json.raw(cell.text),
            Kind::Text => json.text(cell.text),
            Kind::Undecodable => return Err(super::UNDECODABLE.to_owned()),
        }
        Ok(())
    }

    /// The field's value for this row, as it will stand in the document.
    pub(crate) fn value<'s>(
        &'s mut self,
        field: &Field,
        row: RowRef<'s>,
    ) -> Result<Cell<'s>, String> {
        let cell = row.cell(field.column);
        if cell.is_null() || (field.cast.is_none() && !field.compose && !field.mask) {
            return Ok(cell);
        }
        let cell = match field.cast {
            None => cell,
            Some(cast) => {
                self.scratch.clear();
                let kind = cast
                    .apply(cell, field.zone.as_ref(), &mut self.scratch)
                    .map_err(|bad| bad.to_string())?;
                Cell { kind, text: &self.scratch }
            }
        };
        if field.mask {
            let masking = self.masking.as_ref().ok_or("there is no key to mask it with")?;
            self.masked.clear();
            masking.apply(cell.text, &mut self.masked);
            return Ok(Cell { kind: Kind::Text, text: &self.masked });
        }
        if field.compose && cell.kind == Kind::Text && needs_composing(cell.text) {
            self.masked.clear();
            self.masked.extend(cell.text.nfc());
            return Ok(Cell { kind: Kind::Text, text: &self.masked });
        }
        Ok(cell)
    }
}

fn needs_composing(text: &str) -> bool {
    !text.is_ascii() && is_nfc_quick(text.chars()) != IsNormalized::Yes
}
