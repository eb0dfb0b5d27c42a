//! What a search may say of each field, as forms are built from it.
//!
//! Promises: an operator, a sort or a facet is told of a field exactly if a search with it would be taken, because the parser
//! itself is asked; what [`Fields`] does not know is not told. Never says more of a field that is only shown than its name.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::fields::{Fields, Kind, Known, Shape};
use super::filter::OPERATORS;
use super::{Limits, parse_within};

/// One field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldSchema {
    /// The full path.
    pub path: String,
    /// The engine's type; `None` of a field that is shown, and nothing else.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub ty: Option<String>,
    /// What its values are in JSON: `string`, `integer`, `number`, `date`, `boolean`, `object`, or `list` of objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'static str>,
    /// The innermost list whose elements hold it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list: Option<String>,
    /// The operators of a filter that it can serve; a field of a list, within `some` of the list.
    pub operators: Vec<&'static str>,
    /// Whether documents can be sorted by it.
    pub sortable: bool,
    /// How one of the many values of a document is taken to sort by.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sort_by: Vec<&'static str>,
    /// Whether documents can be counted by its values.
    pub facetable: bool,
    /// The types of facets that it can serve.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub facets: Vec<&'static str>,
    /// Whether `q` finds words in it that are nearly the same.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub fuzzy: bool,
}

/// All that a search may name, in the order of the paths.
pub fn describe(fields: &Fields, limits: &Limits) -> Vec<FieldSchema> {
    let asked = Asked { fields, limits };
    let mut told: Vec<FieldSchema> = fields.iter().map(|known| asked.field(known)).collect();
    told.extend(fields.only_shown().map(only_shown));
    told.sort_by(|one, other| one.path.cmp(&other.path));
    told
}

fn only_shown(path: &str) -> FieldSchema {
    FieldSchema {
        path: path.to_owned(),
        ty: None,
        kind: None,
        list: None,
        operators: Vec::new(),
        sortable: false,
        sort_by: Vec::new(),
        facetable: false,
        facets: Vec::new(),
        fuzzy: false,
    }
}

struct Asked<'a> {
    fields: &'a Fields,
    limits: &'a Limits,
}

impl Asked<'_> {
    fn field(&self, known: &Known) -> FieldSchema {
        let path = known.path.as_str();
        let values = samples(known, self.limits.part_length);
        let serves = |operator: &&'static str| {
            let sample = values.get(operator).unwrap_or(&Value::Null);
            self.takes(&json!({"filter": self.placed(known, operator, sample)}))
        };
        let by = |agg: &&'static str| self.takes(&json!({"sort": [{"field": path, "agg": agg}]}));
        let parts = [
            ("terms", json!({"type": "terms"})),
            ("range", json!({"type": "range", "ranges": []})),
            ("date_histogram", json!({"type": "date_histogram", "interval": "year"})),
        ];
        let parts = parts.into_iter();
        let parts = parts.filter(|(_, it)| self.takes(&json!({"facets": keyed(path, it.clone())})));
        let facets: Vec<&str> = parts.map(|(ty, _)| ty).collect();
        FieldSchema {
            path: path.to_owned(),
            ty: Some(ty(known)),
            kind: kind(known),
            list: known.list.clone(),
            operators: OPERATORS.into_iter().filter(serves).collect(),
            sortable: self.takes(&json!({"sort": [{"field": path}]})),
            sort_by: ["min", "max"].into_iter().filter(by).collect(),
            facetable: facets.contains(&"terms"),
            facets,
            fuzzy: self.takes(&json!({"q": {"text": "a", "fields": [path], "fuzzy": true}})),
        }
    }

    fn takes(&self, search: &Value) -> bool {
        parse_within(self.limits, self.fields, search.to_string().as_bytes()).is_ok()
    }

    /// The condition where it may stand: within `some` of each list around the field.
    fn placed(&self, known: &Known, operator: &str, sample: &Value) -> Value {
        let mut name = known.path.as_str();
        let mut around = known.list.as_deref();
        let mut filter = keyed(operator, sample.clone());
        while let Some(list) = around {
            let inner = name.strip_prefix(list).and_then(|name| name.strip_prefix('.'));
            filter = json!({"some": keyed(inner.unwrap_or(name), filter)});
            name = list;
            around = self.fields.get(list).and_then(|list| list.list.as_deref());
        }
        keyed(name, filter)
    }
}

