//! Whether an index holds what the services say: every root is held against its document, and every document against its root.
//!
//! Promises: takes no lease to look, and writes nothing to the index unless it is to repair; pages on both sides, and memory that
//! does not grow with either. What the index really holds is compared, not what it says of itself. Keys of two systems are never
//! ordered against each other. A source or an engine that fails ends it: nothing is taken for gone that could not be asked for.

mod equal;
mod excuse;
mod look;
mod mend;
mod ranges;
mod report;
mod settle;

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::drift::keeps_from_sync;
use super::generations::known;
use super::incremental::{Kept, changed_over};
use super::lead::{self, Since};
use super::live::{never_loaded, serving};
use super::pipeline::{Asked, Roots};
use super::progress::Progress;
use super::rounds::Rounds;
use super::sweep::rootless;
use super::{Engine, Stopped};
use crate::row::Key;
use crate::sink::{index, patiently};
use crate::source::PageSize;
use crate::trace::Tracer;

use look::{Depth, Looking, Odd};
use mend::Mender;
use ranges::Ranges;
pub use report::{DifferentDocument, Told, Verification};
use settle::{Excuse, Settling};

/// What a look at an index may be told.
#[derive(Debug, Clone, Default)]
pub struct VerifyOptions {
    /// Which roots and documents are looked at.
    pub scope: Scope,
    /// Write what is missing or different, and delete what has no root.
    pub repair: bool,
    /// However many documents have lost their root, or rows, it is right.
    pub allow_mass_delete: bool,
}

/// Which roots and documents are looked at.
#[derive(Debug, Clone, Default)]
pub enum Scope {
    /// All of them.
    #[default]
    Whole,
    /// So many roots spread over all keys, and as many documents by chance.
    Sample(u64),
    /// Roots that changes since then lead to, and documents that were built since then.
    Since(Timestamp),
    /// Those with these ids.
    Ids(Vec<String>),
}

impl Scope {
    fn name(&self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Sample(_) => "sample",
            Self::Since(_) => "since",
            Self::Ids(_) => "ids",
        }
    }
}

/// Holds the index that readers see against the services. Tells what it has seen also when it stopped: see [`Stopped`].
pub async fn verify(
    kept: &Kept,
    options: VerifyOptions,
    progress: Arc<Progress>,
    cancel: CancellationToken,
) -> (Verification, Result<(), Stopped>) {
    let began = Instant::now();
    let engine = &kept.engine;
    let mut report = Verification::begin(("verify", options.scope.name()), &engine.plan);
    report.warnings.clone_from(&kept.warnings);
    let depth = Depth::Documents;
    let run = Run { kept, options, depth, progress, cancel };
    let ended = Box::pin(run.live(&mut report)).await;
    report.end(&ended, began);
    if !report.index.is_empty()
        && let Err(error) = engine.state.record_run(&report).await
    {
        tracing::warn!(error = format!("{error:#}"), "the run could not be recorded for `status`");
    }
    (report, ended)
}

/// Looks at every root by the digest of its document, and at every document, and repairs what is not right. Of a look of which
/// nobody asked for a report, it tells what a run's report needs.
pub(super) async fn sweep(
    kept: &Kept,
    allow_mass_delete: bool,
    progress: Arc<Progress>,
    cancel: CancellationToken,
) -> (Verification, Result<(), Stopped>) {
    let scope = Scope::Whole;
    let mut report = Verification::begin(("sync --sweep", scope.name()), &kept.engine.plan);
    let options = VerifyOptions { scope, repair: true, allow_mass_delete };
    let run = Run { kept, options, depth: Depth::Digests, progress, cancel };
    let ended = match Box::pin(run.live(&mut report)).await {
        Ok(()) => {
            let mender = Mender::new(kept, (&report.index, report.mode), &run.cancel);
            mender.keep_keyless(&report.keyless_letters).await
        }
        ended => ended,
    };
    (report, ended)
}

struct Run<'k> {
    kept: &'k Kept,
    options: VerifyOptions,
    depth: Depth,
    progress: Arc<Progress>,
    cancel: CancellationToken,
}

