//! Reading as all servers share it: keyset pages, batches of keys, budgets and deadlines.
//!
//! Promises: at most one page in memory per call; a page's rows are decoded as they arrive, and reading stops at the bounds
//! it was given. What differs between servers is behind [`Server`] and [`Decoder`]. Never retries.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use async_trait::async_trait;
use futures::future::BoxFuture;
use futures::stream::{BoxStream, try_unfold};
use futures::{TryFutureExt, TryStreamExt};
use sqlx::SqlStr;
use tokio::time::timeout;

use super::connections::{Connections, said};
use super::horizon::{Moment, Told};
use super::keys::{self, KeyTable, Lookup};
use super::pace::Pace;
use super::range::{KeyRange, Slice};
use super::scan::{FIRST_ROWS, Scan};
use super::sql::{self, Dialect, End, Ends, Place, Side, Statement};
use super::{Answer, Budget, Fetched, From, PageSize, Read, ReadColumn, Source, fault};
use crate::config::SourceConfig;
use crate::row::{Key, Page, TableInfo, Type};

/// How much longer than the server a silent connection is waited for.
const GRACE: Duration = Duration::from_secs(5);

type Connection<S> = <<S as Server>::Db as sqlx::Database>::Connection;
type Arguments<S> = <<S as Server>::Db as sqlx::Database>::Arguments;
type Row<S> = <<S as Server>::Db as sqlx::Database>::Row;
/// One part of a row's key, as it is bound.
pub(super) type Part<S> = <<S as Server>::Decoder as Decoder>::Part;

/// What one kind of server adds.
#[async_trait]
pub(super) trait Server: Send + Sync + 'static {
    type Db: sqlx::Database;
    type Decoder: Decoder<Row = Row<Self>> + Send + Sync;
    const DIALECT: Dialect;

    fn connections(&self) -> &Connections<Self::Db>;

    /// As [`Source::describe`].
    async fn describe(connection: &mut Connection<Self>, from: &From) -> Result<Option<TableInfo>>;

    /// How many rows a read has by what the server knows without looking; `None` when it knows nothing.
    async fn guess(connection: &mut Connection<Self>, read: &Read) -> Result<Option<u64>>;

    /// As [`super::Survey::unseen_transactions`].
    async fn unseen_transactions(connection: &mut Connection<Self>) -> Result<Option<String>>;

    /// As [`Source::moment`].
    async fn moment(connection: &mut Connection<Self>) -> Result<Told>;

    /// The values of a statement.
    fn arguments(&self, values: Values<'_, Part<Self>>) -> Result<Arguments<Self>>;

    /// Sends a statement.
    fn send<'c>(
        connection: &'c mut Connection<Self>,
        text: SqlStr,
        arguments: Arguments<Self>,
    ) -> BoxStream<'c, sqlx::Result<Row<Self>>>;

    /// Has the server look at a statement without running it.
    fn prepare<'c>(
        connection: &'c mut Connection<Self>,
        text: SqlStr,
    ) -> BoxFuture<'c, sqlx::Result<()>>;

    /// Starts the statement's clock, where the server has none of its own.
    async fn begin(&self, _: &mut Connection<Self>) -> Result<()> {
        Ok(())
    }
}

/// What is bound to a statement.
pub(super) enum Values<'a, P> {
    None,
    /// The ends of a slice, at the statement's places.
    Slice(&'a Slice<P>, &'a [Place]),
    Keys(&'a KeyTable, &'a [Lookup]),
}

/// Turns one statement's rows into cells; made from the first of them, so that the choice by type is made once.
pub(super) trait Decoder: Sized {
    type Row: Send;
    /// One part of a row's key, as the server sent it.
    type Part: PartialEq + Send + Sync + std::convert::From<keys::Value>;

    /// # Errors
    /// When a column is of another type than described.
    fn new(columns: &[ReadColumn], row: &Self::Row) -> Result<Self>;

    /// Appends one row's cells.
    ///
    /// # Errors
    /// Names the column whose value cannot be decoded.
    fn row(&self, row: &Self::Row, page: &mut Page) -> Result<()>;

    /// The values of these columns, to be bound back.
    fn cursor(&self, row: &Self::Row, key: &[usize]) -> Result<Vec<Self::Part>>;

    /// Whether the column after the read's own says so.
    fn tied(&self, row: &Self::Row) -> bool;
}

/// A source on a server.
pub(super) struct Database<S> {
    pub(super) reader: Arc<Reader<S>>,
}

pub(super) struct Reader<S> {
    pub(super) server: S,
    pub(super) name: String,
    pub(super) pace: Pace,
    deadline: Duration,
}

/// Where reading ends before the rows do.
#[derive(Clone, Copy)]
pub(super) struct Bounds<'b> {
    pub(super) rows: usize,
    pub(super) budget: &'b Budget,
}

/// One statement's rows.
pub(super) struct Taken<P> {
    pub(super) page: Page,
    /// The last row's key.
    pub(super) last: Option<Vec<P>>,
    /// Reading ended at the bound of bytes.
    pub(super) stopped: bool,
}

