//! A search by query string is the search by body.

use axum::body::Body;
use axum::http::Request;
use prejoin::config::ApiConfig;
use serde_json::{Value, json};

use super::harness::Api;
use crate::support::engines::{TestEngine, on_both_engines};

on_both_engines!(
    a_query_string_is_answered_as_its_body_is,
    facets_of_a_query_string_are_those_of_its_body,
    a_search_is_laid_over_its_view,
);

/// What is answered, apart from what differs from request to request.
fn told(mut answer: Value) -> Value {
    answer["meta"] = Value::Null;
    answer
}

/// What both a query string and its body are answered with.
async fn answered_alike(api: &Api, query: &str, body: &Value) -> Value {
    let (got, posted) = (api.get(query).await, api.search(body).await);
    assert_eq!((got.status, posted.status), (200, 200), "{query}: {}\n{}", got.text, posted.text);
    let (got, posted) = (told(got.json()), told(posted.json()));
    assert_eq!(got, posted, "{query}");
    posted
}

async fn a_query_string_is_answered_as_its_body_is(engine: TestEngine) {
    let api = Api::filled(engine.client().await).await;
    let pairs = [
        ("", json!({})),
        (
            "status=overdue&limit=200",
            json!({"filter": {"status": {"eq": "overdue"}}, "page": {"size": 200}}),
        ),
        (
            "amount=gte.0&amount=lt.9007199254740993&sort=-amount,no&fields=no,amount&count=exact",
            json!({"filter": {"amount": {"gte": 0, "lt": 9_007_199_254_740_993_i64}}, "fields": ["no", "amount"],
                "sort": [{"field": "amount", "order": "desc"}, {"field": "no"}], "count": "exact"}),
        ),
        (
            "settlements=some(status.eq.overdue,amount.gt.1000000)&title=not.eq.%EA%B9%80%EC%B2%A0%EC%88%98",
            json!({"filter": {"settlements": {"some": {"status": {"eq": "overdue"}, "amount": {"gt": 1_000_000}}},
                "not": {"title": {"eq": "김철수"}}}}),
        ),
        (
            "or=(paid.eq.true,and(signed_at.gte.2026-01-31,manager.is.null))&page[size]=7",
            json!({"filter": {"or": [{"paid": {"eq": true}},
                {"and": [{"signed_at": {"gte": "2026-01-31"}}, {"manager": {"exists": false}}]}]}, "page": {"size": 7}}),
        ),
    ];
    for (query, body) in pairs {
        let posted = answered_alike(&api, query, &body).await;
        assert!(!posted["data"].as_array().unwrap().is_empty(), "{query} finds nothing");
    }

    let first = api.get("sort=no&page[size]=3&count=none").await.json();
    let next = first["page"]["next"].as_str().unwrap();
    let second = api.get(&format!("sort=no&page[size]=3&page[after]={next}")).await;
    let both = api.search(&json!({"sort": [{"field": "no"}], "page": {"size": 6}})).await;
    assert_eq!(second.ids(), both.ids()[3..], "{}", second.text);
    api.remove().await;
}

