//! Facets count what a plain tally of the same documents counts.

use futures::{StreamExt, future, stream};
use serde_json::{Value, json};

use super::counting::Requests;
use super::documents;
use super::generator::{AT_A_TIME, seed};
use super::harness::Api;
use super::tally;
use crate::support::engines::{TestEngine, on_both_engines};

on_both_engines!(
    generated_facets_count_right,
    what_was_chosen_stays_in_its_facet,
    documents_are_counted_and_not_elements,
    dates_are_counted_that_the_search_does_not_ask_for,
    dates_are_counted_of_what_else_was_chosen,
    more_dates_than_are_told_are_refused,
);

const SEARCHES: usize = 750;

async fn generated_facets_count_right(engine: TestEngine) {
    let api = Api::filled(engine.client().await).await;
    let documents = documents::all();
    let mut requests = Requests::new(seed());
    let searches = (0..SEARCHES).map(|_| requests.search());
    let answers = stream::iter(searches.collect::<Vec<_>>())
        .map(|body| is_counted_right(&api, &documents, body))
        .buffer_unordered(AT_A_TIME);
    let telling = answers.filter(|tells| future::ready(*tells)).count().await;
    println!("{SEARCHES} searches, {telling} choose some documents and not all");
    assert!(telling > SEARCHES / 4, "only {telling} searches choose anything");
    api.remove().await;
}

/// Whether it chooses some documents, and not all.
async fn is_counted_right(api: &Api, documents: &[Value], body: Value) -> bool {
    let request = api.parsed(&body);
    let reply = api.search(&body).await;
    assert_eq!(reply.status, 200, "{body}\n{}", reply.text);
    let json = reply.json();
    let mut expected = tally::facets(documents, &request);
    // No ranges are no buckets, as are none of anything else.
    for facet in expected.as_object_mut().unwrap().values_mut() {
        if facet["counts"].as_array().is_some_and(Vec::is_empty) {
            *facet = json!({"buckets": [], "missing": facet["missing"]});
        }
    }
    assert_eq!(bare_facets(json["facets"].clone()), expected, "{body}");
    let rows = tally::chosen(documents, &request).len();
    assert_eq!(json["total"]["value"], rows, "{body}");
    assert_eq!(json["data"].as_array().unwrap().len(), rows.min(request.page.size));
    rows > 0 && rows < documents.len()
}

/// What a tally does not work out is taken out.
fn bare_facets(mut facets: Value) -> Value {
    for facet in facets.as_object_mut().unwrap().values_mut() {
        let buckets = facet["buckets"].as_array_mut().unwrap();
        let is_dates = buckets
            .iter()
            .any(|bucket| bucket.get("value").is_some() && bucket.get("from").is_some());
        let is_ranges = buckets.iter().any(|bucket| bucket.get("value").is_none());
        if is_dates {
            for bucket in buckets {
                let bucket = bucket.as_object_mut().unwrap();
                bucket.remove("from");
                bucket.remove("to");
            }
        } else if is_ranges {
            let counts: Vec<Value> = buckets.iter().map(|bucket| bucket["count"].clone()).collect();
            *facet = json!({"counts": counts, "missing": facet["missing"]});
        }
    }
    facets
}

