//! Where two JSON documents differ, by path.
//!
//! Numbers are equal only if their texts are (`1.0` is not `1.00`), strings only byte by byte, arrays
//! only in order. The order of an object's keys is no difference, but it is reported.

use serde_json::{Map, Value};

/// The outcome of holding one document against another.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Diff {
    /// Every place where they differ, in the oracle's order; empty if they are equal.
    pub(crate) places: Vec<Place>,
    /// Whether some object's keys come in another order.
    pub(crate) reordered: bool,
}

/// One place where two documents differ.
#[derive(Debug, PartialEq)]
pub(crate) struct Place {
    /// Such as `lineitems[2].part.p_retailprice`.
    pub(crate) path: String,
    /// What is wrong there, without values.
    pub(crate) what: &'static str,
    /// What the oracle and the engine have there, as JSON text.
    pub(crate) values: (String, String),
}

impl Diff {
    /// Compares the whole documents.
    pub(crate) fn between(oracle: &Value, engine: &Value) -> Self {
        let mut diff = Self::default();
        diff.values("", oracle, engine);
        diff
    }

    fn values(&mut self, path: &str, oracle: &Value, engine: &Value) {
        match (oracle, engine) {
            (Value::Object(left), Value::Object(right)) => self.objects(path, left, right),
            (Value::Array(left), Value::Array(right)) => {
                for (position, (left, right)) in left.iter().zip(right).enumerate() {
                    self.values(&format!("{path}[{position}]"), left, right);
                }
                if left.len() != right.len() {
                    let lengths = (left.len().to_string(), right.len().to_string());
                    self.add(path.to_owned(), "another number of elements", lengths);
                }
            }
            // `arbitrary_precision` keeps a number's text, and compares by it.
            _ if oracle == engine => {}
            _ => {
                let same_kind = std::mem::discriminant(oracle) == std::mem::discriminant(engine);
                let what = if same_kind { "another value" } else { "another type" };
                self.add(path.to_owned(), what, (oracle.to_string(), engine.to_string()));
            }
        }
    }

    fn objects(&mut self, path: &str, oracle: &Map<String, Value>, engine: &Map<String, Value>) {
        for (key, left) in oracle {
            let path = below(path, key);
            match engine.get(key) {
                Some(right) => self.values(&path, left, right),
                None => self.add(path, "missing in the engine", (left.to_string(), String::new())),
            }
        }
        for (key, right) in engine.iter().filter(|(key, _)| !oracle.contains_key(*key)) {
            let values = (String::new(), right.to_string());
            self.add(below(path, key), "unknown to the oracle", values);
        }
        let shared = oracle.keys().filter(|key| engine.contains_key(*key));
        self.reordered |= shared.ne(engine.keys().filter(|key| oracle.contains_key(*key)));
    }

    fn add(&mut self, path: String, what: &'static str, values: (String, String)) {
        self.places.push(Place { path, what, values });
    }
}

fn below(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

#[cfg(test)]
mod tests {
    use super::Diff;

    fn diff(oracle: &str, engine: &str) -> (Vec<String>, bool) {
        let read = |text| serde_json::from_str(text).unwrap();
        let diff = Diff::between(&read(oracle), &read(engine));
        (diff.places.iter().map(|at| format!("{}: {}", at.path, at.what)).collect(), diff.reordered)
    }

    #[test]
    fn numbers_are_compared_by_their_text() {
        let exact = r#"{"a":12345678901234567890.10,"b":[1.00]}"#;
        assert_eq!(diff(exact, exact), (vec![], false));
        let rounded = r#"{"a":12345678901234567890.1,"b":[1.0]}"#;
        let expected = ["a: another value", "b[0]: another value"].map(str::to_owned).to_vec();
        assert_eq!(diff(exact, rounded), (expected, false));
    }

    #[test]
    fn every_difference_has_its_path() {
        let oracle = r#"{"a":{"b":[{"c":"1"},{"c":"2"}]},"d":null,"e":1}"#;
        let engine = r#"{"a":{"b":[{"c":1}]},"e":1,"f":[]}"#;
        let expected = [
            "a.b[0].c: another type",
            "a.b: another number of elements",
            "d: missing in the engine",
            "f: unknown to the oracle",
        ];
        assert_eq!(diff(oracle, engine), (expected.map(str::to_owned).to_vec(), false));
    }

    #[test]
    fn the_order_of_keys_is_no_difference() {
        assert_eq!(diff(r#"[{"a":1,"b":2}]"#, r#"[{"b":2,"a":1}]"#), (vec![], true));
    }
}
