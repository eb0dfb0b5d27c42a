//! What `prejoin serve` adds to a search: the same searches through it and straight to the engine, in turn.
//!
//! Promises: the engine is asked exactly what the API asks it, which the API itself explains; both are asked at one steady
//! pace, one after the other, so that whatever else the machine does meets both alike. A search that fails ends the measurement.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use elasticsearch::http::Method;
use elasticsearch::http::headers::{CONTENT_TYPE, HeaderMap, HeaderValue};
use elasticsearch::http::transport::Transport;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::processes;
use super::say;
use super::searches::{Latencies, search};
use super::stage::{Scale, Stage};
use super::subject::{self, Job};

/// How long each pace is kept.
const KEPT: Duration = Duration::from_secs(12);
/// Searches a second that are to be held.
const MANY: u32 = 1_000;

/// With a p99 beyond it, more is asked than is held.
pub(crate) const BEARABLE: Duration = Duration::from_millis(100);

/// A search whose cost is measured, and how many a second the engine is given of it, half of them through the API.
struct Kind {
    name: &'static str,
    pace: u32,
    body: Value,
}

/// What one kind of search costs.
pub(crate) struct Cost {
    pub(crate) name: &'static str,
    /// Searches a second, both ways together.
    pub(crate) pace: u32,
    pub(crate) straight: Latencies,
    pub(crate) served: Latencies,
    /// CPU time of `prejoin serve` for one search.
    pub(crate) cpu: Duration,
}

/// Many light searches a second, one way alone.
pub(crate) struct Held {
    pub(crate) pace: u32,
    pub(crate) straight: Latencies,
    /// Absent where the engine alone does not hold them, or the API turned some away.
    pub(crate) served: Option<Latencies>,
}

/// All that was measured of the API.
pub(crate) struct Served {
    pub(crate) costs: Vec<Cost>,
    pub(crate) held: Held,
}

/// Measures searches of the index that is there.
pub(crate) fn measure(stage: &Stage, job: Job, scale: &Scale) -> Result<Served> {
    let server = Server::start(stage, scale)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ways = Ways {
        straight: Transport::single_node(stage.engine.url()).context("the engine's URL")?,
        served: Transport::single_node(&server.url).context("the API's URL")?,
        index: job.index(),
    };
    let mut costs = Vec::new();
    for kind in kinds() {
        let cost = runtime.block_on(cost(&ways, &server, &kind))?;
        say(&format!("{}: straight {}; served {}", cost.name, cost.straight, cost.served));
        costs.push(cost);
    }
    let light = kinds().into_iter().next().context("there are no searches")?;
    let held = runtime.block_on(held(&ways, &light))?;
    let served = held.served.map_or_else(|| "not held".to_owned(), |served| served.to_string());
    say(&format!("{MANY}/s: straight {}; served {served}", held.straight));
    Ok(Served { costs, held })
}

fn kinds() -> Vec<Kind> {
    let light = json!({
        "filter": {"o_orderpriority": {"eq": "1-URGENT"}}, "sort": [{"field": "o_totalprice", "order": "desc"}],
        "page": {"size": 20}, "count": "none",
    });
    let heavy = json!({
        "filter": {"and": [
            {"lineitems": {"some": {"l_returnflag": {"eq": "R"}, "l_extendedprice": {"gt": 50_000}}}},
            {"not": {"customer.nation.n_name": {"in": ["GERMANY", "FRANCE"]}}}]},
        "sort": [{"field": "lineitems.l_extendedprice", "agg": "max", "where": {"l_returnflag": {"eq": "R"}}, "order": "desc"}],
        "facets": {"o_orderstatus": {"type": "terms"}, "customer.c_mktsegment": {"type": "terms"}},
        "page": {"size": 50}, "count": "exact",
    });
    vec![
        Kind { name: "light: a filter, a sort, 20 rows", pace: 200, body: light },
        Kind { name: "heavy: lists, facets, an exact count, 50 rows", pace: 20, body: heavy },
    ]
}

/// Both ways to the same documents.
struct Ways {
    straight: Transport,
    served: Transport,
    index: String,
}

impl Ways {
    fn api(&self, what: &str) -> String {
        format!("v1/{}/{what}", self.index)
    }

    /// Where the engine is asked, with what the API has it promise: all of an answer, and in time.
    fn engine(&self) -> String {
        let promised = "allow_partial_search_results=false&cancel_after_time_interval=5s";
        format!("{}/_search?{promised}", self.index)
    }

