//! Cuts a document down to the fields that were asked for.
//!
//! Promises: what is kept is kept byte by byte, so that a number of 38 digits stays one; members keep their order; lists keep
//! their length. prejoin's own object is not part of a row. Never parses what it does not have to open.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

use super::json::Json;
use crate::mapping::OWN_FIELD;

/// The member that holds the document's id, first in every row.
const ID: &str = "_id";

/// Fields to keep.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    whole: bool,
    members: BTreeMap<String, Selection>,
}

impl Selection {
    /// Everything below these paths; every field without them.
    pub fn new(paths: Option<&[String]>) -> Self {
        let mut selection = Self { whole: paths.is_none(), ..Self::default() };
        for path in paths.unwrap_or_default() {
            let end = path
                .split('.')
                .fold(&mut selection, |at, name| at.members.entry(name.to_owned()).or_default());
            end.whole = true;
        }
        selection
    }

    /// The row of a document: its id, then its selected fields.
    ///
    /// # Errors
    /// When `source` is no JSON object.
    pub fn row(&self, id: &str, source: &RawValue) -> serde_json::Result<Box<RawValue>> {
        let Json::Object(members) = Json::open(source)? else {
            return Err(serde::de::Error::custom("a document is an object"));
        };
        let mut row = format!("{{\"{ID}\":{}", Value::from(id));
        for (name, value) in members {
            if name != OWN_FIELD {
                self.member(&name, value, &mut row)?;
            }
        }
        row.push('}');
        RawValue::from_string(row)
    }

    /// Writes one member, if it is selected, after others.
    fn member(&self, name: &str, value: &RawValue, out: &mut String) -> serde_json::Result<()> {
        let selected = self.members.get(name);
        if !self.whole && selected.is_none() {
            return Ok(());
        }
        if !out.ends_with('{') {
            out.push(',');
        }
        out.push_str(&Value::from(name).to_string());
        out.push(':');
        match selected {
            Some(inner) if !self.whole => inner.value(value, out),
            _ => {
                out.push_str(value.get());
                Ok(())
            }
        }
    }

    fn value(&self, value: &RawValue, out: &mut String) -> serde_json::Result<()> {
        let opens = value.get().starts_with(['{', '[']);
        if self.whole || !opens {
            out.push_str(value.get());
            return Ok(());
        }
        match Json::open(value)? {
            Json::Object(members) => {
                out.push('{');
                for (name, value) in members {
                    self.member(&name, value, out)?;
                }
                out.push('}');
            }
            Json::List(elements) => {
                out.push('[');
                for (number, element) in elements.into_iter().enumerate() {
                    if number > 0 {
                        out.push(',');
                    }
                    self.value(element, out)?;
                }
                out.push(']');
            }
            _ => out.push_str(value.get()),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = r#"{"title":"a \"b\"","amount":12345678901234567890123456789012345678.10,
        "manager":{"name":"김철수","team":{"id":1}},"company":null,
        "settlements":[{"id":1,"amount":1.50},{"id":2}],"_prejoin":{"id":"c1"}}"#;

    fn row(paths: Option<&[&str]>) -> String {
        let paths: Option<Vec<String>> =
            paths.map(|paths| paths.iter().map(|path| (*path).to_owned()).collect());
        let selection = Selection::new(paths.as_deref());
        let row = selection.row("c\"1", serde_json::from_str(SOURCE).unwrap()).unwrap();
        row.get().replace("\n        ", "")
    }

    #[test]
    fn a_row_without_selection_is_the_document_and_its_id() {
        insta::assert_snapshot!(row(None), @r#"{"_id":"c\"1","title":"a \"b\"","amount":12345678901234567890123456789012345678.10,"manager":{"name":"김철수","team":{"id":1}},"company":null,"settlements":[{"id":1,"amount":1.50},{"id":2}]}"#);
    }

    #[test]
    fn paths_select_members_of_objects_and_of_elements() {
        insta::assert_snapshot!(row(Some(&["settlements.amount", "company.name", "manager", "manager.name", "amount"])), @r#"{"_id":"c\"1","amount":12345678901234567890123456789012345678.10,"manager":{"name":"김철수","team":{"id":1}},"company":null,"settlements":[{"amount":1.50},{}]}"#);
        insta::assert_snapshot!(row(Some(&["manager.team.id"])), @r#"{"_id":"c\"1","manager":{"team":{"id":1}}}"#);
        insta::assert_snapshot!(row(Some(&[])), @r#"{"_id":"c\"1"}"#);
    }
}
