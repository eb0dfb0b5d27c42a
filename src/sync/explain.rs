//! One document taken apart: where each part of it comes from, what the index holds, and what tells the two apart.
//!
//! Promises: what it builds is, byte for byte, what a run would build now. Values are told in the differences alone, those
//! of masked fields only as masked, even where the index was built before they were. Never writes, never logs a value.

use std::collections::BTreeMap;
use std::slice;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use serde::Serialize;
use serde_json::Value;

use super::difference::{Difference, differences, hide_unknown, member};
use super::generations::known;
use super::parts::{Part, column_names, count, identities, parts};
use super::report::now;
use crate::assemble::{Assembler, Masking};
use crate::config::LoadConfig;
use crate::finding::Finding;
use crate::hydrate::{Hydrated, Hydrator, Level, Odd};
use crate::mapping::OWN_FIELD;
use crate::plan::Plan;
use crate::row::{Key, Match, Page, key_of};
use crate::sink::bulk::MAX_ID_BYTES;
use crate::sink::version::{batch_of, epoch_of};
use crate::sink::{Body, Client, Method};
use crate::source::{Budget, Read, Sources};
use crate::state::{DeadLetter, State};

/// What to take apart, and with what.
pub struct Explain<'e> {
    /// What a run would follow.
    pub plan: &'e Plan,
    /// The services.
    pub sources: &'e Sources,
    /// The search engine.
    pub client: &'e Client,
    /// Dead letters, and what is remembered of indexes.
    pub state: &'e State,
    /// Sizes.
    pub load: LoadConfig,
    /// Key of masked fields.
    pub masking: Option<Masking>,
}

/// One document taken apart.
#[derive(Debug, Serialize)]
pub struct Explanation {
    /// The job's name.
    pub job: String,
    /// The root's key.
    pub id: String,
    /// What came out.
    pub verdict: Verdict,
    /// The root's row is there, but `where` or `deleted_at` leaves it out.
    pub left_out: bool,
    /// Why a run could not make a document of it now.
    pub refused: Option<Refusal>,
    /// The parts of the document, the upper ones first.
    pub parts: Vec<Part>,
    /// Rows that came although no key asked for is theirs.
    pub unclaimed: u64,
    /// Rows beyond the first of a to-one relation.
    pub ambiguous: u64,
    /// The real index that readers see; `None` when there is none.
    pub index: Option<String>,
    /// Whether that was built by the job as it is now.
    pub same_job: bool,
    /// What it holds; `None` when nothing.
    pub held: Option<Held>,
    /// Why it lacks the document, as far as a run has noted that.
    pub dead_letter: Option<DeadLetter>,
    /// What tells the services and the index apart, where both have the document.
    pub differences: Vec<Difference>,
}

/// How services and index stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The index holds what the services say.
    Equal,
    /// It holds something else.
    Different,
    /// The services have it, the index does not.
    NotIndexed,
    /// The index has it, the services do not.
    OnlyIndexed,
    /// Neither has it.
    Nowhere,
    /// The services have it, but no document can be made of it.
    Refused,
}

/// Why no document can be made of a root, as a dead letter would say it.
#[derive(Debug, Clone, Serialize)]
pub struct Refusal {
    /// The kind of error.
    pub error_type: String,
    /// The field or relation at fault.
    pub field: String,
}

/// The document as the index holds it.
#[derive(Debug, Clone, Serialize)]
pub struct Held {
    /// Its version: epoch and batch.
    pub version: u64,
    /// Counts the leases of the index.
    pub epoch: u64,
    /// Counts the batches of one lease.
    pub batch: u64,
    /// When it was built.
    pub built_at: Option<Value>,
    /// Digest of what was built.
    pub digest: Option<Value>,
    #[serde(skip)]
    document: Value,
}

/// What the services say now.
enum Now {
    Absent { left_out: bool },
    Refused(Refusal),
    Document(Value),
}

