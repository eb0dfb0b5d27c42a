//! Words that are nearly the same are found where that is asked for, and only where it means something.

use axum::body::Body;
use axum::http::Request;
use prejoin::access::keys;
use prejoin::config::{ApiConfig, AuthConfig, KeyConfig};
use prejoin::mapping::Mapping;
use serde_json::{Map, Value, json};

use super::harness::Api;
use crate::support::engines::{TestEngine, on_both_engines};

on_both_engines!(
    nearly_the_same_words_are_found_behind_the_very_ones,
    what_does_not_keep_words_finds_the_very_ones,
    as_many_near_words_as_are_accepted_are_answered,
    near_words_do_not_tell_of_rows_that_are_not_seen,
);

async fn over(engine: TestEngine, properties: Value, analysis: &Value, documents: &[Value]) -> Api {
    let file = json!({"mappings": {"properties": properties}}).to_string();
    let mapping = Mapping::parse(std::path::Path::new("mappings/a.json"), &file).unwrap();
    let api = Api::over(engine.client().await, &mapping);
    api.create_with(1, &mapping.body(), analysis).await.success().unwrap();
    let each = documents.iter().enumerate().map(|(number, document)| {
        let mut document = document.clone();
        document["_prejoin"] = json!({"id": number.to_string()});
        document
    });
    api.fill(&each.collect::<Vec<_>>()).await;
    api
}

async fn nearly_the_same_words_are_found_behind_the_very_ones(engine: TestEngine) {
    let properties = json!({
        "title": {"type": "text", "fields": {"raw": {"type": "keyword"}}}, "memo": {"type": "text"},
        "lines": {"type": "nested", "properties": {"text": {"type": "text"}}},
    });
    let documents = [
        json!({"title": "Maintenence fee"}),
        json!({"title": "yearly maintenance"}),
        json!({"title": "naintenance"}),
        json!({"title": "김철수", "memo": "K20260005"}),
        json!({"title": "김철호", "memo": "K20260006"}),
        json!({"lines": [{"text": "contract"}, {"text": "maintenanse"}]}),
        json!({"title": "maintenance fee"}),
    ];
    let api = over(engine, properties, &json!({}), &documents).await;
    let cases: [(&str, Value, &[&str]); 9] = [
        ("maintenance", json!({}), &["1", "6"]),
        ("maintenance", json!({"fuzzy": false}), &["1", "6"]),
        ("maintenance", json!({"fuzzy": true}), &["1", "6", "0", "5"]),
        ("\"Maintenanec\", contract", json!({"fuzzy": true}), &["5"]),
        ("maintenance fe", json!({"fuzzy": true}), &[]),
        ("maintenance fees", json!({"fuzzy": true, "fields": ["title"]}), &["6", "0"]),
        ("maintenance fees", json!({"fuzzy": true, "mode": "any"}), &["6", "0", "1", "5"]),
        ("김철수", json!({"fuzzy": true}), &["3"]),
        ("K20260005", json!({"fuzzy": true}), &["3"]),
    ];
    for (text, mut q, expected) in cases {
        q["text"] = text.into();
        let reply = api.search(&json!({"q": q})).await;
        assert_eq!(reply.status, 200, "{q}: {}", reply.text);
        assert_eq!(reply.ids(), expected, "{q}");
    }
    let body = json!({"q": {"text": "maintenance", "fields": ["title"], "fuzzy": true}, "highlight": true, "fields": []});
    let (posted, got) = (
        api.search(&body).await.json(),
        api.get("q=maintenance&q.fields=title&q.fuzzy=true&highlight=true&fields=_id").await.json(),
    );
    assert_eq!(posted["highlights"]["0"]["title"], json!(["<mark>Maintenence</mark> fee"]));
    assert_eq!((&got["highlights"], &got["total"]), (&posted["highlights"], &posted["total"]));
    let refused = api.search(&json!({"q": {"text": "a b", "mode": "phrase", "fuzzy": true}})).await;
    assert_eq!((refused.status, &refused.json()["code"]), (400, &json!("invalid_value")));
    api.remove().await;
}

