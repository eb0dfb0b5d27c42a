//! Aggregates work out what a plain tally of the same documents works out, group by group and page by page.

use futures::{StreamExt, stream};
use prejoin::sink::Flavor;
use serde_json::{Value, json};

use super::counting::Requests;
use super::documents;
use super::generator::{AT_A_TIME, seed};
use super::harness::Api;
use super::tally;
use crate::support::engines::{TestEngine, on_both_engines};

on_both_engines!(
    generated_aggregates_are_worked_out_right,
    groups_page_to_their_end,
    cursors_of_other_groups_are_refused,
    groups_of_another_order_have_no_pages,
);

const SEARCHES: usize = 750;

async fn generated_aggregates_are_worked_out_right(engine: TestEngine) {
    let api = Api::filled(engine.client().await).await;
    let documents = documents::all();
    let mut requests = Requests::new(seed());
    let searches = (0..SEARCHES).map(|_| {
        let mut body = json!({"aggregate": {"a": requests.aggregate()}, "page": {"size": 0}});
        body["facet_filters"] = requests.choices();
        if requests.dice.one_in(2) {
            body["filter"] = requests.filters.documents();
        }
        body
    });
    let answers = stream::iter(searches.collect::<Vec<_>>())
        .map(|body| worked_out_right(&api, &documents, body))
        .buffer_unordered(AT_A_TIME);
    let buckets = answers.fold(0, async |sum, buckets| sum + buckets).await;
    println!("{SEARCHES} aggregates, {buckets} buckets");
    assert!(buckets > 4 * SEARCHES, "only {buckets} buckets");
    api.remove().await;
}

/// How many buckets it has.
async fn worked_out_right(api: &Api, documents: &[Value], body: Value) -> usize {
    let request = api.parsed(&body);
    let reply = api.search(&body).await;
    assert_eq!(reply.status, 200, "{body}\n{}", reply.text);
    let mut answered = reply.json()["aggregates"]["a"]["buckets"].clone();
    for bucket in answered.as_array_mut().unwrap() {
        let bucket = bucket.as_object_mut().unwrap();
        bucket.remove("from");
        bucket.remove("to");
    }
    let found = tally::chosen(documents, &request);
    let expected = tally::aggregate(&found, &request.aggregates[0]);
    assert_alike(&answered, &expected, &body);
    expected.as_array().unwrap().len()
}

/// Metrics agree as doubles do.
fn assert_alike(answered: &Value, expected: &Value, body: &Value) {
    match (answered, expected) {
        (Value::Number(left), Value::Number(right)) => {
            let (left, right) = (left.as_f64().unwrap(), right.as_f64().unwrap());
            let near = (left - right).abs() <= 1e-9 * left.abs().max(right.abs());
            assert!(near, "{left} is not {right}: {body}");
        }
        (Value::Object(left), Value::Object(right)) => {
            assert_eq!(left.len(), right.len(), "{answered}\n{expected}\n{body}");
            for (name, value) in left {
                if name == "key" || name == "count" {
                    assert_eq!(value, &right[name], "{body}");
                } else {
                    assert_alike(value, &right[name], body);
                }
            }
        }
        (Value::Array(left), Value::Array(right)) => {
            assert_eq!(left.len(), right.len(), "{answered}\n{expected}\n{body}");
            left.iter().zip(right).for_each(|(left, right)| assert_alike(left, right, body));
        }
        _ => assert_eq!(answered, expected, "{body}"),
    }
}

