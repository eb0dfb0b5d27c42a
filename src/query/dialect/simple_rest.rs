//! The dialect of `ra-data-simple-rest`: `?sort=["amount","DESC"]&range=[0,24]&filter={"status":"active"}`.
//!
//! Promises: `filter` is a filter of ours, in which a value stands for `eq`, a list for `in`, `null` for the lack of a value, and
//! an object in an object for a path, as forms nest their inputs.

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::query::Parameter;
use super::{PROVIDER, Place, TEXT, Writer, values};
use crate::query::Code;
use crate::query::fields::Shape;
use crate::query::json::Json;

impl Writer<'_> {
    pub(super) fn simple_rest(&mut self, query: &str) {
        let mut parameters = self.parameters(query);
        if let Some(text) = self.once("filter", &mut parameters) {
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
        let at = Place::Parameter("filter".to_owned());
        match serde_json::from_str::<&RawValue>(text).map(Json::open) {
            Ok(Ok(Json::Object(members))) => {
                if let Some((_, words)) = members.iter().find(|(name, _)| name == TEXT) {
                    match Json::open(words) {
                        Ok(Json::Text(text)) => self.text(&text, at.clone()),
                        _ => {
                            let what = "`q` is a text to search for";
                            self.refuse(&at, Code::InvalidValue, what, PROVIDER);
                        }
                    }
                }
                let others = members.into_iter().filter(|(name, _)| name != TEXT);
                let filters = self.node(others, "");
                let filters = filters.into_iter().map(|filter| (at.clone(), filter));
                self.conditions.extend(filters);
            }
            _ => {
                let hint = r#"write `{"status":"active"}`"#;
                self.refuse(&at, Code::InvalidValue, "a filter is expected, as JSON", hint);
            }
        }
    }

    /// The filters of the members of an object at that path.
    fn node<'r>(
        &mut self,
        members: impl IntoIterator<Item = (String, &'r RawValue)>,
        path: &str,
    ) -> Vec<Value> {
        let mut filters = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for (name, raw) in members {
            if !seen.insert(name.clone()) {
                let at = Place::Parameter("filter".to_owned());
                let what = format!("`{name}` stands here twice");
                self.refuse(&at, Code::RepeatedKey, what, "write it once");
            }
            match (path, name.as_str(), Json::open(raw)) {
                ("", "and" | "or", Ok(Json::List(elements))) => {
                    let each = elements.into_iter().map(|element| self.closed(element));
                    filters.push(json!({ name: each.collect::<Vec<_>>() }));
                }
                ("", "not", _) => filters.push(json!({"not": self.closed(raw)})),
                ("", _, Ok(Json::Object(_))) => filters.extend(self.named(self.sorted(&name), raw)),
                ("", _, _) => filters.extend(self.named(Self::filtered(&name), raw)),
                _ => filters.extend(self.named(&format!("{path}.{name}"), raw)),
            }
        }
        filters
    }

    /// A filter within another.
    fn closed(&mut self, raw: &RawValue) -> Value {
        match Json::open(raw) {
            Ok(Json::Object(members)) => json!({"and": self.node(members, "")}),
            _ => values::as_it_is(raw),
        }
    }

    /// What is said of the field, or of those below it.
    fn named(&mut self, path: &str, raw: &RawValue) -> Vec<Value> {
        let kind = values::kind(self.fields, path);
        let told = match Json::open(raw) {
            Ok(Json::Object(members)) if self.is_outer(path, &members) => {
                return self.node(members, path);
            }
            Ok(Json::List(each)) => {
                let each = each.into_iter().map(|value| values::of_json(kind, value));
                json!({"in": each.collect::<Vec<_>>()})
            }
            Ok(Json::Null) => json!({"exists": false}),
            Ok(Json::Object(_)) | Err(_) => values::as_it_is(raw),
            Ok(_) => json!({"eq": values::of_json(kind, raw)}),
        };
        vec![json!({ path: told })]
    }

    /// Whether an object names fields, and no operators.
    fn is_outer(&self, path: &str, members: &[(String, &RawValue)]) -> bool {
        match values::known(self.fields, path).map(|known| &known.shape) {
            Some(Shape::Value(_) | Shape::List) => false,
            Some(Shape::Object) => members.iter().any(|(name, _)| name != "exists"),
            None => true,
        }
    }
}
