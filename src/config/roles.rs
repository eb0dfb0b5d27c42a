//! What each role of the query API may do and see, as its user writes it.
//!
//! Promises: what is not said is not allowed: a role sees the fields that it names, of the indexes that it names, and does
//! what it names. Whether the fields are there is seen with the index.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::Value;

/// What a role may do and see.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleConfig {
    /// What it may do.
    pub operations: BTreeSet<Operation>,
    /// What it sees of these indexes; there is no other for it.
    pub indexes: BTreeMap<String, IndexConfig>,
}

/// What can be done with an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Pages of documents.
    Search,
    /// One document by its id.
    Get,
    /// Counts by value, and values for type-ahead.
    Facet,
    /// Sums and the like by group.
    Aggregate,
    /// The query that a search becomes.
    Explain,
    /// All documents.
    Export,
}

impl Operation {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::Get => "get",
            Self::Facet => "facet",
            Self::Aggregate => "aggregate",
            Self::Explain => "explain",
            Self::Export => "export",
        }
    }
}

/// What a role sees of an index.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IndexConfig {
    /// Which documents: a filter, with `"${claims.NAME}"` in place of values. All of them when absent.
    pub filter: Option<Value>,
    /// Paths whose fields are seen, with all below them; `*` is every path. None when absent, so that nothing is shown
    /// because a mapping has grown.
    pub fields: Vec<String>,
    /// Paths whose fields are not seen all the same.
    pub hidden: Vec<String>,
    /// Paths whose values are seen masked, and cannot be asked for in any other way.
    pub masked: BTreeMap<String, Mask>,
}

/// What is left of a value that is masked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mask {
    /// Stars, as many for each value.
    All,
    /// So many characters at its end, after stars; never more than half of it.
    KeepLast(usize),
}

/// The path that stands for all.
pub const EVERY_PATH: &str = "*";

/// What every row shows.
const ID: &str = "_id";

/// Holds roles against themselves; whether their fields are there is seen with the index.
pub(super) fn validated(roles: &BTreeMap<String, RoleConfig>) -> Result<()> {
    for (name, role) in roles {
        ensure!(
            !role.operations.is_empty(),
            "api.roles: `{name}` may do nothing: `operations` is empty"
        );
        ensure!(!role.indexes.is_empty(), "api.roles: `{name}` sees no index");
        for (index, seen) in &role.indexes {
            seen.validated().with_context(|| format!("api.roles: `{name}`, index `{index}`"))?;
        }
    }
    Ok(())
}

impl IndexConfig {
    /// Paths that are not seen, or not as they are.
    pub fn kept_back(&self) -> impl Iterator<Item = &String> {
        self.hidden.iter().chain(self.masked.keys())
    }

    fn validated(&self) -> Result<()> {
        if self.fields.is_empty() {
            bail!(
                "`fields` is missing, so that it would see none\n\nhint: name paths, or [\"{EVERY_PATH}\"] for every field, also those that are yet to come"
            );
        }
        let shown = self.fields.iter().filter(|path| *path != EVERY_PATH);
        for path in shown.chain(self.kept_back()) {
            let named = path.split('.').all(|part| !part.is_empty() && !part.contains('*'));
            ensure!(named, "`{path}` is no path\n\nhint: a path stands for all that is below it");
        }
        for path in self.kept_back() {
            ensure!(path != ID, "`{ID}` can be neither hidden nor masked: it is always shown");
        }
        for path in self.masked.keys() {
            let covers = |shown: &String| {
                shown == EVERY_PATH
                    || path
                        .strip_prefix(shown.as_str())
                        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            ensure!(self.fields.iter().any(covers), "`{path}` is masked, but not among `fields`");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles(text: &str) -> Result<BTreeMap<String, RoleConfig>> {
        let roles: BTreeMap<String, RoleConfig> = serde_json::from_str(text)?;
        validated(&roles).map(|()| roles)
    }

    fn refused<T: std::fmt::Debug>(outcome: Result<T>) -> String {
        format!("{:#}", outcome.unwrap_err())
    }

    #[test]
    fn a_role_says_what_it_sees() {
        let index = |index: &str| {
            roles(&format!(
                r#"{{"viewer": {{"operations": ["search"], "indexes": {{"a": {index}}}}}}}"#
            ))
        };
        assert!(index(r#"{"fields": ["a", "b.c"], "masked": {"b.c.d": {"keep_last": 4}, "a": "all"}, "hidden": ["b.c.e"]}"#).is_ok());
        insta::assert_snapshot!(refused(index("{}")), @r#"
        api.roles: `viewer`, index `a`: `fields` is missing, so that it would see none

        hint: name paths, or ["*"] for every field, also those that are yet to come
        "#);
        insta::assert_snapshot!(refused(index(r#"{"fields": ["a"], "masked": {"ab": "all"}}"#)), @"api.roles: `viewer`, index `a`: `ab` is masked, but not among `fields`");
        insta::assert_snapshot!(refused(index(r#"{"fields": ["a.*"]}"#)), @"
        api.roles: `viewer`, index `a`: `a.*` is no path

        hint: a path stands for all that is below it
        ");
        for other in [r#""hidden": ["*"]"#, r#""masked": {"*": "all"}"#] {
            let said = refused(index(&format!(r#"{{"fields": ["*"], {other}}}"#)));
            assert!(said.contains("`*` is no path"), "{said}");
        }
        for id in [r#""hidden": ["_id"]"#, r#""masked": {"_id": "all"}"#] {
            let said = refused(index(&format!(r#"{{"fields": ["*"], {id}}}"#)));
            assert!(
                said.ends_with("`_id` can be neither hidden nor masked: it is always shown"),
                "{said}"
            );
        }
        insta::assert_snapshot!(refused(roles(r#"{"viewer": {"operations": [], "indexes": {}}}"#)), @"api.roles: `viewer` may do nothing: `operations` is empty");
    }
}
