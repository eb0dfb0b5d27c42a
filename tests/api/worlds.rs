//! Three indexes that a role sees the same of: one with everything in it; one whose hidden rows and values are others; and one
//! that never had them. Each request is asked of all three, and has to be answered the same to the byte.

use axum::body::Body;
use axum::http::Request;
use prejoin::access::keys;
use prejoin::query::RowFilter;
use serde_json::{Map, Value};

use super::documents::{self, Dice};
use super::evaluator;
use super::harness::{Api, Reply};
use super::hidden::{Limits, claims, edit, strip, with_other_secrets};
use crate::support::engines::TestEngine;

/// The three indexes, and a way to ask each.
pub(super) struct Worlds {
    key: String,
    pub(super) apis: Vec<Api>,
}

impl Worlds {
    pub(super) async fn made(engine: TestEngine, limits: &Limits, dice: &mut Dice) -> Self {
        let client = engine.client().await;
        let key = keys::draw();
        let whole = documents::all();
        let strangers = documents::drawn(dice);
        let mapping = documents::mapping_on(client.engine().flavor);
        let fields = prejoin::query::Fields::new(&mapping);
        let rows = limits
            .rows
            .clone()
            .map(|rows| RowFilter::new(rows).unwrap().of(&fields, &claims()).unwrap());
        let visible = |document: &&Value| {
            rows.as_ref().is_none_or(|rows| evaluator::holds_for(document, rows))
        };
        let mut others: Vec<Value> = Vec::new();
        for (document, stranger) in whole.iter().zip(&strangers) {
            if visible(&document) {
                others.push(with_other_secrets(document, stranger, limits));
            }
        }
        let hidden = strangers.iter().filter(|document| !visible(document));
        let count = others.len();
        others.extend(hidden.map(|document| {
            let mut document = document.clone();
            let id = format!("x{}", document["_prejoin"]["id"].as_str().unwrap());
            document["_prejoin"]["id"] = id.into();
            document
        }));
        assert!(limits.rows.is_none() || count < whole.len(), "no row is hidden");
        let never: Vec<Value> = whole
            .iter()
            .filter(visible)
            .map(|document| {
                edit(document, "", &mut |path, value| (!limits.hides(path)).then(|| value.clone()))
            })
            .collect();
        let mut bare = mapping.body();
        strip(&mut bare["properties"], "", limits);
        let apis = vec![
            Self::world(&client, &mapping.body(), &whole, limits, &key, true).await,
            Self::world(&client, &mapping.body(), &others, limits, &key, true).await,
            Self::world(&client, &bare, &never, limits, &key, false).await,
        ];
        Self { key, apis }
    }

    async fn world(
        client: &prejoin::sink::Client,
        mappings: &Value,
        documents: &[Value],
        limits: &Limits,
        key: &str,
        has_secrets: bool,
    ) -> Api {
        let api = Api::over(client.clone(), &documents::mapping());
        api.create(1, mappings).await;
        api.fill(documents).await;
        api.configured(&limits.config(&api.alias, key, has_secrets))
    }

    /// What all three answer to one request; fails when they do not answer the same.
    async fn ask(&self, what: &str, request: impl Fn(&Api) -> Request<Body>) -> Vec<Reply> {
        let asked = self.apis.iter().map(|api| {
            let mut request = request(api);
            request.headers_mut().insert("x-api-key", self.key.parse().unwrap());
            api.send(request)
        });
        let replies = futures::future::join_all(asked).await;
        let told = replies
            .iter()
            .zip(&self.apis)
            .map(|(reply, api)| format!("{} {}", reply.status, steady(reply, &api.alias)));
        let told: Vec<String> = told.collect();
        assert_eq!(told[0], told[1], "hidden values matter to {what}");
        assert_eq!(told[0], told[2], "that there are hidden values matters to {what}");
        replies
    }

    pub(super) async fn search(&self, body: &Value) -> Vec<Reply> {
        let text = body.to_string();
        self.ask(&text, |api| {
            let post = Request::post(api.path()).header("content-type", "application/json");
            post.body(Body::from(text.clone())).unwrap()
        })
        .await
    }

    /// What the engine would be sent.
    pub(super) async fn explain(&self, body: &Value) -> Vec<Reply> {
        let text = body.to_string();
        self.ask(&format!("explain {text}"), |api| {
            let path = format!("/v1/{}/explain", api.alias);
            let post = Request::post(path).header("content-type", "application/json");
            post.body(Body::from(text.clone())).unwrap()
        })
        .await
    }

    /// The pages after the first, each world by its own cursors.
    pub(super) async fn page_on(&self, body: &Value, mut replies: Vec<Reply>) -> usize {
        let mut pages = 0;
        while replies[0].json()["page"]["has_next"] == true && pages < 3 {
            let after: Vec<Value> =
                replies.iter().map(|reply| reply.json()["page"]["next"].clone()).collect();
            let bodies: Vec<(String, String)> = self
                .apis
                .iter()
                .zip(after)
                .map(|(api, after)| {
                    let mut body = body.clone();
                    body["page"]["after"] = after;
                    (api.alias.clone(), body.to_string())
                })
                .collect();
            replies = self
                .ask(&format!("a later page of {body}"), |api| {
                    let body = bodies.iter().find(|(alias, _)| *alias == api.alias).unwrap();
                    let post = Request::post(api.path()).header("content-type", "application/json");
                    post.body(Body::from(body.1.clone())).unwrap()
                })
                .await;
            pages += 1;
        }
        pages
    }

    pub(super) async fn export(&self, body: &Value) -> Vec<Reply> {
        let text = body.to_string();
        self.ask(&text, |api| {
            let post = Request::post(format!("/v1/{}/export", api.alias));
            let post = post.header("content-type", "application/json");
            post.body(Body::from(text.clone())).unwrap()
        })
        .await
    }

    pub(super) async fn get(&self, rest: &str) -> Vec<Reply> {
        self.ask(rest, |api| {
            Request::get(format!("/v1/{}{rest}", api.alias)).body(Body::empty()).unwrap()
        })
        .await
    }
}

/// An answer without what differs from one to the next: times, ids of requests, names of indexes, and cursors, which are
/// signed for their index.
fn steady(reply: &Reply, alias: &str) -> String {
    let text = reply.text.replace(alias, "ALIAS");
    // A file has none of that.
    if reply.headers.contains_key("content-disposition") {
        return text;
    }
    let mut json: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("no JSON: {text}"));
    if let Some(members) = json.as_object_mut() {
        members.remove("request_id");
        if let Some(meta) = members.get_mut("meta").and_then(Value::as_object_mut) {
            meta.retain(|name, _| name == "index");
        }
        if let Some(next) = members.get_mut("page").and_then(|page| page.get_mut("next")) {
            *next = next.is_string().into();
        }
        let aggregates = members.get_mut("aggregates").and_then(Value::as_object_mut);
        for next in
            aggregates.into_iter().flat_map(Map::values_mut).filter_map(|it| it.get_mut("next"))
        {
            *next = next.is_string().into();
        }
    }
    json.to_string()
}
