//! The parameters that are no conditions: order, page, fields, text, facets and the like.
//!
//! Promises: each is written where the body has it; what looks like one and is none is refused by name.

use serde_json::{Value, json};

use super::scan::{Scan, Wrong};
use super::{Asks, Writer, filter, values};
use crate::finding::did_you_mean;
use crate::query::fields::Found;
use crate::query::{Code, DEFAULT_PAGE};

/// Every parameter that is no field.
pub(super) const NAMES: [&str; 20] = [
    "and",
    "or",
    "q",
    "q.fields",
    "q.mode",
    "q.fuzzy",
    "sort",
    "fields",
    "facets",
    "facet.mode",
    "timezone",
    "page[size]",
    "page[after]",
    "page[number]",
    "page[snapshot]",
    "limit",
    "offset",
    "count",
    "highlight",
    "view",
];
/// What is wrong with what stands twice, and what to do.
pub(super) const SAID: &str = "this is said already";
pub(super) const ONCE: &str = "write it once";

/// Members of the body that a query string has no form for.
const BODY_ONLY: [&str; 2] = ["filter", "aggregate"];

impl Writer<'_> {
    /// Writes the parameter, if it is no condition.
    pub(super) fn option(&mut self, name: &str, value: &str) -> Result<bool, Wrong> {
        let text = || Value::from(value);
        match name {
            "q" => self.put(&["q", "text"], name, text())?,
            "q.fields" => self.put(&["q", "fields"], name, names(value)?.into())?,
            "q.mode" => self.put(&["q", "mode"], name, text())?,
            "q.fuzzy" => self.put(&["q", "fuzzy"], name, filter::flag(value))?,
            "sort" => {
                let keys = self.sort(value)?;
                self.put(&["sort"], name, keys)?;
            }
            "fields" => self.put(&["fields"], name, names(value)?.into())?,
            "page[size]" | "limit" => self.put(&["page", "size"], name, filter::number(value))?,
            "page[after]" => self.put(&["page", "after"], name, text())?,
            "page[number]" => self.put(&["page", "number"], name, filter::number(value))?,
            "page[snapshot]" => self.put(&["page", "snapshot"], name, filter::flag(value))?,
            "offset" => self.offset(value)?,
            "count" | "view" => self.put(&[name], name, text())?,
            "highlight" => {
                let value = match filter::flag(value) {
                    Value::Bool(flag) => Value::Bool(flag),
                    _ => names(value)?.into(),
                };
                self.put(&[name], name, value)?;
            }
            "facets" => self.facets(value)?,
            "timezone" => once(&mut self.facets.timezone, value.to_owned())?,
            "facet.mode" => {
                let disjunctive = match value {
                    "disjunctive" => true,
                    "conjunctive" => false,
                    _ => {
                        let what = "`conjunctive` or `disjunctive` is expected";
                        return Err(Wrong::new(Code::InvalidValue, what));
                    }
                };
                once(&mut self.facets.disjunctive, disjunctive)?;
            }
            "and" | "or" => return Ok(false),
            _ => return self.unless_unknown(name).map(|()| false),
        }
        Ok(true)
    }

    /// Every parameter that is no field.
    fn names(&self) -> impl Iterator<Item = &'static str> {
        let all = match self.asks {
            Asks::Rows => [&NAMES[..], &[]],
            Asks::Values => values::NAMES,
        };
        all.into_iter().flatten().copied()
    }

    /// Refuses what can only be meant as another parameter than a field's.
    fn unless_unknown(&self, name: &str) -> Result<(), Wrong> {
        let wrong = Wrong::new(Code::UnknownParameter, format!("unknown parameter `{name}`"));
        if BODY_ONLY.contains(&name) {
            return Err(wrong.hint("only the body of a POST has it"));
        }
        if !matches!(self.fields.find(None, name), Found::Unknown) {
            return Ok(());
        }
        let near = |name: &str| did_you_mean(name, self.names());
        let is_slip = name.len() <= 20 && near(name).starts_with("did you mean");
        let is_field = self.fields.suggest(None, name).starts_with("did you mean");
        if name.contains('[') || (is_slip && !is_field) {
            return Err(wrong.hint(near(name)));
        }
        Ok(())
    }

    /// `-amount,contract_no,-max(settlements.amount;status.eq.overdue)`.
    fn sort(&self, value: &str) -> Result<Value, Wrong> {
        let mut scan = Scan::new(value);
        let mut keys = Vec::new();
        loop {
            keys.push(self.sort_key(&mut scan)?);
            if !scan.eat(",") {
                scan.end()?;
                return Ok(keys.into());
            }
        }
    }

    fn sort_key(&self, scan: &mut Scan<'_>) -> Result<Value, Wrong> {
        let order = if scan.eat("-") { "desc" } else { "asc" };
        let name = name(scan)?;
        if !scan.eat("(") {
            return Ok(json!({"field": name, "order": order}));
        }
        let field = self::name(scan)?;
        let mut key = json!({"field": field, "agg": name, "order": order});
        if scan.eat(";") {
            let list = self.fields.get(field).and_then(|known| known.list.as_deref());
            let conditions = filter::conditions((self.limits, self.fields), list, scan)?;
            if let Value::Object(members) = &mut key {
                members.insert("where".to_owned(), conditions);
            }
        }
        scan.expect(")")?;
        Ok(key)
    }

    fn offset(&mut self, value: &str) -> Result<(), Wrong> {
        let Ok(offset) = value.parse::<usize>() else {
            return Err(Wrong::new(Code::InvalidValue, "a whole number is expected"));
        };
        once(&mut self.offset, offset)
    }

    /// Writes the offset as the number of a page, once the size of pages is known.
    pub(super) fn place_offset(&mut self) -> Result<(), Wrong> {
        let Some(offset) = self.offset else { return Ok(()) };
        let size = self.members.get("page").and_then(|page| page.get("size"));
        // A size that is no number is told by the body's parser.
        let usual = DEFAULT_PAGE.min(self.limits.page_size);
        let size = size.map_or(usual, |size| size.to_string().parse().unwrap_or(1)).max(1);
        if offset % size != 0 {
            let what = format!("a multiple of the page's size, {size}, is expected");
            return Err(Wrong::new(Code::InvalidValue, what));
        }
        self.put(&["page", "number"], "offset", json!(offset / size + 1))
    }
}

/// Keeps what has not been said yet.
fn once<T>(said: &mut Option<T>, value: T) -> Result<(), Wrong> {
    if said.replace(value).is_some() {
        return Err(Wrong::new(Code::RepeatedKey, SAID).hint(ONCE));
    }
    Ok(())
}

/// `name,name,…`.
fn names(value: &str) -> Result<Vec<String>, Wrong> {
    let mut scan = Scan::new(value);
    let mut names = Vec::new();
    loop {
        names.push(name(&mut scan)?.to_owned());
        if !scan.eat(",") {
            scan.end()?;
            return Ok(names);
        }
    }
}

pub(super) fn name<'a>(scan: &mut Scan<'a>) -> Result<&'a str, Wrong> {
    let start = *scan;
    let name = scan.until(&[',', '(', ')', ';']);
    if name.is_empty() { Err(start.wrong("a name is expected")) } else { Ok(name) }
}
