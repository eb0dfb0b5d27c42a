//! Pages by number, and pages of an index that is held as it is.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use prejoin::config::{ApiConfig, SnapshotConfig};
use prejoin::query::dsl::question;
use prejoin::query::{Binding, Filter, Held, PageEnd, Signer};
use prejoin::sink::Method;
use serde_json::{Value, json};

use super::documents;
use super::evaluator::answer;
use super::harness::{Api, KEY, Reply};
use crate::support::engines::{TestEngine, on_both_engines};

on_both_engines!(
    a_snapshot_shows_every_row_once_while_documents_change,
    a_snapshot_outlives_a_swap_and_not_its_index,
    snapshots_are_bounded_and_come_free,
    a_snapshot_whose_time_is_over_has_expired,
    numbered_pages_show_what_cursors_show,
    a_get_names_the_address_of_its_next_page,
);

fn code(reply: &Reply) -> (u16, String) {
    (reply.status, reply.json()["code"].as_str().unwrap_or_default().to_owned())
}

fn next(reply: &Reply) -> String {
    let json = reply.json();
    json["page"]["next"].as_str().unwrap_or_else(|| panic!("no next page: {json:#}")).to_owned()
}

/// Every document with another amount, every seventh gone, and some that were not there.
async fn change(api: &Api, round: usize) {
    let mut lines = Vec::new();
    for (number, mut document) in documents::all().into_iter().enumerate() {
        let id = document["_prejoin"]["id"].clone();
        if number % 7 == round % 7 {
            lines.push(format!("{}\n", json!({"delete": {"_id": id}})));
            continue;
        }
        document["amount"] = json!(number * 7_919 * (round + 1) % 1_000);
        lines.push(format!("{}\n{document}\n", json!({"index": {"_id": id}})));
    }
    let id = format!("new-{round}");
    let new = json!({"amount": round, "_prejoin": {"id": id}});
    lines.push(format!("{}\n{new}\n", json!({"index": {"_id": id}})));
    api.bulk(1, lines.concat()).await;
}

async fn a_snapshot_shows_every_row_once_while_documents_change(engine: TestEngine) {
    let api = Api::filled(engine.client().await).await;
    let sort = json!([{"field": "amount", "order": "desc"}]);
    let mut body = json!({"sort": sort, "page": {"size": 67, "snapshot": true}, "count": "exact"});
    let expected = answer(&documents::all(), &api.parsed(&body));
    let (mut ids, mut cursors) = (Vec::new(), Vec::new());
    loop {
        let reply = api.search(&body).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        ids.extend(reply.ids());
        assert_eq!(reply.json()["total"], json!({"value": documents::COUNT, "relation": "eq"}));
        change(&api, cursors.len()).await;
        let Some(cursor) = reply.json()["page"]["next"].as_str().map(str::to_owned) else { break };
        body["page"]["after"] = cursor.as_str().into();
        cursors.push(cursor);
    }
    assert_eq!(cursors.len(), documents::COUNT / 67);
    assert_eq!(ids, expected);
    let now = api.search(&json!({"sort": sort, "page": {"size": 67}})).await;
    assert_ne!(now.ids(), expected[..67], "nothing has changed");

    // It is closed behind the answer.
    let closed = async {
        loop {
            let reply = api.search(&body).await;
            match code(&reply) {
                (200, _) => tokio::time::sleep(Duration::from_millis(5)).await,
                told => return told,
            }
        }
    };
    let closed = tokio::time::timeout(Duration::from_secs(30), closed).await;
    assert_eq!(closed.expect("it is never closed"), (410, "cursor_expired".to_owned()));
    api.remove().await;
}

