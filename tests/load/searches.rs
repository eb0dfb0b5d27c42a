//! Fifty searches a second while an index is rebuilt, swapped and rolled back: none fails, and each sees one generation whole.

use std::time::Duration;

use ::elasticsearch::http::Method;
use ::elasticsearch::http::headers::{CONTENT_TYPE, HeaderMap, HeaderValue};
use ::elasticsearch::http::transport::Transport;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::shop::{Shop, numbers};
use crate::support::engines::{TestEngine, on_both_engines};
use crate::support::place::Place;
use crate::support::serving::Serving;

const PAUSE: Duration = Duration::from_millis(20);

const MAPPING: &str = r#"{"settings": {"number_of_replicas": 0}, "mappings": {"dynamic": "strict",
    "properties": {"id": {"type": "long"}, "marker": {"type": "long"}}}}"#;

/// Rows of each generation.
const ROWS: [usize; 3] = [0, 20_000, 50_000];

on_both_engines!(readers_see_one_whole_generation_or_the_other);

/// What one search saw: the generation by its rows' marker, and their number.
#[derive(Debug, Clone, Copy)]
struct Seen {
    asked: Instant,
    answered: Instant,
    marker: usize,
    rows: usize,
}

/// Asks at a steady pace, whether earlier searches are answered or not, until it is told to stop.
struct Searches {
    stop: CancellationToken,
    count: watch::Receiver<usize>,
    task: JoinHandle<Vec<Seen>>,
    began: Instant,
}

impl Searches {
    fn start(asked: [Asked; 2]) -> Self {
        let (stop, began) = (CancellationToken::new(), Instant::now());
        let (counter, count) = watch::channel(0);
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            let mut ticks = interval(PAUSE);
            // What the machine was too busy for is made up for.
            ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
            let mut searches = JoinSet::new();
            for asked in asked.iter().cycle() {
                tokio::select! {
                    biased;
                    () = stopped.cancelled() => break,
                    _ = ticks.tick() => {}
                }
                searches.spawn(asked.clone().search());
                counter.send_modify(|count| *count += 1);
            }
            searches.join_all().await
        });
        Self { stop, count, task, began }
    }

    /// What was seen, in the order of the answers.
    async fn end(mut self) -> Vec<Seen> {
        // As many as the time asks for, and a few of each kind behind what has just ended.
        let due = self.began.elapsed().as_millis() / PAUSE.as_millis() + 4;
        let asked = self.count.wait_for(|count| *count as u128 >= due);
        tokio::time::timeout(Duration::from_secs(30), asked).await.unwrap().unwrap();
        self.stop.cancel();
        let mut seen = self.task.await.unwrap();
        seen.sort_by_key(|seen| seen.answered);
        seen
    }
}

/// One way to ask, and how its answer is read.
#[derive(Clone)]
struct Asked {
    transport: Transport,
    path: String,
    body: String,
    read: fn(&Value) -> (usize, usize),
}

impl Asked {
    fn new(url: &str, path: String, body: &Value, read: fn(&Value) -> (usize, usize)) -> Self {
        let transport = Transport::single_node(url).unwrap();
        Self { transport, path, body: body.to_string(), read }
    }

    /// The engine itself, through the alias.
    async fn engine(shop: &Shop) -> Self {
        let markers = json!({"markers": {"terms": {"field": "marker"}}});
        let body = json!({"size": 0, "track_total_hits": true, "aggs": markers});
        let path = format!("{}/_search", &*shop.index);
        Self::new(&shop.engine.url().await, path, &body, |answer| {
            assert_eq!(answer["_shards"]["failed"], 0, "{answer}");
            assert_eq!(answer["timed_out"], false, "{answer}");
            let markers = answer["aggregations"]["markers"]["buckets"].as_array().unwrap();
            let [marker] = markers.as_slice() else { panic!("rows of both: {answer}") };
            assert_eq!(marker["doc_count"], answer["hits"]["total"]["value"], "{answer}");
            (number(&marker["key"]), number(&marker["doc_count"]))
        })
    }

    /// The API, which asks the alias.
    fn api(serving: &Serving, shop: &Shop) -> Self {
        let body = json!({"count": "exact", "page": {"size": 20}, "fields": ["marker"]});
        let path = format!("v1/{}/search", &*shop.index);
        Self::new(&serving.url(), path, &body, |answer| {
            let rows = answer["data"].as_array().unwrap_or_else(|| panic!("{answer}"));
            let marker = &rows[0]["marker"];
            assert!(rows.iter().all(|row| row["marker"] == *marker), "rows of both: {answer}");
            (number(marker), number(&answer["total"]["value"]))
        })
    }

    async fn search(self) -> Seen {
        let asked = Instant::now();
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let (body, none) = (Some(self.body), None::<&()>);
        let sent = self.transport.send(Method::Post, &self.path, headers, none, body, None);
        let answer = sent.await.unwrap();
        let status = answer.status_code();
        let answer: Value = answer.json().await.unwrap();
        assert_eq!(status.as_u16(), 200, "{answer}");
        let (marker, rows) = (self.read)(&answer);
        Seen { asked, answered: Instant::now(), marker, rows }
    }
}

fn number(value: &Value) -> usize {
    value
        .as_u64()
        .and_then(|value| usize::try_from(value).ok())
        .unwrap_or_else(|| panic!("{value}"))
}

/// The table as the generation `marker` shall have it.
async fn fill(place: &Place, marker: usize) {
    let rows = numbers(place, ROWS[marker]);
    place
        .run(&format!("DELETE FROM things; INSERT INTO things SELECT i, {marker} FROM ({rows})"))
        .await;
}

/// Runs a command while readers ask; they see one generation, then the other, whole and never the first again.
async fn watched(shop: &Shop, asked: [Asked; 2], command: &[&str], from_to: [usize; 2]) {
    let searches = Searches::start(asked);
    let ran = shop.home.run_beside(command).await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let seen = searches.end().await;
    let [from, to] = from_to;
    for seen in &seen {
        assert!([from, to].contains(&seen.marker), "{seen:?}");
        assert_eq!(seen.rows, ROWS[seen.marker], "{seen:?}");
    }
    let first_new = seen.iter().filter(|seen| seen.marker == to).map(|seen| seen.answered).min();
    let first_new = first_new.expect("readers have changed over");
    let back = seen.iter().find(|seen| seen.marker == from && seen.asked > first_new);
    assert!(back.is_none(), "{back:?} after {first_new:?}");
    assert!(seen.iter().any(|seen| seen.marker == from), "the change was not watched");
    println!(
        "{} searches, {} of them before the change",
        seen.len(),
        seen.iter().filter(|seen| seen.marker == from).count()
    );
}

async fn readers_see_one_whole_generation_or_the_other(engine: TestEngine) {
    let place = Place::sqlite().await;
    place.run("CREATE TABLE things (id INTEGER PRIMARY KEY, marker INTEGER)").await;
    fill(&place, 1).await;
    let shop =
        Shop::new(&place, engine, "  table: things\n  fields: [id, marker]\n", MAPPING).await;
    let ran = shop.home.run(&["reindex", "shop"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let serving = Serving::start(&shop.home).await;
    let asked = [Asked::engine(&shop).await, Asked::api(&serving, &shop)];

    fill(&place, 2).await;
    watched(&shop, asked.clone(), &["reindex", "shop"], [1, 2]).await;
    watched(&shop, asked.clone(), &["rollback", "shop"], [2, 1]).await;
    watched(&shop, asked, &["reindex", "shop"], [1, 2]).await;
}
