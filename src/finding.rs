//! What is wrong, where, and what to do about it: the one shape of every complaint about a user's input.
//!
//! Promises: says file, line and column when they are known, and a hint when there is one. Never holds a row's value.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// One complaint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Whether it stops a run.
    pub level: Level,
    /// The file that has to be changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// Line, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// Column, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u64>,
    /// What is wrong, in one line.
    pub what: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// A run would not start.
    Error,
    /// A run would start; something may come out other than meant.
    Warning,
}

impl Finding {
    /// Something that keeps a run from starting.
    pub fn error(what: impl Into<String>) -> Self {
        Self::new(Level::Error, what)
    }

    /// Something that deserves a look.
    pub fn warning(what: impl Into<String>) -> Self {
        Self::new(Level::Warning, what)
    }

    fn new(level: Level, what: impl Into<String>) -> Self {
        Self { level, file: None, line: None, column: None, what: what.into(), hint: None }
    }

    /// Adds what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the file, and the place in it when that is known.
    #[must_use]
    pub fn at(mut self, file: &Path, place: Option<Place>) -> Self {
        self.file = Some(file.to_owned());
        self.line = place.map(|place| place.line);
        self.column = place.map(|place| place.column);
        self
    }
}

/// A place in a file, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Line.
    pub line: u64,
    /// Column.
    pub column: u64,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}:", file.display())?;
        }
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(f, "{line}:{column}:")?;
        }
        let gap = if self.file.is_some() { " " } else { "" };
        write!(f, "{gap}{}", self.what)
    }
}

impl std::error::Error for Finding {}

/// `did you mean …?` for a name that is not among `known`, else the list of what is.
pub fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    let near = known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= 1 + name.len() / 4)
        .min();
    match near {
        Some((_, candidate)) => format!("did you mean `{candidate}`?"),
        None if known.is_empty() => "there are none".to_owned(),
        None => format!("known are {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_name_is_proposed_and_a_far_one_is_not() {
        let known = ["updated_at", "id", "amount"];
        assert_eq!(did_you_mean("updatd_at", known), "did you mean `updated_at`?");
        assert_eq!(did_you_mean("colour", known), "known are updated_at, id, amount");
    }
}