impl Run<'_> {
    /// Looks at the index that readers see as it begins.
    async fn live(&self, report: &mut Verification) -> Result<(), Stopped> {
        let engine = &self.kept.engine;
        let plan = &engine.plan;
        let known = known(&engine.client, &engine.state, &plan.index).await;
        let known = known.map_err(Stopped::NotStarted)?;
        let serving =
            serving(&known, &plan.job).map_err(|error| Stopped::NotStarted(error.into()))?;
        let Some((live, state)) = serving else {
            return Err(Stopped::NotStarted(never_loaded(&plan.job).into()));
        };
        if state.job.fingerprint != self.kept.built_by {
            return Err(Stopped::Held(changed_over(&live.name)));
        }
        if let Some(drift) = keeps_from_sync(&live.name, state, engine) {
            return Err(Stopped::NotStarted(drift.into()));
        }
        live.name.clone_into(&mut report.index);
        let what = format!("index `{}`", live.name);
        let looked = self.look(&live.name, report).await.map_err(|error| {
            error.downcast().unwrap_or_else(|error| Stopped::midway(&what, error))
        });
        // What was seen was seen, whatever kept it from being repaired.
        let remembered = match report.has_looked() {
            true => self.remember((&live.name, &live.uuid), report).await,
            false => Ok(()),
        };
        looked.and(remembered.map_err(Stopped::Midway))
    }

    /// Remembers what was seen. One that has looked at less is not remembered in place of a whole one that has left drift.
    async fn remember(&self, (index, uuid): (&str, &str), report: &mut Verification) -> Result<()> {
        let state = &self.kept.engine.state;
        if !matches!(self.options.scope, Scope::Whole) {
            let last = state.drift(index, uuid).await?;
            let whole = last.filter(|last| last.scope == Scope::Whole.name());
            if whole.is_some_and(|whole| whole.found() > whole.repaired) {
                return Ok(());
            }
        }
        let remembered = report.to_remember(uuid);
        let put = state.put_drift(index, &remembered).await;
        report.remembered = Some(remembered);
        put
    }

    /// Looks at what was asked for, and has all that is odd looked at again meanwhile.
    async fn look(&self, live: &str, report: &mut Verification) -> Result<()> {
        let engine = &self.kept.engine;
        let before = self.progress.read();
        let looking = Arc::new(Looking::new(engine, (live, self.depth), &self.progress));
        let task = match report.mode {
            "verify" => "verify --repair",
            mode => mode,
        };
        let mender =
            self.options.repair.then(|| Mender::new(self.kept, (live, task), &self.cancel));
        let excuse = match (self.options.allow_mass_delete, &self.options.scope) {
            (true, _) => Excuse::All,
            (_, Scope::Whole) => Excuse::AsAWhole,
            _ => Excuse::Few,
        };
        let settling = Settling::new((engine, live), &mut *report, mender, excuse);
        let ((odd, found), whole) = (mpsc::channel(4), CancellationToken::new());
        // Neither is dropped amid what it does: a repair gives its lease back.
        let passes = async {
            let listened = odd.clone();
            let ended = tokio::select! {
                biased;
                () = self.cancel.cancelled() => Err(Stopped::Cancelled.into()),
                // What has ended it says why.
                () = listened.closed() => Ok(0),
                ended = self.scoped(&looking, odd) => ended,
            };
            if ended.is_ok() {
                whole.cancel();
            }
            ended
        };
        let settling = settling.take(found, (&whole, &self.cancel));
        let (documents, settled) = tokio::join!(passes, settling);
        report.read = self.progress.read() - before;
        report.alike = looking.alike();
        report.keyless = looking.keyless();
        report.keyless_letters = looking.keyless_letters();
        (report.unclaimed, report.ambiguous) = looking.unasked();
        report.documents = *documents.as_ref().unwrap_or(&0);
        settled?;
        documents.map(drop)
    }

    /// Looks at what was asked for; returns the number of documents whose roots were looked for.
    async fn scoped(&self, looking: &Arc<Looking>, odd: mpsc::Sender<Vec<Key>>) -> Result<u64> {
        let engine = &self.kept.engine;
        let refresh = async || index::refresh(&engine.client, looking.index()).await;
        patiently(engine.patience(), refresh).await?;
        match &self.options.scope {
            Scope::Whole => self.passes(Ranges::all(), None, (looking, odd)).await,
            Scope::Sample(wanted) => {
                let root = &engine.plan.root;
                let source = engine.sources.get(&root.source).context("the root's source")?;
                let ranges = Ranges::sample(&**source, &root.read, *wanted).await?;
                self.passes(ranges, Some(*wanted), (looking, odd)).await
            }
            Scope::Since(instant) => self.since(*instant, (looking, odd)).await,
            Scope::Ids(ids) => {
                let keys = ids.iter().map(|id| Key::from(id.as_str())).collect();
                let asking = async |rounds: &mut Rounds| {
                    rounds.add(keys).await;
                    Ok(())
                };
                self.by_key(asking, (looking, odd)).await
            }
        }
    }

    /// Both passes side by side: roots in the order of their source, and documents in that of the index.
    async fn passes(
        &self,
        ranges: Ranges,
        sample: Option<u64>,
        (looking, odd): (&Arc<Looking>, mpsc::Sender<Vec<Key>>),
    ) -> Result<u64> {
        let mut readers = JoinSet::new();
        let ranges = Arc::new(ranges);
        for _ in 0..self.kept.engine.load.readers.max(1) {
            let reading = Reader {
                engine: Arc::clone(&self.kept.engine),
                looking: Arc::clone(looking),
                ranges: Arc::clone(&ranges),
                odd: odd.clone(),
            };
            readers.spawn(reading.read());
        }
        let reading = async {
            while let Some(ended) = readers.join_next().await {
                ended.context("a range's reading broke off: this is a fault of prejoin")??;
            }
            Ok(())
        };
        let documents = rootless((&self.kept.engine, looking.index()), sample, async |keys| {
            // Nobody listens any more when the run was stopped.
            let _gone = odd.send(keys).await;
            Ok(())
        });
        let ((), documents) = tokio::try_join!(reading, documents)?;
        Ok(documents)
    }

    /// Looks at roots that changes since then lead to, and at documents that were built since then.
    async fn since(
        &self,
        instant: Timestamp,
        to: (&Arc<Looking>, mpsc::Sender<Vec<Key>>),
    ) -> Result<u64> {
        let (engine, live) = (&self.kept.engine, to.0.index());
        let size = PageSize { rows: engine.load.page_rows, bytes: engine.load.page_bytes };
        let tracer = Tracer::new(&engine.plan, &engine.sources, size)?;
        let asking = async |rounds: &mut Rounds| {
            let since = Since::Instant(instant);
            lead::roots((engine, live), &tracer, since, async |keys| rounds.add(keys).await)
                .await?;
            index::built_since(&engine.client, live, instant, async |ids| {
                rounds.add(ids.iter().map(|id| Key::from(id.as_str())).collect()).await;
                Ok(())
            })
            .await
        };
        self.by_key(asking, to).await
    }

    /// Looks at the roots of keys that `asking` hands on, and at the documents of those that have none.
    async fn by_key(
        &self,
        asking: impl AsyncFnOnce(&mut Rounds) -> Result<()>,
        (looking, odd): (&Arc<Looking>, mpsc::Sender<Vec<Key>>),
    ) -> Result<u64> {
        let (keys, asked): (mpsc::Sender<Asked>, _) = mpsc::channel(1);
        let (tell, told) = mpsc::channel(1);
        let asking = async {
            let mut rounds = Rounds::new(keys, self.kept.engine.load.page_rows);
            asking(&mut rounds).await?;
            rounds.finish().await;
            Ok(())
        };
        let look = async {
            let looked = looking.look(Roots::Keys(asked), &tell).await;
            drop(tell);
            looked
        };
        let hand_on = async {
            hand_on(told, &odd).await;
            anyhow::Ok(())
        };
        tokio::try_join!(asking, look, hand_on)?;
        Ok(0)
    }
}

