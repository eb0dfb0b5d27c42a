//! What is wrong with a request: where, which kind of wrong, and what to do.
//!
//! Promises: the faults of a request are told at once, each with a JSON pointer into the body, or the parameter. Never quotes a value.

use std::fmt;

/// Faults that are told of one request.
pub(super) const MAX_FAULTS: usize = 20;

/// A request that is refused; holds at least one fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Everything that was found, in the order of the body.
    pub faults: Vec<Fault>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// JSON pointer into the body; empty for the body itself.
    pub pointer: String,
    /// The parameter, where there is a query string and no body; empty for the query string itself.
    pub parameter: Option<String>,
    /// Which kind of wrong.
    pub code: Code,
    /// What is wrong, in one line.
    pub what: String,
    /// What to do.
    pub hint: Option<String>,
}

/// The kinds of wrong, each a stable word of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// The body is no JSON.
    InvalidJson,
    /// A query string of the wrong form.
    InvalidQuery,
    /// A parameter that the grammar does not have.
    UnknownParameter,
    /// A member that the grammar does not have.
    UnknownKey,
    /// A member that stands twice in one object.
    RepeatedKey,
    /// A field that the index does not have.
    UnknownField,
    /// An operator that there is not.
    UnknownOperator,
    /// An operator that this field does not have.
    OperatorNotAllowed,
    /// A value of the wrong type or form.
    InvalidValue,
    /// A view that there is not.
    UnknownView,
    /// A view that does not fit the index any more, or not yet.
    ViewUnusable,
    /// A field of a list's elements, named without saying which elements.
    NeedsSome,
    /// A field that is not indexed in a way that could serve.
    FieldCannotServe,
    /// A pattern that nothing serves.
    UnsupportedPattern,
    /// More than the limits allow.
    LimitExceeded,
    /// A cursor that was not made here.
    InvalidCursor,
    /// A cursor of another index, filter or sort.
    CursorMismatch,
}

impl Code {
    /// The word that programs compare.
    pub fn word(self) -> &'static str {
        match self {
            Self::InvalidJson => "invalid_json",
            Self::InvalidQuery => "invalid_query",
            Self::UnknownParameter => "unknown_parameter",
            Self::UnknownKey => "unknown_key",
            Self::RepeatedKey => "repeated_key",
            Self::UnknownField => "unknown_field",
            Self::UnknownOperator => "unknown_operator",
            Self::OperatorNotAllowed => "operator_not_allowed",
            Self::InvalidValue => "invalid_value",
            Self::UnknownView => "unknown_view",
            Self::ViewUnusable => "view_unusable",
            Self::NeedsSome => "needs_some",
            Self::FieldCannotServe => "field_cannot_serve",
            Self::UnsupportedPattern => "unsupported_pattern",
            Self::LimitExceeded => "limit_exceeded",
            Self::InvalidCursor => "invalid_cursor",
            Self::CursorMismatch => "cursor_mismatch",
        }
    }

    /// The kind of wrong in a few words.
    pub fn title(self) -> &'static str {
        match self {
            Self::InvalidJson => "Not valid JSON",
            Self::InvalidQuery => "Not a valid query string",
            Self::UnknownParameter => "Unknown parameter",
            Self::UnknownKey => "Unknown key",
            Self::RepeatedKey => "Repeated key",
            Self::UnknownField => "Unknown field",
            Self::UnknownOperator => "Unknown operator",
            Self::OperatorNotAllowed => "Operator does not fit the field",
            Self::InvalidValue => "Value does not fit",
            Self::UnknownView => "Unknown view",
            Self::ViewUnusable => "View cannot serve",
            Self::NeedsSome => "Field of a list's elements",
            Self::FieldCannotServe => "Field cannot serve here",
            Self::UnsupportedPattern => "Pattern cannot be searched for",
            Self::LimitExceeded => "Limit exceeded",
            Self::InvalidCursor => "Invalid cursor",
            Self::CursorMismatch => "Cursor of another search",
        }
    }

    /// Whether the request is well-formed, and refused all the same.
    pub fn is_well_formed(self) -> bool {
        matches!(
            self,
            Self::FieldCannotServe
                | Self::UnsupportedPattern
                | Self::ViewUnusable
                | Self::LimitExceeded
                | Self::CursorMismatch
        )
    }
}

impl Refusal {
    /// A refusal for one reason.
    pub fn one(at: &Pointer, code: Code, what: impl Into<String>, hint: Option<&str>) -> Self {
        let (pointer, what, hint) = (at.0.clone(), what.into(), hint.map(str::to_owned));
        Self { faults: vec![Fault { pointer, parameter: None, code, what, hint }] }
    }
}

/// Faults as they are found; those after the first [`MAX_FAULTS`] are only counted.
#[derive(Debug, Default)]
pub(super) struct Faults {
    told: Vec<Fault>,
    more: bool,
}

impl Faults {
    pub(super) fn add(&mut self, at: &Pointer, code: Code, what: impl Into<String>) {
        self.push(at, code, what, || None);
    }

    /// The hint is worked out only if the fault will be told.
    pub(super) fn add_with_hint<H: Into<String>>(
        &mut self,
        at: &Pointer,
        code: Code,
        what: impl Into<String>,
        hint: impl FnOnce() -> H,
    ) {
        self.push(at, code, what, || Some(hint().into()));
    }

    pub(super) fn are_none(&self) -> bool {
        self.told.is_empty() && !self.more
    }

    pub(super) fn into_refusal(self) -> Refusal {
        Refusal { faults: self.told }
    }

    fn push(
        &mut self,
        at: &Pointer,
        code: Code,
        what: impl Into<String>,
        hint: impl FnOnce() -> Option<String>,
    ) {
        if self.told.len() == MAX_FAULTS {
            self.more = true;
            return;
        }
        let (pointer, what, hint) = (at.0.clone(), what.into(), hint());
        self.told.push(Fault { pointer, parameter: None, code, what, hint });
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, fault) in self.faults.iter().enumerate() {
            let gap = if number == 0 { "" } else { "\n" };
            let place = fault.parameter.as_ref().unwrap_or(&fault.pointer);
            write!(f, "{gap}{place} {}: {}", fault.code.word(), fault.what)?;
            if let Some(hint) = &fault.hint {
                write!(f, " ({hint})")?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}

/// A JSON pointer (RFC 6901).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pointer(String);

impl Pointer {
    /// The whole body.
    pub fn root() -> Self {
        Self::default()
    }

    /// The member or element below.
    #[must_use]
    pub fn join(&self, part: impl fmt::Display) -> Self {
        let part = part.to_string().replace('~', "~0").replace('/', "~1");
        Self(format!("{}/{part}", self.0))
    }

    /// Whether `pointer` leads to the same place, or to one within it.
    pub(super) fn holds(&self, pointer: &str) -> bool {
        let rest = pointer.strip_prefix(&self.0);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// How long it is, in bytes: of two that lead to a place, the longer one is closer.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_escape_what_they_must() {
        assert_eq!(Pointer::root().join("a/b~c").join(3).0, "/a~1b~0c/3");
    }
}
