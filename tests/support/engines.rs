//! The tests' search engines, and how to reach them.

use std::time::Duration;

use prejoin::config::{EngineConfig, Secret};
use prejoin::sink::Client;

use super::services;

/// The engines that a test can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TestEngine {
    OpenSearch,
    Elasticsearch,
}

impl TestEngine {
    /// The engine's base URL.
    pub(crate) async fn url(self) -> String {
        let service = match self {
            Self::OpenSearch => &services::OPENSEARCH,
            Self::Elasticsearch => &services::ELASTICSEARCH,
        };
        match tokio::task::spawn_blocking(|| service.url()).await {
            Ok(url) => url,
            Err(failed) => std::panic::resume_unwind(failed.into_panic()),
        }
    }

    /// A client of the engine. An engine that many tests keep busy is waited for.
    pub(crate) async fn client(self) -> Client {
        let client = Client::connect(&config(&self.url().await)).await.unwrap();
        client.patient(Duration::from_secs(60))
    }
}

/// How to reach an engine at `url`.
pub(crate) fn config(url: &str) -> EngineConfig {
    EngineConfig {
        url: Secret::plain(url),
        api_key: None,
        username: None,
        password: None,
        ca_file: None,
        connect_timeout: Duration::from_secs(10),
        request_timeout: Duration::from_secs(60),
        retry_for: Duration::from_secs(60),
        state_prefix: "prejoin".to_owned(),
        lease_ttl: Duration::from_secs(30),
    }
}

/// Makes `#[tokio::test]`s of `async fn name(engine: TestEngine)` functions, one for each engine.
macro_rules! on_both_engines {
    ($($name:ident),+ $(,)?) => {
        mod opensearch {
            $(#[tokio::test]
            async fn $name() {
                super::$name($crate::support::engines::TestEngine::OpenSearch).await;
            })+
        }
        mod elasticsearch {
            $(#[tokio::test]
            async fn $name() {
                super::$name($crate::support::engines::TestEngine::Elasticsearch).await;
            })+
        }
    };
}
pub(crate) use on_both_engines;
