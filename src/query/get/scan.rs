//! One value of a query string, read from left to right.
//!
//! Promises: a fault within a value has its place, in characters from 1. Never goes back further than a word.

use crate::query::fault::{Code, Fault};

/// What is wrong with a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::query) struct Wrong {
    /// The character at which it is wrong; none where all of it is.
    at: Option<usize>,
    code: Code,
    what: String,
    hint: Option<String>,
}

impl Wrong {
    pub(super) fn new(code: Code, what: impl Into<String>) -> Self {
        Self { at: None, code, what: what.into(), hint: None }
    }

    /// Places it at the character after `text`.
    pub(super) fn behind(mut self, text: &str) -> Self {
        self.at = Some(text.chars().count() + 1);
        self
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The fault of the parameter of that name.
    pub(super) fn of(self, name: &str) -> Fault {
        let what = match self.at {
            Some(at) => format!("{}, at character {at}", self.what),
            None => self.what,
        };
        Fault {
            pointer: String::new(),
            parameter: Some(name.to_owned()),
            code: self.code,
            what,
            hint: self.hint,
        }
    }
}

/// A text, and how far it has been read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// What has not been read yet.
    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest().is_empty()
    }

    /// Reads `expected`, if it is next.
    pub(super) fn eat(&mut self, expected: &str) -> bool {
        let found = self.rest().starts_with(expected);
        if found {
            self.at += expected.len();
        }
        found
    }

    pub(super) fn expect(&mut self, expected: &str) -> Result<(), Wrong> {
        if self.eat(expected) {
            Ok(())
        } else {
            Err(self.wrong(format!("`{expected}` is expected")))
        }
    }

    pub(super) fn end(&self) -> Result<(), Wrong> {
        if self.is_at_end() { Ok(()) } else { Err(self.wrong("nothing more is expected")) }
    }

    /// Reads up to the first of `stops`, or the end.
    pub(super) fn until(&mut self, stops: &[char]) -> &'a str {
        let rest = self.rest();
        let read = rest.find(stops).and_then(|end| rest.get(..end)).unwrap_or(rest);
        self.at += read.len();
        read
    }

    /// A name of lower-case letters that is next, not yet read; may be empty.
    pub(super) fn word(&self) -> &'a str {
        let rest = self.rest();
        let other = |c: char| !(c.is_ascii_lowercase() || c == '_');
        rest.find(other).and_then(|end| rest.get(..end)).unwrap_or(rest)
    }

    /// A malformed text, at what is next.
    pub(super) fn wrong(&self, what: impl Into<String>) -> Wrong {
        self.fault(Code::InvalidQuery, what)
    }

    /// A fault at what is next.
    pub(super) fn fault(&self, code: Code, what: impl Into<String>) -> Wrong {
        Wrong::new(code, what).behind(self.text.get(..self.at).unwrap_or_default())
    }

    /// A value that runs to the end, unless it is in double quotes.
    pub(super) fn last_value(&mut self) -> Result<String, Wrong> {
        Ok(match self.quoted()? {
            Some(value) => value,
            None => self.until(&[]).to_owned(),
        })
    }

    /// A value among others: up to a comma or parenthesis, or in double quotes.
    pub(super) fn value(&mut self) -> Result<String, Wrong> {
        self.part(&[])
    }

    /// A value among others that one of `stops` ends as well.
    pub(super) fn part(&mut self, stops: &[char]) -> Result<String, Wrong> {
        if let Some(value) = self.quoted()? {
            return Ok(value);
        }
        let value = self.until(&[&[',', '(', ')', '"'], stops].concat()).to_owned();
        if self.rest().starts_with(['(', '"']) {
            let wrong = self.wrong("`,` or `)` is expected");
            return Err(
                wrong.hint("a value with `,`, `(`, `)` or `\"` is written in double quotes")
            );
        }
        Ok(value)
    }

    /// A value in double quotes, within which `\"` is a quote and `\\` a backslash.
    pub(super) fn quoted(&mut self) -> Result<Option<String>, Wrong> {
        if !self.eat("\"") {
            return Ok(None);
        }
        let mut value = String::new();
        loop {
            value.push_str(self.until(&['"', '\\']));
            if self.eat("\"") {
                return Ok(Some(value));
            }
            if self.eat("\\\"") {
                value.push('"');
            } else if self.eat("\\\\") {
                value.push('\\');
            } else if self.is_at_end() {
                return Err(self.wrong("a closing `\"` is expected"));
            } else {
                return Err(self.wrong("`\\\"` or `\\\\` is expected"));
            }
        }
    }
}