async fn what_was_chosen_stays_in_its_facet(engine: TestEngine) {
    let documents: Vec<Value> = [("a", "x"), ("a", "x"), ("b", "x"), ("b", "y"), ("c", "y")]
        .iter()
        .enumerate()
        .map(|(number, (status, tag))| {
            json!({"status": status, "tags": [tag], "_prejoin": {"id": number.to_string()}})
        })
        .collect();
    let api = Api::with(engine.client().await, &documents).await;
    let body = json!({
        "facets": {"status": {"size": 1}, "tags": {}},
        "facet_filters": {"status": {"in": ["c", "never"]}, "tags": {"in": ["x", "y"]}},
    });
    let reply = api.search(&body).await;
    assert_eq!(reply.ids(), ["4"]);
    let facets = &reply.json()["facets"];
    insta::allow_duplicates! {
        insta::assert_snapshot!(facets["status"], @r#"{"buckets":[{"value":"a","count":2,"selected":false},{"value":"c","count":1,"selected":true},{"value":"never","count":0,"selected":true}],"other":2,"missing":0}"#);
        // Of what has the chosen status only.
        insta::assert_snapshot!(facets["tags"], @r#"{"buckets":[{"value":"y","count":1,"selected":true},{"value":"x","count":0,"selected":true}],"other":0,"missing":0}"#);
    }
    api.remove().await;
}

async fn documents_are_counted_and_not_elements(engine: TestEngine) {
    let settlement = |status: &str, amount: i64| json!({"status": status, "amount": amount});
    let documents = [
        json!({"settlements": [settlement("paid", 5), settlement("paid", 7), settlement("overdue", 1)], "_prejoin": {"id": "a"}}),
        json!({"settlements": [settlement("paid", 9), settlement("overdue", 8)], "_prejoin": {"id": "b"}}),
        json!({"settlements": [], "_prejoin": {"id": "c"}}),
    ];
    let api = Api::with(engine.client().await, &documents).await;
    let body = json!({"facets": {
        "settlements.status": {},
        "each": {"field": "settlements.status", "count": "elements"},
        "large": {"field": "settlements.status", "where": {"amount": {"gte": 7}}},
        "ranges": {"field": "settlements.amount", "type": "range", "ranges": [{"to": 7}, {"from": 7}], "where": {"status": {"eq": "paid"}}},
    }});
    let facets = api.search(&body).await.json()["facets"].clone();
    insta::allow_duplicates! {
        insta::assert_snapshot!(facets["settlements.status"], @r#"{"buckets":[{"value":"overdue","count":2,"selected":false},{"value":"paid","count":2,"selected":false}],"other":0,"missing":1}"#);
        insta::assert_snapshot!(facets["each"], @r#"{"buckets":[{"value":"paid","count":3,"selected":false},{"value":"overdue","count":2,"selected":false}],"other":0,"missing":0}"#);
        insta::assert_snapshot!(facets["large"], @r#"{"buckets":[{"value":"paid","count":2,"selected":false},{"value":"overdue","count":1,"selected":false}],"other":0,"missing":1}"#);
        insta::assert_snapshot!(facets["ranges"], @r#"{"buckets":[{"to":7,"count":1,"selected":false},{"from":7,"count":2,"selected":false}],"missing":1}"#);
    }
    api.remove().await;
}

/// Elasticsearch leaves dates out of a histogram that the query does not ask for, though the document has others that it does.
async fn dates_are_counted_that_the_search_does_not_ask_for(engine: TestEngine) {
    let due = |day: &str| json!({"due": day});
    let documents = [
        json!({"settlements": [due("2025-12-31"), due("2026-02-01")], "signed_at": ["2025-12-31", "2026-02-01"], "_prejoin": {"id": "a"}}),
        json!({"settlements": [due("2026-02-01")], "_prejoin": {"id": "b"}}),
        json!({"settlements": [{}, due("2025-12-31")], "_prejoin": {"id": "c"}}),
    ];
    let api = Api::with(engine.client().await, &documents).await;
    let later = json!({"gt": "2026-01-01"});
    let filters = [
        ("settlements.due", json!({"settlements": {"some": {"due": later}}}), [1, 0, 2]),
        ("signed_at", json!({"signed_at": later}), [1, 0, 1]),
    ];
    for (field, filter, counts) in filters {
        let dates = json!({"type": "date_histogram", "field": field, "interval": "month", "min": "2025-12-01", "max": "2026-02-28"});
        let body = json!({"filter": filter, "facets": {"f": dates}, "aggregate": {"a": dates}});
        let reply = api.search(&body).await.json();
        for answer in [&reply["facets"]["f"], &reply["aggregates"]["a"]] {
            let buckets = answer["buckets"].as_array().unwrap();
            let told: Vec<&Value> = buckets.iter().map(|bucket| &bucket["count"]).collect();
            assert_eq!(told, counts, "{body}\n{answer}");
        }
    }
    api.remove().await;
}

/// Whatever the search is for, all documents or dates of the very field.
async fn dates_are_counted_of_what_else_was_chosen(engine: TestEngine) {
    let api = Api::filled(engine.client().await).await;
    let documents = documents::all();
    let facets =
        json!({"days": {"type": "date_histogram", "field": "signed_at", "interval": "day"}});
    let choices = json!({"stock": {"eq": 3}});
    for filter in [json!({}), json!({"signed_at": {"gte": "2026-01-01"}})] {
        let body = json!({"filter": filter, "facets": facets, "facet_filters": choices, "page": {"size": 5}});
        assert!(is_counted_right(&api, &documents, body).await, "nothing is chosen");
    }
    api.remove().await;
}

async fn more_dates_than_are_told_are_refused(engine: TestEngine) {
    let start: jiff::civil::Date = "2020-01-01".parse().unwrap();
    let days = |count: usize| {
        let days = start.series(jiff::ToSpan::days(1)).take(count).enumerate();
        days.map(|(number, day)| {
            json!({"signed_at": day.to_string(), "_prejoin": {"id": format!("{number:04}")}})
        })
        .collect::<Vec<_>>()
    };
    for (count, status) in [(1_000, 200), (1_001, 422)] {
        let api = Api::with(engine.client().await, &days(count)).await;
        let dates = json!({"type": "date_histogram", "field": "signed_at", "interval": "day"});
        for body in [json!({"facets": {"d": dates}}), json!({"aggregate": {"d": dates}})] {
            let reply = api.search(&body).await;
            assert_eq!(reply.status, status, "{count} {body} {}", reply.text);
        }
        // With bounds, it does not matter what the index holds.
        let mut bounded = dates.clone();
        bounded["min"] = json!("2020-02-01");
        bounded["max"] = json!("2020-02-29");
        let reply = api.search(&json!({"facets": {"d": bounded}})).await;
        assert_eq!(reply.json()["facets"]["d"]["buckets"].as_array().unwrap().len(), 29);
        api.remove().await;
    }
}
