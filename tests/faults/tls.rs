//! TLS to the databases and to the engine: who the right authority vouches for is trusted, and nobody else.

use prejoin::sink::Method;
use url::Url;

use super::{Scene, reached_at, url};
use crate::support::engines::TestEngine;
use crate::support::home::Home;
use crate::support::own::Indexes;
use crate::support::place::Place;
use crate::support::services::{MARIADB_TLS, POSTGRES_TLS, Service};
use crate::support::tls::{Authority, TlsFront};

on_both_servers!(
    the_right_authority_vouches,
    another_authority,
    another_name,
    a_server_that_speaks_no_tls,
    a_file_that_holds_no_authority,
);

/// Leads to the same server as 127.0.0.1, and stands in no certificate.
const ANOTHER_NAME: &str = "0.0.0.0";

/// A scene on a server that speaks TLS, in place of one that does not.
struct Secured {
    scene: Scene,
    url: Url,
    source: String,
}

impl Secured {
    async fn instead_of(plain: Place) -> Self {
        let service: &Service = if plain.is_postgres() { &POSTGRES_TLS } else { &MARIADB_TLS };
        let server = service.url();
        let place = match plain.is_postgres() {
            true => Place::postgres_at(&server).await,
            false => Place::mariadb_at(&server).await,
        };
        let server = Url::parse(&server).unwrap();
        let (_, authority) = server.query_pairs().next().expect("the authority's file");
        let url = url(&place);
        let source = format!("{}, ca_file: '{authority}'", reached_at(&place, &url));
        let kind = super::kind(&place);
        let scene = Scene::of(place, &source).await.hiding(&url.port().unwrap(), "PORT");
        Self { scene: scene.hiding(&kind, "SERVER at"), url, source }
    }

    /// What is said when the server is reached so, which it cannot be; the next run, as it should be, is unharmed.
    async fn told(self, source: &str) -> String {
        let scene = self.scene.reading(source);
        let told = scene.told(&scene.run().await);
        scene.reading(&self.source).is_unharmed().await;
        told
    }
}

async fn the_right_authority_vouches(plain: Place) {
    let secured = Secured::instead_of(plain).await;
    secured.scene.is_unharmed().await;
    // Nobody asked for more: the server is taken for what it says it is.
    let trusting = reached_at(&secured.scene.place, &secured.url);
    let scene = secured.scene.reading(&trusting);
    scene.is_rebuilt().await;
}

