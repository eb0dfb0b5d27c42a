//! What tells two states of one document apart, path by path. Pure.
//!
//! Promises: numbers are compared by their digits, never as floating-point numbers; an element that was put into a list or
//! taken out of it is one difference, and not a shift of all behind it; an element is compared with itself where it has a key. Never looks at prejoin's own object but for `refs`
//! and, where nothing else tells the two apart, `digest`.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::Value;

use crate::mapping::OWN_FIELD;

/// What stands in the place of a value that is not shown.
const HIDDEN: &str = "(hidden: masked since, or of a field that the job no longer has)";

/// One place in which they differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Where: `settlements[2].amount`, counted from 0.
    pub path: String,
    /// How.
    pub kind: Kind,
    /// What the index holds; absent when nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<Value>,
    /// What the services say; absent when nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub services: Option<Value>,
    /// The path without positions.
    #[serde(skip)]
    pub(super) field: String,
}

/// How two sides differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Only the services have it: it came since.
    Added,
    /// Only the index has it: it went since.
    Missing,
    /// Both have it, with another value.
    Changed,
}

/// Of each list of objects the members that tell its elements apart, by the list's path without positions.
pub(super) type Identities = BTreeMap<String, Vec<String>>;

/// All differences, in the order of the document that the services would make.
pub(super) fn differences(
    index: &Value,
    services: &Value,
    identities: &Identities,
) -> Vec<Difference> {
    let (mut left, mut right) = (index.clone(), services.clone());
    let digests = (digest(&mut left), digest(&mut right));
    let mut comparison = Comparison { identities, found: Vec::new() };
    comparison.values(Spot::default(), Some(&left), Some(&right));
    let mut found = comparison.found;
    if found.is_empty() && digests.0 != digests.1 {
        let spot = Spot::default().member(OWN_FIELD).member("digest");
        found.extend(spot.difference(digests.0, digests.1));
    }
    found
}

/// Takes out what differs from one building to the next, and the digest, which differs with anything else.
fn digest(document: &mut Value) -> Option<Value> {
    let own = document.get_mut(OWN_FIELD)?.as_object_mut()?;
    own.shift_remove("built_at");
    own.shift_remove("digest")
}

/// A place in the document.
#[derive(Default)]
struct Spot {
    path: String,
    field: String,
}

impl Spot {
    fn member(&self, name: &str) -> Self {
        Self { path: member(&self.path, name), field: member(&self.field, name) }
    }

    fn element(&self, at: usize) -> Self {
        Self { path: format!("{}[{at}]", self.path), field: self.field.clone() }
    }

    /// `None` when neither side has it.
    fn difference(self, index: Option<Value>, services: Option<Value>) -> Option<Difference> {
        let kind = match (&index, &services) {
            (None, None) => return None,
            (None, Some(_)) => Kind::Added,
            (Some(_), None) => Kind::Missing,
            (Some(_), Some(_)) => Kind::Changed,
        };
        Some(Difference { path: self.path, kind, index, services, field: self.field })
    }
}

/// The path of a member.
pub(super) fn member(above: &str, name: &str) -> String {
    if above.is_empty() { name.to_owned() } else { format!("{above}.{name}") }
}

struct Comparison<'i> {
    identities: &'i Identities,
    found: Vec<Difference>,
}