async fn facets_of_a_query_string_are_those_of_its_body(engine: TestEngine) {
    let api = Api::filled(engine.client().await).await;
    let by_dates = |field: &str, interval: &str| json!({"type": "date_histogram", "field": field, "interval": interval, "timezone": "Asia/Seoul"});
    let large = json!({"amount": {"gt": 1}});
    let pairs = [
        (
            "facets=status.terms(size.2),amount.ranges(..0,0..9007199254740993,9007199254740993..)&limit=5",
            json!({"facets": {"status": {"size": 2}, "amount": {"type": "range",
                "ranges": [{"to": 0}, {"from": 0, "to": 9_007_199_254_740_993_i64}, {"from": 9_007_199_254_740_993_i64}]}}, "page": {"size": 5}}),
        ),
        (
            "facets=signed_at.dates(month),by_day:seen_at.dates(day),due:settlements.due.dates(year,count.elements;amount.gt.1)&timezone=Asia/Seoul",
            json!({"facets": {"signed_at": by_dates("signed_at", "month"), "by_day": by_dates("seen_at", "day"),
                "due": {"type": "date_histogram", "field": "settlements.due", "interval": "year", "timezone": "Asia/Seoul", "count": "elements", "where": large}}}),
        ),
        (
            "facets=settlements.status.terms(;amount.gt.1),amount.ranges(0..10)&facet.mode=disjunctive&settlements.status=overdue&amount=gte.0&amount=lt.10",
            json!({"facets": {"settlements.status": {"where": large}, "amount": {"type": "range", "ranges": [{"from": 0, "to": 10}]}},
                "facet_filters": {"settlements.status": {"eq": "overdue", "where": large}, "amount": {"gte": 0, "lt": 10}}}),
        ),
        (
            "settlements=count(status.eq.overdue).gte.2&facets=no.terms(prefix.K-00)&count=exact",
            json!({"filter": {"settlements": {"count": {"gte": 2, "where": {"status": {"eq": "overdue"}}}}},
                "facets": {"no": {"prefix": "K-00"}}, "count": "exact"}),
        ),
    ];
    for (query, body) in pairs {
        let posted = answered_alike(&api, query, &body).await;
        for (name, facet) in posted["facets"].as_object().unwrap() {
            let buckets = facet["buckets"].as_array().unwrap();
            assert!(
                buckets.iter().any(|bucket| bucket["count"] != 0),
                "{query}: {name} counts nothing"
            );
        }
    }
    api.remove().await;
}

#[tokio::test]
async fn a_preferred_total_gives_way_to_one_that_is_asked_for() {
    let api = Api::filled(TestEngine::OpenSearch.client().await).await;
    let total = async |query: &str| {
        let request =
            Request::get(format!("/v1/{}?{query}", api.alias)).header("prefer", "count=none");
        api.send(request.body(Body::empty()).unwrap()).await.json().get("total").is_some()
    };
    assert!(!total("").await);
    assert!(total("count=exact").await);
    api.remove().await;
}

