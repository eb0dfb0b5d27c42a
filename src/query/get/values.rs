//! Reads the query string of `GET /v1/{index}:facet`, and writes it as the body of a search without rows.
//!
//! Promises: what narrows a search by query string narrows these values, and is read by the same code; a parameter that says
//! something of rows is refused.

use serde_json::{Value, json};

use super::facets::Counted;
use super::scan::Wrong;
use super::{Asks, Translated, Writer, filter, parameters, written};
use crate::query::fault::{Code, Refusal};
use crate::query::fields::Fields;
use crate::query::{Facet, Limits};

/// Parameters that no search has.
const OWN: &[&str] = &["field", "prefix", "size"];
/// Parameters of a search that say something of which documents there are.
const NARROWING: &[&str] =
    &["and", "or", "q", "q.fields", "q.mode", "q.fuzzy", "facet.mode", "view"];
/// Every parameter that is no field.
pub(super) const NAMES: [&[&str]; 2] = [OWN, NARROWING];

/// Writes `query`, the part of a URL behind its `?`, as the body of a search with one facet, [`Facet::ASKED`], and no rows.
///
/// # Errors
/// Every parameter that is not understood, with the place in it.
pub fn translate_values(
    limits: &Limits,
    fields: &Fields,
    query: &str,
) -> Result<Translated, Refusal> {
    written(Writer::new(limits, fields, Asks::Values), query)
}

impl Writer<'_> {
    /// Writes the parameter, if it is no condition.
    pub(super) fn value_option(&mut self, name: &str, value: &str) -> Result<bool, Wrong> {
        let of_facet = |member| ["facets", Facet::ASKED, member];
        match name {
            "field" => {
                self.facets.counted = vec![Counted { field: value.to_owned(), only: None }];
                self.put(&of_facet("field"), name, Value::from(value))?;
            }
            "prefix" => self.put(&of_facet("prefix"), name, Value::from(value))?,
            "size" => self.put(&of_facet("size"), name, filter::number(value))?,
            _ if parameters::NAMES.contains(&name) && !NARROWING.contains(&name) => {
                let what = format!("`{name}` says nothing of values");
                let known: Vec<&str> = NAMES.into_iter().flatten().copied().collect();
                let hint = format!("known are {}, and fields", known.join(", "));
                return Err(Wrong::new(Code::UnknownParameter, what).hint(hint));
            }
            _ => return self.option(name, value),
        }
        Ok(true)
    }

    /// Asks for one facet and no rows.
    pub(super) fn place_values(&mut self) -> Result<(), Wrong> {
        if self.facets.counted.is_empty() {
            let what = "`field` is missing: whose values are asked for";
            return Err(Wrong::new(Code::InvalidQuery, what).hint("write `field=manager.name`"));
        }
        self.members.insert("page".to_owned(), json!({"size": 0}));
        self.members.insert("count".to_owned(), json!("none"));
        Ok(())
    }
}