impl Comparison<'_> {
    /// A value that at least one side has.
    fn values(&mut self, spot: Spot, index: Option<&Value>, services: Option<&Value>) {
        match (index, services) {
            _ if index == services => {}
            (Some(Value::Object(index)), Some(Value::Object(services))) => {
                let gone = index.keys().filter(|name| !services.contains_key(*name));
                for name in services.keys().chain(gone) {
                    self.values(spot.member(name), index.get(name), services.get(name));
                }
            }
            (Some(Value::Array(index)), Some(Value::Array(services))) => {
                let before = self.found.len();
                self.by_identity(&spot, index, services);
                // The same elements, in another order; or elements that nothing tells apart.
                if self.found.len() == before {
                    self.by_place(&spot, index, services);
                }
            }
            _ => self.found.extend(spot.difference(index.cloned(), services.cloned())),
        }
    }

    /// Elements that are the same one are compared, wherever they stand.
    fn by_identity(&mut self, spot: &Spot, index: &[Value], services: &[Value]) {
        let (left, right) = (self.identified(spot, index), self.identified(spot, services));
        let (Some(left), Some(right)) = (left, right) else { return };
        for (at, (identity, value)) in right.iter().enumerate() {
            self.values(spot.element(at), left.get(identity).copied(), Some(value));
        }
        for (at, (identity, value)) in left.iter().enumerate() {
            if !right.contains_key(identity) {
                self.values(spot.element(at), Some(value), None);
            }
        }
    }

    /// Elements by what they are told apart by: their key, or themselves; `None` when two are alike, or one has nothing.
    fn identified<'v>(
        &self,
        spot: &Spot,
        list: &'v [Value],
    ) -> Option<IndexMap<String, &'v Value>> {
        let mut identified = IndexMap::new();
        for value in list {
            let identity = match value {
                Value::Object(members) => {
                    let names = self.identities.get(&spot.field)?.iter();
                    names.map(|name| Some(members.get(name)?.to_string())).collect::<Option<_>>()?
                }
                Value::Array(_) => return None,
                scalar => vec![scalar.to_string()],
            };
            if identified.insert(identity.join("\n"), value).is_some() {
                return None;
            }
        }
        Some(identified)
    }

    /// What both lists begin and end with stays; what lies between is compared one by one.
    fn by_place(&mut self, spot: &Spot, index: &[Value], services: &[Value]) {
        let same = |pair: &(&Value, &Value)| pair.0 == pair.1;
        let head = index.iter().zip(services).take_while(same).count();
        let (index, services) = (index.iter().skip(head), services.iter().skip(head));
        let tail = index.clone().rev().zip(services.clone().rev()).take_while(same).count();
        let (left, right) = (index.len() - tail, services.len() - tail);
        let (mut index, mut services) = (index.take(left), services.take(right));
        for at in head..head + left.max(right) {
            self.values(spot.element(at), index.next(), services.next());
        }
    }
}

/// Hides what the index holds in fields that are not among `shown`, nor within one of them.
pub(super) fn hide_unknown(differences: &mut [Difference], shown: &BTreeSet<String>) {
    for difference in differences {
        if let Some(value) = &mut difference.index {
            hide(value, &difference.field, shown);
        }
    }
}

