//! An index's settings while it is loaded, and afterwards.

use serde_json::{Map, Value, json};

/// Settings of an index while it is loaded. [`loaded`] sets each back.
const LOADING: [(&str, &str); 3] = [
    ("index.refresh_interval", "-1"),
    ("index.number_of_replicas", "0"),
    ("index.auto_expand_replicas", "false"),
];

/// What to create an index with that is loaded next: the file's settings but for those that would slow the loading down.
pub(super) fn loading(file: &Map<String, Value>) -> Map<String, Value> {
    let mut settings = flat(file);
    settings.extend(while_loading());
    // A deleted document's version has to outlive the writers that may still come with an older one.
    settings.entry("index.gc_deletes").or_insert_with(|| json!("1h"));
    settings
}

/// The settings that [`loading`] adds.
pub(super) fn while_loading() -> Map<String, Value> {
    LOADING.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect()
}

/// A setting of an index, by full dotted names in `now`, that is not as the file asks for, or is still as [`loading`] had it.
pub(super) fn unsettled(
    now: &Map<String, Value>,
    file: &Map<String, Value>,
) -> Option<&'static str> {
    let asked = flat(file);
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    // The engine follows it by itself, and changes the number of replicas for it.
    let expands = asked.contains_key("index.auto_expand_replicas");
    let wrong = |name: &str, while_loading: &str| {
        let now = now.get(name).map(text);
        match asked.get(name).map(text) {
            Some(_) if expands && name == "index.number_of_replicas" => false,
            Some(asked) => now.as_ref() != Some(&asked),
            None => name == "index.refresh_interval" && now.as_deref() == Some(while_loading),
        }
    };
    LOADING.iter().find(|(name, value)| wrong(name, value)).map(|(name, _)| *name)
}

/// What turns such an index into what the file asks for; `null` is the engine's own default.
pub(super) fn loaded(file: &Map<String, Value>) -> Map<String, Value> {
    let mut asked = flat(file);
    let restored = LOADING
        .iter()
        .map(|(name, _)| ((*name).to_owned(), asked.remove(*name).unwrap_or(Value::Null)));
    restored.collect()
}

/// Settings under their full dotted names, whichever way the file nests them: the engine refuses one that comes twice.
fn flat(settings: &Map<String, Value>) -> Map<String, Value> {
    fn add(flat: &mut Map<String, Value>, path: &str, value: &Value) {
        match value {
            Value::Object(inner) => {
                for (name, value) in inner {
                    add(flat, &format!("{path}.{name}"), value);
                }
            }
            value => {
                flat.insert(path.to_owned(), value.clone());
            }
        }
    }
    let mut all = Map::new();
    for (name, value) in settings {
        let full = name == "index" || name.starts_with("index.");
        add(&mut all, &if full { name.clone() } else { format!("index.{name}") }, value);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_have_one_name_each() {
        let given = json!({
            "number_of_replicas": 2,
            "index": {"refresh_interval": "5s"},
            "index.max_result_window": 100,
            "analysis": {"normalizer": {"lower": {"filter": ["lowercase"]}}},
        });
        let given = given.as_object().unwrap();
        assert_eq!(
            Value::Object(loading(given)),
            json!({
                "index.number_of_replicas": "0",
                "index.refresh_interval": "-1",
                "index.max_result_window": 100,
                "index.analysis.normalizer.lower.filter": ["lowercase"],
                "index.auto_expand_replicas": "false",
                "index.gc_deletes": "1h",
            })
        );
        assert_eq!(
            Value::Object(loaded(given)),
            json!({
                "index.number_of_replicas": 2,
                "index.refresh_interval": "5s",
                "index.auto_expand_replicas": null,
            })
        );
        let now = |refresh: &str, replicas: &str| {
            let now =
                json!({"index.refresh_interval": refresh, "index.number_of_replicas": replicas});
            unsettled(now.as_object().unwrap(), given)
        };
        assert_eq!(now("5s", "2"), None);
        assert_eq!(now("-1", "2"), Some("index.refresh_interval"));
        assert_eq!(now("5s", "0"), Some("index.number_of_replicas"));
        let left = json!({"index.refresh_interval": "-1"});
        let none = Map::new();
        assert_eq!(unsettled(left.as_object().unwrap(), &none), Some("index.refresh_interval"));
        assert_eq!(unsettled(&none, &none), None);
    }
}
