//! Who answers, and what is said when the wrong one does.

use prejoin::sink::{Body, EngineError, Flavor, Method};
use serde_json::json;

use crate::support::engines::{TestEngine, on_both_engines};

on_both_engines!(the_engine_is_told_by_its_answers, errors_can_be_told_apart);

async fn the_engine_is_told_by_its_answers(engine: TestEngine) {
    let client = engine.client().await;
    let expected = match engine {
        TestEngine::OpenSearch => Flavor::OpenSearch,
        TestEngine::Elasticsearch => Flavor::Elasticsearch,
    };
    assert_eq!(client.engine().flavor, expected);
    let major = client.engine().version.split('.').next().unwrap().parse::<u32>().unwrap();
    assert!(major >= 3, "{}", client.engine());
}

async fn errors_can_be_told_apart(engine: TestEngine) {
    let client = engine.client().await;
    let missing = ["no-such-index", "_search"];
    let answer = client.send(Method::Post, &missing, &[], Body::Empty).await.unwrap();
    assert_eq!(answer.status, 404);

    let error = client.call(Method::Post, &missing, &[], None).await.unwrap_err();
    assert!(error.is_not_found());
    assert_eq!(error.error_type(), "index_not_found_exception");
    assert!(matches!(&error, EngineError::Refused { index: Some(index), .. } if index == "no-such-index"));

    let query = json!({"query": {"term": {"a": {"hunter2": "hunter2"}}}});
    let error = client.call(Method::Post, &["_search"], &[], Some(&query)).await.unwrap_err();
    assert_eq!(error.status(), Some(400));
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
}