fn hide(value: &mut Value, field: &str, shown: &BTreeSet<String>) {
    let ends = field.match_indices('.').map(|(at, _)| at).chain([field.len()]);
    if ends.filter_map(|end| field.get(..end)).any(|path| shown.contains(path)) {
        return;
    }
    match value {
        Value::Null => {}
        Value::Object(members) => {
            members.iter_mut().for_each(|(name, value)| hide(value, &member(field, name), shown));
        }
        Value::Array(elements) => {
            elements.iter_mut().for_each(|element| hide(element, field, shown));
        }
        hidden => *hidden = Value::from(HIDDEN),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(index: &str, services: &str) -> String {
        told_by(index, services, &Identities::new())
    }

    fn told_by(index: &str, services: &str, identities: &Identities) -> String {
        let [index, services] = [index, services].map(|text| serde_json::from_str(text).unwrap());
        let side = |value: &Option<Value>| value.as_ref().map_or("-".to_owned(), Value::to_string);
        let line = |found: &Difference| {
            let (index, services) = (side(&found.index), side(&found.services));
            format!("{:?} {}: {index} {services}", found.kind, found.path)
        };
        differences(&index, &services, identities).iter().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn values_are_told_by_path() {
        insta::assert_snapshot!(told(
            r#"{"a": 1, "gone": null, "o": {"x": "old", "same": 1}, "one": null, "n": 12345678901234567890.10}"#,
            r#"{"a": 1, "o": {"x": "new", "same": 1}, "one": {"name": "Kim"}, "n": 12345678901234567890.11, "came": []}"#,
        ), @r#"
        Changed o.x: "old" "new"
        Changed one: null {"name":"Kim"}
        Changed n: 12345678901234567890.10 12345678901234567890.11
        Added came: - []
        Missing gone: null -
        "#);
    }

    #[test]
    fn numbers_are_their_digits() {
        assert_eq!(told(r#"{"n": 1.0}"#, r#"{"n": 1.00}"#), "Changed n: 1.0 1.00");
        assert_eq!(told(r#"{"n": 9007199254740993}"#, r#"{"n": 9007199254740993}"#), "");
    }

    #[test]
    fn what_comes_and_goes_in_a_list_moves_nothing_else() {
        let list = |ids: &[u8]| {
            let rows: Vec<String> = ids.iter().map(|id| format!(r#"{{"id": {id}}}"#)).collect();
            format!(r#"{{"l": [{}]}}"#, rows.join(","))
        };
        for (index, services, wanted) in [
            (&[1, 2, 3][..], &[1, 3][..], r#"Missing l[1]: {"id":2} -"#),
            (&[1, 3], &[1, 2, 3], r#"Added l[1]: - {"id":2}"#),
            (&[1, 2, 3], &[1, 7, 3], "Changed l[1].id: 2 7"),
            (&[1, 1], &[1], r#"Missing l[1]: {"id":1} -"#),
            (&[], &[1], r#"Added l[0]: - {"id":1}"#),
        ] {
            assert_eq!(told(&list(index), &list(services)), wanted);
        }
    }

    #[test]
    fn elements_are_compared_with_themselves() {
        let identities = Identities::from([("l".to_owned(), vec!["id".to_owned()])]);
        let list = |rows: &[(u8, &str)]| {
            let rows = rows.iter().map(|(id, a)| format!(r#"{{"id": {id}, "a": "{a}"}}"#));
            format!(r#"{{"l": [{}]}}"#, rows.collect::<Vec<_>>().join(","))
        };
        let old = list(&[(1, "x"), (3, "x"), (4, "x")]);
        insta::assert_snapshot!(told_by(&old, &list(&[(1, "x"), (2, "x"), (3, "y")]), &identities), @r#"
        Added l[1]: - {"id":2,"a":"x"}
        Changed l[2].a: "x" "y"
        Missing l[2]: {"id":4,"a":"x"} -
        "#);
        // Another order is a difference too, and so is what came twice.
        assert_eq!(
            told_by(&list(&[(1, ""), (3, "")]), &list(&[(3, ""), (1, "")]), &identities)
                .lines()
                .count(),
            2
        );
        assert_eq!(
            told_by(&list(&[(1, "")]), &list(&[(1, ""), (1, "")]), &identities),
            r#"Added l[1]: - {"id":1,"a":""}"#
        );
        assert_eq!(
            told(r#"["a", "b", "d"]"#, r#"["b", "c", "d"]"#),
            "Added [1]: - \"c\"\nMissing [0]: \"a\" -"
        );
    }

    #[test]
    fn a_digest_is_told_where_nothing_else_differs() {
        let document =
            |a: u8, own: &str| format!(r#"{{"a": {a}, "_prejoin": {{"id": "7", {own}}}}}"#);
        let old = document(1, r#""digest": "x", "built_at": "then""#);
        assert_eq!(told(&old, &document(1, r#""digest": "x", "built_at": "now""#)), "");
        assert_eq!(
            told(&old, &document(1, r#""digest": "y""#)),
            r#"Changed _prejoin.digest: "x" "y""#
        );
        assert_eq!(told(&old, &document(2, r#""digest": "y""#)), "Changed a: 1 2");
    }

    #[test]
    fn only_what_is_known_to_be_harmless_is_shown_of_another_jobs_index() {
        let index =
            r#"{"name": "Kim", "tags": [{"no": "123", "ok": 1, "j": {"x": 2}}], "was": "123"}"#;
        let [index, none] = [index, "{}"].map(|text| serde_json::from_str(text).unwrap());
        let mut found = differences(&index, &none, &Identities::new());
        let shown = ["name", "tags.ok", "tags.j"].map(str::to_owned);
        hide_unknown(&mut found, &shown.into_iter().collect());
        let values: Vec<String> =
            found.iter().filter_map(|found| Some(found.index.as_ref()?.to_string())).collect();
        let hidden = format!("{HIDDEN:?}");
        let tags = format!(r#"[{{"no":{hidden},"ok":1,"j":{{"x":2}}}}]"#);
        assert_eq!(values, [r#""Kim""#, tags.as_str(), hidden.as_str()]);
    }
}
