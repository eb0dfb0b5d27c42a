//! The query string of a package as names and values.
//!
//! Promises: what is decoded is UTF-8 and NFC. An empty value is one, and none is none.

use super::{Place, Writer};
use crate::query::Code;
use crate::query::get::decode;

/// One `name=value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parameter {
    pub(super) name: String,
    /// `None` without a `=`.
    pub(super) value: Option<String>,
}

impl Writer<'_> {
    /// The parameters of `query`, in their order.
    pub(super) fn parameters(&mut self, query: &str) -> Vec<Parameter> {
        let mut parameters = Vec::new();
        for part in query.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').map_or((part, None), |(n, v)| (n, Some(v)));
            match (decode(name), value.map(decode).transpose()) {
                (Ok(name), Ok(value)) => parameters.push(Parameter { name, value }),
                (name, _) => {
                    let at = Place::Parameter(name.unwrap_or_default());
                    let what = "this is no UTF-8, written as in a form";
                    self.refuse(&at, Code::InvalidQuery, what, "a `%` itself is `%25`");
                }
            }
        }
        parameters
    }

    /// Takes the parameters of that name; says so if there are several.
    pub(super) fn once(&mut self, name: &str, from: &mut Vec<Parameter>) -> Option<String> {
        let (own, others) = std::mem::take(from).into_iter().partition(|one| one.name == name);
        *from = others;
        let own: Vec<Parameter> = own;
        if own.len() > 1 {
            let at = Place::Parameter(name.to_owned());
            self.refuse(&at, Code::RepeatedKey, "this is said already", "write it once");
        }
        own.into_iter().next().map(|own| own.value.unwrap_or_default())
    }
}