/// Of pairs of characters and of an analyzer that nobody knows, nearly everything is nearly the same.
async fn what_does_not_keep_words_finds_the_very_ones(engine: TestEngine) {
    let apart = match engine {
        TestEngine::OpenSearch => json!({"type": "pattern", "pattern": ""}),
        // Its core has no more than pairs of words.
        TestEngine::Elasticsearch => json!({"tokenizer": "standard", "filter": ["shingle"]}),
    };
    let analysis = json!({"analyzer": {"letters": apart, "default": apart}});
    let properties = json!({
        "title": {"type": "text", "analyzer": "standard", "fields": {"letters": {"type": "text", "analyzer": "letters"}}},
        "memo": {"type": "text"},
    });
    let documents = [
        json!({"title": "contract"}),
        json!({"title": "contrakt"}),
        json!({"title": "cart", "memo": "contrast"}),
    ];
    let api = over(engine, properties, &analysis, &documents).await;
    let found = async |q: Value| {
        let reply = api.search(&json!({"q": q})).await;
        (
            reply.status,
            if reply.status == 200 { json!(reply.ids()) } else { reply.json()["code"].take() },
        )
    };
    assert_eq!(found(json!({"text": "contract", "fuzzy": true})).await, (200, json!(["0", "1"])));
    assert_eq!(
        found(json!({"text": "contract", "fields": ["memo"], "fuzzy": true})).await,
        (422, json!("field_cannot_serve"))
    );
    api.remove().await;
}

/// The engine counts each word that is nearly the same, and refuses to look for too many.
async fn as_many_near_words_as_are_accepted_are_answered(engine: TestEngine) {
    let letters = || (b'a'..=b'z').map(char::from);
    let near = letters().flat_map(|first| letters().map(move |last| format!("{first}bcdef{last}")));
    let documents = [json!({"title": near.collect::<Vec<_>>().join(" ")})];
    let properties =
        json!({"title": {"type": "text"}, "memo": {"type": "text"}, "status": {"type": "keyword"}});
    let api = over(engine, properties, &json!({}), &documents).await;
    let filter = json!({"or": vec![json!({"status": {"ne": "a"}}); 200]});
    let asked = async |mode: &str, words: usize| {
        let words = letters().take(words).map(|first| format!("{first}bcdefg")).collect::<Vec<_>>();
        let q = json!({"text": words.join(" "), "mode": mode, "fuzzy": true});
        let reply = api.search(&json!({"q": q, "filter": filter, "highlight": true})).await;
        let told =
            if reply.status == 200 { json!(reply.ids()) } else { reply.json()["code"].take() };
        (reply.status, told)
    };
    for (mode, most) in [("all", 9), ("any", 8)] {
        assert_eq!(asked(mode, most).await, (200, json!(["0"])), "{mode}");
        assert_eq!(asked(mode, most + 1).await, (422, json!("limit_exceeded")), "{mode}");
    }
    api.remove().await;
}

async fn near_words_do_not_tell_of_rows_that_are_not_seen(engine: TestEngine) {
    let properties = json!({"title": {"type": "text"}, "tenant": {"type": "keyword"}});
    let documents = [
        json!({"title": "maintenance", "tenant": "a"}),
        json!({"title": "maintenanse", "tenant": "b"}),
    ];
    let whole = over(engine, properties, &json!({}), &documents).await;
    let key = keys::draw();
    let by = |index: Value| {
        let role = json!({"operations": ["search"], "indexes": {whole.alias.as_str(): index}});
        let known = KeyConfig {
            name: "ada".to_owned(),
            sha256: keys::hash(&key),
            role: "viewer".to_owned(),
            claims: Map::new(),
        };
        whole.configured(&ApiConfig {
            auth: AuthConfig::Known { keys: vec![known], jwt: None },
            roles: serde_json::from_value(json!({"viewer": role})).unwrap(),
            ..ApiConfig::default()
        })
    };
    let ask = async |api: &Api| {
        let body = json!({"q": {"text": "maintenanze", "fuzzy": true}}).to_string();
        let request = Request::post(format!("/v1/{}/search", api.alias));
        let request = request.header("x-api-key", &key).header("content-type", "application/json");
        api.send(request.body(Body::from(body)).unwrap()).await
    };
    let all = ask(&by(json!({"fields": ["*"]}))).await;
    assert_eq!((all.status, all.ids().len()), (200, 2), "{}", all.text);
    let some = ask(&by(json!({"fields": ["*"], "filter": {"tenant": {"eq": "a"}}}))).await;
    assert_eq!(
        (some.status, &some.json()["code"]),
        (422, &json!("field_cannot_serve")),
        "{}",
        some.text
    );
    assert_eq!(some.json()["errors"][0]["pointer"], "/q/fuzzy");
    whole.remove().await;
}
