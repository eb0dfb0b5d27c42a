//! Which rows a caller may see: a filter of the configuration, with the caller's claims in it.
//!
//! Promises: a claim is a value of its field's type, never a part of the filter's text. A claim that is absent, empty or does
//! not fit leaves nothing to see, wherever in the filter it stands. Never widens what the filter says.

use serde_json::{Map, Value};

use super::fields::Fields;
use super::{Code, Filter, Refusal, parse};

/// What begins the place of a claim.
const OPEN: &str = "${";
const CLAIMS: &str = "${claims.";

/// A filter in the grammar of searches, with `"${claims.NAME}"` in place of values.
#[derive(Debug, Clone, PartialEq)]
pub struct RowFilter(Map<String, Value>);

impl RowFilter {
    /// The filter of this text of JSON.
    ///
    /// # Errors
    /// Says which place of a claim is not one.
    pub fn new(template: Value) -> Result<Self, String> {
        well_placed(&template)?;
        match template {
            Value::Object(members) => Ok(Self(members)),
            _ => Err("a filter is an object".to_owned()),
        }
    }

    /// Whether it can be asked of these fields, whatever the claims.
    ///
    /// # Errors
    /// What does not fit.
    pub fn fits(&self, fields: &Fields) -> Result<(), Refusal> {
        let template = Value::Object(self.0.clone());
        let Err(mut refusal) = parse::filter_alone(fields, &template.to_string()) else {
            return Ok(());
        };
        // A place is a text, which its claim need not be.
        let is_place = |pointer: &str| {
            let at = pointer.strip_prefix("/filter").unwrap_or_default();
            template.pointer(at).and_then(Value::as_str).is_some_and(|at| at.starts_with(OPEN))
        };
        refusal
            .faults
            .retain(|fault| fault.code != Code::InvalidValue || !is_place(&fault.pointer));
        if refusal.faults.is_empty() { Ok(()) } else { Err(refusal) }
    }

    /// The filter of a caller with these claims.
    ///
    /// # Errors
    /// What does not fit the fields; then there is nothing to see.
    pub fn of(&self, fields: &Fields, claims: &Map<String, Value>) -> Result<Filter, Refusal> {
        match fill_members(&self.0, claims) {
            Some(filled) => parse::filter_alone(fields, &Value::Object(filled).to_string()),
            None => Ok(Filter::Or(Vec::new())),
        }
    }
}

/// The claim of that name: a member, or one within objects by a name with dots.
pub fn claim<'c>(claims: &'c Map<String, Value>, name: &str) -> Option<&'c Value> {
    if let Some(value) = claims.get(name) {
        return Some(value);
    }
    let (head, rest) = name.split_once('.')?;
    claim(claims.get(head)?.as_object()?, rest)
}

fn place(text: &str) -> Option<&str> {
    let name = text.strip_prefix(CLAIMS)?.strip_suffix('}')?;
    (!name.is_empty() && !name.contains(['$', '{', '}'])).then_some(name)
}

fn well_placed(value: &Value) -> Result<(), String> {
    match value {
        Value::String(text) if text.contains(OPEN) && place(text).is_none() => {
            Err(format!("`{OPEN}…}}` is a value of its own, such as \"{CLAIMS}tenant}}\""))
        }
        Value::Array(elements) => elements.iter().try_for_each(well_placed),
        Value::Object(members) => members.iter().try_for_each(|(name, below)| {
            if name.contains(OPEN) {
                return Err("a claim is a value, not a name".to_owned());
            }
            well_placed(below)
        }),
        _ => Ok(()),
    }
}

/// With its claims; `None` when one of them leaves nothing to see.
fn fill(value: &Value, claims: &Map<String, Value>) -> Option<Value> {
    match value {
        Value::String(text) => match place(text) {
            Some(name) => single(claim(claims, name)?).cloned(),
            None => Some(value.clone()),
        },
        Value::Array(elements) => {
            elements.iter().map(|element| fill(element, claims)).collect::<Option<_>>()
        }
        Value::Object(members) => fill_members(members, claims).map(Value::Object),
        other => Some(other.clone()),
    }
}

fn fill_members(
    members: &Map<String, Value>,
    claims: &Map<String, Value>,
) -> Option<Map<String, Value>> {
    let mut filled = Map::new();
    for (name, value) in members {
        let given = value.as_str().and_then(place).map(|name| claim(claims, name));
        let (name, value) = match (name.as_str(), given) {
            ("eq" | "in", Some(Some(Value::Array(list)))) => ("in", Value::Array(choice(list)?)),
            ("in", Some(one)) => ("in", Value::Array(vec![single(one?)?.clone()])),
            (name, _) => (name, fill(value, claims)?),
        };
        // `eq` of a list beside an `in` would take its place.
        if filled.insert(name.to_owned(), value).is_some() {
            return None;
        }
    }
    Some(filled)
}

