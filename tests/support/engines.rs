//! Where the tests' search engines are.
//!
//! The URL comes from the environment; where it does not, Docker is asked for a container; where there is no Docker, the
//! test fails and says what to do. A container serves every test of the process.

use std::time::Duration;

use prejoin::config::{EngineConfig, Secret};
use prejoin::sink::Client;
use testcontainers::core::IntoContainerPort;
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, GenericImage, ImageExt};
use tokio::sync::OnceCell;

/// The engines that a test can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TestEngine {
    OpenSearch,
    Elasticsearch,
}

struct Started {
    url: String,
    _container: ContainerAsync<GenericImage>,
}

static OPENSEARCH: OnceCell<Started> = OnceCell::const_new();
static ELASTICSEARCH: OnceCell<Started> = OnceCell::const_new();

impl TestEngine {
    /// The engine's base URL.
    pub(crate) async fn url(self) -> String {
        let variable = match self {
            Self::OpenSearch => "TEST_OPENSEARCH_URL",
            Self::Elasticsearch => "TEST_ELASTICSEARCH_URL",
        };
        if let Ok(url) = std::env::var(variable) {
            return url;
        }
        let cell = match self {
            Self::OpenSearch => &OPENSEARCH,
            Self::Elasticsearch => &ELASTICSEARCH,
        };
        cell.get_or_init(|| self.start(variable)).await.url.clone()
    }

    /// A client of the engine.
    pub(crate) async fn client(self) -> Client {
        Client::connect(&config(&self.url().await)).await.unwrap()
    }

    async fn start(self, variable: &str) -> Started {
        let (image, tag, variables): (_, _, &[(&str, &str)]) = match self {
            Self::OpenSearch => {
                ("opensearchproject/opensearch", "3.8.0", &[("DISABLE_SECURITY_PLUGIN", "true")])
            }
            Self::Elasticsearch => {
                ("elasticsearch", "9.5.3", &[("xpack.security.enabled", "false")])
            }
        };
        let mut request = GenericImage::new(image, tag)
            .with_exposed_port(9200.tcp())
            .with_env_var("discovery.type", "single-node");
        for (name, value) in variables {
            request = request.with_env_var(*name, *value);
        }
        let started = request.start().await.unwrap_or_else(|error| {
            panic!(
                "no {self:?} for tests: set {variable} (`dev/up` prints it), or run Docker: {error}"
            )
        });
        let host = started.get_host().await.unwrap();
        let port = started.get_host_port_ipv4(9200).await.unwrap();
        let url = format!("http://{host}:{port}");
        let ready = async {
            while Client::connect(&config(&url)).await.is_err() {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(180), ready).await;
        waited.unwrap_or_else(|_| panic!("{self:?} at {url} does not answer"));
        Started { url, _container: started }
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
