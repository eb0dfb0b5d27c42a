//! What every command that touches a job needs first: configuration, job, mapping, live tables, plan.

use futures::future::join_all;

use crate::assemble::Masking;
use crate::cli::Shared;
use crate::cli::failure::Failure;
use crate::config::Config;
use crate::finding::Finding;
use crate::job::Job;
use crate::mapping::Mapping;
use crate::plan::{Live, Plan, Planned, plan};
use crate::source::Sources;

/// A job held against everything around it.
pub(super) struct Prepared {
    pub(super) planned: Planned,
    pub(super) sources: Sources,
}

pub(super) fn config(shared: &Shared) -> Result<Config, Failure> {
    Config::load(&shared.home, shared.profile.as_deref()).map_err(Failure::not_started)
}

/// The complaint that there is nothing to do.
pub(super) fn no_jobs(config: &Config) -> Finding {
    Finding::error(format!("there are no jobs in {}", config.home.join("jobs").display()))
        .hint("--home names the folder that holds config/, jobs/ and mappings/")
}

/// The mapping of a job.
pub(super) fn mapping(config: &Config, job: &Job) -> Result<Mapping, Finding> {
    let name = job.file.mapping.as_str();
    let file = config.home.join("mappings").join(name);
    Mapping::load(&file).map_err(|finding| match file.exists() {
        true => finding,
        false => Finding::error(format!("there is no mapping `{name}`"))
            .hint(format!("put it into {}", config.home.join("mappings").display()))
            .at(&job.path, job.file.mapping.place()),
    })
}

/// Plans the job of that name; whatever is wrong becomes a finding.
pub(super) async fn job(config: &Config, name: &str) -> Prepared {
    let job = match Job::load(&config.home, name) {
        Ok(job) => job,
        Err(finding) => {
            let planned = Planned { plan: None, findings: vec![finding] };
            return Prepared { planned, sources: Sources::new() };
        }
    };
    let mapping = mapping(config, &job);
    let (live, sources) = Live::open(&job, config).await;
    let mut planned = plan(&job, config, mapping.as_ref().ok(), &live);
    planned.findings.extend(mapping.err());
    if let Some(plan) = &planned.plan {
        let findings = unready(plan, &job, &sources).await;
        if !findings.is_empty() {
            planned.plan = None;
            planned.findings.extend(findings);
        }
    }
    Prepared { planned, sources }
}

/// Reads that a server does not understand.
async fn unready(plan: &Plan, job: &Job, sources: &Sources) -> Vec<Finding> {
    let nodes = plan.root.walk();
    let tried = nodes.into_iter().filter_map(|node| {
        let source = sources.get(&node.source)?;
        Some(async move {
            let error = source.prepare(&node.read).await.err()?;
            let finding = Finding::error(format!("{error:#}"));
            let hint = "the server was asked to prepare this read: look at `where`, `query` and the joined columns";
            Some(finding.hint(hint).at(&job.path, node.place))
        })
    });
    join_all(tried).await.into_iter().flatten().collect()
}

/// The key of masked fields, when one is configured.
pub(super) fn masking(config: &Config) -> anyhow::Result<Option<Masking>> {
    let Some(key) = &config.mask_key else { return Ok(None) };
    let key = key.reveal()?;
    anyhow::ensure!(!key.is_empty(), "mask.key is empty");
    Ok(Masking::new(key.as_bytes()))
}
