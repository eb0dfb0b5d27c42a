//! The dialect of AG Grid's infinite row model: `{"startRow": 0, "endRow": 100, "sortModel": […], "filterModel": {…}}`.
//!
//! Promises: a filter is what the grid's own rows would be held to, by the defaults of its `filterParams`, which it does not send,
//! but that texts compare as the index does: a part of a text is found in any case, a whole one or its beginning is not. Days are
//! those of UTC. What only a browser knows, such as `today`, is refused.

use jiff::civil::{Date, DateTime};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::values::{self, DEEPEST, Members, Wrong};
use super::{PROVIDER, Place, Writer};
use crate::query::fields::{ID, Kind};
use crate::query::json::{self, Json};
use crate::query::{Code, Pointer, Refusal};

const KEYS: &str =
    "there are `startRow`, `endRow`, `sortModel`, `filterModel` and `inRangeInclusive`";

/// One condition of a column.
struct Condition<'a> {
    path: &'a str,
    kind: Option<Kind>,
    /// `text`, `number`, `bigint` or `date`.
    filter_type: &'a str,
    /// What it compares with.
    low: Option<Value>,
    high: Option<Value>,
    inclusive: bool,
}

impl Writer<'_> {
    pub(super) fn ag_grid(&mut self, body: &[u8]) -> Result<(), Refusal> {
        let root = Pointer::root();
        let raw: &RawValue = serde_json::from_slice(body).map_err(|error| {
            let what =
                format!("not valid JSON at line {}, column {}", error.line(), error.column());
            Refusal::one(&root, Code::InvalidJson, what, None)
        })?;
        if json::depth(raw.get()) > DEEPEST {
            let what = format!("the body is nested more than {DEEPEST} deep");
            return Err(Refusal::one(&root, Code::LimitExceeded, what, Some(KEYS)));
        }
        let Ok(Json::Object(members)) = Json::open(raw) else {
            let what = "an object is expected here";
            return Err(Refusal::one(&root, Code::InvalidValue, what, Some(KEYS)));
        };
        let known = ["startRow", "endRow", "sortModel", "filterModel", "inRangeInclusive"];
        for (number, (name, _)) in members.iter().enumerate() {
            let at = Place::Pointer(root.join(name));
            if !known.contains(&name.as_str()) {
                let what = format!("unknown key `{name}`");
                self.refuse(&at, Code::UnknownKey, what, KEYS);
            } else if members.iter().take(number).any(|(other, _)| other == name) {
                let what = format!("`{name}` stands here twice");
                self.refuse(&at, Code::RepeatedKey, what, "write it once");
            }
        }
        let member = |name| member(&members, name);
        let row = |name| member(name).and_then(|raw| raw.get().parse::<usize>().ok());
        let at = Place::Pointer(root.join("endRow"));
        match (row("startRow"), row("endRow")) {
            (Some(first), Some(end)) => self.page(first, end, at),
            _ => {
                let what = "rows from `startRow` up to `endRow` are asked for";
                self.refuse(&at, Code::InvalidValue, what, "send both, as whole numbers");
            }
        }
        if let Some(raw) = member("sortModel") {
            self.sort_model(raw);
        }
        let inclusive = match member("inRangeInclusive").map(RawValue::get) {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => {
                let at = Place::Pointer(root.join("inRangeInclusive"));
                let what = "true or false is expected here";
                self.refuse(&at, Code::InvalidValue, what, "leave it out for false");
                false
            }
        };
        if let Some(raw) = member("filterModel").filter(|raw| raw.get() != "null") {
            self.filter_model(raw, inclusive);
        }
        Ok(())
    }

    fn sort_model(&mut self, raw: &RawValue) {
        let top = Pointer::root().join("sortModel");
        let Ok(Json::List(keys)) = Json::open(raw) else {
            let what = "a list of `colId` and `sort` is expected";
            return self.refuse(&Place::Pointer(top), Code::InvalidValue, what, "send the grid's");
        };
        let mut sort = Vec::new();
        for (number, key) in keys.into_iter().enumerate() {
            let at = Place::Pointer(top.join(number));
            match self.sort_key(key) {
                Ok(key) => {
                    sort.push(key);
                    self.origins.push((Pointer::root().join("sort").join(number), at));
                }
                Err((code, what, hint)) => self.refuse(&at, code, what, hint),
            }
        }
        if !sort.is_empty() {
            self.put("sort", Value::from(sort), Place::Pointer(top));
        }
    }

    fn sort_key(&self, raw: &RawValue) -> Result<Value, Wrong> {
        let key = match Json::open(raw) {
            Ok(Json::Object(members)) => values::once_each(members)?,
            _ => Members::new(),
        };
        if text(&key, "type").is_some_and(|ty| ty != "default") {
            let what = "there is no order by absolute values".to_owned();
            return Err((Code::InvalidValue, what, "leave `type` out"));
        }
        let (Some(column), Some(order)) = (text(&key, "colId"), text(&key, "sort")) else {
            let what = "`colId` and `sort` are expected".to_owned();
            return Err((Code::InvalidValue, what, "send the grid's"));
        };
        Ok(json!({"field": self.sorted(&column), "order": order}))
    }

    fn filter_model(&mut self, raw: &RawValue, inclusive: bool) {
        let top = Pointer::root().join("filterModel");
        let Ok(Json::Object(columns)) = Json::open(raw) else {
            let what = "filters by column are expected";
            let at = Place::Pointer(top);
            return self.refuse(&at, Code::InvalidValue, what, "send the grid's `filterModel`");
        };
        if columns.iter().any(|(name, _)| name == "filterType") {
            let what = "advanced filters are not understood";
            return self.refuse(&Place::Pointer(top), Code::InvalidValue, what, PROVIDER);
        }
        let columns = values::once_each(columns).unwrap_or_else(|(code, what, hint)| {
            self.refuse(&Place::Pointer(top.clone()), code, what, hint);
            Members::new()
        });
        for (column, raw) in columns {
            let at = Place::Pointer(top.join(&column));
            match self.column((&column, raw), inclusive) {
                Ok(filter) => self.conditions.push((at, filter)),
                Err((code, what, hint)) => self.refuse(&at, code, what, hint),
            }
        }
    }

    /// One condition, or several that are joined; those that are joined are none that are.
    fn column(&self, (name, raw): (&str, &RawValue), inclusive: bool) -> Result<Value, Wrong> {
        let model = opened(raw)?;
        let Some(operator) = text(&model, "operator") else {
            return self.condition((name, &model), inclusive);
        };
        let join = match operator.as_str() {
            "AND" => "and",
            "OR" => "or",
            _ => return Err(wrong("`AND` or `OR` is expected")),
        };
        let Some(Ok(Json::List(conditions))) = member(&model, "conditions").map(Json::open) else {
            return Err(wrong("`conditions` are expected"));
        };
        let each =
            conditions.into_iter().map(|raw| self.condition((name, &opened(raw)?), inclusive));
        Ok(values::object(join, each.collect::<Result<Vec<_>, _>>()?))
    }

    fn condition(
        &self,
        (name, model): (&str, &Members<'_>),
        inclusive: bool,
    ) -> Result<Value, Wrong> {
        let filter_type = text(model, "filterType").unwrap_or_default();
        let ty = text(model, "type").unwrap_or_default();
        let path = match ty.as_str() {
            "equals" | "notEqual" => Self::filtered(name),
            _ => self.sorted(name),
        };
        let kind = values::kind(self.fields, path);
        let names = match filter_type.as_str() {
            "text" | "number" | "bigint" => ["filter", "filterTo"],
            "date" => ["dateFrom", "dateTo"],
            _ => {
                let what = format!("filters of type `{}` are not understood", short(&filter_type));
                return Err((Code::InvalidValue, what, PROVIDER));
            }
        };
        let mut operands = names.map(|name| member(model, name).filter(|raw| raw.get() != "null"));
        let [low, high] = operands.each_mut().map(Option::take).map(|raw| match raw {
            Some(raw) if filter_type == "date" => day(raw).map(Some),
            other => other.map(|raw| values::of_json(kind, raw)).transpose(),
        });
        let condition =
            Condition { path, kind, filter_type: &filter_type, low: low?, high: high?, inclusive };
        condition.filter(&ty)
    }
}