fn keyed(key: &str, value: Value) -> Value {
    Value::Object(Map::from_iter([(key.to_owned(), value)]))
}

fn ty(known: &Known) -> String {
    match &known.shape {
        Shape::List => "nested".to_owned(),
        Shape::Object => "object".to_owned(),
        Shape::Value(value) => value.ty.clone(),
    }
}

fn kind(known: &Known) -> Option<&'static str> {
    Some(match &known.shape {
        Shape::List => "list",
        Shape::Object => "object",
        Shape::Value(value) => match value.kind {
            Some(Kind::Keyword | Kind::Id) => "string",
            Some(Kind::Integer { .. }) => "integer",
            Some(Kind::Float { .. }) => "number",
            Some(Kind::Date { .. }) => "date",
            Some(Kind::Boolean) => "boolean",
            None if value.ty == "text" => "string",
            None => return None,
        },
    })
}

/// For each operator a value that a field of this kind takes, if it takes any; a part of a text has so many characters at least.
fn samples(known: &Known, part: usize) -> HashMap<&'static str, Value> {
    let one = match &known.shape {
        Shape::Value(value) => match value.kind {
            Some(Kind::Integer { .. } | Kind::Float { .. }) => json!(1),
            Some(Kind::Date { .. }) => json!("2026-01-31"),
            Some(Kind::Boolean) => json!(true),
            Some(Kind::Keyword | Kind::Id) | None => json!("ab"),
        },
        Shape::List | Shape::Object => Value::Null,
    };
    let sample = |operator: &'static str| match operator {
        "in" | "nin" => json!([one]),
        "between" => json!([one, one]),
        "exists" => json!(true),
        "contains" | "icontains" | "starts_with" | "match" | "phrase" => json!("a".repeat(part)),
        "some" | "none" | "every" => json!({}),
        "count" => json!({"gte": 1}),
        _ => one.clone(),
    };
    OPERATORS.into_iter().map(|operator| (operator, sample(operator))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::fields::tests::fields;

    fn told(path: &str) -> FieldSchema {
        let all = describe(&fields(), &Limits::default());
        all.into_iter().find(|field| field.path == path).unwrap()
    }

    #[test]
    fn each_field_is_told_with_what_it_can_serve() {
        let amount = told("amount");
        assert_eq!((amount.ty.as_deref(), amount.kind), (Some("long"), Some("integer")));
        for operator in ["eq", "ne", "in", "lt", "lte", "gt", "gte", "exists"] {
            assert!(amount.operators.contains(&operator), "{operator}");
        }
        assert!(!amount.operators.contains(&"some") && !amount.operators.contains(&"contains"));
        assert!(amount.sortable);
        assert_eq!(amount.facets, ["terms", "range"]);
        assert_eq!(told("rate").facets, ["range"]);
        assert_eq!(told("signed_at").facets, ["range", "date_histogram"]);
        assert!(!told("paid").operators.contains(&"lt"));
        let name = told("manager.name");
        assert!(name.operators.contains(&"eq") && !name.sortable);
        assert!(told("secret").operators.is_empty());
        assert!(!told("memo").operators.contains(&"eq"));
        assert!(told("memo").fuzzy && !name.fuzzy);
    }

    #[test]
    fn fields_of_lists_are_asked_about_within_them() {
        let code = told("settlements.lines.code");
        assert_eq!(code.list.as_deref(), Some("settlements.lines"));
        assert!(code.operators.contains(&"in"), "{code:?}");
        let list = told("settlements.lines");
        assert_eq!((list.kind, list.list.as_deref()), (Some("list"), Some("settlements")));
        assert!(list.operators.contains(&"some"), "{list:?}");
        assert!(!list.operators.contains(&"eq"));
        assert!(!code.sortable);
    }
}
