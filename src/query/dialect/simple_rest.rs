//! The dialect of `ra-data-simple-rest`: `?sort=["amount","DESC"]&range=[0,24]&filter={"status":"active"}`.
//!
//! Promises: `filter` is a filter of ours, in which a value stands for `eq`, a list for `in`, `null` for the lack of a value, and
//! an object in an object for a path, as forms nest their inputs.

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::query::Parameter;
use super::values::{self, DEEPEST, Members, Wrong};
use super::{NAME_OF_ID, PROVIDER, Place, TEXT, Writer};
use crate::query::Code;
use crate::query::fields::{ID, Kind, Shape};
use crate::query::json::{self, Json};

const FILTER: &str = "filter";
/// Operators by which documents are found by their ids.
const EQUALITIES: [&str; 4] = ["eq", "ne", "in", "nin"];

impl Writer<'_> {
    pub(super) fn simple_rest(&mut self, query: &str) {
        let mut parameters = self.parameters(query);
        if let Some(text) = self.once(FILTER, &mut parameters) {
            self.filter(&text);
        }
        if let Some(text) = self.once("sort", &mut parameters) {
            self.pair_to_sort_by(&text);
        }
        match self.once("range", &mut parameters) {
            Some(text) => self.range(&text),
            None => self.all_rows(),
        }
        for Parameter { name, .. } in parameters {
            let at = Place::Parameter(name.clone());
            let what = format!("unknown parameter `{name}`");
            let hint = match name.as_str() {
                "embed" => "documents have what belongs to them in them already: leave it out",
                _ => "there are `filter`, `range` and `sort`",
            };
            self.refuse(&at, Code::UnknownParameter, what, hint);
        }
    }

    fn pair_to_sort_by(&mut self, text: &str) {
        let at = Place::Parameter("sort".to_owned());
        let Ok((field, order)) = serde_json::from_str::<(String, String)>(text) else {
            let hint = r#"write `["amount","DESC"]`"#;
            return self.refuse(&at, Code::InvalidValue, "a field and an order are expected", hint);
        };
        let key = json!({"field": self.sorted(&field), "order": order.to_ascii_lowercase()});
        self.put("sort", json!([key]), at);
    }

    fn range(&mut self, text: &str) {
        let at = Place::Parameter("range".to_owned());
        match serde_json::from_str::<(usize, usize)>(text) {
            Ok((first, last)) => self.page(first, last.saturating_add(1), at),
            Err(_) => {
                let what = "the first and the last row of a page are expected";
                self.refuse(&at, Code::InvalidValue, what, "write `[0,24]`");
            }
        }
    }

    fn filter(&mut self, text: &str) {
        let at = Place::Parameter(FILTER.to_owned());
        if json::depth(text) > DEEPEST {
            let what = format!("the filter is nested more than {DEEPEST} deep");
            return self.refuse(&at, Code::LimitExceeded, what, "ask for less at a time");
        }
        let read = serde_json::from_str::<&RawValue>(text).map(Json::open);
        let Ok(Ok(Json::Object(members))) = read else {
            let hint = r#"write `{"status":"active"}`"#;
            return self.refuse(&at, Code::InvalidValue, "a filter is expected, as JSON", hint);
        };
        let (words, others): (Members<'_>, Members<'_>) =
            members.into_iter().partition(|(name, _)| name == TEXT);
        match words.as_slice() {
            [] => {}
            [(_, words)] => match Json::open(words) {
                Ok(Json::Text(text)) => self.text(&text, at.clone()),
                _ => {
                    let what = "`q` is a text to search for";
                    self.refuse(&at, Code::InvalidValue, what, PROVIDER);
                }
            },
            _ => self.wrong(values::twice(TEXT)),
        }
        let filters = self.node(others, None);
        self.conditions.extend(filters.into_iter().map(|filter| (at.clone(), filter)));
    }

    fn wrong(&mut self, (code, what, hint): Wrong) {
        self.refuse(&Place::Parameter(FILTER.to_owned()), code, what, hint);
    }

    /// The filters of the members of an object, which stands at that path or is a filter.
    fn node(&mut self, members: Members<'_>, path: Option<&str>) -> Vec<Value> {
        let members = values::once_each(members).unwrap_or_else(|wrong| {
            self.wrong(wrong);
            Members::new()
        });
        let mut filters = Vec::new();
        for (name, raw) in members {
            match (path, name.as_str(), Json::open(raw)) {
                (Some(path), _, _) => filters.extend(self.named(&format!("{path}.{name}"), raw)),
                (None, "and" | "or", Ok(Json::List(elements))) => {
                    let each = elements.into_iter().map(|element| self.closed(element));
                    let each = each.collect::<Vec<_>>();
                    filters.push(values::object(name, each));
                }
                (None, "not", _) => filters.push(values::object(name, self.closed(raw))),
                (None, NAME_OF_ID, Ok(Json::Object(operators))) => {
                    let told = self.of_id(operators);
                    filters.extend(self.read(told).into_iter().flatten());
                }
                (None, name, _) => filters.extend(self.named(Self::filtered(name), raw)),
            }
        }
        filters
    }

    /// A filter within another.
    fn closed(&mut self, raw: &RawValue) -> Value {
        let Ok(Json::Object(members)) = Json::open(raw) else {
            let told = values::as_it_is(raw);
            return self.read(told).unwrap_or_default();
        };
        let mut filters = self.node(members, None);
        match filters.len() {
            1 => filters.swap_remove(0),
            _ => values::object("and", filters),
        }
    }

    /// Operators on `id`: it is documents that are equal or not, and their own `id` that has an order.
    fn of_id(&self, operators: Members<'_>) -> Result<Vec<Value>, Wrong> {
        let is_equality = |(name, _): &(String, _)| EQUALITIES.contains(&name.as_str());
        let (equal, others): (Members<'_>, Members<'_>) =
            values::once_each(operators)?.into_iter().partition(is_equality);
        let mut filters = Vec::new();
        if !others.is_empty() || equal.is_empty() {
            let others = others.into_iter().map(|(name, raw)| Ok((name, values::as_it_is(raw)?)));
            let others = others.collect::<Result<Map<_, _>, Wrong>>()?;
            filters.push(values::object(self.sorted(NAME_OF_ID), others));
        }
        for (name, raw) in equal {
            let told = match Json::open(raw) {
                Ok(Json::List(each)) => of_each(Some(Kind::Id), each)?.into(),
                _ => values::of_json(Some(Kind::Id), raw)?,
            };
            filters.push(values::object(ID, values::object(name, told)));
        }
        Ok(filters)
    }

    /// What is said of the field, or of those below it.
    fn named(&mut self, path: &str, raw: &RawValue) -> Vec<Value> {
        let kind = values::kind(self.fields, path);
        let told = match Json::open(raw) {
            Ok(Json::Object(members)) if self.is_outer(path, &members) => {
                return self.node(members, Some(path));
            }
            Ok(Json::List(each)) => of_each(kind, each).map(|each| values::object("in", each)),
            Ok(Json::Null) => Ok(values::object("exists", false)),
            Ok(Json::Object(_)) | Err(_) => values::as_it_is(raw),
            Ok(_) => values::of_json(kind, raw).map(|value| values::object("eq", value)),
        };
        self.read(told).map(|told| values::object(path, told)).into_iter().collect()
    }

    /// What could be read; says what is wrong with it otherwise.
    fn read<T>(&mut self, told: Result<T, Wrong>) -> Option<T> {
        told.map_err(|wrong| self.wrong(wrong)).ok()
    }

    /// Whether an object names fields, and no operators.
    fn is_outer(&self, path: &str, members: &[(String, &RawValue)]) -> bool {
        match values::known(self.fields, path).map(|known| &known.shape) {
            Some(Shape::Value(_) | Shape::List) => false,
            Some(Shape::Object) => members.iter().any(|(name, _)| name != "exists"),
            // Without members it names nothing, and is nothing that the body's parser knows.
            None => !members.is_empty(),
        }
    }
}

fn of_each(kind: Option<Kind>, each: Vec<&RawValue>) -> Result<Vec<Value>, Wrong> {
    each.into_iter().map(|raw| values::of_json(kind, raw)).collect()
}
