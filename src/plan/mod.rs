//! The plan: a job that has been held against configuration, mapping and the live tables, ready to run.
//!
//! Promises: all findings at once, each with its place in the job's file; a plan is only made when none is an error, and
//! then every column, key and field in it exists. Pure: it reads nothing but its arguments; [`Live`] is what was read.

mod advice;
mod called;
mod columns;
mod computed;
mod fit;
mod gone;
mod join;
mod level;
mod limits;
mod live;
mod names;
#[cfg(test)]
pub(crate) mod of_memory;
mod pairs;
mod relation;
mod reuse;
mod since;
mod tables;
mod timeless;
mod tomb;
mod used;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use jiff::tz::TimeZone;
use sha2::{Digest, Sha256};

pub use computed::{Aggregate, Computed, Only, Path};
pub use live::Live;
pub use tomb::{Tomb, tombs};
pub use used::{UsedColumns, changed};
pub use watch::{Encoding, Gone, LINK, Mark, Seen, Watch};

use crate::config::Config;
use crate::finding::{Finding, Level as Severity, Place};
use crate::job::Job;
use crate::mapping::Mapping;
use crate::row::{Cast, Match, Type};
use crate::source::Read;
use timeless::timeless;

/// What a run follows.
#[derive(Debug)]
pub struct Plan {
    /// The job's name.
    pub job: String,
    /// The job's file, as its user wrote it.
    pub text: String,
    /// The job's file.
    pub file: PathBuf,
    /// The alias of its indexes.
    pub index: String,
    /// Settings and mapping of a new index.
    pub mapping: Mapping,
    /// The rows that become documents.
    pub root: Node,
    /// Fields that are worked out.
    pub computed: Vec<Computed>,
    columns: UsedColumns,
}

impl Plan {
    /// Every column that the job uses, with its type as it is now.
    pub fn columns(&self) -> &UsedColumns {
        &self.columns
    }
}

impl Plan {
    /// Tells one state of job and mapping from another: what is built by the same is built alike.
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.job, &self.text, &self.mapping)
    }
}

