//! Who answers, and what is said when the wrong one does.

use std::time::Duration;

use prejoin::config::{EngineConfig, Secret};
use prejoin::finding::Finding;
use prejoin::sink::{Body, Client, EngineError, Flavor, Method};
use serde_json::json;

use crate::support::engines::{TestEngine, config, on_both_engines};
use crate::support::fault_proxy::{Fault, FaultProxy};

on_both_engines!(
    the_engine_is_told_by_its_answers,
    errors_can_be_told_apart,
    refused_credentials_are_said_so,
    an_engine_that_hangs_is_not_waited_for,
);

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
    assert!(
        matches!(&error, EngineError::Refused { index: Some(index), .. } if index == "no-such-index")
    );

    let query = json!({"query": {"term": {"a": {"hunter2": "hunter2"}}}});
    let error = client.call(Method::Post, &["_search"], &[], Some(&query)).await.unwrap_err();
    assert_eq!(error.status(), Some(400));
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
}

/// What is said, with the proxy's port left out, and the hint.
async fn refused(config: &EngineConfig, proxy: &FaultProxy) -> String {
    let error = Client::connect(config).await.err().unwrap();
    let hint = error.downcast_ref::<Finding>().unwrap().hint.clone().unwrap();
    format!("{error:#}\n{hint}").replace(&proxy.url(), "URL")
}

async fn refused_credentials_are_said_so(engine: TestEngine) {
    let proxy = FaultProxy::to(&engine.url().await).await;
    let wrong = r#"{"error": {"type": "security_exception", "reason": "hunter2"}, "status": 401}"#;
    proxy.then("GET /", [Fault::Answer(401, wrong), Fault::Answer(200, "<html>welcome</html>")]);
    let config = EngineConfig {
        username: Some("prejoin".to_owned()),
        password: Some(Secret::plain("hunter2")),
        ..config(&proxy.url())
    };
    let said = [refused(&config, &proxy).await, refused(&config, &proxy).await].join("\n\n");
    insta::allow_duplicates! {
        insta::assert_snapshot!(said, @r"
        the engine at URL does not accept the credentials
        check `engine.api_key`, or `engine.username` and `engine.password`

        what answers at URL is neither Elasticsearch nor OpenSearch
        does `engine.url` name the right host and port?
        ");
    }
}

async fn an_engine_that_hangs_is_not_waited_for(engine: TestEngine) {
    let proxy = FaultProxy::to(&engine.url().await).await;
    proxy.then("GET /", [Fault::HoldAfter]);
    let connect_timeout = Duration::from_millis(300);
    let config = EngineConfig { connect_timeout, ..config(&proxy.url()) };
    let said = refused(&config, &proxy).await;
    insta::allow_duplicates! {
        insta::assert_snapshot!(said, @r"
        the engine at URL did not answer in time
        is the engine running, and is `engine.url` right?
        ");
    }
    assert_eq!(proxy.seen("GET /").len(), 1);
}