async fn groups_page_to_their_end(engine: TestEngine) {
    let client = engine.client().await;
    let flavor = client.engine().flavor;
    let api = Api::filled(client).await;
    let documents = documents::all();
    let mut by = vec![
        json!(["status", "paid", {"field": "signed_at", "interval": "day", "timezone": "Asia/Seoul"}]),
        json!(["amount"]),
        json!([{"field": "signed_at", "interval": "month"}, "amount"]),
        json!(["settlements.status", {"field": "settlements.due", "interval": "week"}]),
    ];
    // Elasticsearch's core has no `unsigned_long`.
    if flavor == Flavor::OpenSearch {
        by.push(json!(["serial", "paid"]));
    }
    for by in by {
        let group = json!({"type": "group", "by": by, "size": 3});
        let choices = json!({"stock": {"lt": 4}});
        let mut body =
            json!({"aggregate": {"g": group}, "facet_filters": choices, "page": {"size": 0}});
        let request = api.parsed(&body);
        let found = tally::chosen(&documents, &request);
        let expected = tally::aggregate(&found, &request.aggregates[0]);
        let mut answered = Vec::new();
        loop {
            let reply = api.search(&body).await;
            assert_eq!(reply.status, 200, "{body}\n{}", reply.text);
            let page = reply.json()["aggregates"]["g"].clone();
            answered.extend(page["buckets"].as_array().unwrap().clone());
            if page["next"].is_null() {
                break;
            }
            assert!(answered.len() < 1_000, "{body} does not end");
            body["aggregate"]["g"]["after"] = page["next"].clone();
        }
        assert_eq!(Value::Array(answered), expected, "{by}");
    }
    api.remove().await;
}

async fn cursors_of_other_groups_are_refused(engine: TestEngine) {
    let api = Api::filled(engine.client().await).await;
    let group = json!({"type": "group", "by": ["status"], "size": 1});
    let body = json!({"aggregate": {"g": group}, "page": {"size": 1}});
    let first = api.search(&body).await.json();
    let next = &first["aggregates"]["g"]["next"];
    let after = |change: &dyn Fn(&mut Value), after: &Value| {
        let mut body = body.clone();
        change(&mut body);
        body["aggregate"]["g"]["after"] = after.clone();
        body
    };
    let larger = |body: &mut Value| body["aggregate"]["g"]["size"] = json!(3);
    assert_eq!(api.search(&after(&larger, next)).await.status, 200);
    let others: [&dyn Fn(&mut Value); 4] = [
        &|body| body["aggregate"]["g"]["by"] = json!(["paid"]),
        &|body| body["aggregate"]["g"]["metrics"] = json!({"m": {"sum": "stock"}}),
        &|body| body["filter"] = json!({"paid": {"eq": true}}),
        &|body| body["facet_filters"] = json!({"paid": {"eq": true}}),
    ];
    for other in others {
        let reply = api.search(&after(other, next)).await;
        assert_eq!((reply.status, &reply.json()["code"]), (422, &json!("cursor_mismatch")));
        assert_eq!(reply.json()["errors"][0]["pointer"], "/aggregate/g/after");
    }
    // Rows and groups each have cursors of their own.
    let reply = api.search(&after(&|_| (), &first["page"]["next"])).await;
    assert_eq!((reply.status, &reply.json()["code"]), (422, &json!("cursor_mismatch")));
    let reply = api.search(&after(&|_| (), &json!("garbage"))).await;
    assert_eq!((reply.status, &reply.json()["code"]), (400, &json!("invalid_cursor")));
    api.remove().await;
}

async fn groups_of_another_order_have_no_pages(engine: TestEngine) {
    let api = Api::filled(engine.client().await).await;
    let asked = async |group: Value| {
        let body = json!({"aggregate": {"g": group}, "page": {"size": 0}});
        api.search(&body).await
    };
    let group = json!({"type": "group", "by": ["status"], "size": 2, "metrics": {"total": {"sum": "stock"}}});
    let with = |name: &str, value: Value| {
        let mut group = group.clone();
        group[name] = value;
        group
    };
    let reply = asked(with("sort", json!({"by": "total", "order": "desc"}))).await;
    let told = reply.json()["aggregates"]["g"].clone();
    assert!(told["next"].is_null(), "{told}");
    let total = |number: usize| told["buckets"][number]["metrics"]["total"].as_i64().unwrap();
    assert!(told["buckets"].as_array().unwrap().len() == 2 && total(0) >= total(1), "{told}");
    for sort in
        [json!({"by": "totl"}), json!({}), json!({"by": "count", "order": "up"}), json!("total")]
    {
        let reply = asked(with("sort", sort.clone())).await;
        assert_eq!((reply.status, &reply.json()["code"]), (400, &json!("invalid_value")), "{sort}");
    }
    let next = asked(group.clone()).await.json()["aggregates"]["g"]["next"].clone();
    let mut both = with("after", next);
    both["sort"] = json!({"by": "count"});
    assert_eq!(asked(both).await.status, 400);
    api.remove().await;
}
