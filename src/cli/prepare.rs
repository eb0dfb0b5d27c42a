//! What every command that touches a job needs first: configuration, job, mapping, live tables, plan.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use anyhow::anyhow;
use futures::future::join_all;

use crate::assemble::Masking;
use crate::cli::failure::Failure;
use crate::cli::{Shared, marks, render};
use crate::config::Config;
use crate::finding::{Code, Finding, Level, Place, hint_of};
use crate::job::Job;
use crate::mapping::Mapping;
use crate::plan::{self, LINK, Live, Plan, Planned, plan};
use crate::sink::Client;
use crate::sink::version::BATCHES;
use crate::source::{PageSize, Read, Source, Sources};
use crate::state::State;
use crate::sync::Engine;
use crate::trace::Tracer;

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
            .code(Code::MissingMapping)
            .hint(format!("put it into {}", config.home.join("mappings").display()))
            .at(&job.path, job.file.mapping.place()),
    })
}

/// Plans the job of that name for a run; whatever is wrong becomes a finding.
pub(super) async fn job(config: &Config, name: &str) -> Prepared {
    prepared(config, name, plan).await
}

/// As [`job`], with everything that deserves a look.
pub(super) async fn review(config: &Config, name: &str) -> Prepared {
    let mut prepared = prepared(config, name, plan::review).await;
    if let Some(plan) = &prepared.planned.plan {
        let sources = &prepared.sources;
        let (unseen, unfit) = tokio::join!(unseen(plan, sources), marks::unfit(plan, sources));
        prepared.planned.findings.extend(unseen);
        prepared.planned.findings.extend(unfit);
    }
    prepared
}

type Planning = fn(&Job, &Config, Option<&Mapping>, &Live) -> Planned;

async fn prepared(config: &Config, name: &str, planning: Planning) -> Prepared {
    match Job::load(&config.home, name) {
        Ok(job) => with_mapping(config, &job, mapping(config, &job), planning).await,
        Err(finding) => {
            let planned = Planned { plan: None, findings: vec![finding] };
            Prepared { planned, sources: Sources::new() }
        }
    }
}

/// Plans a job under a mapping, whatever their files are now.
pub(super) async fn by(config: &Config, job: &Job, mapping: Mapping) -> Prepared {
    with_mapping(config, job, Ok(mapping), plan).await
}

async fn with_mapping(
    config: &Config,
    job: &Job,
    mapping: Result<Mapping, Finding>,
    planning: Planning,
) -> Prepared {
    let (live, sources) = Live::open(job, config).await;
    let mut planned = planning(job, config, mapping.as_ref().ok(), &live);
    planned.findings.extend(mapping.err());
    if let Some(plan) = &planned.plan {
        let findings = unready(plan, job, &sources).await;
        if !findings.is_empty() {
            planned.plan = None;
            planned.findings.extend(findings);
            planned.findings = plan::sorted(planned.findings);
        }
    }
    Prepared { planned, sources }
}

/// Reads that a server does not understand.
async fn unready(plan: &Plan, job: &Job, sources: &Sources) -> Vec<Finding> {
    let nodes = plan.root.walk();
    let joins = nodes
        .iter()
        .filter_map(|node| Some((sources.get(&node.source)?, Arc::clone(&node.read), node.place)));
    let tracer = match Tracer::new(plan, sources, PageSize { rows: 1, bytes: 1 }) {
        Ok(tracer) => tracer,
        Err(error) => return vec![Finding::error(format!("{error:#}"))],
    };
    let watched = tracer.reads().map(|(name, source, read)| {
        let path = name.strip_suffix(LINK).unwrap_or(name);
        let place = nodes.iter().find(|node| node.path == path).and_then(|node| node.place);
        (source, Arc::clone(read), place)
    });
    let tried = once(joins.chain(watched)).into_iter().map(|(source, read, place)| async move {
        let error = source.prepare(&read).await.err()?;
        let finding = Finding::error(format!("{error:#}"));
        let hint = "the server was asked to prepare this read: look at `where`, `query` and the joined columns";
        let hint = hint_of(&error).unwrap_or_else(|| hint.to_owned());
        Some(finding.code(Code::RefusedRead).hint(hint).at(&job.path, place))
    });
    join_all(tried).await.into_iter().flatten().collect()
}

