//! Asks the engine for rows.
//!
//! Promises: an answer is whole, and came in time, or there is none; an engine that is left alone is not asked. Never passes
//! on what the engine says of its own troubles.

use serde_json::Value;

use super::Shared;
use super::answer::EngineAnswer;
use super::breaker::Unanswered;
use super::problem::Problem;
use crate::sink::{EngineError, Flavor, Method};

/// What the engine answers to a search, whole.
pub(super) async fn ask(
    shared: &Shared,
    request_id: &str,
    segments: &[&str],
    body: &Value,
) -> Result<EngineAnswer, Problem> {
    let most = shared.config.limits.answer.0 as u64;
    ask_up_to(shared, request_id, (segments, body), Some(most)).await
}

/// The same, of no more than `most` bytes.
pub(super) async fn ask_up_to(
    shared: &Shared,
    request_id: &str,
    (segments, body): (&[&str], &Value),
    most: Option<u64>,
) -> Result<EngineAnswer, Problem> {
    let timeout = shared.config.timeout;
    let within = format!("{}ms", timeout.as_millis());
    let ends = ends_a_search(shared.client.engine().flavor);
    let mut options = vec![("allow_partial_search_results", "false"), (ends, within.as_str())];
    // The engine keeps such answers by itself only where not even a row was asked for.
    if body.get("_source") == Some(&Value::Bool(false)) {
        options.push(("request_cache", "true"));
    }
    let sent = async {
        let asked = (segments, &options[..]);
        let answer = shared.client.send_up_to(most, Method::Post, asked, body).await?.success()?;
        let mut read: EngineAnswer = answer.json()?;
        read.bytes = answer.body.len();
        Ok(read)
    };
    match shared.breaker.ask(shared.wait(), sent).await {
        Ok(answer) => answer.whole(),
        // Only a snapshot is asked without an index, and then it is what is not there.
        Err(Unanswered::Failed(error)) if error.is_not_found() && segments.len() == 1 => {
            Err(Problem::cursor_expired())
        }
        Err(Unanswered::Failed(error)) => Err(refused(&error, request_id)),
        Err(unanswered) => Err(unanswered.into()),
    }
}

/// The parameter that gives a search so much time and no more.
///
/// OpenSearch can end it all at once (<https://docs.opensearch.org/latest/api-reference/search-apis/search/>,
/// `cancel_after_time_interval`): sooner, and for less than looking at the clock along the way, which costs a search of lists and
/// facets a twentieth of its time. Elasticsearch has only that.
fn ends_a_search(flavor: Flavor) -> &'static str {
    match flavor {
        Flavor::OpenSearch => "cancel_after_time_interval",
        Flavor::Elasticsearch => "timeout",
    }
}

fn refused(error: &EngineError, request_id: &str) -> Problem {
    tracing::warn!(error = %error, request_id, "search failed");
    Problem::from(error)
}
