//! The worst that is accepted is answered.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::documents::exact;
use super::harness::Api;
use crate::support::engines::{TestEngine, on_both_engines};
use prejoin::config::{ApiConfig, BreakerConfig, ByteSize, Limits};
use prejoin::mapping::Mapping;
use prejoin::sink::Method;

/// Limits that small searches reach.
fn few() -> Limits {
    Limits {
        page_size: 3,
        comparisons: 2,
        in_values: 2,
        sort_keys: 1,
        depth: 2,
        body: ByteSize(200),
        query_string: ByteSize(30),
        text_length: 5,
        part_length: 3,
        facets: 1,
        facet_values: 2,
        facet_ranges: 1,
        date_buckets: 2,
        aggregates: 1,
        group_keys: 1,
        groups: 2,
        metrics: 1,
        ..Limits::default()
    }
}

/// A search at each of these limits, and one beyond it.
fn accepted_and_refused() -> Vec<(Value, Value)> {
    let is = json!({"text": {"eq": "a"}});
    let group = json!({"type": "group", "by": ["text"]});
    let sum = json!({"sum": "whole"});
    let days = |last: &str| json!({"type": "date_histogram", "field": "day", "interval": "day", "min": "2026-01-01", "max": format!("2026-01-{last}")});
    vec![
        (json!({"page": {"size": 3}}), json!({"page": {"size": 4}})),
        (json!({"filter": {"or": [is, is]}}), json!({"filter": {"or": [is, is, is]}})),
        (json!({"filter": {"not": is}}), json!({"filter": {"not": {"not": is}}})),
        (
            json!({"filter": {"text": {"in": ["a", "b"]}}}),
            json!({"filter": {"text": {"in": ["a", "b", "c"]}}}),
        ),
        (
            json!({"sort": [{"field": "text"}]}),
            json!({"sort": [{"field": "text"}, {"field": "whole"}]}),
        ),
        (
            json!({"filter": {"text": {"contains": "abc"}}}),
            json!({"filter": {"text": {"contains": "ab"}}}),
        ),
        (
            json!({"filter": {"text": {"starts_with": "abcde"}}}),
            json!({"filter": {"text": {"starts_with": "abcdef"}}}),
        ),
        (json!({"facets": {"text": {}}}), json!({"facets": {"text": {}, "whole": {}}})),
        (json!({"facets": {"text": {"size": 2}}}), json!({"facets": {"text": {"size": 3}}})),
        (
            json!({"facet_filters": {"text": {"in": ["a", "b"]}}}),
            json!({"facet_filters": {"text": {"in": ["a", "b", "c"]}}}),
        ),
        (
            json!({"facets": {"whole": {"type": "range", "ranges": [{}]}}}),
            json!({"facets": {"whole": {"type": "range", "ranges": [{}, {}]}}}),
        ),
        (json!({"facets": {"day": days("02")}}), json!({"facets": {"day": days("03")}})),
        (json!({"aggregate": {"a": group}}), json!({"aggregate": {"a": group, "b": group}})),
        (
            json!({"aggregate": {"a": {"type": "group", "by": ["text"], "size": 2}}}),
            json!({"aggregate": {"a": {"type": "group", "by": ["text"], "size": 3}}}),
        ),
        (
            json!({"aggregate": {"a": group}}),
            json!({"aggregate": {"a": {"type": "group", "by": ["text", "whole"]}}}),
        ),
        (
            json!({"aggregate": {"a": {"type": "group", "by": ["text"], "metrics": {"a": sum}}}}),
            json!({"aggregate": {"a": {"type": "group", "by": ["text"], "metrics": {"a": sum, "b": sum}}}}),
        ),
    ]
}