/// The [`Plan::fingerprint`] of a job of that name and text; no database is needed to tell it. When a job runs is no part of
/// what it builds.
pub fn fingerprint(job: &str, text: &str, mapping: &Mapping) -> String {
    let settings = serde_json::Value::Object(mapping.settings.clone()).to_string();
    let body = mapping.body().to_string();
    let mut hash = Sha256::new();
    for part in [job, &timeless(text), &settings, &body] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// One relation and all that hangs below it.
#[derive(Debug)]
pub struct Node {
    /// Dotted names from the root: `manager.team`; empty for the root.
    pub path: String,
    /// The member's name in the level above, as JSON: `"team":`.
    pub label: String,
    /// The member's name in the level above.
    pub name: String,
    /// The source's name.
    pub source: String,
    /// Where the job names its table.
    pub place: Option<Place>,
    /// What to ask the source.
    pub read: Arc<Read>,
    /// How its rows find those above; `None` for the root.
    pub join: Option<Join>,
    /// Its own fields.
    pub fields: Vec<Field>,
    /// How its changed and deleted rows are seen: its own first, then those of its link table.
    pub watches: Vec<Watch>,
    /// Relations below: `one` first, then `many`, each in the job's order.
    pub children: Vec<Node>,
    /// Whether documents note which of its rows they hold: false where nothing can part a row from a document unsaid.
    pub referenced: bool,
    /// Its place among all nodes of the plan in the order of their references (`path:key`).
    pub rank: usize,
    /// Whether its object is what it is by its row alone, so that it can be written once and put into many documents.
    pub reusable: bool,
}

/// How rows find those above.
#[derive(Debug)]
pub struct Join {
    /// A list, or one object or null.
    pub many: bool,
    /// Columns of the read above that hold the key; `read.by` are the columns here.
    pub parent: Vec<usize>,
    /// How both sides are made comparable.
    pub matching: Match,
}

/// A column that becomes a member of the document.
#[derive(Debug)]
pub struct Field {
    /// The member's name.
    pub name: String,
    /// The member's name as JSON: `"amount":`.
    pub label: String,
    /// Index into the read's columns.
    pub column: usize,
    /// Conversion of its values.
    pub cast: Option<Cast>,
    /// Zone of date-times without one, for the conversion.
    pub zone: Option<TimeZone>,
    /// Whether its text is brought to Unicode's composed form; never for keys.
    pub compose: bool,
    /// Whether its value is replaced by a keyed hash.
    pub mask: bool,
}

impl Node {
    /// This node and all below it, the upper ones first.
    pub fn walk(&self) -> Vec<&Node> {
        let below = self.children.iter().flat_map(Node::walk);
        std::iter::once(self).chain(below).collect()
    }

    /// The type of a field's values, as they stand in the document.
    pub fn gives(&self, field: &Field) -> Option<Type> {
        let column = self.read.columns.get(field.column)?;
        Some(field.cast.map_or(column.ty, Cast::gives))
    }
}

/// A member's name as it stands in JSON, colon included.
pub(crate) fn label(name: &str) -> String {
    format!("{}:", serde_json::Value::from(name))
}

/// A plan, when nothing stands against it, and everything that was noticed.
#[derive(Debug)]
pub struct Planned {
    /// `None` when one of the findings is an error.
    pub plan: Option<Plan>,
    /// Errors first, in the file's order.
    pub findings: Vec<Finding>,
}

/// Plans `job` for a run. `mapping` is `None` when its file could not be read, which is a finding of the caller's.
pub fn plan(job: &Job, config: &Config, mapping: Option<&Mapping>, live: &Live) -> Planned {
    planned(job, config, mapping, live).0
}

/// As [`plan`], with everything among the findings that will work and deserves a look all the same.
pub fn review(job: &Job, config: &Config, mapping: Option<&Mapping>, live: &Live) -> Planned {
    let (mut planned, advice) = planned(job, config, mapping, live);
    planned.findings.extend(advice);
    planned.findings = sorted(planned.findings);
    planned
}

/// Errors first, in the file's order, each once.
pub(crate) fn sorted(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by_cached_key(|finding| (finding.level, finding.place, finding.what.clone()));
    findings.dedup();
    findings
}

fn planned(
    job: &Job,
    config: &Config,
    mapping: Option<&Mapping>,
    live: &Live,
) -> (Planned, Vec<Finding>) {
    let mut planner = Planner::new(job, config, live);
    planner.check_head(mapping);
    let mut root = planner.root(mapping);
    let computed = planner.computed(root.as_ref(), mapping);
    if let Some(root) = &mut root {
        root.prepare_reuse(&computed);
        planner.check_masked_joins(root);
    }
    planner.check_rights();
    let columns = planner.used_columns();
    let findings = sorted(planner.findings);
    let broken = findings.iter().any(|finding| finding.level == Severity::Error);
    let plan = match (root, mapping) {
        (Some(root), Some(mapping)) if !broken => Some(Plan {
            job: job.name.clone(),
            text: job.text.clone(),
            file: job.path.clone(),
            index: job.file.index.clone(),
            mapping: mapping.clone(),
            root,
            computed,
            columns,
        }),
        _ => None,
    };
    (Planned { plan, findings }, planner.advice)
}

struct Planner<'a> {
    job: &'a Job,
    config: &'a Config,
    live: &'a Live,
    findings: Vec<Finding>,
    /// What a run does not have to know.
    advice: Vec<Finding>,
    /// Tables by source and name (or path, of a query), with the columns that are used.
    used: BTreeMap<(String, String), tables::Used<'a>>,
    /// Troubles of sources that were reported: one server's answer to many questions is said once.
    told: BTreeSet<(String, String)>,
    /// Tables of deleted rows that would have to be made.
    tombs: Vec<Tomb>,
}

impl<'a> Planner<'a> {
    fn new(job: &'a Job, config: &'a Config, live: &'a Live) -> Self {
        let (findings, advice, told) = (Vec::new(), Vec::new(), BTreeSet::new());
        Self { job, config, live, findings, advice, told, used: BTreeMap::new(), tombs: Vec::new() }
    }

    fn report(&mut self, finding: Finding, place: Option<Place>) {
        self.findings.push(finding.at(&self.job.path, place));
    }

    fn advise(&mut self, finding: Finding, place: Option<Place>) {
        self.advice.push(finding.at(&self.job.path, place));
    }
}

#[cfg(test)]
mod tests;
