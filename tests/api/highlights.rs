//! Words that were found are shown where they stand, and nothing else is.

use prejoin::mapping::Mapping;
use serde_json::{Value, json};

use super::harness::Api;
use crate::support::engines::{TestEngine, on_both_engines};
use prejoin::sink::Method;

on_both_engines!(
    words_are_shown_and_nothing_else,
    parts_of_texts_are_found_as_they_are_written,
    as_many_words_as_are_accepted_are_answered,
);

async fn filled(engine: TestEngine, documents: &[Value]) -> Api {
    let properties = json!({
        "title": {"type": "text", "fields": {"raw": {"type": "keyword"}}}, "memo": {"type": "text"},
        "status": {"type": "keyword"}, "lines": {"type": "nested", "properties": {"text": {"type": "text"}}},
    });
    let file = json!({"mappings": {"properties": properties}}).to_string();
    let mapping = Mapping::parse(std::path::Path::new("mappings/a.json"), &file).unwrap();
    let api = Api::over(engine.client().await, &mapping);
    api.create(1, &mapping.body()).await;
    let index = format!("{}-000001", api.alias);
    for (number, document) in documents.iter().enumerate() {
        let id = number.to_string();
        let mut document = document.clone();
        document["_prejoin"] = json!({"id": id});
        let refresh = [("refresh", "true")];
        let segments = [index.as_str(), "_doc", &id];
        api.client.call(Method::Put, &segments, &refresh, Some(&document)).await.unwrap();
    }
    api
}

async fn words_are_shown_and_nothing_else(engine: TestEngine) {
    let documents = [
        json!({"title": "클라우드 <b>이전</b> & 보안", "memo": "active 클라우드", "status": "active"}),
        json!({"title": "보안", "memo": "클라우드 없음", "status": "active"}),
    ];
    let api = filled(engine, &documents).await;
    let body = json!({
        "q": {"text": "클라우드"}, "filter": {"status": {"eq": "active"}, "title": {"match": "보안"}},
        "highlight": ["title", "memo"], "fields": [],
    });
    let reply = api.search(&body).await;
    assert_eq!(
        reply.json()["highlights"],
        json!({
            "0": {"title": ["<mark>클라우드</mark> &lt;b&gt;이전&lt;&#x2F;b&gt; &amp; 보안"], "memo": ["active <mark>클라우드</mark>"]},
            "1": {"memo": ["<mark>클라우드</mark> 없음"]},
        }),
        "{}",
        reply.text
    );
    let none = api.search(&json!({"q": {"text": "보안"}})).await.json();
    assert!(none.get("highlights").is_none(), "{none}");
    let refused = |body: Value| {
        let api = &api;
        async move {
            let json = api.search(&body).await.json();
            (json["status"].clone(), json["errors"][0]["pointer"].clone(), json["code"].clone())
        }
    };
    let q = json!({"text": "보안"});
    assert_eq!(
        refused(json!({"highlight": ["title"]})).await,
        (400.into(), "/highlight".into(), "invalid_value".into())
    );
    assert_eq!(
        refused(json!({"q": q, "highlight": ["status"]})).await,
        (422.into(), "/highlight/0".into(), "field_cannot_serve".into())
    );
    assert_eq!(
        refused(json!({"q": q, "highlight": ["lines.text"]})).await,
        (422.into(), "/highlight".into(), "field_cannot_serve".into())
    );
    assert_eq!(
        refused(json!({"q": {"text": "?!"}})).await,
        (400.into(), "/q/text".into(), "invalid_value".into())
    );
    api.remove().await;
}

async fn parts_of_texts_are_found_as_they_are_written(engine: TestEngine) {
    let texts = ["a*b?c\\d", "aXbYcZd", "A*B", "\u{ac00}\u{ac01}\u{ac02}"];
    let documents: Vec<Value> = texts.iter().map(|text| json!({"status": text})).collect();
    let api = filled(engine, &documents).await;
    let cases: [(&str, String, &[&str]); 8] = [
        ("contains", "*b".into(), &["0"]),
        ("contains", "b?c".into(), &["0"]),
        ("contains", "c\\d".into(), &["0"]),
        ("icontains", "*b".into(), &["0", "2"]),
        ("icontains", "xBy".into(), &["1"]),
        ("starts_with", "a*".into(), &["0"]),
        ("starts_with", "\u{1100}\u{1161}".into(), &["3"]),
        ("contains", "ab".repeat(100), &[]),
    ];
    for (operator, part, expected) in cases {
        let reply = api.search(&json!({"filter": {"status": {operator: part}}})).await;
        assert_eq!(reply.status, 200, "{operator} {part}: {}", reply.text);
        assert_eq!(reply.ids(), expected, "{operator} {part}");
    }
    let short = api.search(&json!({"filter": {"status": {"contains": "a"}}})).await;
    assert_eq!((short.status, short.json()["code"].clone()), (422, "limit_exceeded".into()));
    api.remove().await;
}

async fn as_many_words_as_are_accepted_are_answered(engine: TestEngine) {
    let api = filled(engine, &[json!({"title": "w1"})]).await;
    let words = |count: usize| vec!["w"; count].join(" ");
    for (mode, most) in [("all", 100), ("any", 66), ("phrase", 100)] {
        let filter = json!({"or": vec![json!({"status": {"ne": "a"}}); 200]});
        let q = json!({"text": words(most), "mode": mode});
        let reply = api.search(&json!({"q": q, "filter": filter, "highlight": ["title"]})).await;
        assert_eq!(reply.status, 200, "{mode}: {}", reply.text);
    }
    let long = api.search(&json!({"q": {"text": words(101)}})).await;
    assert_eq!((long.status, long.json()["code"].clone()), (422, "limit_exceeded".into()));
    api.remove().await;
}
