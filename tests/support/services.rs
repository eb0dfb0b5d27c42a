//! Where the servers are that tests run on.
//!
//! Promises: the URL in `TEST_…_URL` when there is one, else that of a container which is started once for the whole run
//! where Docker answers, and removed when the run has ended, however it ends. Otherwise the test fails and says what to do:
//! nothing is skipped.

use std::env;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result};
use prejoin::sink::Client;
use testcontainers::core::wait::LogWaitStrategy;
use testcontainers::core::{IntoContainerPort, WaitFor};
use testcontainers::runners::AsyncRunner;
use testcontainers::{GenericImage, ImageExt};

use super::engines::config;
use super::tls::Authority;

/// How long a container may take.
const STARTUP: Duration = Duration::from_secs(180);

/// A server that tests need.
pub(crate) struct Service {
    /// The variable that names a running one.
    variable: &'static str,
    /// What `dev/up` and `docker-compose.yml` call it.
    pub(crate) name: &'static str,
    /// The image's name and tag.
    pub(crate) image: (&'static str, &'static str),
    port: u16,
    environment: Environment,
    /// What it runs in place of the image's own command.
    command: &'static [&'static str],
    ready: Ready,
    /// Whether it speaks TLS. Certificate and key lie in `/tls`; the authority's file is named at the end of the URL.
    tls: bool,
    /// The URL before and behind host and port.
    url: (&'static str, &'static str),
    /// The container's URL, made once for the whole run.
    started: OnceLock<Result<String, String>>,
}

