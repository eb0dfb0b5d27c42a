//! What becomes of documents in bulk, on engines that answer.

use prejoin::sink::Method;
use prejoin::sink::PatienceSettings;
use prejoin::sink::bulk::{BulkBody, BulkWriter, Outcome, Rejection};
use serde_json::json;

use super::{count, put, stored, strict_index};
use crate::support::engines::{TestEngine, on_both_engines};
use crate::support::own::unique;

on_both_engines!(
    one_refused_document_harms_no_other,
    older_versions_lose,
    ids_may_hold_anything,
    a_missing_index_stops_the_writing,
    a_blocked_index_stops_the_writing,
);

fn rejected(error_type: &str, field: Option<&str>) -> Outcome {
    let field = field.map(str::to_owned);
    Outcome::Rejected(Rejection { error_type: error_type.to_owned(), field })
}

async fn one_refused_document_harms_no_other(engine: TestEngine) {
    let client = engine.client().await;
    let index = strict_index(engine, "refused").await;
    let mut body = BulkBody::default();
    for n in 0..10_000 {
        let value = if n == 7_123 { json!("not a number") } else { json!(n) };
        put(&mut body, &n.to_string(), 1, &json!({"n": value, "title": "제목"}));
    }
    let writer = BulkWriter::new(client.clone(), PatienceSettings::default());
    let outcomes = writer.write(&index, body).await.unwrap();

    let refused = match engine {
        TestEngine::OpenSearch => "mapper_parsing_exception",
        TestEngine::Elasticsearch => "document_parsing_exception",
    };
    assert_eq!(outcomes.len(), 10_000);
    assert_eq!(outcomes[7_123], rejected(refused, Some("n")));
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Outcome::Applied).count(), 9_999);
    assert_eq!(count(&client, &index).await, 9_999);
}

async fn older_versions_lose(engine: TestEngine) {
    let client = engine.client().await;
    let index = strict_index(engine, "stale").await;
    let writer = BulkWriter::new(client.clone(), PatienceSettings::default());
    let mut body = BulkBody::default();
    put(&mut body, "a", 10, &json!({"n": 10}));
    put(&mut body, "b", 10, &json!({"n": 10}));
    put(&mut body, "c", 10, &json!({"n": 10}));
    writer.write(&index, body).await.unwrap();

    let mut body = BulkBody::default();
    put(&mut body, "a", 9, &json!({"n": 9}));
    put(&mut body, "b", 11, &json!({"n": 11}));
    body.delete("c", 9);
    body.delete("absent", 9);
    body.delete("gone already", 9);
    let outcomes = writer.write(&index, body).await.unwrap();
    use Outcome::{Applied, Stale};
    assert_eq!(outcomes, [Stale(Some(10)), Applied, Stale(Some(10)), Applied, Applied]);
    assert_eq!(stored(&client, &index, "a").await, Some((json!({"n": 10}), 10)));
    assert_eq!(stored(&client, &index, "b").await, Some((json!({"n": 11}), 11)));

    let mut body = BulkBody::default();
    body.delete("c", 12);
    put(&mut body, "b", 11, &json!({"n": 12}));
    // Version 11 of `b` is there: to the writer that is a repetition of its own write.
    assert_eq!(writer.write(&index, body).await.unwrap(), [Applied, Applied]);
    assert_eq!(stored(&client, &index, "c").await, None);
}

async fn ids_may_hold_anything(engine: TestEngine) {
    let client = engine.client().await;
    let index = strict_index(engine, "ids").await;
    let ids = ["\"quoted\"", "계약/서울 100%", "a\\b\n{}", &"x".repeat(512)];
    let mut body = BulkBody::default();
    for id in ids {
        put(&mut body, id, 1, &json!({"title": id}));
    }
    put(&mut body, "", 1, &json!({}));
    put(&mut body, &"x".repeat(513), 1, &json!({}));
    put(&mut body, ids[0], 2, &json!({"title": "second"}));
    let writer = BulkWriter::new(client.clone(), PatienceSettings::default());
    let outcomes = writer.write(&index, body).await.unwrap();
    assert_eq!(outcomes[..4], [const { Outcome::Applied }; 4]);
    let refused = ["empty_id", "id_too_long", "duplicate_id"].map(|ty| rejected(ty, Some("_id")));
    assert_eq!(outcomes[4..], refused);
    for id in ids {
        assert_eq!(stored(&client, &index, id).await, Some((json!({"title": id}), 1)), "{id}");
    }
}

async fn a_missing_index_stops_the_writing(engine: TestEngine) {
    let client = engine.client().await;
    // An upper-case letter, as in write aliases, keeps the engine from making an index of that name.
    let missing = format!("{}-W1", unique("missing"));
    let mut body = BulkBody::default();
    put(&mut body, "a", 1, &json!({"n": 1}));
    body.delete("b", 1);
    let writer = BulkWriter::new(client.clone(), PatienceSettings::default());
    let error = writer.write(&missing, body).await.unwrap_err();
    assert!(
        matches!(error.error_type(), "invalid_index_name_exception" | "index_not_found_exception"),
        "{error}"
    );
}

async fn a_blocked_index_stops_the_writing(engine: TestEngine) {
    let client = engine.client().await;
    let index = strict_index(engine, "blocked").await;
    let block = json!({"index.blocks.read_only_allow_delete": true});
    client.call(Method::Put, &[&index, "_settings"], &[], Some(&block)).await.unwrap();
    let mut body = BulkBody::default();
    put(&mut body, "a", 1, &json!({"n": 1}));
    let writer = BulkWriter::new(client.clone(), PatienceSettings::default());
    // The engine answers 429, as if it were busy for a moment.
    let error = writer.write(&index, body).await.unwrap_err();
    assert_eq!(error.error_type(), "cluster_block_exception");
    assert!(error.hint().unwrap().contains("flood-stage"), "{error}");
}