impl<S: Server> Database<S> {
    pub(super) fn new(server: S, config: &SourceConfig) -> Self {
        let (name, pace) = (config.name.clone(), Pace::new(config.max_rows_per_second));
        let deadline = config.statement_timeout + GRACE;
        Self { reader: Arc::new(Reader { server, name, pace, deadline }) }
    }
}

#[async_trait]
impl<S: Server> Source for Database<S> {
    async fn describe(&self, from: &From) -> Result<Option<TableInfo>> {
        let described = self.reader.describe(from).await;
        described.with_context(|| match from {
            From::Table(table) => {
                format!("source `{}`: describing table `{table}`", self.reader.name)
            }
            From::Query(_) => format!("source `{}`: describing a query", self.reader.name),
        })
    }

    async fn prepare(&self, read: &Read) -> Result<()> {
        let prepared = self.reader.prepare(read).await;
        prepared.with_context(|| format!("source `{}`: `{}`", self.reader.name, read.path))
    }

    fn scan(
        &self,
        read: Arc<Read>,
        range: KeyRange,
        size: PageSize,
    ) -> BoxStream<'static, Result<Page>> {
        let reading =
            format!("source `{}`: `{}`: reading a page of rows", self.reader.name, read.path);
        let scan = Scan::new(Arc::clone(&self.reader), read, &range, size);
        let pages = try_unfold(Some(scan), async |scan| {
            let Some(scan) = scan else { return Ok(None) };
            let page = scan?.page().await?;
            Ok(page.map(|(page, rest)| (page, rest.map(Ok))))
        });
        Box::pin(pages.map_err(move |error: anyhow::Error| error.context(reading.clone())))
    }

    async fn step(&self, read: &Read, range: &KeyRange, rows: usize) -> Result<Option<Key>> {
        let found = self.reader.step(read, range, rows).await;
        found.with_context(|| {
            format!(
                "source `{}`: `{}`: looking for the end of a range",
                self.reader.name, read.path
            )
        })
    }

    async fn moment(&self) -> Result<Moment> {
        let moment = self.reader.moment().await;
        moment.with_context(|| {
            format!("source `{}`: its clock and open transactions", self.reader.name)
        })
    }

    async fn count_keyless(&self, read: &Read) -> Result<u64> {
        let reader = &self.reader;
        let Some(text) = sql::keyless(S::DIALECT, read) else { return Ok(0) };
        let count = [ReadColumn::new("count", Type::Integer, "bigint")];
        let plenty = Budget::new(usize::MAX);
        let counted = reader.run(
            Statement { text, places: Vec::new() },
            &count,
            &[],
            Values::None,
            Bounds { rows: 1, budget: &plenty },
        );
        let counted = counted.await.and_then(|taken| Ok(taken.page.cell(0, 0).text.parse()?));
        counted.with_context(|| {
            format!("source `{}`: `{}`: counting rows without a key", reader.name, read.path)
        })
    }

    async fn fetch_by_keys(&self, read: &Read, keys: &[Key], budget: &Budget) -> Result<Fetched> {
        let fetched = self.reader.fetch(read, keys, budget).await;
        fetched.with_context(|| {
            let by: Vec<&str> = read
                .by
                .iter()
                .filter_map(|&at| Some(read.columns.get(at)?.name.as_str()))
                .collect();
            let (source, path, by) = (&self.reader.name, &read.path, by.join(", "));
            format!("source `{source}`: `{path}`: looking up {} keys by {by}", keys.len())
        })
    }

    fn statement(&self, read: &Read) -> Result<String> {
        sql::statement(S::DIALECT, read, FIRST_ROWS)
    }
}

impl<S: Server> Reader<S> {
    async fn describe(&self, from: &From) -> Result<Option<TableInfo>> {
        let mut connection = self.server.connections().take().await?;
        let describing = async {
            self.server.begin(&mut connection).await?;
            S::describe(&mut connection, from).await
        };
        let described = self.in_time(describing).await?;
        connection.give_back();
        Ok(described)
    }

