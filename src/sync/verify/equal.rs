//! Whether a document that the index holds is the one that the services would make, and where it is not. Pure.
//!
//! Promises: equal bytes are equal at once; other bytes are compared by their values, numbers by all of their digits and never
//! as floating-point numbers. Of a difference it tells the fields, by the names that the job gives them, and never a value.

use std::collections::{BTreeSet, HashSet};

use serde_json::Value;

use crate::mapping::OWN_FIELD;
use crate::plan::Plan;
use crate::sync::difference::{Difference, Identities, Kind, differences, member};
use crate::sync::parts::identities;

/// What stands before the instant at which a document was built, its last member.
const BUILT_AT: &[u8] = b"\"built_at\":\"";

/// Fields that are told of one document.
const FIELDS: usize = 10;

/// How two documents compare.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Compared {
    /// The same bytes but for when they were built.
    Equal,
    /// The same values in other bytes.
    Alike,
    /// Not the same.
    Different(Differing),
}

/// What tells two documents apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Differing {
    /// Fields, without positions: the first ten.
    pub(super) fields: Vec<String>,
    /// Relations of which the index holds rows that the services do not have.
    pub(super) lost: BTreeSet<String>,
    /// Whether it has the digest of what it should be: no run that compares digests will write it.
    pub(super) passes: bool,
}

/// Compares documents of one plan.
pub(super) struct Comparison {
    identities: Identities,
    relations: HashSet<String>,
    /// Fields that have none below that the job names.
    leaves: HashSet<String>,
}

impl Comparison {
    pub(super) fn of(plan: &Plan) -> Self {
        let nodes = plan.root.walk();
        let fields = nodes
            .iter()
            .flat_map(|node| node.fields.iter().map(|field| member(&node.path, &field.name)));
        let computed = plan.computed.iter().map(|computed| computed.name.clone());
        let own = ["id", "digest", "refs"].map(|name| format!("{OWN_FIELD}.{name}"));
        let leaves = fields.chain(computed).chain(own).collect();
        let relations = nodes.iter().map(|node| node.path.clone());
        let relations = relations.filter(|path| !path.is_empty()).collect();
        Self { identities: identities(plan), relations, leaves }
    }

    /// Compares what the index holds with what the services would make.
    ///
    /// # Errors
    /// When one of them is no JSON.
    pub(super) fn compare(&self, held: &[u8], built: &[u8]) -> serde_json::Result<Compared> {
        if same_bytes(held, built) {
            return Ok(Compared::Equal);
        }
        let mut held: Value = serde_json::from_slice(held)?;
        let mut built: Value = serde_json::from_slice(built)?;
        for document in [&mut held, &mut built] {
            if let Some(Value::Object(own)) = document.get_mut(OWN_FIELD) {
                own.shift_remove("built_at");
            }
        }
        if same(&held, &built) {
            return Ok(Compared::Alike);
        }
        Ok(Compared::Different(self.differing(&held, &built)))
    }

    fn differing(&self, held: &Value, built: &Value) -> Differing {
        let digest = |document: &Value| document.get(OWN_FIELD)?.get("digest").cloned();
        let passes = digest(held).is_some() && digest(held) == digest(built);
        let mut found = differences(held, built, &self.identities);
        found.retain(|found| match (&found.index, &found.services) {
            (Some(index), Some(services)) => !same(index, services),
            _ => true,
        });
        let lost = found.iter().filter(|found| self.is_loss(found));
        let lost = lost.map(|found| found.field.clone()).collect();
        let mut fields: Vec<String> = Vec::new();
        for field in found.iter().map(|found| self.known(&found.field)) {
            if fields.len() < FIELDS && !fields.contains(&field) {
                fields.push(field);
            }
        }
        // References go with the rows that they refer to.
        let is_own = |field: &String| field.starts_with(OWN_FIELD);
        if !fields.iter().all(is_own) {
            fields.retain(|field| !is_own(field));
        }
        if fields.is_empty() {
            fields.push(format!("{OWN_FIELD}.digest"));
        }
        Differing { fields, lost, passes }
    }

    /// Whether the index has a row of a relation there, and the services have none.
    fn is_loss(&self, found: &Difference) -> bool {
        let gone = match (&found.kind, &found.services) {
            (Kind::Missing, _) => true,
            (_, Some(Value::Null)) => found.index.as_ref().is_some_and(Value::is_object),
            _ => false,
        };
        gone && self.relations.contains(&found.field)
    }

    /// As much of a path as the job names: what somebody has put into the index may be called after a value.
    fn known(&self, field: &str) -> String {
        let mut path = String::new();
        for name in field.split('.') {
            let next = member(&path, name);
            if self.leaves.contains(&next) {
                return next;
            }
            if next != OWN_FIELD && !self.relations.contains(&next) {
                return member(&path, "*");
            }
            path = next;
        }
        path
    }
}

/// Whether two documents have the same bytes but for when they were built, which both tell at their end.
fn same_bytes(held: &[u8], built: &[u8]) -> bool {
    fn parted(document: &[u8]) -> Option<(&[u8], &[u8])> {
        let at = memchr::memmem::rfind(document, BUILT_AT)? + BUILT_AT.len();
        let (head, tail) = document.split_at_checked(at)?;
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-:.".contains(byte);
        tail.strip_suffix(b"\"}}").filter(|at| at.iter().all(plain)).map(|at| (head, at))
    }
    match (parted(held), parted(built)) {
        (Some((held, _)), Some((built, _))) => held == built,
        _ => false,
    }
}