fn choice(list: &[Value]) -> Option<Vec<Value>> {
    let values = list.iter().map(|value| single(value).cloned()).collect::<Option<Vec<_>>>()?;
    (!values.is_empty()).then_some(values)
}

/// A value to compare with, if it is one.
fn single(value: &Value) -> Option<&Value> {
    match value {
        Value::String(text) => (!text.trim().is_empty()).then_some(value),
        Value::Number(_) | Value::Bool(_) => Some(value),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::fields::tests::fields;
    use serde_json::json;

    fn read(template: &Value, claims: &Value) -> String {
        let rows = RowFilter::new(template.clone()).unwrap();
        let filter = rows.of(&fields(), claims.as_object().unwrap());
        filter.map_or_else(
            |refusal| refusal.to_string(),
            |filter| crate::query::dsl::clause(&filter).to_string(),
        )
    }

    #[test]
    fn claims_are_values_of_their_fields_type() {
        let by_title = json!({"title": {"eq": "${claims.tenant}"}});
        insta::assert_snapshot!(read(&by_title, &json!({"tenant": "t\"1"})), @r#"{"term":{"title.raw":{"value":"t\"1"}}}"#);
        insta::assert_snapshot!(read(&by_title, &json!({"tenant": ["a", "b"]})), @r#"{"terms":{"title.raw":["a","b"]}}"#);
        insta::assert_snapshot!(read(&json!({"amount": {"in": "${claims.org.ids}"}}), &json!({"org": {"ids": 7}})), @r#"{"terms":{"amount":[7]}}"#);
        insta::assert_snapshot!(read(&by_title, &json!({"tenant": 7})), @"/filter/title/eq invalid_value: a string is expected here, not a number");
    }

    #[test]
    fn a_claim_that_is_absent_or_empty_leaves_nothing_wherever_it_stands() {
        let place = "${claims.tenant}";
        let filters = [
            json!({"title": {"eq": place}}),
            json!({"title": {"in": place}}),
            json!({"title": {"in": ["a", place]}}),
            json!({"title": {"ne": place}}),
            json!({"not": {"title": {"eq": place}}}),
            json!({"or": [{"paid": {"eq": true}}, {"title": {"eq": place}}]}),
            json!({"settlements": {"some": {"status": {"eq": place}}}}),
        ];
        let claims = [
            json!({}),
            json!({"tenant": null}),
            json!({"tenant": ""}),
            json!({"tenant": " "}),
            json!({"tenant": []}),
            json!({"tenant": ["a", ""]}),
            json!({"tenant": ["a", null]}),
            json!({"tenant": {"eq": "a"}}),
            json!({"other": "a"}),
        ];
        for (filter, claims) in
            filters.iter().flat_map(|filter| claims.iter().map(move |claims| (filter, claims)))
        {
            assert_eq!(read(filter, claims), r#"{"match_none":{}}"#, "{filter} {claims}");
        }
        let list = json!({"tenant": ["a", "b"]});
        for filter in
            [json!({"title": {"ne": place}}), json!({"title": {"eq": place, "in": ["a"]}})]
        {
            assert_eq!(read(&filter, &list), r#"{"match_none":{}}"#, "{filter}");
        }
    }

    #[test]
    fn a_template_is_held_against_the_fields_before_there_are_claims() {
        let said = |template: Value| {
            let rows = RowFilter::new(template)?;
            rows.fits(&fields()).map_err(|refusal| refusal.to_string())
        };
        assert_eq!(
            said(json!({"amount": {"eq": "${claims.a}"}, "title": {"in": "${claims.a}"}})),
            Ok(())
        );
        insta::assert_snapshot!(said(json!({"tenant": {"eq": "${claims.a}"}})).unwrap_err(), @"/filter/tenant unknown_field: unknown field `tenant` (known here are amount, manager, memo, paid, place, rate, secret, settlements, signed_at, title)");
        assert!(said(json!({"amount": {"eq": "7"}})).is_err());
        insta::assert_snapshot!(said(json!({"title": {"eq": "t-${claims.a}"}})).unwrap_err(), @r#"`${…}` is a value of its own, such as "${claims.tenant}""#);
        assert!(said(json!({"${claims.a}": {"eq": "7"}})).is_err());
    }
}