/// A limit that is configured holds in place of the default.
#[tokio::test]
async fn limits_are_configured() {
    let api = filled(TestEngine::OpenSearch, &[]).await;
    let narrow = api.configured(&ApiConfig { limits: few(), ..ApiConfig::default() });
    for (accepted, refused) in accepted_and_refused() {
        assert_eq!(narrow.search(&accepted).await.status, 200, "{accepted}");
        let reply = narrow.search(&refused).await;
        assert_eq!(
            (reply.status, &reply.json()["code"]),
            (422, &json!("limit_exceeded")),
            "{refused}"
        );
        assert_eq!(api.search(&refused).await.status, 200, "{refused}");
    }
    let flat = Limits { some_depth: 1, ..Limits::default() };
    let flat = api.configured(&ApiConfig { limits: flat, ..ApiConfig::default() });
    let list = |filter: Value| json!({"filter": {"list": {"some": filter}}});
    let (one, two) = (list(json!({})), list(json!({"inner": {"some": {}}})));
    assert_eq!((flat.search(&one).await.status, flat.search(&two).await.status), (200, 422));
    assert_eq!(api.search(&two).await.status, 200);
    assert_eq!(narrow.search(&json!({})).await.json()["page"]["size"], 3);
    let query = format!("text=eq.{}", "a".repeat(22));
    assert_eq!(
        (narrow.get(&query).await.status, narrow.get(&format!("{query}a")).await.status),
        (200, 422)
    );
    let long = json!({"filter": {"text": {"eq": "a".repeat(200)}}});
    assert_eq!(narrow.search(&long).await.json()["message"], "a body has at most 200 bytes");
    api.remove().await;
}

on_both_engines!(
    the_worst_accepted_bodies_are_answered,
    times_at_the_edges_are_compared_right,
    an_answer_of_the_engine_has_an_end,
);

async fn an_answer_of_the_engine_has_an_end(engine: TestEngine) {
    let document = json!({"text": "a".repeat(20_000)});
    let api = filled(engine, &[document.clone(), document.clone(), document]).await;
    let limits = Limits { answer: ByteSize(50_000), ..Limits::default() };
    let breaker = BreakerConfig { failures: 1, pause: Duration::from_secs(3_600) };
    let narrow = api.configured(&ApiConfig { limits, breaker, ..ApiConfig::default() });
    let told = async |body: Value| {
        let reply = narrow.search(&body).await;
        (reply.status, reply.json()["code"].clone())
    };
    assert_eq!(told(json!({})).await, (422, json!("answer_too_long")));
    // Nobody else is turned away for it.
    assert_eq!(told(json!({"page": {"size": 1}})).await.0, 200);
    // What shows nothing of the documents does not have them sent.
    let ids = narrow.search(&json!({"fields": []})).await;
    assert_eq!(ids.status, 200, "{}", ids.text);
    assert_eq!(ids.json()["data"], json!([{"_id": "0"}, {"_id": "1"}, {"_id": "2"}]));
    api.remove().await;
}

async fn filled(engine: TestEngine, documents: &[Value]) -> Api {
    let object = |fields: usize| {
        let fields = (0..fields).map(|number| (format!("f{number}"), json!({"type": "keyword"})));
        json!({"properties": fields.collect::<Map<String, Value>>()})
    };
    let properties = json!({
        "text": {"type": "keyword"}, "number": {"type": "double"}, "whole": {"type": "long"},
        "day": {"type": "date"}, "nanos": {"type": "date_nanos"}, "wide": object(200), "narrow": object(20),
        "list": {"type": "nested", "properties": {"inner": {"type": "nested", "properties": {"text": {"type": "keyword"}}}}},
    });
    let file = json!({"mappings": {"properties": properties}}).to_string();
    let mapping = Mapping::parse(std::path::Path::new("mappings/a.json"), &file).unwrap();
    let api = Api::over(engine.client().await, &mapping);
    api.create(1, &mapping.body()).await;
    let index = format!("{}-000001", api.alias);
    for (number, document) in documents.iter().enumerate() {
        let id = number.to_string();
        let mut document = document.clone();
        document["_prejoin"] = json!({"id": id});
        let segments = [index.as_str(), "_doc", &id];
        let refresh = [("refresh", "true")];
        api.client.call(Method::Put, &segments, &refresh, Some(&document)).await.unwrap();
    }
    api
}

