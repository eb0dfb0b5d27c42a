//! What a role sees.
//!
//! Promises: an index that a role does not name is not there for it; fields that it does not see are in none of what is
//! made of them. The rows' filter is read with all fields, also those that the role does not see.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::{Context, Result};

use super::Caller;
use crate::config::{EVERY_PATH, IndexConfig, Operation, RoleConfig};
use crate::query::{Fields, Filter, RowFilter, Selection};

/// A role of the configuration.
#[derive(Debug)]
pub struct Role {
    name: String,
    /// All of them when absent.
    operations: Option<BTreeSet<Operation>>,
    /// All of them, whole, when absent.
    indexes: Option<BTreeMap<String, Sight>>,
}

/// Roles by name.
pub type Roles = BTreeMap<String, Arc<Role>>;

/// What a role sees of an index, whatever is in it.
#[derive(Debug, Clone)]
pub struct Sight {
    selection: Selection,
    /// Paths that are hidden or masked.
    kept_back: Vec<String>,
    rows: Option<RowFilter>,
}

/// What a role sees of an index as it is now.
#[derive(Debug)]
pub struct Seen {
    /// The fields that it may name.
    pub fields: Fields,
    /// What it is shown of a document.
    pub selection: Selection,
    rows: Option<RowFilter>,
    /// Whether the index has what the rows' filter asks of it, and all that is hidden or masked.
    open: bool,
}

impl Role {
    /// The roles of the configuration.
    ///
    /// # Errors
    /// When the filter of one is none.
    pub fn all(roles: &BTreeMap<String, RoleConfig>) -> Result<Roles> {
        let each = roles.iter().map(|(name, role)| {
            let role = Self::new(name, role).with_context(|| format!("api.roles: `{name}`"))?;
            Ok((name.clone(), Arc::new(role)))
        });
        each.collect()
    }

    fn new(name: &str, config: &RoleConfig) -> Result<Self> {
        let indexes = config.indexes.iter().map(|(index, seen)| {
            let sight = Sight::new(seen).with_context(|| format!("index `{index}`"))?;
            Ok((index.clone(), sight))
        });
        Ok(Self {
            name: name.to_owned(),
            operations: Some(config.operations.clone()),
            indexes: Some(indexes.collect::<Result<_>>()?),
        })
    }

    /// The role of those who may do and see everything.
    pub fn unlimited() -> Self {
        Self { name: "anyone".to_owned(), operations: None, indexes: None }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it may do that.
    pub fn may(&self, operation: Operation) -> bool {
        self.operations.as_ref().is_none_or(|operations| operations.contains(&operation))
    }

    /// What it sees of that index, if it sees it at all.
    pub fn sight(&self, index: &str) -> Option<Sight> {
        match &self.indexes {
            None => Some(Sight { selection: Selection::Whole, kept_back: Vec::new(), rows: None }),
            Some(indexes) => indexes.get(index).cloned(),
        }
    }

    /// Whether there is such an index for it.
    pub fn sees(&self, index: &str) -> bool {
        self.indexes.as_ref().is_none_or(|indexes| indexes.contains_key(index))
    }
}

impl Sight {
    fn new(config: &IndexConfig) -> Result<Self> {
        let every = config.fields.iter().any(|path| path == EVERY_PATH);
        let mut selection = if every { Selection::Whole } else { Selection::Nothing };
        config.fields.iter().filter(|_| !every).for_each(|path| selection.show(path));
        config.masked.iter().for_each(|(path, mask)| selection.mask(path, *mask));
        config.hidden.iter().for_each(|path| selection.hide(path));
        let rows = config.filter.clone().map(RowFilter::new).transpose();
        let rows = rows.map_err(anyhow::Error::msg).context("`filter`")?;
        Ok(Self { selection, kept_back: config.kept_back().cloned().collect(), rows })
    }

