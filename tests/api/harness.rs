//! An index of one's own, and the API in front of it.

use std::collections::BTreeMap;
use std::path::Path;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use axum::http::response::Parts;
use prejoin::access::Access;
use prejoin::api::{AppState, router};
use prejoin::config::{ApiConfig, Config, EngineConfig, LoadConfig, RunConfig};
use prejoin::mapping::Mapping;
use prejoin::query::{Fields, SearchRequest, Signer, parse};
use prejoin::sink::{self, Answer, Client, Method};
use prejoin::state::State;
use serde_json::{Value, json};
use tower::ServiceExt;
use uuid::Uuid;

use super::documents;

/// Signs the cursors.
pub(super) const KEY: &[u8] = b"a key that only tests know";

/// The API over one index, in this process.
pub(super) struct Api {
    pub(super) alias: String,
    pub(super) client: Client,
    pub(super) fields: Fields,
    router: Router,
}

/// What was answered.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) content_type: String,
    pub(super) headers: axum::http::HeaderMap,
    pub(super) text: String,
}

impl Reply {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    /// Status, media type and problem, with what differs from run to run named instead.
    pub(super) fn shown(&self, alias: &str) -> String {
        let text = self.text.replace(alias, "ALIAS");
        let mut json: Value = serde_json::from_str(&text).unwrap();
        json["request_id"] = "ID".into();
        format!("{} {}\n{json:#}", self.status, self.content_type)
    }

    pub(super) fn ids(&self) -> Vec<String> {
        let json = self.json();
        let rows = json["data"].as_array().unwrap_or_else(|| panic!("no rows: {json}"));
        rows.iter().map(|row| row["_id"].as_str().unwrap().to_owned()).collect()
    }
}

/// The configuration of a server of searches, which loads nothing.
pub(super) fn serving(engine: EngineConfig, api: ApiConfig) -> Config {
    let load = LoadConfig {
        page_rows: 1,
        page_bytes: 1,
        bulk_bytes: 1,
        bulk_in_flight: 1,
        bulk_tuning: true,
        cache_bytes: 1,
        readers: 1,
        range_rows: 1,
    };
    Config {
        home: Path::new(".").to_owned(),
        engine,
        sources: BTreeMap::new(),
        load,
        run: RunConfig::default(),
        api,
        mask_key: None,
    }
}

/// What the names of its state's indexes begin with.
pub(super) fn state_prefix(alias: &str) -> String {
    format!("{alias}-kept")
}

impl Api {
    /// The API over an index of the generated documents.
    pub(super) async fn filled(client: Client) -> Self {
        Self::with(client, &documents::all()).await
    }

    /// The API over an index of these documents.
    pub(super) async fn with(client: Client, documents: &[Value]) -> Self {
        let api = Self::empty(client).await;
        api.fill(documents).await;
        api
    }

    /// Writes these documents into the first generation of its index.
    pub(super) async fn fill(&self, documents: &[Value]) {
        self.put(1, documents).await;
    }

    /// Writes documents to that generation of the index.
    pub(super) async fn put(&self, generation: usize, documents: &[Value]) {
        if documents.is_empty() {
            return;
        }
        let lines = documents.iter().map(|document| {
            let id = &document["_prejoin"]["id"];
            format!("{}\n{document}\n", json!({"index": {"_id": id}}))
        });
        self.bulk(generation, lines.collect()).await;
    }

    /// Sends a bulk request to that generation of the index.
    pub(super) async fn bulk(&self, generation: usize, lines: String) {
        let index = format!("{}-{generation:06}", self.alias);
        let lines = sink::Body::Lines(lines.into());
        let refresh = [("refresh", "true")];
        let answer = self.client.send(Method::Post, &[&index, "_bulk"], &refresh, lines).await;
        let answer: Value = answer.unwrap().json().unwrap();
        let items = answer["items"].as_array().unwrap().iter();
        let wrong = items.flat_map(|item| item.as_object().unwrap().values());
        let wrong: Vec<_> = wrong.filter(|item| !item["error"].is_null()).collect();
        assert!(wrong.is_empty(), "{wrong:?}");
    }

    /// The API over an index without documents.
    pub(super) async fn empty(client: Client) -> Self {
        let mapping = documents::mapping_on(client.engine().flavor);
        let api = Self::over(client, &mapping);
        api.create(1, &mapping.body()).await;
        api
    }

    /// Creates that generation of the index, and gives it the alias in place of the one before.
    pub(super) async fn create(&self, generation: usize, mappings: &Value) {
        self.create_with(generation, mappings, &json!({})).await.success().unwrap();
    }

