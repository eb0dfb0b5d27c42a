//! What one look has found odd is looked at again, a moment later: what is odd still, and what no run will bring by itself, is
//! drift.
//!
//! Promises: a row in flight is not called drift, nor is a change that has been told since the horizons of the index and that the
//! next run brings. Holds a bounded number of keys. What would take documents away, or rows out of them, is held back until all
//! was looked at, and not done at all when it is more than a mistake would excuse; unless it was said to be right, however much
//! it is: then it is done as it is found.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::equal::Differing;
pub(super) use super::excuse::Excuse;
use super::excuse::Taken;
use super::look::{Depth, Looking, Odd};
use super::mend::Mender;
use super::report::{DifferentDocument, Verification};
use crate::finding::Finding;
use crate::row::Key;
use crate::sink::{index, patiently};
use crate::source::PageSize;
use crate::state::IndexState;
use crate::sync::lead::{self, Since};
use crate::sync::pipeline::{Asked, Roots};
use crate::sync::progress::Progress;
use crate::sync::update::Purpose;
use crate::sync::{Engine, Stopped};
use crate::trace::Tracer;

/// Keys that are looked at again together: some 10 MB. Few where runs are tested, so that they come to the end of it.
const TOGETHER: usize = if cfg!(feature = "failpoints") { 16 } else { 10_000 };
/// How long after the first look.
const MOMENT: Duration = Duration::from_secs(1);

/// What is odd, on its way to being called drift.
pub(super) struct Settling<'v> {
    engine: &'v Arc<Engine>,
    index: &'v str,
    report: &'v mut Verification,
    /// `None` when nothing is repaired.
    mender: Option<Mender<'v>>,
    excuse: Excuse,
    waiting: HashSet<Key>,
    found_at: Instant,
    taken: Taken,
    /// Why nothing is taken away, from the moment on that it was too much: later it may be a smaller part of what there is.
    refused: Option<Finding>,
}

impl<'v> Settling<'v> {
    pub(super) fn new(
        (engine, index): (&'v Arc<Engine>, &'v str),
        report: &'v mut Verification,
        mender: Option<Mender<'v>>,
        excuse: Excuse,
    ) -> Self {
        let (waiting, found_at, taken) = (HashSet::new(), Instant::now(), Taken::default());
        let refused = None;
        Self { engine, index, report, mender, excuse, waiting, found_at, taken, refused }
    }

    /// Takes what looks have found, until they end. Unless they have come to their `whole` end, nothing is taken away of what is
    /// held back.
    ///
    /// # Errors
    /// When it is cancelled, a source or the engine fails, or more would be taken away than a mistake would excuse.
    pub(super) async fn take(
        mut self,
        mut found: mpsc::Receiver<Vec<Key>>,
        (whole, cancel): (&CancellationToken, &CancellationToken),
    ) -> Result<()> {
        while let Some(keys) = found.recv().await {
            self.waiting.extend(keys);
            self.found_at = Instant::now();
            if self.waiting.len() >= TOGETHER {
                self.settle(cancel).await?;
            }
        }
        if !whole.is_cancelled() {
            return Ok(());
        }
        self.settle(cancel).await?;
        self.report.complete = true;
        self.finish(cancel).await
    }