async fn a_snapshot_outlives_a_swap_and_not_its_index(engine: TestEngine) {
    let api = Api::filled(engine.client().await).await;
    let mapping = documents::mapping_on(api.client.engine().flavor).body();
    let plain = json!({"sort": [{"field": "amount"}], "page": {"size": 20}});
    let mut held = plain.clone();
    held["page"]["snapshot"] = true.into();
    let expected = answer(&documents::all(), &api.parsed(&plain));
    let after = |body: &Value, cursor: &str| {
        let mut body = body.clone();
        body["page"]["after"] = cursor.into();
        body
    };
    let (first, begun) = (api.search(&plain).await, api.search(&held).await);
    assert_eq!((first.ids(), begun.ids()), (expected[..20].to_vec(), expected[..20].to_vec()));
    // A cursor of no snapshot is none of a snapshot; the other way round it need not be said again.
    let mixed = api.search(&after(&held, &next(&first))).await;
    assert_eq!(code(&mixed), (422, "cursor_mismatch".to_owned()));

    api.create(2, &mapping).await;
    api.put(2, &documents::all()).await;
    let index = |reply: &Reply| reply.json()["meta"]["index"].as_str().unwrap().to_owned();
    let second = api.search(&after(&plain, &next(&first))).await;
    assert_eq!(
        (second.ids(), index(&second).ends_with("-000002")),
        (expected[20..40].to_vec(), true)
    );
    let gone_on = api.search(&after(&plain, &next(&begun))).await;
    assert_eq!(
        (gone_on.ids(), index(&gone_on).ends_with("-000001")),
        (expected[20..40].to_vec(), true)
    );

    let mut wider = mapping.clone();
    wider["properties"]["added"] = json!({"type": "keyword"});
    api.create(3, &wider).await;
    api.put(3, &documents::all()).await;
    // The new fields are met, though not at once: a wrong request was a reason to look for them a moment ago.
    let added = json!({"filter": {"added": {"exists": false}}, "page": {"size": 1}});
    let met = async {
        while api.search(&added).await.status != 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), met).await.expect("they are never met");
    let other = api.search(&after(&plain, &next(&second))).await;
    assert_eq!(code(&other), (422, "cursor_mismatch".to_owned()));
    let expired = (410, "cursor_expired".to_owned());
    assert_eq!(code(&api.search(&after(&held, &next(&gone_on))).await), expired);

    let begun = api.search(&held).await;
    assert!(index(&begun).ends_with("-000003"));
    for generation in [3, 2] {
        let index = format!("{}-{generation:06}", api.alias);
        api.client.call(Method::Delete, &[&index], &[], None).await.unwrap();
    }
    assert_eq!(code(&api.search(&after(&held, &next(&begun))).await), expired);
    api.remove().await;
}

async fn snapshots_are_bounded_and_come_free(engine: TestEngine) {
    let api = Api::filled(engine.client().await).await;
    let keep_alive = Duration::from_secs(60);
    let snapshots = SnapshotConfig { keep_alive, open: 1 };
    let api = api.configured(&ApiConfig { snapshots, ..ApiConfig::default() });
    let mut held = json!({"page": {"size": 200, "snapshot": true}});
    let first = api.search(&held).await;
    assert_eq!(first.status, 200);
    let refused = api.search(&held).await;
    assert_eq!(code(&refused), (503, "too_many_snapshots".to_owned()));
    let again: u64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=67).contains(&again), "{again}");
    // One that ends on its first page takes no place for longer.
    held["page"]["after"] = next(&first).into();
    assert_eq!(api.search(&held).await.json()["page"]["has_next"], false);
    let small = json!({"filter": {"or": []}, "page": {"snapshot": true}});
    for _ in 0..3 {
        assert_eq!(api.search(&small).await.status, 200);
    }
    api.remove().await;
}

/// The cursor of a server that holds snapshots for an hour longer.
fn held_longer(api: &Api, body: &Value, cursor: &str) -> String {
    let question = question(&api.parsed(body), &Filter::And(Vec::new()));
    let binding = Binding::new(["anyone", "anyone", ""], &api.alias, &api.fields, &question);
    let signer = Signer::new(KEY).unwrap();
    let PageEnd { sort, held } = signer.open(binding, cursor).unwrap();
    let held = held.map(|held| Held { until: held.until + 3_600, ..held });
    signer.issue(binding, &PageEnd { sort, held }).unwrap()
}

/// Both clocks tell: the server's and, for a server whose clock is another, the engine's. An engine looks at its own once a minute
/// where it is not told to more often, as those that `dev/up` starts are; OpenSearch holds each for half a minute at least.
async fn a_snapshot_whose_time_is_over_has_expired(engine: TestEngine) {
    let api = Api::filled(engine.client().await).await;
    let snapshots = SnapshotConfig { keep_alive: Duration::from_secs(10), open: 1 };
    let short = api.configured(&ApiConfig { snapshots, ..ApiConfig::default() });
    let body = json!({"page": {"size": 20, "snapshot": true}});
    let cursor = next(&short.search(&body).await);
    let after = |cursor: &str| json!({"page": {"size": 20, "after": cursor}});
    let longer = after(&held_longer(&api, &body, &cursor));
    assert_eq!(short.search(&longer).await.status, 200);
    let expired = (410, "cursor_expired".to_owned());
    let first = after(&cursor);
    let over = async {
        while code(&short.search(&first).await) != expired {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), over).await.expect("it never expires");
    // Its place is free.
    let second = short.search(&body).await;
    assert_eq!(second.status, 200, "{}", second.text);

    let index = format!("{}-000001", api.alias);
    let held = async || {
        let stats = api.client.call(Method::Get, &[&index, "_stats", "search"], &[], None).await;
        stats.unwrap()["_all"]["total"]["search"]["open_contexts"].as_u64().unwrap()
    };
    assert_ne!(held().await, 0, "the engine does not tell what it holds");
    let let_go = async {
        while held().await > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(300), let_go).await.expect("it is held for ever");
    let cursor = held_longer(&api, &body, &next(&second));
    assert_eq!(code(&short.search(&after(&cursor)).await), expired);
    api.remove().await;
}