/// One of the readers of the first pass.
struct Reader {
    engine: Arc<Engine>,
    looking: Arc<Looking>,
    ranges: Arc<Ranges>,
    odd: mpsc::Sender<Vec<Key>>,
}

impl Reader {
    /// Looks at one range after the other until none is left.
    async fn read(self) -> Result<()> {
        let root = &self.engine.plan.root;
        let source = self.engine.sources.get(&root.source).context("the root's source")?;
        let rows = self.engine.load.range_rows;
        while let Some(range) = self.ranges.next((&**source, &root.read), rows).await? {
            let (tell, told) = mpsc::channel(1);
            let look = async {
                let looked = self.looking.look(Roots::Range(range), &tell).await;
                drop(tell);
                looked
            };
            let (looked, ()) = tokio::join!(look, hand_on(told, &self.odd));
            looked?;
        }
        Ok(())
    }
}

/// Hands on the keys of what was found odd, until there is no more of it.
async fn hand_on(mut told: mpsc::Receiver<Vec<(Key, Odd)>>, odd: &mpsc::Sender<Vec<Key>>) {
    while let Some(some) = told.recv().await {
        // Nobody listens any more when the run was stopped.
        let _gone = odd.send(some.into_iter().map(|(key, _)| key).collect()).await;
    }
}
