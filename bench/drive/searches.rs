//! Light searches while something else goes on: how long readers wait for their page of orders.
//!
//! Promises: asks at a steady pace whether earlier searches are answered or not, and counts each from the moment it was due,
//! so that a stall counts for all who would have waited. A search that fails ends the measurement. Shares no code with prejoin.

use std::fmt;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use elasticsearch::http::Method;
use elasticsearch::http::headers::{CONTENT_TYPE, HeaderMap, HeaderValue};
use elasticsearch::http::transport::Transport;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// Between one search and the next: a few busy people's worth, which leaves the engine nearly idle.
const PAUSE: Duration = Duration::from_millis(40);
const LONGEST: Duration = Duration::from_secs(60);
const PRIORITIES: [&str; 5] = ["1-URGENT", "2-HIGH", "3-MEDIUM", "4-NOT SPECIFIED", "5-LOW"];
const SORTS: [&str; 2] = ["o_totalprice", "o_orderdate"];

/// How long searches took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Latencies {
    /// Searches.
    pub(crate) count: usize,
    /// Half of them took no longer.
    pub(crate) p50: Duration,
    /// Of a hundred, ninety-nine took no longer.
    pub(crate) p99: Duration,
    /// The longest one.
    pub(crate) max: Duration,
}

impl Latencies {
    /// `None` when nothing was asked.
    pub(crate) fn of(mut times: Vec<Duration>) -> Option<Self> {
        times.sort_unstable();
        // The nearest rank: a time that a search really took.
        let percentile = |percent: usize| {
            times.get((times.len() * percent).div_ceil(100).checked_sub(1)?).copied()
        };
        Some(Self {
            count: times.len(),
            p50: percentile(50)?,
            p99: percentile(99)?,
            max: percentile(100)?,
        })
    }
}

impl fmt::Display for Latencies {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [p50, p99, max] = [self.p50, self.p99, self.max].map(|time| time.as_secs_f64() * 1e3);
        let count = self.count;
        write!(formatter, "{count} searches: p50 {p50:.1} ms, p99 {p99:.1} ms, longest {max:.1} ms")
    }
}

/// Does `work`, and searches `index` of TPC-H orders all the while.
///
/// # Errors
/// When a search fails, or the work was over before the first one.
pub(crate) fn beside<T>(
    url: &str,
    index: &str,
    work: impl FnOnce() -> T,
) -> Result<(T, Latencies)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let transport = Transport::single_node(url).context("reading the engine's URL")?;
    let (path, stop) = (format!("{index}/_search"), CancellationToken::new());
    let (done, times) = thread::scope(|scope| {
        let ended = stop.clone().drop_guard();
        let asking = scope.spawn(|| runtime.block_on(ask(&transport, &path, &stop)));
        let done = work();
        drop(ended);
        (done, asking.join())
    });
    let times = times.map_err(|_| anyhow!("the searches broke off"))??;
    Ok((done, Latencies::of(times).context("there was no time for a single search")?))
}

/// Asks until it is told to stop, and waits for the last answer.
async fn ask(transport: &Transport, path: &str, stop: &CancellationToken) -> Result<Vec<Duration>> {
    let mut ticks = interval(PAUSE);
    // What the machine was too busy for is made up for.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (mut searches, mut times) = (JoinSet::new(), Vec::new());
    for number in 0.. {
        let due = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            due = ticks.tick() => due,
        };
        searches.spawn(search(transport.clone(), path.to_owned(), body(number), due));
        while let Some(ended) = searches.try_join_next() {
            times.push(ended??);
        }
    }
    while let Some(ended) = searches.join_next().await {
        times.push(ended??);
    }
    Ok(times)
}

/// A filter, a sort and a page, in ten kinds one after another.
fn body(number: usize) -> String {
    let priority = PRIORITIES.iter().cycle().nth(number % PRIORITIES.len());
    let sort = SORTS.iter().cycle().nth(number % SORTS.len()).copied().unwrap_or_default();
    let filter = json!({"bool": {"filter": [{"term": {"o_orderpriority": priority}}]}});
    json!({"size": 20, "query": filter, "sort": [{sort: "desc"}]}).to_string()
}

/// One search, from the moment at which it was due to the last byte of its answer.
pub(crate) async fn search(
    transport: Transport,
    path: String,
    body: String,
    due: Instant,
) -> Result<Duration> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let sent = transport.send(Method::Post, &path, headers, None::<&()>, Some(body), Some(LONGEST));
    let answer = sent.await.context("searching")?;
    let status = answer.status_code();
    ensure!(status.is_success(), "a search was answered with {status}");
    answer.bytes().await.context("reading a search's answer")?;
    Ok(due.elapsed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_taken() {
        let of = |times: &[u64]| {
            let latencies =
                Latencies::of(times.iter().copied().map(Duration::from_millis).collect());
            latencies.map(|l| [l.p50, l.p99, l.max].map(|time| time.as_millis()))
        };
        let hundred: Vec<u64> = (1..=100).rev().collect();
        assert_eq!(of(&hundred), Some([50, 99, 100]));
        assert_eq!(of(&[7]), Some([7, 7, 7]));
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn ten_kinds_of_searches_come_in_turn() {
        let kinds: std::collections::BTreeSet<String> = (0..30).map(body).collect();
        assert_eq!(kinds.len(), 10);
        assert_eq!(body(3), body(13));
    }
}
