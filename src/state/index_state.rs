//! What is remembered of one real index: which job built it, how far its loading is, what it held then.
//!
//! Promises: keys and counts, never a row's values beside its key.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Drawn;
use crate::plan::UsedColumns;
use crate::source::KeyRange;
use crate::trace::Looks;

/// The state of one real index; one document of its own.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct IndexState {
    /// The alias of its generations.
    pub alias: String,
    /// The engine's own name of it. Another one means: an index that happens to have the same name.
    pub uuid: String,
    /// What built it.
    pub job: BuiltBy,
    /// Columns that the job uses, as they were described before the first read.
    pub columns: UsedColumns,
    /// Tells apart what the same job makes of other columns, clocks or keys of masked fields.
    pub rows_by: String,
    /// For each watched table, since when its changes are not in the index; ever since, where there is none.
    #[serde(default)]
    pub horizons: BTreeMap<String, Timestamp>,
    /// What relations looked like, by name, whose rows do not tell when they changed.
    #[serde(default)]
    pub shares: Looks,
    /// Its loading.
    pub load: LoadState,
    /// Since when readers have seen it, the last time that they began to; `None` when they never did.
    pub served_from: Option<Timestamp>,
}

/// The job that built an index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuiltBy {
    /// Its name.
    pub name: String,
    /// Tells versions of job and mapping apart.
    pub fingerprint: String,
    /// Its file, as it was.
    pub text: String,
}

/// How far a loading is.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct LoadState {
    /// All keys of the root, in the source's order: which are loaded.
    pub segments: Vec<Segment>,
    /// Versions of the documents of what is loaded.
    pub versions: Drawn,
    /// Dead letters up to this number belong to what is loaded.
    pub checkpoint: u64,
    /// When all was loaded and counted; `None` while it is not.
    pub ended_at: Option<Timestamp>,
    /// How many documents it held when it was counted last, until readers see it; `None` since something has begun to change
    /// that.
    #[serde(default)]
    pub documents: Option<u64>,
}

/// Neighbouring keys of the root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Which keys.
    pub range: KeyRange,
    /// What was in it; `None` when it is not loaded.
    pub counts: Option<Counts>,
}

/// What was read and became of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Root rows read.
    pub read: u64,
    /// Roots that became dead letters.
    pub dead: u64,
    /// Joined rows that none of the keys asked for claimed.
    pub unclaimed: u64,
    /// Rows beyond the first of a to-one relation.
    pub ambiguous: u64,
    /// Rows joined, by the relation's path.
    pub rows: BTreeMap<String, u64>,
}

impl Counts {
    /// Adds another's numbers.
    pub fn add(&mut self, other: &Self) {
        self.read += other.read;
        self.dead += other.dead;
        self.unclaimed += other.unclaimed;
        self.ambiguous += other.ambiguous;
        for (path, rows) in &other.rows {
            *self.rows.entry(path.clone()).or_default() += rows;
        }
    }
}

impl LoadState {
    /// All that is loaded so far.
    pub fn counts(&self) -> Counts {
        let mut all = Counts::default();
        self.segments
            .iter()
            .filter_map(|segment| segment.counts.as_ref())
            .for_each(|counts| all.add(counts));
        all
    }
}