/// A read, whose it is, and where the job names it.
type Tried<'s> = (&'s Arc<dyn Source>, Arc<Read>, Option<Place>);

/// Those that differ to their server: two ways up may begin with the same step.
fn once<'s>(reads: impl Iterator<Item = Tried<'s>>) -> Vec<Tried<'s>> {
    let mut seen = HashSet::new();
    let is_new = |(source, read, _): &Tried<'s>| {
        let whose = Arc::as_ptr(source).cast::<()>();
        source.statement(read).map_or(true, |statement| seen.insert((whose, statement)))
    };
    reads.filter(is_new).collect()
}

/// Sources whose open transactions the account does not see: of those a change may be missed.
async fn unseen(plan: &Plan, sources: &Sources) -> Vec<Finding> {
    // By the place where the job names a source first.
    let mut named = BTreeMap::new();
    for node in plan.root.walk() {
        named.entry(node.source.as_str()).or_insert(node.place);
    }
    let asked = named.into_iter().filter_map(|(name, place)| {
        let source = sources.get(name)?;
        Some(async move {
            let finding = match source.unseen_transactions().await {
                Ok(None) => return None,
                Ok(Some(grant)) => Finding::warning(format!(
                    "source `{name}`: the account does not see open transactions of others, whose changes an incremental run may miss"
                ))
                .hint(format!("{grant}; or set the source's `overlap` longer than the longest transaction")),
                Err(error) => Finding::warning(format!("{error:#}")),
            };
            Some(finding.code(Code::UnseenTransactions).at(&plan.file, place))
        })
    });
    join_all(asked).await.into_iter().flatten().collect()
}

/// The key of masked fields, when one is configured.
pub(super) fn masking(config: &Config) -> anyhow::Result<Option<Masking>> {
    let Some(key) = &config.mask_key else { return Ok(None) };
    let key = key.reveal()?;
    anyhow::ensure!(!key.is_empty(), "mask.key is empty");
    Ok(Masking::new(key.as_bytes()))
}

/// The search engine, once it answers.
pub(super) async fn client(config: &Config) -> Result<Client, Failure> {
    let client = Client::connect(&config.engine).await.map_err(Failure::not_started)?;
    Ok(client.patient(config.engine.retry_for))
}

/// What a run of the job works with.
pub(super) fn engine(
    config: &Config,
    client: Client,
    prepared: Prepared,
    job: &str,
) -> Result<Arc<Engine>, Failure> {
    let plan = usable(prepared.planned, job)?;
    Ok(Arc::new(Engine {
        plan: Arc::new(plan),
        sources: prepared.sources,
        state: State::new(client.clone(), &config.engine.state_prefix),
        client,
        load: config.load,
        retry_for: config.engine.retry_for,
        lease_ttl: config.engine.lease_ttl,
        batches: BATCHES,
        masking: masking(config).map_err(Failure::not_started)?,
    }))
}

/// The plan; findings are printed, and errors among them keep the run from starting.
pub(super) fn usable(planned: Planned, job: &str) -> Result<Plan, Failure> {
    let Planned { plan, findings } = planned;
    let errors = findings.iter().filter(|finding| finding.level == Level::Error).count();
    if let ([only], None) = (findings.as_slice(), &plan) {
        return Err(Failure::not_started(only.clone()));
    }
    render::findings(&findings);
    plan.filter(|_| errors == 0).ok_or_else(|| {
        Failure::not_started(anyhow!("job `{job}` cannot run: {errors} error(s), see above"))
    })
}