    /// The same, of an index with these fields. A filter that does not fit them is told to the log, and lets nothing be
    /// seen; so is a path that is hidden or masked and not there, since what it was meant for would be shown.
    pub fn of(self, fields: &Fields, index: &str, role: &str) -> Seen {
        let fits = self.rows.as_ref().map_or(Ok(()), |rows| rows.fits(fields));
        if let Err(refusal) = &fits {
            tracing::error!(index, role, %refusal, "the role's filter does not fit the index: it sees nothing of it");
        }
        let mut open = fits.is_ok();
        for path in self.kept_back.iter().filter(|path| !fields.may_hold(path)) {
            open = false;
            tracing::error!(
                index,
                role,
                path,
                "the index does not have what the role hides or masks: it sees nothing of it"
            );
        }
        let seen = fields.seen_through(&self.selection);
        Seen {
            // The words nearest to one are taken from all rows: what is found among some would tell of the others.
            fields: if self.rows.is_some() { seen.without_near_words() } else { seen },
            selection: self.selection,
            rows: self.rows,
            open,
        }
    }
}

impl Seen {
    /// The documents that there are for this caller, whose claims are held against all `fields` of the index. `None` when
    /// the role does not fit the index.
    pub fn rows(&self, fields: &Fields, caller: &Caller) -> Option<Filter> {
        if !self.open {
            return None;
        }
        let Some(rows) = &self.rows else { return Some(Filter::everything()) };
        let filter = rows.of(fields, &caller.claims);
        // A claim of another type than the field's can be equal to none of its values.
        Some(filter.unwrap_or_else(|_| {
            tracing::warn!(
                role = caller.role.name(),
                "a claim does not fit the field that it is compared with: no rows"
            );
            Filter::Or(Vec::new())
        }))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::{Map, json};

    use super::super::How;
    use super::*;
    use crate::mapping::Mapping;

    fn fields() -> Fields {
        let text = r#"{"mappings": {"properties": {"tenant": {"type": "keyword"}, "amount": {"type": "long"}, "memo": {"type": "text"},
            "manager": {"properties": {"name": {"type": "keyword"}, "ssn": {"type": "keyword"}}},
            "note": {"type": "object", "enabled": false}}}}"#;
        Fields::new(&Mapping::parse(Path::new("m.json"), text).unwrap())
    }

    fn seen(index: &serde_json::Value) -> Option<(Seen, Caller)> {
        let config = json!({"viewer": {"operations": ["search"], "indexes": {"contracts": index}}});
        let roles = Role::all(&serde_json::from_value(config).unwrap()).unwrap();
        let role = Arc::clone(&roles["viewer"]);
        assert!(role.may(Operation::Search) && !role.may(Operation::Explain));
        assert!(role.sight("invoices").is_none() && !role.sees("invoices"));
        let seen = role.sight("contracts")?.of(&fields(), "contracts", "viewer");
        let claims = Map::from_iter([("tenant".to_owned(), json!("t1"))]);
        Some((seen, Caller { subject: "ada".to_owned(), how: How::Key, role, claims }))
    }

    #[test]
    fn the_rows_filter_may_name_what_the_role_does_not_see() {
        let (seen, caller) = seen(&json!({"fields": ["amount", "manager"], "hidden": ["manager.ssn"], "filter": {"tenant": {"eq": "${claims.tenant}"}}})).unwrap();
        assert!(seen.fields.get("tenant").is_none() && seen.fields.get("manager.ssn").is_none());
        assert!(seen.fields.get("manager.name").is_some());
        assert!(matches!(seen.rows(&fields(), &caller), Some(Filter::Compare { .. })));
        let stranger = Caller { claims: Map::new(), ..caller };
        assert_eq!(seen.rows(&fields(), &stranger), Some(Filter::Or(Vec::new())));
    }

    #[test]
    fn near_words_are_for_those_who_see_every_row() {
        let finds = |index: serde_json::Value| {
            let (seen, _) = seen(&index).unwrap();
            !seen.fields.whole_words("memo").is_empty()
        };
        assert!(finds(json!({"fields": ["*"], "hidden": ["tenant"]})));
        assert!(!finds(json!({"fields": ["*"], "filter": {"amount": {"gt": 1}}})));
    }

    #[test]
    fn a_filter_that_does_not_fit_the_index_closes_it() {
        let (seen, caller) =
            seen(&json!({"fields": ["*"], "filter": {"team": {"eq": "${claims.tenant}"}}}))
                .unwrap();
        assert_eq!(seen.rows(&fields(), &caller), None);
    }

    #[test]
    fn a_path_to_keep_back_that_is_not_there_closes_the_index() {
        let is_open = |index: serde_json::Value| {
            let (seen, caller) = seen(&index).unwrap();
            seen.rows(&fields(), &caller).is_some()
        };
        for path in ["manager.ssn", "manager", "note", "note.anything.at.all"] {
            assert!(is_open(json!({"fields": ["*"], "hidden": [path]})), "{path}");
            assert!(is_open(json!({"fields": ["*"], "masked": {path: "all"}})), "{path}");
        }
        for slip in ["manager.snn", "manger", "amount.cents", "notes"] {
            assert!(!is_open(json!({"fields": ["*"], "hidden": [slip]})), "{slip}");
            assert!(!is_open(json!({"fields": ["*"], "masked": {slip: "all"}})), "{slip}");
            assert!(!is_open(json!({"fields": ["amount"], "hidden": ["amount", slip]})), "{slip}");
        }
    }
}
