//! Lists, facets, searches and exports all the time, while an index is built anew under them, twice.
//!
//! Half a minute by itself; `PREJOIN_TEST_SECONDS` has it go on for so long. Every request is answered: a page that goes on
//! where another ended goes on or says 410, an export ends by its last line, and each answer shows one generation alone.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use ::elasticsearch::http::Method;
use ::elasticsearch::http::headers::{CONTENT_TYPE, HeaderMap, HeaderValue};
use ::elasticsearch::http::transport::Transport;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::memory::{MIB, now_of};
use super::shop::{Shop, numbers};
use crate::support::engines::{TestEngine, on_both_engines};
use crate::support::place::Place;
use crate::support::serving::Serving;

const SECONDS: u64 = 20;

const ROWS: usize = 12_000;
const TEAMS: usize = 20;

const MAPPING: &str = r#"{"settings": {"number_of_replicas": 0}, "mappings": {"dynamic": "strict", "properties": {
    "id": {"type": "long"}, "marker": {"type": "long"}, "team": {"type": "keyword"}, "amount": {"type": "long"},
    "title": {"type": "text"}, "items": {"type": "nested", "properties": {"id": {"type": "long"}, "price": {"type": "long"}}}}}}"#;

const ROOT: &str = "  table: things\n  fields: [id, marker, team, amount, title]\n  \
    many:\n    items: {source: shop, table: items, on: {id: thing_id}, order_by: [id], fields: [id, price]}\n";

on_both_engines!(every_request_is_answered_while_indexes_are_replaced);

/// How many requests of each kind were answered, and how.
#[derive(Default)]
struct Told(Mutex<BTreeMap<(&'static str, &'static str), usize>>);

impl Told {
    fn one(&self, kind: &'static str, how: &'static str) {
        *self.0.lock().unwrap().entry((kind, how)).or_default() += 1;
    }

    fn shown(&self) -> String {
        let all = self.0.lock().unwrap();
        let each = all.iter().map(|((kind, how), count)| format!("{count} {kind} {how}"));
        each.collect::<Vec<_>>().join(", ")
    }

    fn count(&self, kind: &str, how: &str) -> usize {
        let all = self.0.lock().unwrap();
        all.iter().filter(|((k, h), _)| *k == kind && *h == how).map(|(_, count)| count).sum()
    }
}

/// Somebody who asks one thing after another, until there is nothing more to ask for.
struct Visitor<'v> {
    transport: Transport,
    index: &'v str,
    told: &'v Told,
    stop: &'v CancellationToken,
}

/// Status and body of an answer; a body that broke off is none.
struct Answer {
    status: u16,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    /// The answer of a request that nothing was wrong with.
    fn whole(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text);
        self.json()
    }
}

impl Visitor<'_> {
    async fn ask(&self, method: Method, what: &str, body: Option<&Value>) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let path = format!("v1/{}{what}", self.index);
        let body = body.map(Value::to_string);
        let sent = self.transport.send(method, &path, headers, None::<&()>, body, None);
        let answer = sent.await.expect("every request is answered");
        let status = answer.status_code().as_u16();
        Answer { status, text: answer.text().await.expect("every answer is whole") }
    }

    async fn post(&self, what: &str, body: &Value) -> Answer {
        self.ask(Method::Post, what, Some(body)).await
    }

    fn goes_on(&self) -> bool {
        !self.stop.is_cancelled()
    }

    /// Pages of a list, each behind the other; of an index that is held as it was if that is wanted.
    async fn lists(&self, kind: &'static str, snapshot: bool) {
        let first = json!({"sort": [{"field": "amount", "order": "desc"}], "fields": ["marker", "amount"],
            "page": {"size": 150, "snapshot": snapshot}});
        'list: while self.goes_on() {
            let (mut body, mut markers, mut ids) = (first.clone(), Vec::new(), Vec::new());
            loop {
                let answer = self.post("/search", &body).await;
                if snapshot && !ids.is_empty() && answer.status == 410 {
                    assert_eq!(answer.json()["code"], "cursor_expired");
                    self.told.one(kind, "said that it has expired");
                    continue 'list;
                }
                let page = answer.whole();
                self.told.one(kind, "answered");
                let rows = page["data"].as_array().unwrap();
                ids.extend(rows.iter().map(|row| row["_id"].as_str().unwrap().to_owned()));
                markers.push(one_marker(rows));
                let Some(next) = page["page"]["next"].as_str() else { break };
                if !self.goes_on() {
                    return;
                }
                body["page"]["after"] = next.into();
            }
            // Rows keep their places while the index is replaced.
            assert_eq!(ids.len(), ROWS, "rows were lost or came twice");
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(ids.len(), ROWS, "rows came twice");
            markers.dedup();
            assert!(markers.is_sorted(), "back to a former generation: {markers:?}");
            assert!(!snapshot || markers.len() == 1, "{markers:?} in one snapshot");
            self.told.one(kind, "read to their ends");
        }
    }

    async fn facets(&self) {
        let body = json!({"facets": {"team": {"type": "terms", "size": TEAMS}, "marker": {"type": "terms"}},
            "page": {"size": 0}, "count": "exact"});
        while self.goes_on() {
            let page = self.post("/search", &body).await.whole();
            assert_eq!(page["total"]["value"], ROWS, "{page}");
            let buckets = |name: &str| page["facets"][name]["buckets"].as_array().unwrap().len();
            assert_eq!((buckets("team"), buckets("marker")), (TEAMS, 1), "{page}");
            self.told.one("facets", "answered");
        }
    }

    async fn searches(&self) {
        let by_string = "?team=in.(t3,t4)&amount=gte.50&sort=-amount&limit=20&fields=marker";
        let by_body = json!({"q": {"text": "thing 17", "fields": ["title"]}, "fields": ["marker"],
            "filter": {"items": {"some": {"price": {"gt": 10}}}}});
        while self.goes_on() {
            let page = self.ask(Method::Get, by_string, None).await.whole();
            one_marker(page["data"].as_array().unwrap());
            let page = self.post("/search", &by_body).await.whole();
            one_marker(page["data"].as_array().unwrap());
            self.told.one("searches", "answered");
        }
    }

    async fn exports(&self) {
        let body = json!({"format": "ndjson", "columns": ["marker", "title", "team"]});
        while self.goes_on() {
            let answer = self.post("/export", &body).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            let lines = answer.text.lines().map(|line| serde_json::from_str(line).unwrap());
            let mut lines: Vec<Value> = lines.collect();
            let end = lines.pop().expect("a last line");
            one_marker(&lines);
            assert_eq!(end["rows"], lines.len(), "{end}");
            if end["_end"] == true {
                assert_eq!(lines.len(), ROWS, "{end}");
                self.told.one("exports", "answered");
            } else {
                assert_eq!(end["problem"]["code"], "snapshot_lost", "{end}");
                self.told.one("exports", "said that it has expired");
            }
        }
    }
}

