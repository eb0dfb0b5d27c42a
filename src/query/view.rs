//! Named presets of a search, and how a search is laid over one.
//!
//! Promises: the caller's filter is one more condition beside the view's, never in place of it; fields are those of the view
//! or some of them. What is wrong with a view is told as such, without its text. A preset is no protection: roles are.

use std::borrow::Cow;

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::fault::{Code, Pointer, Refusal};
use super::json::Json;
use crate::config::{ViewConfig, Views};
use crate::finding::did_you_mean;

/// Where the caller's own filter stands beside a view's.
const OWN_FILTER: &str = "/filter/and/1";

/// A body whose view, if it names one, is part of it.
#[derive(Debug)]
pub struct Viewed<'a> {
    /// The body.
    pub body: Cow<'a, [u8]>,
    /// Pointers to what the view brought.
    brought: Vec<&'static str>,
    /// Fields that the view has; any without.
    shown: Option<Vec<String>>,
}

/// Lays `body` over the view that it names. What is not understood is left for the body's parser to tell.
///
/// # Errors
/// When there is no such view, or fields are asked for that it does not have.
pub fn lay_over<'a>(views: &Views, body: &'a [u8]) -> Result<Viewed<'a>, Refusal> {
    let untouched = || Viewed { body: Cow::Borrowed(body), brought: Vec::new(), shown: None };
    let Some(members) = members_once(body) else { return Ok(untouched()) };
    let Some((_, name)) = members.iter().find(|(name, _)| name == "view") else {
        return Ok(untouched());
    };
    let view = view(views, name)?;
    let own = |wanted: &str| members.iter().find(|(name, _)| name == wanted).map(|(_, raw)| *raw);
    let mut brought = Vec::new();
    let mut laid = vec![filter(view, own("filter"), &mut brought)];
    laid.push(("sort", or_brought("/sort", own("sort"), view.sort.as_ref(), &mut brought)));
    let fields = view.fields.as_ref().map(|fields| json!(fields));
    laid.push(("fields", or_brought("/fields", own("fields"), fields.as_ref(), &mut brought)));
    laid.push(("page", page(view, own("page"), &mut brought)));
    let mut texts: Vec<String> = Vec::new();
    for (name, raw) in &members {
        if !matches!(name.as_str(), "view" | "filter" | "sort" | "fields" | "page") {
            texts.push(format!("{}:{raw}", Value::from(name.as_str())));
        }
    }
    let laid = laid.into_iter().filter_map(|(name, text)| Some(format!("\"{name}\":{}", text?)));
    texts.extend(laid);
    let body = format!("{{{}}}", texts.join(",")).into_bytes();
    Ok(Viewed { body: Cow::Owned(body), brought, shown: view.fields.clone() })
}

impl Viewed<'_> {
    /// Holds the fields that are asked for against the view's. They must be known to be fields that the caller may name, so that
    /// nobody learns here what is hidden from them.
    ///
    /// # Errors
    /// When one is neither among the view's nor within one of them.
    pub fn shows(&self, fields: Option<&[String]>) -> Result<(), Refusal> {
        let (Some(shown), Some(fields)) = (&self.shown, fields) else { return Ok(()) };
        let is_within = |path: &String| {
            let behind = |shown: &String| path.strip_prefix(shown.as_str());
            let mut behind = shown.iter().filter_map(behind);
            behind.any(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let Some(number) = fields.iter().position(|path| !is_within(path)) else { return Ok(()) };
        let at = Pointer::root().join("fields").join(number);
        Err(Refusal::one(&at, Code::UnknownField, "this field is not one of the view's", None))
    }

    /// Tells faults of the body by where they stand in the caller's own.
    #[must_use]
    pub fn tell(&self, mut refusal: Refusal) -> Refusal {
        for fault in &mut refusal.faults {
            let within = |whole: &str| {
                let rest = fault.pointer.strip_prefix(whole)?;
                (rest.is_empty() || rest.starts_with('/')).then(|| rest.to_owned())
            };
            if self.brought.iter().any(|pointer| within(pointer).is_some()) {
                fault.pointer = "/view".to_owned();
                fault.code = Code::ViewUnusable;
                "this view does not fit the index as it is".clone_into(&mut fault.what);
                fault.hint = None;
            } else if self.brought.contains(&"/filter/and/0")
                && let Some(rest) = within(OWN_FILTER)
            {
                fault.pointer = format!("/filter{rest}");
            }
        }
        refusal.faults.dedup();
        refusal
    }
}

/// The members of a body that is an object, if none stands twice.
fn members_once(body: &[u8]) -> Option<Vec<(String, &RawValue)>> {
    let raw: &RawValue = serde_json::from_slice(body).ok()?;
    let Ok(Json::Object(members)) = Json::open(raw) else { return None };
    let names: std::collections::HashSet<&str> =
        members.iter().map(|(name, _)| name.as_str()).collect();
    (names.len() == members.len()).then_some(members)
}

fn view<'v>(views: &'v Views, name: &RawValue) -> Result<&'v ViewConfig, Refusal> {
    let at = Pointer::root().join("view");
    let Ok(Json::Text(name)) = Json::open(name) else {
        return Err(Refusal::one(&at, Code::InvalidValue, "a string is expected here", None));
    };
    views.get(&name).ok_or_else(|| {
        // Comparing costs the product of both lengths.
        let near: String = name.chars().take(64).collect();
        let hint = did_you_mean(&near, views.keys().map(String::as_str));
        Refusal::one(&at, Code::UnknownView, format!("unknown view `{near}`"), Some(&hint))
    })
}

