//! An index of one's own, and the API in front of it.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use prejoin::api::{AppState, Served, router};
use prejoin::mapping::Mapping;
use prejoin::query::{Fields, SearchRequest, Signer, parse};
use prejoin::sink::{self, Client, Method};
use serde_json::{Value, json};
use tower::ServiceExt;
use uuid::Uuid;

use super::documents;

const KEY: &[u8] = b"a key that only tests know";

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

impl Api {
    /// The API over an index of the generated documents.
    pub(super) async fn filled(client: Client) -> Self {
        Self::with(client, &documents::all()).await
    }

    /// The API over an index of these documents.
    pub(super) async fn with(client: Client, documents: &[Value]) -> Self {
        let mapping = documents::mapping_on(client.engine().flavor);
        let mappings = mapping.body();
        let api = Self::over(client, mapping);
        let index = format!("{}-000001", api.alias);
        let mut body = json!({"mappings": mappings, "aliases": {}});
        body["settings"] = json!({"number_of_shards": 2, "number_of_replicas": 0});
        body["aliases"][&api.alias] = json!({});
        api.client.call(Method::Put, &[&index], &[], Some(&body)).await.unwrap();
        let lines = documents.iter().map(|document| {
            let id = &document["_prejoin"]["id"];
            format!("{}\n{document}\n", json!({"index": {"_id": id}}))
        });
        let lines = sink::Body::Lines(lines.collect::<String>().into());
        let refresh = [("refresh", "true")];
        let answer = api.client.send(Method::Post, &[&index, "_bulk"], &refresh, lines).await;
        let answer: Value = answer.unwrap().json().unwrap();
        assert_eq!(answer["errors"], false, "{answer}");
        api
    }

    /// The API over an index that is not there.
    pub(super) fn over(client: Client, mapping: Mapping) -> Self {
        let alias = format!("test-api-{}", Uuid::new_v4().simple());
        let fields = Fields::new(&mapping);
        let served = Served { alias: alias.clone(), mapping };
        let state = AppState::new(client.clone(), Signer::new(KEY).unwrap(), vec![served]);
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

    pub(super) async fn send(&self, request: Request<Body>) -> Reply {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let header = |name: &str| {
            parts
                .headers
                .get(name)
                .map(|value| value.to_str().unwrap().to_owned())
                .unwrap_or_default()
        };
        let content_type = header("content-type");
        let text = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
        Reply { status: parts.status.as_u16(), content_type, headers: parts.headers, text }
    }

    pub(super) async fn remove(self) {
        let index = format!("{}-000001", self.alias);
        self.client.call(Method::Delete, &[&index], &[], None).await.unwrap();
    }
}