    /// The server's own deadline comes first; this one is for a server that has gone silent.
    pub(super) async fn in_time<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let done = timeout(self.deadline, work).await;
        done.unwrap_or_else(|_| Err(fault::silent(self.deadline)))
    }

    async fn prepare(&self, read: &Read) -> Result<()> {
        let mut texts = vec![sql::statement(S::DIALECT, read, 1)?];
        if read.by.is_empty() {
            let ends = |sides: [Side; 2]| {
                let [lower, upper] = sides.map(|side| Some(End::whole(side)));
                Ends { lower, upper }
            };
            let behind =
                if read.backward { [Side::From, Side::After] } else { [Side::After, Side::Until] };
            let next = sql::page(S::DIALECT, read, ends(behind), 1)?;
            let step = sql::nth(S::DIALECT, read, ends([Side::From, Side::Until]), 1)?;
            texts.extend([next.text, step.text]);
        }
        let mut connection = self.server.connections().take().await?;
        for text in texts {
            let preparing = S::prepare(&mut connection, sql::sent(text));
            self.in_time(preparing.map_err(said)).await?;
        }
        connection.give_back();
        Ok(())
    }

    async fn fetch(&self, read: &Read, keys: &[Key], budget: &Budget) -> Result<Fetched> {
        let lookups = lookups::<S>(read)?;
        let columns = meeting(read);
        let mut fetched = Fetched { answers: Vec::new(), complete: true };
        let size = keys::at_once(S::DIALECT, &lookups);
        let (mut asked, mut came) = (0, 0);
        while let Some(rest) = keys.get(asked..).filter(|rest| !rest.is_empty()) {
            let chunk = rest.get(..size.min(self.pace.keys(asked, came))).unwrap_or(rest);
            let these = asked..asked + chunk.len();
            asked = these.end;
            let mut table = KeyTable::of(&lookups, chunk.iter());
            if table.rows() == 0 {
                continue;
            }
            if S::DIALECT != Dialect::Postgres {
                // The last key again, up to a power of two: few statements to prepare.
                table.pad(table.rows().next_power_of_two());
            }
            let text = sql::lookup(S::DIALECT, read, &lookups, table.rows());
            let statement = Statement { text, places: Vec::new() };
            let values = Values::Keys(&table, &lookups);
            let bounds = Bounds { rows: usize::MAX, budget };
            let taken = self.run(statement, &columns, &read.key, values, bounds).await?;
            fetched.complete = !taken.stopped;
            came += taken.page.len();
            if !taken.page.is_empty() {
                fetched.answers.push(Answer { page: taken.page, keys: these });
            }
            if taken.stopped {
                break;
            }
        }
        Ok(fetched)
    }

    pub(super) async fn run(
        &self,
        statement: Statement,
        columns: &[ReadColumn],
        key: &[usize],
        values: Values<'_, Part<S>>,
        bounds: Bounds<'_>,
    ) -> Result<Taken<Part<S>>> {
        let (after, expected) = match &values {
            // The cursor's own row comes again.
            Values::Slice(slice, _) if slice.after.is_some() => {
                (slice.after.as_deref(), bounds.rows.saturating_add(1))
            }
            Values::Slice(..) | Values::None => (None, bounds.rows),
            Values::Keys(keys, _) => (None, keys.keys),
        };
        self.pace.turn(expected).await;
        let mut connection = self.server.connections().take().await?;
        let arguments = self.server.arguments(values)?;
        let reading = async {
            self.server.begin(&mut connection).await?;
            let rows = S::send(&mut connection, sql::sent(statement.text), arguments);
            collect::<S>(rows, (columns, key), after, bounds).await
        };
        let taken = self.in_time(reading).await?;
        self.pace.came(expected, taken.page.len() + usize::from(after.is_some()));
        if !taken.stopped {
            connection.give_back();
        }
        Ok(taken)
    }
}

/// How the columns of `by` are looked up.
fn lookups<S: Server>(read: &Read) -> Result<Vec<Lookup>> {
    let by = read.by.iter().filter_map(|&at| read.columns.get(at));
    by.map(|column| Lookup::of(S::DIALECT, column, read.matching)).collect()
}

async fn collect<S: Server>(
    mut rows: BoxStream<'_, sqlx::Result<Row<S>>>,
    (columns, key): (&[ReadColumn], &[usize]),
    after: Option<&[Part<S>]>,
    bounds: Bounds<'_>,
) -> Result<Taken<Part<S>>> {
    let mut page = Page::new(columns.len());
    let (mut decoder, mut last, mut met, mut stopped) = (None, None, false, false);
    while let Some(row) = rows.try_next().await.map_err(said)? {
        let decoder = match &decoder {
            Some(decoder) => decoder,
            None => decoder.insert(S::Decoder::new(columns, &row)?),
        };
        if let Some(after) = after
            && decoder.tied(&row)
        {
            // The last page's last row comes again, and alone.
            if met || decoder.cursor(&row, key)? != after {
                return Err(fault::shared_key(columns, key));
            }
            met = true;
            continue;
        }
        let before = page.bytes();
        decoder.row(&row, &mut page).with_context(|| fault::row_name(&page, key))?;
        fault::key_is_decoded(columns, &page, key)?;
        last = Some(row);
        stopped = !bounds.budget.take(page.bytes() - before);
        if stopped || page.len() >= bounds.rows {
            break;
        }
    }
    let last = match (&decoder, &last) {
        (Some(decoder), Some(row)) => Some(decoder.cursor(row, key)?),
        _ => None,
    };
    Ok(Taken { page, last, stopped })
}

/// The columns as they are decoded: bytes that are UUIDs come out as UUIDs, to meet those of other services.
pub(super) fn meeting(read: &Read) -> Cow<'_, [ReadColumn]> {
    let mut columns = Cow::Borrowed(read.columns.as_slice());
    for &at in &read.uuids {
        if read.columns.get(at).is_some_and(|c| matches!(c.ty, Type::Binary | Type::Any))
            && let Some(column) = columns.to_mut().get_mut(at)
        {
            column.ty = Type::Uuid;
        }
    }
    columns
}
