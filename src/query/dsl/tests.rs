use super::*;
use crate::query::fields::tests::fields;
use crate::query::parse;

fn compiled(body: &str) -> Value {
    let request = parse(&fields(), body.as_bytes()).unwrap();
    to_dsl(&request, &question(&request, &Filter::everything()), None)
}

fn filter(filter: &str) -> String {
    let body = compiled(&format!(r#"{{"filter": {filter}}}"#));
    body["query"]["bool"]["filter"][0].to_string()
}

#[test]
fn a_managers_contracts_by_amount() {
    let body = compiled(
        r#"{"filter": {"manager.name": {"eq": "김철수"}}, "sort": [{"field": "amount", "order": "desc"}],
                "page": {"size": 50}, "count": "exact"}"#,
    );
    insta::assert_snapshot!(body, @r#"{"query":{"bool":{"filter":[{"term":{"manager.name":{"value":"김철수"}}}]}},"sort":[{"amount":{"order":"desc","missing":"_last"}},{"_prejoin.id":{"order":"asc"}}],"size":51,"track_total_hits":true,"_source":true}"#);
}

#[test]
fn one_document_is_asked_for_beside_all_else() {
    let request = parse(&fields(), br#"{"filter": {"paid": {"eq": true}}}"#).unwrap();
    let question = question(&request, &Filter::everything()).of_document("a/\"b");
    insta::assert_snapshot!(question.query, @r#"{"bool":{"filter":[{"bool":{"filter":[{"term":{"paid":{"value":true}}}]}},{"ids":{"values":["a/\"b"]}}]}}"#);
}

#[test]
fn conditions_of_one_some_stay_together() {
    insta::assert_snapshot!(
        filter(r#"{"settlements": {"some": {"status": {"eq": "overdue"}, "amount": {"gt": 1000000}}}}"#),
        @r#"{"nested":{"path":"settlements","query":{"bool":{"filter":[{"term":{"settlements.status":{"value":"overdue"}}},{"range":{"settlements.amount":{"gt":1000000}}}]}},"score_mode":"none"}}"#
    );
    insta::assert_snapshot!(
        filter(r#"{"settlements": {"some": {"lines": {"some": {"code": {"ne": "a"}}}}}}"#),
        @r#"{"nested":{"path":"settlements","query":{"nested":{"path":"settlements.lines","query":{"bool":{"must_not":[{"term":{"settlements.lines.code":{"value":"a"}}}]}},"score_mode":"none"}},"score_mode":"none"}}"#
    );
    insta::assert_snapshot!(filter(r#"{"settlements": {"exists": false}}"#), @r#"{"bool":{"must_not":[{"nested":{"path":"settlements","query":{"match_all":{}},"score_mode":"none"}}]}}"#);
}

#[test]
fn parts_are_no_patterns() {
    insta::assert_snapshot!(filter(r#"{"title": {"contains": "a*\\"}}"#), @r#"{"wildcard":{"title.raw":{"value":"*a\\*\\\\*"}}}"#);
    insta::assert_snapshot!(filter(r#"{"title": {"starts_with": "?b"}}"#), @r#"{"wildcard":{"title.raw":{"value":"\\?b*"}}}"#);
}

#[test]
fn every_node_is_closed() {
    insta::assert_snapshot!(
        filter(r#"{"or": [{"paid": {"eq": true}}, {"signed_at": {"exists": false}}], "amount": {"ne": 5}}"#),
        @r#"{"bool":{"filter":[{"bool":{"should":[{"term":{"paid":{"value":true}}},{"bool":{"must_not":[{"exists":{"field":"signed_at"}}]}}],"minimum_should_match":1}},{"bool":{"must_not":[{"term":{"amount":{"value":5}}}]}}]}}"#
    );
    insta::assert_snapshot!(
        filter(r#"{"not": {"title": {"in": ["가", "나"]}, "amount": {"gte": 1, "lt": 5}}}"#),
        @r#"{"bool":{"must_not":[{"bool":{"filter":[{"terms":{"title.raw":["가","나"]}},{"bool":{"filter":[{"range":{"amount":{"gte":1}}},{"range":{"amount":{"lt":5}}}]}}]}}]}}"#
    );
}

#[test]
fn a_range_and_a_count_are_exact() {
    insta::assert_snapshot!(filter(r#"{"amount": {"between": [1, 5]}}"#), @r#"{"range":{"amount":{"gte":1,"lte":5}}}"#);
    insta::assert_snapshot!(
        filter(r#"{"settlements": {"count": {"lt": 2}}}"#),
        @r#"{"bool":{"must_not":[{"function_score":{"query":{"nested":{"path":"settlements","query":{"constant_score":{"filter":{"match_all":{}},"boost":1}},"score_mode":"sum"}},"min_score":2}}]}}"#
    );
    insta::assert_snapshot!(filter(r#"{"settlements": {"count": {"gte": 0}}}"#), @r#"{"match_all":{}}"#);
}

#[test]
fn what_is_empty_has_a_meaning() {
    insta::assert_snapshot!(filter("{}"), @r#"{"match_all":{}}"#);
    insta::assert_snapshot!(filter(r#"{"and": []}"#), @r#"{"match_all":{}}"#);
    insta::assert_snapshot!(filter(r#"{"or": []}"#), @r#"{"match_none":{}}"#);
    insta::assert_snapshot!(filter(r#"{"amount": {"in": []}}"#), @r#"{"match_none":{}}"#);
    insta::assert_snapshot!(filter(r#"{"not": {}}"#), @r#"{"bool":{"must_not":[{"match_all":{}}]}}"#);
}

#[test]
fn a_day_is_a_range_and_every_digit_is_written() {
    insta::assert_snapshot!(filter(r#"{"signed_at": {"eq": "2026-01-31"}}"#), @r#"{"range":{"signed_at":{"gte":"2026-01-31T00:00:00.000000000Z","lte":"2026-01-31T23:59:59.999999999Z","format":"strict_date_optional_time_nanos"}}}"#);
    insta::assert_snapshot!(filter(r#"{"signed_at": {"gt": "2026-01-31"}}"#), @r#"{"range":{"signed_at":{"gt":"2026-01-31T23:59:59.999999999Z","format":"strict_date_optional_time_nanos"}}}"#);
    insta::assert_snapshot!(filter(r#"{"signed_at": {"lte": "2026-01-31T09:00:00+09:00"}}"#), @r#"{"range":{"signed_at":{"lte":"2026-01-31T00:00:00.000000000Z","format":"strict_date_optional_time_nanos"}}}"#);
    insta::assert_snapshot!(filter(r#"{"rate": {"lt": 1.23456789012345678901234567890}}"#), @r#"{"range":{"rate":{"lt":1.23456789012345678901234567890}}}"#);
}

#[test]
fn a_text_that_is_not_indexed_is_shown_by_its_exact_form() {
    let text = r#"{"mappings": {"properties": {
            "a": {"type": "text", "index": false, "fields": {"raw": {"type": "keyword"}}},
            "kept": {"type": "object", "enabled": false}}}}"#;
    let mapping = crate::mapping::Mapping::parse(std::path::Path::new("m.json"), text).unwrap();
    let fields = crate::query::Fields::new(&mapping);
    let request = parse(&fields, br#"{"filter": {"a": {"exists": true}}}"#).unwrap();
    insta::assert_snapshot!(question(&request, &Filter::everything()).query, @r#"{"bool":{"filter":[{"exists":{"field":"a.raw"}}]}}"#);
    let kept = br#"{"filter": {"kept": {"exists": true}, "not": {"kept": {"eq": 1}}}}"#;
    insta::assert_snapshot!(parse(&fields, kept).unwrap_err(), @"
        /filter/kept/exists field_cannot_serve: `kept` is not indexed: whether it has a value is not known
        /filter/not/kept/eq field_cannot_serve: `kept` is of type object: it cannot be compared
        ");
}

#[test]
fn a_word_of_letters_is_nearly_found_where_that_is_asked_for() {
    let query = |q: &str| {
        compiled(&format!(r#"{{"q": {q}, "sort": [{{"field": "rate"}}]}}"#))["query"].to_string()
    };
    let plain = r#"{"text": "Cloud, 5김", "fields": ["memo"]}"#;
    let asked = plain.replace('}', r#", "fuzzy": false}"#);
    assert_eq!(query(plain), query(&asked));
    insta::assert_snapshot!(query(&asked.replace("false", "true")), @r#"{"bool":{"filter":[{"bool":{"filter":[{"match_all":{}},{"bool":{"filter":[{"bool":{"should":[{"bool":{"should":[{"match_phrase":{"memo":{"query":"Cloud,","zero_terms_query":"all"}}},{"match":{"memo":{"query":"Cloud","fuzziness":"AUTO","prefix_length":1,"max_expansions":10}}}],"minimum_should_match":1}}],"minimum_should_match":1}},{"bool":{"should":[{"match_phrase":{"memo":{"query":"5김","zero_terms_query":"all"}}}],"minimum_should_match":1}},{"bool":{"should":[{"bool":{"should":[{"match":{"memo":{"query":"Cloud, 5김"}}},{"match":{"memo":{"query":"Cloud","fuzziness":"AUTO","prefix_length":1,"max_expansions":10}}}],"minimum_should_match":1}}],"minimum_should_match":1}}]}}]}}]}}"#);
    insta::assert_snapshot!(query(r#"{"text": "cloud", "fields": ["memo"], "mode": "any", "fuzzy": true}"#), @r#"{"bool":{"filter":[{"bool":{"filter":[{"match_all":{}},{"bool":{"should":[{"bool":{"should":[{"bool":{"should":[{"match_phrase":{"memo":{"query":"cloud"}}},{"match":{"memo":{"query":"cloud","fuzziness":"AUTO","prefix_length":1,"max_expansions":10}}}],"minimum_should_match":1}}],"minimum_should_match":1}}],"minimum_should_match":1}}]}}]}}"#);
}

#[test]
fn a_page_by_number_skips_and_stays_in_the_window() {
    let shown = |page: &str| {
        let body = compiled(&format!(r#"{{"page": {page}, "count": "none"}}"#));
        format!("{} {} {}", body["from"], body["size"], body["track_total_hits"])
    };
    assert_eq!(shown(r#"{"number": 1, "size": 20}"#), "null 21 false");
    assert_eq!(shown(r#"{"number": 3, "size": 20}"#), "40 21 false");
    assert_eq!(shown(r#"{"number": 50, "size": 200}"#), "9800 200 10000");
    assert_eq!(shown(r#"{"size": 0}"#), "null 1 false");
}

#[test]
fn a_page_without_rows_asks_for_the_index_of_one() {
    let body = compiled(
        r#"{"q": {"text": "김철수"}, "sort": [{"field": "rate"}], "page": {"size": 0}, "highlight": ["memo"]}"#,
    );
    insta::assert_snapshot!(body["sort"], @r#"["_doc"]"#);
    assert_eq!((&body["size"], &body["_source"]), (&json!(1), &json!(false)));
    assert!(body.get("highlight").is_none());
}

#[test]
fn the_rows_after_a_cursor_are_asked_for_by_its_values() {
    let request = parse(&fields(), b"{}").unwrap();
    let after = serde_json::from_str("[-9223372036854775808, null, \"c1\"]").unwrap();
    let body = to_dsl(&request, &question(&request, &Filter::everything()), Some(after));
    insta::assert_snapshot!(body["search_after"], @r#"[-9223372036854775808,null,"c1"]"#);
}