impl Condition<'_> {
    fn filter(self, ty: &str) -> Result<Value, Wrong> {
        let path = self.path;
        let is_text = self.filter_type == "text";
        let low = || self.low.clone().ok_or_else(|| wrong("a value to compare with is expected"));
        let high = || self.high.clone().ok_or_else(|| wrong("two values are expected"));
        let told = match ty {
            "equals" => json!({"eq": low()?}),
            // Of texts, the grid takes those that are not there for different; of numbers and dates, it does not.
            "notEqual" if is_text || path == ID => json!({"ne": low()?}),
            "notEqual" => json!({"ne": low()?, "exists": true}),
            "lessThan" => json!({"lt": low()?}),
            "lessThanOrEqual" => json!({"lte": low()?}),
            "greaterThan" => json!({"gt": low()?}),
            "greaterThanOrEqual" => json!({"gte": low()?}),
            "inRange" if self.inclusive => json!({"between": [low()?, high()?]}),
            "inRange" => json!({"gt": low()?, "lt": high()?}),
            "contains" => json!({"icontains": low()?}),
            "notContains" => return Ok(json!({"not": { path: {"icontains": low()?} }})),
            "startsWith" => json!({"starts_with": low()?}),
            "blank" | "notBlank" => return Ok(self.blank(ty == "blank")),
            "endsWith" => {
                let what = "ends of texts cannot be searched for".to_owned();
                return Err((Code::UnsupportedPattern, what, "`contains` and `startsWith` can"));
            }
            _ => {
                let what = format!("a condition of type `{}` is not understood", short(ty));
                let hint = "take it out of the column's `filterOptions`";
                return Err((Code::UnknownOperator, what, hint));
            }
        };
        Ok(json!({ path: told }))
    }

    /// The grid takes an empty text for none.
    fn blank(&self, blank: bool) -> Value {
        let path = self.path;
        let is_there = json!({ path: {"exists": true} });
        let filled = match self.kind {
            Some(Kind::Keyword) => json!({"and": [is_there, {"not": { path: {"eq": ""} }}]}),
            _ => is_there,
        };
        if blank { json!({ "not": filled }) } else { filled }
    }
}

