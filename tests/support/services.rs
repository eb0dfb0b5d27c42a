//! Where the servers are that tests run on.
//!
//! Promises: the URL in `TEST_…_URL` when there is one, else that of a container which is started once for the whole run
//! where Docker answers. Otherwise the test fails and says what to do: nothing is skipped.

use std::env;
use std::sync::OnceLock;

use testcontainers::core::{ContainerPort, IntoContainerPort, WaitFor};
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, GenericImage, ImageExt};

/// A server that tests need.
struct Service {
    /// The variable that names a running one.
    variable: &'static str,
    /// What `dev/up` calls it.
    name: &'static str,
    image: (&'static str, &'static str),
    port: u16,
    environment: &'static [(&'static str, &'static str)],
    /// What its container says when it is ready.
    ready: &'static str,
    /// The URL before and behind host and port.
    url: (&'static str, &'static str),
    /// The container's URL, made once for the whole run.
    started: OnceLock<Result<String, String>>,
}

static POSTGRES: Service = Service {
    variable: "TEST_POSTGRES_URL",
    name: "postgres",
    image: ("postgres", "16"),
    port: 5432,
    environment: &[("POSTGRES_PASSWORD", "prejoin")],
    ready: "database system is ready to accept connections",
    url: ("postgres://postgres:prejoin@", "/postgres"),
    started: OnceLock::new(),
};

static MARIADB: Service = Service {
    variable: "TEST_MARIADB_URL",
    name: "mariadb",
    image: ("mariadb", "11"),
    port: 3306,
    environment: &[("MARIADB_ROOT_PASSWORD", "prejoin"), ("MARIADB_DATABASE", "prejoin")],
    ready: "port: 3306",
    url: ("mysql://root:prejoin@", "/prejoin"),
    started: OnceLock::new(),
};

static OPENSEARCH: Service = Service {
    variable: "TEST_OPENSEARCH_URL",
    name: "opensearch",
    image: ("opensearchproject/opensearch", "3"),
    port: 9200,
    environment: &[("discovery.type", "single-node"), ("DISABLE_SECURITY_PLUGIN", "true")],
    ready: "] started",
    url: ("http://", ""),
    started: OnceLock::new(),
};

static ELASTICSEARCH: Service = Service {
    variable: "TEST_ELASTICSEARCH_URL",
    name: "elasticsearch",
    image: ("elasticsearch", "9.2.1"),
    port: 9200,
    environment: &[("discovery.type", "single-node"), ("xpack.security.enabled", "false")],
    ready: "] started",
    url: ("http://", ""),
    started: OnceLock::new(),
};

/// URL of a PostgreSQL server, as a user who may do anything.
pub(crate) fn postgres() -> String {
    POSTGRES.url()
}

/// URL of a MariaDB server, as a user who may do anything.
pub(crate) fn mariadb() -> String {
    MARIADB.url()
}

/// URL of an OpenSearch node.
#[expect(dead_code, reason = "for the tests of the engine")]
pub(crate) fn opensearch() -> String {
    OPENSEARCH.url()
}

/// URL of an Elasticsearch node.
#[expect(dead_code, reason = "for the tests of the engine")]
pub(crate) fn elasticsearch() -> String {
    ELASTICSEARCH.url()
}

impl Service {
    fn url(&self) -> String {
        if let Ok(url) = env::var(self.variable) {
            return url;
        }
        let started = self.started.get_or_init(|| self.start());
        started.clone().unwrap_or_else(|error| {
            panic!(
                "no {name}: {variable} is not set, and Docker does not answer ({error})\n\n\
                 hint: run `dev/test`, or `eval \"$(dev/up {name})\"` before `cargo test`",
                name = self.name,
                variable = self.variable,
            )
        })
    }

    /// On a thread and runtime of its own, which outlive the test that happens to be the first.
    fn start(&self) -> Result<String, String> {
        let port = self.port.tcp();
        let mut request = GenericImage::new(self.image.0, self.image.1)
            .with_exposed_port(port)
            .with_wait_for(WaitFor::message_on_either_std(self.ready))
            .with_startup_timeout(std::time::Duration::from_secs(180));
        for (name, value) in self.environment {
            request = request.with_env_var(*name, *value);
        }
        let (send, receive) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let Ok(runtime) = runtime else { return };
            runtime.block_on(async {
                let started = match request.start().await {
                    Ok(container) => address(&container, port).await.map(|at| (container, at)),
                    Err(error) => Err(error.to_string()),
                };
                // The container lives as long as the run.
                let _container = started
                    .map(|(container, at)| {
                        drop(send.send(Ok(at)));
                        container
                    })
                    .map_err(|error| drop(send.send(Err(error))));
                std::future::pending::<()>().await;
            });
        });
        let at = receive.recv().map_err(|error| error.to_string())??;
        Ok(format!("{}{at}{}", self.url.0, self.url.1))
    }
}

async fn address(
    container: &ContainerAsync<GenericImage>,
    port: ContainerPort,
) -> Result<String, String> {
    let host = container.get_host().await.map_err(|error| error.to_string())?;
    let port = container.get_host_port_ipv4(port).await.map_err(|error| error.to_string())?;
    Ok(format!("{host}:{port}"))
}
