//! Reads the query string of a search, and writes it as the body of one.
//!
//! Promises: every parameter becomes a part of the body, or the request is refused; nothing is ignored. A number keeps its
//! digits, every text is NFC. What a body may say is the body's parser's to judge: [`Translated::tell`] names its faults by
//! the parameters that they came from.

mod facets;
mod filter;
mod parameters;
mod scan;
mod string;
mod values;

use serde_json::{Map, Value};

use super::Limits;
use super::fault::{Code, Fault, MAX_FAULTS, Pointer, Refusal};
use super::fields::Fields;
use scan::Wrong;
use string::Parameter;
pub(super) use string::decode;

pub use values::translate_values;

/// A query string as the body of a search.
#[derive(Debug, Clone, PartialEq)]
pub struct Translated {
    /// The body.
    pub body: Value,
    origins: Vec<Origin>,
}

/// Which parameter a part of the body was written for.
#[derive(Debug, Clone, PartialEq)]
struct Origin {
    pointer: Pointer,
    parameter: String,
}

impl Translated {
    /// Asks for that total, unless the query string asks for one.
    pub fn prefer_count(&mut self, count: Option<&str>) {
        if let (Value::Object(members), Some(count)) = (&mut self.body, count) {
            members.entry("count").or_insert_with(|| Value::from(count));
        }
    }

    /// Tells faults of the body by the parameters that they came from.
    pub fn tell(&self, faults: &mut [Fault]) {
        for fault in faults {
            let from = self.origins.iter().filter(|origin| origin.pointer.holds(&fault.pointer));
            let closest = from.max_by_key(|origin| origin.pointer.len());
            let parameter = closest.map(|origin| origin.parameter.clone());
            fault.parameter = Some(parameter.unwrap_or_default());
        }
    }
}

/// Writes `query`, the part of a URL behind its `?`, as the body of a search of documents with these `fields`.
///
/// # Errors
/// Every parameter that is not understood, with the place in it.
pub fn translate(limits: &Limits, fields: &Fields, query: &str) -> Result<Translated, Refusal> {
    written(Writer::new(limits, fields, Asks::Rows), query)
}

/// What `query` says to `writer`.
fn written(mut writer: Writer<'_>, query: &str) -> Result<Translated, Refusal> {
    let most = writer.limits.query_string.0;
    if query.len() > most {
        let what = format!("a query string has at most {most} bytes");
        let wrong = Wrong::new(Code::LimitExceeded, what);
        let hint = "send the search as the body of a POST";
        return Err(Refusal { faults: vec![wrong.hint(hint).of("")] });
    }
    let mut faults = Vec::new();
    for parameter in string::parameters(query) {
        let (name, outcome) = match parameter {
            Ok(parameter) => (parameter.name.clone(), writer.parameter(parameter)),
            Err((name, wrong)) => (name, Err(wrong)),
        };
        faults.extend(outcome.err().map(|wrong| wrong.of(&name)));
        if faults.len() == MAX_FAULTS {
            break;
        }
    }
    if faults.is_empty() { writer.finish() } else { Err(Refusal { faults }) }
}

/// What a query string asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asks {
    /// A page of documents.
    Rows,
    /// The values of one field.
    Values,
}

/// The body as it grows.
struct Writer<'a> {
    asks: Asks,
    limits: &'a Limits,
    fields: &'a Fields,
    /// Members of the body apart from the filter.
    members: Map<String, Value>,
    origins: Vec<Origin>,
    /// Conditions, all of which must hold, with the parameters that they came from.
    conditions: Vec<Condition>,
    facets: facets::Facets,
    offset: Option<usize>,
}

struct Condition {
    /// The field, where it is about one.
    field: Option<String>,
    filter: Value,
    parameter: String,
}

impl<'a> Writer<'a> {
    fn new(limits: &'a Limits, fields: &'a Fields, asks: Asks) -> Self {
        Self {
            asks,
            limits,
            fields,
            members: Map::new(),
            origins: Vec::new(),
            conditions: Vec::new(),
            facets: facets::Facets::default(),
            offset: None,
        }
    }

    fn parameter(&mut self, parameter: Parameter) -> Result<(), Wrong> {
        let Parameter { name, value } = parameter;
        let most = self.limits.comparisons;
        if self.conditions.len() == most {
            let what = format!("more than {most} comparisons");
            let hint = "use `in` for a choice of values of one field";
            return Err(Wrong::new(Code::LimitExceeded, what).hint(hint));
        }
        // Nothing is typed yet.
        let may_be_empty = self.asks == Asks::Values && name == "prefix";
        if value.is_empty() && !may_be_empty {
            let wrong = Wrong::new(Code::InvalidQuery, "a value is expected");
            return Err(wrong.hint("`eq.` asks for the empty text"));
        }
        let is_option = match self.asks {
            Asks::Rows => self.option(&name, &value)?,
            Asks::Values => self.value_option(&name, &value)?,
        };
        if is_option {
            return Ok(());
        }
        let field = (!matches!(name.as_str(), "and" | "or")).then(|| name.clone());
        let filter = filter::parameter((self.limits, self.fields), &name, &value)?;
        self.conditions.push(Condition { field, filter, parameter: name });
        Ok(())
    }

    /// Puts `value` into the body, where nothing stands yet.
    fn put(&mut self, path: &[&str], parameter: &str, value: Value) -> Result<(), Wrong> {
        let pointer = path.iter().fold(Pointer::root(), |pointer, part| pointer.join(part));
        if self.origins.iter().any(|origin| origin.pointer == pointer) {
            let what = "this is said already, by this parameter or by another name of it";
            return Err(Wrong::new(Code::RepeatedKey, what).hint(parameters::ONCE));
        }
        let mut members = &mut self.members;
        let (last, above) = path.split_last().unwrap_or((&"", &[]));
        for part in above {
            let inner = members.entry(*part).or_insert_with(|| Value::Object(Map::new()));
            let Value::Object(inner) = inner else {
                let what = "this cannot be said beside another form of the same parameter";
                return Err(Wrong::new(Code::RepeatedKey, what));
            };
            members = inner;
        }
        members.insert((*last).to_owned(), value);
        self.origins.push(Origin { pointer, parameter: parameter.to_owned() });
        Ok(())
    }

    fn finish(mut self) -> Result<Translated, Refusal> {
        let told = |(name, wrong): (&str, Wrong)| Refusal { faults: vec![wrong.of(name)] };
        if self.asks == Asks::Values {
            self.place_values().map_err(|wrong| told(("field", wrong)))?;
        }
        self.place_offset().map_err(|wrong| told(("offset", wrong)))?;
        self.place_timezone().map_err(|wrong| told(("timezone", wrong)))?;
        self.place_choices().map_err(|(name, wrong)| told((&name, wrong)))?;
        let top = Pointer::root().join("filter");
        let several = self.conditions.len() > 1;
        let mut filters = Vec::new();
        for (number, condition) in self.conditions.into_iter().enumerate() {
            let pointer = if several { top.join("and").join(number) } else { top.clone() };
            self.origins.push(Origin { pointer, parameter: condition.parameter });
            filters.push(condition.filter);
        }
        if !filters.is_empty() {
            self.members.insert("filter".to_owned(), filter::all(filters));
        }
        Ok(Translated { body: Value::Object(self.members), origins: self.origins })
    }
}

#[cfg(test)]
mod tests;