async fn numbered_pages_show_what_cursors_show(engine: TestEngine) {
    let api = Api::filled(engine.client().await).await;
    let body = json!({"sort": [{"field": "amount"}], "page": {"size": 70}});
    let expected = answer(&documents::all(), &api.parsed(&body));
    let numbered = |number: usize| {
        let mut body = body.clone();
        body["page"]["number"] = number.into();
        body
    };
    let pages = expected.chunks(70).count();
    let mut ids = Vec::new();
    for number in 1..=pages {
        let reply = api.search(&numbered(number)).await;
        let page = reply.json()["page"].clone();
        assert_eq!((page["number"] == number, page["has_next"] == (number < pages)), (true, true));
        assert_eq!(reply.headers["x-total-count"], "300");
        let range =
            format!("{} {}-{}/300", api.alias, ids.len(), ids.len() + reply.ids().len() - 1);
        assert_eq!(reply.headers["content-range"], range.as_str());
        ids.extend(reply.ids());
    }
    assert_eq!(ids, expected);
    let beyond = api.search(&numbered(pages + 1)).await;
    assert_eq!((beyond.ids().len(), beyond.json()["page"]["has_next"] == false), (0, true));
    // Its cursor goes on where it ends.
    let third = api.search(&numbered(3)).await;
    let mut fourth = body.clone();
    fourth["page"]["after"] = next(&third).into();
    let fourth = api.search(&fourth).await;
    assert_eq!(fourth.ids(), expected[210..280]);
    assert!(!fourth.headers.contains_key("content-range"));
    let none = api.search(&json!({"page": {"size": 0}})).await;
    assert_eq!((none.ids().len(), &none.json()["total"]["value"]), (0, &json!(300)));
    let uncounted = api.search(&json!({"count": "none"})).await;
    assert!(!uncounted.headers.contains_key("x-total-count"));
    api.remove().await;
}

async fn a_get_names_the_address_of_its_next_page(engine: TestEngine) {
    let api = Api::filled(engine.client().await).await;
    let request = api.parsed(&json!({"sort": [{"field": "amount"}]}));
    let expected = answer(&documents::all(), &request);
    let mut ids = Vec::new();
    let mut path = format!("/v1/{}?sort=amount&limit=70&page[number]=1", api.alias);
    loop {
        let reply = api.send(Request::get(path).body(Body::empty()).unwrap()).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        ids.extend(reply.ids());
        let Some(link) = reply.headers.get("link") else { break };
        let link = link.to_str().unwrap().strip_suffix("; rel=\"next\"").unwrap();
        path = link.trim_matches(['<', '>']).to_owned();
    }
    assert_eq!(ids, expected);
    api.remove().await;
}

#[tokio::test]
async fn the_last_page_of_the_window_knows_of_the_next() {
    let document =
        |number: usize| json!({"amount": number, "_prejoin": {"id": format!("d{number:05}")}});
    let documents: Vec<_> = (0..10_000).map(document).collect();
    let api = Api::with(TestEngine::OpenSearch.client().await, &documents).await;
    let body = |count: &str| json!({"sort": [{"field": "amount"}], "page": {"size": 200, "number": 50}, "count": count});
    for (total, has_next) in [(10_000, false), (10_001, true)] {
        api.put(1, &(10_000..total).map(document).collect::<Vec<_>>()).await;
        for count in ["none", "capped", "exact"] {
            let reply = api.search(&body(count)).await;
            assert_eq!(
                (reply.ids().len(), reply.json()["page"]["has_next"].clone()),
                (200, json!(has_next)),
                "{total} {count}"
            );
            assert_eq!(reply.json()["total"].is_null(), count == "none");
        }
    }
    let mut last = body("none");
    last["page"] = json!({"size": 200, "after": next(&api.search(&last).await)});
    assert_eq!(api.search(&last).await.ids(), ["d10000"]);
    let beyond = api.search(&json!({"page": {"size": 200, "number": 51}})).await;
    assert_eq!(code(&beyond), (422, "limit_exceeded".to_owned()));
    api.remove().await;
}