/// Both filters, each closed.
fn filter(
    view: &ViewConfig,
    own: Option<&RawValue>,
    brought: &mut Vec<&'static str>,
) -> (&'static str, Option<String>) {
    let text = match (&view.filter, own) {
        (None, own) => own.map(|own| own.get().to_owned()),
        (Some(filter), None) => {
            brought.push("/filter");
            Some(filter.to_string())
        }
        (Some(filter), Some(own)) => {
            brought.push("/filter/and/0");
            Some(format!("{{\"and\":[{filter},{own}]}}"))
        }
    };
    ("filter", text)
}

fn or_brought(
    pointer: &'static str,
    own: Option<&RawValue>,
    view: Option<&Value>,
    brought: &mut Vec<&'static str>,
) -> Option<String> {
    if let (None, Some(view)) = (own, view) {
        brought.push(pointer);
        return Some(view.to_string());
    }
    own.map(|own| own.get().to_owned())
}

/// The caller's page, with the view's size unless it has one.
fn page(
    view: &ViewConfig,
    own: Option<&RawValue>,
    brought: &mut Vec<&'static str>,
) -> Option<String> {
    let size = view.page.as_ref().map(|page| page.size);
    let (Some(size), Some(own)) = (size, own) else {
        brought.extend(size.map(|_| "/page/size"));
        return own.map(|own| own.get().to_owned()).or(size.map(|it| format!("{{\"size\":{it}}}")));
    };
    match Json::open(own) {
        Ok(Json::Object(members)) if members.iter().all(|(name, _)| name != "size") => {
            brought.push("/page/size");
            let mut texts = vec![format!("\"size\":{size}")];
            let own = members.iter();
            texts.extend(own.map(|(name, raw)| format!("{}:{raw}", Value::from(name.as_str()))));
            Some(format!("{{{}}}", texts.join(",")))
        }
        _ => Some(own.get().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::fields::tests::fields;
    use crate::query::parse;

    fn views() -> Views {
        let views = r#"{
            "mobile": {"fields": ["title", "manager"], "filter": {"or": [{"paid": {"eq": true}}]},
                "sort": [{"field": "amount"}], "page": {"size": 20}},
            "stale": {"filter": {"gone": {"eq": 1}}, "sort": [{"field": "gone"}]}}"#;
        serde_json::from_str(views).unwrap()
    }

    fn laid(body: &str) -> String {
        let viewed = lay_over(&views(), body.as_bytes());
        viewed.map_or_else(
            |refusal| refusal.to_string(),
            |viewed| String::from_utf8(viewed.body.into_owned()).unwrap(),
        )
    }

    #[test]
    fn a_search_is_laid_over_its_view() {
        insta::assert_snapshot!(laid(r#"{"view": "mobile"}"#), @r#"{"filter":{"or":[{"paid":{"eq":true}}]},"sort":[{"field":"amount"}],"fields":["title","manager"],"page":{"size":20}}"#);
        insta::assert_snapshot!(laid(r#"{"count": "none", "view": "mobile", "filter": {"amount": {"gt": 1.50}}, "sort": [], "fields": ["manager.name"], "page": {"after": "A"}}"#), @r#"{"count":"none","filter":{"and":[{"or":[{"paid":{"eq":true}}]},{"amount": {"gt": 1.50}}]},"sort":[],"fields":["manager.name"],"page":{"size":20,"after":"A"}}"#);
        insta::assert_snapshot!(laid(r#"{"view": "mobile", "page": {"size": 5}, "fields": []}"#), @r#"{"filter":{"or":[{"paid":{"eq":true}}]},"sort":[{"field":"amount"}],"fields":[],"page":{"size": 5}}"#);
    }

    #[test]
    fn what_names_no_view_is_left_alone() {
        for body in ["{}", "[", r#"{"view": "mobile", "view": "mobile"}"#, r#"{"filter": {}}"#] {
            assert_eq!(laid(body), body);
        }
    }

    #[test]
    fn what_does_not_fit_is_told() {
        insta::assert_snapshot!(laid(r#"{"view": "moblie"}"#), @"/view unknown_view: unknown view `moblie` (did you mean `mobile`?)");
        insta::assert_snapshot!(laid(r#"{"view": 5}"#), @"/view invalid_value: a string is expected here");
        let views = views();
        let viewed = lay_over(&views, br#"{"view": "mobile"}"#).unwrap();
        let shows = |fields: &[&str]| {
            let fields: Vec<String> = fields.iter().map(|&field| field.to_owned()).collect();
            viewed.shows(Some(&fields)).map_err(|refusal| refusal.to_string())
        };
        assert_eq!(shows(&["title", "manager.name"]), Ok(()));
        insta::assert_snapshot!(shows(&["title", "managers"]).unwrap_err(), @"/fields/1 unknown_field: this field is not one of the view's");
    }

    #[test]
    fn faults_stand_where_the_caller_wrote_them() {
        let told = |body: &str| {
            let views = views();
            let viewed = lay_over(&views, body.as_bytes()).unwrap();
            viewed.tell(parse(&fields(), &viewed.body).unwrap_err()).to_string()
        };
        insta::assert_snapshot!(told(r#"{"view": "mobile", "filter": {"amonut": {"gt": 1}}}"#), @"/filter/amonut unknown_field: unknown field `amonut` (did you mean `amount`?)");
        insta::assert_snapshot!(told(r#"{"view": "stale", "filter": {"amonut": {"gt": 1}}}"#), @r"
        /view view_unusable: this view does not fit the index as it is
        /filter/amonut unknown_field: unknown field `amonut` (did you mean `amount`?)
        /view view_unusable: this view does not fit the index as it is
        ");
        insta::assert_snapshot!(told(r#"{"view": "stale"}"#), @"/view view_unusable: this view does not fit the index as it is");
    }
}
