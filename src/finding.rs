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
    /// What kind of complaint it is.
    pub code: Code,
    /// The file that has to be changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// Line and column there.
    #[serde(flatten)]
    pub place: Option<Place>,
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

/// What kind of complaint it is, by a name that stays. `docs/check.md` tells what to do about each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// None of those below.
    Invalid,
    /// A job's file that is no YAML of the right form.
    Syntax,
    /// A job's file that cannot be read.
    JobFile,
    /// A job that is not there.
    MissingJob,
    /// A mapping's file that cannot be used.
    MappingFile,
    /// A mapping that is not there.
    MissingMapping,
    /// A name that an index cannot have.
    IndexName,
    /// A schedule of the wrong form.
    Schedule,
    /// A mapping that guesses the types of fields that it does not know.
    DynamicMapping,
    /// A field that the mapping does not know.
    MissingField,
    /// A value where the mapping has an object, or the other way round.
    WrongShape,
    /// A list of objects that is not `nested` in the mapping.
    ManyNotNested,
    /// Values that the mapping does not take.
    MappingRefuses,
    /// Numbers that may be greater than the mapping takes.
    MappingRange,
    /// Values that searches see otherwise than documents show them.
    MappingLoses,
    /// More fields than the engine takes.
    TotalFields,
    /// More nested fields than the engine takes.
    NestedFields,
    /// More nested objects in a document than the engine takes.
    NestedObjects,
    /// A name that a field cannot have.
    FieldName,
    /// A name that stands twice in one object.
    DuplicateName,
    /// A source that the configuration lacks.
    MissingSource,
    /// A source that cannot be reached, or does not answer.
    UnusableSource,
    /// Both of `table` and `query`, or neither.
    TableOrQuery,
    /// A table that is not there.
    MissingTable,
    /// A column that is not there.
    MissingColumn,
    /// Rows that nothing identifies.
    MissingKey,
    /// Something that the account may not read.
    MissingGrant,
    /// Rows that a policy hides from the account.
    HiddenRows,
    /// A read that its server does not understand.
    RefusedRead,
    /// A join that names no columns, or too many ways to them.
    JoinForm,
    /// Joined columns whose types do not meet.
    JoinTypes,
    /// Joined columns of which one side alone ignores case.
    JoinCollation,
    /// Date-times without a zone in a source without one.
    MissingTimeZone,
    /// A masked field without a key to mask with.
    MissingMaskKey,
    /// A masked field that is part of a key.
    MaskedKey,
    /// A decimal in SQLite, which has none.
    SqliteDecimal,
    /// A computed field that cannot be worked out.
    Computed,
    /// A join without an index.
    MissingIndex,
    /// A root whose key has no index to be read in the order of.
    MissingKeyIndex,
    /// A `changed_at` without an index.
    MissingChangedAtIndex,
    /// A `changed_at` whose values are no instants.
    ChangedAtType,
    /// A column alone that tells of changes, and holds NULLs.
    ChangedAtNull,
    /// A table of deleted rows that is not there.
    MissingTombstones,
    /// A table of deleted rows without what is read of it.
    TombstoneForm,
    /// Rows whose changes nothing tells of.
    UnseenChanges,
    /// Rows whose deletes nothing tells of.
    UnseenDeletes,
    /// Open transactions that the account does not see.
    UnseenTransactions,
    /// A column that was there when the index was built.
    ColumnGone,
    /// A column that had another type when the index was built.
    ColumnChanged,
    /// An engine that does not answer.
    EngineUnreachable,
    /// A load that cannot be estimated.
    NoEstimate,
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
        let (what, code) = (what.into(), Code::Invalid);
        Self { level, code, file: None, place: None, what, hint: None }
    }

    /// Says what kind it is.
    #[must_use]
    pub fn code(mut self, code: Code) -> Self {
        self.code = code;
        self
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
        self.place = place;
        self
    }
}

/// The hint of the outermost finding in an error's chain.
pub fn hint_of(error: &anyhow::Error) -> Option<String> {
    error.downcast_ref::<Finding>().and_then(|finding| finding.hint.clone())
}

/// A place in a file, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
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
        if let Some(Place { line, column }) = self.place {
            write!(f, "{line}:{column}:")?;
        }
        let gap = if self.file.is_some() { " " } else { "" };
        write!(f, "{gap}{}", self.what)
    }
}

impl std::error::Error for Finding {}

/// Names longer than this are nobody's slip of the pen.
const MAX_NAME: usize = 200;

/// `did you mean …?` for a name that is not among `known`, else the list of what is.
pub fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    // Comparing costs the product of both lengths.
    let comparable = name.len() <= MAX_NAME;
    let near = known
        .iter()
        .filter(|_| comparable)
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

    #[test]
    fn a_name_that_is_too_long_to_be_a_slip_is_compared_with_none() {
        let long = "a".repeat(MAX_NAME);
        let nearly = format!("{long}b");
        assert_eq!(did_you_mean(&long, [nearly.as_str()]), format!("did you mean `{nearly}`?"));
        assert_eq!(did_you_mean(&nearly, [long.as_str()]), format!("known are {long}"));
    }
}