/// The members of a model, each once.
fn opened(raw: &RawValue) -> Result<Members<'_>, Wrong> {
    match Json::open(raw) {
        Ok(Json::Object(members)) => values::once_each(members),
        _ => Err(wrong("a filter is expected")),
    }
}

fn wrong(what: &str) -> Wrong {
    (Code::InvalidValue, what.to_owned(), "send the grid's `filterModel`")
}

fn member<'r>(members: &Members<'r>, name: &str) -> Option<&'r RawValue> {
    members.iter().find(|(known, _)| known == name).map(|(_, raw)| *raw)
}

fn text(members: &Members<'_>, name: &str) -> Option<String> {
    match Json::open(member(members, name)?) {
        Ok(Json::Text(text)) => Some(text),
        _ => None,
    }
}

/// A day, as the grid writes it with a time at which it begins; of other times, the grid does not say by which clocks.
fn day(raw: &RawValue) -> Result<Value, Wrong> {
    let text = match Json::open(raw) {
        Ok(Json::Text(text)) => text,
        _ => String::new(),
    };
    let day = match text.parse::<DateTime>() {
        Ok(time) if time.time() == jiff::civil::Time::midnight() => Ok(time.date()),
        Ok(_) => {
            let what = "a time is in no zone here: only whole days can be compared with";
            return Err((Code::InvalidValue, what.to_owned(), PROVIDER));
        }
        Err(_) => text.parse::<Date>(),
    };
    day.map(|day| Value::from(day.to_string())).map_err(|_| wrong("a day is expected"))
}

/// As much of a caller's word as fits into a message.
fn short(word: &str) -> String {
    word.chars().take(40).collect()
}