#[tokio::test]
async fn faults_are_told_by_parameter() {
    let api = Api::empty(TestEngine::OpenSearch.client().await).await;
    insta::assert_snapshot!(api.get("manger.name=eq.a&amount=gte.x&page[after]=AAAA").await.shown(&api.alias), @r#"
    400 application/problem+json
    {
      "type": "urn:prejoin:problem:unknown_field",
      "title": "Unknown field",
      "status": 400,
      "code": "unknown_field",
      "message": "unknown field `manger.name`",
      "detail": "did you mean `manager.name`?",
      "request_id": "ID",
      "errors": [
        {
          "parameter": "manger.name",
          "code": "unknown_field",
          "detail": "unknown field `manger.name`; did you mean `manager.name`?"
        },
        {
          "parameter": "amount",
          "code": "invalid_value",
          "detail": "a whole number is expected here, not a string"
        }
      ]
    }
    "#);
    api.remove().await;
}

#[tokio::test]
async fn a_cursor_that_is_none_is_told_by_its_parameter() {
    let api = Api::empty(TestEngine::OpenSearch.client().await).await;
    insta::assert_snapshot!(api.get("page[after]=AAAA").await.shown(&api.alias), @r#"
    400 application/problem+json
    {
      "type": "urn:prejoin:problem:invalid_cursor",
      "title": "Invalid cursor",
      "status": 400,
      "code": "invalid_cursor",
      "message": "this is no cursor of this server",
      "detail": "hand back `page.next` of the page before, unchanged",
      "request_id": "ID",
      "errors": [
        {
          "parameter": "page[after]",
          "code": "invalid_cursor",
          "detail": "this is no cursor of this server; hand back `page.next` of the page before, unchanged"
        }
      ]
    }
    "#);
    api.remove().await;
}

#[tokio::test]
async fn what_is_malformed_or_too_much_or_elsewhere_is_told() {
    let api = Api::empty(TestEngine::OpenSearch.client().await).await;
    insta::assert_snapshot!(api.get("or=(status.eq.a,amount.gt)").await.shown(&api.alias), @r#"
    400 application/problem+json
    {
      "type": "urn:prejoin:problem:invalid_query",
      "title": "Not a valid query string",
      "status": 400,
      "code": "invalid_query",
      "message": "an operator and a value are expected, at character 21",
      "detail": "write `operator.value`, such as `eq.active`; a value that looks like an operator is written in double quotes",
      "request_id": "ID",
      "errors": [
        {
          "parameter": "or",
          "code": "invalid_query",
          "detail": "an operator and a value are expected, at character 21; write `operator.value`, such as `eq.active`; a value that looks like an operator is written in double quotes"
        }
      ]
    }
    "#);
    let many = (0..200).map(|number| format!("or=(no.eq.{number},no.eq.a)&")).collect::<String>();
    insta::assert_snapshot!(api.get(&many).await.shown(&api.alias), @r#"
    422 application/problem+json
    {
      "type": "urn:prejoin:problem:limit_exceeded",
      "title": "Limit exceeded",
      "status": 422,
      "code": "limit_exceeded",
      "message": "more than 200 comparisons",
      "detail": "use `in` for a choice of values of one field",
      "request_id": "ID",
      "errors": [
        {
          "parameter": "",
          "code": "limit_exceeded",
          "detail": "more than 200 comparisons; use `in` for a choice of values of one field"
        }
      ]
    }
    "#);
    let request = Request::get(format!("/v1/{}:fcet?field=status", api.alias));
    insta::assert_snapshot!(api.send(request.body(Body::empty()).unwrap()).await.shown(&api.alias), @r#"
    404 application/problem+json
    {
      "type": "urn:prejoin:problem:not_found",
      "title": "Not found",
      "status": 404,
      "code": "not_found",
      "message": "an index has no `:fcet`",
      "detail": "searches are GET /v1/{index}; the values of a field, GET /v1/{index}:facet",
      "request_id": "ID"
    }
    "#);
    api.remove().await;
}

async fn a_search_is_laid_over_its_view(engine: TestEngine) {
    let whole = Api::filled(engine.client().await).await;
    let view = json!({"filter": {"or": [{"status": {"eq": "overdue"}}, {"status": {"eq": "draft"}}]},
        "sort": [{"field": "no"}], "fields": ["no", "manager"], "page": {"size": 4}});
    let views = serde_json::from_value(json!({ whole.alias.as_str(): {"mobile": view} })).unwrap();
    let api = whole.configured(&ApiConfig { views, ..ApiConfig::default() });

    let plain = whole.search(&view).await.json();
    assert_eq!(told(api.get("view=mobile").await.json()), told(plain.clone()));
    assert_eq!(told(api.search(&json!({"view": "mobile"})).await.json()), told(plain));

    let both =
        json!({"and": [view["filter"], {"or": [{"paid": {"eq": true}}, {"amount": {"gte": 0}}]}]});
    let wanted = json!({"filter": both, "fields": ["manager.name"], "page": {"size": 9},
        "sort": [{"field": "amount", "order": "desc"}]});
    let query =
        "view=mobile&or=(paid.eq.true,amount.gte.0)&sort=-amount&limit=9&fields=manager.name";
    let (wanted, got) = (whole.search(&wanted).await.json(), api.get(query).await.json());
    assert!(!wanted["data"].as_array().unwrap().is_empty(), "{wanted}");
    assert_eq!(told(got), told(wanted));

    let refused = async |query: &str| api.get(query).await.json()["errors"][0].to_string();
    assert_eq!(
        refused("view=moblie").await,
        r#"{"parameter":"view","code":"unknown_view","detail":"unknown view `moblie`; did you mean `mobile`?"}"#
    );
    assert_eq!(
        refused("view=mobile&fields=no,amount").await,
        r#"{"parameter":"fields","code":"unknown_field","detail":"this field is not one of the view's"}"#
    );
    assert_eq!(
        refused("view=mobile&amuont=1").await,
        r#"{"parameter":"amuont","code":"unknown_field","detail":"unknown field `amuont`; did you mean `amount`?"}"#
    );
    whole.remove().await;
}