async fn the_worst_accepted_bodies_are_answered(engine: TestEngine) {
    let api = filled(engine, &[]).await;
    let times = |count: usize, filter: Value| json!({"or": vec![filter; count]});
    let digits = |text: String| json!({"number": {"eq": exact(&text), "lt": exact(&text)}});
    let tiny = exact("1e-2000000000");
    let worst = [
        (times(200, json!({})), times(201, json!({}))),
        (times(200, json!({"or": []})), times(201, json!({"or": []}))),
        (times(1, json!({"wide": {"exists": true}})), times(2, json!({"wide": {"exists": true}}))),
        (
            times(10, json!({"narrow": {"exists": true}})),
            times(11, json!({"narrow": {"exists": true}})),
        ),
        (times(200, json!({"text": {"ne": "a"}})), times(201, json!({"text": {"ne": "a"}}))),
        (digits(format!("0.{}", "1".repeat(398))), digits(format!("0.{}", "1".repeat(399)))),
        (
            json!({"number": {"gt": tiny}}),
            json!({"number": {"gt": exact(&format!("-0.{}", "1".repeat(400)))}}),
        ),
        (json!({"text": {"eq": "a".repeat(32_766)}}), json!({"text": {"eq": "a".repeat(32_767)}})),
        (
            json!({"text": {"in": ["가".repeat(10_922)]}}),
            json!({"text": {"gt": "가".repeat(10_923)}}),
        ),
        (json!({"whole": {"in": vec![i64::MIN; 1_000]}}), json!({"whole": {"in": vec![1; 1_001]}})),
        (
            json!({"day": {"in": vec!["9999-12-31"; 200]}}),
            json!({"day": {"in": vec!["9999-12-31"; 201]}}),
        ),
    ];
    for (accepted, refused) in worst {
        let shown = |body: &Value| body.to_string().chars().take(80).collect::<String>();
        let reply = api.search(&json!({"filter": accepted})).await;
        assert_eq!(reply.status, 200, "{} {}", shown(&accepted), reply.text);
        let reply = api.search(&json!({"filter": refused})).await;
        let code = reply.json()["code"].clone();
        assert!(
            reply.status == 422 && code == "limit_exceeded",
            "{} {}",
            shown(&refused),
            reply.text
        );
    }
    api.remove().await;
}

async fn times_at_the_edges_are_compared_right(engine: TestEngine) {
    let api = filled(
        engine,
        &[
            json!({"day": "9999-12-31T23:59:59.999Z", "nanos": "1970-01-01T00:00:00Z"}),
            json!({"day": "0001-01-01", "nanos": "2262-04-11T23:47:16.854775807Z"}),
            json!({}),
        ],
    )
    .await;
    // Documents that match eq, ne, lt, lte, gt and gte.
    let cases = [
        ("day", "9999-12-31", [1, 2, 1, 2, 0, 1]),
        ("day", "9999-12-30", [0, 3, 1, 1, 1, 1]),
        ("day", "0001-01-01", [1, 2, 0, 1, 1, 2]),
        ("day", "0000-01-01", [0, 3, 0, 0, 2, 2]),
        ("nanos", "0001-01-01", [0, 3, 0, 0, 2, 2]),
        ("nanos", "1969-12-31", [0, 3, 0, 0, 2, 2]),
        ("nanos", "1970-01-01", [1, 2, 0, 1, 1, 2]),
        ("nanos", "1970-01-01T00:00:00Z", [1, 2, 0, 1, 1, 2]),
        ("nanos", "2262-04-11", [1, 2, 1, 2, 0, 1]),
        ("nanos", "2262-04-11T23:47:16.854775807Z", [1, 2, 1, 2, 0, 1]),
        ("nanos", "2262-04-12", [0, 3, 2, 2, 0, 0]),
        ("nanos", "9999-12-31", [0, 3, 2, 2, 0, 0]),
    ];
    for (field, time, expected) in cases {
        let operators = ["eq", "ne", "lt", "lte", "gt", "gte"];
        for (operator, expected) in operators.into_iter().zip(expected) {
            let reply = api.search(&json!({"filter": {field: {operator: time}}})).await;
            assert_eq!(reply.status, 200, "{field} {operator} {time}: {}", reply.text);
            assert_eq!(reply.ids().len(), expected, "{field} {operator} {time}");
        }
    }
    api.remove().await;
}
