//! Plans over tables in memory, for unit tests of what stands behind the planner.

use std::path::PathBuf;
use std::sync::Arc;

use super::{Live, Plan, plan};
use crate::config::Config;
use crate::job::Job;
use crate::mapping::Mapping;
use crate::source::memory::Memory;
use crate::source::{Source, Sources};

/// The tables as the one source `s`.
pub(crate) fn sources(memory: &Arc<Memory>) -> Sources {
    let source: Arc<dyn Source> = Arc::<Memory>::clone(memory);
    Sources::from([("s".to_owned(), source)])
}

/// The plan of a job over source `s`, whose mapping takes whatever it holds.
pub(crate) async fn planned(job: &str, memory: &Arc<Memory>) -> Plan {
    let (home, path) = (tempfile::tempdir().unwrap(), PathBuf::from("jobs/a.yaml"));
    let job = Job {
        name: "a".to_owned(),
        text: job.to_owned(),
        file: crate::yaml::parse(&path, job).unwrap(),
        path,
    };
    std::fs::create_dir(home.path().join("config")).unwrap();
    let text = "sources: {s: {kind: sqlite, path: s.db}}\nmask: {key: k}";
    std::fs::write(home.path().join("config/default.yaml"), text).unwrap();
    let config = Config::load(home.path(), None).unwrap();
    let mapping = Mapping::parse(
        &home.path().join("a.json"),
        r#"{"mappings": {"properties": {"x": {"type": "long"}}}}"#,
    );
    let live = Live::read(&job, &sources(memory)).await;
    let planned = plan(&job, &config, Some(&mapping.unwrap()), &live);
    planned.plan.unwrap_or_else(|| panic!("{:?}", planned.findings))
}
