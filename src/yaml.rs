//! Reading YAML into typed values.
//!
//! Promises: an error names file, line and column, and proposes the key that was probably meant. Never prints neighbouring
//! lines, which may hold secrets.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde_saphyr::{Error, Location, options};

use crate::finding::{Code, Finding, Place, did_you_mean};

/// Parses `text`, the content of `path`.
///
/// # Errors
/// The first thing that does not fit; duplicate and unknown keys are such things.
pub fn parse<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, Finding> {
    let strict = options! { with_snippet: false, strict_booleans: true };
    serde_saphyr::from_str_with_options(text, strict).map_err(|error| explain(path, &error))
}

/// The place of a parsed value.
pub(crate) fn place(location: Location) -> Option<Place> {
    (location != Location::UNKNOWN)
        .then(|| Place { line: location.line(), column: location.column() })
}

fn explain(path: &Path, error: &Error) -> Finding {
    let place = error.location().and_then(place);
    let finding = match error.without_snippet() {
        Error::SerdeUnknownField { field, expected, .. } => {
            Finding::error(format!("unknown key `{field}`"))
                .hint(did_you_mean(field, expected.iter().copied()))
        }
        Error::SerdeUnknownVariant { expected, .. } => Finding::error("unknown value")
            .hint(format!("one of {} is expected here", expected.join(", "))),
        Error::SerdeMissingField { field, .. } => Finding::error(format!("`{field}` is missing")),
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            Finding::error(format!("the key `{key}` stands here twice"))
        }
        // What was met instead is a value, and may be a secret: only what is expected is said.
        Error::SerdeInvalidType { expected, .. } | Error::SerdeInvalidValue { expected, .. } => {
            Finding::error(format!("this does not fit: {expected} is expected"))
        }
        other => Finding::error(plain(other)),
    };
    finding.code(Code::Syntax).at(path, place)
}

/// The parser's own words, without the location that the finding carries already.
fn plain(error: &Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or("not valid YAML");
    line.split(" at line ").next().unwrap_or(line).trim_end_matches(':').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape is read")]
    struct Shape {
        table: String,
        limit: Option<u32>,
    }

    fn said(text: &str) -> String {
        let finding = parse::<Shape>(Path::new("jobs/a.yaml"), text).unwrap_err();
        format!("{finding} | {}", finding.hint.as_deref().unwrap_or_default())
    }

    #[test]
    fn errors_name_place_and_remedy() {
        insta::assert_snapshot!(said("tabel: x\n"), @"jobs/a.yaml:1:1: unknown key `tabel` | did you mean `table`?");
        insta::assert_snapshot!(said("limit: 1\n"), @"jobs/a.yaml:1:1: `table` is missing | ");
        insta::assert_snapshot!(said("table: a\ntable: b\n"), @"jobs/a.yaml:2:1: the key `table` stands here twice | ");
        assert!(!said("table: a\nlimit: hunter2\n").contains("hunter2"));
        assert!(!said("table: a\nlimit: {x: hunter2}\n").contains("hunter2"));
    }
}