/// What became of the reads.
struct Built {
    now: Now,
    rows: BTreeMap<String, u64>,
    odd: Odd,
}

impl Explanation {
    /// Whether something in it deserves a look (exit code 1).
    pub fn needs_a_look(&self) -> bool {
        self.verdict != Verdict::Equal || self.dead_letter.is_some()
    }
}

/// The root's key that `id` is the canonical text of.
///
/// # Errors
/// When it has not as many parts as the key.
pub fn root_key(plan: &Plan, id: &str) -> Result<Key, Finding> {
    let names = column_names(&plan.root.read, &plan.root.read.key);
    let parts = if names.len() == 1 { 1 } else { id.split(':').count() };
    if parts == names.len() {
        return Ok(Key::from(id));
    }
    let what = format!("the id has {parts} part(s), and the root's key has {}", names.len());
    let hint = format!(
        "write {} in this order, joined by `:`; a `:` within one is written %3A, a % is written %25",
        names.join(", ")
    );
    Err(Finding::error(what).hint(hint))
}

/// Takes the document of that root apart.
///
/// # Errors
/// When a source or the engine fails, or several rows have that key.
pub async fn explain(asked: &Explain<'_>, id: &Key) -> Result<Explanation> {
    let Built { now, rows, odd } = Box::pin(asked.build(id)).await?;
    let known = known(asked.client, asked.state, &asked.plan.index).await?;
    let live = known.generations.live().map(|live| live.name.clone());
    let index = live.or_else(|| known.generations.serving.first().cloned());
    let fingerprint = asked.plan.fingerprint();
    let same_job = known.live_state().is_some_and(|state| state.job.fingerprint == fingerprint);
    let (held, dead_letter) = match &index {
        Some(index) => (
            asked.held(index, id.as_str()).await?,
            asked.state.dead_letter(index, id.as_str()).await?,
        ),
        None => (None, None),
    };
    let mut differences = match (&held, &now) {
        (Some(held), Now::Document(now)) => {
            differences(&held.document, now, &identities(asked.plan))
        }
        _ => Vec::new(),
    };
    if !same_job {
        hide_masked(asked.plan, &mut differences);
    }
    let verdict = match (&now, &held) {
        (Now::Document(_), Some(_)) if differences.is_empty() => Verdict::Equal,
        (Now::Document(_), Some(_)) => Verdict::Different,
        (Now::Document(_), None) => Verdict::NotIndexed,
        (Now::Absent { .. }, Some(_)) => Verdict::OnlyIndexed,
        (Now::Absent { .. }, None) => Verdict::Nowhere,
        (Now::Refused(_), _) => Verdict::Refused,
    };
    Ok(Explanation {
        job: asked.plan.job.clone(),
        id: id.as_str().to_owned(),
        verdict,
        left_out: matches!(now, Now::Absent { left_out: true }),
        refused: if let Now::Refused(refusal) = now { Some(refusal) } else { None },
        parts: parts(asked.plan, asked.sources, &rows)?,
        unclaimed: odd.unclaimed,
        ambiguous: odd.ambiguous,
        index,
        same_job,
        held,
        dead_letter,
        differences,
    })
}

