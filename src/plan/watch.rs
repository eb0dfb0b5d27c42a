//! How a table's changed and deleted rows are seen, and which of their columns lead up to the rows above.
//!
//! Promises: what is read for this ignores the relation's `where` and `deleted_at`: a row that has stopped matching has changed
//! like any other. Pure.

use std::sync::Arc;

use jiff::SignedDuration;
use jiff::tz::TimeZone;

use super::Planner;
use super::columns::ColumnSet;
use crate::finding::{Code, Finding, Place};
use crate::job::{At, ChangedAt, ChangedColumn, Tombstones};
use crate::row::{Cast, Match, TableInfo, Type};
use crate::source::{From, Read, ReadColumn};

/// What is behind a relation's path when its link table is meant.
pub const LINK: &str = "/link";

/// One table that is watched: a relation's own, or its link table.
#[derive(Debug, Clone)]
pub struct Watch {
    /// How it is remembered: the relation's path, empty for the root; of a link table with `/link` behind it.
    pub name: String,
    /// All of its rows, whether or not they belong to documents, by their key.
    pub rows: Arc<Read>,
    /// Columns of `rows` whose values lead up: the root's key, or what the rows above are joined by.
    pub up: Vec<usize>,
    /// Of a link table, columns of `rows` that are joined to the relation's own.
    pub down: Vec<usize>,
    /// How long after the time that it bears a change may be seen first.
    pub overlap: SignedDuration,
    /// How its changed rows are found.
    pub seen: Seen,
    /// Where its deleted rows are told, if anywhere.
    pub gone: Option<Gone>,
}

/// How changed rows are found.
#[derive(Debug, Clone)]
pub enum Seen {
    /// Not at all.
    Never,
    /// By looking at every row.
    Whole,
    /// By what these columns hold; the greatest counts.
    Marked(Vec<Mark>),
}

/// A column that tells when its row last changed.
#[derive(Debug, Clone)]
pub struct Mark {
    /// The rows by that column, which is the first of their key here, the latest first. Columns of [`Watch::rows`] come before it.
    pub rows: Arc<Read>,
    /// How it holds an instant.
    pub encoding: Encoding,
}

/// How a column holds an instant.
#[derive(Debug, Clone, PartialEq)]
pub enum Encoding {
    /// As one.
    Instant,
    /// As a date-time without a zone, which is this one.
    Naive(TimeZone),
    /// As a day of this zone.
    Day(TimeZone),
    /// As so many parts of a second since 1970.
    Epoch(i64),
    /// As ISO 8601 text, in this zone where it names none.
    Text(TimeZone),
    /// As such a text, or as a number of seconds since 1970: each value by itself.
    Loose(TimeZone),
}

/// A table of deleted rows.
#[derive(Debug, Clone)]
pub struct Gone {
    /// The deleted rows' keys, in the order of their deletion: see [`Mark::rows`].
    pub told: Mark,
    /// Columns of it with the key of the deleted row, that of [`Watch::rows`] (of a link, what it linked), each with the form that
    /// makes its values those of the key.
    pub key: Vec<(usize, Match)>,
    /// How long its rows stay in it; for ever when not told. What was deleted longer ago it does not tell any more.
    pub keep: Option<SignedDuration>,
}

impl Watch {
    /// What is read to see its changed and deleted rows.
    pub fn reads(&self) -> Vec<&Arc<Read>> {
        let mut reads: Vec<&Arc<Read>> = match &self.seen {
            Seen::Never => Vec::new(),
            Seen::Whole => vec![&self.rows],
            Seen::Marked(marks) => marks.iter().map(|mark| &mark.rows).collect(),
        };
        reads.extend(self.gone.iter().map(|gone| &gone.told.rows));
        reads
    }
}

/// What is watched of one table.
pub(super) struct Table<'w> {
    /// As [`Watch::name`], without what stands behind it for a link table.
    pub(super) path: &'w str,
    pub(super) linked: bool,
    /// Names of the row's own key.
    pub(super) key: Vec<String>,
    /// Names of what leads up, and of a link table of what leads down.
    pub(super) up: Vec<String>,
    pub(super) down: Vec<String>,
    pub(super) matching: Match,
    pub(super) changed_at: Option<&'w At<ChangedAt>>,
    pub(super) tombstones: Option<&'w At<Tombstones>>,
    /// Whether something else tells of its deleted rows.
    pub(super) is_told: bool,
}

impl Table<'_> {
    /// As [`Watch::name`].
    pub(super) fn name(&self) -> String {
        format!("{}{}", self.path, if self.linked { LINK } else { "" })
    }
}

