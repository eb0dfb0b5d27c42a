//! What a role does not see has no bearing on what it is answered.
//!
//! One caller asks three indexes the same: one with everything in it; one whose hidden rows and hidden values are others;
//! and one that never had them, neither in its documents nor in its mapping. What is answered is the same to the byte.

use axum::body::Body;
use axum::http::Request;
use prejoin::access::keys;
use prejoin::config::{ApiConfig, AuthConfig, KeyConfig};
use prejoin::query::RowFilter;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Map, Value, json};

use super::documents::{self, Dice, STATUSES};
use super::evaluator;
use super::generator::Generator;
use super::harness::{Api, Reply};
use crate::support::engines::{TestEngine, on_both_engines};

/// What a role may not see, and what it sees masked.
struct Limits {
    rows: Option<Value>,
    hidden: Vec<&'static str>,
    masked: Vec<&'static str>,
}

const PATHS: &str = "title memo status tags amount rate price serial paid signed_at manager.name manager.team \
                     settlements.status settlements.amount settlements.payer settlements.lines";

fn paths() -> Vec<&'static str> {
    PATHS.split(' ').collect()
}

fn filters() -> [Value; 6] {
    let claim = "${claims.mine}";
    [
        json!({"status": {"eq": claim}}),
        json!({"tags": {"in": claim}}),
        json!({"not": {"status": {"eq": claim}}}),
        json!({"settlements": {"some": {"status": {"eq": claim}}}}),
        json!({"or": [{"paid": {"eq": true}}, {"manager.team.name": {"eq": claim}}]}),
        json!({"status": {"ne": claim}, "amount": {"exists": true}}),
    ]
}

impl Limits {
    fn drawn(dice: &mut Dice) -> Self {
        let rows = (!dice.one_in(5)).then(|| {
            let filters = filters();
            filters[dice.below(filters.len())].clone()
        });
        let mut paths = paths();
        let mut drawn = |most: usize| {
            let count = 1 + dice.below(most);
            (0..count).map(|_| paths.swap_remove(dice.below(paths.len()))).collect::<Vec<_>>()
        };
        Self { rows, hidden: drawn(3), masked: drawn(2) }
    }

    /// The API's settings with this as its only role, for the holder of `key`; where there never was anything to hide,
    /// nothing is hidden.
    fn config(&self, alias: &str, key: &str, has_secrets: bool) -> ApiConfig {
        let masked: Map<String, Value> =
            self.masked.iter().map(|path| ((*path).to_owned(), json!("all"))).collect();
        let mut index = json!({"fields": ["*"], "masked": masked});
        if has_secrets {
            index["hidden"] = json!(self.hidden);
        }
        if has_secrets && let Some(filter) = &self.rows {
            index["filter"] = filter.clone();
        }
        let operations = json!(["search", "get", "facet", "aggregate", "export"]);
        let role = json!({"operations": operations, "indexes": {alias: index}});
        let key = KeyConfig {
            name: "ada".to_owned(),
            sha256: keys::hash(key),
            role: "viewer".to_owned(),
            claims: claims(),
        };
        ApiConfig {
            auth: AuthConfig::Known { keys: vec![key], jwt: None },
            roles: serde_json::from_value(json!({"viewer": role})).unwrap(),
            ..ApiConfig::default()
        }
    }

    fn hides(&self, path: &str) -> bool {
        self.hidden.iter().any(|hidden| is_below(path, hidden))
    }

    fn masks(&self, path: &str) -> bool {
        self.masked.iter().any(|masked| is_below(path, masked))
    }
}

