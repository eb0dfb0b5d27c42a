use super::*;
use crate::query::fields::tests::fields;
use crate::query::{Op, Scalar};

fn refused(body: &str) -> String {
    parse(&fields(), body.as_bytes()).unwrap_err().to_string()
}

fn filter(filter: &str) -> String {
    refused(&format!(r#"{{"filter": {filter}}}"#))
}

fn sort(sort: &str) -> String {
    refused(&format!(r#"{{"sort": {sort}}}"#))
}

#[test]
fn a_body_without_anything_asks_for_the_first_page_of_all() {
    let request = parse(&fields(), b"{}").unwrap();
    assert_eq!(request.filter, Filter::everything());
    assert_eq!((request.page.size, request.count), (DEFAULT_PAGE, Count::Capped));
    assert_eq!((request.fields, request.page.after), (None, None));
}

#[test]
fn side_by_side_means_and() {
    let request = parse(
        &fields(),
        br#"{"filter": {"amount": {"gte": 1, "ne": 5}, "not": {"paid": {"eq": true}}}}"#,
    );
    let Ok(Filter::And(both)) = request.map(|request| request.filter) else { panic!("no and") };
    assert!(matches!(&both[0], Filter::And(two) if two.len() == 2));
    assert!(matches!(&both[1], Filter::Not(inner) if matches!(
            &**inner, Filter::Compare { op: Op::Eq, value: Scalar::Flag(true), .. })));
}

#[test]
fn everything_wrong_is_told_at_once() {
    insta::assert_snapshot!(
        refused(r#"{"filtre": {}, "filter": {"and": [{"manger.name": {"eq": "a"}}, {"amount": {"eq": "a", "equals": 1}}]},
            "sort": [{"field": "amont"}], "fields": ["title", "nmae"], "count": "all", "page": {"size": -1}}"#),
        @r"
        /filtre unknown_key: unknown key `filtre` (did you mean `filter`?)
        /filter/and/0/manger.name unknown_field: unknown field `manger.name` (did you mean `manager.name`?)
        /filter/and/1/amount/eq invalid_value: a whole number is expected here, not a string
        /filter/and/1/amount/equals unknown_operator: unknown operator `equals` (known are eq, ne, in, nin, lt, lte, gt, gte, between, exists, contains, icontains, starts_with, match, phrase, some, none, every, count)
        /sort/0/field unknown_field: unknown field `amont` (did you mean `amount`?)
        /fields/1 unknown_field: unknown field `nmae` (known here are amount, manager, memo, paid, place, rate, secret, settlements, signed_at, title)
        /count invalid_value: exact or capped or none is expected here
        /page/size invalid_value: a whole number from 0 to 200 is expected here
        "
    );
}

#[test]
fn what_is_no_json_is_placed() {
    insta::assert_snapshot!(refused("{\"filter\":\n {]}"), @" invalid_json: not valid JSON at line 2, column 3");
    insta::assert_snapshot!(refused(""), @" invalid_json: not valid JSON at line 1, column 0");
    insta::assert_snapshot!(refused("[]"), @" invalid_value: an object is expected here");
}

#[test]
fn nothing_is_overwritten_silently() {
    insta::assert_snapshot!(filter(r#"{"paid": {"eq": true}, "paid": {"eq": false}}"#), @"/filter/paid repeated_key: `paid` stands here twice (write it once)");
    insta::assert_snapshot!(filter(r#"{"amount": {"gt": 1, "gt": 2}}"#), @"/filter/amount/gt repeated_key: `gt` stands here twice (write it once)");
}

#[test]
fn values_are_of_their_fields_type() {
    insta::assert_snapshot!(filter(r#"{"amount": {"in": [1, "2", null]}}"#), @r#"
        /filter/amount/in/1 invalid_value: a whole number is expected here, not a string
        /filter/amount/in/2 invalid_value: a whole number is expected here, not null ({"exists": false} finds what has no value)
        "#);
    insta::assert_snapshot!(filter(r#"{"title": "a", "paid": {}}"#), @r#"
        /filter/title invalid_value: an object of operators is expected here (write {"eq": …}, or {"exists": false} for what is null)
        /filter/paid invalid_value: an operator is expected here
        "#);
    insta::assert_snapshot!(filter(r#"{"paid": {"gt": true}, "signed_at": {"lt": 5}}"#), @r"
        /filter/paid/gt operator_not_allowed: `gt` does not compare true and false (use `eq`)
        /filter/signed_at/lt invalid_value: a date or time as a string is expected here, not a number
        ");
    insta::assert_snapshot!(filter(r#"{"\ud800": {}}"#), @"/filter invalid_value: a name with half a character");
    insta::assert_snapshot!(filter(r#"{"or": {"paid": {"eq": true}}}"#), @"/filter/or invalid_value: a list of filters is expected here");
}

#[test]
fn elements_of_lists_are_asked_for_by_some() {
    insta::assert_snapshot!(filter(r#"{"settlements.lines.code": {"eq": "a"}}"#), @r#"/filter/settlements.lines.code needs_some: `settlements.lines.code` is a field of the elements of `settlements` (write {"settlements": {"some": {"lines.code": …}}})"#);
    insta::assert_snapshot!(filter(r#"{"settlements": {"some": {"lines.code": {"eq": "a"}, "settlements.amount": {"eq": 1}}}}"#), @r#"
        /filter/settlements/some/lines.code needs_some: `lines.code` is a field of the elements of `lines` (write {"lines": {"some": {"code": …}}})
        /filter/settlements/some/settlements.amount unknown_field: unknown field `settlements.amount` (known here are amount, lines, payer, status)
        "#);
    insta::assert_snapshot!(filter(r#"{"settlements": {"eq": "a"}, "manager": {"some": {}}}"#), @r#"
        /filter/settlements/eq operator_not_allowed: `eq` compares values, and `settlements` is a list of objects (write {"some": {…}} for what one element is like)
        /filter/manager/some operator_not_allowed: `some` asks about a list, and `manager` is none
        "#);
}

#[test]
fn fields_that_cannot_serve_say_why() {
    insta::assert_snapshot!(filter(r#"{"memo": {"eq": "a"}, "secret": {"exists": true}, "place": {"eq": 1}, "_prejoin.id": {"eq": "a"}}"#), @r"
        /filter/memo/eq field_cannot_serve: `memo` is a text, which cannot be compared as a whole (give it a sub-field of type `keyword` in the mapping)
        /filter/secret/exists field_cannot_serve: `secret` is not indexed: whether it has a value is not known
        /filter/place/eq field_cannot_serve: `place` is of type geo_point: it cannot be compared
        /filter/_prejoin.id unknown_field: unknown field `_prejoin.id` (known here are amount, manager, memo, paid, place, rate, secret, settlements, signed_at, title)
        ");
    insta::assert_snapshot!(sort(r#"[{"field": "memo"}, {"field": "settlements.amount"}, {"field": "manager"}, {"field": "manager.name"}]"#), @r#"
        /sort/0/field field_cannot_serve: `memo` is a text, which cannot be sorted by as a whole (give it a sub-field of type `keyword` in the mapping)
        /sort/1/field field_cannot_serve: `settlements.amount` belongs to the elements of a list: one document has many (add "agg": "max" or "min"; or sort by a computed field)
        /sort/2/field field_cannot_serve: `manager` is no value to sort by (name a field in it, with a dot)
        /sort/3/field field_cannot_serve: `manager.name` is not indexed so that it could be sorted by (the mapping says `index: false` or `doc_values: false`)
        "#);
}

#[test]
fn sorts_are_checked() {
    insta::assert_snapshot!(sort(r#"[{"field": "amount"}, {"field": "amount", "order": "up", "nulls": "first"}, {"order": "asc", "as": "max"}]"#), @r"
        /sort/1/order invalid_value: asc or desc is expected here
        /sort/1/nulls invalid_value: last is expected here
        /sort/1/field invalid_value: `amount` is sorted by already
        /sort/2/as unknown_key: unknown key `as` (known are field, order, nulls, agg, where)
        /sort/2 invalid_value: `field` is missing
        ");
    insta::assert_snapshot!(sort(r#"["a", "b", "c", "d", "e"]"#), @"/sort limit_exceeded: more than 4 sort keys");
}

#[test]
fn a_page_holds_together() {
    let page = |page: &str| parse(&fields(), format!(r#"{{"page": {page}}}"#).as_bytes());
    let refused = |text: &str| page(text).unwrap_err().to_string();
    assert_eq!(page(r#"{"number": 50, "size": 200}"#).unwrap().page.skipped, 9_800);
    let last = page(r#"{"size": 70, "number": 143}"#).unwrap().page;
    assert_eq!((last.skipped, last.size), (9_940, 60));
    assert_eq!(page(r#"{"number": null, "after": null}"#).unwrap().page.number, None);
    assert_eq!(page(r#"{"size": 0, "number": 9}"#).unwrap().page.skipped, 0);
    insta::assert_snapshot!(refused(r#"{"number": 51, "size": 200}"#), @"/page/number limit_exceeded: pages by number reach the first 10000 rows (go on with `page.after`, the cursor of `page.next`)");
    assert!(refused(r#"{"number": 99999999999999999999999}"#).contains("limit_exceeded"));
    insta::assert_snapshot!(refused(r#"{"number": 0}"#), @"/page/number invalid_value: a whole number from 1 is expected here");
    insta::assert_snapshot!(refused(r#"{"number": 1, "after": "a"}"#), @"/page/number invalid_value: `number` and `after` exclude each other (a cursor knows its place already)");
    insta::assert_snapshot!(refused(r#"{"number": 1, "snapshot": true}"#), @"/page/snapshot invalid_value: a snapshot has no pages by number (go on with `page.after`)");
    insta::assert_snapshot!(refused(r#"{"size": 0, "snapshot": true}"#), @"/page/snapshot invalid_value: a snapshot is for pages with rows (leave it out, or ask for rows)");
    insta::assert_snapshot!(refused(r#"{"snapshot": 1}"#), @"/page/snapshot invalid_value: true or false is expected here");
}

#[test]
fn limits_hold() {
    let deep =
        |depth: usize| format!("{}{{}}{}", r#"{"not": "#.repeat(depth - 1), "}".repeat(depth - 1));
    assert!(parse(&fields(), format!(r#"{{"filter": {}}}"#, deep(8)).as_bytes()).is_ok());
    insta::assert_snapshot!(filter(&deep(9)), @"/filter/not/not/not/not/not/not/not/not limit_exceeded: the filter is nested more than 8 deep");
    let wide = |leaves: usize| {
        format!(r#"{{"or": [{}]}}"#, vec![r#"{"amount": {"eq": 1}}"#; leaves].join(","))
    };
    assert!(parse(&fields(), format!(r#"{{"filter": {}}}"#, wide(200)).as_bytes()).is_ok());
    insta::assert_snapshot!(filter(&wide(201)), @"/filter limit_exceeded: more than 200 comparisons (use `in` for a choice of values of one field)");
    let days = vec![r#""2026-01-31""#; 201].join(",");
    insta::assert_snapshot!(filter(&format!(r#"{{"signed_at": {{"in": [{days}]}}}}"#)), @"/filter limit_exceeded: more than 200 comparisons (use `in` for a choice of values of one field)");
    let empty = |nodes: usize| format!(r#"{{"or": [{}]}}"#, vec!["{}"; nodes].join(","));
    assert!(parse(&fields(), format!(r#"{{"filter": {}}}"#, empty(200)).as_bytes()).is_ok());
    assert!(filter(&empty(201)).contains("limit_exceeded"));
    let objects = vec![r#"{"manager": {"exists": true}}"#; 201].join(",");
    assert!(filter(&format!(r#"{{"or": [{objects}]}}"#)).contains("limit_exceeded"));
    let many = vec!["1"; 1_001].join(",");
    insta::assert_snapshot!(filter(&format!(r#"{{"amount": {{"in": [{many}]}}}}"#)), @"/filter/amount/in limit_exceeded: more than 1000 values");
    insta::assert_snapshot!(refused(r#"{"page": {"size": 201}}"#), @"/page/size limit_exceeded: a page has at most 200 rows (fetch the rest with `page.after`)");
    let faulty = vec!["{}"; 100].join(",");
    assert_eq!(sort(&format!("[{faulty}]")).lines().count(), 1);
    assert_eq!(
        refused(&format!(r#"{{"fields": [{}]}}"#, vec!["1"; 100].join(","))).lines().count(),
        20
    );
}

#[test]
fn nearly_the_same_words_are_for_texts_that_keep_them() {
    insta::assert_snapshot!(refused(r#"{"q": {"text": "a b", "mode": "phrase", "fuzzy": true}}"#), @"/q/fuzzy invalid_value: `fuzzy` does not go with a phrase");
    insta::assert_snapshot!(refused(r#"{"q": {"text": "a b", "fuzzy": "auto", "fuzy": true}}"#), @r"
    /q/fuzzy invalid_value: true or false is expected here
    /q/fuzy unknown_key: unknown key `fuzy` (did you mean `fuzzy`?)
    ");
    let words = ["cloud"; 10].join(" ");
    insta::assert_snapshot!(refused(&format!(r#"{{"q": {{"text": "{words}", "fields": ["title", "memo"], "fuzzy": true}}}}"#)), @"/q limit_exceeded: so many words are not looked for in so many fields (name fewer fields, or leave `fuzzy` out)");
}

#[test]
fn limits_of_words_hold() {
    let within = |limits: &Limits, body: &str| {
        parse_within(limits, &fields(), body.as_bytes())
            .map(drop)
            .map_err(|refusal| refusal.to_string())
    };
    let body =
        r#"{"q": {"text": "a b", "fields": ["title", "memo"]}, "highlight": ["title", "memo"]}"#;
    let narrow = Limits { text_places: 6, highlights: 2, ..Limits::default() };
    assert_eq!(within(&narrow, body), Ok(()));
    let fewer = Limits { text_places: 5, ..narrow.clone() };
    insta::assert_snapshot!(within(&fewer, body).unwrap_err(), @"/q limit_exceeded: so many words are not looked for in so many fields (name fewer fields, or look for a phrase)");
    let fewer = Limits { highlights: 1, ..narrow };
    insta::assert_snapshot!(within(&fewer, body).unwrap_err(), @"/highlight limit_exceeded: more than 1 fields to highlight");
}