/// Whether two values are the same, whatever the order of members and the spelling of numbers.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Object(left), Value::Object(right)) => {
            let is_there = |(name, value): (&String, &Value)| {
                right.get(name).is_some_and(|other| same(value, other))
            };
            left.len() == right.len() && left.iter().all(is_there)
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len()
                && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Value::Number(left), Value::Number(right)) => {
            let (left, right) = (left.to_string(), right.to_string());
            left == right || exact(&left).is_some_and(|left| Some(left) == exact(&right))
        }
        (left, right) => left == right,
    }
}

/// A number's sign, the digits that count, and the power of ten of the last of them; `None` where that power is beyond all
/// reason.
fn exact(text: &str) -> Option<(bool, String, i64)> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (mantissa, power) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    let counted = digits.trim_end_matches('0');
    if counted.is_empty() {
        return Some((false, String::new(), 0));
    }
    let power: i64 = power.parse().ok()?;
    let shift = i64::try_from(digits.len() - counted.len()).ok()?;
    let shift = shift.checked_sub(i64::try_from(fraction.len()).ok()?)?;
    Some((negative, counted.to_owned(), power.checked_add(shift)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(held: &str, built: &str) -> String {
        let relations = ["lines", "buyer", "lines.item"].map(str::to_owned);
        let leaves = ["id", "n", "lines.price", "buyer.name", "_prejoin.digest", "_prejoin.refs"];
        let comparison = Comparison {
            identities: Identities::new(),
            relations: relations.into_iter().collect(),
            leaves: leaves.map(str::to_owned).into_iter().collect(),
        };
        let compared = comparison.compare(held.as_bytes(), built.as_bytes()).unwrap();
        let Compared::Different(differing) = compared else { return format!("{compared:?}") };
        format!(
            "{} lost {:?} passes {}",
            differing.fields.join(" "),
            differing.lost,
            differing.passes
        )
    }

    fn document(members: &str, digest: &str, at: &str) -> String {
        format!(
            r#"{{{members},"_prejoin":{{"id":"7","digest":{digest},"refs":[],"built_at":"{at}"}}}}"#
        )
    }

    #[test]
    fn bytes_are_equal_but_for_when_they_were_built() {
        let built = document(r#""n":1.0"#, "5", "2026-11-21T08:30:00.000Z");
        assert_eq!(told(&document(r#""n":1.0"#, "5", "2026-11-20T08:30:00.000Z"), &built), "Equal");
        // What stands behind it is a part of it.
        let behind = built.replace(r#""}}"#, r#"","x":"2026"}}"#);
        assert_eq!(told(&behind, &built), "_prejoin.* lost {} passes true");
    }

    #[test]
    fn other_bytes_may_be_the_same_values() {
        let built = document(r#""id":"k","n":1.0"#, "5", "now");
        for held in [
            document(r#""n":1.00,"id":"k""#, "5", "then"),
            document(r#""n": 10e-1, "id": "\u006b""#, "5", "then"),
            document(r#""id":"k","n":1"#, "5", "then"),
        ] {
            assert_eq!(told(&held, &built), "Alike", "{held}");
        }
        let close = |n: &str| document(&format!(r#""n":{n}"#), "5", "now");
        // As doubles all of these are the same.
        for (held, built) in [
            ("9007199254740993", "9007199254740992"),
            ("0.1", "0.10000000000000000001"),
            ("1e400", "2e400"),
            ("-1", "1"),
        ] {
            assert_eq!(told(&close(held), &close(built)), "n lost {} passes true", "{held}");
        }
    }

    #[test]
    fn spellings_of_one_number() {
        for (left, right) in [("0", "-0.00"), ("1e3", "1000"), ("0.5", "5E-1"), ("12.30", "1.23e1")]
        {
            assert_eq!(exact(left), exact(right), "{left} {right}");
            assert!(exact(left).is_some());
        }
        assert_eq!(exact("1e99999999999999999999"), None);
    }

    #[test]
    fn fields_are_told_and_not_what_somebody_called_after_a_value() {
        let built = document(r#""id":1,"buyer":{"name":"Kim"},"lines":[{"price":1}]"#, "5", "now");
        for (members, digest, wanted) in [
            (
                r#""id":2,"buyer":{"name":"Kim"},"lines":[{"price":2}]"#,
                "4",
                "id lines.price lost {} passes false",
            ),
            (
                r#""id":1,"buyer":{"name":"Kim"},"lines":[{"price":1}],"hunter2":1"#,
                "5",
                "* lost {} passes true",
            ),
            (
                r#""id":1,"buyer":{"name":"Kim","hunter2":{"a":1}},"lines":[{"price":1}]"#,
                "5",
                "buyer.* lost {} passes true",
            ),
            (
                r#""id":1,"buyer":{"name":"Kim"},"lines":[{"price":1}]"#,
                "4",
                "_prejoin.digest lost {} passes false",
            ),
        ] {
            assert_eq!(told(&document(members, digest, "then"), &built), wanted);
        }
    }

    #[test]
    fn rows_that_only_the_index_has_are_losses() {
        let held = document(
            r#""id":1,"buyer":{"name":"Kim"},"lines":[{"price":1},{"price":2}]"#,
            "4",
            "then",
        );
        let less = |members: &str| told(&held, &document(members, "5", "now"));
        assert_eq!(
            less(r#""id":1,"buyer":null,"lines":[]"#),
            r#"buyer lines lost {"buyer", "lines"} passes false"#
        );
        assert_eq!(
            less(r#""id":1,"buyer":{"name":"Kim"},"lines":[{"price":1},{"price":2},{"price":3}]"#),
            "lines lost {} passes false"
        );
    }
}
