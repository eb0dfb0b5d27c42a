//! Cuts a document down to the fields that were asked for, and that its caller may see.
//!
//! Promises: what is kept is kept byte by byte, so that a number of 38 digits stays one; members keep their order; lists keep
//! their length. prejoin's own object is not part of a row. What is masked shows its end at most. Never parses what it does
//! not have to open.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::fields::ID;
use super::json::{Json, Members};
use crate::config::Mask;
use crate::mapping::OWN_FIELD;

/// What is shown of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// All of it.
    Whole,
    /// Nothing, not even its name.
    Nothing,
    /// That there is something, and maybe how it ends.
    Masked(Mask),
    /// Some members of an object, or of each object in a list.
    Members {
        /// What is shown of these members.
        named: BTreeMap<String, Selection>,
        /// What is shown of all others.
        others: Box<Selection>,
    },
}

/// A document as the engine holds it, opened by one level.
#[derive(Debug, Default, Deserialize)]
pub struct Document(Members<Box<RawValue>>);

/// What stands for what is not shown.
const STARS: &str = "***";

impl Selection {
    /// What `within` shows below these paths; all that it shows without them.
    pub fn new(paths: Option<&[String]>, within: &Self) -> Self {
        let Some(paths) = paths else { return within.clone() };
        let mut selection = Self::Nothing;
        let mut sorted: Vec<&String> = paths.iter().collect();
        // The shorter first: what is below one is in it already.
        sorted.sort_by_key(|path| path.len());
        for path in sorted {
            let inside = |other: &String| {
                path.strip_prefix(other.as_str()).is_some_and(|rest| rest.starts_with('.'))
            };
            if !paths.iter().any(inside) {
                *selection.at_mut(path) = within.at(path).clone();
            }
        }
        selection
    }

    /// What is shown of the value at that path.
    pub fn at(&self, path: &str) -> &Self {
        path.split('.').fold(self, |at, name| at.member(name))
    }

    /// The place of that path, parted from what surrounds it.
    fn at_mut(&mut self, path: &str) -> &mut Self {
        path.split('.').fold(self, |at, name| at.member_mut(name))
    }

    fn member(&self, name: &str) -> &Self {
        match self {
            Self::Members { named, others } => named.get(name).unwrap_or(others),
            same => same,
        }
    }

    fn member_mut(&mut self, name: &str) -> &mut Self {
        if !matches!(self, Self::Members { .. }) {
            let others = Box::new(std::mem::replace(self, Self::Nothing));
            *self = Self::Members { named: BTreeMap::new(), others };
        }
        match self {
            Self::Members { named, others } => {
                named.entry(name.to_owned()).or_insert_with(|| (**others).clone())
            }
            same => same,
        }
    }

    /// Shows all below that path.
    pub fn show(&mut self, path: &str) {
        *self.at_mut(path) = Self::Whole;
    }

    /// Shows nothing below that path any more.
    pub fn hide(&mut self, path: &str) {
        *self.at_mut(path) = Self::Nothing;
    }

    /// Masks all that is shown below that path.
    pub fn mask(&mut self, path: &str, mask: Mask) {
        self.at_mut(path).mask_all(mask);
    }

    fn mask_all(&mut self, mask: Mask) {
        match self {
            Self::Whole | Self::Masked(_) => *self = Self::Masked(mask),
            Self::Nothing => {}
            Self::Members { named, others } => {
                others.mask_all(mask);
                named.values_mut().for_each(|member| member.mask_all(mask));
            }
        }
    }

    /// Whether there can be anything to see.
    pub fn shows_anything(&self) -> bool {
        match self {
            Self::Whole | Self::Masked(_) => true,
            Self::Nothing => false,
            Self::Members { named, others } => {
                others.shows_anything() || named.values().any(Self::shows_anything)
            }
        }
    }

    /// Writes the row of a document: its id, then its selected fields.
    ///
    /// # Errors
    /// When a value has to be opened that is no JSON all through.
    pub fn row(&self, id: &str, document: &Document, out: &mut String) -> serde_json::Result<()> {
        out.push_str("{\"");
        out.push_str(ID);
        out.push_str("\":");
        text(id, out)?;
        for (name, value) in &document.0.0 {
            if name != OWN_FIELD {
                self.member(name).named(name, value, out)?;
            }
        }
        out.push('}');
        Ok(())
    }

    /// Writes one member, if anything of it is shown, after others.
    fn named(&self, name: &str, value: &RawValue, out: &mut String) -> serde_json::Result<()> {
        if !self.shows_anything() {
            return Ok(());
        }
        if !out.ends_with('{') {
            out.push(',');
        }
        text(name, out)?;
        out.push(':');
        self.value(value, out)
    }

