//! What a role may not see: rows, fields and what is shown masked; and documents and mappings without any of it.

use std::collections::BTreeMap;

use prejoin::access::keys;
use prejoin::config::{ApiConfig, AuthConfig, KeyConfig, Views};
use serde_json::{Map, Value, json};

use super::documents::{Dice, STATUSES};

/// What a role may not see, and what it sees masked.
pub(super) struct Limits {
    pub(super) rows: Option<Value>,
    pub(super) hidden: Vec<&'static str>,
    pub(super) masked: Vec<&'static str>,
}

const PATHS: &str = "title memo status tags amount rate price serial paid signed_at manager.name manager.team \
                     settlements.status settlements.amount settlements.payer settlements.lines";

pub(super) fn paths() -> Vec<&'static str> {
    PATHS.split(' ').collect()
}

fn filters() -> [Value; 6] {
    let claim = "${claims.mine}";
    [
        json!({"status": {"eq": claim}}),
        json!({"tags": {"in": claim}}),
        json!({"not": {"status": {"eq": claim}}}),
        json!({"settlements": {"some": {"status": {"eq": claim}}}}),
        json!({"or": [{"paid": {"eq": true}}, {"manager.team.name": {"eq": claim}}]}),
        json!({"status": {"ne": claim}, "amount": {"exists": true}}),
    ]
}

/// Presets that name what the role may not see, perhaps.
fn views() -> Views {
    let views = json!({
        "paid": {"filter": {"paid": {"eq": true}}, "fields": ["no", "title", "amount", "manager.name"]},
        "owed": {"filter": {"settlements": {"some": {"status": {"eq": "overdue"}}}},
            "sort": [{"field": "settlements.amount", "agg": "max"}], "page": {"size": 5}},
        "dated": {"sort": [{"field": "signed_at"}, {"field": "status"}], "fields": ["status", "tags", "settlements"]},
    });
    serde_json::from_value(views).unwrap()
}

impl Limits {
    pub(super) fn drawn(dice: &mut Dice) -> Self {
        let rows = (!dice.one_in(5)).then(|| {
            let filters = filters();
            filters[dice.below(filters.len())].clone()
        });
        let mut paths = paths();
        let mut drawn = |most: usize| {
            let count = 1 + dice.below(most);
            (0..count).map(|_| paths.swap_remove(dice.below(paths.len()))).collect::<Vec<_>>()
        };
        Self { rows, hidden: drawn(3), masked: drawn(2) }
    }

    /// The API's settings with this as its only role, for the holder of `key`; where there never was anything to hide,
    /// nothing is hidden.
    pub(super) fn config(&self, alias: &str, key: &str, has_secrets: bool) -> ApiConfig {
        let masked: Map<String, Value> =
            self.masked.iter().map(|path| ((*path).to_owned(), json!("all"))).collect();
        let mut index = json!({"fields": ["*"], "masked": masked});
        if has_secrets {
            index["hidden"] = json!(self.hidden);
        }
        if has_secrets && let Some(filter) = &self.rows {
            index["filter"] = filter.clone();
        }
        let operations = json!(["search", "get", "facet", "aggregate", "export", "explain"]);
        let role = json!({"operations": operations, "indexes": {alias: index}});
        let key = KeyConfig {
            name: "ada".to_owned(),
            sha256: keys::hash(key),
            role: "viewer".to_owned(),
            claims: claims(),
        };
        ApiConfig {
            auth: AuthConfig::Known { keys: vec![key], jwt: None },
            roles: serde_json::from_value(json!({"viewer": role})).unwrap(),
            views: BTreeMap::from([(alias.to_owned(), views())]),
            ..ApiConfig::default()
        }
    }

    pub(super) fn hides(&self, path: &str) -> bool {
        self.hidden.iter().any(|hidden| is_below(path, hidden))
    }

    fn masks(&self, path: &str) -> bool {
        self.masked.iter().any(|masked| is_below(path, masked))
    }
}

fn is_below(path: &str, above: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

pub(super) fn claims() -> Map<String, Value> {
    Map::from_iter([("mine".to_owned(), json!(STATUSES[2]))])
}

/// Takes the value at each path of a document apart for `change`, lists element by element. `None` takes it away.
pub(super) fn edit(
    value: &Value,
    path: &str,
    change: &mut impl FnMut(&str, &Value) -> Option<Value>,
) -> Value {
    match value {
        Value::Object(members) => {
            let kept = members.iter().filter_map(|(name, value)| {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                if path.starts_with("_prejoin") {
                    return Some((name.clone(), value.clone()));
                }
                let changed = change(&path, value)?;
                Some((name.clone(), edit(&changed, &path, change)))
            });
            Value::Object(kept.collect())
        }
        Value::Array(elements) if elements.iter().all(Value::is_object) => {
            elements.iter().map(|element| edit(element, path, change)).collect()
        }
        other => other.clone(),
    }
}

/// Hidden values as another document has them; and masked ones, where there is one.
pub(super) fn with_other_secrets(document: &Value, stranger: &Value, limits: &Limits) -> Value {
    let needed = |path: &str| {
        limits
            .rows
            .as_ref()
            .is_some_and(|rows| rows.to_string().contains(path.split('.').next().unwrap_or(path)))
    };
    edit(document, "", &mut |path, value| {
        if needed(path) {
            return Some(value.clone());
        }
        let other = path.split('.').try_fold(stranger, |value, name| value.get(name));
        if limits.hides(path) {
            return other.cloned();
        }
        match (value, other) {
            (Value::String(_), Some(Value::String(_)))
            | (Value::Number(_), Some(Value::Number(_)))
                if limits.masks(path) =>
            {
                other.cloned()
            }
            _ => Some(value.clone()),
        }
    })
}

/// Takes the hidden fields out of a mapping.
pub(super) fn strip(properties: &mut Value, parent: &str, limits: &Limits) {
    let Some(members) = properties.as_object_mut() else { return };
    let path =
        |name: &str| if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") };
    members.retain(|name, _| !limits.hides(&path(name)));
    for (name, field) in members {
        if let Some(inner) = field.get_mut("properties") {
            strip(inner, &path(name), limits);
        }
    }
}
