//! Whether the configured views are searches.
//!
//! Promises: what can be known without an index is an error before anything is served; a view that does not fit the index as
//! it is now is warned of, since the index may be on its way.

use crate::config::{ApiConfig, ViewConfig};
use crate::finding::{Finding, did_you_mean};
use crate::mapping;
use crate::query::{Code, Fault, Fields, Limits, parse_within};

/// Holds every view against the grammar.
///
/// # Errors
/// The first that no index could answer, or that belongs to none of `aliases`.
pub(super) fn check(config: &ApiConfig, aliases: &[String]) -> Result<(), Finding> {
    let nothing = Fields::of(&mapping::Fields::default());
    for (index, views) in &config.views {
        if !aliases.contains(index) {
            let hint = did_you_mean(index, aliases.iter().map(String::as_str));
            let what = format!("`api.views`: there is no job with the index `{index}`");
            return Err(Finding::error(what).hint(hint));
        }
        for (name, view) in views {
            let faults = faults(&config.limits, &nothing, view);
            if let Some(fault) = faults.iter().find(|fault| fault.code != Code::UnknownField) {
                let what = format!("`api.views.{index}.{name}`, {}: {}", fault.pointer, fault.what);
                let hint =
                    fault.hint.as_deref().unwrap_or("a view is written as the body of a search is");
                return Err(Finding::error(what).hint(hint));
            }
        }
    }
    Ok(())
}

/// Warns of the views of an index that do not fit its fields.
pub(super) fn warn(config: &ApiConfig, index: &str, fields: &Fields) {
    for (name, view) in config.views.get(index).into_iter().flatten() {
        for fault in faults(&config.limits, fields, view) {
            let (place, what) = (&fault.pointer, &fault.what);
            tracing::warn!(index, view = name, place, what, "this view does not fit the index");
        }
    }
}

fn faults(limits: &Limits, fields: &Fields, view: &ViewConfig) -> Vec<Fault> {
    let body = serde_json::to_vec(view).unwrap_or_default();
    parse_within(limits, fields, &body).err().map(|refusal| refusal.faults).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(views: &str) -> String {
        let config =
            ApiConfig { views: serde_json::from_str(views).unwrap(), ..ApiConfig::default() };
        check(&config, &["contracts".to_owned()]).map_or_else(
            |finding| format!("{finding}\n{}", finding.hint.clone().unwrap_or_default()),
            |()| "fine".to_owned(),
        )
    }

    #[test]
    fn views_that_no_index_could_answer_are_errors() {
        assert_eq!(
            checked(
                r#"{"contracts": {"mobile": {"filter": {"any": {"eq": 1}}, "sort": [{"field": "x"}], "page": {"size": 20}}}}"#
            ),
            "fine"
        );
        insta::assert_snapshot!(checked(r#"{"contract": {}}"#), @r"
        `api.views`: there is no job with the index `contract`
        did you mean `contracts`?
        ");
        insta::assert_snapshot!(checked(r#"{"contracts": {"mobile": {"page": {"size": 500}}}}"#), @r"
        `api.views.contracts.mobile`, /page/size: a page has at most 200 rows
        fetch the rest with `page.after`
        ");
        insta::assert_snapshot!(checked(r#"{"contracts": {"mobile": {"filter": {"or": {}}}}}"#), @r"
        `api.views.contracts.mobile`, /filter/or: a list of filters is expected here
        a view is written as the body of a search is
        ");
        insta::assert_snapshot!(checked(r#"{"contracts": {"mobile": {"sort": "amount"}}}"#), @r"
        `api.views.contracts.mobile`, /sort: a list of sort keys is expected here
        a view is written as the body of a search is
        ");
    }
}