#[tokio::test]
async fn no_variable_of_the_surroundings_turns_tls_off() {
    let place = Place::postgres_at(&POSTGRES_TLS.url()).await;
    place
        .run(
            "CREATE VIEW sessions AS SELECT 1 AS id, CASE WHEN ssl THEN 'TLS' ELSE 'none' END AS body \
             FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
        )
        .await;
    let (mut url, engine) = (url(&place), TestEngine::OpenSearch);
    let index = Indexes::of(engine, "faults").await;
    let job = format!(
        "index: {index}\nmapping: sessions.json\n\
         root: {{source: shop, table: sessions, key: id, fields: [id, body]}}\n"
    );
    let mut home = Home::new()
        .file("mappings/sessions.json", super::MAPPING)
        .file("jobs/sessions.yaml", &job)
        .engine(engine)
        .await
        .variable("PGSSLMODE", "disable");
    // Only the URL itself may say so.
    for (query, spoken) in [(None, "TLS"), (Some("sslmode=disable"), "none")] {
        url.set_query(query);
        let source = format!("sources:\n  shop: {{{}}}\n", reached_at(&place, &url));
        home = home.file("config/default.yaml", &source);
        let ran = home.run(&["reindex", "sessions"]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        let client = engine.client().await;
        let found = client.call(Method::Get, &[&*index, "_doc", "1"], &[], None).await.unwrap();
        assert_eq!(found["_source"]["body"], spoken, "{found}");
    }
}

async fn another_authority(plain: Place) {
    let secured = Secured::instead_of(plain).await;
    let other = Authority::new().file(secured.scene.home.path());
    let reached = reached_at(&secured.scene.place, &secured.url);
    let told = secured.told(&format!("{reached}, ca_file: '{}'", other.display())).await;
    insta::allow_duplicates! { insta::assert_snapshot!(told, @"
    exit 2
    error: source `shop`: describing table `things`: cannot connect to SERVER at 127.0.0.1:PORT: invalid peer certificate: UnknownIssuer

    hint: `ca_file` has to hold the authority that signed the server's certificate, and that has to be for the host in `url`
    ") }
}

async fn another_name(plain: Place) {
    let secured = Secured::instead_of(plain).await;
    let host = secured.url.host_str().unwrap();
    let source = secured.source.replace(&format!("@{host}:"), &format!("@{ANOTHER_NAME}:"));
    let told = secured.told(&source).await;
    insta::allow_duplicates! { insta::assert_snapshot!(told, @r#"
    exit 2
    error: source `shop`: describing table `things`: cannot connect to SERVER at 0.0.0.0:PORT: invalid peer certificate: certificate not valid for name "0.0.0.0"; certificate is only valid for DnsName("localhost") or IpAddress(127.0.0.1)

    hint: `ca_file` has to hold the authority that signed the server's certificate, and that has to be for the host in `url`
    "#) }
}

async fn a_server_that_speaks_no_tls(plain: Place) {
    let (source, port) = (super::source(&plain), url(&plain).port().unwrap());
    let kind = super::kind(&plain);
    let scene = Scene::of(plain, &source).await.hiding(&port, "PORT").hiding(&kind, "SERVER at");
    let authority = Authority::new().file(scene.home.path());
    let scene = scene.reading(&format!("{source}, ca_file: '{}'", authority.display()));
    let told = scene.told(&scene.run().await);
    insta::allow_duplicates! { insta::assert_snapshot!(told, @"
    exit 2
    error: source `shop`: describing table `things`: cannot connect to SERVER at 127.0.0.1:PORT: TLS: server does not support TLS

    hint: `ca_file` asks for TLS: turn it on at the server, or leave `ca_file` out where the network can be trusted
    ") }
    scene.reading(&source).is_unharmed().await;
}

async fn a_file_that_holds_no_authority(plain: Place) {
    let secured = Secured::instead_of(plain).await;
    let file = secured.scene.home.path().join("empty.pem");
    std::fs::write(&file, "nothing of use\n").unwrap();
    let reached = reached_at(&secured.scene.place, &secured.url);
    let told = secured.told(&format!("{reached}, ca_file: '{}'", file.display())).await;
    insta::allow_duplicates! { insta::assert_snapshot!(told, @"
    exit 2
    error: source `shop`: `ca_file` HOME/empty.pem: no PEM certificate

    hint: it has to hold the certificate of the authority, as text (PEM)
    ") }
}

/// A scene on an engine behind TLS.
struct Front {
    scene: Scene,
    front: TlsFront,
    authority: Authority,
}

impl Front {
    async fn new() -> Self {
        // TLS ends before the engine: which one it is makes no difference.
        let engine = TestEngine::OpenSearch;
        let authority = Authority::new();
        let front = TlsFront::of(&engine.url().await, &authority).await;
        let place = Place::sqlite().await;
        let source = super::source(&place);
        let scene = Scene::new(place, &source, (engine, &engine.url().await)).await;
        Self { scene: scene.hiding(&front.port(), "PORT"), front, authority }
    }

    /// Reached by that URL, with that file.
    fn reached(mut self, url: &str, ca_file: &str) -> Self {
        let url = url.replace("PORT", &self.front.port().to_string());
        self.scene.home = self.scene.home.variable("PREJOIN__ENGINE__URL", &url);
        if !ca_file.is_empty() {
            self.scene.home = self.scene.home.variable("PREJOIN__ENGINE__CA_FILE", ca_file);
        }
        self
    }

    /// What is said when it is reached so, which it cannot be.
    async fn told(self, url: &str, ca_file: &str) -> String {
        let file = self.authority.file(self.scene.home.path()).display().to_string();
        let refused = self.reached(url, ca_file);
        let told = refused.scene.told(&refused.scene.run().await);
        refused.reached("https://127.0.0.1:PORT", &file).scene.is_unharmed().await;
        told
    }

    fn file(&self) -> String {
        self.authority.file(self.scene.home.path()).display().to_string()
    }
}

#[tokio::test]
async fn the_right_authority_vouches_for_the_engine() {
    let front = Front::new().await;
    let file = front.file();
    let front = front.reached("https://127.0.0.1:PORT", &file);
    front.scene.is_unharmed().await;
}

#[tokio::test]
async fn an_engine_of_another_authority() {
    let front = Front::new().await;
    let other = Authority::new().file(front.scene.home.path()).display().to_string();
    let told = front.told("https://127.0.0.1:PORT", &other).await;
    insta::allow_duplicates! { insta::assert_snapshot!(told, @"
    exit 2
    error: the engine at https://127.0.0.1:PORT is not trusted: invalid peer certificate: UnknownIssuer

    hint: `engine.ca_file` has to hold the authority that signed the engine's certificate, and that has to be for the host in `engine.url`
    ") }
    // No file at all: only the public authorities are trusted.
    let public = Front::new().await.told("https://127.0.0.1:PORT", "").await;
    assert_eq!(public, told);
}

#[tokio::test]
async fn an_engine_of_another_name() {
    let front = Front::new().await;
    let file = front.file();
    let told = front.told(&format!("https://{ANOTHER_NAME}:PORT"), &file).await;
    insta::allow_duplicates! { insta::assert_snapshot!(told, @r#"
    exit 2
    error: the engine at https://0.0.0.0:PORT is not trusted: invalid peer certificate: certificate not valid for name "0.0.0.0"; certificate is only valid for DnsName("localhost") or IpAddress(127.0.0.1)

    hint: `engine.ca_file` has to hold the authority that signed the engine's certificate, and that has to be for the host in `engine.url`
    "#) }
}

#[tokio::test]
async fn an_engine_that_speaks_no_tls() {
    let front = Front::new().await;
    let plain = Url::parse(&TestEngine::OpenSearch.url().await).unwrap().port().unwrap();
    let (file, url) = (front.file(), format!("https://127.0.0.1:{plain}"));
    let told = front.told(&url, &file).await.replace(&plain.to_string(), "PORT");
    insta::allow_duplicates! { insta::assert_snapshot!(told, @"
    exit 2
    error: the engine at https://127.0.0.1:PORT cannot be reached: received corrupt message of type InvalidContentType

    hint: does the engine speak TLS there? if not, write http:// in `engine.url`
    ") }
    let front = Front::new().await;
    let (file, url) = (front.file(), format!("http://127.0.0.1:{plain}"));
    let told = front.told(&url, &file).await;
    insta::allow_duplicates! { insta::assert_snapshot!(told, @"
    exit 2
    error: `engine.ca_file` is given, but `engine.url` is not https

    hint: write https://
    ") }
}

#[tokio::test]
async fn an_engine_that_speaks_nothing_but_tls() {
    let told = Front::new().await.told("http://127.0.0.1:PORT", "").await;
    insta::allow_duplicates! { insta::assert_snapshot!(told, @"
    exit 2
    error: the engine at http://127.0.0.1:PORT closed the connection before it answered: invalid HTTP version parsed

    hint: does the engine speak TLS there? if so, write https:// in `engine.url`
    ") }
}

#[tokio::test]
async fn an_engines_file_that_holds_no_authority() {
    let front = Front::new().await;
    let file = front.scene.home.path().join("empty.pem");
    std::fs::write(&file, "nothing of use\n").unwrap();
    let told = front.told("https://127.0.0.1:PORT", &file.display().to_string()).await;
    insta::allow_duplicates! { insta::assert_snapshot!(told, @"
    exit 2
    error: engine.ca_file HOME/empty.pem: no PEM certificate: could not find PEM certificate in input data
    ") }
}