    fn value(&self, value: &RawValue, out: &mut String) -> serde_json::Result<()> {
        if *self == Self::Whole || value.get() == "null" {
            out.push_str(value.get());
            return Ok(());
        }
        match Json::open(value)? {
            Json::Object(members) => {
                out.push('{');
                for (name, value) in members {
                    self.member(&name).named(&name, value, out)?;
                }
                out.push('}');
            }
            Json::List(elements) => {
                out.push('[');
                for (number, element) in elements.into_iter().enumerate() {
                    if number > 0 {
                        out.push(',');
                    }
                    self.value(element, out)?;
                }
                out.push(']');
            }
            value => match self {
                Self::Masked(mask) => out.push_str(&masked(*mask, &value)),
                // Only members were to be shown of it, and it has none.
                _ => out.push_str("null"),
            },
        }
        Ok(())
    }
}

/// Writes a text as JSON.
fn text(text: &str, out: &mut String) -> serde_json::Result<()> {
    out.push_str(&serde_json::to_string(text)?);
    Ok(())
}

/// What is shown of a text or number, as JSON.
fn masked(mask: Mask, value: &Json<'_>) -> String {
    let text = match (mask, value) {
        (Mask::KeepLast(_), Json::Text(text)) => text,
        (Mask::KeepLast(_), Json::Number(digits)) => *digits,
        _ => "",
    };
    let count = text.chars().count();
    let kept = match mask {
        Mask::KeepLast(kept) if kept.saturating_mul(2) <= count => kept,
        _ => 0,
    };
    let end: String = text.chars().skip(count - kept).collect();
    Value::from(format!("{STARS}{end}")).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = r#"{"title":"a \"b\"","amount":12345678901234567890123456789012345678.10,
        "manager":{"name":"김철수","team":{"id":1}},"company":null,
        "settlements":[{"id":1,"amount":1.50},{"id":2}],"_prejoin":{"id":"c1"}}"#;

    fn written(selection: &Selection, id: &str) -> String {
        let mut row = String::new();
        selection.row(id, &serde_json::from_str(SOURCE).unwrap(), &mut row).unwrap();
        row
    }

    fn row(paths: Option<&[&str]>) -> String {
        let paths: Option<Vec<String>> =
            paths.map(|paths| paths.iter().map(|path| (*path).to_owned()).collect());
        let selection = Selection::new(paths.as_deref(), &Selection::Whole);
        written(&selection, "c\"1").replace("\n        ", "")
    }

    #[test]
    fn a_row_without_selection_is_the_document_and_its_id() {
        insta::assert_snapshot!(row(None), @r#"{"_id":"c\"1","title":"a \"b\"","amount":12345678901234567890123456789012345678.10,"manager":{"name":"김철수","team":{"id":1}},"company":null,"settlements":[{"id":1,"amount":1.50},{"id":2}]}"#);
    }

    #[test]
    fn paths_select_members_of_objects_and_of_elements() {
        insta::assert_snapshot!(row(Some(&["settlements.amount", "company.name", "manager", "manager.name", "amount"])), @r#"{"_id":"c\"1","amount":12345678901234567890123456789012345678.10,"manager":{"name":"김철수","team":{"id":1}},"company":null,"settlements":[{"amount":1.50},{}]}"#);
        insta::assert_snapshot!(row(Some(&["manager.team.id"])), @r#"{"_id":"c\"1","manager":{"team":{"id":1}}}"#);
        insta::assert_snapshot!(row(Some(&[])), @r#"{"_id":"c\"1"}"#);
    }

    fn seen(paths: Option<&[&str]>, prepare: impl Fn(&mut Selection)) -> String {
        let mut within = Selection::Nothing;
        prepare(&mut within);
        let paths: Option<Vec<String>> =
            paths.map(|paths| paths.iter().map(|path| (*path).to_owned()).collect());
        let selection = Selection::new(paths.as_deref(), &within);
        written(&selection, "c1")
    }

    #[test]
    fn what_may_not_be_seen_is_not_in_a_row_whatever_is_asked_for() {
        let prepare = |within: &mut Selection| {
            within.show("manager.name");
            within.show("settlements");
            within.hide("settlements.id");
            within.hide("settlements.none");
        };
        insta::assert_snapshot!(seen(None, prepare), @r#"{"_id":"c1","manager":{"name":"김철수"},"settlements":[{"amount":1.50},{}]}"#);
        insta::assert_snapshot!(seen(Some(&["manager", "manager.name", "settlements.id", "title"]), prepare), @r#"{"_id":"c1","manager":{"name":"김철수"}}"#);
        insta::assert_snapshot!(seen(None, |_| {}), @r#"{"_id":"c1"}"#);
    }

    #[test]
    fn what_is_masked_shows_its_end_at_most() {
        let prepare = |within: &mut Selection| {
            within.show("amount");
            within.show("manager");
            within.show("company");
            within.mask("amount", Mask::KeepLast(4));
            within.mask("manager", Mask::All);
            within.mask("manager.name", Mask::KeepLast(1));
            within.mask("manager.team.id", Mask::KeepLast(1));
            within.mask("company", Mask::All);
            within.mask("title", Mask::All);
        };
        insta::assert_snapshot!(seen(None, prepare), @r#"{"_id":"c1","amount":"***8.10","manager":{"name":"***수","team":{"id":"***"}},"company":null}"#);
        insta::assert_snapshot!(seen(Some(&["manager.name"]), prepare), @r#"{"_id":"c1","manager":{"name":"***수"}}"#);
    }
}
