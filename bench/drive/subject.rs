//! Runs of prejoin itself, each a process of its own, as a user would start it.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::engine::PREFIX;
use super::measure::Measure;
use super::meter::{self, Meter};
use super::stage::{Scale, Stage};

/// The jobs of the benchmark.
#[derive(Clone, Copy)]
pub(crate) enum Job {
    /// Everything out of one PostgreSQL schema.
    OneServer,
    /// Out of PostgreSQL, MariaDB and SQLite.
    ThreeServers,
    /// Out of one PostgreSQL schema whose rows tell when they changed.
    Watched,
}

impl Job {
    /// What its readers ask.
    pub(crate) fn index(self) -> String {
        format!("{PREFIX}{}", self.name())
    }

    fn name(self) -> &'static str {
        match self {
            Self::OneServer => "tpch-one",
            Self::ThreeServers => "tpch",
            Self::Watched => "tpch-watched",
        }
    }
}

/// A full load into a fresh index, from the start of the process to its end.
pub(crate) fn load(stage: &Stage, job: Job, scale: &Scale) -> Result<Measure> {
    stage.clear()?;
    let mut command = prejoin(stage, job, scale);
    let measure = run(stage, &mut command, scale)?;
    stage.engine.expect(&job.index(), scale.documents())?;
    Ok(measure)
}

/// Another full load, beside the index that readers have.
pub(crate) fn load_again(stage: &Stage, job: Job, scale: &Scale) -> Result<Measure> {
    run(stage, &mut prejoin(stage, job, scale), scale)
}

/// Reads and assembles everything, by so many readers, and sends nothing.
pub(crate) fn read(stage: &Stage, readers: u32, scale: &Scale) -> Result<Measure> {
    stage.clear()?;
    let mut command = prejoin(stage, Job::OneServer, scale);
    command.arg("--dry-run").env("PREJOIN__LOAD__READERS", readers.to_string());
    run(stage, &mut command, scale)
}

/// Brings the index of [`Job::Watched`] in step: from the start of the process to its end. The documents are those written.
pub(crate) fn sync(stage: &Stage, scale: &Scale) -> Result<Measure> {
    ran(stage, &mut started(stage, "sync", Job::Watched, scale), "written")
}

/// Holds the index of [`Job::Watched`] against its rows, and finds it right. The documents are those looked at.
pub(crate) fn verify(stage: &Stage, scale: &Scale) -> Result<Measure> {
    let measure = ran(stage, &mut started(stage, "verify", Job::Watched, scale), "read")?;
    ensure!(measure.documents == scale.documents(), "{} were verified", measure.documents);
    Ok(measure)
}

/// The API of the indexes that are there, to be started.
pub(crate) fn serve(stage: &Stage, scale: &Scale) -> Command {
    let mut command = configured(stage, scale);
    command.arg("serve").env("PREJOIN__API__LISTEN", "127.0.0.1:0");
    command
}

fn run(stage: &Stage, command: &mut Command, scale: &Scale) -> Result<Measure> {
    let measure = ran(stage, command, "written")?;
    let (written, expected) = (measure.documents, scale.documents());
    ensure!(
        written == expected,
        "prejoin reports {written} documents where {expected} were expected"
    );
    Ok(measure)
}

/// A run to its end; what counts of it stands in its report by that name.
fn ran(stage: &Stage, command: &mut Command, counted: &str) -> Result<Measure> {
    let meter = Meter::start(&stage.servers)?;
    let ended = meter::run(command, &stage.data)?;
    let measure = meter.stop(0)?;
    let report: Value = serde_json::from_str(&ended.output).context("reading prejoin's report")?;
    let figure = |name: &str| report.get(name).and_then(Value::as_u64);
    let documents = figure(counted).with_context(|| format!("prejoin reports no `{counted}`"))?;
    Ok(Measure { documents, peak: ended.peak, sent: figure("bytes"), ..measure })
}

fn prejoin(stage: &Stage, job: Job, scale: &Scale) -> Command {
    started(stage, "reindex", job, scale)
}

fn started(stage: &Stage, what: &str, job: Job, scale: &Scale) -> Command {
    let mut command = configured(stage, scale);
    command.args(["--json", what, job.name()]);
    command
}

fn configured(stage: &Stage, scale: &Scale) -> Command {
    let (all, split) = (scale.all_in_one(), scale.by_service());
    let parts = stage.data.join(format!("{split}.sqlite"));
    let mut command = Command::new(&stage.prejoin);
    command.arg("--home").arg(&stage.home);
    command
        .env("PREJOIN__ENGINE__URL", stage.engine.url())
        .env("PREJOIN__ENGINE__STATE_PREFIX", format!("{PREFIX}prejoin"))
        .env("PREJOIN__SOURCES__TPCH__URL", &stage.postgres)
        .env("PREJOIN__SOURCES__TPCH__SCHEMA", all)
        .env("PREJOIN__SOURCES__WATCHED__URL", &stage.postgres)
        .env("PREJOIN__SOURCES__WATCHED__SCHEMA", scale.watched())
        .env("PREJOIN__SOURCES__ORDERS__URL", &stage.postgres)
        .env("PREJOIN__SOURCES__ORDERS__SCHEMA", &split)
        .env("PREJOIN__SOURCES__CUSTOMERS__URL", &stage.mariadb)
        .env("PREJOIN__SOURCES__CUSTOMERS__SCHEMA", &split)
        .env("PREJOIN__SOURCES__PARTS__PATH", parts);
    command
}