impl<'a> Planner<'a> {
    /// How a table is watched; `None` when a column is missing, which was reported.
    pub(super) fn watch(&mut self, table: &Table<'_>, set: &ColumnSet<'a>) -> Option<Watch> {
        let (info, from) = match (table.linked, set.link) {
            (false, _) => (set.info, set.from.clone()),
            (true, Some((name, info))) => (info, From::Table(name.to_owned())),
            (true, None) => return None,
        };
        let mut columns = Columns { info, zone: set.zone(), chosen: Vec::new() };
        let (up, down) = (columns.all(&table.up)?, columns.all(&table.down)?);
        let key = columns.all(&table.key)?;
        let name = table.name();
        let shown = if name.is_empty() { self.job.file.index.as_str() } else { name.as_str() };
        let meets = |at: &usize| {
            let ty = columns.chosen.get(*at).map(|column| column.ty);
            table.matching == Match::Uuid && matches!(ty, Some(Type::Binary | Type::Any))
        };
        let uuids = up.iter().copied().filter(meets).collect();
        let rows = Read::all(shown, from, columns.chosen, key);
        let rows = Read { uuids, ..rows };
        let seen = match table.changed_at.map(|changed_at| (&**changed_at, changed_at.place())) {
            None => Seen::Never,
            Some((ChangedAt::None, _)) => Seen::Whole,
            Some((ChangedAt::Columns(columns), place)) => {
                let marks =
                    columns.iter().map(|column| self.mark(&rows, (column, place), (info, set)));
                Seen::Marked(marks.collect::<Option<_>>()?)
            }
        };
        let gone = match table.tombstones {
            Some(gone) => self.gone(table, gone, (&rows, info, set)),
            None => None,
        };
        self.entomb(table, (info, &rows.from), set.source);
        let overlap = SignedDuration::try_from(set.source.overlap).unwrap_or(SignedDuration::MAX);
        Some(Watch { name, rows: Arc::new(rows), up, down, overlap, seen, gone })
    }

    /// The rows by that column, the latest first.
    pub(super) fn mark(
        &mut self,
        rows: &Read,
        (changed, place): (&ChangedColumn, Option<Place>),
        (info, set): (&TableInfo, &ColumnSet<'_>),
    ) -> Option<Mark> {
        let column = info.column(&changed.column)?;
        let zone = set.zone().cloned();
        let encoding = match encoding(column.ty, changed.cast, zone.as_ref()) {
            Ok(encoding) => encoding,
            Err(hint) => {
                let what = format!("`{}` is {}: no instant", changed.column, column.native);
                self.report(Finding::error(what).code(Code::ChangedAtType).hint(hint), place);
                return None;
            }
        };
        let mut columns = rows.columns.clone();
        let known = columns.iter().position(|known| known.name == changed.column);
        let at = known.unwrap_or(columns.len());
        if known.is_none() {
            columns.push(ReadColumn {
                zone,
                nullable: column.nullable,
                ..ReadColumn::new(&column.name, column.ty, &column.native)
            });
        }
        let rest = rows.key.iter().copied().filter(|key| *key != at);
        let key = std::iter::once(at).chain(rest).collect();
        // Rows that change while they are read come behind the end that is read first: the run comes to its own end.
        let rows = Read { columns, key, backward: true, ..rows.clone() };
        Some(Mark { rows: Arc::new(rows), encoding })
    }
}

/// Columns of one table, without repetitions.
pub(super) struct Columns<'i> {
    pub(super) info: &'i TableInfo,
    pub(super) zone: Option<&'i TimeZone>,
    pub(super) chosen: Vec<ReadColumn>,
}

impl Columns<'_> {
    pub(super) fn all(&mut self, names: &[String]) -> Option<Vec<usize>> {
        names.iter().map(|name| self.get(name)).collect()
    }

    fn get(&mut self, name: &str) -> Option<usize> {
        let known = self.chosen.iter().position(|known| known.name == name);
        if known.is_some() {
            return known;
        }
        let column = self.info.column(name)?;
        self.chosen.push(ReadColumn {
            zone: self.zone.cloned(),
            nullable: column.nullable,
            ..ReadColumn::new(&column.name, column.ty, &column.native)
        });
        Some(self.chosen.len() - 1)
    }
}

/// How a column of that type holds an instant, or what to do when it does not.
fn encoding(
    ty: Type,
    cast: Option<Cast>,
    zone: Option<&TimeZone>,
) -> Result<Encoding, &'static str> {
    const SECOND: i64 = 1;
    let local = || zone.cloned().unwrap_or(TimeZone::UTC);
    let zoned = |encoding: fn(TimeZone) -> Encoding| {
        zone.cloned().map(encoding).ok_or("declare the zone of its source: time_zone: Asia/Seoul")
    };
    match (ty, cast) {
        (Type::Timestamptz, None | Some(Cast::Timestamp)) => Ok(Encoding::Instant),
        (Type::Timestamp, None | Some(Cast::Timestamp)) => zoned(Encoding::Naive),
        // Days of UTC begin when those of New York have hours to go.
        (Type::Date, None | Some(Cast::Date)) => zoned(Encoding::Day),
        (Type::Integer | Type::Any, Some(Cast::EpochMillis)) => Ok(Encoding::Epoch(1_000)),
        (Type::Integer | Type::Any, Some(Cast::EpochMicros)) => Ok(Encoding::Epoch(1_000_000)),
        (Type::Integer, None | Some(Cast::Timestamp)) => Ok(Encoding::Epoch(SECOND)),
        (Type::Text | Type::Char, None | Some(Cast::Timestamp)) => Ok(Encoding::Text(local())),
        (Type::Any, None | Some(Cast::Timestamp)) => Ok(Encoding::Loose(local())),
        _ => Err(
            "changed_at takes dates, date-times, their texts, and seconds since 1970; {column: …, as: epoch_millis} or epoch_micros",
        ),
    }
}