impl Explain<'_> {
    async fn build(&self, id: &Key) -> Result<Built> {
        let (root, rows) = (&self.plan.root, BTreeMap::new());
        let read = root.read.by_key();
        let Some(page) = self.root_row(&read, id).await? else {
            let bare = Read { condition: None, absent: None, ..read };
            let left_out = self.root_row(&bare, id).await?.is_some();
            return Ok(Built { now: Now::Absent { left_out }, rows, odd: Odd::default() });
        };
        let hydrator = Hydrator::new(self.plan, self.sources, 0, None);
        // All readers of a run together keep to the bound.
        let budget = Budget::new(self.load.page_bytes / self.load.readers.max(1));
        match hydrator.hydrate(root, Arc::new(page), &budget).await? {
            Hydrated::Overflow(field) => {
                let refusal = Refusal { error_type: "too_large".to_owned(), field };
                Ok(Built { now: Now::Refused(refusal), rows, odd: Odd::default() })
            }
            Hydrated::Whole(level, odd) => {
                let mut rows = rows;
                count(root, &level, &mut rows);
                Ok(Built { now: self.assemble(&level, id.as_str())?, rows, odd })
            }
        }
    }

    /// The row of that very key, where the server may hold others equal.
    async fn root_row(&self, read: &Read, id: &Key) -> Result<Option<Page>> {
        let name = &self.plan.root.source;
        let source = self.sources.get(name);
        let source = source.with_context(|| format!("source `{name}` is not open"))?;
        let plenty = Budget::new(usize::MAX);
        let fetched = source.fetch_by_keys(read, slice::from_ref(id), &plenty).await?;
        let (mut found, mut text) = (None, String::new());
        for page in fetched.answers.into_iter().map(|answer| answer.page) {
            for row in 0..page.len() {
                let known = key_of(page.row(row), &read.key, Match::Exact, &mut text);
                if !known || text != id.as_str() {
                    continue;
                }
                if found.replace(page.part(row, row + 1)).is_some() {
                    let names = column_names(read, &read.key).join(", ");
                    bail!("several rows of `{}` have this key ({names})", read.path);
                }
            }
        }
        Ok(found)
    }

    fn assemble(&self, level: &Level, id: &str) -> Result<Now> {
        // What the bulk request would refuse before the engine does.
        let fault = match id.len() {
            0 => Some("empty_id"),
            1..=MAX_ID_BYTES => None,
            _ => Some("id_too_long"),
        };
        if let Some(fault) = fault {
            let refusal = Refusal { error_type: fault.to_owned(), field: "_id".to_owned() };
            return Ok(Now::Refused(refusal));
        }
        let (masking, limit) = (self.masking.clone(), self.load.page_bytes);
        let mut document = Vec::new();
        let mut assembler = Assembler::new(self.plan, masking, &now(), limit);
        match assembler.document(level, 0, id, &mut document) {
            Err(why) => {
                Ok(Now::Refused(Refusal { error_type: why.what.clone(), field: why.field }))
            }
            Ok(()) => {
                let document = serde_json::from_slice(&document);
                Ok(Now::Document(document.context("the document that was built cannot be read")?))
            }
        }
    }

    async fn held(&self, index: &str, id: &str) -> Result<Option<Held>> {
        if !(1..=MAX_ID_BYTES).contains(&id.len()) {
            return Ok(None);
        }
        let answer = self.client.send(Method::Get, &[index, "_doc", id], &[], Body::Empty).await?;
        let found: Value = answer.json()?;
        if answer.status == 404 && found.get("found") == Some(&Value::Bool(false)) {
            return Ok(None);
        }
        let garbled = answer.garbled();
        answer.success()?;
        let version = found.get("_version").and_then(Value::as_u64);
        let (Some(version), Some(document)) = (version, found.get("_source")) else {
            return Err(garbled.into());
        };
        let own = |name: &str| document.get(OWN_FIELD).and_then(|own| own.get(name)).cloned();
        Ok(Some(Held {
            version,
            epoch: epoch_of(version),
            batch: batch_of(version),
            built_at: own("built_at"),
            digest: own("digest"),
            document: document.clone(),
        }))
    }
}

/// An index of another version of the job may hold in clear what is masked now: of it, only fields that the job has and does
/// not mask are shown.
fn hide_masked(plan: &Plan, differences: &mut [Difference]) {
    let fields = plan.root.walk().into_iter().flat_map(|node| {
        node.fields.iter().map(move |field| (member(&node.path, &field.name), field.mask))
    });
    let (masked, shown): (Vec<_>, Vec<_>) = fields.partition(|(_, mask)| *mask);
    if !masked.is_empty() {
        let shown = shown.into_iter().map(|(path, _)| path);
        hide_unknown(differences, &shown.chain([OWN_FIELD.to_owned()]).collect());
    }
}
