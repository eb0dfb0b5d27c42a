//! What the program was told in confidence, found again in what it says.
//!
//! Promises: knows every secret of a home's configuration, its files and its variables: passwords, keys, and the passwords
//! within URLs, wherever they are kept. A secret that is too short to be told from other text fails the test.

use std::path::Path;

use percent_encoding::percent_decode_str;
use serde_json::Value;
use url::Url;

/// In a row's value it stands for all that is in rows: what the program says of its work never holds it.
pub(crate) const ROW_VALUE: &str = "value-of-a-row";

/// The secrets of one home.
#[derive(Default)]
pub(crate) struct Secrets(Vec<String>);

impl Secrets {
    /// Those of the files below `config/`, and of variables.
    pub(crate) fn of(home: &Path, variables: &[(String, String)]) -> Self {
        let mut secrets = Self::default();
        for (name, value) in variables {
            let mut keys: Vec<_> = name.split("__").map(str::to_lowercase).collect();
            let form = keys.pop_if(|key| matches!(key.as_str(), "env" | "file"));
            let value = match form {
                Some(form) => serde_json::json!({form: value}),
                None => Value::String(value.clone()),
            };
            let key = keys.last().map_or("", String::as_str);
            secrets.learn(key, &value, &(home, variables));
        }
        for file in std::fs::read_dir(home.join("config")).unwrap() {
            let path = file.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            // What cannot be read has nothing that the program could know.
            if let Ok(value) = prejoin::yaml::parse::<Value>(&path, &text) {
                secrets.learn("", &value, &(home, variables));
            }
        }
        secrets
    }

    /// Fails when one of them is in `text`.
    pub(crate) fn are_not_in(&self, text: &str) {
        for secret in self.0.iter().filter(|secret| !secret.is_empty()) {
            assert!(secret.len() > 5, "a secret of tests must be longer than {}", secret.len());
            assert!(!text.contains(secret.as_str()), "a secret was printed: {text}");
        }
    }

    fn learn(&mut self, key: &str, value: &Value, home: &(&Path, &[(String, String)])) {
        let (folder, variables) = home;
        if let Some(below) = value.as_object() {
            let is = |form: &str| below.get(form).and_then(Value::as_str);
            let kept = match (is("env"), is("file")) {
                (Some(name), _) => {
                    let variable = variables.iter().find(|(variable, _)| variable == name);
                    variable.map(|(_, value)| value.clone())
                }
                (_, Some(file)) => std::fs::read_to_string(folder.join(file)).ok(),
                _ => None,
            };
            if let Some(kept) = kept {
                self.learn(key, &Value::String(kept.trim().to_owned()), home);
            }
            for (key, value) in below {
                self.learn(key, value, home);
            }
        }
        let Some(text) = value.as_str() else { return };
        match key {
            "url" => {
                let url = Url::parse(text).ok();
                let password = url.as_ref().and_then(Url::password).unwrap_or_default();
                let decoded = percent_decode_str(password).decode_utf8_lossy();
                let both = [password.to_owned(), decoded.into_owned()];
                self.0.extend(both);
            }
            "password" | "api_key" | "cursor_key" | "key" => self.0.push(text.to_owned()),
            _ => {}
        }
    }
}
