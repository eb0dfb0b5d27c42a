//! Pages follow each other without a gap or a repetition, and a cursor serves only its own search.

use serde_json::{Value, json};

use super::documents;
use super::evaluator::answer;
use super::generator::{Generator, SORTED};
use super::harness::Api;
use crate::support::engines::{TestEngine, on_both_engines};

on_both_engines!(
    every_sort_pages_through_everything_in_order,
    generated_searches_page_to_their_end,
    thousands_of_rows_page_without_a_gap,
    cursors_of_others_are_refused,
);

/// All ids, page by page.
async fn paged(api: &Api, mut body: Value) -> Vec<String> {
    let mut ids = Vec::new();
    loop {
        let reply = api.search(&body).await;
        assert_eq!(reply.status, 200, "{body}\n{}", reply.text);
        ids.extend(reply.ids());
        let page = reply.json()["page"].clone();
        assert_eq!(page["has_next"], !page["next"].is_null(), "{page}");
        if page["next"].is_null() {
            return ids;
        }
        assert!(ids.len() < 20 * documents::COUNT, "{body} does not end");
        body["page"]["after"] = page["next"].clone();
    }
}

async fn every_sort_pages_through_everything_in_order(engine: TestEngine) {
    let api = Api::filled(engine.client().await).await;
    let documents = documents::all();
    for field in SORTED {
        for order in ["asc", "desc"] {
            let sort = json!([{"field": field, "order": order, "nulls": "last"}]);
            let body = json!({"sort": sort, "page": {"size": 23}, "count": "none"});
            let expected = answer(&documents, &api.parsed(&body));
            assert_eq!(expected.len(), documents::COUNT);
            assert_eq!(paged(&api, body).await, expected, "{field} {order}");
        }
    }
    api.remove().await;
}

/// Engines skip what cannot be on the page, once there is enough to skip.
async fn thousands_of_rows_page_without_a_gap(engine: TestEngine) {
    let documents: Vec<Value> = (0..3_000_u64)
        .map(|number| {
            let price = documents::exact(&format!("{}.{:02}", number * 7 % 1_900, number % 100));
            let id = format!("d{:04}", number * 7_919 % 10_000);
            json!({"price": price, "half": number % 50, "short": number % 1_000, "byte": number % 100,
                "serial": number * 31 % 5_000, "amount": number % 977, "_prejoin": {"id": id}})
        })
        .collect();
    let api = Api::with(engine.client().await, &documents).await;
    for field in ["price", "serial", "half", "short", "byte", "amount"] {
        for order in ["asc", "desc"] {
            for count in ["none", "capped"] {
                let sort = json!([{"field": field, "order": order}]);
                let body = json!({"sort": sort, "page": {"size": 200}, "count": count});
                let expected = answer(&documents, &api.parsed(&body));
                assert_eq!(paged(&api, body).await, expected, "{field} {order} {count}");
            }
        }
    }
    api.remove().await;
}

async fn generated_searches_page_to_their_end(engine: TestEngine) {
    let api = Api::filled(engine.client().await).await;
    let documents = documents::all();
    let mut generator = Generator::new(55);
    for _ in 0..60 {
        let mut body = generator.search();
        body["page"] = json!({"size": 40});
        let expected = answer(&documents, &api.parsed(&body));
        assert_eq!(paged(&api, body.clone()).await, expected, "{body}");
    }
    api.remove().await;
}

async fn cursors_of_others_are_refused(engine: TestEngine) {
    let api = Api::filled(engine.client().await).await;
    let made = json!({"filter": {"paid": {"eq": true}}, "sort": [{"field": "amount"}], "page": {"size": 5}});
    let first = api.search(&made).await;
    let cursor = first.json()["page"]["next"].as_str().unwrap().to_owned();
    let with = |change: fn(&mut Value), cursor: &str| {
        let mut body = made.clone();
        change(&mut body);
        body["page"]["after"] = cursor.into();
        body
    };
    // What is shown, and how much of it, may change on the way.
    let same = with(
        |body| {
            body["page"]["size"] = 7.into();
            body["fields"] = json!(["amount"]);
            body["count"] = "none".into();
        },
        &cursor,
    );
    let second = api.search(&same).await;
    assert_eq!(second.ids().len(), 7);
    assert!(second.ids().iter().all(|id| !first.ids().contains(id)));

    let refused = |body: Value| {
        let api = &api;
        async move {
            let reply = api.search(&body).await;
            (reply.status, reply.json()["code"].as_str().unwrap().to_owned())
        }
    };
    let mismatch = (422, "cursor_mismatch".to_owned());
    let filter = with(|body| body["filter"]["paid"]["eq"] = false.into(), &cursor);
    assert_eq!(refused(filter).await, mismatch);
    let sort = with(|body| body["sort"][0]["order"] = "desc".into(), &cursor);
    assert_eq!(refused(sort).await, mismatch);
    let other = Api::filled(engine.client().await).await;
    assert_eq!(other.search(&with(|_| (), &cursor)).await.status, 422);
    other.remove().await;

    let invalid = (400, "invalid_cursor".to_owned());
    let mut tampered = cursor.clone();
    tampered.replace_range(30..31, if &cursor[30..31] == "A" { "B" } else { "A" });
    for garbage in [tampered.as_str(), "", "garbage", "W10", &cursor[..20]] {
        assert_eq!(refused(with(|_| (), garbage)).await, invalid, "{garbage}");
    }
    api.remove().await;
}
