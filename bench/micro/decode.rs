//! Rows of a SQLite file as pages of cells, and the conversions that a job asks for with `as`.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use criterion::{Criterion, Throughput};
use futures::TryStreamExt;
use prejoin::config::Config;
use prejoin::row::{Cast, Cell, Kind, Page, Type};
use prejoin::source::{From, KeyRange, PageSize, Read, ReadColumn, Source, open};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, QueryBuilder, Sqlite};
use tokio::runtime::Runtime;

use crate::orders::{LINE_ITEMS, ORDERS, Table};

const KEYS: u64 = 4_000;
const VALUES: u64 = 1_000;

pub(crate) fn all(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("orders.sqlite");
    runtime.block_on(fill(&file));
    let source = runtime.block_on(async { opened(folder.path(), &file) });
    let mut group = criterion.benchmark_group("decode");
    for table in [&ORDERS, &LINE_ITEMS] {
        let read = read(table);
        let (rows, bytes) = scan(&runtime, source.as_ref(), &read);
        group.throughput(Throughput::ElementsAndBytes { elements: rows, bytes });
        group.bench_function(format!("SQLite, {}", table.name), |bencher| {
            bencher.iter(|| measured_scan(&runtime, source.as_ref(), &read));
        });
    }
    for (cast, values) in casts() {
        group.throughput(Throughput::Elements(VALUES));
        group.bench_function(format!("{cast:?} of text").to_lowercase(), |bencher| {
            bencher.iter(|| measured_cast(cast, &values));
        });
    }
    group.finish();
}

#[inline(never)]
fn measured_scan(runtime: &Runtime, source: &dyn Source, read: &Arc<Read>) -> (u64, u64) {
    black_box(scan(runtime, source, read))
}

/// Counts rows and bytes of all pages.
fn scan(runtime: &Runtime, source: &dyn Source, read: &Arc<Read>) -> (u64, u64) {
    let size = PageSize { rows: 4_000, bytes: 16 << 20 };
    let pages = source.scan(Arc::clone(read), KeyRange::default(), size);
    let counted = pages.try_fold((0, 0), async |(rows, bytes), page: Page| {
        Ok((rows + page.len() as u64, bytes + page.bytes() as u64))
    });
    runtime.block_on(counted).unwrap()
}

#[inline(never)]
fn measured_cast(cast: Cast, values: &[String]) {
    let mut out = String::new();
    for text in values {
        out.clear();
        cast.apply(Cell { kind: Kind::Text, text }, None, &mut out).unwrap();
        black_box(&out);
    }
}

fn casts() -> [(Cast, Vec<String>); 3] {
    let values = |value: fn(u64) -> String| (0..VALUES).map(value).collect();
    [
        (Cast::Decimal, values(|at| format!("{}.{:02}", at * 911, at % 100))),
        (Cast::Date, values(|at| format!("2026-{:02}-{:02}", at % 12 + 1, at % 28 + 1))),
        (Cast::Timestamp, values(|at| format!("2026-01-{:02}T10:20:30.5+09:00", at % 28 + 1))),
    ]
}

async fn fill(file: &Path) {
    let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    for table in [&ORDERS, &LINE_ITEMS] {
        let columns = table.columns.iter().map(|(name, ty)| match ty {
            Type::Integer => format!("{name} integer not null"),
            _ => format!("{name} text not null"),
        });
        let key = table.columns.iter().take(table.key).map(|(name, _)| *name);
        let key = key.collect::<Vec<_>>().join(", ");
        let columns = columns.collect::<Vec<_>>().join(", ");
        let create = format!("create table {} ({columns}, primary key ({key}))", table.name);
        QueryBuilder::<Sqlite>::new(create).build().execute(&mut connection).await.unwrap();
        let rows: Vec<_> = (1..=KEYS).flat_map(table.rows).collect();
        for rows in rows.chunks(1_000) {
            let mut insert = QueryBuilder::<Sqlite>::new(format!("insert into {} ", table.name));
            insert.push_values(rows, |mut row, values| {
                for value in values {
                    row.push_bind(value);
                }
            });
            insert.build().execute(&mut connection).await.unwrap();
        }
    }
    connection.close().await.unwrap();
}

/// As a user configures it.
fn opened(home: &Path, file: &Path) -> Arc<dyn Source> {
    std::fs::create_dir(home.join("config")).unwrap();
    let text = format!("sources: {{orders: {{kind: sqlite, path: {}}}}}", file.display());
    std::fs::write(home.join("config/default.yaml"), text).unwrap();
    let config = Config::load(home, None).unwrap();
    open(config.sources.get("orders").unwrap()).unwrap()
}

fn read(table: &Table) -> Arc<Read> {
    let columns = table.columns.iter().map(|(name, ty)| {
        let ty = if *ty == Type::Integer { *ty } else { Type::Text };
        ReadColumn::new(name, ty, "")
    });
    let from = From::Table(table.name.to_owned());
    Arc::new(Read::all(table.name, from, columns.collect(), (0..table.key).collect()))
}
