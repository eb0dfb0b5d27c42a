//! Fields of a contract, as searches name them.

use std::path::Path;

use super::*;

/// Fields of a contract.
pub(in crate::query) fn fields() -> Fields {
    let text = r#"{"mappings": {"properties": {
        "title": {"type": "text", "fields": {"lower": {"type": "keyword"}, "raw": {"type": "keyword"}}},
        "memo": {"type": "text"}, "place": {"type": "geo_point"},
        "amount": {"type": "long"}, "rate": {"type": "double"}, "signed_at": {"type": "date"}, "paid": {"type": "boolean"},
        "secret": {"type": "keyword", "index": false, "doc_values": false},
        "manager": {"properties": {"name": {"type": "keyword", "doc_values": false}}},
        "settlements": {"type": "nested", "properties": {
            "amount": {"type": "long"}, "status": {"type": "keyword"},
            "payer": {"properties": {"name": {"type": "keyword"}}},
            "lines": {"type": "nested", "properties": {"code": {"type": "keyword"}}}}}}}}"#;
    Fields::new(&Mapping::parse(Path::new("m.json"), text).unwrap())
}

fn value(fields: &Fields, path: &str) -> ValueField {
    match &fields.get(path).unwrap().shape {
        Shape::Value(value) => value.clone(),
        other => panic!("{path} is {other:?}"),
    }
}

#[test]
fn each_value_knows_what_serves_it() {
    let fields = fields();
    assert_eq!(value(&fields, "title").filter.as_deref(), Some("title.raw"));
    assert_eq!(value(&fields, "memo").kind, None);
    assert_eq!(value(&fields, "memo").exists.as_deref(), Some("memo"));
    let secret = value(&fields, "secret");
    assert_eq!((secret.filter, secret.sort, secret.exists), (None, None, None));
    let name = value(&fields, "manager.name");
    assert_eq!((name.filter.as_deref(), name.sort), (Some("manager.name"), None));
    assert!(fields.get("title.raw").is_none());
    assert!(fields.get("_prejoin.id").is_none());
}

#[test]
fn parts_are_looked_for_where_values_are_as_they_are_compared() {
    let text = r#"{"mappings": {"properties": {
        "same": {"type": "keyword", "normalizer": "lowercase", "fields": {"parts": {"type": "wildcard", "normalizer": "lowercase"}}},
        "other": {"type": "keyword", "normalizer": "lowercase", "fields": {"parts": {"type": "wildcard"}}},
        "text": {"type": "text", "fields": {"parts": {"type": "wildcard"}}},
        "itself": {"type": "wildcard"}}}}"#;
    let fields = Fields::new(&Mapping::parse(Path::new("m.json"), text).unwrap());
    for (path, serves) in
        [("same", "same.parts"), ("other", "other"), ("text", "text.parts"), ("itself", "itself")]
    {
        assert_eq!(value(&fields, path).like.as_deref(), Some(serves));
    }
}

#[test]
fn names_are_found_where_they_stand() {
    let fields = fields();
    let lines = Some("settlements.lines");
    assert!(matches!(fields.find(None, "manager.name"), Found::Here(_)));
    assert!(matches!(fields.find(Some("settlements"), "payer.name"), Found::Here(_)));
    assert!(matches!(fields.find(lines, "code"), Found::Here(_)));
    assert!(matches!(fields.find(lines, "amount"), Found::Unknown));
    assert!(matches!(
        fields.find(None, "settlements.lines.code"),
        Found::InList { list: "settlements", rest: "lines.code" }
    ));
    assert!(matches!(
        fields.find(Some("settlements"), "lines.code"),
        Found::InList { list: "lines", rest: "code" }
    ));
    assert!(matches!(fields.find(None, "title.raw"), Found::Unknown));
}

#[test]
fn a_wrong_name_brings_the_right_one() {
    let fields = fields();
    insta::assert_snapshot!(fields.suggest(None, "manger.name"), @"did you mean `manager.name`?");
    insta::assert_snapshot!(fields.suggest(Some("settlements"), "amont"), @"did you mean `amount`?");
    insta::assert_snapshot!(
        fields.suggest(Some("settlements"), "something_else"),
        @"known here are amount, lines, payer, status"
    );
}

#[test]
fn what_is_hidden_is_unknown_and_what_is_masked_can_only_be_shown() {
    let mut selection = Selection::Whole;
    selection.hide("settlements.payer");
    selection.hide("manager.name");
    selection.hide("title");
    selection.mask("rate", crate::config::Mask::All);
    let seen = fields().seen_through(&selection);
    for hidden in ["title", "manager.name", "settlements.payer", "settlements.payer.name"] {
        assert!(seen.get(hidden).is_none() && !seen.shows(hidden), "{hidden}");
    }
    for masked in ["rate", "manager"] {
        assert!(seen.get(masked).is_none() && seen.shows(masked), "{masked}");
    }
    assert!(seen.get("settlements.amount").is_some() && seen.get("settlements").is_some());
    insta::assert_snapshot!(seen.suggest(None, "titel"), @"known here are amount, memo, paid, place, secret, settlements, signed_at");
    assert!(seen.suggest_shown("rat").contains("`rate`"));
    assert_ne!(seen.fingerprint(), fields().fingerprint());
    let nothing = fields().seen_through(&Selection::Nothing);
    assert_eq!(nothing.known.keys().collect::<Vec<_>>(), ["_id"]);
}
