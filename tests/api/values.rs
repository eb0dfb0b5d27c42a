//! Values of one field, for somebody who is typing.

use std::path::Path;

use axum::body::Body;
use axum::http::Request;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use prejoin::access::keys;
use prejoin::config::{ApiConfig, AuthConfig, KeyConfig};
use prejoin::mapping::Mapping;
use prejoin::sink::{Client, Method};
use serde_json::{Map, Value, json};
use unicode_normalization::UnicodeNormalization;

use super::harness::{Api, Reply};
use crate::support::engines::{TestEngine, config, on_both_engines};
use crate::support::fault_proxy::FaultProxy;

on_both_engines!(
    values_begin_with_what_was_typed,
    no_key_on_the_way_to_a_value_loses_it,
    values_take_one_request_and_are_of_the_newest_index,
    values_are_narrowed_as_searches_are,
    values_of_elements_count_their_documents,
);

async fn filled(engine: TestEngine) -> Api {
    let mapping = r#"{"mappings": {"properties": {
        "name": {"type": "keyword"}, "code": {"type": "keyword", "normalizer": "lowercase"},
        "status": {"type": "keyword"}, "amount": {"type": "long"}, "tenant": {"type": "keyword"},
        "title": {"type": "text"}, "spelt": {"type": "keyword", "normalizer": "unheard_of"},
        "settlements": {"type": "nested", "properties": {"payer": {"type": "keyword"}, "amount": {"type": "long"}}}}}}"#;
    let mapping = Mapping::parse(Path::new("m.json"), mapping).unwrap();
    let api = Api::over(engine.client().await, &mapping);
    // The engine has no such normalizer; what is asked of the field never reaches it.
    let mut created = mapping.body();
    created["properties"]["spelt"] = json!({"type": "keyword", "normalizer": "lowercase"});
    api.create(1, &created).await;
    api.fill(&documents()).await;
    api
}