/// The marker of all these rows; zero where there are none.
fn one_marker(rows: &[Value]) -> u64 {
    let mut markers: Vec<u64> = rows.iter().map(|row| row["marker"].as_u64().unwrap()).collect();
    markers.dedup();
    assert!(markers.len() <= 1, "rows of several generations: {markers:?}");
    markers.first().copied().unwrap_or_default()
}

/// The table as the generation `marker` shall have it.
async fn fill(place: &Place, marker: usize) {
    let rows = numbers(place, ROWS);
    place
        .run(&format!(
            "DELETE FROM things; INSERT INTO things SELECT i, {marker}, 't' || (i % {TEAMS}), i % 997, 'thing ' || i FROM ({rows})"
        ))
        .await;
}

/// Builds the index anew so many times, evenly over `time`, and never sooner than the visitors have met each generation.
async fn replaced(place: &Place, shop: &Shop, told: &Told, time: Duration) {
    let began = Instant::now();
    // With the former index kept, and without: what is held of that one has then to say so.
    for (number, kept) in [(1_u32, "1"), (2, "0")] {
        tokio::time::sleep_until((began + time * number / 3).into()).await;
        met_again(told).await;
        fill(place, 1 + number as usize).await;
        let ran = shop.home.run_beside(&["reindex", "shop", "--keep", kept]).await;
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    }
    tokio::time::sleep_until((began + time).into()).await;
    met_again(told).await;
}

/// Each kind of request was answered once more.
async fn met_again(told: &Told) {
    for kind in ["lists", "snapshots", "facets", "searches", "exports"] {
        let before = told.count(kind, "answered");
        let met = async {
            while told.count(kind, "answered") == before {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(120), met).await.expect(kind);
    }
}

/// The most bytes of memory in use by the server in each third of the time.
async fn watched(process: u32, time: Duration, stop: &CancellationToken) -> [usize; 3] {
    let (began, mut peaks) = (Instant::now(), [0; 3]);
    while !stop.is_cancelled() {
        let third = (began.elapsed().as_millis() * 3 / time.as_millis()).min(2) as usize;
        peaks[third] = peaks[third].max(now_of(process));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    peaks
}

async fn every_request_is_answered_while_indexes_are_replaced(engine: TestEngine) {
    let asked = std::env::var("PREJOIN_TEST_SECONDS").ok();
    let time = Duration::from_secs(asked.map_or(SECONDS, |text| text.parse().unwrap()));
    let place = Place::sqlite().await;
    let (things, items) = (numbers(&place, ROWS), numbers(&place, 2 * ROWS));
    place
        .run(&format!(
            "CREATE TABLE things (id INTEGER PRIMARY KEY, marker INTEGER, team TEXT, amount INTEGER, title TEXT);
             CREATE TABLE items (id INTEGER PRIMARY KEY, thing_id INTEGER, price INTEGER);
             INSERT INTO items SELECT i, i / 2, i % 100 FROM ({items});
             CREATE INDEX items_thing ON items (thing_id);
             INSERT INTO things SELECT i, 1, 't' || (i % {TEAMS}), i % 997, 'thing ' || i FROM ({things})"
        ))
        .await;
    let shop = Shop::new(&place, engine, ROOT, MAPPING).await;
    let ran = shop.home.run(&["reindex", "shop"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let serving = Serving::start(&shop.home).await;
    let (told, stop) = (Told::default(), CancellationToken::new());
    let visitor = || Visitor {
        transport: Transport::single_node(&serving.url()).unwrap(),
        index: &shop.index,
        told: &told,
        stop: &stop,
    };
    let visitors: [_; 5] = std::array::from_fn(|_| visitor());
    let [lists, snapshots, facets, searches, exports] = &visitors;
    let replacing = async {
        replaced(&place, &shop, &told, time).await;
        stop.cancel();
    };
    let (.., peaks) = tokio::join!(
        replacing,
        lists.lists("lists", false),
        snapshots.lists("snapshots", true),
        facets.facets(),
        searches.searches(),
        exports.exports(),
        watched(serving.process_id(), time, &stop),
    );
    let [first, _, last] = peaks;
    let mib = peaks.map(|peak| peak / MIB);
    println!("{engine:?}: {}; {mib:?} MiB in each third of {} s", told.shown(), time.as_secs());
    assert!(last <= first + first / 4 + 8 * MIB, "{mib:?} MiB");
}