    /// Looks at what is waiting once more, and calls drift what has to be called so.
    async fn settle(&mut self, cancel: &CancellationToken) -> Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        if waiting.is_empty() {
            return Ok(());
        }
        let drift = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(Stopped::Cancelled.into()),
            drift = self.drift_of(waiting) => drift?,
        };
        self.call(drift).await
    }

    /// What is drift among these keys.
    async fn drift_of(&mut self, waiting: HashSet<Key>) -> Result<HashMap<Key, Odd>> {
        sleep_until(self.found_at + MOMENT).await;
        // The horizons first: a run moves them when all that they cover is written, and is seen by the look then.
        let state = self.engine.state.index(self.index).await?;
        let (_, state) =
            state.with_context(|| format!("nothing is remembered of {}", self.index))?;
        let refresh = async || index::refresh(&self.engine.client, self.index).await;
        patiently(self.engine.patience(), refresh).await?;
        let mut odd = self.look_again(waiting).await?;
        if odd.is_empty() {
            return Ok(odd);
        }
        let letters = self.engine.state.all_dead_letters(self.index).await?;
        let letters: HashSet<&str> = letters.iter().map(|letter| letter.key.as_str()).collect();
        let before = odd.len();
        odd.retain(|key, _| !letters.contains(key.as_str()));
        self.report.dead_letters += (before - odd.len()) as u64;
        if !odd.is_empty() {
            self.leave_to_the_next_run(&state, &mut odd).await?;
        }
        Ok(odd)
    }

    /// What is odd still, as of the last refresh.
    async fn look_again(&self, keys: HashSet<Key>) -> Result<HashMap<Key, Odd>> {
        // Not what the first look has kept of other rows.
        let progress = Arc::<Progress>::default();
        let looking = Looking::new(self.engine, (self.index, Depth::Documents), &progress);
        let looking = Arc::new(looking);
        let (ask, asked) = mpsc::channel(1);
        let (tell, mut told) = mpsc::channel(1);
        let asking = async {
            let keys: Vec<Key> = keys.into_iter().collect();
            for keys in keys.chunks(self.engine.load.page_rows.max(1)) {
                // Nobody listens any more when the look has failed.
                let _gone = ask.send(Asked::Keys(keys.to_vec())).await;
            }
            drop(ask);
            Ok(())
        };
        let look = async {
            let looked = looking.look(Roots::Keys(asked), &tell).await;
            drop(tell);
            looked
        };
        let mut odd = HashMap::new();
        let hear = async {
            while let Some(some) = told.recv().await {
                odd.extend(some);
            }
            Ok(())
        };
        tokio::try_join!(asking, look, hear)?;
        Ok(odd)
    }

    /// Leaves out what the next run brings by itself: whatever changes lead to that were told since the horizons.
    async fn leave_to_the_next_run(
        &mut self,
        state: &IndexState,
        odd: &mut HashMap<Key, Odd>,
    ) -> Result<()> {
        let load = self.engine.load;
        let size = PageSize { rows: load.page_rows, bytes: load.page_bytes };
        let tracer = Tracer::new(&self.engine.plan, &self.engine.sources, size)?;
        let looks = tracer.looks().await?;
        let since = Since::Horizons(&state.horizons, Some((&state.shares, &looks)));
        let mut lagging = 0;
        let of = (&**self.engine, self.index);
        lead::roots(of, &tracer, since, async |keys| {
            for key in keys {
                // A run compares digests, and would leave it as it is.
                let is_brought = |odd: &Odd| !matches!(odd, Odd::Different(how) if how.passes);
                if odd.get(&key).is_some_and(is_brought) {
                    odd.remove(&key);
                    lagging += 1;
                }
            }
        })
        .await?;
        self.report.lagging += lagging;
        Ok(())
    }

    /// Calls these drift.
    async fn call(&mut self, odd: HashMap<Key, Odd>) -> Result<()> {
        let (mut right, mut gone, mut unfit) = (Vec::new(), Vec::new(), 0);
        let (mends, at_once) = (self.mender.is_some(), self.excuse == Excuse::All);
        for (key, odd) in odd {
            let id = key.as_str();
            match odd {
                Odd::Missing => {
                    self.report.missing.add(id.to_owned());
                    right.push(key);
                }
                Odd::Extra => {
                    self.report.extra.add(id.to_owned());
                    let into = if at_once { &mut gone } else { &mut self.taken.extra };
                    into.extend(mends.then_some(key));
                }
                Odd::Different(Differing { fields, lost, .. }) => {
                    self.report.different.add(DifferentDocument::new(id, fields));
                    let loses = !lost.is_empty();
                    lost.into_iter()
                        .for_each(|path| *self.taken.of_relation.entry(path).or_default() += 1);
                    if loses && !at_once {
                        self.taken.losing.extend(mends.then_some(key));
                    } else {
                        right.push(key);
                    }
                }
                // Whoever writes it keeps it as a dead letter, and counts it.
                Odd::Unfit => {
                    unfit += 1;
                    right.push(key);
                }
            }
        }
        if self.refused.is_none() {
            let of = (&**self.engine, self.index);
            self.refused = self.excuse.too_much(of, self.report.extra.count, &self.taken).await?;
        }
        if self.refused.is_some() {
            self.taken.extra.clear();
            self.taken.losing.clear();
        }
        if !mends {
            self.report.dead_letters += unfit;
            return Ok(());
        }
        let before = self.report.dead_letters;
        let mended = self.mend(&right, Purpose::Mend).await;
        self.report.newly_dead += (self.report.dead_letters - before).saturating_sub(unfit);
        mended?;
        self.mend(&gone, Purpose::Remove).await
    }

    async fn mend(&mut self, keys: &[Key], purpose: Purpose) -> Result<()> {
        let Some(mender) = self.mender.as_mut().filter(|_| !keys.is_empty()) else { return Ok(()) };
        let (before, dead) = (mender.written() + mender.deleted, mender.dead());
        let mended = mender.mend(keys, purpose).await;
        self.report.repaired += mender.written() + mender.deleted - before;
        self.report.dead_letters += mender.dead() - dead;
        (self.report.written, self.report.deleted) = (mender.written(), mender.deleted);
        Ok(mended?)
    }

    /// Takes away what is to be taken away, now that it is known how much it is.
    async fn finish(&mut self, cancel: &CancellationToken) -> Result<()> {
        let taken = std::mem::take(&mut self.taken);
        if let Some(refused) = self.refused.take() {
            if self.mender.is_some() {
                return Err(refused.into());
            }
            // It is told which they are; what they are is for whoever reads it.
            let warning = format!("a repair would not believe it: {refused}");
            tracing::warn!(index = self.index, "{warning}");
            self.report.warnings.push(warning);
            return Ok(());
        }
        let refused = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(Stopped::Cancelled.into()),
            refused = self.excuse.gone_meanwhile((&**self.engine, self.index), &taken) => refused?,
        };
        if let Some(refused) = refused {
            return Err(refused.into());
        }
        let dead = self.report.dead_letters;
        let mended = self.mend(&taken.losing, Purpose::Mend).await;
        self.report.newly_dead += self.report.dead_letters - dead;
        mended?;
        self.mend(&taken.extra, Purpose::Remove).await
    }
}