fn is_below(path: &str, above: &str) -> bool {
    path.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn claims() -> Map<String, Value> {
    Map::from_iter([("mine".to_owned(), json!(STATUSES[2]))])
}

/// Takes the value at each path of a document apart for `change`, lists element by element. `None` takes it away.
fn edit(
    value: &Value,
    path: &str,
    change: &mut impl FnMut(&str, &Value) -> Option<Value>,
) -> Value {
    match value {
        Value::Object(members) => {
            let kept = members.iter().filter_map(|(name, value)| {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                if path.starts_with("_prejoin") {
                    return Some((name.clone(), value.clone()));
                }
                let changed = change(&path, value)?;
                Some((name.clone(), edit(&changed, &path, change)))
            });
            Value::Object(kept.collect())
        }
        Value::Array(elements) if elements.iter().all(Value::is_object) => {
            elements.iter().map(|element| edit(element, path, change)).collect()
        }
        other => other.clone(),
    }
}

/// The three indexes, and a way to ask each.
struct Worlds {
    key: String,
    apis: Vec<Api>,
}

impl Worlds {
    async fn made(engine: TestEngine, limits: &Limits, dice: &mut Dice) -> Self {
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
        let mut replies = Vec::new();
        let mut told: Vec<String> = Vec::new();
        for api in &self.apis {
            let mut request = request(api);
            request.headers_mut().insert("x-api-key", self.key.parse().unwrap());
            let reply = api.send(request).await;
            told.push(format!("{} {}", reply.status, steady(&reply, &api.alias)));
            replies.push(reply);
        }
        assert_eq!(told[0], told[1], "hidden values matter to {what}");
        assert_eq!(told[0], told[2], "that there are hidden values matters to {what}");
        replies
    }

    async fn search(&self, body: &Value) -> Vec<Reply> {
        let text = body.to_string();
        self.ask(&text, |api| {
            let post = Request::post(api.path()).header("content-type", "application/json");
            post.body(Body::from(text.clone())).unwrap()
        })
        .await
    }

    /// The pages after the first, each world by its own cursors.
    async fn page_on(&self, body: &Value, mut replies: Vec<Reply>) -> usize {
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

    async fn export(&self, body: &Value) -> Vec<Reply> {
        let text = body.to_string();
        self.ask(&text, |api| {
            let post = Request::post(format!("/v1/{}/export", api.alias));
            let post = post.header("content-type", "application/json");
            post.body(Body::from(text.clone())).unwrap()
        })
        .await
    }

    async fn get(&self, rest: &str) -> Vec<Reply> {
        self.ask(rest, |api| {
            Request::get(format!("/v1/{}{rest}", api.alias)).body(Body::empty()).unwrap()
        })
        .await
    }
}

/// Hidden values as another document has them; and masked ones, where there is one.
fn with_other_secrets(document: &Value, stranger: &Value, limits: &Limits) -> Value {
    let needed = |path: &str| {
        limits
            .rows
            .as_ref()
            .is_some_and(|rows| rows.to_string().contains(path.split('.').next().unwrap_or(path)))
    };
    edit(document, "", &mut |path, value| {
        if needed(path) {
            return Some(value.clone());
        }
        let other = path.split('.').try_fold(stranger, |value, name| value.get(name));
        if limits.hides(path) {
            return other.cloned();
        }
        match (value, other) {
            (Value::String(_), Some(Value::String(_)))
            | (Value::Number(_), Some(Value::Number(_)))
                if limits.masks(path) =>
            {
                other.cloned()
            }
            _ => Some(value.clone()),
        }
    })
}

/// Takes the hidden fields out of a mapping.
fn strip(properties: &mut Value, parent: &str, limits: &Limits) {
    let Some(members) = properties.as_object_mut() else { return };
    let path =
        |name: &str| if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") };
    members.retain(|name, _| !limits.hides(&path(name)));
    for (name, field) in members {
        if let Some(inner) = field.get_mut("properties") {
            strip(inner, &path(name), limits);
        }
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
    }
    json.to_string()
}

on_both_engines!(what_is_hidden_does_not_matter);

async fn what_is_hidden_does_not_matter(engine: TestEngine) {
    let seed = std::env::var("PREJOIN_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(rand::random);
    println!("PREJOIN_TEST_SEED={seed}");
    let mut dice = Dice(StdRng::seed_from_u64(seed));
    let (mut answered, mut refused, mut pages) = (0, 0, 0);
    for round in 0..3 {
        let limits = Limits::drawn(&mut dice);
        println!("rows {:?}, hidden {:?}, masked {:?}", limits.rows, limits.hidden, limits.masked);
        let worlds = Worlds::made(engine, &limits, &mut dice).await;
        let mut generator = Generator::new(seed.wrapping_add(round));
        for _ in 0..60 {
            let mut body = generator.search();
            if dice.one_in(3) {
                let fields: Vec<&str> = (0..3).map(|_| dice.pick(&paths())).collect();
                body["fields"] = json!(fields);
            }
            let replies = worlds.search(&body).await;
            match replies[0].status {
                200 => {
                    answered += 1;
                    pages += worlds.page_on(&body, replies).await;
                }
                400 => refused += 1,
                other => panic!("{other} for {body}"),
            }
        }
        for field in [
            "no",
            "title",
            "status",
            "tags",
            "manager.name",
            "settlements.status",
            "settlements.lines.code",
        ] {
            let typed = dice.pick(&["", "%EA%B9%80", "a", "o", "K-00"]);
            worlds.get(&format!(":facet?field={field}&prefix={typed}")).await;
        }
        files_are_as_if_it_never_was(&worlds, &mut generator).await;
        names_are_as_if_they_never_were(&worlds, &limits).await;
        documents_are_there_or_not(&worlds, &limits).await;
        for api in worlds.apis {
            api.remove().await;
        }
    }
    println!("{answered} searches answered, {refused} refused, {pages} pages more");
    assert!(answered > 15 && refused > 15, "{answered} answered, {refused} refused");
}

/// All rows and columns that are shown, of all documents and of some.
async fn files_are_as_if_it_never_was(worlds: &Worlds, generator: &mut Generator) {
    for body in [json!({}), json!({"format": "ndjson"}), json!({"explode": "settlements"})] {
        worlds.export(&body).await;
    }
    let mut files = 0;
    for _ in 0..10 {
        let search = generator.search();
        let body = json!({"filter": search["filter"], "sort": search["sort"], "format": "ndjson",
            "columns": ["_id", "title", "settlements", {"path": "settlements.amount", "as": "sum"}]});
        files += usize::from(worlds.export(&body).await[0].status == 200);
        worlds.export(&json!({"filter": search["filter"], "sort": search["sort"]})).await;
    }
    println!("{files} files with columns");
}

/// The third index never had the name: what it says is what is said of a name that is nowhere.
async fn names_are_as_if_they_never_were(worlds: &Worlds, limits: &Limits) {
    let mut names: Vec<String> = Vec::new();
    for path in limits.hidden.iter().chain(&limits.masked) {
        names.push((*path).to_owned());
        // A slip of the pen, for which the name itself would be the suggestion.
        names.push(format!("{path}x"));
        names.push(path.chars().skip(1).collect());
    }
    for name in &names {
        let inner = name.strip_prefix("settlements.");
        let inner =
            inner.map(|inner| json!({"filter": {"settlements": {"some": {inner: {"in": ["a"]}}}}}));
        let bodies = [
            json!({"filter": {name: {"eq": "a"}}}),
            json!({"filter": {name: {"exists": true}}}),
            json!({"filter": {name: {"some": {"a": {"eq": 1}}}}}),
            json!({"sort": [{"field": name}]}),
            json!({"fields": [name]}),
            json!({"q": {"text": "김철수", "fields": [name]}}),
            json!({"q": {"text": "김철수"}, "highlight": [name]}),
            json!({"facets": {name: {"type": "terms"}}}),
            json!({"facet_filters": {name: {"in": ["a"]}}}),
            json!({"aggregate": {"a": {"type": "group", "by": [name], "metrics": {"m": {"sum": name}}}}}),
        ];
        for body in bodies.into_iter().chain(inner) {
            let replies = worlds.search(&body).await;
            let hidden = limits.hidden.contains(&name.as_str());
            assert!(!hidden || replies[0].status == 400, "{body}: {}", replies[0].text);
        }
        let exports = [
            json!({"columns": [name]}),
            json!({"columns": ["no", {"path": name, "as": "count"}]}),
            json!({"columns": ["no", {"path": name, "as": "sum"}]}),
            json!({"explode": name}),
        ];
        for body in exports {
            let replies = worlds.export(&body).await;
            let hidden = limits.hidden.contains(&name.as_str());
            assert!(!hidden || replies[0].status == 400, "{body}: {}", replies[0].text);
        }
        worlds.get(&format!("/c001?fields={name}")).await;
        for query in
            ["{}=eq.a", "{}=is.null", "sort=-{}", "fields={}", "not.{}=in.(a,b)", "or=({}.eq.a)"]
        {
            worlds.get(&format!("?{}", query.replace("{}", name))).await;
        }
        for query in ["field={}", "field={}&prefix=a", "field=no&{}=a"] {
            worlds.get(&format!(":facet?{}", query.replace("{}", name))).await;
        }
    }
}

async fn documents_are_there_or_not(worlds: &Worlds, limits: &Limits) {
    let (mut there, mut gone) = (0, 0);
    for document in documents::all().iter().take(40) {
        let id = document["_prejoin"]["id"].as_str().unwrap();
        match worlds.get(&format!("/{id}")).await[0].status {
            200 => there += 1,
            404 => gone += 1,
            other => panic!("{other} for {id}"),
        }
    }
    assert!(limits.rows.is_none() || gone > 0, "{there} there, {gone} gone");
}