    /// The same with analyzers; says what the engine answers to that, which may have none of them.
    pub(super) async fn create_with(
        &self,
        generation: usize,
        mappings: &Value,
        analysis: &Value,
    ) -> Answer {
        let index = |generation: usize| format!("{}-{generation:06}", self.alias);
        let settings =
            json!({"number_of_shards": 2, "number_of_replicas": 0, "analysis": analysis});
        let body = json!({"mappings": mappings, "settings": settings});
        let new = index(generation);
        let created = self.client.send(Method::Put, &[&new], &[], &body).await.unwrap();
        if !created.is_success() {
            return created;
        }
        let mut actions = vec![json!({"add": {"index": new, "alias": self.alias}})];
        if generation > 1 {
            actions.push(json!({"remove": {"index": index(generation - 1), "alias": self.alias}}));
        }
        let swap = json!({"actions": actions});
        self.client.call(Method::Post, &["_aliases"], &[], Some(&swap)).await.unwrap();
        created
    }

    /// The same API, with another way to the engine.
    pub(super) fn through(&self, client: Client) -> Self {
        Self::at(client, self.alias.clone(), self.fields.clone(), &ApiConfig::default())
    }

    /// The same API, with another way to the engine and by other settings.
    pub(super) fn through_configured(&self, client: Client, config: &ApiConfig) -> Self {
        Self::at(client, self.alias.clone(), self.fields.clone(), config)
    }

    /// The same index, by other settings.
    pub(super) fn configured(&self, config: &ApiConfig) -> Self {
        Self::at(self.client.clone(), self.alias.clone(), self.fields.clone(), config)
    }

    /// The API over an index that is not there.
    pub(super) fn over(client: Client, mapping: &Mapping) -> Self {
        let alias = format!("test-api-{}", Uuid::new_v4().simple());
        Self::at(client, alias, Fields::new(mapping), &ApiConfig::default())
    }

    fn at(client: Client, alias: String, fields: Fields, config: &ApiConfig) -> Self {
        let signer = Signer::new(KEY).unwrap();
        let remembered = State::new(client.clone(), &state_prefix(&alias));
        let kept = (client.clone(), remembered);
        let access = Access::new(config).unwrap();
        let state = AppState::new(kept, signer, vec![alias.clone()], config, access);
        Self { alias, client, fields, router: router(state) }
    }

    pub(super) fn path(&self) -> String {
        format!("/v1/{}/search", self.alias)
    }

    pub(super) fn parsed(&self, body: &Value) -> SearchRequest {
        parse(&self.fields, body.to_string().as_bytes())
            .unwrap_or_else(|refusal| panic!("{refusal}\n{body}"))
    }

    /// One search.
    pub(super) async fn search(&self, body: &Value) -> Reply {
        self.search_text(&body.to_string()).await
    }

    pub(super) async fn search_text(&self, body: &str) -> Reply {
        let request = Request::post(self.path()).header("content-type", "application/json");
        self.send(request.body(Body::from(body.to_owned())).unwrap()).await
    }

    fn export(&self, body: String) -> Request<Body> {
        let path = format!("/v1/{}/export", self.alias);
        let request = Request::post(path).header("content-type", "application/json");
        request.body(Body::from(body)).unwrap()
    }

    /// One export, whose file is text.
    pub(super) async fn export_text(&self, body: &str) -> Reply {
        self.send(self.export(body.to_owned())).await
    }

    /// The answer to an export, its body not taken yet.
    pub(super) async fn answer(&self, body: &Value) -> axum::response::Response {
        self.router.clone().oneshot(self.export(body.to_string())).await.unwrap()
    }

    /// One search by query string.
    pub(super) async fn get(&self, query: &str) -> Reply {
        let path = format!("/v1/{}?{query}", self.alias);
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// What is answered, as it travels.
    pub(super) async fn raw(&self, request: Request<Body>) -> (Parts, Vec<u8>) {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        (parts, to_bytes(body, usize::MAX).await.unwrap().to_vec())
    }

    pub(super) async fn send(&self, request: Request<Body>) -> Reply {
        let (parts, body) = self.raw(request).await;
        let header = |name: &str| {
            parts
                .headers
                .get(name)
                .map(|value| value.to_str().unwrap().to_owned())
                .unwrap_or_default()
        };
        let content_type = header("content-type");
        let text = String::from_utf8(body).unwrap();
        Reply { status: parts.status.as_u16(), content_type, headers: parts.headers, text }
    }

    pub(super) async fn remove(self) {
        let index = format!("{}-000001", self.alias);
        self.client.call(Method::Delete, &[&index], &[], None).await.unwrap();
    }
}
