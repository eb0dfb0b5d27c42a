//! Searches are answered as a plain evaluation of the same search over the same documents answers them.

use futures::{StreamExt, future, stream};
use serde_json::{Value, json};

use super::documents;
use super::evaluator::answer;
use super::generator::{AT_A_TIME, Generator, seed};
use super::harness::Api;
use crate::support::engines::{TestEngine, on_both_engines};

on_both_engines!(
    generated_searches_are_answered_right,
    conditions_of_one_some_hold_for_one_element,
    rows_keep_every_digit,
    totals_are_as_exact_as_asked_for,
);

const SEARCHES: usize = 2_000;

async fn generated_searches_are_answered_right(engine: TestEngine) {
    let api = Api::filled(engine.client().await).await;
    let documents = documents::all();
    let mut generator = Generator::new(seed());
    let searches = (0..SEARCHES).map(|_| generator.search());
    let answers = stream::iter(searches.collect::<Vec<_>>())
        .map(|body| is_answered_right(&api, &documents, body))
        .buffer_unordered(AT_A_TIME);
    let telling = answers.filter(|tells| future::ready(*tells)).count().await;
    println!("{SEARCHES} searches, {telling} find some documents and not all");
    // Searches that find all or nothing tell little.
    assert!(telling > SEARCHES / 2, "only {telling} searches tell anything");
    api.remove().await;
}

/// Whether it finds some documents, and not all.
async fn is_answered_right(api: &Api, documents: &[Value], body: Value) -> bool {
    let request = api.parsed(&body);
    let expected = answer(documents, &request);
    let reply = api.search(&body).await;
    assert_eq!(reply.status, 200, "{body}\n{}", reply.text);
    let first: Vec<String> = expected.iter().take(request.page.size).cloned().collect();
    assert_eq!(reply.ids(), first, "{body}");
    let json = reply.json();
    assert_eq!(json["total"], json!({"value": expected.len(), "relation": "eq"}), "{body}");
    assert_eq!(json["page"]["has_next"], expected.len() > first.len(), "{body}");
    !expected.is_empty() && expected.len() < documents.len()
}

async fn conditions_of_one_some_hold_for_one_element(engine: TestEngine) {
    let api = Api::filled(engine.client().await).await;
    let documents = documents::all();
    let one = json!({"settlements": {"some": {"status": {"eq": "overdue"}, "amount": {"gt": 1_000_000}}}});
    let two = json!({"and": [
        {"settlements": {"some": {"status": {"eq": "overdue"}}}},
        {"settlements": {"some": {"amount": {"gt": 1_000_000}}}}]});
    let overdue_and_large = |settlement: &Value| {
        settlement["status"] == "overdue"
            && settlement["amount"].as_i64().is_some_and(|it| it > 1_000_000)
    };
    let right = documents.iter().filter(|document| {
        document["settlements"].as_array().unwrap().iter().any(overdue_and_large)
    });
    let right = right.count();
    let found = |filter: Value| {
        let api = &api;
        async move { api.search(&json!({"filter": filter, "count": "exact"})).await.json() }
    };
    assert_eq!(found(one).await["total"]["value"], right);
    let more = found(two).await["total"]["value"].as_u64().unwrap();
    assert!(more > right as u64, "{more} and {right}: the data does not tell the two apart");
    api.remove().await;
}

async fn rows_keep_every_digit(engine: TestEngine) {
    let api = Api::filled(engine.client().await).await;
    let digits = "12345678901234567890123456789012345.678";
    let filter = json!({"rate": {"eq": documents::exact(digits)}});
    let body = json!({"filter": filter, "fields": ["rate", "manager.name", "settlements.amount"], "page": {"size": 1}});
    let reply = api.search(&body).await;
    assert!(reply.text.contains(&format!(r#""rate":{digits}"#)), "{}", reply.text);
    assert!(!reply.text.contains("_prejoin"), "{}", reply.text);

    let documents = documents::all();
    let all = api.search(&json!({"page": {"size": 200}})).await.json();
    for row in all["data"].as_array().unwrap() {
        let mut expected = documents
            .iter()
            .find(|document| document["_prejoin"]["id"] == row["_id"])
            .unwrap()
            .clone();
        let mut row = row.clone();
        expected.as_object_mut().unwrap().remove("_prejoin");
        row.as_object_mut().unwrap().remove("_id");
        assert_eq!(row.to_string().len(), expected.to_string().len());
        assert_eq!(row, expected);
    }
    api.remove().await;
}

async fn totals_are_as_exact_as_asked_for(engine: TestEngine) {
    let api = Api::filled(engine.client().await).await;
    let total = |count: &'static str| {
        let api = &api;
        async move { api.search(&json!({"count": count, "page": {"size": 1}})).await.json() }
    };
    let all = json!({"value": documents::COUNT, "relation": "eq"});
    assert_eq!(total("exact").await["total"], all);
    assert_eq!(total("capped").await["total"], all);
    let none = total("none").await;
    assert!(none.get("total").is_none(), "{none}");
    assert_eq!(none["page"]["has_next"], true);
    assert_eq!(none["meta"]["index"], format!("{}-000001", api.alias));
    api.remove().await;
}
