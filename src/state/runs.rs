//! Runs that have ended: what `status` tells of them.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{State, hits};
use crate::sink::Method;

/// How many runs of a job are remembered.
const REMEMBERED: usize = 100;

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// The job's name.
    pub job: String,
    /// What kind of run it was.
    pub mode: String,
    /// The real index that was written.
    pub index: String,
    /// When it began, ISO 8601.
    pub started_at: String,
    /// When it ended, ISO 8601.
    pub ended_at: String,
    /// All that the run said of itself.
    pub report: Value,
}

pub(super) fn properties() -> Value {
    json!({
        "kind": {"type": "keyword"},
        "body": {"type": "object", "enabled": false},
        "job": {"type": "keyword"},
        "mode": {"type": "keyword"},
        "index": {"type": "keyword"},
        "started_at": {"type": "date"},
        "ended_at": {"type": "date"},
        "report": {"type": "object", "enabled": false},
    })
}

impl RunRecord {
    /// The record of a run's report, which has `job`, `mode`, `index`, `started_at` and `ended_at` among its fields.
    ///
    /// # Errors
    /// When one of them is missing.
    pub fn of(report: &impl Serialize) -> Result<Self> {
        let report = serde_json::to_value(report).context("the report")?;
        let field = |name: &str| {
            let text = report.get(name).and_then(Value::as_str).map(str::to_owned);
            text.with_context(|| format!("the report has no `{name}`"))
        };
        Ok(Self {
            job: field("job")?,
            mode: field("mode")?,
            index: field("index")?,
            started_at: field("started_at")?,
            ended_at: field("ended_at")?,
            report,
        })
    }

    /// How it ended: `finished`, `stopped`, …
    pub fn outcome(&self) -> &str {
        self.text("outcome").unwrap_or("ended")
    }

    /// Why it stopped, where it did.
    pub fn error(&self) -> Option<&str> {
        self.text("error")
    }

    /// What to do next, where that is not plain.
    pub fn next(&self) -> Option<&str> {
        self.text("next")
    }

    /// One line for people.
    pub fn summary(&self) -> String {
        let count = |name: &str| self.report.get(name).and_then(Value::as_u64).unwrap_or(0);
        let seconds = self.report.get("seconds").and_then(Value::as_f64).unwrap_or_default();
        // What an earlier run had read already took none of this one's time.
        let read = count("read").saturating_sub(count("resumed_at"));
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = read as f64 / seconds.max(0.001);
        format!(
            "{} of {}, {} {} after {seconds:.1} s ({rate:.0} rows/s): {} read, {} written, {} dead letters",
            self.mode,
            self.index,
            self.outcome(),
            self.ended_at,
            count("read"),
            count("written"),
            count("dead_letters")
        )
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.report.get(name).and_then(Value::as_str)
    }
}

impl State {
    /// Remembers a run by its report (see [`RunRecord::of`]), and forgets the oldest of the job's beyond a hundred, as of the
    /// last refresh.
    ///
    /// # Errors
    /// When the engine does not answer or refuses.
    pub async fn record_run(&self, report: &impl Serialize) -> Result<()> {
        let run = RunRecord::of(report)?;
        self.make(&self.runs).await?;
        let index = self.runs.index.as_str();
        let document = serde_json::to_value(&run).context("the run's record")?;
        // Whoever wants to see it has it made findable.
        let kept = self.client.call(Method::Post, &[index, "_doc"], &[], Some(&document)).await;
        kept.with_context(|| format!("index `{index}`"))?;
        let superseded = json!({"from": REMEMBERED, "_source": false});
        let superseded = self.search(&self.runs, &latest(&run.job, superseded)).await?;
        for id in superseded.iter().flat_map(hits).filter_map(|hit| hit.get("_id")?.as_str()) {
            match self.client.call(Method::Delete, &[index, "_doc", id], &[], None).await {
                Err(error) if !error.is_not_found() => return Err(error.into()),
                _ => {}
            }
        }
        Ok(())
    }

    /// The job's latest run; `None` when none is remembered.
    ///
    /// # Errors
    /// When the engine does not answer or refuses.
    pub async fn last_run(&self, job: &str) -> Result<Option<RunRecord>> {
        let found = self.search_now(&self.runs, &latest(job, json!({"size": 1}))).await?;
        let newest = found.iter().flat_map(hits).next().and_then(|hit| hit.get("_source"));
        let newest = newest.map(RunRecord::deserialize);
        newest.transpose().context("the last run's record cannot be read")
    }

    /// The job's latest run of each mode, the latest first.
    ///
    /// # Errors
    /// When the engine does not answer or refuses.
    pub async fn last_runs(&self, job: &str) -> Result<Vec<RunRecord>> {
        let each = json!({"size": REMEMBERED, "collapse": {"field": "mode"}});
        let found = self.search_now(&self.runs, &latest(job, each)).await?;
        let runs = found.iter().flat_map(hits).filter_map(|hit| hit.get("_source"));
        let runs = runs.map(RunRecord::deserialize).collect::<Result<_, _>>();
        runs.context("a run's record cannot be read")
    }
}

/// A search for a job's runs, the latest first.
fn latest(job: &str, mut search: Value) -> Value {
    if let Value::Object(search) = &mut search {
        search.insert("query".to_owned(), json!({"term": {"job": job}}));
        search.insert("sort".to_owned(), json!([{"started_at": "desc"}]));
    }
    search
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_becomes_a_record() {
        let mut report = json!({
            "job": "contracts", "mode": "reindex", "index": "contracts-000002", "read": 10, "written": 9, "dead_letters": 1,
            "resumed_at": 4, "seconds": 1.5, "outcome": "finished",
            "started_at": "2026-11-21T08:30:00Z", "ended_at": "2026-11-21T08:31:00Z",
        });
        insta::assert_snapshot!(
            RunRecord::of(&report).unwrap().summary(),
            @"reindex of contracts-000002, finished 2026-11-21T08:31:00Z after 1.5 s (4 rows/s): 10 read, 9 written, 1 dead letters"
        );
        report.as_object_mut().unwrap().remove("index");
        assert_eq!(RunRecord::of(&report).unwrap_err().to_string(), "the report has no `index`");
    }
}
