//! `numeric` from its binary form: groups of four decimal digits.
//!
//! Promises: all digits and the scale are kept, so 901.00 stays 901.00. Never goes through a floating-point number.

use std::str::from_utf8;

use anyhow::{Context, Result, ensure};

use crate::source::canonical;

/// A finite number.
pub(super) struct Numeric<'a> {
    negative: bool,
    /// Groups between the first and the point.
    weight: i32,
    /// Digits after the point.
    scale: usize,
    groups: &'a [[u8; 2]],
}

impl<'a> Numeric<'a> {
    /// The number in these bytes; `None` for NaN and the infinities, which have no JSON form.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Option<Self>> {
        let (head, groups) = bytes.split_first_chunk::<8>().context("not a numeric")?;
        let [count_a, count_b, weight_a, weight_b, sign_a, sign_b, scale_a, scale_b] = *head;
        let negative = match u16::from_be_bytes([sign_a, sign_b]) {
            0x0000 => false,
            0x4000 => true,
            _ => return Ok(None),
        };
        let (groups, rest) = groups.as_chunks::<2>();
        let count = u16::from_be_bytes([count_a, count_b]);
        ensure!(rest.is_empty() && groups.len() == usize::from(count), "not a numeric");
        let weight = i32::from(i16::from_be_bytes([weight_a, weight_b]));
        let scale = usize::from(u16::from_be_bytes([scale_a, scale_b]));
        Ok(Some(Self { negative, weight, scale, groups }))
    }

    pub(super) fn write(&self, out: &mut String) {
        let mut groups = self.groups.iter().map(|group| u16::from_be_bytes(*group));
        if self.negative {
            out.push('-');
        }
        let whole = usize::try_from(self.weight + 1).unwrap_or(0);
        match whole {
            0 => out.push('0'),
            _ => canonical::integer(out, groups.next().unwrap_or(0)),
        }
        for _ in 1..whole {
            digits(out, groups.next().unwrap_or(0), 4);
        }
        if self.scale > 0 {
            out.push('.');
        }
        // Groups of zeros between the point and the first that is sent.
        let zeros = usize::try_from(-1 - self.weight).unwrap_or(0);
        for at in 0..self.scale.div_ceil(4) {
            let group = if at < zeros { 0 } else { groups.next().unwrap_or(0) };
            digits(out, group, self.scale - 4 * at);
        }
    }
}

/// The first `count` digits of a group.
fn digits(out: &mut String, group: u16, count: usize) {
    let digits = four(group);
    let digits = digits.get(..count).unwrap_or(&digits);
    out.push_str(from_utf8(digits).unwrap_or_default());
}

fn four(group: u16) -> [u8; 4] {
    let digit = |value: u16| b'0' + u8::try_from(value % 10).unwrap_or(0);
    [digit(group / 1_000), digit(group / 100), digit(group / 10), digit(group)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numeric(weight: i16, sign: u16, scale: u16, groups: &[u16]) -> Option<String> {
        let mut bytes = Vec::new();
        bytes.extend(u16::try_from(groups.len()).unwrap().to_be_bytes());
        bytes.extend(weight.to_be_bytes());
        bytes.extend([sign, scale].iter().flat_map(|part| part.to_be_bytes()));
        bytes.extend(groups.iter().flat_map(|group| group.to_be_bytes()));
        let mut out = String::new();
        Numeric::parse(&bytes).unwrap()?.write(&mut out);
        Some(out)
    }

    #[test]
    fn digits_and_scale_are_kept() {
        for (weight, sign, scale, groups, wanted) in [
            (0, 0, 2, &[901][..], "901.00"),
            (0, 0x4000, 2, &[901, 500][..], "-901.05"),
            (0, 0, 0, &[][..], "0"),
            (0, 0, 3, &[][..], "0.000"),
            (-1, 0, 4, &[1][..], "0.0001"),
            (-2, 0, 9, &[12, 3000][..], "0.000000123"),
            (2, 0, 0, &[1][..], "100000000"),
            (1, 0, 1, &[12, 34, 5000][..], "120034.5"),
        ] {
            assert_eq!(numeric(weight, sign, scale, groups).as_deref(), Some(wanted));
        }
        assert_eq!(numeric(0, 0xC000, 0, &[]), None);
        assert!(Numeric::parse(&[0, 9, 0, 0, 0, 0, 0, 0]).is_err());
        assert!(Numeric::parse(&[0, 9]).is_err());
    }
}
