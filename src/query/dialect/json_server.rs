//! The dialect of json-server, as `ra-data-json-server` and `@refinedev/simple-rest` have it:
//! `?_sort=amount&_order=DESC&_start=0&_end=25&status=active&amount_gte=5`.
//!
//! Promises: `_gte`, `_lte`, `_ne` and `_like` are what they say. What only says `field=value` is equality where the package writes
//! nothing else so; where it drops the operator of its caller, it is refused.

use serde_json::{Value, json};

use super::query::Parameter;
use super::{NAME_OF_ID, PROVIDER, Place, TEXT, Writer, values};
use crate::query::Code;
use crate::query::fields::Found;

/// What `field=value` means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Bare {
    /// That they are equal, and with several values that the field is one of them.
    AnyOf,
    /// That they are equal; several values may be those of `in`, `nin` or `between`.
    Equal,
    /// What nobody can tell: an operator was dropped on the way.
    Unclear,
}

const OPERATORS: [(&str, &str); 4] =
    [("_gte", "gte"), ("_lte", "lte"), ("_ne", "ne"), ("_like", "icontains")];
/// Parameters that are no conditions.
const PLACES: [&str; 4] = ["_start", "_end", "_sort", "_order"];

const UNCLEAR: &str = "`@refinedev/simple-rest` writes `gt`, `lt`, `in`, `null` and others like `eq`: use `gte`, `lte`, `ne` or \
    `contains`, the dialect `refine-simple-rest-eq` if you filter by `eq` alone, or the data provider in prejoin's `clients/`";

impl Writer<'_> {
    pub(super) fn json_server(&mut self, query: Option<&str>, bare: Bare) {
        if query == Some("") {
            let what = "nothing is asked for: no ids, or a filter whose values are `undefined`";
            let at = Place::Parameter(String::new());
            let hint = "do not ask for no ids; lists say `_start` and `_end`";
            return self.refuse(&at, Code::InvalidQuery, what, hint);
        }
        let mut parameters = self.parameters(query.unwrap_or_default());
        // What asks for documents by their ids says nothing else.
        let by_ids = parameters.iter().all(|parameter| parameter.name == NAME_OF_ID);
        let bare = if by_ids { Bare::AnyOf } else { bare };
        let [start, end, sort, order] = PLACES.map(|name| self.once(name, &mut parameters));
        match (start, end) {
            (None, None) => self.all_rows(),
            (start, end) => self.rows(start.as_deref(), end.as_deref()),
        }
        self.order(sort.as_deref(), order.as_deref());
        if let Some(text) = self.once(TEXT, &mut parameters) {
            self.text(&text, Place::Parameter(TEXT.to_owned()));
        }
        let mut names: Vec<String> = Vec::new();
        for Parameter { name, .. } in &parameters {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        for name in names {
            let own = parameters.iter().filter(|parameter| parameter.name == name);
            let own: Vec<_> = own.map(|parameter| parameter.value.clone()).collect();
            self.said(&name, own, bare);
        }
    }

    fn rows(&mut self, start: Option<&str>, end: Option<&str>) {
        let number = |text: Option<&str>| text.and_then(|text| text.parse::<usize>().ok());
        let at = Place::Parameter("_end".to_owned());
        match (number(start), number(end)) {
            (Some(start), Some(end)) => self.page(start, end, at),
            _ => {
                let what = "a page begins at `_start` and ends before `_end`";
                self.refuse(&at, Code::InvalidValue, what, "write both, as whole numbers");
            }
        }
    }

    fn order(&mut self, sort: Option<&str>, order: Option<&str>) {
        let at = Place::Parameter("_sort".to_owned());
        let Some(fields) = sort else {
            if order.is_some() {
                self.refuse(&at, Code::InvalidQuery, "`_order` goes with `_sort`", "name a field");
            }
            return;
        };
        let fields: Vec<&str> = fields.split(',').collect();
        let orders: Vec<&str> = order.map_or(Vec::new(), |order| order.split(',').collect());
        if order.is_some() && orders.len() != fields.len() {
            let what = "`_sort` and `_order` have as many parts";
            return self.refuse(&at, Code::InvalidQuery, what, "name an order for each field");
        }
        let orders = orders.into_iter().chain(std::iter::repeat("asc"));
        let key = |(name, order): (&str, &str)| json!({"field": self.sorted(name), "order": order.to_ascii_lowercase()});
        let keys: Vec<Value> = fields.into_iter().zip(orders).map(key).collect();
        self.put("sort", Value::from(keys), at);
    }

    /// What the values of one parameter say.
    fn said(&mut self, name: &str, given: Vec<Option<String>>, bare: Bare) {
        let at = Place::Parameter(name.to_owned());
        if name.starts_with('_') {
            let what = format!("unknown parameter `{name}`");
            let hint = match name {
                "_embed" | "_expand" => {
                    "documents have what belongs to them in them already: leave it out"
                }
                _ => "there are `_start`, `_end`, `_sort` and `_order`",
            };
            return self.refuse(&at, Code::UnknownParameter, what, hint);
        }
        let Some(given) = given.into_iter().collect::<Option<Vec<String>>>() else {
            let what = "this is no condition: a value is expected";
            return self.refuse(&at, Code::InvalidQuery, what, PROVIDER);
        };
        let is_field = |name: &str| !matches!(self.fields.find(None, name), Found::Unknown);
        let split = OPERATORS.into_iter().find_map(|(end, operator)| {
            let field =
                name.strip_suffix(end).filter(|field| *field == NAME_OF_ID || is_field(field))?;
            Some((field, operator))
        });
        match split {
            Some(_) if is_field(name) => {
                let what = format!("`{name}` is a field, and a condition on another");
                self.refuse(&at, Code::InvalidQuery, what, PROVIDER);
            }
            Some((field, operator)) => self.compared(field, operator, &given, at),
            None => self.bare(name, &given, bare, at),
        }
    }

    fn compared(&mut self, field: &str, operator: &str, given: &[String], at: Place) {
        let path = if operator == "ne" { Self::filtered(field) } else { self.sorted(field) };
        let [text] = given else {
            let what = "several values are given for one comparison";
            return self.refuse(&at, Code::InvalidQuery, what, PROVIDER);
        };
        let value = match operator {
            "icontains" => Value::from(text.as_str()),
            _ => values::of_text(values::kind(self.fields, path), text),
        };
        self.conditions.push((at, json!({ path: { operator: value } })));
    }

    fn bare(&mut self, name: &str, given: &[String], bare: Bare, at: Place) {
        let path = Self::filtered(name);
        // Whether there is such a field is told by the body's parser.
        let is_there = values::known(self.fields, path).is_some();
        let kind = values::kind(self.fields, path);
        let each = || given.iter().map(|text| values::of_text(kind, text)).collect::<Vec<_>>();
        let told = match (bare, given) {
            (Bare::Unclear, _) if is_there => {
                let what = format!("what is asked of `{name}` has lost its operator");
                return self.refuse(&at, Code::InvalidQuery, what, UNCLEAR);
            }
            (_, [text]) => json!({"eq": values::of_text(kind, text)}),
            (Bare::AnyOf, _) => json!({"in": each()}),
            _ => {
                let what = format!("`{name}` has several values, and no operator");
                let hint = "`in`, `nin` and `between` look the same in this dialect; the data provider in prejoin's `clients/` keeps them apart";
                return self.refuse(&at, Code::InvalidQuery, what, hint);
            }
        };
        self.conditions.push((at, json!({ path: told })));
    }
}