    /// What the API asks the engine.
    async fn explained(&self, body: &Value) -> Result<String> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let (path, body) = (self.api("explain"), body.to_string());
        let sent = self.served.send(Method::Post, &path, headers, None::<&()>, Some(body), None);
        let answer: Value = sent.await?.json().await.context("what the API explains")?;
        let search =
            answer.get("search").with_context(|| format!("nothing is explained: {answer}"))?;
        Ok(search.to_string())
    }
}

/// The same search in turn, straight and served.
async fn cost(ways: &Ways, server: &Server, kind: &Kind) -> Result<Cost> {
    let explained = ways.explained(&kind.body).await?;
    let straight = Way { transport: &ways.straight, path: ways.engine(), body: explained };
    let served =
        Way { transport: &ways.served, path: ways.api("search"), body: kind.body.to_string() };
    // What is fast from the hundredth time on is not what is asked about.
    keep(kind.pace, KEPT, &[&straight, &served]).await?;
    let before = processes::cpu_seconds(server.child.id())?;
    let [straight, served] = two(keep(kind.pace, KEPT, &[&straight, &served]).await?)?;
    let used = processes::cpu_seconds(server.child.id())? - before;
    let requests = u32::try_from(served.count).unwrap_or(u32::MAX).max(1);
    let cpu = Duration::from_secs_f64(used.max(0.0)) / requests;
    Ok(Cost { name: kind.name, pace: kind.pace, straight, served, cpu })
}

/// As many as are to be held, one way after the other.
async fn held(ways: &Ways, kind: &Kind) -> Result<Held> {
    let body = ways.explained(&kind.body).await?;
    let straight = Way { transport: &ways.straight, path: ways.engine(), body };
    let served =
        Way { transport: &ways.served, path: ways.api("search"), body: kind.body.to_string() };
    let one = |mut all: Vec<Latencies>| all.pop().context("nothing was asked");
    let straight = one(keep(MANY, KEPT, &[&straight]).await?)?;
    let mut held = Held { pace: MANY, straight, served: None };
    if straight.p99 <= BEARABLE {
        match keep(MANY, KEPT, &[&served]).await.and_then(one) {
            Ok(served) => held.served = Some(served),
            Err(error) => say(&format!("{MANY}/s through the API: {error:#}")),
        }
    }
    Ok(held)
}

fn two(all: Vec<Latencies>) -> Result<[Latencies; 2]> {
    all.try_into().ok().context("both ways were to be asked")
}

/// One way to ask, and what.
struct Way<'w> {
    transport: &'w Transport,
    path: String,
    body: String,
}

/// Asks so many times a second for so long, each way in its turn; how long each took.
async fn keep(pace: u32, time: Duration, ways: &[&Way<'_>]) -> Result<Vec<Latencies>> {
    let mut ticks = interval(Duration::from_secs(1) / pace);
    // What the machine was too busy for is made up for.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut asked = JoinSet::new();
    let mut times = vec![Vec::new(); ways.len()];
    let end = tokio::time::Instant::now() + time;
    for number in (0..ways.len()).cycle() {
        let due = ticks.tick().await;
        if due >= end {
            break;
        }
        let Some(way) = ways.get(number) else { break };
        let (transport, path, body) = (way.transport.clone(), way.path.clone(), way.body.clone());
        asked.spawn(async move { anyhow::Ok((number, search(transport, path, body, due).await?)) });
        while let Some(ended) = asked.try_join_next() {
            note(&mut times, ended??);
        }
    }
    while let Some(ended) = asked.join_next().await {
        note(&mut times, ended??);
    }
    times.into_iter().map(|times| Latencies::of(times).context("nothing was asked")).collect()
}

fn note(times: &mut [Vec<Duration>], (way, time): (usize, Duration)) {
    if let Some(times) = times.get_mut(way) {
        times.push(time);
    }
}

/// A running `prejoin serve`; it ends with this value.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start(stage: &Stage, scale: &Scale) -> Result<Self> {
        let mut command: Command = subject::serve(stage, scale);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().context("starting `prejoin serve`")?;
        let said = child.stderr.take().context("what it says")?;
        let mut server = Self { child, url: String::new() };
        let mut lines = BufReader::new(said).lines();
        let url = lines.by_ref().map_while(Result::ok);
        let url =
            url.into_iter().find_map(|line| Some(line.strip_prefix("listening on ")?.to_owned()));
        server.url = url.context("`prejoin serve` does not listen")?;
        // It tells of each request, and would wait for a reader.
        thread::spawn(move || lines.for_each(drop));
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has nothing to save.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