fn documents() -> Vec<Value> {
    let paid = |payer: &str, amount: i64| json!({"payer": payer, "amount": amount});
    let rows = [
        ("김철수", "KIM-1", "active", vec![paid("김", 1), paid("김", 2)]),
        ("김철수", "kim-2", "draft", vec![paid("김", 5), paid("기사", 1)]),
        ("김영희", "Kim.3", "active", vec![paid("나", 1)]),
        ("기태", "lee", "active", vec![]),
        ("까치", ".*", "active", vec![]),
        ("a\"b*c?", "a.b", "draft", vec![]),
        ("a\"bx", "aXb", "active", vec![]),
    ];
    let each = rows.into_iter().enumerate().map(|(number, (name, code, status, settlements))| {
        json!({"name": name, "code": code, "status": status, "amount": number, "settlements": settlements,
            "tenant": if number == 0 { "t1" } else { "t2" }, "_prejoin": {"id": number.to_string()}})
    });
    each.collect()
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

async fn ask(api: &Api, query: &str) -> Reply {
    let request = Request::get(format!("/v1/{}:facet?{query}", api.alias));
    api.send(request.body(Body::empty()).unwrap()).await
}

/// `value 2, value 1`, and what is left.
async fn told(api: &Api, query: &str) -> String {
    let reply = ask(api, query).await;
    assert_eq!(reply.status, 200, "{query}: {}", reply.text);
    let data = &reply.json()["data"];
    let buckets = data["buckets"].as_array().unwrap().iter();
    let buckets =
        buckets.map(|bucket| format!("{} {}", bucket["value"].as_str().unwrap(), bucket["count"]));
    format!("{}; {}", buckets.collect::<Vec<_>>().join(", "), data["other"])
}

async fn values_begin_with_what_was_typed(engine: TestEngine) {
    let api = filled(engine).await;
    let typed = async |field: &str, prefix: &str| {
        told(&api, &format!("field={field}&prefix={}", encoded(prefix))).await
    };
    assert_eq!(typed("name", "김").await, "김철수 2, 김영희 1; 0");
    // On its way to another syllable, and taken apart as some systems do.
    assert_eq!(typed("name", "기").await, "김철수 2, 기태 1, 김영희 1; 0");
    assert_eq!(typed("name", "ㄱ").await, "김철수 2, 기태 1, 김영희 1; 0");
    assert_eq!(typed("name", "김ㅊ").await, "김철수 2; 0");
    let apart: String = "김철".nfd().collect();
    assert_eq!(typed("name", &apart).await, "김철수 2; 0");
    assert_eq!(typed("name", "철").await, "; 0");
    // Nothing is an operator of the engine's.
    assert_eq!(typed("name", "a\"b*").await, r#"a"b*c? 1; 0"#);
    assert_eq!(typed("name", "a\"b").await, r#"a"b*c? 1, a"bx 1; 0"#);
    assert_eq!(typed("name", ".*").await, "; 0");
    assert_eq!(typed("code", ".*").await, ".* 1; 0");
    assert_eq!(typed("code", "a.").await, "a.b 1; 0");
    // As the index folds the field.
    assert_eq!(typed("code", "KIM").await, "kim-1 1, kim-2 1, kim.3 1; 0");
    assert_eq!(told(&api, "field=code&prefix=kIm&size=2").await, "kim-1 1, kim-2 1; 1");
    assert_eq!(told(&api, "field=name&size=1").await, "김철수 2; 5");
    assert_eq!(told(&api, "field=name&size=1&prefix=").await, "김철수 2; 5");
    api.remove().await;
}

async fn no_key_on_the_way_to_a_value_loses_it(engine: TestEngine) {
    let whole = filled(engine).await;
    let names = ["김철수", "가나", "과장", "값있는", "닭이", "달기"];
    let documents = names.iter().map(|name| json!({"name": name, "_prejoin": {"id": name}}));
    whole.fill(&documents.collect::<Vec<_>>()).await;
    for (value, keys) in [
        ("김철수", "ㄱ 기 김 김ㅊ 김처 김철 김첤 김철수"),
        ("가나", "ㄱ 가 간 가나"),
        ("과장", "ㄱ 고 과 괒 과자 과장"),
        ("값있는", "ㄱ 가 갑 값 값ㅇ 값이 값있 값있ㄴ 값있느 값있는"),
        ("닭이", "ㄷ 다 달 닭 닭ㅇ 닭이"),
        ("달기", "ㄷ 다 달 닭 달기"),
    ] {
        for typed in keys.split(' ') {
            let found = told(&whole, &format!("field=name&prefix={}", encoded(typed))).await;
            assert!(found.contains(value), "{typed}: {found}");
        }
    }
    assert_eq!(told(&whole, &format!("field=name&prefix={}", encoded("간"))).await, "가나 1; 0");
    whole.remove().await;
}

/// Each key is a request: the engine is asked once for it.
async fn values_take_one_request_and_are_of_the_newest_index(engine: TestEngine) {
    let whole = filled(engine).await;
    let proxy = FaultProxy::to(&engine.url().await).await;
    let api = whole.through(Client::connect(&config(&proxy.url())).await.unwrap());
    // The first learns the mapping.
    told(&api, "field=name&prefix=a").await;
    let asked = || proxy.seen(&api.alias).into_iter().map(|seen| seen.line).collect::<Vec<_>>();
    let before = asked().len();
    assert_eq!(told(&api, "field=name&prefix=none").await, "; 0");
    let facets = json!({"facets": {"name": {}}, "facet_filters": {"status": {"eq": "draft"}}, "page": {"size": 0}});
    let counted = api.search(&facets).await.json();
    assert_eq!((&counted["data"], &counted["page"]["next"]), (&json!([]), &Value::Null));
    assert_eq!(
        (&counted["page"]["has_next"], &counted["total"]["value"]),
        (&json!(false), &json!(2))
    );
    let more = asked().split_off(before);
    assert!(more.len() == 2 && more.iter().all(|line| line.contains("_search?")), "{more:?}");

    // What was a text is a number in the next index, which is noticed by its answer.
    let mapping = json!({"properties": {"name": {"type": "long"}, "_prejoin": {"properties": {"id": {"type": "keyword"}}}}});
    api.create(2, &mapping).await;
    api.put(2, &[json!({"name": 5, "_prejoin": {"id": "1"}})]).await;
    let reply = ask(&api, "field=name").await.json();
    insta::allow_duplicates! {
        insta::assert_snapshot!(reply["data"], @r#"{"buckets":[{"value":5,"count":1,"selected":false}],"other":0,"missing":0}"#);
    }
    let second = format!("{}-000002", api.alias);
    api.client.call(Method::Delete, &[&second], &[], None).await.unwrap();
    whole.remove().await;
}

async fn values_are_narrowed_as_searches_are(engine: TestEngine) {
    let whole = filled(engine).await;
    let view = json!({"filter": {"status": {"eq": "draft"}}, "fields": ["name"], "sort": [{"field": "code"}], "page": {"size": 5}});
    let views = serde_json::from_value(json!({ whole.alias.as_str(): {"drafts": view} })).unwrap();
    let api = whole.configured(&ApiConfig { views, ..ApiConfig::default() });
    assert_eq!(
        told(&api, "field=name&prefix=%EA%B9%80&status=active").await,
        "김영희 1, 김철수 1; 0"
    );
    assert_eq!(
        told(&api, "field=name&or=(amount.gt.5,settlements.some(payer.eq.%EB%82%98))").await,
        r#"a"bx 1, 김영희 1; 0"#
    );
    assert_eq!(told(&api, "field=code&view=drafts").await, "a.b 1, kim-2 1; 0");
    // What was chosen of the field itself narrows it, unless that is not what is meant.
    assert_eq!(told(&api, "field=status&status=draft").await, "draft 2; 0");
    assert_eq!(
        ask(&api, "field=status&status=draft&facet.mode=disjunctive&prefix=d").await.json()["data"]
            .to_string(),
        r#"{"buckets":[{"value":"draft","count":2,"selected":true}],"other":0,"missing":0}"#
    );
    assert_eq!(
        ask(&api, "field=status&status=draft&facet.mode=disjunctive&prefix=a").await.json()["data"]
            .to_string(),
        r#"{"buckets":[{"value":"active","count":5,"selected":false}],"other":0,"missing":0}"#
    );
    let body = json!({"facets": {"name": {"prefix": "김", "size": 1}}, "filter": {"status": {"eq": "active"}}});
    let posted = api.search(&body).await.json();
    let got = ask(&api, "field=name&prefix=%EA%B9%80&size=1&status=active").await.json();
    assert_eq!(got["data"], posted["facets"]["name"]);
    assert!(got["meta"]["request_id"].is_string());
    whole.remove().await;
}

async fn values_of_elements_count_their_documents(engine: TestEngine) {
    let api = filled(engine).await;
    assert_eq!(told(&api, "field=settlements.payer&prefix=%EA%B8%B0").await, "김 2, 기사 1; 0");
    assert_eq!(told(&api, "field=settlements.payer&prefix=%EA%B8%B0&size=1").await, "김 2; 1");
    api.remove().await;
}

#[tokio::test]
async fn what_has_no_values_to_type_ahead_is_told() {
    let api = filled(TestEngine::OpenSearch).await;
    let fault = async |query: &str| {
        let reply = ask(&api, query).await;
        format!("{} {}", reply.status, reply.json()["errors"][0])
    };
    insta::assert_snapshot!(fault("prefix=a").await, @r#"400 {"parameter":"field","code":"invalid_query","detail":"`field` is missing: whose values are asked for; write `field=manager.name`"}"#);
    insta::assert_snapshot!(fault("field=nmae&prefix=a").await, @r#"400 {"parameter":"field","code":"unknown_field","detail":"unknown field `nmae`; did you mean `name`?"}"#);
    insta::assert_snapshot!(fault("field=amount&prefix=1").await, @r#"400 {"parameter":"prefix","code":"operator_not_allowed","detail":"`amount` is no text, which could begin with another"}"#);
    insta::assert_snapshot!(fault("field=title&prefix=a").await, @r#"422 {"parameter":"field","code":"field_cannot_serve","detail":"`title` is a text, which cannot be counted as a whole; give it a sub-field of type `keyword` in the mapping"}"#);
    insta::assert_snapshot!(fault("field=name&size=101").await, @r#"422 {"parameter":"size","code":"limit_exceeded","detail":"more than 100"}"#);
    insta::assert_snapshot!(fault(&format!("field=name&prefix={}", "a".repeat(201))).await, @r#"422 {"parameter":"prefix","code":"limit_exceeded","detail":"a text that is searched for has at most 200 characters"}"#);
    insta::assert_snapshot!(fault("field=name&sort=name").await, @r#"400 {"parameter":"sort","code":"unknown_parameter","detail":"`sort` says nothing of values; known are field, prefix, size, and, or, q, q.fields, q.mode, q.fuzzy, facet.mode, view, and fields"}"#);
    insta::assert_snapshot!(fault("field=name&field=code").await, @r#"400 {"parameter":"field","code":"repeated_key","detail":"this is said already, by this parameter or by another name of it; write it once"}"#);
    insta::assert_snapshot!(fault("field=name&prefx=a").await, @r#"400 {"parameter":"prefx","code":"unknown_parameter","detail":"unknown parameter `prefx`; did you mean `prefix`?"}"#);
    api.remove().await;
}

/// By chance it would be another's name that is told: what a role does not see is not there.
#[tokio::test]
async fn a_role_is_told_the_values_that_it_sees() {
    let whole = filled(TestEngine::OpenSearch).await;
    let key = keys::draw();
    let with = |operations: Value| {
        let index = json!({"fields": ["name", "code", "status", "settlements"], "hidden": ["status"], "masked": {"code": "all"},
            "filter": {"tenant": {"eq": "${claims.tenant}"}}});
        let role = json!({"operations": operations, "indexes": {whole.alias.as_str(): index}});
        let known = KeyConfig {
            name: "ada".to_owned(),
            sha256: keys::hash(&key),
            role: "viewer".to_owned(),
            claims: Map::from_iter([("tenant".to_owned(), json!("t1"))]),
        };
        whole.configured(&ApiConfig {
            auth: AuthConfig::Known { keys: vec![known], jwt: None },
            roles: serde_json::from_value(json!({"viewer": role})).unwrap(),
            ..ApiConfig::default()
        })
    };
    let asked = async |api: &Api, query: &str| {
        let request = Request::get(format!("/v1/{}:facet?{query}", api.alias));
        let reply = api.send(request.header("x-api-key", &key).body(Body::empty()).unwrap()).await;
        let json = reply.json();
        match reply.status {
            200 => json["data"]["buckets"].to_string(),
            status => format!("{status} {} {}", json["code"], json["message"]),
        }
    };
    let api = with(json!(["facet"]));
    insta::assert_snapshot!(asked(&api, "field=name&prefix=%EA%B9%80").await, @r#"[{"value":"김철수","count":1,"selected":false}]"#);
    insta::assert_snapshot!(asked(&api, "field=settlements.payer").await, @r#"[{"value":"김","count":1,"selected":false}]"#);
    for (field, like) in [("status", "stat"), ("code", "kod"), ("tenant", "nowhere")] {
        let unknown = asked(&api, &format!("field={like}")).await;
        assert_eq!(asked(&api, &format!("field={field}")).await, unknown.replace(like, field));
        assert_eq!(
            asked(&api, &format!("field=name&{field}=a")).await,
            asked(&api, &format!("field=name&{like}=a")).await.replace(like, field)
        );
    }
    insta::assert_snapshot!(asked(&with(json!(["search"])), "field=name").await, @r#"403 "forbidden" "your role may not do this""#);
    whole.remove().await;
}
