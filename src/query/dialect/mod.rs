//! Reads what packages of front ends ask, and writes it as the body of a search.
//!
//! Promises: a request becomes a body that says what it says, or is refused; what a package cannot say is never guessed.
//! Faults are told where the package wrote what is wrong. What a body may say is its parser's to judge. Pure.

mod ag_grid;
mod json_server;
mod pages;
mod query;
mod row;
mod simple_rest;
#[cfg(test)]
mod tests;
mod values;

use serde_json::{Map, Value, json};

use super::Limits;
use super::fault::{Code, Fault, MAX_FAULTS, Pointer, Refusal};
use super::fields::{Fields, ID};
use crate::config::Dialect;

pub use pages::total;
pub use row::row;

/// What rows, filters and orders of all dialects call a document's id.
const NAME_OF_ID: &str = "id";
/// The words of a text, in dialects that know of them.
const TEXT: &str = "q";
/// Said where a dialect has no words for something that the API can be asked.
const PROVIDER: &str = "the data provider in prejoin's `clients/` can say it";

/// A request as a package sends it.
#[derive(Debug, Clone, Copy)]
pub enum Asked<'a> {
    /// What follows the `?`, if there is one.
    Query(Option<&'a str>),
    /// A body.
    Body(&'a [u8]),
}

/// A request as the body of a search.
#[derive(Debug, Clone, PartialEq)]
pub struct Rewritten {
    /// The body.
    pub body: Value,
    origins: Vec<(Pointer, Place)>,
}

/// Where a package wrote something.
#[derive(Debug, Clone, PartialEq)]
enum Place {
    Parameter(String),
    Pointer(Pointer),
}

impl Place {
    fn fault(&self, code: Code, what: impl Into<String>, hint: Option<&str>) -> Fault {
        let Refusal { mut faults } = Refusal::one(&Pointer::root(), code, what, hint);
        faults.iter_mut().for_each(|fault| self.tell(fault));
        faults.swap_remove(0)
    }

    fn tell(&self, fault: &mut Fault) {
        match self {
            Self::Parameter(name) => fault.parameter = Some(name.clone()),
            Self::Pointer(pointer) => fault.pointer = pointer.to_string(),
        }
    }
}

impl Rewritten {
    /// Counts every row, however many there are.
    pub fn count_all(&mut self) {
        if let Value::Object(members) = &mut self.body {
            members.insert("count".to_owned(), json!("exact"));
        }
    }

    /// Tells faults of the body by where the package wrote what they are about.
    pub fn tell(&self, faults: &mut [Fault]) {
        for fault in faults {
            let from = self.origins.iter().filter(|(pointer, _)| pointer.holds(&fault.pointer));
            if let Some((_, place)) = from.max_by_key(|(pointer, _)| pointer.len()) {
                place.tell(fault);
            }
        }
    }
}

/// Writes what is asked in `dialect` of documents with these `fields` as the body of a search. Its total is exact up to as many
/// rows as pages reach.
///
/// # Errors
/// Everything that is not understood, or that could be meant in several ways.
pub fn rewrite(
    dialect: Dialect,
    (limits, fields): (&Limits, &Fields),
    asked: Asked<'_>,
) -> Result<Rewritten, Refusal> {
    let mut writer = Writer::new(limits, fields);
    let most = limits.query_string.0;
    match (dialect, asked) {
        (Dialect::AgGrid, Asked::Body(body)) => writer.ag_grid(body)?,
        (_, Asked::Query(Some(query))) if query.len() > most => {
            let what = format!("a query string has at most {most} bytes");
            let at = Place::Parameter(String::new());
            let hint = "ask for fewer ids or values at a time; `api.limits.query_string` of the configuration can be up to 64KiB";
            writer.refuse(&at, Code::LimitExceeded, what, hint);
        }
        (Dialect::RaDataSimpleRest, Asked::Query(query)) => {
            writer.simple_rest(query.unwrap_or_default());
        }
        (Dialect::RaDataJsonServer, Asked::Query(query)) => {
            writer.json_server(query, json_server::Bare::AnyOf);
        }
        (Dialect::RefineSimpleRest, Asked::Query(query)) => {
            writer.json_server(query, json_server::Bare::Unclear);
        }
        (Dialect::RefineSimpleRestEq, Asked::Query(query)) => {
            writer.json_server(query, json_server::Bare::Equal);
        }
        (Dialect::AgGrid, Asked::Query(_)) | (_, Asked::Body(_)) => {
            let what = "this dialect does not ask in this way";
            let (at, code) = (Place::Pointer(Pointer::root()), Code::InvalidQuery);
            writer.refuse(&at, code, what, "AG Grid asks by POST, the others by GET");
        }
    }
    writer.finish()
}

/// The body as it grows.
struct Writer<'a> {
    limits: &'a Limits,
    fields: &'a Fields,
    members: Map<String, Value>,
    /// All of them hold.
    conditions: Vec<(Place, Value)>,
    origins: Vec<(Pointer, Place)>,
    faults: Vec<Fault>,
}

impl<'a> Writer<'a> {
    fn new(limits: &'a Limits, fields: &'a Fields) -> Self {
        let members = Map::from_iter([("count".to_owned(), json!("capped"))]);
        let (conditions, origins, faults) = (Vec::new(), Vec::new(), Vec::new());
        Self { limits, fields, members, conditions, origins, faults }
    }

    fn refuse(&mut self, at: &Place, code: Code, what: impl Into<String>, hint: &str) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(at.fault(code, what, Some(hint)));
        }
    }

    /// Writes a member of the body, with the parts of it that have a place of their own.
    fn put(&mut self, name: &str, value: Value, at: Place) {
        self.members.insert(name.to_owned(), value);
        self.origins.push((Pointer::root().join(name), at));
    }

    /// Words to search for; an empty box searches for none.
    fn text(&mut self, text: &str, at: Place) {
        let most = self.limits.text_length;
        if text.chars().count() > most {
            let what = format!("a text to search for has at most {most} characters");
            self.faults.push(at.fault(Code::LimitExceeded, what, None));
        } else if !text.trim().is_empty() {
            self.put("q", json!({"text": text}), at);
        }
    }

    /// The path of a field that is to be equal to something, for a name that a package has.
    fn filtered(name: &str) -> &str {
        if name == NAME_OF_ID { ID } else { name }
    }

    /// The path of a field that is put in order: there, a document's own `id` is what it is, a number perhaps.
    fn sorted<'n>(&self, name: &'n str) -> &'n str {
        if name == NAME_OF_ID && self.fields.get(name).is_none() { ID } else { name }
    }

    fn finish(mut self) -> Result<Rewritten, Refusal> {
        if !self.faults.is_empty() {
            return Err(Refusal { faults: self.faults });
        }
        let top = Pointer::root().join("filter").join("and");
        let mut filters = Vec::new();
        for (number, (place, filter)) in self.conditions.into_iter().enumerate() {
            self.origins.push((top.join(number), place));
            filters.push(filter);
        }
        if !filters.is_empty() {
            self.members.insert("filter".to_owned(), json!({ "and": filters }));
        }
        Ok(Rewritten { body: Value::Object(self.members), origins: self.origins })
    }
}