/// How it shows that it takes requests.
enum Ready {
    /// Its log has this, so many times.
    Says(&'static str, usize),
    /// It answers as an engine does.
    Answers,
}

type Environment = &'static [(&'static str, &'static str)];

const POSTGRES_IMAGE: (&str, &str) = ("postgres", "17");
const POSTGRES_ENVIRONMENT: Environment = &[("POSTGRES_PASSWORD", "not-to-be-seen")];
/// The first time is while it sets itself up, and answers on its socket only.
const POSTGRES_READY: Ready = Ready::Says("database system is ready to accept connections", 2);

const MARIADB_IMAGE: (&str, &str) = ("mariadb", "11.8");
const MARIADB_ENVIRONMENT: Environment =
    &[("MARIADB_ROOT_PASSWORD", "not-to-be-seen"), ("MARIADB_DATABASE", "prejoin")];
const MARIADB_READY: Ready = Ready::Says("port: 3306", 1);

pub(crate) static POSTGRES: Service = Service {
    variable: "TEST_POSTGRES_URL",
    name: "postgres",
    image: POSTGRES_IMAGE,
    port: 5432,
    environment: POSTGRES_ENVIRONMENT,
    command: &["postgres", "-c", "max_connections=200", "-c", "max_prepared_transactions=20"],
    ready: POSTGRES_READY,
    tls: false,
    url: ("postgres://postgres:not-to-be-seen@", "/postgres"),
    started: OnceLock::new(),
};

pub(crate) static MARIADB: Service = Service {
    variable: "TEST_MARIADB_URL",
    name: "mariadb",
    image: MARIADB_IMAGE,
    port: 3306,
    environment: MARIADB_ENVIRONMENT,
    command: &["--character-set-server=utf8mb4", "--max-connections=200", "--skip-ssl"],
    ready: MARIADB_READY,
    tls: false,
    url: ("mysql://root:not-to-be-seen@", "/prejoin"),
    started: OnceLock::new(),
};

/// The key has to be the server's own.
pub(crate) static POSTGRES_TLS: Service = Service {
    variable: "TEST_POSTGRES_TLS_URL",
    name: "postgres-tls",
    image: POSTGRES_IMAGE,
    port: 5432,
    environment: POSTGRES_ENVIRONMENT,
    command: &[
        "bash",
        "-c",
        "install -d -o postgres -m 700 /var/tls && install -o postgres -m 600 /tls/* /var/tls/ && exec docker-entrypoint.sh \
         postgres -c ssl=on -c ssl_cert_file=/var/tls/server.pem -c ssl_key_file=/var/tls/server.key",
    ],
    tls: true,
    url: ("postgres://postgres:not-to-be-seen@", "/postgres?sslrootcert="),
    ready: POSTGRES_READY,
    started: OnceLock::new(),
};

/// The key has to be readable for the server's account.
pub(crate) static MARIADB_TLS: Service = Service {
    variable: "TEST_MARIADB_TLS_URL",
    name: "mariadb-tls",
    image: MARIADB_IMAGE,
    port: 3306,
    environment: MARIADB_ENVIRONMENT,
    command: &[
        "bash",
        "-c",
        "install -d -o mysql -m 700 /var/tls && install -o mysql -m 600 /tls/* /var/tls/ && exec docker-entrypoint.sh \
         mariadbd --ssl-cert=/var/tls/server.pem --ssl-key=/var/tls/server.key",
    ],
    tls: true,
    url: ("mysql://root:not-to-be-seen@", "/prejoin?ssl-ca="),
    ready: MARIADB_READY,
    started: OnceLock::new(),
};

pub(crate) static OPENSEARCH: Service = Service {
    variable: "TEST_OPENSEARCH_URL",
    name: "opensearch",
    image: ("opensearchproject/opensearch", "3.8.0"),
    port: 9200,
    environment: &[
        ("discovery.type", "single-node"),
        ("DISABLE_SECURITY_PLUGIN", "true"),
        ("OPENSEARCH_JAVA_OPTS", "-Xms1g -Xmx1g"),
        ("cluster.routing.allocation.disk.threshold_enabled", "false"),
        ("search.keep_alive_interval", "1s"),
    ],
    // The image lacks Korean analysis.
    command: &[
        "bash",
        "-c",
        "bin/opensearch-plugin install --batch analysis-nori && exec ./opensearch-docker-entrypoint.sh opensearch",
    ],
    ready: Ready::Answers,
    tls: false,
    url: ("http://", ""),
    started: OnceLock::new(),
};

pub(crate) static ELASTICSEARCH: Service = Service {
    variable: "TEST_ELASTICSEARCH_URL",
    name: "elasticsearch",
    image: ("elasticsearch", "9.5.3"),
    port: 9200,
    environment: &[
        ("discovery.type", "single-node"),
        ("xpack.security.enabled", "false"),
        ("ES_JAVA_OPTS", "-Xms1g -Xmx1g"),
        ("cluster.routing.allocation.disk.threshold_enabled", "false"),
        ("search.keep_alive_interval", "1s"),
    ],
    command: &[],
    ready: Ready::Answers,
    tls: false,
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

impl Service {
    /// Its URL; waits until the container is there, if it has to be one.
    pub(crate) fn url(&self) -> String {
        if let Ok(url) = env::var(self.variable) {
            return url;
        }
        // On a thread of its own: a test's runtime cannot be waited for within itself.
        let started = self.started.get_or_init(|| {
            let started = std::thread::scope(|scope| scope.spawn(|| self.start()).join());
            started.expect("a panic would be an error").map_err(|error| format!("{error:#}"))
        });
        started.clone().unwrap_or_else(|error| {
            panic!(
                "no {name}: {variable} is not set, and Docker does not help ({error})\n\n\
                 hint: run `dev/test`, or `eval \"$(dev/up {name})\"` before `cargo test`",
                name = self.name,
                variable = self.variable,
            )
        })
    }

    #[tokio::main(flavor = "current_thread")]
    async fn start(&self) -> Result<String> {
        let mut request = GenericImage::new(self.image.0, self.image.1)
            .with_exposed_port(self.port.tcp())
            .with_wait_for(match self.ready {
                Ready::Says(line, times) => {
                    WaitFor::log(LogWaitStrategy::stdout_or_stderr(line).with_times(times))
                }
                Ready::Answers => WaitFor::Nothing,
            })
            .with_startup_timeout(STARTUP)
            .with_cmd(self.command.iter().copied());
        for (name, value) in self.environment {
            request = request.with_env_var(*name, *value);
        }
        let mut authority_file = String::new();
        if self.tls {
            let authority = Authority::new();
            let certified = authority.certify();
            request = request
                .with_copy_to("/tls/server.pem", certified.certificate.into_bytes())
                .with_copy_to("/tls/server.key", certified.key.into_bytes());
            let file = authority.file(Path::new(env!("CARGO_TARGET_TMPDIR")));
            authority_file = file.display().to_string();
        }
        let container = request.start().await?;
        remove_after_this_process(container.id())?;
        let host = container.get_host().await?;
        let port = container.get_host_port_ipv4(self.port).await?;
        // Dropped, it would be removed now.
        std::mem::forget(container);
        let url = format!("{}{host}:{port}{}{authority_file}", self.url.0, self.url.1);
        if matches!(self.ready, Ready::Answers) {
            tokio::time::timeout(STARTUP, answers(&url)).await.context("it does not answer")?;
        }
        Ok(url)
    }
}

async fn answers(engine: &str) {
    while Client::connect(&config(engine)).await.is_err() {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Statics are not dropped, and a run may be killed. But its end of a pipe is closed in any case, and a shell waits for that.
fn remove_after_this_process(container: &str) -> Result<()> {
    let script = "cat; exec docker rm --force --volumes \"$0\"";
    let mut shell = Command::new("sh")
        .args(["-c", script, container])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Ctrl-C is not for it.
        .process_group(0)
        .spawn()
        .context("a shell that removes the container")?;
    std::mem::forget(shell.stdin.take());
    Ok(())
}
